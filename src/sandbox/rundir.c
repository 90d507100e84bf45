/* SPDX-License-Identifier: Apache-2.0 */
/* Run folders: made and swept. Runs in supervisors. */
#include "sandbox/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/shift.h"
#include "sys/fd.h"
#include "sys/paths.h"

#define DRAWS 64 /* tries to find a free slot among some thousands */

/* Takes the lock of a folder that nobody holds and removes it. */
static void
sweep_one(const char *parent, const char *name)
{
	char path[RUNDIR_PATH_BYTES + 256], lock[sizeof(path) + 8];
	_cleanup_(closep) int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s", parent, name);
	(void)snprintf(lock, sizeof(lock), "%s/lock", path);
	fd = open(lock, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return;
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
		return;
	rundir_remove(path);
}

/* Under the lock of the parent: nobody is between mkdir and flock. */
static void
sweep(const char *parent)
{
	DIR *d = opendir(parent);
	const struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			sweep_one(parent, e->d_name);
	(void)closedir(d);
}

/* A name in the abstract namespace: goes away with its last descriptor. 1:
 * somebody has it. */
static int
claim(struct rundir *r, struct error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n;

	r->claim = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->claim < 0)
		return error_errno(err, "socket");
	n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1,
	    "lazaret-sandbox-%s", r->name);
	if (bind(r->claim, (const struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		    (size_t)n)) == 0)
		return 0;
	closep(&r->claim);
	return errno == EADDRINUSE ? 1 : error_errno(err, "bind");
}

static int
make_one(const char *parent, unsigned slot, struct rundir *r, struct error *err)
{
	char lock[RUNDIR_PATH_BYTES + 8];
	int rc;

	r->slot = slot;
	(void)snprintf(r->name, sizeof(r->name), "%03x", r->slot);
	if ((size_t)snprintf(r->path, sizeof(r->path), "%s/%s", parent,
		r->name) >= sizeof(r->path))
		return error_set(err, -ENAMETOOLONG, "%s is too long", parent);
	rc = claim(r, err);
	if (rc != 0)
		return rc;
	if (mkdir(r->path, 0700) != 0) {
		closep(&r->claim);
		if (errno == EEXIST)
			return 1;
		return error_errno(err, "cannot make %s", r->path);
	}
	(void)snprintf(lock, sizeof(lock), "%s/lock", r->path);
	r->lock = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (r->lock < 0 || flock(r->lock, LOCK_EX | LOCK_NB) != 0)
		return error_errno(err, "%s", lock);
	return 0;
}

/* Slots that layers have been copied for come first: 1 if all are taken, or
 * there are none, as on most hosts. */
static int
make_copied(const char *state, const char *parent, struct rundir *r,
    struct error *err)
{
	char name[4];
	int rc = 1;

	for (size_t i = 0; rc == 1 && shift_slot(state, i, name, err) == 0; i++)
		rc = make_one(parent,
		    (unsigned)strtoul(name, NULL, 16) % RUNDIR_SLOTS, r, err);
	return rc;
}

static int
make_drawn(const char *parent, struct rundir *r, struct error *err)
{
	uint32_t draw;

	if (getrandom(&draw, sizeof(draw), 0) != (ssize_t)sizeof(draw))
		return error_errno(err, "getrandom");
	return make_one(parent, draw % RUNDIR_SLOTS, r, err);
}

int
rundir_make(const char *state, struct rundir *ret, struct error *err)
{
	char parent[RUNDIR_PATH_BYTES - 16], lock[RUNDIR_PATH_BYTES];
	_cleanup_(closep) int guard = -1;
	int rc;

	*ret = (struct rundir){ .lock = -1, .claim = -1 };
	rc = paths_get(PATHS_RUNTIME, state, parent, sizeof(parent) - 9, err);
	if (rc != 0)
		return rc;
	memcpy(parent + strlen(parent), "/sandbox", 9);
	rc = paths_make(parent, 0700, err);
	if (rc != 0)
		return rc;
	(void)snprintf(lock, sizeof(lock), "%s/.lock", parent);
	guard = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (guard < 0 || flock(guard, LOCK_EX) != 0)
		return error_errno(err, "%s", lock);
	sweep(parent);
	rc = make_copied(state, parent, ret, err);
	for (int i = 0; i < DRAWS && rc == 1; i++)
		rc = make_drawn(parent, ret, err);
	if (rc == 1)
		return error_set(err, -EBUSY,
		    "no free range of user ids: too many sandboxes in %s",
		    parent);
	return rc;
}

int
rundir_note(const struct rundir *r, const char *lines, struct error *err)
{
	char file[RUNDIR_PATH_BYTES + 8];
	_cleanup_(closep) int fd = -1;

	(void)snprintf(file, sizeof(file), "%s/paths", r->path);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "%s", file);
	return fd_write_all(fd, lines, strlen(lines), err);
}

uint32_t
rundir_uid_base(const struct rundir *r)
{
	if (r->uid_base != 0)
		return r->uid_base;
	return RUNDIR_UID_FIRST + r->slot * RUNDIR_UID_COUNT;
}

void
rundir_done(struct rundir *r)
{
	closep(&r->lock);
	closep(&r->claim);
}
