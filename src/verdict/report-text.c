/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report that a person reads in half a minute: verdict and why, then what
 * was done. Every section is a query and a line per row; what comes from the
 * package is made safe by text() and words(). Runs in show.
 */
#include <stdarg.h>
#include <stdio.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "sys/clock.h"
#include "sys/term.h"
#include "verdict/report.h"
#include "verdict/report_priv.h"

static const char *
escape(const struct report *p, enum term_style s)
{
	static const char *const codes[TERM__MAX] = {
		[TERM_PLAIN] = "\x1b[0m",
		[TERM_BOLD] = "\x1b[1m",
		[TERM_DIM] = "\x1b[2m",
		[TERM_RED] = "\x1b[31;1m",
		[TERM_YELLOW] = "\x1b[33;1m",
		[TERM_GREEN] = "\x1b[32;1m",
	};

	return p->style->colour ? codes[s] : "";
}

void
report_head(struct report *p, const char *title)
{
	(void)fprintf(p->out, "\n%s%s%s\n", escape(p, TERM_BOLD), title,
	    escape(p, TERM_PLAIN));
}

/* One line, cut to the terminal's width. Bytes that end in the middle of a
 * character are left out. */
void
report_line(struct report *p, enum term_style s, const char *fmt, ...)
{
	char line[2048];
	size_t n, shown = 0, i, step;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	n = strlen(line);
	for (i = 0; i < n; i += step, shown++) {
		step = str_utf8_length(str_n(line + i, n - i));
		if (step == 0)
			break;
		if (p->style->columns > 20 &&
		    shown + 1 >= (size_t)p->style->columns && i + step < n)
			break;
	}
	(void)fprintf(p->out, "%s%.*s%s%s\n", escape(p, s), (int)i, line,
	    i < n ? "…" : "", s != TERM_PLAIN ? escape(p, TERM_PLAIN) : "");
}

struct section {
	const char *title;
	const char *sql; /* one column of text per line */
	const char *none; /* instead of lines; NULL: no section at all */
	int most; /* lines */
	const char *more; /* where to see the rest */
};

#define OF_PACKAGE "coalesce(CAST(k.name AS TEXT), '')"

