/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An analysis as the dynamic-analysis document of OpenSSF Package Analysis:
 *
 *	{Package: {Ecosystem, Name, Version}, CreatedTimestamp: Unix seconds,
 *	 Analysis: {PHASE: {Status, Stdout, Stderr: base64 of the last 4096
 *	 bytes, Files[], Sockets[], Commands[], DNS[]}}}
 *
 * Its phases are install, import and execute: ours are gathered under them.
 * As there, what failed counts as what succeeded, and lists are in the order
 * of first sight. Runs in show.
 */
#include <errno.h>
#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/str.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "verdict/report.h"

#define OUTPUT_TAIL_BYTES 4096
#define NS_PER_SECOND     1000000000

/* Names of one address, by first sight. */
struct named {
	struct str name;
	struct named *next, *last; /* last: of the first one alone */
};

struct exported {
	struct reader *r;
	struct json *j;
	int phase; /* of names[] */
	struct arena *arena;
	struct map *hosts; /* address: struct named */
	struct map *pairs; /* address, NUL, name: what hosts has */
	struct error *err;
};

static const char *const names[] = { "install", "import", "execute" };

/* Which of names[] a phase of ours belongs to; a watch for children belongs to
 * what it followed. */
#define GATHERED \
	"WITH own AS (SELECT id, stdout_sha256, stderr_sha256, status, " \
	"CASE WHEN trigger IN ('install', 'build') THEN 0 " \
	"WHEN trigger = 'import' THEN 1 WHEN trigger = 'child' THEN NULL " \
	"ELSE 2 END AS kind FROM phase WHERE baseline = 0), " \
	"gathered AS (SELECT id, stdout_sha256, stderr_sha256, status, " \
	"coalesce(kind, (SELECT b.kind FROM own b WHERE b.id < own.id " \
	"AND b.kind IS NOT NULL ORDER BY b.id DESC LIMIT 1), 0) AS kind " \
	"FROM own WHERE coalesce(status, '') <> 'skipped') "
#define OF_KIND "phase IN (SELECT id FROM gathered WHERE kind = ?1) "

/* Opening for writing is writing: O_WRONLY, O_RDWR or O_CREAT. */
static const char files_sql[] = GATHERED
    ", seen AS (SELECT id, path, "
    "op = 'read' OR (op IN ('open', 'create') AND "
    "coalesce(flags, op = 'create') & 3 IN (0, 2)) AS r, "
    "op IN ('create', 'write', 'truncate', 'mknod', 'symlink') OR "
    "(op = 'open' AND coalesce(flags, 0) & 67 NOT IN (0)) AS w, "
    "op IN ('unlink', 'rmdir', 'rename') AS d FROM file_event "
    "WHERE op NOT IN ('mmap-exec', 'memfd', 'mkdir', 'chmod', 'chown', 'link') "
    "AND path IS NOT NULL AND " OF_KIND
    "UNION ALL SELECT id, path2, 0, 1, 0 FROM file_event "
    "WHERE op IN ('rename', 'link') AND path2 IS NOT NULL AND " OF_KIND ") "
    "SELECT path, max(r), max(w), max(d) FROM seen GROUP BY path "
    "ORDER BY min(id)";

/* Names that an address was resolved from are the sink's to say. */
static const char sockets_sql[] = GATHERED
    "SELECT address, port FROM socket_event WHERE op IN ('bind', 'connect', "
    "'send') AND family IN (2, 10) AND address IS NOT NULL AND " OF_KIND
    "GROUP BY address, port ORDER BY min(id)";
/* Who was told an address and never reached it, as getaddrinfo(3) which only
 * tries routes, has the name as well. Only addresses count among the words of
 * an answer to ANY: nobody asks for the others. */
static const char hosts_sql[] =
    "SELECT address, name FROM ("
    "SELECT address, name, at FROM connection "
    "UNION ALL SELECT answer, name, at FROM dns_query) "
    "WHERE address IS NOT NULL AND name IS NOT NULL "
    "GROUP BY address, name ORDER BY min(at), name";

static const char commands_sql[] = GATHERED
    "SELECT argv, env FROM exec_event WHERE argv IS NOT NULL AND " OF_KIND
    "GROUP BY argv, env ORDER BY min(id)";

static const char dns_sql[] =
    GATHERED "SELECT name, group_concat(DISTINCT type) FROM dns_query "
	     "WHERE " OF_KIND "GROUP BY name ORDER BY min(id)";

static int
begin(struct exported *e, const char *sql, sqlite3_stmt **ret)
{
	int rc = reader_prepare(e->r, sql, ret, e->err);

	if (rc == 0)
		(void)sqlite3_bind_int(*ret, 1, e->phase);
	return rc;
}

