/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of the door may register: a control group of his own that
 * nobody watches, with none above or below it that is watched. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "record/door_priv.h"

static bool
knows_group(const struct client *c, uint64_t id)
{
	for (size_t i = 0; i < c->n_groups; i++)
		if (c->groups[i] == id)
			return true;
	return false;
}

/* Events of a group that is watched twice would reach one of the two. */
static bool
overlaps(const struct serving *s, const struct client *c)
{
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++) {
		const struct client *other = &s->clients[i];

		if (other != c && other->state != CLIENT_NONE &&
		    other->n_groups != 0 &&
		    (knows_group(other, c->groups[0]) ||
			knows_group(c, other->groups[0])))
			return true;
	}
	return false;
}

/* Not asked of the file system itself: what was sent may lie in one that never
 * answers. 0 for anything but a folder of the v2 hierarchy. */
static uint64_t
group_id(const struct serving *s, int fd, uid_t *ret_owner)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		STATX_TYPE | STATX_INO | STATX_UID, &st) != 0 ||
	    makedev(st.stx_dev_major, st.stx_dev_minor) != s->d->cgroup_dev ||
	    (st.stx_mode & S_IFMT) != S_IFDIR)
		return 0;
	*ret_owner = st.stx_uid;
	return st.stx_ino;
}

/* Which groups this one lies in. */
static bool
climb(const struct serving *s, struct client *c)
{
	_cleanup_(closep) int fd = -1;
	uid_t owner;

	while (c->n_groups < LIMIT_LOADER_DEPTH) {
		int up = openat(fd >= 0 ? fd : c->cgroup_fd, "..",
		    O_PATH | O_DIRECTORY | O_CLOEXEC);
		uint64_t id = up >= 0 ? group_id(s, up, &owner) : 0;

		closep(&fd);
		fd = up;
		if (id == 0 || id == c->groups[c->n_groups - 1])
			return true;
		c->groups[c->n_groups++] = id;
	}
	return false;
}

int
door_group_claim(const struct serving *s, struct client *c, struct error *err)
{
	uid_t owner = (uid_t)-1;
	uint64_t id = group_id(s, c->cgroup_fd, &owner);

	if (id == 0)
		return error_set(err, -EINVAL,
		    "what was sent is no control group (v2) of this host");
	if (c->uid != 0 && c->uid != owner)
		return error_set(err, -EPERM,
		    "the control group belongs to somebody else");
	c->groups[0] = id;
	c->n_groups = 1;
	if (!climb(s, c))
		return error_set(err, -ELOOP,
		    "the control group lies too deep");
	if (!overlaps(s, c))
		return 0;
	c->n_groups = 0;
	return error_set(err, -EBUSY,
	    "the control group, or one above or below it, is watched already");
}
