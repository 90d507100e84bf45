/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role collect: reads OSV documents, loose and in archives, for `lazaret
 * report snapshot`, and tells it what they say. May read the paths that were
 * named, and write to the spool it was given; nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/vec.h"
#include "role/collect_priv.h"
#include "snapshot/collect.h"
#include "snapshot/write.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "sys/sha256.h"

/* Samples for the dictionary: more makes it slower, not better. */
#define SAMPLE_BYTES (3 * (size_t)MIB)
#define MAX_SEEN     50000000

struct input {
	int64_t number;
	enum collect_kind kind;
	char *path; /* owned */
};

struct sample {
	struct str bytes; /* in the arena of samples */
	uint64_t hash;
};

struct collect {
	struct channel channel;
	struct snapshot_worker *worker;
	struct arena *arena; /* of the document at hand */
	struct map *seen; /* SHA-256 of what was read: archives overlap */
	VEC(struct input) inputs;
	VEC(char *) paths;
	enum collect_mode mode;
	int64_t which, of, now_s;
	struct buf dictionary;
	const struct input *at;
	/* Samples are the names whose hash is a multiple of `every`. */
	VEC(struct sample) samples;
	struct arena *kept;
	size_t sample_bytes;
	uint64_t every;
};

static uint64_t
name_hash(struct str path)
{
	ptrdiff_t slash = str_rchr(path, '/');
	uint64_t h = str_hash(str_sub(path, (size_t)(slash + 1), path.n));

	return (h ^ h >> 32) * 0x9e3779b97f4a7c15u >> 20;
}

/* --- documents ---------------------------------------------------------------
 */

static int
send_document(struct collect *c, const struct zip_member *m, struct str bytes,
    const char *why, struct error *err)
{
	uint8_t digest[SHA256_BYTES];
	int rc = 0;

	if (why == NULL) {
		sha256_of(bytes, digest);
		if (map_put(c->seen, str_n(digest, sizeof(digest)), c) == 1)
			return 0;
	}
	message_begin(&c->channel, COLLECT_DOCUMENT);
	message_put_int(&c->channel, c->at->number);
	message_put_int(&c->channel, m != NULL ? m->number : 0);
	message_put_str(&c->channel, m != NULL ? m->name : STR_NONE);
	if (why != NULL)
		snapshot_worker_refuse(&c->channel, why);
	else
		rc = snapshot_worker_put(c->worker, bytes, c->now_s, c->arena,
		    &c->channel, err);
	arena_reset(c->arena);
	if (rc == 0)
		rc = message_send(&c->channel, err);
	if (rc != -EMSGSIZE)
		return rc;
	message_begin(&c->channel, COLLECT_DOCUMENT);
	message_put_int(&c->channel, c->at->number);
	message_put_int(&c->channel, m != NULL ? m->number : 0);
	message_put_str(&c->channel, m != NULL ? m->name : STR_NONE);
	snapshot_worker_refuse(&c->channel,
	    "it has more versions than a snapshot takes of one document");
	return message_send(&c->channel, err);
}

/* Half of the samples go when there are too many: which ones depends on their
 * names alone, not on the order in which they came. */
static void
add_sample(struct collect *c, struct str name, struct str bytes)
{
	struct sample s = { .hash = name_hash(name) };
	size_t used = 0;

	s.bytes = arena_str(c->kept, bytes);
	vec_push(&c->samples, s);
	c->sample_bytes += bytes.n;
	while (c->sample_bytes > SAMPLE_BYTES && c->samples.n > 1) {
		c->every *= 2;
		used = 0;
		c->sample_bytes = 0;
		for (size_t i = 0; i < c->samples.n; i++) {
			if (c->samples.v[i].hash % c->every != 0)
				continue;
			c->samples.v[used++] = c->samples.v[i];
			c->sample_bytes += c->samples.v[i].bytes.n;
		}
		c->samples.n = used;
	}
}

static int
take_document(struct collect *c, const struct zip_member *m, struct str bytes,
    const char *why, struct error *err)
{
	if (c->mode == COLLECT_ALL)
		return send_document(c, m, bytes, why, err);
	if (why == NULL)
		add_sample(c, m != NULL ? m->name : str_of(c->at->path), bytes);
	return 0;
}

static int
on_document(void *data, const struct zip_member *m, struct str bytes,
    const char *why, struct error *err)
{
	return take_document(data, m, bytes, why, err);
}

static bool
wants(void *data, struct str name)
{
	const struct collect *c = data;

	if (c->mode == COLLECT_SAMPLE)
		return name_hash(name) % c->every == 0;
	return (int64_t)(name_hash(name) % (uint64_t)c->of) == c->which;
}

/* --- inputs ------------------------------------------------------------------
 */

static int
read_file(struct collect *c, int fd, struct error *err)
{
	struct error why = ERROR_INIT;
	struct buf b;
	int rc;

	/* One byte more than a document may have, so that it is refused. */
	buf_init(&b, 17 * (size_t)MIB);
	rc = fd_read_all(fd, &b, &why);
	if (rc == 0)
		rc = take_document(c, NULL,
		    b.n != 0 ? buf_str(&b) : STR_LIT(""), NULL, err);
	else if (rc == -EFBIG)
		rc = take_document(c, NULL, STR_NONE,
		    "larger than a document may be (16 MiB)", err);
	else
		rc = error_set(err, -EBADF, "%s", why.msg);
	buf_done(&b);
	return rc;
}

