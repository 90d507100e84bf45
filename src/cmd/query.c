/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret query: SQL over a run file, confined like show. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/vec.h"
#include "cmd/run-file.h"
#include "runfile/reader.h"
#include "sys/lockdown.h"
#include "sys/opt.h"
#include "sys/term.h"
#include "verdict/functions.h"

#define MAX_CELL   60 /* columns of a table's cell, on a terminal */
#define TABLE_ROWS 200 /* rows that decide how wide columns are */

static struct {
	bool csv, json;
	const char *state;
} o;

static const struct opt options[] = { { "csv", 0, OPT_FLAG, &o.csv, NULL,
					  "print CSV with a header line" },
	{ "json", 0, OPT_FLAG, &o.json, NULL, "print an array of objects" },
	{ "state", 0, OPT_STRING, &o.state, "DIR", "where analyses are kept" },
	OPT_END };

static const struct opt_command command = {
	.name = "query",
	.operands = "[FILE.laz] SQL",
	.summary = "Ask an analysis; without a file, the newest. Tables are "
		   "those of docs/run-file.md.",
	.options = options,
	.examples =
	    "  lazaret query \"SELECT trigger, status FROM phase\"\n"
	    "  lazaret query evil.laz \"SELECT method, url FROM "
	    "http_exchange_v\"\n"
	    "  lazaret query --csv \"SELECT id, argv FROM process_v\"\n",
};

/* One way of printing rows. */
struct printer {
	void (*head)(sqlite3_stmt *st);
	void (*row)(sqlite3_stmt *st);
	void (*tail)(void);
};

static struct {
	VEC(char *) cells; /* rows kept back until the widths are known */
	int columns;
	int widths[200];
	bool flowing, first;
	bool tty;
} t = { .first = true };

static void
cell_text(struct buf *b, sqlite3_stmt *st, int c, bool safe)
{
	struct str s;

	switch (sqlite3_column_type(st, c)) {
	case SQLITE_NULL:
		return;
	case SQLITE_FLOAT:
		buf_printf(b, "%.15g", sqlite3_column_double(st, c));
		return;
	case SQLITE_INTEGER:
		buf_printf(b, "%lld", (long long)sqlite3_column_int64(st, c));
		return;
	default:
		s = reader_str(st, c);
		if (safe)
			term_safe(b, s);
		else
			buf_put_str(b, s);
	}
}

static void
csv_field(struct str s)
{
	bool quote = false;

	for (size_t i = 0; i < s.n && !quote; i++)
		quote = strchr(",\"\r\n", s.p[i]) != NULL;
	if (!quote) {
		(void)fwrite(s.n != 0 ? s.p : "", 1, s.n, stdout);
		return;
	}
	(void)putchar('"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			(void)putchar('"');
		(void)putchar(s.p[i]);
	}
	(void)putchar('"');
}

static void
csv_head(sqlite3_stmt *st)
{
	for (int c = 0; c < sqlite3_column_count(st); c++) {
		if (c != 0)
			(void)putchar(',');
		csv_field(str_of(sqlite3_column_name(st, c)));
	}
	(void)fputs("\r\n", stdout);
}

/* Bytes that are no UTF-8 become \xNN: a CSV file is text. */
static void
csv_row(sqlite3_stmt *st)
{
	struct buf b;

	buf_init(&b, 512 * MIB);
	for (int c = 0; c < sqlite3_column_count(st); c++) {
		struct str s = reader_str(st, c);

		buf_reset(&b);
		cell_text(&b, st, c, !str_is_utf8(s) || t.tty);
		if (c != 0)
			(void)putchar(',');
		csv_field(b.n != 0 ? buf_str(&b) : STR_LIT(""));
	}
	(void)fputs("\r\n", stdout);
	buf_done(&b);
}

static void
csv_tail(void)
{
}

static void
json_head(sqlite3_stmt *st)
{
	(void)st;
	(void)putchar('[');
}

static void
json_row(sqlite3_stmt *st)
{
	struct buf b;
	struct json j;

	buf_init(&b, 512 * MIB);
	json_init(&j, &b, 0);
	json_object_begin(&j);
	for (int c = 0; c < sqlite3_column_count(st); c++) {
		json_key(&j, sqlite3_column_name(st, c));
		if (sqlite3_column_type(st, c) == SQLITE_INTEGER)
			json_int(&j, sqlite3_column_int64(st, c));
		else if (sqlite3_column_type(st, c) == SQLITE_FLOAT)
			json_double(&j, sqlite3_column_double(st, c));
		else
			json_str(&j, reader_str(st, c));
	}
	json_object_end(&j);
	(void)printf("%s\n%.*s", t.first ? "" : ",", STR_ARG(buf_str(&b)));
	t.first = false;
	buf_done(&b);
}