/* clang-format off */
static const struct section sections[] = {
	{ "Network",
	    /* what left: requests by target, then raw connections, then names
	     * that nobody connected to */
	    "WITH spoken AS (SELECT x.host AS host, 1 AS kind, min(x.id) AS id, "
	    "text(x.method) || ' ' || CASE WHEN count(DISTINCT x.url) > 1 THEN "
	    "text(x.host) WHEN min(x.url) LIKE '%://%' THEN text(min(x.url)) "
	    "ELSE text(x.host) || text(min(x.url)) END AS what, count(*) AS "
	    "n, min(x.answer) AS answer, min(x.program) AS who, x.package AS "
	    "package FROM http_act x WHERE coalesce(x.answer, '') NOT IN "
	    "('relay') GROUP BY x.host, x.method, x.package, x.answer "
	    "UNION ALL SELECT c.host, 2, min(c.id), c.protocol || ' ' || "
	    "text(c.host) || ':' || coalesce(c.port, '?') || ' (' || "
	    "coalesce(c.application, 'unknown') || ', ' || "
	    "coalesce(sum(c.bytes_out), 0) || ' bytes out)', count(*), CASE "
	    "WHEN max(c.shell_answer) = 1 THEN 'answered as a shell' END, "
	    "min(c.program), c.package FROM connection_act c WHERE c.id NOT IN "
	    "(SELECT x.connection FROM http_exchange x WHERE x.connection IS "
	    "NOT NULL) GROUP BY c.host, c.port, c.protocol, c.package "
	    "UNION ALL SELECT q.name, 3, min(q.id), 'dns ' || text(q.name), "
	    "count(*), 'no connection', min(q.program), q.package FROM dns_act "
	    "q WHERE q.name NOT IN (SELECT CAST(coalesce(c.tls_name, c.name) AS "
	    "TEXT) FROM connection c WHERE coalesce(c.tls_name, c.name) IS NOT "
	    "NULL UNION SELECT CAST(x.host AS TEXT) FROM http_exchange x WHERE "
	    "x.host IS NOT NULL) GROUP BY q.name, q.package) "
	    "SELECT s.what || CASE WHEN s.n > 1 THEN ' × ' || s.n ELSE '' END "
	    "|| coalesce(' → ' || s.answer, '') || coalesce('   [' || "
	    "text(s.who) || coalesce(', ' || text(k.name), '') || ']', '') "
	    "FROM spoken s LEFT JOIN package k ON k.id = s.package "
	    "ORDER BY s.kind, s.id",
	    "  nothing but the registry", 20,
	    "SELECT * FROM http_exchange_v" },
	{ "Files outside the package",
	    /* the last state of each; who wrote it last */
	    "WITH project AS (SELECT CAST(p.cwd AS TEXT) AS path FROM process "
	    "p JOIN phase g ON g.id = p.phase WHERE p.role = 'manager' AND "
	    "g.baseline = 0 AND p.cwd IS NOT NULL ORDER BY p.id LIMIT 1), "
	    "last AS (SELECT max(w.id) AS id FROM written_act w WHERE w.type "
	    "IS NOT 'directory' AND coalesce(inside(w.path, (SELECT path FROM "
	    "project)), 0) = 0 AND w.place NOT LIKE '~/.npm/%' AND w.place NOT "
	    "LIKE '~/.cache/%' GROUP BY w.path), "
	    "writer AS (SELECT l.id, max((SELECT coalesce(max(v.id), 0) FROM "
	    "file_act v WHERE v.path = w.path AND v.writes), (SELECT "
	    "coalesce(max(v.id), 0) FROM file_act v WHERE v.path2 = w.path AND "
	    "v.writes)) AS event FROM last l JOIN written_act w ON w.id = l.id) "
	    "SELECT rpad(w.change, 10) || text(w.place) || coalesce('  ' || "
	    "w.size || ' bytes', '') || coalesce('   [' || text(v.program) || "
	    "coalesce(', ' || text(k.name), '') || ']', '') FROM writer x JOIN "
	    "written_act w ON w.id = x.id LEFT JOIN file_act v ON v.id = "
	    "x.event LEFT JOIN package k ON k.id = v.package "
	    "WHERE v.role IS NOT 'manager' ORDER BY w.path",
	    "  none", 15, "SELECT * FROM written_file_v" },
	{ "Secrets touched",
	    "SELECT CASE WHEN o.n > 0 THEN 'LEFT  ' ELSE 'read  ' END || line "
	    "FROM (SELECT 0 AS n, min(v.id) AS id, 'planted ' || text(coalesce("
	    "c.name, CAST(c.kind AS BLOB))) || ' in ' || text(v.place) || "
	    "'   [' || coalesce(text(v.program), '?') || coalesce(', ' || "
	    "text(k.name), '') || ']' AS line FROM file_act v JOIN canary c ON "
	    "CAST(c.path AS TEXT) = v.path LEFT JOIN package k ON k.id = "
	    "v.package WHERE v.reads AND coalesce(v.role, '') <> 'manager' "
	    "GROUP BY c.id, v.program, v.package "
	    "UNION ALL SELECT count(*), min(h.id), 'planted ' || h.secret || "
	    "' in ' || h.place || ' ' || coalesce(h.destination, '') || CASE "
	    "WHEN h.encoding = 'raw' THEN '' ELSE ' (' || h.encoding || ')' "
	    "END || coalesce('   [' || text(h.program) || ']', '') FROM hit h "
	    "WHERE NOT (h.place IN ('file', 'argv') AND coalesce(h.role, '') "
	    "= 'manager') GROUP BY h.canary, h.place, h.destination, "
	    "h.encoding, h.program) o ORDER BY o.n = 0, o.id",
	    "  none", 15, "SELECT * FROM canary_hit_v" },
	{ "Refused by the sandbox",
	    "SELECT c.call || ' × ' || count(*) || coalesce('   [' || "
	    "text(a.program) || ']', '') FROM refused c JOIN phase f ON f.id = "
	    "c.phase LEFT JOIN actor a ON a.id = c.process WHERE f.baseline = 0 "
	    /* what the runtime tries for itself, the manager tries too */
	    "AND NOT EXISTS (SELECT 1 FROM refused m JOIN process p ON p.id = "
	    "m.process WHERE m.call = c.call AND p.role = 'manager') "
	    "GROUP BY c.call, a.program ORDER BY min(c.id)",
	    NULL, 8, "SELECT * FROM refused_v" },
	{ "Also noticed",
	    "SELECT rpad(f.severity, 8) || text(f.summary) || '   [' || f.rule "
	    "|| coalesce(', ' || text(k.name), '') || ']' FROM finding f LEFT "
	    "JOIN package k ON k.id = f.package WHERE NOT EXISTS (SELECT 1 FROM "
	    "reason r WHERE r.finding = f.id) ORDER BY f.id",
	    NULL, 10, "SELECT * FROM finding_v" },
	{ "Phases",
	    "SELECT rpad(f.trigger, 9) || rpad(coalesce(f.status, 'not "
	    "started'), 10) || coalesce(printf('%6.1f s  ', f.wall_ns / 1e9), "
	    "'') || CASE WHEN f.exit_status <> 0 THEN 'status ' || "
	    "f.exit_status || '  ' WHEN f.exit_signal <> 0 THEN 'signal ' || "
	    "f.exit_signal || '  ' ELSE '' END || coalesce(text(f.subject) || "
	    "'  ', '') || coalesce('(' || text(f.reason) || ')', '') || "
	    "coalesce((SELECT '  ' || sum(v.dropped) || ' events DROPPED' FROM "
	    "phase_view v WHERE v.phase = f.id HAVING sum(v.dropped) > 0), '') "
	    "FROM phase f WHERE f.baseline = 0 ORDER BY f.id",
	    "  none", 20, "SELECT * FROM phase_v" },
	{ "Not exercised",
	    "SELECT rpad(n.trigger, 9) || coalesce(text(n.subject) || ': ', '') "
	    "|| text(n.reason) FROM not_exercised n ORDER BY n.id",
	    NULL, 8, "SELECT * FROM not_exercised_v" },
};
/* clang-format on */

