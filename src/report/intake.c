/* SPDX-License-Identifier: Apache-2.0 */
/* Repair, validation, origin and split of a source's document. */
#include "report/intake.h"

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
#include "report/intake_priv.h"
#include "report/iocs.h"
#include "report/malicious.h"
#include "sys/clock.h"
#include "sys/sha256.h"

/* Credits of reports that were published by a database like ours. */
static const char own_credit[] = "OpenSSF: Package Analysis";

void
intake_done(struct intake *in)
{
	for (size_t i = 0; i < in->reports.n; i++)
		report_free(in->reports.v[i]);
	for (size_t i = 0; i < in->notes.n; i++)
		free(in->notes.v[i]);
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

static int
refuse_loops(const struct report *r, struct error *err)
{
	if (details_has_header(r->d.details))
		return error_set(err, -EINVAL,
		    "comes from a database like this one: its details have "
		    "per-source sections");
	for (size_t i = 0; i < r->d.n_credits; i++)
		if (str_is(r->d.credits[i].name, own_credit))
			return error_set(err, -EINVAL,
			    "comes from a database like this one: it is "
			    "credited to \"%s\"",
			    own_credit);
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
 * about "name" has made popular packages malicious before. */
static void
look_for_lost_scope(struct intake *in, const struct report *r)
{
	const struct osv_affected *a = &r->d.affected[0];
	const struct str texts[] = { r->d.summary, r->d.details };
	struct str needle;
	char *slash;
	ptrdiff_t at;

	if (!str_is(a->ecosystem, "npm") || str_chr(a->name, '/') >= 0)
		return;
	slash = mem_printf("/%.*s", STR_ARG(a->name));
	needle = str_of(slash);
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		at = str_find(texts[i], needle);
		while (at > 0 && texts[i].p[at - 1] != '@' &&
		    strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.~",
			texts[i].p[at - 1]) != NULL)
			at--;
		if (at > 0 && texts[i].p[at - 1] == '@') {
			in->hold = true;
			intake_note(in,
			    "the text speaks of a scope, \"@%.*s\","
			    " the package is \"%.*s\": held for review",
			    (int)MIN_OF(texts[i].n - (size_t)at, (size_t)60),
			    texts[i].p + at, STR_ARG(a->name));
			break;
		}
	}
	free(slash);
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
	look_for_lost_scope(in, r);
	add_origin(r, in, s, now_s);
	vec_push(&in->reports, r);
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
	rc = refuse_loops(all, err);

	if (rc == 0 && all->d.n_affected == 0)
		rc = error_set(err, -EINVAL, "affected is missing or empty");
	if (rc == 0 && all->d.n_affected > 1 && !s->split)
		rc = error_set(err, -EINVAL,
		    "is about %zu packages; the source may report about one "
		    "(or set split)",
		    all->d.n_affected);
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

int
intake_document(struct str bytes, const struct intake_source *source,
    int64_t now_s, struct intake *ret, struct error *err)
{
	struct intake in = { .hold = false };
	_cleanup_(report_freep) struct report *all = NULL;
	yyjson_mut_doc *m = NULL;
	int rc;

	sha256_of(bytes, in.raw_sha256);
	rc = intake_repair(&in, bytes, &m, err);
	if (rc == 0)
		rc = read_repaired(m, now_s, &all, err);
	yyjson_mut_doc_free(m);
	if (rc == 0) {
		in.withdrawn = all->d.withdrawn.p != NULL;
		hash_canonical(&all->d, in.canonical_sha256);
		rc = take_packages(&in, &all, source, now_s, err);
	}
	if (rc != 0) {
		intake_done(&in);
		return rc;
	}
	*ret = in;
	return 0;
}
