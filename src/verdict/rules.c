/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files: header, statement, rows to findings. Runs in judge. */
#include "verdict/rules.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/safeguard.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "verdict/functions.h"

extern const char prelude_sql[];

const char *const severity_names[SEVERITY__MAX + 1] = {
	[SEVERITY_PROOF] = "proof",
	[SEVERITY_HIGH] = "high",
	[SEVERITY_MEDIUM] = "medium",
	[SEVERITY_NOTE] = "note",
};

/* Header members, in the order in which they are written. */
enum member {
	MEMBER_ID,
	MEMBER_TITLE,
	MEMBER_SEVERITY,
	MEMBER_CLASS,
	MEMBER_ECOSYSTEMS,
	MEMBER_SCHEMA,
	MEMBER_TECHNIQUE,
	MEMBER_LOOK_ALIKES,
	MEMBER_REFERENCES,
	MEMBER__MAX
};

static const struct {
	const char *name;
	bool required;
} members[MEMBER__MAX] = {
	[MEMBER_ID] = { "id", true },
	[MEMBER_TITLE] = { "title", true },
	[MEMBER_SEVERITY] = { "severity", true },
	[MEMBER_CLASS] = { "class", true },
	[MEMBER_ECOSYSTEMS] = { "ecosystems", true },
	[MEMBER_SCHEMA] = { "schema", true },
	[MEMBER_TECHNIQUE] = { "technique", false },
	[MEMBER_LOOK_ALIKES] = { "look-alikes", true },
	[MEMBER_REFERENCES] = { "references", false },
};

struct header {
	struct str values[MEMBER__MAX];
	int last; /* member that continuation lines belong to; -1: none */
};

/* "key: value", or more of the value before. 0: not of the header. */
static int
header_line(struct arena *a, struct header *h, struct str line)
{
	struct str key, rest = line;

	if (str_starts(line, "  ") && h->last >= 0) {
		struct str *v = &h->values[h->last];

		*v = str_of(arena_printf(a, "%.*s %.*s", STR_ARG(*v),
		    STR_ARG(str_trim(line))));
		return 1;
	}
	h->last = -1;
	if (!str_cut(&rest, ':', &key) || rest.p == NULL)
		return 0;
	key = str_trim(key);
	for (int m = 0; m < MEMBER__MAX; m++)
		if (str_is(key, members[m].name)) {
			h->values[m] = arena_str(a, str_trim(rest));
			h->last = m;
			return 1;
		}
	return 0;
}

static int
word_index(const char *const *words, struct str s)
{
	for (int i = 0; words[i] != NULL; i++)
		if (str_is(s, words[i]))
			return i;
	return -1;
}

static int
check_header(const char *file, const struct header *h, struct rule *ret,
    struct error *err)
{
	uint64_t schema;
	int severity;

	for (int m = 0; m < MEMBER__MAX; m++)
		if (members[m].required && h->values[m].n == 0)
			return error_set(err, -EINVAL,
			    "%s: the header has no line \"-- %s: …\"", file,
			    members[m].name);
	severity = word_index(severity_names, h->values[MEMBER_SEVERITY]);
	if (severity < 0)
		return error_set(err, -EINVAL,
		    "%s: severity is proof, high, medium or note, not %.*s",
		    file, STR_ARG(h->values[MEMBER_SEVERITY]));
	if (word_index(fact_classes, h->values[MEMBER_CLASS]) < 0)
		return error_set(err, -EINVAL, "%s: no class %.*s", file,
		    STR_ARG(h->values[MEMBER_CLASS]));
	if (str_to_u64(h->values[MEMBER_SCHEMA], &schema) != 0 || schema < 1)
		return error_set(err, -EINVAL,
		    "%s: schema is the least version of the run file", file);
	if (schema > RUNFILE_VERSION)
		return error_set(err, -EINVAL,
		    "%s: needs run files of version %llu; this lazaret has %d",
		    file, (unsigned long long)schema, RUNFILE_VERSION);
	ret->severity = (enum severity)severity;
	return 0;
}

static bool
is_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 'a' || s.p[i] > 'z') &&
		    (s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '-')
			return false;
	return s.n != 0 && s.n <= 64;
}

int
rule_parse(struct arena *a, const char *file, struct str text, struct rule *ret,
    struct error *err)
{
	struct header h = { .last = -1 };
	struct str rest = text, line;
	struct rule rule = { 0 };
	int rc;

