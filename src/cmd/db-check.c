/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret db: files from elsewhere are looked into by a child that has given
 * everything up but its descriptors (confined.h).
 */

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/confined.h"
#include "cmd/db.h"
#include "snapshot/delta.h"
#include "snapshot/snapshot.h"

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
	int rc = confined_map(*(const int *)arg, &json, err);

	if (rc == 0)
		rc = latest_parse(a, json, &l, err);
	if (rc != 0)
		return rc;
	message_begin(c, CONFINED_GOOD);
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
	int rc = confined_run(work_latest, &fd, &fd, 1, &c, &m, err);

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
	int rc = confined_map(w->from_fd, &from, err);

	if (rc == 0)
		rc = confined_map(w->delta_fd, &delta, err);
	if (rc == 0)
		rc = check_sha256(delta, w->sha256, err);
	if (rc == 0)
		rc = delta_apply(from, delta, w->out_fd, err);
	if (rc != 0)
		return rc;
	message_begin(c, CONFINED_GOOD);
	return message_send(c, err);
}

int
db_check_delta(int from_fd, int delta_fd, const uint8_t *delta_sha256,
    int out_fd, struct error *err)
{
	struct delta_work w = { from_fd, delta_fd, out_fd, delta_sha256 };
	const int fds[] = { from_fd, delta_fd, out_fd };
	struct channel c = { 0 };
	struct message m;
	int rc =
	    confined_run(work_delta, &w, fds, N_ELEMENTS(fds), &c, &m, err);

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
	if (confined_map(k->signature_fd, &signature, err) != 0)
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
	int rc = confined_map(k->fd, &file, err);

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
	message_begin(c, CONFINED_GOOD);
	message_put_int(c, info.built_at_s);
	message_put_int(c, info.n_records);
	message_put_str(c, str_n(info.id, sizeof(info.id)));
	return message_send(c, err);
}

int
db_check_snapshot(const struct db_check *k, struct db_found *ret,
    struct error *err)
{
	const int fds[] = { k->fd, k->key != NULL ? k->signature_fd : -1 };
	struct channel c = { 0 };
	struct message m;
	int rc =
	    confined_run(work_snapshot, k, fds, N_ELEMENTS(fds), &c, &m, err);

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
	int rc = confined_map(fd, &bytes, err);

	if (rc != 0)
		return rc;
	sha256_of(bytes, ret);
	confined_unmap(&bytes);
	return 0;
}