static void
put_base64(struct json *j, struct str bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
				     "pqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)bytes.p;
	char text[(OUTPUT_TAIL_BYTES + 2) / 3 * 4];
	size_t n = 0;

	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t have = bytes.n - i;
		unsigned v = (unsigned)p[i] << 16;

		v |= have > 1 ? (unsigned)p[i + 1] << 8 : 0;
		v |= have > 2 ? (unsigned)p[i + 2] : 0;
		text[n++] = digits[v >> 18];
		text[n++] = digits[v >> 12 & 63];
		text[n++] = have > 1 ? digits[v >> 6 & 63] : '=';
		text[n++] = have > 2 ? digits[v & 63] : '=';
	}
	json_str(j, str_n(text, n));
}

/* The end of what the phases printed, in their order. column: 0 or 1. */
static int
put_output(struct exported *e, const char *key, int column)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	struct buf out;
	int rc = begin(e,
	    GATHERED "SELECT stdout_sha256, stderr_sha256 FROM gathered "
		     "WHERE kind = ?1 ORDER BY id",
	    &st);

	buf_init(&out, LIMIT_OUTPUT_KEPT_BYTES + OUTPUT_TAIL_BYTES);
	while (rc == 0 && (rc = reader_step(e->r, st, e->err)) == 1) {
		struct str hash = reader_str(st, column);

		rc = hash.p != NULL ? reader_blob(e->r, hash, &out, e->err) : 0;
		rc = rc > 0 ? 0 : rc; /* not kept */
		if (out.n > OUTPUT_TAIL_BYTES)
			buf_consume(&out, out.n - OUTPUT_TAIL_BYTES);
	}
	json_key(e->j, key);
	put_base64(e->j, buf_str(&out));
	buf_done(&out);
	return rc;
}

static void
put_file(struct exported *e, sqlite3_stmt *st)
{
	static const char *const members[] = { "Path", "Read", "Write",
		"Delete" };

	json_key(e->j, members[0]);
	json_str(e->j, reader_str(st, 0));
	for (int i = 1; i < 4; i++) {
		json_key(e->j, members[i]);
		json_bool(e->j, reader_int(st, i) == 1);
	}
}

static int
add_name(struct exported *e, struct str address, struct str name)
{
	struct named *first = map_get(e->hosts, address), *n;
	struct buf pair;
	int added;

	buf_init(&pair, address.n + name.n + 1);
	buf_put_str(&pair, address);
	buf_putc(&pair, '\0');
	buf_put_str(&pair, name);
	added = map_put(e->pairs, buf_str(&pair), e);
	buf_done(&pair);
	if (added < 0)
		return error_set(e->err, added,
		    "more than %d names of addresses", LIMIT_EXPORT_NAMES);
	if (added > 0)
		return 0; /* has it */
	n = arena_alloc(e->arena, sizeof(*n));
	n->name = arena_str(e->arena, name);
	if (first == NULL) {
		n->last = n;
		(void)map_put(e->hosts, address, n);
		return 0;
	}
	first->last->next = n;
	first->last = n;
	return 0;
}

/* Asking per socket would be as much work as sockets times names, both of
 * which a package has as many of as it likes. */
static int
read_hosts(struct exported *e)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = reader_prepare(e->r, hosts_sql, &st, e->err);

	while (rc == 0 && (rc = reader_step(e->r, st, e->err)) == 1) {
		struct str words = reader_str(st, 0), word;

		rc = 0;
		while (rc == 0 && words.n > 0 && str_cut(&words, ' ', &word))
			rc = add_name(e, word, reader_str(st, 1));
	}
	return rc;
}

static void
put_socket(struct exported *e, sqlite3_stmt *st)
{
	struct str address = reader_str(st, 0);
	int64_t port = reader_int(st, 1);

	json_key(e->j, "Address");
	json_str(e->j, address);
	json_key(e->j, "Port");
	json_int(e->j, port == FACT_NONE ? 0 : port);
	json_key(e->j, "Hostnames");
	json_array_begin(e->j);
	for (const struct named *n = map_get(e->hosts, address); n != NULL;
	     n = n->next)
		json_str(e->j, n->name);
	json_array_end(e->j);
}

/* NUL after each. */
static void
put_words(struct json *j, const char *key, struct str words)
{
	struct str word;

	json_key(j, key);
	json_array_begin(j);
	while (words.n > 0 && str_cut(&words, '\0', &word))
		json_str(j, word);
	json_array_end(j);
}

static void
put_command(struct exported *e, sqlite3_stmt *st)
{
	put_words(e->j, "Command", reader_str(st, 0));
	put_words(e->j, "Environment", reader_str(st, 1));
}

