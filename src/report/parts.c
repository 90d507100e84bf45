/* SPDX-License-Identifier: Apache-2.0 */
/* Single reports kept beside the one they were merged into. */
#include "report/parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/details.h"
#include "report/provenance.h"
#include "report/repo.h"
#include "report/report.h"
#include "sys/term.h"

/* Of an origin of the report at path; in the report's arena. */
static struct repo_said
key_of(const char *path, struct report *rep, const struct report_origin *o)
{
	const char *slash = strrchr(path, '/');
	struct repo_said key = { .source = o->source, .sha256 = o->sha256 };
	struct buf b;

	buf_init(&b, 2 * LIMIT_PATH_BYTES);
	report_key(rep, str_n(path, slash != NULL ? (size_t)(slash - path) : 0),
	    &b);
	key.package = arena_str(rep->arena, buf_str(&b));
	buf_done(&b);
	return key;
}

/* --- by items: where a part is not known -----------------------------------
 */

static int
by_item(const void *a, const void *b)
{
	return memcmp(a, b, PROVENANCE_BYTES);
}

/* What the origin that is gone brought, and none of those that are left. Where
 * one of these is not known any more, nothing is taken away. */
static void
take_items_away(struct repo *r, const char *path, struct report *rep,
    const struct report_origin *gone)
{
	struct repo_said key = key_of(path, rep, gone);
	struct buf items, kept;
	bool known;

	buf_init(&items, 64 * (size_t)MIB);
	buf_init(&kept, 64 * (size_t)MIB);
	known = repo_said_get(r, &key, &items);
	for (size_t i = 0; i < rep->origins.n && known; i++) {
		key = key_of(path, rep, &rep->origins.v[i]);
		known = repo_said_get(r, &key, &kept);
	}
	if (known && !kept.full) {
		if (kept.n != 0)
			qsort(kept.p, kept.n / PROVENANCE_BYTES,
			    PROVENANCE_BYTES, by_item);
		provenance_take_away(rep, buf_str(&items), buf_str(&kept));
	}
	buf_done(&items);
	buf_done(&kept);
}

/* --- keeping ----------------------------------------------------------------
 */

/* Takes away what lies in items and not in kept. */
static void
without(struct report *r, struct report *items_of, struct str kept)
{
	struct buf items;

	buf_init(&items, 64 * (size_t)MIB);
	provenance_of(items_of, &items);
	provenance_take_away(r, buf_str(&items), kept);
	buf_done(&items);
}

/* The contributor's part of the details. */
static void
set_user_text(struct report *r, struct str text)
{
	struct error ignored = ERROR_INIT;
	struct details d;
	struct buf b;

	if (details_parse(r->arena, r->d.details, &d, &ignored) != 0)
		return;
	buf_init(&b, 64 * (size_t)MIB);
	d.user = text;
	details_write(&d, &b);
	r->d.details = arena_str(r->arena, buf_str(&b));
	buf_done(&b);
}

/* Only what the origin said. */
static void
strip_person(struct report *r, struct str said)
{
	without(r, r, said);
	set_user_text(r, STR_LIT(""));
	r->d.id = STR_NONE;
	r->n_own_versions = r->n_own_ranges = 0;
	(void)report_publish_versions(r);
}

static bool
is_kept(struct repo *r, const struct repo_said *key)
{
	struct buf b;
	bool known;

	buf_init(&b, 64 * (size_t)MIB);
	known = repo_part_get(r, key, &b);
	buf_done(&b);
	return known;
}

int
parts_keep(struct repo *r, const char *path, struct report *rep,
    struct error *err)
{
	_cleanup_(report_freep) struct report *part = NULL;
	struct buf said, text;
	struct repo_said key;
	int rc = 0;

	if (rep->origins.n != 1)
		return 0;
	key = key_of(path, rep, &rep->origins.v[0]);
	buf_init(&said, 64 * (size_t)MIB);
	buf_init(&text, 64 * (size_t)MIB);
	if (!is_kept(r, &key) && repo_said_get(r, &key, &said)) {
		part = report_copy(rep);
		strip_person(part, buf_str(&said));
		report_write(part, &text);
		rc = repo_part_put(r, &key, buf_str(&text), err);
	}
	buf_done(&said);
	buf_done(&text);
	return rc;
}

