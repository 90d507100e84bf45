/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for all reports, tried on generated ones: merging gives the same
 * in every order, a second time changes nothing, and what is written reads
 * back as the same. LAZARET_PROPERTY_ROUNDS sets how many are tried,
 * LAZARET_SEED which.
 */
#include "report/report.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"

#define NOW        STR_LIT("2026-09-01T00:00:00Z")
#define NOW_S      1790000000
#define MAX_MERGED 4

static uint64_t seed;

static uint64_t
number_from_environment(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);
	uint64_t n;

	return v != NULL && str_to_u64(str_of(v), &n) == 0 ? n : otherwise;
}

/* splitmix64: below n. */
static uint64_t
draw(uint64_t n)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % n;
}

/* --- generated reports -----------------------------------------------------
 */

/* 0 to max different ones of a list of texts, as a JSON array. */
static void
put_some(struct buf *b, const char *key, const char *const *v, size_t n,
    size_t max)
{
	size_t count = draw(max + 1), at = draw(n), step = 1;
	bool first = true;

	if (count == 0)
		return;
	buf_printf(b, "\"%s\":[", key);
	for (size_t i = 0; i < n && count > 0; i += step, count--) {
		buf_printf(b, "%s%s", first ? "" : ",", v[(at + i) % n]);
		first = false;
		step = 1 + draw(2);
	}
	buf_puts(b, "],");
}

static void
put_versions_and_ranges(struct buf *b)
{
	static const char *const versions[] = { "\"1.0.0\"", "\"1.10.0\"",
		"\"1.9.0\"", "\"2.0.0-rc.1\"", "\"2.0.0\"", "\"0.0.1\"",
		"\"99.0.0\"" };
	static const char *const ranges[] = {
		"{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"}]}",
		"{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"1.0.0\"},"
		"{\"fixed\":\"2.0.0\"}]}",
		"{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"1.0.0\"},"
		"{\"last_affected\":\"1.9.0\"}]}",
		"{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":"
		"\"1.0.0\"},{\"fixed\":\"2.0.0\"}]}",
		"{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"3.0.0\"},"
		"{\"limit\":\"*\"}]}",
		/* The same as others, written otherwise. */
		"{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"3.0.0\"}]}",
		"{\"type\":\"SEMVER\",\"events\":[{\"fixed\":\"2.0.0\"},"
		"{\"introduced\":\"1.0.0\"}]}",
		"{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"},"
		"{\"limit\":\"*\"}]}"
	};

	put_some(b, "versions", versions, N_ELEMENTS(versions), 4);
	put_some(b, "ranges", ranges, N_ELEMENTS(ranges), 2);
}

static void
put_lists(struct buf *b)
{
	static const char *const ids[] = { "\"GHSA-1\"", "\"GHSA-2\"",
		"\"CVE-2026-1\"", "\"OSV-2026-3\"" };
	static const char *const related[] = { "\"RSEC-1\"", "\"RSEC-2\"" };
	static const char *const upstream[] = { "\"CVE-2026-7\"",
		"\"CVE-2026-8\"", "\"CVE-2026-9\"" };
	static const char *const references[] = {
		"{\"type\":\"WEB\",\"url\":\"https://a.test/1\"}",
		"{\"type\":\"FIX\",\"url\":\"https://a.test/1\"}",
		"{\"type\":\"WEB\",\"url\":\"https://a.test/2\"}",
		"{\"type\":\"REPORT\",\"url\":\"https://b.test/\"}"
	};
	static const char *const credits[] = {
		"{\"name\":\"Jane\",\"type\":\"FINDER\"}",
		"{\"name\":\"Jane\",\"type\":\"FINDER\",\"contact\":[\"j@a.test"
		"\"]}",
		"{\"name\":\"Jane\",\"type\":\"FINDER\",\"contact\":[\"j@b.test"
		"\",\"j@a.test\"]}",
		"{\"name\":\"Jane\",\"type\":\"REPORTER\"}",
		"{\"name\":\"Ann\",\"contact\":[\"https://ann.test\"]}"
	};

	put_some(b, "aliases", ids, N_ELEMENTS(ids), 3);
	put_some(b, "upstream", upstream, N_ELEMENTS(upstream), 2);
	put_some(b, "related", related, N_ELEMENTS(related), 2);
	put_some(b, "references", references, N_ELEMENTS(references), 3);
	put_some(b, "credits", credits, N_ELEMENTS(credits), 3);
}