static void
json_tail(void)
{
	(void)puts("\n]");
}

static int
width(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void
table_line(char *const *cells)
{
	for (int c = 0; c < t.columns; c++) {
		int pad = t.widths[c] - width(cells[c]);

		(void)printf("%s%s", cells[c], c + 1 < t.columns ? "  " : "");
		for (; pad > 0 && c + 1 < t.columns; pad--)
			(void)putchar(' ');
	}
	(void)putchar('\n');
}

static void
table_flush(void)
{
	for (size_t i = 0; i + (size_t)t.columns <= t.cells.n;
	     i += (size_t)t.columns) {
		table_line(&t.cells.v[i]);
		for (int c = 0; c < t.columns; c++)
			free(t.cells.v[i + (size_t)c]);
	}
	t.cells.n = 0;
}

static void
table_add(char *cell, int c)
{
	t.widths[c] = MAX_OF(t.widths[c], MIN_OF(width(cell), MAX_CELL));
	vec_push(&t.cells, cell);
}

static void
table_head(sqlite3_stmt *st)
{
	struct buf b;

	t.columns = MIN_OF(sqlite3_column_count(st), (int)N_ELEMENTS(t.widths));
	for (int c = 0; c < t.columns; c++) {
		buf_init(&b, LIMIT_TEXT_BYTES);
		term_safe(&b, str_of(sqlite3_column_name(st, c)));
		table_add(buf_steal(&b), c);
	}
}

static void
table_row(sqlite3_stmt *st)
{
	struct buf b;

	for (int c = 0; c < t.columns; c++) {
		buf_init(&b, 512 * MIB);
		cell_text(&b, st, c, true);
		table_add(b.p != NULL ? buf_steal(&b) : mem_strdup(""), c);
	}
	if (t.cells.n >= (size_t)t.columns * TABLE_ROWS)
		t.flowing = true;
	if (t.flowing)
		table_flush();
}

static void
table_tail(void)
{
	table_flush();
	vec_done(&t.cells);
}

static const struct printer csv = { csv_head, csv_row, csv_tail };
static const struct printer json = { json_head, json_row, json_tail };
static const struct printer table = { table_head, table_row, table_tail };

static int
prepare(struct reader *r, const char *sql, sqlite3_stmt **ret,
    struct error *err)
{
	const char *tail = NULL;

	if (sqlite3_prepare_v2(reader_db(r), sql, -1, ret, &tail) !=
	    SQLITE_OK) {
		int rc = sqlite3_errcode(reader_db(r));

		return error_set(err, -EINVAL, "%s%s",
		    sqlite3_errmsg(reader_db(r)),
		    rc == SQLITE_AUTH ? ": a run file is only read" : "");
	}
	if (*ret == NULL)
		return error_set(err, -EINVAL, "no SQL was given");
	if (str_trim(str_of(tail)).n != 0)
		return error_set(err, -EINVAL,
		    "one statement at a time; this is behind the first: %.60s",
		    tail);
	return 0;
}

static int
run(struct reader *r, const char *sql, const struct printer *p,
    struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = prepare(r, sql, &st, err);

	if (rc != 0)
		return rc;
	p->head(st);
	while ((rc = reader_step(r, st, err)) == 1)
		p->row(st);
	p->tail();
	if (rc == 0 && fflush(stdout) != 0)
		rc = error_errno(err, "standard output");
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	_cleanup_(reader_freep) struct reader *r = NULL;
	_cleanup_(closep) int fd = -1;
	struct error err = ERROR_INIT;
	char path[LIMIT_PATH_BYTES];
	const char *name = NULL;
	int at = opt_parse(&command, argc, argv), rc;

	if (o.csv && o.json)
		opt_usage_error(&command, "either --csv or --json");
	if (argc - at == 2)
		name = argv[at++];
	else if (argc - at == 1 && run_file_is_name(argv[at]))
		opt_usage_error(&command, "give the SQL after the file");
	if (argc - at != 1)
		opt_usage_error(&command, "give one SQL statement");
	t.tty = run_file_columns(stdout) != 0;
	rc = run_file_open(name, o.state, &fd, path, &err);
	if (rc == 0)
		rc = lockdown(&pure, &err);
	if (rc == 0)
		rc = reader_open(fd, path, &r, &err);
	if (rc == 0) /* content(sha256), env(…), words(…) as in rules */
		rc = functions_add(r, &err);
	if (rc == 0)
		rc = run(r, argv[at],
		    o.csv      ? &csv :
			o.json ? &json :
				 &table,
		    &err);
	if (rc == 0)
		return 0;
	(void)fprintf(stderr, "lazaret query: %s\n", err.msg);
	return rc == -EINVAL && r != NULL ? EXIT_USAGE : EXIT_TOOL_FAILED;
}
