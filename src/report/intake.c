/* SPDX-License-Identifier: Apache-2.0 */
/* Repair, validation, origin and split of a source's document. */
#include "report/intake.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/details.h"
#include "report/ghsa.h"
#include "report/intake_priv.h"
#include "report/iocs.h"
#include "report/malicious.h"
#include "report/mapping.h"
#include "report/name.h"
#include "report/popular.h"
#include "sys/clock.h"
#include "sys/sha256.h"

/* Most documents are smaller: a buffer does not grow on the way. */
#define USUAL_BYTES 4000

void
intake_done(struct intake *in)
{
	for (size_t i = 0; i < in->reports.n; i++)
		report_free(in->reports.v[i]);
	for (size_t i = 0; i < in->notes.n; i++)
		free(in->notes.v[i]);
	for (size_t i = 0; i < in->holds.n; i++)
		free(in->holds.v[i]);
	vec_done(&in->holds);
	vec_done(&in->reports);
	vec_done(&in->notes);
	free(in->source_id);
	in->source_id = NULL;
}

void
intake_note(struct intake *in, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (in->notes.n < 1000)
		vec_push(&in->notes, mem_strdup(text));
}

/* The content's own hash: members in one order, lists as they are. */
static void
hash_canonical(const struct osv_document *d, uint8_t ret[32])
{
	struct buf b;

	buf_init(&b, 64 * (size_t)MIB);
	(void)buf_reserve(&b, USUAL_BYTES);
	osv_write(d, 0, &b);
	sha256_of(buf_str(&b), ret);
	buf_done(&b);
}

static int
read_repaired(yyjson_mut_doc *m, int64_t now_s, struct report **ret,
    struct error *err)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct osv_findings f;
	size_t n;
	char *text = yyjson_mut_write(m, 0, &n);
	int rc;

	osv_findings_init(&f, a);
	rc = text == NULL ? error_set(err, -EINVAL, "cannot be written") :
			    report_read(str_n(text, n), OSV_PROFILE_REPORT,
				now_s, &f, ret, err);
	osv_findings_done(&f);
	arena_free(a);
	free(text);
	return rc;
}

/* A draft of ours (lazaret report draft) names its origin already; it has no
 * id yet, so it cannot have been published. */
static bool
is_draft(const struct report *r, const struct intake *in,
    const struct intake_source *s)
{
	return in->source_id == NULL && r->origins.n == 1 &&
	    str_eq(r->origins.v[0].source, s->id);
}

/* Credits of reports that a database like this one has published, as long as
 * no own names are configured. */
static const struct str usual_names[] = { { "OpenSSF: Package Analysis", 25 } };

/* Reports that a database like this one has published. Those of this very
 * database are also known by their ids and contents (ingest.c). */
static int
refuse_loops(const struct report *r, const struct intake_source *s,
    struct error *err)
{
	const struct str *own =
	    s->own_names != NULL ? s->own_names : usual_names;
	size_t n_own =
	    s->own_names != NULL ? s->n_own_names : N_ELEMENTS(usual_names);

	if (details_has_header(r->d.details))
		return error_set(err, -EINVAL,
		    "comes from a database like this one: its details have "
		    "per-source sections");
	for (size_t i = 0; i < r->d.n_credits; i++)
		for (size_t k = 0; k < n_own; k++)
			if (str_eq_nocase(r->d.credits[i].name, own[k]))
				return error_set(err, -EINVAL,
				    "comes from a database like this one: it "
				    "is credited to \"%.*s\"",
				    STR_ARG(own[k]));
	if (r->origins.n != 0)
		return error_set(err, -EINVAL,
		    "comes from a database like this one: it has origins");
	return 0;
}

static bool
ecosystem_allowed(const struct intake_source *s, struct str ecosystem)
{
	if (s->n_ecosystems == 0)
		return true;
	for (size_t i = 0; i < s->n_ecosystems; i++)
		if (str_eq(s->ecosystems[i], osv_ecosystem_base(ecosystem)))
			return true;
	return false;
}

static struct str
hex(struct arena *a, const uint8_t digest[32])
{
	char *p = arena_alloc(a, SHA256_HEX_SIZE);

	sha256_hex(digest, p);
	return str_of(p);
}

static void
add_origin(struct report *r, const struct intake *in,
    const struct intake_source *s, int64_t now_s)
{
	struct report_origin *o = vec_add(&r->origins);
	const struct osv_affected *a = &r->d.affected[0];
	char now[CLOCK_RFC3339_SIZE];

	clock_rfc3339(now_s * NS_PER_SEC, now);
	o->source = arena_str(r->arena, s->id);
	o->sha256 = hex(r->arena, in->raw_sha256);
	o->import_time = arena_str(r->arena, str_of(now));
	o->modified_time = r->d.modified;
	if (in->source_id != NULL)
		o->id = arena_str(r->arena, str_of(in->source_id));
	o->versions = a->versions;
	o->n_versions = a->n_versions;
	o->ranges = a->ranges;
	o->n_ranges = a->n_ranges;
	r->n_own_versions = r->n_own_ranges = 0; /* all of it is the source's */
}

