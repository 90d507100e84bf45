/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots for tests. */
#include "snapshot/make.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "snapshot/write.h"
#include "sys/fd.h"
#include "sys/message.h"

#define NOW_S 1790000000

static int
add(struct snapshot_writer *w, struct snapshot_worker *worker, struct str one,
    size_t order, int spool, struct error *err)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct channel in, out;
	struct message m;
	struct str why = STR_NONE;
	int fds[2], rc;

	if (fd_socketpair(fds, err) != 0) {
		arena_free(a);
		return err->code;
	}
	channel_init(&out, fds[0]);
	channel_init(&in, fds[1]);
	message_begin(&out, 1);
	rc = snapshot_worker_put(worker, one, NOW_S, a, &out, err);
	if (rc == 0)
		rc = message_send(&out, err);
	if (rc == 0)
		rc = channel_flush(&out, err);
	if (rc == 0 && channel_recv(&in, &m, err) == 1)
		rc = snapshot_writer_take(w, &m, order, spool, &why, err);
	if (rc == 1)
		rc = error_set(err, -EINVAL, "document %zu: %.*s", order,
		    STR_ARG(why));
	channel_done(&in);
	channel_done(&out);
	arena_free(a);
	return rc;
}

int
snapshot_make(const struct make_input *in, int *ret_fd, struct error *err)
{
	_cleanup_(closep) int spool = memfd_create("spool", MFD_CLOEXEC);
	_cleanup_(closep) int fd = memfd_create("snapshot", MFD_CLOEXEC);
	struct snapshot_worker *worker;
	struct snapshot_writer *w;
	int rc = 0;

	if (spool < 0 || fd < 0)
		return error_errno(err, "memfd_create");
	worker = snapshot_worker_new(spool, in->dictionary);
	w = snapshot_writer_new();
	for (size_t i = 0; i < in->n && rc == 0; i++)
		rc = add(w, worker, in->documents[i], i, spool, err);
	for (size_t i = 0; in->registries != NULL && in->registries[i] != NULL;
	     i += 2)
		snapshot_writer_registry(w, str_of(in->registries[i]),
		    str_of(in->registries[i + 1]));
	if (rc == 0)
		rc = snapshot_writer_finish(w, in->dictionary, in->built_at_s,
		    fd, err);
	snapshot_worker_free(worker);
	snapshot_writer_free(w);
	if (rc == 0)
		*ret_fd = steal_fd(&fd);
	return rc;
}
