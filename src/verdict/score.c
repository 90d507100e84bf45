/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict. Runs in judge. No clock, no chance, a stable order. */
#include "verdict/score.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "runfile/writer.h"
#include "verdict/score_priv.h"

const char *const label_names[LABEL__MAX + 1] = {
	[LABEL_MALICIOUS] = "malicious",
	[LABEL_SUSPICIOUS] = "suspicious",
	[LABEL_INCOMPLETE] = "incomplete",
	[LABEL_CLEAN] = "clean",
};

static int
compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
compare_evidence(const void *pa, const void *pb)
{
	const struct evidence *a = pa, *b = pb;
	int c = str_cmp(a->table, b->table);

	return c != 0 ? c : compare_int(a->row, b->row);
}

/* Strongest first; the rest is there to make the order total. */
static int
compare_findings(const void *pa, const void *pb)
{
	const struct finding *a = pa, *b = pb;
	int c = compare_int(a->severity, b->severity);

	if (c == 0)
		c = str_cmp(a->rule->id, b->rule->id);
	if (c == 0)
		c = compare_int(a->phase, b->phase);
	if (c == 0)
		c = compare_int(a->process, b->process);
	if (c == 0)
		c = compare_int(a->package, b->package);
	return c != 0 ? c : str_cmp(a->summary, b->summary);
}

/* One value of one row; absent when there is none. */
static int
look_up(struct reader *r, struct arena *a, const char *sql, int64_t key,
    struct str *ret, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = reader_prepare(r, sql, &st, err);

	*ret = STR_NONE;
	if (rc != 0)
		return rc;
	if (sqlite3_bind_parameter_count(st) != 0)
		(void)sqlite3_bind_int64(st, 1, key);
	rc = reader_step(r, st, err);
	if (rc == 1)
		*ret = arena_str(a, reader_str(st, 0));
	return rc < 0 ? rc : 0;
}

/* What the rules did not say: where the process was, whose it was. */
static int
complete(struct reader *r, struct arena *a, struct context *c,
    struct finding *f, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc;

	c->root = c->trigger = STR_NONE;
	rc = reader_prepare(r,
	    "SELECT coalesce(?1, a.phase), coalesce(?2, a.package), a.root "
	    "FROM (SELECT 1) LEFT JOIN actor a ON a.id = ?3",
	    &st, err);
	if (rc != 0)
		return rc;
	if (f->phase != FACT_NONE)
		(void)sqlite3_bind_int64(st, 1, f->phase);
	if (f->package != FACT_NONE)
		(void)sqlite3_bind_int64(st, 2, f->package);
	if (f->process != FACT_NONE)
		(void)sqlite3_bind_int64(st, 3, f->process);
	rc = reader_step(r, st, err);
	if (rc < 0)
		return rc;
	f->phase = reader_int(st, 0);
	f->package = reader_int(st, 1);
	c->root = arena_str(a, reader_str(st, 2));
	rc = look_up(r, a, "SELECT path FROM package WHERE id = ?", f->package,
	    &f->package_path, err);
	if (rc == 0 && f->phase != FACT_NONE)
		rc = look_up(r, a, "SELECT trigger FROM phase WHERE id = ?",
		    f->phase, &c->trigger, err);
	return rc;
}

/* A lone `high` counts where nobody asked the package to do anything. */
static bool
is_unasked(const struct context *c)
{
	return !str_is(c->trigger, "call") && !str_is(c->trigger, "run");
}

static bool
share_evidence(const struct finding *a, const struct finding *b)
{
	for (size_t i = 0; i < a->evidence.n; i++)
		for (size_t j = 0; j < b->evidence.n; j++)
			if (compare_evidence(&a->evidence.v[i],
				&b->evidence.v[j]) == 0)
				return true;
	return false;
}

/* Two different behaviours of one process tree and package, or over the same
 * fact. */
static bool
is_chain(const struct finding *a, const struct context *ca,
    const struct finding *b, const struct context *cb)
{
	if (str_eq(a->rule->id, b->rule->id))
		return false;
	if (share_evidence(a, b))
		return true;
	if (a->package != b->package && a->package != FACT_NONE &&
	    b->package != FACT_NONE)
		return false;
	return ca->root.p != NULL && str_eq(ca->root, cb->root);
}