static void
add_alias(struct report *r, const struct intake *in)
{
	struct osv_document *d = &r->d;
	struct str id = str_of(in->source_id), *v;

	for (size_t i = 0; i < d->n_aliases; i++)
		if (str_eq(d->aliases[i], id))
			return;
	v = arena_array(r->arena, d->n_aliases + 1, sizeof(*v));
	if (d->n_aliases != 0)
		memcpy(v, d->aliases, d->n_aliases * sizeof(*v));
	v[d->n_aliases++] = arena_str(r->arena, id);
	d->aliases = v;
}

/* A scope in the text that the name has not: "@scope/name" in an npm report
 * about "name" has made popular packages malicious before. NULL, or why a
 * person should look at it; owned. */
static char *
look_for_lost_scope(const struct report *r)
{
	char *why = NULL;
	const struct osv_affected *a = &r->d.affected[0];
	const struct str texts[] = { r->d.summary, r->d.details };
	struct str needle;
	char *slash;
	ptrdiff_t at;

	if (!str_is(a->ecosystem, "npm") || str_chr(a->name, '/') >= 0)
		return NULL;
	slash = mem_printf("/%.*s", STR_ARG(a->name));
	needle = str_of(slash);
	for (size_t i = 0; i < N_ELEMENTS(texts) && why == NULL; i++) {
		at = str_find(texts[i], needle);
		while (at > 0 && texts[i].p[at - 1] != '@' &&
		    strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.~",
			texts[i].p[at - 1]) != NULL)
			at--;
		if (at > 0 && texts[i].p[at - 1] == '@') {
			struct str word =
			    str_sub(texts[i], (size_t)at, (size_t)at + 60);

			while (word.n != 0 && !str_is_utf8(word))
				word.n--;
			why =
			    mem_printf("the text speaks of a scope, \"@%.*s\","
				       " the package is \"%.*s\"",
				STR_ARG(word), STR_ARG(a->name));
		}
	}
	free(slash);
	return why;
}

/* A popular package of which all versions are said to be malicious, also
 * all up to some version: a compromise of a few was meant nearly always. */
static char *
look_for_broad_claim(const struct report *r, const struct intake_source *s)
{
	const struct osv_affected *a = &r->d.affected[0];
	bool broad = a->n_versions == 0 && a->n_ranges == 0;

	for (size_t i = 0; i < a->n_ranges; i++)
		for (size_t k = 0; k < a->ranges[i].n_events; k++)
			broad = broad ||
			    (a->ranges[i].type != OSV_GIT &&
				a->ranges[i].events[k].kind == OSV_INTRODUCED &&
				(str_is(a->ranges[i].events[k].value, "0") ||
				    str_is(a->ranges[i].events[k].value,
					"0.0.0")));
	if (!broad || !popular_has(s->popular, a->ecosystem, a->name))
		return NULL;
	return mem_printf("claims every version of the popular package %.*s",
	    STR_ARG(a->name));
}

/* The house rules, on the report as it would be written. */
static int
check_house_rules(struct report *r, int64_t now_s, struct error *err)
{
	struct osv_input in = { .profile = OSV_PROFILE_MALICIOUS,
		.now_s = now_s,
		.extra = malicious_check };
	struct osv_findings f;
	int rc = 0;

	r->d.schema_version = STR_LIT(OSV_SCHEMA_VERSION);
	osv_findings_init(&f, r->arena);
	osv_check(&r->d, &in, &f);
	for (size_t i = 0; i < f.n && rc == 0; i++)
		if (f.v[i].level == OSV_ERROR)
			rc = error_set(err, -EINVAL, "%s: %s", f.v[i].path,
			    f.v[i].message);
	osv_findings_done(&f);
	return rc;
}

/* One report about one package; takes r. */
static int
take_package(struct intake *in, struct report *r, const struct intake_source *s,
    int64_t now_s, struct error *err)
{
	char *why;
	int rc = 0;

	if (!ecosystem_allowed(s, r->d.affected[0].ecosystem)) {
		intake_note(in, "the source may not report about %.*s",
		    STR_ARG(r->d.affected[0].ecosystem));
		report_free(r);
		return 0;
	}
	r->d.id = STR_NONE;
	if (s->alias_id && in->source_id != NULL)
		add_alias(r, in);
	rc = intake_filter(in, r, s, err);
	if (rc == 0)
		rc = check_house_rules(r, now_s, err);
	if (rc != 0) {
		report_free(r);
		return rc;
	}
	why = look_for_broad_claim(r, s);
	if (why == NULL)
		why = look_for_lost_scope(r);
	vec_push(&in->holds, why);
	add_origin(r, in, s, now_s);
	vec_push(&in->reports, r);
	return 0;
}

