/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of an export, as an object store serves them: entity tags, parts,
 * sums. Runs in role listener, which can open nothing: the supervisor opens
 * below the folder and passes descriptors.
 *
 * Life of a request: asks (at most some at once; others queue) -> descriptor
 * -> sums, known from before or made piece by piece between other work ->
 * answered. What is not there is looked for in the snapshot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "serve/entity.h"
#include "serve/protocol.h"
#include "serve/server_priv.h"
#include "sys/clock.h"

/* Files whose sums are remembered: more than an export has large ones. */
#define REMEMBERED 256

/* A file at one time. */
struct key {
	dev_t dev;
	ino_t ino;
	int64_t size, mtime_ns;
};

/* A file being hashed; requests wait for it. */
struct job {
	struct key key;
	int fd; /* owned */
	int64_t at;
	struct entity_sums *sums;
	struct job *next;
};

struct hashes {
	struct {
		struct key key;
		struct entity entity;
	} known[REMEMBERED];
	size_t n_known, next;
	struct job *jobs;
	char piece[LIMIT_SERVE_HASH_BYTES];
};

static void
not_found(struct connection *c)
{
	answer_error(&c->server->answer, 404, 404,
	    STR_LIT("there is no such file"));
}

/* --- files ------------------------------------------------------------------
 */