static void
put_iocs(struct buf *b)
{
	static const char *const domains[] = { "\"a.test\"", "\"b.test\"",
		"\"c.test\"" };
	static const char *const ips[] = { "\"198.51.100.1\"",
		"\"2001:db8::1\"" };

	buf_puts(b, "\"iocs\":{");
	put_some(b, "domains", domains, N_ELEMENTS(domains), 2);
	put_some(b, "ips", ips, N_ELEMENTS(ips), 2);
	if (b->p[b->n - 1] == ',')
		b->n--;
	buf_puts(b, "}");
}

static struct report *
read_text(struct str text)
{
	struct arena *a = arena_new(MIB);
	struct osv_findings f;
	struct report *r = NULL;
	struct error err = ERROR_INIT;

	osv_findings_init(&f, a);
	if (report_read(text, OSV_PROFILE_REPORT, NOW_S, &f, &r, &err) != 0)
		fail_msg("%.*s: %s", STR_ARG(text), err.msg);
	osv_findings_done(&f);
	arena_free(a);
	return r;
}

/* A report about NuGet's X with one origin; source: two may be of the same.
 * Now and then none: a person's, whose text could not be merged twice. */
static void
generate(struct buf *b, size_t i)
{
	static const char *const packages[] = { "\"name\":\"X.y\"",
		"\"name\":\"x.Y\"",
		"\"name\":\"x.y\",\"purl\":\"pkg:nuget/x.y\"",
		"\"name\":\"X.y\",\"purl\":\"pkg:nuget/X.y?a=b\"" };
	static const char *const texts[] = { "short", "It sends files away.",
		"It sends\\n\\nfiles away, at \\\"install\\\".",
		"caf\\u00e9 \\ud83d\\ude00" };
	bool by_person;
	struct buf entry;

	buf_init(&entry, MIB);
	put_versions_and_ranges(&entry);
	buf_reset(b);
	buf_printf(b, "{\"modified\":\"2026-0%d-02T03:04:05Z\",",
	    (int)draw(8) + 1);
	if (draw(3) != 0)
		buf_printf(b, "\"published\":\"2026-0%d-01T00:00:00Z\",",
		    (int)draw(8) + 1);
	by_person = draw(6) == 0;
	if (draw(4) != 0 && !by_person)
		buf_printf(b, "\"details\":\"%s\",",
		    texts[draw(N_ELEMENTS(texts))]);
	put_lists(b);
	buf_printf(b,
	    "\"affected\":[{%s\"package\":{\"ecosystem\":\"NuGet\",%s},"
	    "\"database_specific\":{",
	    buf_str(&entry).p, packages[draw(N_ELEMENTS(packages))]);
	if (draw(2) != 0)
		buf_puts(b,
		    "\"cwes\":[{\"cweId\":\"CWE-506\",\"name\":\"Embedded "
		    "Malicious Code\"}],");
	put_iocs(b);
	buf_puts(b, "}}],\"database_specific\":{");
	if (!by_person)
		buf_printf(b,
		    "\"malicious-packages-origins\":[{%s\"source\":\"s%d\","
		    "\"sha256\":\"%064zx\",\"import_time\":"
		    "\"2026-01-01T00:00:00Z\"}],",
		    buf_str(&entry).p, (int)draw(3), i);
	put_iocs(b);
	buf_puts(b, "}}");
	buf_done(&entry);
}

