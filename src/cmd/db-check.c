/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret db: files from elsewhere are looked into by a child that has given
 * everything up but its descriptors. It answers with one message.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/db.h"
#include "snapshot/delta.h"
#include "snapshot/snapshot.h"
#include "sys/fd.h"
#include "sys/lockdown.h"

/* What a child does; on success it has sent its answer. */
typedef int work_fn(const void *arg, struct channel *c, struct error *err);

enum answer {
	ANSWER_GOOD = 1, /* what the work put */
	ANSWER_BAD, /* {int code, str sentence} */
};

/* An empty file maps to an empty string. */
static int
map_file(int fd, struct str *ret, struct error *err)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0)
		return error_errno(err, "the file");
	*ret = STR_LIT("");
	if (st.st_size <= 0)
		return 0;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return error_errno(err, "mapping the file");
	*ret = str_n(p, (size_t)st.st_size);
	return 0;
}

static void __attribute__((noreturn))
child(work_fn *work, const void *arg, int fd)
{
	struct lockdown l = { .rights = LOCKDOWN_PURE };
	struct error err = ERROR_INIT;
	struct channel c;
	int rc;

	channel_init(&c, fd);
	rc = lockdown(&l, &err);
	if (rc == 0)
		rc = work(arg, &c, &err);
	if (rc != 0) {
		message_begin(&c, ANSWER_BAD);
		message_put_int(&c, rc);
		message_put_str(&c, str_of(err.msg));
		(void)message_send(&c, NULL);
	}
	rc = channel_flush(&c, NULL);
	_exit(rc != 0);
}

/* The error that a child gave. */
static int
take_bad(struct message *m, struct error *err)
{
	int64_t code = message_get_int(m);
	struct str sentence = message_get_str(m);

	if (message_end(m, err) != 0)
		return err->code;
	return error_set(err, code < 0 && code > -4096 ? (int)code : -EBADMSG,
	    "%.*s", STR_ARG(sentence));
}

/* Starts the work; *c gives its answer, *m is it. The caller ends both. */
static int
confined(work_fn *work, const void *arg, struct channel *c, struct message *m,
    struct error *err)
{
	int fds[2], rc, status;
	pid_t pid;

	(void)fflush(stdout);
	(void)fflush(stderr);
	if (fd_socketpair(fds, err) != 0)
		return err->code;
	pid = fork();
	if (pid < 0)
		return error_errno(err, "fork");
	if (pid == 0)
		child(work, arg, fds[1]);
	(void)close(fds[1]);
	channel_init(c, fds[0]);
	rc = channel_recv(c, m, err);
	if (rc == 0)
		rc = error_set(err, -EPIPE,
		    "the process that looks at the file ended before its time");
	else if (rc == 1)
		rc = m->type == ANSWER_GOOD ? 0 : take_bad(m, err);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return rc;
}

/* --- latest.json -----------------------------------------------------------
 */

static void
put_file(struct channel *c, const struct latest_file *f)
{
	message_put_str(c, f->name);
	message_put_int(c, (int64_t)f->size);
	message_put_str(c, str_n(f->sha256, sizeof(f->sha256)));
}

static int
work_latest(const void *arg, struct channel *c, struct error *err)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct latest l;
	struct str json;
	int rc = map_file(*(const int *)arg, &json, err);

	if (rc == 0)
		rc = latest_parse(a, json, &l, err);
	if (rc != 0)
		return rc;
	message_begin(c, ANSWER_GOOD);
	put_file(c, &l.snapshot);
	message_put_int(c, l.built_at_s);
	message_put_int(c, (int64_t)l.n_deltas);
	for (size_t i = 0; i < l.n_deltas; i++) {
		message_put_str(c,
		    str_n(l.deltas[i].from, sizeof(l.deltas[i].from)));
		put_file(c, &l.deltas[i].file);
	}
	return message_send(c, err);
}

static void
get_hash(struct message *m, uint8_t ret[SHA256_BYTES])
{
	struct str s = message_get_str(m);

	if (s.n != SHA256_BYTES)
		m->bad = true;
	else
		memcpy(ret, s.p, SHA256_BYTES);
}

static void
get_file(struct arena *a, struct message *m, struct latest_file *ret)
{
	ret->name = arena_str(a, message_get_str(m));
	ret->size = (uint64_t)message_get_int(m);
	get_hash(m, ret->sha256);
	/* It becomes a path: what the parser promised is looked at again. */
	if (ret->name.n == 0 || ret->name.p[0] == '.' ||
	    str_chr(ret->name, '/') >= 0)
		m->bad = true;
}