/* Two entries about one package: which of them is meant, nobody knows; both
 * would be one file. */
static int
refuse_twice(const struct report *all, struct error *err)
{
	const struct osv_affected *a = all->d.affected;

	for (size_t i = 0; i < all->d.n_affected; i++)
		for (size_t k = 0; k < i; k++)
			if (a[i].has_package && a[k].has_package &&
			    report_same_package(a[i].ecosystem, a[i].name,
				a[k].ecosystem, a[k].name))
				return error_set(err, -EINVAL,
				    "$.affected[%zu] and [%zu] are both about "
				    "%.*s \"%.*s\"; make one entry of them",
				    k, i, STR_ARG(a[i].ecosystem),
				    (int)MIN_OF(a[i].name.n, (size_t)100),
				    a[i].name.p);
	return 0;
}

static int
take_packages(struct intake *in, struct report **all_p,
    const struct intake_source *s, int64_t now_s, struct error *err)
{
	struct report *all = *all_p, *one;
	int rc;

	if (is_draft(all, in, s))
		all->origins.n = 0;
	rc = refuse_loops(all, s, err);

	if (rc == 0 && all->d.n_affected == 0)
		rc = error_set(err, -EINVAL, "affected is missing or empty");
	if (rc == 0 && all->d.n_affected > 1 && !s->split)
		rc = error_set(err, -EINVAL,
		    "is about %zu packages; the source may report about one "
		    "(or set split)",
		    all->d.n_affected);
	if (rc == 0 && all->d.n_affected > INTAKE_MAX_PACKAGES)
		rc = error_set(err, -EINVAL, "is about too many packages");
	if (rc == 0)
		rc = refuse_twice(all, err);
	if (rc == 0 && all->d.n_affected == 1)
		return take_package(in, steal(all_p), s, now_s, err);
	for (size_t i = 0; i < all->d.n_affected && rc == 0; i++) {
		one = report_copy(all);
		one->d.affected = &one->d.affected[i];
		one->d.n_affected = 1;
		rc = take_package(in, one, s, now_s, err);
	}
	return rc;
}

/* The document as OSV; 1: it is about no malware. */
static int
convert(struct str bytes, const struct intake_source *s, struct buf *out,
    struct error *err)
{
	switch (s->kind) {
	case INTAKE_GHSA:
		return ghsa_convert(bytes, out, err);
	case INTAKE_MAP:
		return mapping_convert(s->mapping, bytes, out, err);
	case INTAKE_OSV:
	case INTAKE_KIND__MAX:
		break;
	}
	assert(!"this kind is not converted");
	return -EINVAL;
}

static int
document_of(struct str bytes, struct str raw,
    const struct intake_source *source, int64_t now_s, struct intake *ret,
    struct error *err)
{
	struct intake in = { .withdrawn = false };
	_cleanup_(report_freep) struct report *all = NULL;
	yyjson_mut_doc *m = NULL;
	int rc;

	sha256_of(raw, in.raw_sha256);
	rc = intake_repair(&in, bytes, &m, err);
	if (rc == 0)
		rc = read_repaired(m, now_s, &all, err);
	yyjson_mut_doc_free(m);
	if (rc == 0) {
		in.withdrawn = all->d.withdrawn.p != NULL;
		(void)osv_time_parse(all->d.modified, &in.modified_s);
		hash_canonical(&all->d, in.canonical_sha256);
		rc = take_packages(&in, &all, source, now_s, err);
	}
	if (rc != 0) {
		ret->source_id = steal(&in.source_id);
		intake_done(&in);
		return rc;
	}
	*ret = in;
	return 0;
}

/* An origin has the hash of what the source sent, not of what we made of it.
 */
int
intake_document(struct str bytes, const struct intake_source *source,
    int64_t now_s, struct intake *ret, struct error *err)
{
	struct buf osv;
	int rc;

	*ret = (struct intake){ .withdrawn = false };
	if (source->kind == INTAKE_OSV)
		return document_of(bytes, bytes, source, now_s, ret, err);
	buf_init(&osv, 64 * (size_t)MIB);
	rc = convert(bytes, source, &osv, err);
	if (rc == 0)
		rc = document_of(buf_str(&osv), bytes, source, now_s, ret, err);
	if (rc == 1) {
		*ret = (struct intake){ .ignored = true };
		sha256_of(bytes, ret->raw_sha256);
		sha256_of(bytes, ret->canonical_sha256);
		rc = 0;
	}
	buf_done(&osv);
	return rc;
}