static struct report *
normalised(struct str text)
{
	struct report *r = read_text(text);
	struct error err = ERROR_INIT;

	if (report_normalise(r, &err) != 0)
		fail_msg("%.*s: %s", STR_ARG(text), err.msg);
	return r;
}

static void
published(struct report *r, struct buf *b)
{
	(void)report_publish_versions(r);
	buf_reset(b);
	report_write(r, b);
}

static void
same(const struct buf *a, const struct buf *b, const char *what,
    uint64_t began_with)
{
	size_t at = 0, from;

	if (str_eq(buf_str(a), buf_str(b)))
		return;
	while (at < a->n && at < b->n && a->p[at] == b->p[at])
		at++;
	from = at > 300 ? at - 300 : 0;
	fail_msg("%s (LAZARET_SEED=%" PRIu64
		 "), byte %zu:\n%.400s\n---\n%.400s",
	    what, began_with, at, a->p + from, b->p + from);
}

/* --- merging ---------------------------------------------------------------
 */

/* The next order of n numbers; false after the last. */
static bool
permute(size_t *v, size_t n)
{
	size_t i = n - 1, k = n - 1, swap;

	while (i > 0 && v[i - 1] >= v[i])
		i--;
	if (i == 0)
		return false;
	while (v[k] <= v[i - 1])
		k--;
	swap = v[i - 1];
	v[i - 1] = v[k];
	v[k] = swap;
	for (k = n - 1; i < k; i++, k--) {
		swap = v[i];
		v[i] = v[k];
		v[k] = swap;
	}
	return true;
}

/* Takes the origins of these back, in this order: -1 ends the list. true: it is
 * to be withdrawn. */
static bool
retract(struct report *r, const int *gone)
{
	struct error err = ERROR_INIT;
	char sha[65];

	for (; *gone >= 0; gone++) {
		struct str source = STR_NONE, hash = STR_NONE;
		int rc = 0;

		(void)snprintf(sha, sizeof(sha), "%064x", (unsigned)*gone);
		for (size_t i = 0; i < r->origins.n; i++)
			if (str_is(r->origins.v[i].sha256, sha)) {
				source = r->origins.v[i].source;
				hash = r->origins.v[i].sha256;
			}
		if (source.p != NULL)
			rc = report_retract(r, source, hash, &err);
		if (rc < 0)
			fail_msg("%s", err.msg);
		if (rc == 1)
			return true;
	}
	return false;
}

/* Between two runs it lies in a file. */
static struct report *
through_a_file(struct report *r)
{
	struct report *copy;

	if (draw(2) != 0)
		return r;
	copy = report_copy(r);
	report_free(r);
	return copy;
}

struct round {
	struct buf texts[MAX_MERGED];
	size_t n;
	int gone[2][MAX_MERGED + 1]; /* the same ones, in two orders */
	struct buf first, again, less; /* all; once more; without those gone */
	struct buf b, first_less;
};

static void
merge_in_order(struct round *w, const size_t *order, struct buf *out)
{
	struct report *to = normalised(buf_str(&w->texts[order[0]])), *from;
	struct error err = ERROR_INIT;

	for (size_t i = 1; i < w->n; i++) {
		from = normalised(buf_str(&w->texts[order[i]]));
		if (report_merge(to, from, NOW, &err) != 0)
			fail_msg("%s", err.msg);
		report_free(from);
		(void)report_publish_versions(to);
		to = through_a_file(to);
	}
	to->d.modified = NOW;
	published(to, out);
	/* A second time is refused, and changes nothing. */
	from = normalised(buf_str(&w->texts[order[w->n - 1]]));
	if (from->origins.n != 0 && report_merge(to, from, NOW, &err) == 0)
		fail_msg("merged twice");
	report_free(from);
	published(to, &w->again);
	to = through_a_file(to);
	if (retract(to, w->gone[draw(2)])) {
		buf_reset(&w->less);
		buf_puts(&w->less, "withdrawn");
	} else {
		to = through_a_file(to);
		to->d.modified = NOW;
		published(to, &w->less);
	}
	report_free(to);
}

