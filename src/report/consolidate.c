/* SPDX-License-Identifier: Apache-2.0 */
/* Merging, ids and withdrawal in the tree. Runs in role edit. */
#include "report/consolidate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/vec.h"
#include "report/details.h"
#include "report/held.h"
#include "report/name.h"
#include "report/parts.h"
#include "report/repo.h"
#include "report/report.h"
#include "report/withdrawn-versions.h"
#include "sys/clock.h"
#include "sys/term.h"

/* --- files as reports ------------------------------------------------------
 */

static int
load(struct repo *r, enum repo_tree tree, const char *path, struct report **ret,
    struct error *err)
{
	struct arena *a = arena_new(MIB * 64);
	struct osv_findings f;
	struct buf b;
	int rc;

	repo_at(r, path);
	buf_init(&b, 64 * (size_t)MIB);
	osv_findings_init(&f, a);
	rc = repo_get(r, tree, path, &b, err);
	if (rc == 0)
		rc = report_read(buf_str(&b), OSV_PROFILE_REPORT,
		    clock_wall_ns() / NS_PER_SEC, &f, ret, err);
	if (rc != 0)
		(void)error_wrap(err, "%s", path);
	osv_findings_done(&f);
	buf_done(&b);
	arena_free(a);
	return rc;
}

static int
store(struct repo *r, enum repo_tree tree, const char *path, struct report *rep,
    struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b, 64 * (size_t)MIB);
	report_write(rep, &b);
	rc = repo_put(r, tree, path, buf_str(&b), err);
	buf_done(&b);
	return rc < 0 ? rc : 0;
}

