/* SPDX-License-Identifier: Apache-2.0 */
/* A walk by two processes: the other one sends what it found. Runs in `lazaret
 * report export`. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/export_walk_priv.h"
#include "sys/fd.h"
#include "sys/message.h"

#define MESSAGE_FILE 1

static void __attribute__((noreturn))
child(struct walk *w, const struct export_tree *trees, size_t n, int fd)
{
	struct error err = ERROR_INIT;
	struct channel c;
	int rc;

	w->share = 1;
	rc = export_walk_narrow(w, &err);
	if (rc == 0)
		rc = export_walk_share(w, trees, n, &err);
	channel_init(&c, fd);
	for (size_t i = 0; i <= w->files->n && rc == 0; i++) {
		bool end = i == w->files->n; /* a death says less than this */
		struct export_file f = { .path = NULL };

		if (!end)
			f = w->files->v[i];
		message_begin(&c, MESSAGE_FILE);
		message_put_str(&c, end ? STR_NONE : str_of(f.path));
		message_put_int(&c, f.folder_mtime_ns);
		message_put_int(&c, f.folder_inode);
		rc = message_send(&c, &err);
	}
	if (rc == 0)
		rc = channel_flush(&c, &err);
	if (rc != 0)
		fatal("report export: %s", err.msg);
	_exit(0);
}

static int
receive(int fd, struct export_files *files, struct error *err)
{
	struct channel c;
	struct message m;
	bool ended = false;
	int rc;

	channel_init(&c, fd);
	while (!ended && (rc = channel_recv(&c, &m, err)) == 1) {
		struct str path = message_get_str(&m);
		struct export_file f = { .path = NULL };

		f.folder_mtime_ns = message_get_int(&m);
		f.folder_inode = message_get_int(&m);
		rc = message_end(&m, err);
		if (rc != 0)
			break;
		ended = path.p == NULL;
		if (ended)
			break;
		if (!export_path_valid(path)) {
			rc = error_set(err, -EPROTO, "bad path of a report");
			break;
		}
		f.path = mem_array(path.n + 1, 1);
		memcpy(f.path, path.p, path.n);
		vec_push(files, f);
	}
	channel_done(&c);
	if (!ended && rc == 0)
		rc = error_set(err, -EPIPE, "half of the reports was not read");
	return rc;
}

/* Both halves are in order; `all` becomes the caller's. */
static void
merge(struct export_files *a, struct export_files *b, struct export_files *all)
{
	size_t i = 0, k = 0;

	while (i < a->n || k < b->n) {
		bool first = k == b->n ||
		    (i < a->n &&
			export_path_cmp(str_of(a->v[i].path),
			    str_of(b->v[k].path)) < 0);

		vec_push(all, first ? a->v[i++] : b->v[k++]);
	}
	vec_done(a);
	vec_done(b);
}

int
export_merge_walks(struct walk *w, const struct export_tree *trees, size_t n,
    struct export_files *ret, struct error *err)
{
	struct export_files mine = { .n = 0 }, others = { .n = 0 };
	int pair[2], rc, rc_other;
	pid_t pid;

	if (fd_socketpair(pair, err) != 0)
		return err->code;
	(void)fflush(stdout);
	w->files = &mine;
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		child(w, trees, n, pair[1]);
	}
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return error_errno(err, "fork");
	}
	rc = export_walk_share(w, trees, n, err);
	rc_other = receive(pair[0], &others, rc == 0 ? err : NULL);
	(void)waitpid(pid, NULL, 0);
	merge(&mine, &others, ret);
	return rc != 0 ? rc : rc_other;
}