static void
sql_rpad(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *s = (const char *)sqlite3_value_text(argv[0]);
	char padded[64];

	(void)argc;
	if (s == NULL)
		return;
	(void)snprintf(padded, sizeof(padded), "%-*s",
	    sqlite3_value_int(argv[1]) % 40, s);
	sqlite3_result_text(ctx, padded, -1, SQLITE_TRANSIENT);
}

/* brief(argv): its words, at most 100 bytes, on one line */
static void
sql_brief(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct buf list, b;
	struct str s;

	(void)argc;
	if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	s = str_n(sqlite3_value_blob(argv[0]),
	    (size_t)sqlite3_value_bytes(argv[0]));
	buf_init(&list, 128);
	buf_init(&b, 1024);
	for (size_t i = 0; i < s.n && i < 100; i++)
		if (s.p[i] != '\0' && s.p[i] != '\n')
			buf_putc(&list, s.p[i]);
		else if (i + 1 < s.n)
			buf_putc(&list, ' ');
	while (s.n > 100 && list.n != 0 &&
	    ((unsigned char)list.p[list.n - 1] & 0x80) != 0)
		list.n--; /* not half a character */
	term_safe(&b, buf_str(&list));
	if (s.n > 100)
		buf_puts(&b, "…");
	sqlite3_result_text64(ctx, b.n != 0 ? buf_str(&b).p : "", b.n,
	    SQLITE_TRANSIENT, SQLITE_UTF8);
	buf_done(&list);
	buf_done(&b);
}

static int
print_section(struct report *p, const struct section *s, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc, n = 0;

	reader_budget(p->r, 0);
	rc = reader_prepare(p->r, s->sql, &st, err);
	if (rc != 0)
		return error_wrap(err, "%s", s->title);
	while ((rc = reader_step(p->r, st, err)) == 1) {
		if (n++ == 0)
			report_head(p, s->title);
		if (n <= s->most)
			report_line(p, TERM_PLAIN, "  %.*s",
			    STR_ARG(reader_str(st, 0)));
	}
	if (rc < 0)
		return error_wrap(err, "%s", s->title);
	if (n == 0 && s->none != NULL) {
		report_head(p, s->title);
		report_line(p, TERM_DIM, "%s", s->none);
	}
	if (n > s->most)
		report_line(p, TERM_DIM, "  … and %d more (lazaret query: %s)",
		    n - s->most, s->more);
	return 0;
}