static int
read_zip(struct collect *c, int fd, struct error *err)
{
	struct zip_walk w = { .data = c,
		.wants = wants,
		.document = on_document };
	struct stat st;
	void *p;
	int rc;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return error_set(err, -EBADMSG, "it is empty, or no file");
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return error_errno(err, "mapping the archive");
	rc = zip_walk(&w, str_n(p, (size_t)st.st_size), err);
	(void)munmap(p, (size_t)st.st_size);
	return rc;
}

/* Errors of the world (pipe, spool) are -EPIPE, -EIO; all others are about
 * the input. */
static int
read_input(struct collect *c, const struct input *in, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct error why = ERROR_INIT;
	int rc;

	c->at = in;
	if (in->kind == COLLECT_FILE && c->mode == COLLECT_SAMPLE &&
	    !wants(c, str_of(in->path)))
		return 0;
	fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		rc = error_errno(&why, "it cannot be opened");
	else if (in->kind == COLLECT_ZIP)
		rc = read_zip(c, fd, &why);
	else
		rc = read_file(c, fd, &why);
	if (rc == 0 || rc == -EPIPE || rc == -EIO)
		return rc == 0 ? 0 : error_set(err, rc, "%s", why.msg);
	message_begin(&c->channel, COLLECT_FAILED);
	message_put_int(&c->channel, in->number);
	message_put_str(&c->channel, str_of(why.msg));
	return message_send(&c->channel, err);
}

static int
by_hash(const void *pa, const void *pb)
{
	const struct sample *a = pa, *b = pb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return str_cmp(a->bytes, b->bytes);
}

static int
send_dictionary(struct collect *c, struct error *err)
{
	VEC(size_t) sizes = { 0 };
	struct buf all, dictionary;

	buf_init(&all, 2 * SAMPLE_BYTES + 17 * (size_t)MIB);
	if (c->samples.n > 1)
		qsort(c->samples.v, c->samples.n, sizeof(*c->samples.v),
		    by_hash);
	for (size_t i = 0; i < c->samples.n; i++) {
		buf_put_str(&all, c->samples.v[i].bytes);
		vec_push(&sizes, c->samples.v[i].bytes.n);
	}
	snapshot_train(buf_str(&all), sizes.v, (unsigned)sizes.n, &dictionary);
	message_begin(&c->channel, COLLECT_DICTIONARY);
	message_put_str(&c->channel, buf_str(&dictionary));
	buf_done(&all);
	buf_done(&dictionary);
	vec_done(&sizes);
	return message_send(&c->channel, err);
}

static int
run(struct collect *c, struct error *err)
{
	int rc = 0;

	c->arena = arena_new(LIMIT_ARENA_BYTES);
	c->kept = arena_new(16384ll * MIB);
	c->seen = map_new(MAX_SEEN);
	c->every = 1;
	if (c->mode == COLLECT_ALL)
		c->worker = snapshot_worker_new(COLLECT_SPOOL_FD,
		    buf_str(&c->dictionary));
	for (size_t i = 0; i < c->inputs.n && rc == 0; i++)
		rc = read_input(c, &c->inputs.v[i], err);
	if (rc == 0 && c->mode == COLLECT_SAMPLE)
		rc = send_dictionary(c, err);
	if (rc == 0) {
		message_begin(&c->channel, COLLECT_DONE);
		rc = message_send(&c->channel, err);
	}
	return rc == 0 ? channel_flush(&c->channel, err) : rc;
}

/* --- from the supervisor
 * ------------------------------------------------------- */

static void
take_input(struct collect *c, struct message *m)
{
	struct input in = { .number = message_get_int(m) };

	in.kind =
	    message_get_int(m) == COLLECT_ZIP ? COLLECT_ZIP : COLLECT_FILE;
	in.path = mem_strndup(message_get_str(m));
	vec_push(&c->inputs, in);
}

static void
take_start(struct collect *c, struct message *m)
{
	c->mode =
	    message_get_int(m) == COLLECT_SAMPLE ? COLLECT_SAMPLE : COLLECT_ALL;
	c->which = message_get_int(m);
	c->of = message_get_int(m);
	c->now_s = message_get_int(m);
	buf_put_str(&c->dictionary, message_get_str(m));
	if (c->of < 1)
		m->bad = true;
}

/* 0: all was said. */
static int
take_orders(struct collect *c, struct error *err)
{
	struct message m;
	bool started = false;
	int rc = 0;

	while (!started && (rc = channel_recv(&c->channel, &m, err)) == 1) {
		if (m.type == COLLECT_PATH)
			vec_push(&c->paths, mem_strndup(message_get_str(&m)));
		else if (m.type == COLLECT_INPUT)
			take_input(c, &m);
		else
			take_start(c, &m);
		started = m.type == COLLECT_START;
		rc = message_end(&m, err);
		if (rc != 0)
			return rc;
	}
	if (!started)
		return rc < 0 ? rc : error_set(err, -EPIPE, "no orders");
	vec_push(&c->paths, NULL);
	return 0;
}

int
main(void)
{
	struct lockdown l = { .rights = LOCKDOWN_READ_FILES };
	struct collect c = { .of = 1 };
	struct error err = ERROR_INIT;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	channel_init(&c.channel, COLLECT_CONTROL_FD);
	buf_init(&c.dictionary, 2 * (size_t)SNAPSHOT_DICTIONARY_BYTES);
	rc = take_orders(&c, &err);
	l.read_paths = (const char *const *)c.paths.v;
	if (rc == 0)
		rc = lockdown(&l, &err);
	if (rc == 0)
		rc = run(&c, &err);
	if (rc != 0)
		(void)fprintf(stderr, "lazaret: collect: %s\n", err.msg);
	/* The process ends here: what it holds goes with it. */
	_exit(rc != 0);
}