/* --- taking back ------------------------------------------------------------
 */

static struct report *
load(struct repo *r, const struct repo_said *key)
{
	struct arena *a = arena_new(64 * (size_t)MIB);
	struct error ignored = ERROR_INIT;
	struct report *rep = NULL;
	struct osv_findings f;
	struct buf b;

	buf_init(&b, 64 * (size_t)MIB);
	osv_findings_init(&f, a);
	if (repo_part_get(r, key, &b))
		(void)report_read(buf_str(&b), OSV_PROFILE_REPORT,
		    INT64_MAX / 2, &f, &rep, &ignored);
	osv_findings_done(&f);
	buf_done(&b);
	arena_free(a);
	return rep;
}

/* Takes the parts of others into r; false when they will not be merged. */
static bool
unite(struct report *r, struct report **v, size_t n)
{
	struct error ignored = ERROR_INIT;

	for (size_t i = 0; i < n; i++)
		if (report_merge(r, v[i], v[i]->d.modified, &ignored) != 0)
			return false;
	return true;
}

static bool
has_items(struct report *r)
{
	struct buf b;
	bool any;

	buf_init(&b, 64 * (size_t)MIB);
	provenance_of(r, &b);
	any = b.n != 0;
	buf_done(&b);
	return any;
}

/* What a person added to all that the origins said, and what he took out. */
static bool
take_changes(struct report *rest, struct report *rep, struct report *all)
{
	_cleanup_(report_freep) struct report *mine = report_copy(rep);
	size_t n_severity = rest->d.n_severity;
	size_t n_of_package = rest->d.affected[0].n_severity;
	struct buf kept;
	bool done;

	buf_init(&kept, 64 * (size_t)MIB);
	provenance_of(rep, &kept);
	without(rest, all, buf_str(&kept));
	buf_done(&kept);
	without(mine, all, STR_LIT(""));
	if (!has_items(mine))
		return true;
	mine->origins.n = 0;
	mine->n_own_versions = mine->n_own_ranges = 0;
	mine->d.id = mine->d.published = mine->d.details = STR_NONE;
	mine->d.affected[0].name = rest->d.affected[0].name;
	mine->d.affected[0].purl = STR_NONE;
	done = unite(rest, &mine, 1);
	/* A merge drops them; this is none. */
	rest->d.n_severity = n_severity;
	rest->d.affected[0].n_severity = n_of_package;
	return done;
}

/* Of what has one value: a person's, where it is not what a merge made. */
static struct str
value(struct str now, struct str merged, struct str rest)
{
	return str_eq(now, merged) ? rest : now;
}

static void
take_values(struct report *rest, struct report *rep, const struct report *all,
    bool update)
{
	struct osv_document *d = &rest->d, *now = &rep->d;
	struct osv_affected *a = d->affected;
	struct details text = { .n_sections = 0 };
	struct error ignored = ERROR_INIT;

	(void)details_parse(rep->arena, now->details, &text, &ignored);
	set_user_text(rest, text.user);
	a->name = value(now->affected->name, all->d.affected->name, a->name);
	a->purl = value(now->affected->purl, all->d.affected->purl, a->purl);
	d->summary = value(now->summary, all->d.summary, d->summary);
	d->published = value(now->published, all->d.published, d->published);
	if (update)
		d->published = now->published;
	/* Then it was ours to say, on the day when it came. */
	if (d->published.p == NULL)
		d->published = rep->origins.v[0].import_time;
	d->id = now->id;
	d->modified = now->modified;
	d->withdrawn = now->withdrawn;
	if (now->n_severity + now->affected->n_severity != 0) {
		d->severity = now->severity;
		d->n_severity = now->n_severity;
		a->severity = now->affected->severity;
		a->n_severity = now->affected->n_severity;
	}
	/* Versions that were withdrawn are missing in these. */
	rest->origins.n = 0;
	for (size_t i = 0; i < rep->origins.n; i++)
		vec_push(&rest->origins, rep->origins.v[i]);
	rest->own_versions = rep->own_versions;
	rest->n_own_versions = rep->n_own_versions;
	rest->own_ranges = rep->own_ranges;
	rest->n_own_ranges = rep->n_own_ranges;
	(void)report_publish_versions(rest);
}