static enum term_style
label_style(struct str label)
{
	if (str_is(label, "malicious"))
		return TERM_RED;
	if (str_is(label, "clean"))
		return TERM_GREEN;
	return TERM_YELLOW;
}

static int
print_reasons(struct report *p, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc, n = 0;

	rc = reader_prepare(p->r,
	    "SELECT r.text, f.rule, f.severity FROM reason r "
	    "LEFT JOIN finding f ON f.id = r.finding ORDER BY r.id",
	    &st, err);
	while (rc == 0 && (rc = reader_step(p->r, st, err)) == 1) {
		struct str rule = reader_str(st, 1);
		struct buf b;

		rc = 0;
		if (n++ >= 8)
			continue;
		buf_init(&b, 16 * 1024);
		term_safe(&b, reader_str(st, 0));
		if (rule.p != NULL)
			buf_printf(&b, "   [%.*s, %.*s]", STR_ARG(rule),
			    STR_ARG(reader_str(st, 2)));
		/* Not cut: this is what the reader came for. */
		(void)fprintf(p->out, "  • %s\n", buf_str(&b).p);
		buf_done(&b);
	}
	if (n > 8)
		report_line(p, TERM_DIM, "  … and %d more", n - 8);
	return rc;
}

static int
print_verdict(struct report *p, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	struct str label, class, culprit;
	int rc;

	rc = reader_prepare(p->r,
	    "SELECT text(coalesce(r.purl, CAST(r.name AS TEXT), "
	    "'a command')), v.label, v.class, v.score, text(v.culprit), "
	    "v.culprit IS r.purl FROM run r LEFT JOIN verdict v ON 1",
	    &st, err);
	if (rc == 0)
		rc = reader_step(p->r, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return error_set(err, -EINVAL, "the run file has no run");
	label = reader_str(st, 1);
	class = reader_str(st, 2);
	culprit = reader_str(st, 4);
	if (label.p == NULL) {
		(void)fprintf(p->out, "%s%.*s%s\n", escape(p, TERM_BOLD),
		    STR_ARG(reader_str(st, 0)), escape(p, TERM_PLAIN));
		report_line(p, TERM_DIM, "  no verdict was asked for");
		return 0;
	}
	(void)fprintf(p->out, "%s%.*s%s  %.*s  %s(score %d of 100)%s\n",
	    escape(p, label_style(label)), STR_ARG(label),
	    escape(p, TERM_PLAIN), STR_ARG(reader_str(st, 0)),
	    escape(p, TERM_DIM), sqlite3_column_int(st, 3),
	    escape(p, TERM_PLAIN));
	if (class.p != NULL)
		(void)fprintf(p->out, "  %.*s%s%.*s%s\n", STR_ARG(class),
		    culprit.p != NULL ? " by " : "", STR_ARG(culprit),
		    sqlite3_column_int(st, 5) == 0 && culprit.p != NULL ?
			", a dependency" :
			"");
	return print_reasons(p, err);
}

int
report_text(struct reader *r, const struct report_style *style, FILE *out,
    struct error *err)
{
	struct report p = { .r = r, .style = style, .out = out };
	int rc;

	if (sqlite3_create_function(reader_db(r), "rpad", 2,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_rpad, NULL,
		NULL) != SQLITE_OK ||
	    sqlite3_create_function(reader_db(r), "brief", 1,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_brief, NULL,
		NULL) != SQLITE_OK)
		return error_set(err, -EIO, "SQLite: no function");
	reader_budget(r, 0);
	rc = print_verdict(&p, err);
	if (rc == 0)
		rc = report_processes(&p, err);
	for (size_t i = 0; i < N_ELEMENTS(sections) && rc == 0; i++)
		rc = print_section(&p, &sections[i], err);
	return rc;
}
