/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no producer knows alone: which package lies in a folder, which process
 * spoke on a connection. Runs in scribe at each sync; a list of statements,
 * each of which fills what is still NULL.
 */
#include <errno.h>
#include <stdio.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "runfile/database.h"
#include "runfile/writer.h"
#include "runfile/writer_priv.h"

/* Fewer are read as fast without an index as one is made. */
#define INDEX_ROWS 200

/* Package URL type per ecosystem token (DESIGN §1). */
static const struct {
	const char *ecosystem, *type;
} purl_types[] = {
	{ "npm", "npm" },
	{ "pypi", "pypi" },
	{ "rubygems", "gem" },
	{ "crates.io", "cargo" },
	{ "packagist", "composer" },
};

/* Everything but unreserved characters; '/' separates a namespace. */
static void
put_encoded(struct buf *b, struct str s, bool keep_slash)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789.-_~";

	for (size_t i = 0; i < s.n; i++)
		if ((keep_slash && s.p[i] == '/') ||
		    (s.p[i] != '\0' && strchr(plain, s.p[i]) != NULL))
			buf_putc(b, s.p[i]);
		else
			buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
}

int
writer_purl(struct str ecosystem, struct str name, struct str version,
    struct str *ret, char *room)
{
	struct buf b;
	int rc = -EINVAL;

	buf_init(&b, LIMIT_PURL_BYTES - 1);
	for (size_t i = 0; i < N_ELEMENTS(purl_types); i++) {
		if (!str_is(ecosystem, purl_types[i].ecosystem))
			continue;
		buf_printf(&b, "pkg:%s/", purl_types[i].type);
		put_encoded(&b, name, true);
		buf_putc(&b, '@');
		put_encoded(&b, version, false);
		rc = b.full ? -EINVAL : 0;
	}
	if (rc == 0) {
		memcpy(room, buf_str(&b).p, b.n + 1);
		*ret = str_n(room, b.n);
	}
	buf_done(&b);
	return rc;
}

static struct str
argument(sqlite3_value *v)
{
	const void *p = sqlite3_value_blob(v);

	return str_n(p, (size_t)sqlite3_value_bytes(v));
}

/* purl(ecosystem, name, version) */
static void
sql_purl(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	char room[LIMIT_PURL_BYTES];
	struct str s[3], purl;

	for (int i = 0; i < argc; i++) {
		if (sqlite3_value_type(argv[i]) == SQLITE_NULL)
			return;
		s[i] = argument(argv[i]);
	}
	if (writer_purl(s[0], s[1], s[2], &purl, room) == 0)
		sqlite3_result_text64(ctx, purl.p, purl.n, SQLITE_TRANSIENT,
		    SQLITE_UTF8);
}

/* SQL made of pieces of SQL: */
/* clang-format off */

#define SOCKET_KIND(protocol) \
	"CASE " protocol " WHEN 'tcp' THEN 1 WHEN 'udp' THEN 2 ELSE 3 END"
#define OF_THE_NET "s.process IS NOT NULL AND s.family IN (2, 10)"
#define WRITING    "s.process IS NOT NULL AND s.op IN ('connect', 'send')"

/* The last one before and the first one after, each the first of an index: a
 * package can make many of both, and the work must not be rows times rows.
 * ORDER BY of a correlated query cannot see the outer row: distance comes from
 * an inner one. */
#define NEAREST(row, condition) \
	"SELECT * FROM (SELECT s.id, s.process, s.package, " \
	row ".at - s.at AS distance FROM socket_event s " \
	"WHERE s.phase = " row ".phase AND " condition " " \
	"AND s.at <= " row ".at ORDER BY s.at DESC LIMIT 1) " \
	"UNION ALL " \
	"SELECT * FROM (SELECT s.id, s.process, s.package, " \
	"s.at - " row ".at AS distance FROM socket_event s " \
	"WHERE s.phase = " row ".phase AND " condition " " \
	"AND s.at > " row ".at ORDER BY s.at LIMIT 1)"

/* The socket of a connection: same phase, same end in the sandbox, nearest in
 * time; a socket that was never bound is known by whom it wrote to. Where the
 * socket's type is not known, it may be of any. */
#define AT_PORT(kind) \
	OF_THE_NET " AND s.local_port = connection.local_port " \
	"AND (s.type & 15) IS " kind
#define SOCKETS_AT_PORT \
	NEAREST("connection", AT_PORT(SOCKET_KIND("connection.protocol"))) \
	" UNION ALL " NEAREST("connection", AT_PORT("NULL"))
#define SOCKETS_TO(row, address, port, ns) \
	"SELECT * FROM (" \
	NEAREST(row, WRITING " AND s.address = " row "." address " " \
	    "AND s.port IS " port) ") WHERE distance < " ns