	if (text.n > LIMIT_RULE_BYTES)
		return error_set(err, -EFBIG, "%s: more than %u bytes", file,
		    LIMIT_RULE_BYTES);
	if (!str_is_utf8(text) || str_chr(text, '\0') >= 0)
		return error_set(err, -EINVAL, "%s: is not text", file);
	for (int m = 0; m < MEMBER__MAX; m++)
		h.values[m] = STR_NONE;
	while (str_cut(&rest, '\n', &line) && str_starts(line, "--"))
		(void)header_line(a, &h, str_sub(line, 2, line.n));
	rc = check_header(file, &h, &rule, err);
	if (rc != 0)
		return rc;
	if (!is_id(h.values[MEMBER_ID]))
		return error_set(err, -EINVAL,
		    "%s: id is lower case letters, digits and '-'", file);
	rule.file = arena_strz(a, str_of(file));
	rule.id = h.values[MEMBER_ID];
	rule.title = h.values[MEMBER_TITLE];
	rule.class = h.values[MEMBER_CLASS];
	rule.ecosystems = h.values[MEMBER_ECOSYSTEMS];
	rule.technique = h.values[MEMBER_TECHNIQUE];
	rule.look_alikes = h.values[MEMBER_LOOK_ALIKES];
	rule.references = h.values[MEMBER_REFERENCES];
	rule.sql = arena_strz(a, text);
	*ret = rule;
	return 0;
}

int
rules_prepare(struct reader *r, struct error *err)
{
	char *said = NULL;
	int rc = functions_add(r, err);

	if (rc != 0)
		return rc;
	reader_allow_temp(r, true);
	reader_budget(r, 4 * LIMIT_QUERY_STEPS);
	if (sqlite3_exec(reader_db(r), prelude_sql, NULL, NULL, &said) !=
	    SQLITE_OK)
		rc = error_set(err, -EIO, "prelude of the rules: %s",
		    said != NULL ? said : "?");
	sqlite3_free(said);
	reader_allow_temp(r, false);
	return rc;
}

/* Columns of a rule's result, by name. */
enum result {
	RESULT_SUMMARY,
	RESULT_PHASE,
	RESULT_PROCESS,
	RESULT_PACKAGE,
	RESULT_EVIDENCE_TABLE,
	RESULT_EVIDENCE_ROW,
	RESULT_SEVERITY,
	RESULT_CLASS,
	RESULT__MAX
};

static const struct {
	const char *name;
	bool required;
} results[RESULT__MAX] = {
	[RESULT_SUMMARY] = { "summary", true },
	[RESULT_PHASE] = { "phase", true },
	[RESULT_PROCESS] = { "process", true },
	[RESULT_PACKAGE] = { "package", true },
	[RESULT_EVIDENCE_TABLE] = { "evidence_table", true },
	[RESULT_EVIDENCE_ROW] = { "evidence_row", true },
	[RESULT_SEVERITY] = { "severity", false },
	[RESULT_CLASS] = { "class", false },
};

static int
find_columns(const struct rule *rule, sqlite3_stmt *st, int ret[RESULT__MAX],
    struct error *err)
{
	int n = sqlite3_column_count(st);

	for (int c = 0; c < RESULT__MAX; c++) {
		ret[c] = -1;
		for (int i = 0; i < n; i++)
			if (sqlite3_stricmp(sqlite3_column_name(st, i),
				results[c].name) == 0)
				ret[c] = i;
		if (ret[c] < 0 && results[c].required)
			return error_set(err, -EINVAL,
			    "%s: the result has no column %s", rule->file,
			    results[c].name);
	}
	return 0;
}

static struct str
get_str(sqlite3_stmt *st, int column)
{
	return column >= 0 ? reader_str(st, column) : STR_NONE;
}

/* The severity of a row: the rule's, or a weaker one that it names. */
static int
row_severity(const struct rule *rule, sqlite3_stmt *st, int column,
    enum severity *ret, struct error *err)
{
	struct str s = get_str(st, column);
	int v;

	*ret = rule->severity;
	if (s.p == NULL)
		return 0;
	v = word_index(severity_names, s);
	if (v < (int)rule->severity)
		return error_set(err, -EINVAL,
		    "%s: a row has severity %.*s; the header allows at most "
		    "%s",
		    rule->file, STR_ARG(s), severity_names[rule->severity]);
	*ret = (enum severity)v;
	return 0;
}

static bool
same(const struct finding *a, const struct finding *b)
{
	return a->severity == b->severity && a->phase == b->phase &&
	    a->process == b->process && a->package == b->package &&
	    str_eq(a->summary, b->summary);
}

static size_t
count_of(const struct findings *out, size_t first, int64_t package)
{
	size_t n = 0;

	for (size_t i = first; i < out->list.n; i++)
		n += out->list.v[i].package == package;
	return n;
}

/* What is left out for this one, so that nobody hides what he did behind a
 * crowd of lesser things, or behind another: the last that is weaker, or one
 * of a package that has more, where this one has none. NULL: this one. */