/* Some of them, at least one of which stays. */
static void
choose_gone(struct round *w)
{
	size_t n = 0, at = draw(w->n);

	for (size_t i = 0; i + 1 < w->n; i++)
		if (draw(2) == 0)
			w->gone[0][n++] = (int)((at + i) % w->n);
	for (size_t i = 0; i < n; i++)
		w->gone[1][i] = w->gone[0][n - 1 - i];
	w->gone[0][n] = w->gone[1][n] = -1;
}

static void
one_round(struct round *w)
{
	size_t order[MAX_MERGED] = { 0, 1, 2, 3 };
	uint64_t began_with = seed;
	bool any = false;

	w->n = 2 + draw(3);
	for (size_t i = 0; i < w->n; i++)
		generate(&w->texts[i], i);
	choose_gone(w);
	do {
		merge_in_order(w, order, any ? &w->b : &w->first);
		same(any ? &w->b : &w->first, &w->again, "a second merge",
		    began_with);
		if (any)
			same(&w->first, &w->b, "another order", began_with);
		if (any)
			same(&w->first_less, &w->less,
			    "another order, and then some taken back",
			    began_with);
		buf_reset(&w->first_less);
		buf_put_str(&w->first_less, buf_str(&w->less));
		any = true;
	} while (permute(order, w->n));
}

static void
merge_in_every_order(void **state)
{
	uint64_t rounds =
	    number_from_environment("LAZARET_PROPERTY_ROUNDS", 60);
	static struct round w;
	struct buf *bufs[] = { &w.texts[0], &w.texts[1], &w.texts[2],
		&w.texts[3], &w.first, &w.again, &w.less, &w.b, &w.first_less };

	(void)state;
	seed = number_from_environment("LAZARET_SEED", 1);
	for (size_t i = 0; i < N_ELEMENTS(bufs); i++)
		buf_init(bufs[i], MIB);
	for (uint64_t i = 0; i < rounds; i++)
		one_round(&w);
	for (size_t i = 0; i < N_ELEMENTS(bufs); i++)
		buf_done(bufs[i]);
}

/* --- writing and reading ---------------------------------------------------
 */

static void
what_is_written_reads_back(void **state)
{
	uint64_t rounds =
	    number_from_environment("LAZARET_PROPERTY_ROUNDS", 60) * 10;
	struct buf text, once, again;
	uint64_t began_with;

	(void)state;
	seed = number_from_environment("LAZARET_SEED", 2);
	buf_init(&text, MIB);
	buf_init(&once, MIB);
	buf_init(&again, MIB);
	for (uint64_t i = 0; i < rounds; i++) {
		_cleanup_(report_freep) struct report *r = NULL;
		_cleanup_(report_freep) struct report *back = NULL;

		began_with = seed;
		generate(&text, i);
		r = draw(2) == 0 ? read_text(buf_str(&text)) :
				   normalised(buf_str(&text));
		buf_reset(&once);
		report_write(r, &once);
		back = read_text(buf_str(&once));
		buf_reset(&again);
		report_write(back, &again);
		same(&once, &again, "written and read", began_with);
		assert_int_equal(back->origins.n, r->origins.n);
		assert_int_equal(back->d.affected[0].n_versions,
		    r->d.affected[0].n_versions);
		assert_int_equal(back->d.affected[0].n_ranges,
		    r->d.affected[0].n_ranges);
		assert_int_equal(back->d.n_references, r->d.n_references);
		assert_int_equal(back->d.n_credits, r->d.n_credits);
		assert_true(str_eq(back->d.details, r->d.details));
	}
	buf_done(&text);
	buf_done(&once);
	buf_done(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_in_every_order),
		cmocka_unit_test(what_is_written_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
