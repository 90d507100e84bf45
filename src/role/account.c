/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role account: prints what one command did (`lazaret sandbox run`) from its
 * run file, descriptor 3, on standard error: text for people, or JSON with
 * argv[1] = --json. Confined before the first byte of the file; reads, counts
 * and prints, nothing else.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "sys/lockdown.h"
#include "sys/term.h"

#define RUN_FD        3
#define TEXT_ROWS     60 /* of a section; the run file has all */
#define TEXT_COLUMN   200 /* bytes shown of one value */
#define ACCOUNT_BYTES (64 * MIB)

/* One table of the account. In text, each row is its columns with blanks
 * between; the first is indented by the column "depth" where there is one. */
static const struct section {
	const char *key, *title, *sql;
} sections[] = {
	{ "command", "Command",
	    "SELECT p.status, p.reason, p.exit_status, p.exit_signal, "
	    "p.wall_ns / 1000000 AS wall_ms, p.cpu_ns / 1000000 AS cpu_ms, "
	    "p.memory_peak AS memory_peak_bytes FROM phase p" },
	{ "processes", "Processes",
	    "WITH RECURSIVE t(id, depth, place) AS ("
	    "SELECT id, 0, printf('%020d', id) FROM process WHERE parent IS "
	    "NULL OR parent NOT IN (SELECT id FROM process) UNION ALL "
	    "SELECT p.id, t.depth + 1, t.place || printf('%020d', p.id) "
	    "FROM process p JOIN t ON p.parent = t.id WHERE t.depth < 40) "
	    "SELECT t.depth - 1 AS depth, v.argv, v.exe, v.exit_status, "
	    "v.exit_signal "
	    "FROM t JOIN process_v v ON v.id = t.id WHERE v.exe IS NOT NULL "
	    "OR v.argv IS NOT NULL ORDER BY t.place" },
	{ "files", "Files changed",
	    "SELECT change, type, path, size, target, sha256 FROM "
	    "written_file_v ORDER BY written_file_v.path" },
	{ "attempts", "Sockets",
	    "SELECT op, family, address, port, count(*) AS times, "
	    "max(result) AS result FROM socket_event_v WHERE op IN "
	    "('bind', 'connect', 'send') AND (family <> 1 OR address IS NOT "
	    "NULL) GROUP BY op, family, address, port" },
	{ "dns", "Names asked for",
	    "SELECT name, type, count(*) AS times FROM dns_query_v "
	    "GROUP BY name, type ORDER BY min(id)" },
	{ "connections", "Connections",
	    "SELECT protocol, address, port, name, tls_name, bytes_out, "
	    "bytes_in FROM connection_v ORDER BY id" },
	{ "http", "HTTP",
	    "SELECT method, url, status, request_bytes FROM "
	    "http_exchange_v ORDER BY id" },
	{ "refused", "Refused calls",
	    "SELECT call, count(*) AS times, result FROM refused_v GROUP BY "
	    "call, result ORDER BY call" },
	{ "views", "Not seen",
	    "SELECT view, available, dropped, reason FROM phase_view_v "
	    "WHERE available = 0 OR dropped > 0" },
};

static bool
is_null(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL;
}

/* What only makes sense in JSON, or is said otherwise. */
static bool
is_quiet(const char *column)
{
	static const char *const quiet[] = { "depth", "sha256", "available" };

	for (size_t i = 0; i < N_ELEMENTS(quiet); i++)
		if (strcmp(column, quiet[i]) == 0)
			return true;
	return false;
}

/* Columns whose meaning is plain without their names. */
static bool
is_plain(const char *column)
{
	static const char *const plain[] = { "status", "argv", "change", "type",
		"path", "op", "address", "name", "protocol", "method", "url",
		"call", "view", "reason" };

	for (size_t i = 0; i < N_ELEMENTS(plain); i++)
		if (strcmp(column, plain[i]) == 0)
			return true;
	return false;
}