int
db_check_latest(int fd, struct arena *a, struct latest *ret, struct error *err)
{
	struct channel c = { 0 };
	struct message m;
	int rc = confined(work_latest, &fd, &c, &m, err);

	if (rc == 0) {
		int64_t n;

		get_file(a, &m, &ret->snapshot);
		ret->built_at_s = message_get_int(&m);
		n = message_get_int(&m);
		if (n < 0 || n > LATEST_MAX_DELTAS)
			m.bad = true;
		ret->n_deltas = m.bad ? 0 : (size_t)n;
		for (size_t i = 0; i < ret->n_deltas; i++) {
			get_hash(&m, ret->deltas[i].from);
			get_file(a, &m, &ret->deltas[i].file);
		}
		rc = message_end(&m, err);
	}
	channel_done(&c);
	return rc;
}

/* --- deltas ----------------------------------------------------------------
 */

struct delta_work {
	int from_fd, delta_fd, out_fd;
	const uint8_t *sha256;
};

static int
check_sha256(struct str bytes, const uint8_t *want, struct error *err)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(bytes, digest);
	if (memcmp(digest, want, sizeof(digest)) != 0)
		return error_set(err, -EBADMSG,
		    "its SHA-256 is not the one in latest.json");
	return 0;
}

static int
work_delta(const void *arg, struct channel *c, struct error *err)
{
	const struct delta_work *w = arg;
	struct str from, delta;
	int rc = map_file(w->from_fd, &from, err);

	if (rc == 0)
		rc = map_file(w->delta_fd, &delta, err);
	if (rc == 0)
		rc = check_sha256(delta, w->sha256, err);
	if (rc == 0)
		rc = delta_apply(from, delta, w->out_fd, err);
	if (rc != 0)
		return rc;
	message_begin(c, ANSWER_GOOD);
	return message_send(c, err);
}

int
db_check_delta(int from_fd, int delta_fd, const uint8_t *delta_sha256,
    int out_fd, struct error *err)
{
	struct delta_work w = { from_fd, delta_fd, out_fd, delta_sha256 };
	struct channel c = { 0 };
	struct message m;
	int rc = confined(work_delta, &w, &c, &m, err);

	if (rc == 0)
		rc = message_end(&m, err);
	channel_done(&c);
	return rc;
}

/* --- snapshots ---------------------------------------------------------------
 */

static int
check_signature(const struct db_check *k, struct str file, struct error *err)
{
	struct str signature;

	if (k->key == NULL)
		return 0;
	if (map_file(k->signature_fd, &signature, err) != 0)
		return err->code;
	return minisign_verify(k->key, signature, file, err);
}

static int
work_snapshot(const void *arg, struct channel *c, struct error *err)
{
	const struct db_check *k = arg;
	struct snapshot_info info;
	struct snapshot *s;
	struct str file;
	int rc = map_file(k->fd, &file, err);

	if (rc == 0 && k->sha256 != NULL)
		rc = check_sha256(file, k->sha256, err);
	if (rc == 0)
		rc = check_signature(k, file, err);
	if (rc == 0)
		rc = snapshot_open(k->fd, &s, err);
	if (rc == 0 && !k->light)
		rc = snapshot_verify(s, err);
	if (rc != 0)
		return rc;
	snapshot_info(s, &info);
	message_begin(c, ANSWER_GOOD);
	message_put_int(c, info.built_at_s);
	message_put_int(c, info.n_records);
	message_put_str(c, str_n(info.id, sizeof(info.id)));
	return message_send(c, err);
}

int
db_check_snapshot(const struct db_check *k, struct db_found *ret,
    struct error *err)
{
	struct channel c = { 0 };
	struct message m;
	int rc = confined(work_snapshot, k, &c, &m, err);

	if (rc == 0) {
		ret->built_at_s = message_get_int(&m);
		ret->n_records = (uint32_t)message_get_int(&m);
		get_hash(&m, ret->id);
		rc = message_end(&m, err);
	}
	channel_done(&c);
	return rc;
}

int
db_sha256(int fd, uint8_t ret[SHA256_BYTES], struct error *err)
{
	struct str bytes;
	int rc = map_file(fd, &bytes, err);

	if (rc != 0)
		return rc;
	sha256_of(bytes, ret);
	if (bytes.n != 0)
		(void)munmap((void *)(uintptr_t)bytes.p, bytes.n);
	return 0;
}
