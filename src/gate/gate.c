/* SPDX-License-Identifier: Apache-2.0 */
/* Findings, their order, and what they mean. Runs in lazaret scan. */
#include "gate/gate.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/exit.h"
#include "base/limits.h"
#include "ecosystem/packageurl.h"
#include "lockfile/lockfile.h"

struct status_row {
	const char *name, *id;
	bool fails;
};

static const struct status_row statuses[] = {
	[GATE_MALICIOUS] = { "malicious", "malicious", true },
	[GATE_CONFUSION] = { "confusion", "dependency-confusion", true },
	[GATE_DENIED] = { "denied", "denied-by-policy", true },
	[GATE_TOO_YOUNG] = { "too-young", "too-young", true },
	[GATE_UNVERIFIABLE] = { "unverifiable", "unverifiable-origin", false },
};
static_assert(sizeof(statuses) / sizeof(statuses[0]) == GATE_STATUS__MAX);

void
gate_result_init(struct gate_result *r, struct arena *a)
{
	*r = (struct gate_result){ .arena = a };
}

void
gate_result_done(struct gate_result *r)
{
	vec_done(&r->findings);
	vec_done(&r->allowed);
	vec_done(&r->notes);
	vec_done(&r->snapshots);
}

static int
by_weight(const void *pa, const void *pb)
{
	const struct gate_finding *a = pa, *b = pb;

	if (a->status != b->status)
		return a->status < b->status ? -1 : 1;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->package > b->package) - (a->package < b->package);
}

void
gate_result_sort(struct gate_result *r)
{
	if (r->findings.n > 1)
		qsort(r->findings.v, r->findings.n, sizeof(*r->findings.v),
		    by_weight);
	if (r->allowed.n > 1)
		qsort(r->allowed.v, r->allowed.n, sizeof(*r->allowed.v),
		    by_weight);
}

void
gate_note(struct gate_result *r, const char *fmt, ...)
{
	struct gate_note *n = vec_add(&r->notes);
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->message = arena_str(r->arena, str_of(text));
}

size_t
gate_count(const struct gate_result *r, enum gate_status s)
{
	size_t n = 0;

	for (size_t i = 0; i < r->findings.n; i++)
		n += r->findings.v[i].status == s;
	return n;
}

int
gate_exit_status(const struct gate_result *r)
{
	for (size_t i = 0; i < r->findings.n; i++)
		if (gate_status_fails(r->findings.v[i].status))
			return EXIT_FOUND;
	if (r->n_errors != 0 || r->n_unknown_age != 0)
		return EXIT_INCOMPLETE;
	return EXIT_NOTHING_FOUND;
}

const char *
gate_status_name(enum gate_status s)
{
	assert(s < GATE_STATUS__MAX);
	return statuses[s].name;
}

const char *
gate_status_id(enum gate_status s)
{
	assert(s < GATE_STATUS__MAX);
	return statuses[s].id;
}

bool
gate_status_fails(enum gate_status s)
{
	assert(s < GATE_STATUS__MAX);
	return statuses[s].fails;
}

const char *
gate_reach_words(enum gate_reach r)
{
	static const char *const words[] = {
		[GATE_REACH_NONE] = "",
		[GATE_REACH_VERSION] = "this version",
		[GATE_REACH_RANGE] = "a range of versions",
		[GATE_REACH_PACKAGE] = "every version",
	};
	static_assert(sizeof(words) / sizeof(words[0]) == GATE_REACH__MAX);

	assert(r < GATE_REACH__MAX);
	return words[r];
}

const struct lock_package *
gate_package(const struct gate_result *r, const struct gate_finding *f)
{
	assert(f->file < r->n_files);
	assert(f->package < r->files[f->file].list->packages.n);
	return &r->files[f->file].list->packages.v[f->package];
}

struct str
gate_path(const struct gate_result *r, const struct gate_finding *f)
{
	assert(f->file < r->n_files);
	return r->files[f->file].path;
}

/* Characters that a purl has as they are, and no rule changes. */
static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
			(s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-' ||
			s.p[i] == '.' || s.p[i] == '_'))
			return false;
	return s.n != 0;
}

/* Most packages of most projects are npm's; p NULL: take the long way. */
static struct str
npm_purl(struct arena *a, const struct lock_package *p)
{
	static const char plain[] = "pkg:npm/", scoped[] = "pkg:npm/%40";
	struct str name = p->name,
		   parts[] = { str_of(plain), name, STR_LIT("@"), p->version };
	ptrdiff_t slash = str_chr(name, '/');
	size_t n = 0;
	char *made, *at;

	if (!str_is(p->ecosystem, "npm") || !is_plain(p->version))
		return STR_NONE;
	if (name.n != 0 && name.p[0] == '@' && slash > 1) {
		parts[0] = str_of(scoped);
		parts[1] = str_sub(name, 1, name.n);
		if (!is_plain(str_sub(name, 1, (size_t)slash)))
			return STR_NONE;
		name = str_sub(name, (size_t)slash + 1, name.n);
	}
	if (!is_plain(name))
		return STR_NONE;
	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		n += parts[i].n;
	at = made = arena_alloc(a, n);
	for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
		memcpy(at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	return str_n(made, n);
}

struct str
gate_purl(struct arena *a, const struct lock_package *p)
{
	struct packageurl u;
	struct str made;
	struct buf b;

	if (p->purl.p != NULL)
		return p->purl;
	made = npm_purl(a, p);
	if (made.p != NULL)
		return made;
	if (packageurl_of_osv(a, p->ecosystem, p->name, &u, NULL) != 0)
		return STR_NONE;
	u.version = p->version;
	if (packageurl_normalise(a, &u, NULL) != 0)
		return STR_NONE;
	buf_init(&b, LIMIT_PURL_BYTES);
	packageurl_write(&u, &b);
	made = b.full ? STR_NONE : arena_str(a, buf_str(&b));
	buf_done(&b);
	return made;
}

size_t
gate_chain(struct lock_list *l, uint32_t package, struct str *ret_names,
    size_t max)
{
	size_t n = 0;

	lock_relate(l);
	for (uint32_t at = package; at != LOCK_NONE && n < max;
	     at = l->packages.v[at].parent) {
		assert(at < l->packages.n);
		ret_names[n++] = l->packages.v[at].name;
	}
	for (size_t i = 0; i < n / 2; i++) {
		struct str t = ret_names[i];

		ret_names[i] = ret_names[n - 1 - i];
		ret_names[n - 1 - i] = t;
	}
	return n;
}