static struct finding *
lesser(const struct findings *out, size_t first, const struct finding *f)
{
	bool is_first =
	    SAFEGUARD(packages) && count_of(out, first, f->package) == 0;

	for (size_t i = out->list.n; i-- > first && SAFEGUARD(severities);)
		if (out->list.v[i].severity > f->severity)
			return &out->list.v[i];
	for (size_t i = out->list.n; i-- > first && is_first;)
		if (out->list.v[i].severity == f->severity &&
		    count_of(out, first, out->list.v[i].package) > 1)
			return &out->list.v[i];
	return NULL;
}

/* Where a row belongs: the finding that says the same, or a new one. */
static struct finding *
place(struct findings *out, size_t first, const struct finding *f,
    struct arena *a)
{
	struct finding *new;

	for (size_t i = first; i < out->list.n; i++)
		if (same(&out->list.v[i], f))
			return &out->list.v[i];
	if (out->list.n - first >= LIMIT_RULE_FINDINGS) {
		out->left_out++;
		new = lesser(out, first, f);
		if (new == NULL)
			return NULL;
		vec_done(&new->evidence);
	} else {
		new = vec_add(&out->list);
	}
	*new = *f;
	new->summary = arena_str(a, f->summary);
	new->class = arena_str(a, f->class);
	return new;
}

static int
take_row(const struct rule *rule, sqlite3_stmt *st, const int *col,
    struct arena *a, struct findings *out, size_t first, struct error *err)
{
	struct finding f = { .rule = rule }, *at;
	struct evidence *e;
	int rc;

	f.summary = get_str(st, col[RESULT_SUMMARY]);
	f.phase = reader_int(st, col[RESULT_PHASE]);
	f.process = reader_int(st, col[RESULT_PROCESS]);
	f.package = reader_int(st, col[RESULT_PACKAGE]);
	f.class = get_str(st, col[RESULT_CLASS]);
	if (f.class.p == NULL || word_index(fact_classes, f.class) < 0)
		f.class = rule->class;
	if (f.summary.n == 0)
		return error_set(err, -EINVAL, "%s: a row has no summary",
		    rule->file);
	rc = row_severity(rule, st, col[RESULT_SEVERITY], &f.severity, err);
	if (rc != 0)
		return rc;
	at = place(out, first, &f, a);
	if (at == NULL)
		return 0;
	if (at->evidence.n >= LIMIT_EVIDENCE) {
		at->more_evidence++;
		return 0;
	}
	e = vec_add(&at->evidence);
	e->table = arena_str(a, get_str(st, col[RESULT_EVIDENCE_TABLE]));
	e->row = reader_int(st, col[RESULT_EVIDENCE_ROW]);
	e->phase = f.phase;
	e->process = f.process;
	if (e->table.p == NULL || e->row == FACT_NONE)
		return error_set(err, -EINVAL, "%s: a row names no evidence",
		    rule->file);
	return 0;
}

static void
drop_from(struct findings *f, size_t first)
{
	while (f->list.n > first) {
		f->list.n--;
		vec_done(&f->list.v[f->list.n].evidence);
	}
}

/* One statement, and nothing behind it. */
static int
prepare(const struct rule *rule, struct reader *r, sqlite3_stmt **ret,
    struct error *err)
{
	const char *tail = NULL;

	if (sqlite3_prepare_v2(reader_db(r), rule->sql, -1, ret, &tail) !=
	    SQLITE_OK)
		return error_set(err, -EINVAL, "%s: %s", rule->file,
		    sqlite3_errmsg(reader_db(r)));
	if (*ret == NULL)
		return error_set(err, -EINVAL, "%s: has no SELECT", rule->file);
	if (str_trim(str_of(tail)).n != 0)
		return error_set(err, -EINVAL, "%s: is more than one statement",
		    rule->file);
	return 0;
}

int
rule_run(const struct rule *rule, struct reader *r, struct arena *a,
    struct findings *out, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	size_t first = out->list.n;
	int col[RESULT__MAX], rc, more;

	reader_budget(r, 0);
	rc = prepare(rule, r, &st, err);
	if (rc == 0)
		rc = find_columns(rule, st, col, err);
	if (rc != 0)
		return rc;
	while ((more = reader_step(r, st, err)) == 1 && rc == 0)
		rc = take_row(rule, st, col, a, out, first, err);
	if (more < 0)
		rc = error_wrap(err, "%s", rule->file);
	if (rc != 0)
		drop_from(out, first);
	return rc;
}

void
findings_done(struct findings *f)
{
	drop_from(f, 0);
	vec_done(&f->list);
}
