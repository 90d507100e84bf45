/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report snapshot: what older snapshots hold. They may come from
 * anywhere, so a confined child looks (confined.h).
 */
#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cmd/confined.h"
#include "cmd/report-snapshot.h"
#include "snapshot/delta.h"
#include "snapshot/snapshot.h"
#include "snapshot/write.h"

static int
work_built_at(const void *arg, struct channel *c, struct error *err)
{
	struct snapshot_info info;
	struct snapshot *s;
	int rc = snapshot_open(*(const int *)arg, &s, err);

	if (rc != 0)
		return rc;
	snapshot_info(s, &info);
	message_begin(c, CONFINED_GOOD);
	message_put_int(c, info.built_at_s);
	return message_send(c, err);
}

int
old_built_at(int fd, int64_t *ret_at_s, struct error *err)
{
	struct channel c = { .fd = -1 };
	struct message m;
	int64_t at_s = 0;
	int rc = confined_run(work_built_at, &fd, &fd, 1, &c, &m, err);

	if (rc == 0) {
		at_s = message_get_int(&m);
		rc = message_end(&m, err);
	}
	channel_done(&c);
	if (rc == 0)
		*ret_at_s = at_s;
	return rc;
}

static int
work_dictionary(const void *arg, struct channel *c, struct error *err)
{
	struct str dictionary;
	struct snapshot *s;
	int rc = snapshot_open(*(const int *)arg, &s, err);

	if (rc == 0)
		rc = snapshot_dictionary(s, &dictionary, err);
	if (rc != 0)
		return rc;
	message_begin(c, CONFINED_GOOD);
	message_put_str(c, dictionary);
	return message_send(c, err);
}

int
old_dictionary(const char *path, struct buf *ret, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct channel c = { .fd = -1 };
	struct message m;
	int rc;

	buf_init(ret, 2 * (size_t)SNAPSHOT_DICTIONARY_BYTES);
	if (fd < 0)
		return error_errno(err, "%s", path);
	rc = confined_run(work_dictionary, &fd, &fd, 1, &c, &m, err);
	if (rc == 0) {
		buf_put_str(ret, message_get_str(&m));
		rc = message_end(&m, err);
	}
	channel_done(&c);
	if (rc == 0 && ret->full)
		rc = error_set(err, -EFBIG, "its dictionary is too large");
	return rc == 0 ? 0 : error_wrap(err, "%s", path);
}

struct delta_work {
	int from, to, out;
};

/* Of snapshots alone: anything else is refused. */
static int
map_snapshot(int fd, const char *what, struct str *ret, struct error *err)
{
	struct snapshot *s;

	if (snapshot_open(fd, &s, err) != 0)
		return error_wrap(err, "%s", what);
	return confined_map(fd, ret, err);
}

static int
work_delta(const void *arg, struct channel *c, struct error *err)
{
	const struct delta_work *w = arg;
	struct str from, to;
	int rc = map_snapshot(w->from, "the old snapshot", &from, err);

	if (rc == 0)
		rc = map_snapshot(w->to, "the new snapshot", &to, err);
	if (rc == 0)
		rc = delta_make(from, to, w->out, err);
	if (rc != 0)
		return rc;
	message_begin(c, CONFINED_GOOD);
	return message_send(c, err);
}

int
old_delta(int from, int to, int out, struct error *err)
{
	const struct delta_work w = { from, to, out };
	struct channel c = { .fd = -1 };
	struct message m;
	int rc = confined_run(work_delta, &w, &w.from, 3, &c, &m, err);

	if (rc == 0)
		rc = message_end(&m, err);
	channel_done(&c);
	return rc;
}