static const char *
media_type(struct str path)
{
	static const struct {
		const char *end, *type;
	} rows[] = { { ".json", "application/json" },
		{ ".zip", "application/zip" }, { ".csv", "text/csv" },
		{ ".gz", "application/gzip" },
		{ ".atom", "application/atom+xml" },
		{ ".txt", "text/plain; charset=utf-8" } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (str_ends(path, rows[i].end))
			return rows[i].type;
	return "application/octet-stream";
}

static void
answer_file(struct connection *c, const struct entity *e)
{
	struct answer *a = &c->server->answer;

	answer_reset(a);
	a->media_type = media_type(str_of(c->opening.path));
	entity_answer(e, http_request(c->http), a);
	if (a->status / 100 == 2) {
		a->file = steal_fd(&c->opening.fd);
	} else {
		closep(&c->opening.fd);
	}
	connection_answer(c);
}

static bool
same(const struct key *a, const struct key *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns;
}

static const struct entity *
find_known(const struct hashes *h, const struct key *k)
{
	for (size_t i = 0; i < h->n_known; i++)
		if (same(&h->known[i].key, k))
			return &h->known[i].entity;
	return NULL;
}

static void
remember(struct hashes *h, const struct key *k, const struct entity *e)
{
	size_t at = h->next++ % REMEMBERED;

	h->known[at].key = *k;
	h->known[at].entity = *e;
	h->n_known = MAX_OF(h->n_known, at + 1);
}

/* --- sums -------------------------------------------------------------------
 */

static struct hashes *
hashes_of(struct server *s)
{
	if (s->hashes == NULL)
		s->hashes = mem_alloc(sizeof(*s->hashes));
	return s->hashes;
}

static struct job *
job_of(struct hashes *h, const struct key *k, int fd)
{
	struct job **at = &h->jobs, *j;

	for (; *at != NULL; at = &(*at)->next)
		if (same(&(*at)->key, k))
			return *at;
	j = mem_alloc(sizeof(*j));
	j->key = *k;
	j->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	j->sums = entity_sums_new();
	*at = j;
	return j;
}

static void
job_free(struct job *j)
{
	closep(&j->fd);
	entity_sums_free(j->sums);
	free(j);
}

/* 1: whole; 0: more is left; negative: it cannot be read. */
static int
hash_piece(struct hashes *h, struct job *j)
{
	ssize_t n = pread(j->fd, h->piece, sizeof(h->piece), j->at);

	if (n < 0 || (n == 0 && j->at < j->key.size))
		return -EIO;
	entity_sums_add(j->sums, str_n(h->piece, (size_t)n));
	j->at += n;
	return j->at >= j->key.size;
}

/* Everybody who waits for the job is answered; e NULL: not found. */
static void
finish_job(struct server *s, struct job *j, const struct entity *e)
{
	struct connection *c = s->connections, *next;

	s->hashes->jobs = j->next;
	for (; c != NULL; c = next) {
		next = c->next;
		if (c->opening.job != j)
			continue;
		c->opening.job = NULL;
		if (e != NULL) {
			answer_file(c, e);
		} else {
			closep(&c->opening.fd);
			not_found(c);
			connection_answer(c);
		}
		connection_run(c);
	}
	job_free(j);
}

bool
bucket_work(struct server *s)
{
	struct job *j = s->hashes != NULL ? s->hashes->jobs : NULL;
	struct entity e;
	int rc;

	if (j == NULL)
		return false;
	rc = hash_piece(s->hashes, j);
	if (rc == 0)
		return true;
	if (rc > 0) {
		entity_sums_end(j->sums, j->key.size, j->key.mtime_ns, &e);
		remember(s->hashes, &j->key, &e);
	}
	finish_job(s, j, rc > 0 ? &e : NULL);
	return s->hashes->jobs != NULL;
}

void
bucket_done(struct server *s)
{
	struct job *j, *next;

	for (j = s->hashes != NULL ? s->hashes->jobs : NULL; j != NULL;
	     j = next) {
		next = j->next;
		job_free(j);
	}
	free(s->hashes);
	s->hashes = NULL;
}

/* --- from the snapshot -------------------------------------------------------
 */

/* <Ecosystem>/<ID>.json; the document is its own entity. */
static bool
from_snapshot(struct connection *c, struct str path)
{
	struct server *s = c->server;
	struct snapshot_info info;
	struct entity_sums *sums;
	struct entity e;
	ptrdiff_t slash = str_chr(path, '/');
	struct str name;

	if (slash < 1 || !str_ends(path, ".json"))
		return false;
	name = str_sub(path, (size_t)slash + 1, path.n - 5);
	if (str_chr(name, '/') >= 0 ||
	    api_object(&s->api, str_sub(path, 0, (size_t)slash), name,
		&s->answer) != 1)
		return false;
	if (s->answer.status != 200)
		return true;
	snapshot_info(s->db.snapshot, &info);
	sums = entity_sums_new();
	entity_sums_add(sums, buf_str(&s->answer.body));
	entity_sums_end(sums, (int64_t)s->answer.body.n,
	    info.built_at_s * NS_PER_SEC, &e);
	entity_sums_free(sums);
	entity_answer(&e, http_request(c->http), &s->answer);
	return true;
}

/* --- asking -----------------------------------------------------------------
 */

static void
ask(struct connection *c)
{
	struct server *s = c->server;
	struct channel *to = &s->supervisor;
	struct error err = ERROR_INIT;

	c->opening.id = ++s->last_id;
	message_begin(to, SERVE_OPEN);
	message_put_int(to, c->opening.id);
	message_put_str(to, str_of(c->opening.path));
	if (message_send(to, &err) != 0 || channel_flush(to, &err) != 0)
		s->stop = true; /* the supervisor is gone */
	s->n_opening++;
}

static void
ask_next(struct server *s)
{
	while (s->askers != NULL && s->n_opening < LIMIT_SERVE_OPENING) {
		struct connection *c = s->askers;

		s->askers = c->opening.next;
		if (s->askers == NULL)
			s->askers_end = &s->askers;
		c->opening.next = NULL;
		c->opening.queued = false;
		ask(c);
	}
}

void
bucket_forget(struct connection *c)
{
	struct server *s = c->server;
	struct connection **at = &s->askers;

	if (c->opening.queued) {
		while (*at != c)
			at = &(*at)->opening.next;
		*at = c->opening.next;
		if (*at == NULL)
			s->askers_end = at;
		c->opening.queued = false;
	}
	/* An answer that is under way finds nobody. */
	c->opening.id = 0;
	c->opening.job = NULL;
	closep(&c->opening.fd);
	free(c->opening.path);
	c->opening.path = NULL;
}

static struct connection *
find_asker(struct server *s, int64_t id)
{
	struct connection *c = s->connections;

	while (c != NULL && c->opening.id != id)
		c = c->next;
	return c;
}

/* In one piece, at once: most files are single documents. */
static void
answer_small(struct connection *c, const struct key *k)
{
	char *piece = c->server->hashes->piece;
	ssize_t n = pread(c->opening.fd, piece, LIMIT_SERVE_HASH_BYTES, 0);
	struct entity_sums *sums = entity_sums_new();
	struct entity e;

	if (n == k->size) {
		entity_sums_add(sums, str_n(piece, (size_t)n));
		entity_sums_end(sums, k->size, k->mtime_ns, &e);
		answer_file(c, &e);
	} else { /* it is being written */
		closep(&c->opening.fd);
		not_found(c);
		connection_answer(c);
	}
	entity_sums_free(sums);
}

/* The file is there: its sums may be known, soon made, or take a while. */
static void
opened(struct connection *c)
{
	struct hashes *h = hashes_of(c->server);
	const struct entity *known;
	struct stat st;
	struct key k;

	if (fstat(c->opening.fd, &st) != 0) {
		closep(&c->opening.fd);
		not_found(c);
		connection_answer(c);
		return;
	}
	k = (struct key){ st.st_dev, st.st_ino, st.st_size,
		st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec };
	known = find_known(h, &k);
	if (known != NULL) {
		answer_file(c, known);
		return;
	}
	if (k.size > LIMIT_SERVE_HASH_BYTES)
		c->opening.job = job_of(h, &k, c->opening.fd);
	else
		answer_small(c, &k);
}

void
bucket_file(struct server *s, int64_t id, int fd)
{
	struct connection *c = find_asker(s, id);

	s->n_opening--;
	if (c == NULL) {
		closep(&fd);
	} else {
		c->opening.id = 0;
		c->opening.fd = fd;
		answer_reset(&s->answer);
		if (fd >= 0) {
			opened(c);
		} else {
			if (!from_snapshot(c, str_of(c->opening.path)))
				not_found(c);
			connection_answer(c);
		}
		connection_run(c);
	}
	ask_next(s);
}

/* --- requests ---------------------------------------------------------------
 */

/* No empty part, nothing hidden, no way up; the supervisor's openat2 would not
 * follow one either. */
static bool
is_path(struct str path)
{
	struct str part;

	if (path.n == 0 || path.n > LIMIT_ARCHIVE_PATH_BYTES)
		return false;
	while (str_cut(&path, '/', &part))
		if (part.n == 0 || part.p[0] == '.')
			return false;
	return true;
}

int
bucket_request(struct connection *c, const struct http_request *r,
    struct str path)
{
	struct server *s = c->server;
	struct buf b;

	(void)r;
	/* The bucket's name, where clients put it into the path. */
	if (str_starts(path, "osv-vulnerabilities/"))
		path = str_sub(path, strlen("osv-vulnerabilities/"), path.n);
	buf_init(&b, LIMIT_SERVE_HEAD_BYTES);
	if (!http_decode(path, &b) || !is_path(buf_str(&b))) {
		not_found(c);
		buf_done(&b);
		return 0;
	}
	if (!s->options.bucket) {
		if (!from_snapshot(c, buf_str(&b)))
			not_found(c);
		buf_done(&b);
		return 0;
	}
	free(c->opening.path);
	c->opening.path = buf_steal(&b);
	c->opening.next = NULL;
	c->opening.queued = true;
	*s->askers_end = c;
	s->askers_end = &c->opening.next;
	ask_next(s);
	return 1;
}