static void
mark_chains(const struct findings *f, struct context *c, enum severity least)
{
	for (size_t i = 0; i < f->list.n; i++)
		for (size_t j = i + 1; j < f->list.n; j++) {
			const struct finding *a = &f->list.v[i];
			const struct finding *b = &f->list.v[j];

			if (a->severity > least || b->severity > least ||
			    !is_chain(a, &c[i], b, &c[j]))
				continue;
			c[i].chained = c[j].chained = true;
		}
}

static enum label
decide(const struct findings *f, struct context *c)
{
	enum label label = LABEL_CLEAN;

	mark_chains(f, c, SEVERITY_HIGH);
	for (size_t i = 0; i < f->list.n; i++) {
		enum severity s = f->list.v[i].severity;

		if (s == SEVERITY_PROOF || (s == SEVERITY_HIGH && c[i].chained))
			return LABEL_MALICIOUS;
		if (s == SEVERITY_HIGH && is_unasked(&c[i]))
			label = LABEL_SUSPICIOUS;
	}
	return label;
}

/* Does this finding carry the label? */
static bool
counts(enum label label, const struct finding *f, const struct context *c)
{
	if (label == LABEL_MALICIOUS)
		return f->severity == SEVERITY_PROOF ||
		    f->severity == SEVERITY_HIGH;
	if (label == LABEL_SUSPICIOUS)
		return f->severity == SEVERITY_HIGH && is_unasked(c);
	return false;
}

static int64_t
score(enum label label, const struct findings *f)
{
	static const int64_t base
	    [LABEL__MAX] = { [LABEL_MALICIOUS] = 80, [LABEL_SUSPICIOUS] = 50 };
	static const int64_t worth[SEVERITY__MAX] = { [SEVERITY_PROOF] = 10,
		[SEVERITY_HIGH] = 5,
		[SEVERITY_MEDIUM] = 3,
		[SEVERITY_NOTE] = 1 };
	static const int64_t most[LABEL__MAX] = { [LABEL_MALICIOUS] = 100,
		[LABEL_SUSPICIOUS] = 79,
		[LABEL_INCOMPLETE] = 40,
		[LABEL_CLEAN] = 40 };
	int64_t sum = base[label];

	for (size_t i = 0; i < f->list.n; i++)
		sum += worth[f->list.v[i].severity];
	return MIN_OF(sum, most[label]);
}

static int
find_culprit(struct reader *r, struct arena *a, const struct finding *f,
    struct str *ret, struct error *err)
{
	int rc = 0;

	*ret = STR_NONE;
	/* A name without a version where the version is not known. */
	if (f->package != FACT_NONE && f->package_path.n != 0)
		rc = look_up(r, a,
		    "SELECT coalesce(p.purl, substr(r.purl, 1, "
		    "instr(r.purl, '/')) || replace(CAST(p.name AS TEXT), "
		    "'@', '%40')) FROM package p, run r WHERE p.id = ?",
		    f->package, ret, err);
	if (rc == 0 && ret->p == NULL)
		rc = look_up(r, a, "SELECT purl FROM run", 0, ret, err);
	return rc;
}

/* How many packages the phase of this finding has loaded; none: very many. */
static int
count_loaded(struct reader *r, struct arena *a, const struct finding *f,
    uint64_t *ret, struct error *err)
{
	struct str n;
	int rc = look_up(r, a,
	    "SELECT count(*) FROM dependency d WHERE d.path IS NOT NULL "
	    "AND EXISTS (SELECT 1 FROM file_event v WHERE v.phase = ? "
	    "AND v.op IN ('open', 'read') AND instr(v.path, "
	    "CAST('/' || CAST(d.path AS TEXT) || '/' AS BLOB)) > 0)",
	    f->phase, &n, err);

	if (rc == 0 && (str_to_u64(n, ret) != 0 || *ret == 0))
		*ret = UINT64_MAX;
	return rc;
}

/*
 * What an import is blamed for may be the doing of something that it loads;
 * suspects were then imported alone. Whoever shows it alone and loads the
 * fewest others is the culprit, and the rest is its doing. ret: index of that
 * finding; where there is none, strongest.
 */
static int
find_confirmed(struct reader *r, struct arena *a, const struct findings *f,
    const struct context *c, size_t strongest, size_t *ret, struct error *err)
{
	const struct finding *first = &f->list.v[strongest];
	uint64_t least = UINT64_MAX, n;
	struct str root;
	int rc = look_up(r, a,
	    "SELECT 'node_modules/' || CAST(name AS TEXT) FROM run", 0, &root,
	    err);

	*ret = strongest;
	if (rc != 0 || !str_is(c[strongest].trigger, "import") ||
	    !str_eq(first->package_path, root))
		return rc;
	for (size_t i = 0; i < f->list.n && rc == 0; i++) {
		const struct finding *x = &f->list.v[i];
		if (!str_is(c[i].trigger, "import") ||
		    x->severity > first->severity || x->package_path.n == 0 ||
		    str_eq(x->package_path, root))
			continue;
		rc = count_loaded(r, a, x, &n, err);
		if (rc == 0 && (n < least || *ret == strongest)) {
			least = n;
			*ret = i;
		}
	}
	return rc;
}