static struct str
now_text(struct report *r)
{
	char *p = arena_alloc(r->arena, CLOCK_RFC3339_SIZE);

	clock_rfc3339(clock_wall_ns(), p);
	return str_of(p);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
is_new(const char *path)
{
	return str_starts(str_of(base_name(path)), "MAL-0000-");
}

/* --- one folder ------------------------------------------------------------
 */

struct member {
	char *path; /* owned */
	struct report *report; /* owned; NULL when it cannot be read */
	bool gone; /* merged into another, put aside, or a person is asked */
};

struct folder {
	struct repo *repo;
	struct consolidate_counts *counts;
	VEC(struct member) members; /* of the folder at hand */
	char *name; /* owned */
	struct consolidate_skip skip;
	bool assign;
	struct error *err;
};

static void
folder_clear(struct folder *f)
{
	for (size_t i = 0; i < f->members.n; i++) {
		report_free(f->members.v[i].report);
		free(f->members.v[i].path);
	}
	f->members.n = 0;
}

static int
put_aside(struct folder *f, struct member *m, const struct error *why)
{
	term_print(stderr, str_of(m->path), LIMIT_PATH_BYTES);
	(void)fputs(": put aside: ", stderr);
	term_print(stderr, str_of(why->msg), sizeof(why->msg));
	(void)fputc('\n', stderr);
	m->gone = true;
	f->counts->unmergable++;
	return repo_move(f->repo, REPO_MALICIOUS, m->path, REPO_UNMERGABLE,
	    m->path, f->err);
}

/* An update of a source takes the place of what it said before. */
static void
retract_earlier(struct repo *r, const char *path, struct report *to,
    const struct report *from)
{
	struct error ignored = ERROR_INIT;

	for (size_t i = 0; i < from->origins.n; i++) {
		const struct report_origin *o = &from->origins.v[i];

		for (size_t k = to->origins.n; k > 0; k--) {
			struct report_origin old = to->origins.v[k - 1];

			if (o->id.p != NULL && old.id.p != NULL &&
			    str_eq(o->source, old.source) &&
			    str_eq(o->id, old.id) &&
			    !str_eq(o->sha256, old.sha256) &&
			    report_retract(to, old.source, old.sha256,
				&ignored) >= 0)
				parts_take_back(r, path, to, &old, true);
		}
	}
}

/* Takes `from` into `to`: the file of the destination is written first. */
static int
merge_into(struct folder *f, struct member *to, struct member *from)
{
	_cleanup_(report_freep) struct report *before = NULL;
	struct error why = ERROR_INIT;
	int rc;

	repo_at(f->repo, from->path);
	before = report_copy(to->report);
	if (report_merge(to->report, from->report, now_text(to->report),
		&why) != 0)
		return put_aside(f, from, &why);
	rc = parts_keep(f->repo, to->path, before, f->err);
	if (rc == 0)
		rc = parts_keep(f->repo, to->path, from->report, f->err);
	if (rc != 0)
		return rc;
	retract_earlier(f->repo, to->path, to->report, from->report);
	if (report_publish_versions(to->report) == 1)
		f->counts->held++;
	rc = withdrawn_versions_apply(f->repo, to->path, to->report, f->err);
	if (rc == 0)
		rc = store(f->repo, REPO_MALICIOUS, to->path, to->report,
		    f->err);
	if (rc == 0)
		rc = repo_renamed(f->repo, from->path, to->path, f->err);
	if (rc == 0)
		repo_remove_later(f->repo, REPO_MALICIOUS, from->path);
	from->gone = true;
	f->counts->merged++;
	return rc;
}

static bool
same_package(struct report *a, struct report *b)
{
	struct str ea, na, eb, nb;

	report_package(a, &ea, &na);
	report_package(b, &eb, &nb);
	return report_same_package(ea, na, eb, nb);
}

/* What has an id and cannot be read (somebody edits it, or it is a link) may
 * be what the new ones belong to: putting it aside would take back what was
 * published, and give its package a second id. 1: the folder stays as it is. */
static int
read_assigned(struct folder *f)
{
	struct error why = ERROR_INIT;

	for (size_t i = 0; i < f->members.n; i++) {
		struct member *m = &f->members.v[i];

		if (is_new(m->path) ||
		    load(f->repo, REPO_MALICIOUS, m->path, &m->report, &why) ==
			0)
			continue;
		term_print(stderr, str_of(why.msg), sizeof(why.msg));
		(void)fputs(": its package is left as it is; mend the report, "
			    "and say this again\n",
		    stderr);
		f->counts->left_alone++;
		return 1;
	}
	return 0;
}

/* Reads and normalises the new reports; sets aside those that will not do. */
static int
prepare(struct folder *f)
{
	struct error why = ERROR_INIT;
	int rc = 0;

	for (size_t i = 0; i < f->members.n && rc == 0; i++) {
		struct member *m = &f->members.v[i];
		bool ready;

		if (!is_new(m->path))
			continue;
		if (load(f->repo, REPO_MALICIOUS, m->path, &m->report, &why) !=
		    0) {
			rc = put_aside(f, m, &why);
			continue;
		}
		/* Nothing to publish, and nothing of it goes into another. */
		if (m->report->d.withdrawn.p != NULL) {
			(void)error_set(&why, -EINVAL,
			    "a new report that is withdrawn; remove it");
			rc = put_aside(f, m, &why);
			continue;
		}
		if (held_is_asked(f->repo, m->path)) {
			m->gone = true;
			f->counts->waiting++;
			continue;
		}
		/* A destination that an earlier run has normalised. */
		ready = details_has_header(m->report->d.details);
		if (!ready && report_normalise(m->report, &why) != 0)
			rc = put_aside(f, m, &why);
	}
	return rc;
}

/* The report that stands for the package of member i: the one with an id,
 * otherwise the first new one. -EEXIST: two have an id. */
static int
find_destination(struct folder *f, size_t i, struct member **ret,
    struct error *err)
{
	struct member *from = &f->members.v[i], *to = NULL;

	for (size_t k = 0; k < f->members.n; k++) {
		struct member *m = &f->members.v[k];

		if (m->gone || m == from || m->report == NULL ||
		    !same_package(m->report, from->report))
			continue;
		if (!is_new(m->path) && to != NULL && !is_new(to->path))
			return error_set(err, -EEXIST,
			    "%s and %s are both about the package; withdraw "
			    "one of them",
			    base_name(to->path), base_name(m->path));
		if (!is_new(m->path) || (to == NULL && k < i))
			to = m;
	}
	*ret = to;
	return 0;
}

static int
merge_members(struct folder *f)
{
	struct error why = ERROR_INIT;
	int rc = 0;

	for (size_t i = 0; i < f->members.n && rc == 0; i++) {
		struct member *from = &f->members.v[i], *to = NULL;

		if (from->gone || !is_new(from->path))
			continue;
		if (find_destination(f, i, &to, &why) != 0)
			rc = put_aside(f, from, &why);
		else if (to != NULL)
			rc = merge_into(f, to, from);
	}
	return rc;
}

static int
year_of(const struct report *r)
{
	int64_t seconds;
	uint64_t year;

	if (r->d.published.p != NULL &&
	    osv_time_parse(r->d.published, &seconds) == 0 &&
	    str_to_u64(str_sub(r->d.published, 0, 4), &year) == 0)
		return (int)year;
	return 0;
}

static int
assign(struct folder *f, struct member *m)
{
	struct report *r = m->report;
	char path[LIMIT_PATH_BYTES], *slash = strrchr(m->path, '/');
	struct str now = now_text(r);
	int year = year_of(r), rc;
	uint64_t number;

	repo_at(f->repo, m->path);
	if (year == 0) {
		(void)str_to_u64(str_sub(now, 0, 4), &number);
		year = (int)number;
	}
	rc = repo_next_id(f->repo, year, &number, f->err);
	if (rc != 0)
		return rc;
	r->d.id = str_of(arena_printf(r->arena, "MAL-%04d-%llu", year,
	    (unsigned long long)number));
	r->d.modified = now;
	if (r->d.published.p == NULL)
		r->d.published = now;
	(void)snprintf(path, sizeof(path), "%.*s/%.*s.json",
	    (int)(slash - m->path), m->path, STR_ARG(r->d.id));
	/* After a death before the commit the file itself says that its id was
	 * given, and the new report is found to be repeated. */
	rc = store(f->repo, REPO_MALICIOUS, path, r, f->err);
	if (rc == 0)
		rc = repo_renamed(f->repo, m->path, path, f->err);
	if (rc == 0)
		repo_remove_later(f->repo, REPO_MALICIOUS, m->path);
	f->counts->assigned++;
	return rc;
}

/* A new report that is unchanged since a death between two steps: another
 * file holds its origin already. */
static void
drop_repeated(struct folder *f)
{
	for (size_t i = 0; i < f->members.n; i++) {
		struct member *m = &f->members.v[i];

		if (m->gone || !is_new(m->path) || m->report->origins.n != 1)
			continue;
		for (size_t k = 0; k < f->members.n; k++) {
			const struct report *o = f->members.v[k].report;

			if (k == i || f->members.v[k].gone || o == NULL ||
			    !same_package(f->members.v[k].report, m->report))
				continue;
			for (size_t j = 0; j < o->origins.n && !m->gone; j++)
				m->gone = str_eq(o->origins.v[j].source,
					      m->report->origins.v[0].source) &&
				    str_eq(o->origins.v[j].sha256,
					m->report->origins.v[0].sha256);
			if (!m->gone)
				continue;
			(void)repo_renamed(f->repo, m->path,
			    f->members.v[k].path, NULL);
			break;
		}
		if (m->gone)
			repo_remove_later(f->repo, REPO_MALICIOUS, m->path);
	}
}

static bool
is_skipped(const struct folder *f)
{
	for (size_t i = 0; i < f->skip.n; i++)
		if (f->name != NULL && str_is(f->skip.v[i], f->name))
			return true;
	return false;
}

static int
change_folder(struct folder *f)
{
	int rc = prepare(f);

	if (rc == 0)
		drop_repeated(f);
	if (rc == 0)
		rc = merge_members(f);
	for (size_t i = 0; i < f->members.n && rc == 0 && f->assign; i++)
		if (!f->members.v[i].gone && is_new(f->members.v[i].path))
			rc = assign(f, &f->members.v[i]);
	return rc;
}

static int
finish_folder(struct folder *f)
{
	bool any_new = false;
	int rc = 0;

	for (size_t i = 0; i < f->members.n; i++)
		any_new = any_new || is_new(f->members.v[i].path);
	if (any_new && !is_skipped(f) && read_assigned(f) == 0)
		rc = change_folder(f);
	folder_clear(f);
	repo_did(f->repo, f->counts);
	return rc;
}

/* What lies behind it belongs to no package here. */
static int
visit_link(void *data, const char *path)
{
	struct folder *f = data;

	term_print(stderr, str_of(path), LIMIT_PATH_BYTES);
	(void)fputs(": a symbolic link, which is not followed; remove it from "
		    "the database\n",
	    stderr);
	f->counts->left_alone++;
	return 0;
}

static int
visit(void *data, const char *path)
{
	struct folder *f = data;
	const char *slash = strrchr(path, '/');
	struct str name =
	    str_n(path, slash != NULL ? (size_t)(slash - path) : 0);
	struct member *m;
	int rc = 0;

	if (f->name == NULL || !str_is(name, f->name)) {
		rc = finish_folder(f);
		free(f->name);
		f->name = mem_strndup(name);
	}
	if (rc != 0)
		return rc;
	m = vec_add(&f->members);
	m->path = mem_strdup(path);
	/* A death may have lost what the counter was; the file has not. */
	return is_new(path) ? 0 : repo_saw_id(f->repo, path, f->err);
}

/* Git shows two allocators a conflict. */
static int
touch_allocator(struct repo *r, struct error *err)
{
	unsigned char bytes[32];
	struct buf b;
	int rc;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return error_errno(err, "getrandom");
	buf_init(&b, 128);
	buf_put_hex(&b, bytes, sizeof(bytes));
	buf_putc(&b, '\n');
	rc = repo_put(r, REPO_MALICIOUS, ".id-allocator", buf_str(&b), err);
	buf_done(&b);
	return rc < 0 ? rc : 0;
}

static int
walk(struct repo *r, bool give_ids, struct consolidate_skip skip,
    struct consolidate_counts *counts, struct error *err)
{
	struct folder f = { .repo = r,
		.counts = counts,
		.skip = skip,
		.assign = give_ids,
		.err = err };
	int rc;

	*counts = (struct consolidate_counts){ 0 };
	rc = repo_walk_links(r, REPO_MALICIOUS, NULL, visit, visit_link, &f,
	    err);
	if (rc == 0)
		rc = finish_folder(&f);
	folder_clear(&f);
	vec_done(&f.members);
	free(f.name);
	return rc == 0 && counts->assigned != 0 ? touch_allocator(r, err) : rc;
}

int
consolidate_merge(struct repo *r, struct consolidate_skip skip,
    struct consolidate_counts *counts, struct error *err)
{
	return walk(r, false, skip, counts, err);
}

int
consolidate_assign(struct repo *r, struct consolidate_skip skip,
    struct consolidate_counts *counts, struct error *err)
{
	return walk(r, true, skip, counts, err);
}

/* --- withdrawal -------------------------------------------------------------
 */

/* One line of reason at the end of the contributor's part of the details. */
static int
add_reason(struct report *r, const char *what, const char *reason,
    struct error *err)
{
	struct details d;
	struct buf b;
	int rc = details_parse(r->arena, r->d.details, &d, err);

	if (rc != 0 || reason == NULL || reason[0] == '\0')
		return rc;
	buf_init(&b, 64 * (size_t)MIB);
	d.user = str_of(arena_printf(r->arena, "%.*s%s%s: %s", STR_ARG(d.user),
	    d.user.n != 0 ? "\n\n" : "", what, reason));
	details_write(&d, &b);
	r->d.details = arena_str(r->arena, buf_str(&b));
	buf_done(&b);
	return 0;
}

struct journey {
	const char *path;
	enum repo_tree from, to;
	const char *what, *reason;
};

/* The report as it is to be: what was asked for is not written yet, and must
 * not be read again. */
static int
move_loaded(struct repo *r, const struct journey *j, struct report *rep,
    struct error *err)
{
	bool back = j->to != REPO_WITHDRAWN;
	int rc = 0;

	/* After a death between the content and the move, the reason stands. */
	if (back || rep->d.withdrawn.p == NULL)
		rc = add_reason(rep, j->what, j->reason, err);
	if (rc == 0) {
		rep->d.modified = now_text(rep);
		rep->d.withdrawn = back ? STR_NONE : rep->d.modified;
		/* Content first, then one rename: it is never in neither. */
		rc = store(r, j->from, j->path, rep, err);
	}
	return rc == 0 ? repo_move(r, j->from, j->path, j->to, j->path, err) :
			 rc;
}

static int
move_report(struct repo *r, const struct journey *j, struct error *err)
{
	struct report *rep = NULL;
	int rc = load(r, j->from, j->path, &rep, err);

	if (rc == 0)
		rc = move_loaded(r, j, rep, err);
	report_free(rep);
	return rc;
}

static int
withdraw_versions(struct repo *r, const char *path, const char *reason,
    const struct str *versions, size_t n, struct error *err)
{
	struct report *rep = NULL;
	const struct osv_affected *a;
	int rc = load(r, REPO_MALICIOUS, path, &rep, err);

	if (rc != 0)
		return rc;
	a = &rep->d.affected[0];
	if (withdrawn_versions_drop(rep, versions, n) == 0)
		rc = error_set(err, -ENOENT,
		    "%s lists none of the versions "
		    "(it may have a range; edit that)",
		    path);
	else if (a->n_versions == 0 && a->n_ranges == 0)
		rc = error_set(err, -EINVAL,
		    "no version of %s would be "
		    "left; withdraw the whole report",
		    path);
	if (rc == 0)
		rc = add_reason(rep, "Versions withdrawn", reason, err);
	if (rc == 0)
		rc = withdrawn_versions_add(r, path, versions, n, err);
	if (rc == 0) {
		rep->d.modified = now_text(rep);
		rc = store(r, REPO_MALICIOUS, path, rep, err);
	}
	report_free(rep);
	return rc;
}

int
consolidate_withdraw(struct repo *r, const char *path, const char *reason,
    const struct str *versions, size_t n, struct error *err)
{
	const struct journey j = { path, REPO_MALICIOUS, REPO_WITHDRAWN,
		"Withdrawn", reason };

	if (n != 0)
		return withdraw_versions(r, path, reason, versions, n, err);
	return move_report(r, &j, err);
}

int
consolidate_unwithdraw(struct repo *r, const char *path, const char *reason,
    struct error *err)
{
	const struct journey j = { path, REPO_WITHDRAWN, REPO_MALICIOUS,
		"No longer withdrawn", reason };

	return move_report(r, &j, err);
}

/* true: nobody is left who says what the report says. */
static bool
retract_all(struct repo *r, const char *path, struct report *rep,
    struct str source, struct str source_id)
{
	struct error why = ERROR_INIT;
	bool none_left = false;

	for (size_t i = rep->origins.n; i > 0; i--) {
		struct report_origin o = rep->origins.v[i - 1];
		int rc;

		if (!str_eq(o.source, source) ||
		    (source_id.p != NULL &&
			(o.id.p == NULL || !str_eq(o.id, source_id))))
			continue;
		rc = report_retract(rep, o.source, o.sha256, &why);
		none_left = rc == 1;
		if (rc == 0)
			parts_take_back(r, path, rep, &o, false);
		else if (rc == 1)
			parts_drop(r, path, rep, &o);
	}
	return none_left;
}

int
consolidate_retract(struct repo *r, const char *path, struct str source,
    struct str source_id, struct error *err)
{
	struct report *rep = NULL;
	bool none_left;
	int rc = load(r, REPO_MALICIOUS, path, &rep, err);

	/* Held for review, and nobody has looked yet: it goes as well. */
	if (rc == -ENOENT && is_new(path)) {
		rc = held_remove(r, path, err);
		return rc == -ENOENT ?
		    repo_remove(r, REPO_UNMERGABLE, path, err) :
		    rc;
	}
	if (rc != 0)
		return rc;
	/* Withdrawn: a death came between the content and the move. */
	none_left = retract_all(r, path, rep, source, source_id) ||
	    (rep->origins.n == 0 && rep->d.withdrawn.p != NULL);
	if (none_left && is_new(path)) {
		report_free(rep);
		return repo_remove(r, REPO_MALICIOUS, path, err);
	}
	if (none_left) {
		const struct journey j = { path, REPO_MALICIOUS, REPO_WITHDRAWN,
			"Withdrawn", "its source took it back" };

		rc = move_loaded(r, &j, rep, err);
	} else {
		rep->d.modified = now_text(rep);
		rc = store(r, REPO_MALICIOUS, path, rep, err);
	}
	report_free(rep);
	return rc;
}

int
consolidate_stands(struct repo *r, const char *path, struct str source,
    struct error *err)
{
	struct report *rep = NULL;
	int rc = load(r, REPO_WITHDRAWN, path, &rep, err);
	bool found = false;

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < rep->origins.n; i++)
		found = found || str_eq(rep->origins.v[i].source, source);
	report_free(rep);
	return found ? 0 :
		       error_set(err, -ENOENT, "%.*s is no origin of %s",
			   STR_ARG(source), path);
}