static void
text_value(struct buf *out, sqlite3_stmt *st, int i)
{
	const char *name = sqlite3_column_name(st, i);
	struct str s;

	if (is_null(st, i) || is_quiet(name))
		return;
	/* The program is said when its words are not known. */
	if (strcmp(name, "exe") == 0 && !is_null(st, i - 1))
		return;
	buf_putc(out, ' ');
	if (!is_plain(name) && strcmp(name, "exe") != 0)
		buf_printf(out, "%s=", name);
	s = str_n(sqlite3_column_blob(st, i),
	    (size_t)sqlite3_column_bytes(st, i));
	term_safe(out, str_sub(s, 0, TEXT_COLUMN));
	if (s.n > TEXT_COLUMN)
		buf_puts(out, "…");
}

static void
text_row(struct buf *out, sqlite3_stmt *st)
{
	int n = sqlite3_column_count(st);

	buf_putc(out, ' ');
	if (n > 0 && strcmp(sqlite3_column_name(st, 0), "depth") == 0)
		for (int d = sqlite3_column_int(st, 0); d > 0; d--)
			buf_puts(out, "  ");
	for (int i = 0; i < n; i++)
		text_value(out, st, i);
	buf_putc(out, '\n');
}

static int
text_section(struct reader *r, const struct section *s, struct buf *out,
    struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = reader_prepare(r, s->sql, &st, err);
	int64_t rows = 0;

	while (rc == 0 && (rc = reader_step(r, st, err)) == 1) {
		rc = 0;
		if (rows == 0)
			buf_printf(out, "%s:\n", s->title);
		if (++rows <= TEXT_ROWS)
			text_row(out, st);
	}
	if (rows > TEXT_ROWS)
		buf_printf(out, "  … and %lld more; keep them with -o FILE\n",
		    (long long)(rows - TEXT_ROWS));
	return rc;
}

static void
json_value(struct json *j, sqlite3_stmt *st, int i)
{
	json_key(j, sqlite3_column_name(st, i));
	if (is_null(st, i))
		json_null(j);
	else if (sqlite3_column_type(st, i) == SQLITE_INTEGER)
		json_int(j, sqlite3_column_int64(st, i));
	else
		json_str(j,
		    str_n(sqlite3_column_blob(st, i),
			(size_t)sqlite3_column_bytes(st, i)));
}

static int
json_section(struct reader *r, const struct section *s, struct json *j,
    struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = reader_prepare(r, s->sql, &st, err);

	json_key(j, s->key);
	json_array_begin(j);
	while (rc == 0 && (rc = reader_step(r, st, err)) == 1) {
		rc = 0;
		json_object_begin(j);
		for (int i = 0; i < sqlite3_column_count(st); i++)
			json_value(j, st, i);
		json_object_end(j);
	}
	json_array_end(j);
	return rc;
}

static int
account(struct reader *r, bool as_json, struct buf *out, struct error *err)
{
	struct json j;
	int rc = 0;

	json_init(&j, out, 2);
	if (as_json)
		json_object_begin(&j);
	for (size_t i = 0; i < N_ELEMENTS(sections) && rc == 0; i++) {
		reader_budget(r, 0);
		rc = as_json ? json_section(r, &sections[i], &j, err) :
			       text_section(r, &sections[i], out, err);
	}
	if (as_json && rc == 0) {
		json_object_end(&j);
		buf_putc(out, '\n');
	}
	return rc;
}

int
main(int argc, char **argv)
{
	const struct lockdown l = { .rights = LOCKDOWN_PURE };
	_cleanup_(reader_freep) struct reader *r = NULL;
	struct error err = ERROR_INIT;
	struct buf out;
	int rc;

	buf_init(&out, ACCOUNT_BYTES);
	(void)signal(SIGPIPE, SIG_IGN);
	rc = lockdown(&l, &err);
	if (rc == 0)
		rc = reader_open(RUN_FD, "the run file", &r, &err);
	if (rc == 0)
		rc = account(r, argc > 1 && strcmp(argv[1], "--json") == 0,
		    &out, &err);
	if (rc == 0)
		(void)fwrite(out.p, 1, out.n, stderr);
	else
		fprintf(stderr, "lazaret sandbox: account: %s\n", err.msg);
	buf_done(&out);
	return rc == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED;
}