#define CONNECTION_FROM(sockets) \
	"UPDATE connection SET (process, package) = (SELECT process, " \
	"coalesce(connection.package, package) FROM (" sockets \
	" UNION ALL SELECT 0, NULL, NULL, 9223372036854775807) " \
	"ORDER BY distance, id LIMIT 1) WHERE process IS NULL"

#define FROM_CONNECTION(table) \
	"UPDATE " table " SET process = (SELECT c.process FROM connection c " \
	"WHERE c.id = " table ".connection), package = coalesce(package, " \
	"(SELECT c.package FROM connection c " \
	"WHERE c.id = " table ".connection)) WHERE process IS NULL " \
	"AND connection IS NOT NULL"

/* A descriptor may be passed on: what was said is charged to who sent last
 * over that socket before the sink had it, not to who connected it. */
#define LAST_SENDER(table, kind) \
	"SELECT * FROM (SELECT s.id, s.process, s.at FROM connection c " \
	"JOIN socket_event s ON s.phase = c.phase " \
	"AND s.local_port = c.local_port WHERE c.id = " table ".connection " \
	"AND s.op = 'send' AND " OF_THE_NET " AND (s.type & 15) IS " kind " " \
	"AND s.at BETWEEN c.at - 1000000000 AND " table ".at + 50000000 " \
	"ORDER BY s.at DESC LIMIT 1)"
#define FROM_SENDER(table) \
	"UPDATE " table " SET process = (SELECT process FROM (" \
	LAST_SENDER(table, SOCKET_KIND("c.protocol")) " UNION ALL " \
	LAST_SENDER(table, "NULL") ") ORDER BY at DESC, id DESC LIMIT 1) " \
	"WHERE process IS NULL AND connection IS NOT NULL"

#define PACKAGE_OF_PROCESS(table) \
	"UPDATE " table " SET package = (SELECT p.package FROM process p " \
	"WHERE p.id = " table ".process) " \
	"WHERE package IS NULL AND process IS NOT NULL"

#define FROM_EVIDENCE(table) \
	"UPDATE canary_hit SET " \
	"phase = coalesce(phase, (SELECT e.phase FROM " table " e " \
	"WHERE e.id = evidence_row)), " \
	"process = coalesce(process, (SELECT e.process FROM " table " e " \
	"WHERE e.id = evidence_row)), " \
	"package = coalesce(package, (SELECT e.package FROM " table " e " \
	"WHERE e.id = evidence_row)), " \
	"at = coalesce(at, (SELECT e.at FROM " table " e " \
	"WHERE e.id = evidence_row)) WHERE evidence_table = '" table "'"

/* What its table must have for a statement to have anything to do: most runs
 * lack most tables, and reading a statement takes as long as many rows. */