static void
put_query(struct exported *e, sqlite3_stmt *st)
{
	struct str types = reader_str(st, 1), type;

	json_key(e->j, "Hostname");
	json_str(e->j, reader_str(st, 0));
	json_key(e->j, "Types");
	json_array_begin(e->j);
	while (types.n > 0 && str_cut(&types, ',', &type))
		json_str(e->j, type);
	json_array_end(e->j);
}

static int
put_list(struct exported *e, const char *key, const char *sql,
    void (*put)(struct exported *, sqlite3_stmt *))
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = begin(e, sql, &st), more;

	if (rc != 0)
		return rc;
	json_key(e->j, key);
	json_array_begin(e->j);
	while ((more = reader_step(e->r, st, e->err)) == 1) {
		json_object_begin(e->j);
		put(e, st);
		json_object_end(e->j);
	}
	json_array_end(e->j);
	return more;
}

/* One entry per class of questions; the sink knows one class. */
static int
put_dns(struct exported *e)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = begin(e, dns_sql, &st);

	if (rc == 0)
		rc = reader_step(e->r, st, e->err);
	if (rc < 0)
		return rc;
	json_key(e->j, "DNS");
	json_array_begin(e->j);
	if (rc == 0) {
		json_array_end(e->j);
		return 0;
	}
	json_object_begin(e->j);
	json_key(e->j, "Class");
	json_strz(e->j, "IN");
	rc = put_list(e, "Queries", dns_sql, put_query);
	json_object_end(e->j);
	json_array_end(e->j);
	return rc;
}

/* The worst of them. */
static const char status_sql[] = GATHERED
    "SELECT CASE max(CASE status WHEN 'completed' THEN 1 WHEN 'failed' THEN 2 "
    "WHEN 'timeout' THEN 3 ELSE 4 END) WHEN 1 THEN 'completed' "
    "WHEN 2 THEN 'error_analysis' WHEN 3 THEN 'error_timeout' "
    "ELSE 'error_other' END FROM gathered WHERE kind = ?1 HAVING count(*) > 0";

static int
put_phase(struct exported *e)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = begin(e, status_sql, &st);

	if (rc == 0)
		rc = reader_step(e->r, st, e->err);
	if (rc != 1)
		return rc; /* no such phase */
	json_key(e->j, names[e->phase]);
	json_object_begin(e->j);
	json_key(e->j, "Status");
	json_str(e->j, reader_str(st, 0));
	rc = put_output(e, "Stdout", 0);
	if (rc == 0)
		rc = put_output(e, "Stderr", 1);
	if (rc == 0)
		rc = put_list(e, "Files", files_sql, put_file);
	if (rc == 0)
		rc = put_list(e, "Sockets", sockets_sql, put_socket);
	if (rc == 0)
		rc = put_list(e, "Commands", commands_sql, put_command);
	if (rc == 0)
		rc = put_dns(e);
	json_object_end(e->j);
	return rc;
}

static int
put_package(struct exported *e)
{
	static const char *const members[] = { "Ecosystem", "Name", "Version" };
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int64_t started;
	int rc = reader_prepare(e->r,
	    "SELECT ecosystem, name, version, started_at FROM run", &st,
	    e->err);

	if (rc == 0)
		rc = reader_step(e->r, st, e->err);
	if (rc == 0)
		return error_set(e->err, -EINVAL, "the run file has no run");
	if (rc < 0)
		return rc;
	json_key(e->j, "Package");
	json_object_begin(e->j);
	for (int i = 0; i < 3; i++) {
		struct str s = reader_str(st, i);

		json_key(e->j, members[i]);
		json_str(e->j, s.p != NULL ? s : STR_LIT(""));
	}
	json_object_end(e->j);
	started = reader_int(st, 3);
	json_key(e->j, "CreatedTimestamp");
	json_int(e->j, started == FACT_NONE ? 0 : started / NS_PER_SECOND);
	return 0;
}

int
report_ossf(struct reader *r, struct buf *out, struct error *err)
{
	struct json j;
	struct exported e = { .r = r,
		.j = &j,
		.arena = arena_new(LIMIT_ARENA_BYTES),
		.hosts = map_new(LIMIT_EXPORT_NAMES),
		.pairs = map_new(LIMIT_EXPORT_NAMES),
		.err = err };
	int rc;

	json_init(&j, out, 0);
	json_object_begin(&j);
	rc = put_package(&e);
	if (rc == 0)
		rc = read_hosts(&e);
	json_key(&j, "Analysis");
	json_object_begin(&j);
	for (; e.phase < (int)(sizeof(names) / sizeof(names[0])) && rc == 0;
	     e.phase++)
		rc = put_phase(&e);
	json_object_end(&j);
	json_object_end(&j);
	buf_putc(out, '\n');
	map_free(e.pairs);
	map_free(e.hosts);
	arena_free(e.arena);
	if (rc == 0 && out->full)
		return error_set(err, -EFBIG, "the document is too large");
	return rc;
}