/* false: not all that is needed is known; rep is as it was. */
static bool
make_anew(struct report *rep, struct report **parts, size_t n, bool update)
{
	_cleanup_(report_freep) struct report *rest = report_copy(parts[0]);
	_cleanup_(report_freep) struct report *all = NULL;
	struct report swap;

	if (!unite(rest, parts + 1, n - 1))
		return false;
	all = report_copy(rest);
	if (!unite(all, parts + n, 1) || !take_changes(rest, rep, all))
		return false;
	take_values(rest, rep, all, update);
	report_freep(&all);
	all = report_copy(rest);
	swap = *all;
	*all = *rep;
	*rep = swap;
	return true;
}

static void
drop(struct repo *r, const struct repo_said *key)
{
	struct error err = ERROR_INIT;

	if (repo_part_drop(r, key, &err) != 0)
		fatal("edit: %s", err.msg);
}

void
parts_drop(struct repo *r, const char *path, struct report *rep,
    const struct report_origin *gone)
{
	struct repo_said key = key_of(path, rep, gone);

	drop(r, &key);
}

/* A merge left out what nobody has kept. The person who reads this compares
 * with the other sources' documents. */
static void
say_incomplete(const char *path, const struct report_origin *gone,
    const char *why)
{
	term_print(stderr, str_of(path), LIMIT_PATH_BYTES);
	(void)fputs(": what ", stderr);
	term_print(stderr, gone->source, 100);
	(void)fputs(" said (", stderr);
	term_print(stderr, gone->id.p != NULL ? gone->id : gone->sha256, 100);
	(void)fprintf(stderr,
	    ") is taken back as far as it is known; what it had displaced "
	    "does not come back: "
	    "%s. Compare its summary, details, name and severity with the "
	    "documents of its other origins, and edit it\n",
	    why);
}

void
parts_take_back(struct repo *r, const char *path, struct report *rep,
    const struct report_origin *gone, bool update)
{
	struct report *parts[PARTS_MAX + 1] = { NULL };
	size_t n = rep->origins.n;
	char why[200] = "";
	/* Its strings may end with what the report was. */
	_cleanup_(arena_freep) struct arena *kept = arena_new(MIB);
	struct repo_said key = key_of(path, rep, gone), one;

	key.source = arena_str(kept, key.source);
	key.sha256 = arena_str(kept, key.sha256);
	key.package = arena_str(kept, key.package);
	if (n > PARTS_MAX)
		(void)snprintf(why, sizeof(why),
		    "it has more than %d origins, and is not made anew from "
		    "so many",
		    PARTS_MAX);
	for (size_t i = 0; i <= n && n != 0 && why[0] == '\0'; i++) {
		const struct report_origin *o =
		    i < n ? &rep->origins.v[i] : gone;

		one = key_of(path, rep, o);
		parts[i] = load(r, &one);
		if (parts[i] == NULL)
			(void)snprintf(why, sizeof(why),
			    "what %.*s said by itself was not kept (it was "
			    "merged by an older version, or the index is new)",
			    (int)MIN_OF(o->source.n, (size_t)64), o->source.p);
	}
	if (n != 0 && why[0] == '\0' && !make_anew(rep, parts, n, update))
		(void)snprintf(why, sizeof(why),
		    "what the others said cannot be merged again");
	if (n == 0 || why[0] != '\0')
		take_items_away(r, path, rep, gone);
	if (why[0] != '\0')
		say_incomplete(path, gone, why);
	drop(r, &key); /* what it said is needed until here */
	for (size_t i = 0; i <= PARTS_MAX; i++)
		report_free(parts[i]);
}