static const struct {
	const char *table;
	int rows;
	const char *sql;
} statements[] = {
	{ "socket_event", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS socket_event_port "
	    "ON socket_event(phase, local_port, (type & 15), at) "
	    "WHERE process IS NOT NULL AND family IN (2, 10)" },
	{ "socket_event", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS socket_event_sent "
	    "ON socket_event(phase, local_port, (type & 15), at) "
	    "WHERE op = 'send' AND process IS NOT NULL AND family IN (2, 10)" },
	{ "socket_event", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS socket_event_address "
	    "ON socket_event(phase, address, port, at) "
	    "WHERE process IS NOT NULL AND op IN ('connect', 'send')" },
	{ "dns_query", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS dns_query_answer "
	    "ON dns_query(phase, answer, at)" },
	{ "http_exchange", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS http_exchange_connection "
	    "ON http_exchange(connection)" },
	{ "dependency", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS dependency_path "
	    "ON dependency(path)" },
	{ "dependency", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS dependency_name "
	    "ON dependency(name)" },
	{ "process", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS process_parent ON process(parent)" },
	{ "file_event", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS file_event_process "
	    "ON file_event(process)" },
	{ "file_event", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS file_event_path ON file_event(path)" },
	{ "file_event", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS file_event_path2 ON file_event(path2) "
	    "WHERE path2 IS NOT NULL" },
	{ "exec_event", INDEX_ROWS,
	    "CREATE INDEX IF NOT EXISTS exec_event_process "
	    "ON exec_event(process)" },
	/* Where it lies decides; a name that was resolved once is enough. */
	{ "package", 1,
	    "UPDATE package SET version = (SELECT d.version FROM dependency d "
	    "WHERE d.path = package.path AND d.version IS NOT NULL "
	    "ORDER BY d.id LIMIT 1) WHERE version IS NULL" },
	{ "package", 1,
	    "UPDATE package SET version = (SELECT min(d.version) FROM "
	    "dependency d "
	    "WHERE d.name = package.name AND d.version IS NOT NULL "
	    "HAVING count(DISTINCT d.version) = 1) "
	    "WHERE version IS NULL AND name IS NOT NULL" },
	{ "package", 1,
	    "UPDATE package SET version = (SELECT r.version FROM run r "
	    "WHERE r.name = package.name) WHERE version IS NULL" },
	{ "package", 1,
	    "UPDATE package SET purl = (SELECT r.purl FROM run r "
	    "WHERE r.name = package.name AND r.version = package.version) "
	    "WHERE purl IS NULL" },
	{ "package", 1,
	    "UPDATE package SET purl = purl((SELECT ecosystem FROM run), name, "
	    "version) WHERE purl IS NULL" },
	{ "connection", 1, CONNECTION_FROM(SOCKETS_AT_PORT) },
	{ "connection", 1,
	    CONNECTION_FROM(SOCKETS_TO("connection", "address",
		"connection.port", "5000000000")) },
	{ "connection", 1, PACKAGE_OF_PROCESS("connection") },
	{ "http_exchange", 1, FROM_SENDER("http_exchange") },
	{ "payload", 1, FROM_SENDER("payload") },
	{ "dns_query", 1, FROM_CONNECTION("dns_query") },
	{ "http_exchange", 1, FROM_CONNECTION("http_exchange") },
	{ "payload", 1, FROM_CONNECTION("payload") },
	/* A question without a connection: who wrote to that resolver then. */
	{ "dns_query", 1,
	    "UPDATE dns_query SET process = (SELECT process FROM ("
	    SOCKETS_TO("dns_query", "resolver", "53", "2000000000") ") "
	    "ORDER BY distance, id LIMIT 1) "
	    "WHERE process IS NULL AND connection IS NULL" },
	{ "dns_query", 1, PACKAGE_OF_PROCESS("dns_query") },
	{ "http_exchange", 1, PACKAGE_OF_PROCESS("http_exchange") },
	{ "payload", 1, PACKAGE_OF_PROCESS("payload") },
	{ "connection", 1,
	    "UPDATE connection SET name = (SELECT q.name FROM dns_query q "
	    "WHERE q.phase = connection.phase AND q.answer = "
	    "connection.address "
	    "AND q.at <= connection.at ORDER BY q.at DESC LIMIT 1) "
	    "WHERE name IS NULL" },
	{ "canary_hit", 1, FROM_EVIDENCE("dns_query") },
	{ "canary_hit", 1, FROM_EVIDENCE("http_exchange") },
	{ "canary_hit", 1, FROM_EVIDENCE("payload") },
	{ "canary_hit", 1, FROM_EVIDENCE("connection") },
	{ "canary_hit", 1, FROM_EVIDENCE("exec_event") },
	{ "canary_hit", 1, FROM_EVIDENCE("file_event") },
	{ "canary_hit", 1, PACKAGE_OF_PROCESS("canary_hit") },
};

/* clang-format on */

/* 1: it has that many rows. */
static int
has_rows(const struct writer *w, const char *table, int rows, struct error *err)
{
	sqlite3_stmt *st = NULL;
	char sql[128];
	int rc;

	(void)snprintf(sql, sizeof(sql), "SELECT 1 FROM %s LIMIT 1 OFFSET %d",
	    table, rows - 1);
	rc = sqlite3_prepare_v2(w->db, sql, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	(void)sqlite3_finalize(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return error_set(err, -EIO, "run file: %s",
		    sqlite3_errmsg(w->db));
	return rc == SQLITE_ROW;
}

/* The first statement of each table asks for those after it as well. */
static int
run_all(const struct writer *w, struct error *err)
{
	const char *table = "";
	int rows = 0, there = 0, rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(statements) && rc == 0; i++) {
		if (strcmp(table, statements[i].table) != 0 ||
		    rows != statements[i].rows)
			there = has_rows(w, statements[i].table,
			    statements[i].rows, err);
		table = statements[i].table;
		rows = statements[i].rows;
		if (there < 0)
			return there;
		if (there == 1)
			rc = database_run(w->db, statements[i].sql, err);
	}
	return rc;
}

int
writer_link(struct writer *w, struct error *err)
{
	int rc = 0;

	if (!w->open) {
		rc = database_run(w->db, "BEGIN", err);
		w->open = rc == 0;
	}
	if (rc == 0 &&
	    sqlite3_create_function(w->db, "purl", 3,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_purl, NULL,
		NULL) != SQLITE_OK)
		return error_set(err, -EIO, "SQLite: no function");
	return rc == 0 ? run_all(w, err) : rc;
}
