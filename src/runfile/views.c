/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text views. Runs in scribe, once per file. They use SQLite's own functions
 * only, so that any sqlite3 shows them: what is not plain text (control
 * characters, bidirectional overrides, bytes that are not UTF-8) is shown as
 * x'HEX', reversible and harmless on a terminal.
 */
#include "runfile/views.h"

#include "base/buf.h"
#include "base/str.h"
#include "runfile/fact.h"

/* Characters that are shown as they are: printable ASCII, and the planes of
 * scripts without C1 controls, zero-width characters, bidi marks, private
 * use, U+FFFD (which SQLite reads for bytes that are not UTF-8). */
#define PLAIN " -~\u00a1-\u1fff\u2070-\ud7ff\uf900-\ufdff\ufe70-\ufefe"

static void
put_text(struct buf *b, const char *value)
{
	buf_printf(b,
	    "CASE WHEN instr(%s, x'00') > 0 OR CAST(%s AS TEXT) GLOB "
	    "'*[^" PLAIN "]*' THEN 'x''' || hex(%s) || '''' "
	    "ELSE CAST(%s AS TEXT) END",
	    value, value, value, value);
}

/* NUL after each word → words with blanks between. */
static void
put_words(struct buf *b, const char *column)
{
	buf_printf(b,
	    "(WITH RECURSIVE cut(rest, word, n) AS (SELECT %s, NULL, 0 "
	    "UNION ALL SELECT substr(rest, instr(rest, x'00') + 1), "
	    "substr(rest, 1, instr(rest, x'00') - 1), n + 1 FROM cut "
	    "WHERE instr(rest, x'00') > 0 AND n < 1000) "
	    "SELECT group_concat(",
	    column);
	put_text(b, "word");
	buf_puts(b, ", ' ') FROM cut WHERE n > 0)");
}

/* Header lines → one line. */
static void
put_lines(struct buf *b, const char *column)
{
	char value[160];

	(void)snprintf(value, sizeof(value),
	    "CAST(replace(CAST(%s AS TEXT), char(13, 10), ' | ') AS BLOB)",
	    column);
	put_text(b, value);
}

static void
put_column(struct buf *b, const struct fact_column *c)
{
	struct str name = str_of(c->name);
	char value[64];

	buf_puts(b, ", ");
	if (c->type != FACT_BYTES && c->type != FACT_PACKAGE) {
		buf_puts(b, c->name);
		return;
	}
	if (c->type == FACT_PACKAGE) {
		buf_puts(b, "package, (SELECT ");
		put_text(b, "p.path");
		buf_puts(b, " FROM package p WHERE p.id = package)");
		buf_puts(b, " AS package_path");
		return;
	}
	(void)snprintf(value, sizeof(value), "t.%s", c->name);
	if (str_is(name, "argv") || str_is(name, "env"))
		put_words(b, value);
	else if (str_is(name, "request_headers"))
		put_lines(b, value);
	else
		put_text(b, value);
	buf_printf(b, " AS %s", c->name);
}

static void
put_packages(struct buf *b)
{
	buf_puts(b, "CREATE VIEW package_v AS SELECT id, ");
	put_text(b, "t.path");
	buf_puts(b, " AS path, ");
	put_text(b, "t.name");
	buf_puts(b, " AS name, ");
	put_text(b, "t.version");
	buf_puts(b, " AS version, purl FROM package t");
}

void
views_one(int number, struct buf *ret_name, struct buf *ret_sql)
{
	const struct fact_table *t;

	buf_reset(ret_name);
	buf_reset(ret_sql);
	if (number == FACT_BLOB) {
		buf_puts(ret_name, "package_v");
		put_packages(ret_sql);
		return;
	}
	t = fact_table((enum fact_kind)number);
	buf_printf(ret_name, "%s_v", t->name);
	buf_printf(ret_sql, "CREATE VIEW %s_v AS SELECT t.id", t->name);
	for (const struct fact_column *c = t->columns; c->name != NULL; c++)
		if (!str_is(str_of(c->name), "id"))
			put_column(ret_sql, c);
	buf_printf(ret_sql, " FROM %s t", t->name);
}