static void
add_reason(struct verdict *v, struct str text, int64_t finding)
{
	struct reason *r = vec_add(&v->reasons);

	r->text = text;
	r->finding = finding;
}

void
verdict_reason(struct verdict *v, struct str text)
{
	add_reason(v, text, -1);
}

/* "during install, evil@1.0.0: …" */
static int
explain(struct reader *r, struct arena *a, const struct finding *f,
    const struct context *c, int64_t index, struct verdict *v,
    struct error *err)
{
	struct str who = STR_NONE;
	int rc = 0;

	if (f->package_path.n != 0)
		rc = look_up(r, a,
		    "SELECT coalesce(CAST(name AS TEXT) || '@' || "
		    "CAST(version AS TEXT), CAST(name AS TEXT), "
		    "CAST(path AS TEXT)) FROM package WHERE id = ?",
		    f->package, &who, err);
	if (rc != 0)
		return rc;
	add_reason(v,
	    str_of(arena_printf(a, "%.*s%s%s%.*s%s%.*s", STR_ARG(who),
		who.n != 0 ? ": " : "", c->trigger.n != 0 ? "during " : "",
		STR_ARG(c->trigger), c->trigger.n != 0 ? ", " : "",
		STR_ARG(f->summary))),
	    index);
	return 0;
}

static int
give_reasons(struct reader *r, struct arena *a, const struct findings *f,
    const struct context *c, struct verdict *v, struct error *err)
{
	size_t strongest = 0, culprit;
	int rc;

	while (strongest < f->list.n &&
	    !counts(v->label, &f->list.v[strongest], &c[strongest]))
		strongest++;
	if (strongest == f->list.n)
		return 0;
	v->class = f->list.v[strongest].class;
	rc = find_confirmed(r, a, f, c, strongest, &culprit, err);
	if (rc == 0)
		rc = find_culprit(r, a, &f->list.v[culprit], &v->culprit, err);
	for (size_t i = strongest; i < f->list.n && rc == 0; i++) {
		const struct finding *x = &f->list.v[i];
		/* The importer's own rows say nothing more. */
		bool borrowed = culprit != strongest &&
		    str_is(c[i].trigger, "import") &&
		    !str_eq(x->package_path, f->list.v[culprit].package_path);
		if (!borrowed && counts(v->label, x, &c[i]))
			rc = explain(r, a, x, &c[i], (int64_t)i, v, err);
	}
	return rc;
}

int
verdict_decide(struct reader *r, struct arena *a, struct findings *f,
    const struct str *broken, size_t n_broken, struct verdict *ret,
    struct error *err)
{
	struct context *c = arena_array(a, f->list.n + 1, sizeof(*c));
	struct verdict v = { .class = STR_NONE, .culprit = STR_NONE };
	int rc = 0;

	reader_budget(r, 0);
	for (size_t i = 0; i < f->list.n; i++)
		if (f->list.v[i].evidence.n != 0)
			qsort(f->list.v[i].evidence.v, f->list.v[i].evidence.n,
			    sizeof(struct evidence), compare_evidence);
	if (f->list.n != 0)
		qsort(f->list.v, f->list.n, sizeof(*f->list.v),
		    compare_findings);
	for (size_t i = 0; i < f->list.n && rc == 0; i++)
		rc = complete(r, a, &c[i], &f->list.v[i], err);
	if (rc == 0) {
		v.label = decide(f, c);
		rc = give_reasons(r, a, f, c, &v, err);
	}
	if (rc == 0)
		rc = incomplete_find(r, a, broken, n_broken, &v, err);
	if (rc != 0) {
		verdict_done(&v);
		return rc;
	}
	if (v.reasons.n == 0)
		verdict_reason(&v,
		    STR_LIT("nothing that counts was seen in what was "
			    "exercised"));
	v.score = score(v.label, f);
	*ret = v;
	return 0;
}

void
verdict_done(struct verdict *v)
{
	vec_done(&v->reasons);
}
