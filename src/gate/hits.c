/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports that affect one package entry, over several snapshots. The same id
 * in two snapshots: the one modified last counts, whatever it says. Runs in
 * lazaret scan.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "gate/match_priv.h"
#include "gate/policy.h"
#include "lockfile/lockfile.h"
#include "sys/conf.h"

#define MAX_NOTES 50

void
hits_clear(struct hits *h)
{
	h->malicious.n = h->allowed.n = h->others.n = 0;
}

void
hits_done(struct matcher *m)
{
	vec_done(&m->hits.malicious);
	vec_done(&m->hits.allowed);
	vec_done(&m->hits.others);
	for (size_t i = 0; m->documents != NULL && i < m->in->n_snapshots; i++)
		snapshot_documents_free(m->documents[i]);
	free(m->documents);
}

enum gate_reach
hits_reach(const struct hits *h)
{
	enum gate_reach best = GATE_REACH__MAX;

	for (size_t i = 0; i < h->malicious.n; i++)
		best = MIN_OF(best, h->malicious.v[i].reach);
	return best == GATE_REACH__MAX ? GATE_REACH_NONE : best;
}

static bool
record_has_id(const struct snapshot_record *r, struct str id)
{
	for (size_t i = 0; i < r->n_aliases; i++)
		if (str_eq(r->aliases[i], id))
			return true;
	return str_eq(r->id, id);
}

const struct hit *
hits_by_id(const struct hits *h, struct str id)
{
	const struct hit *it;

	vec_foreach(it, &h->malicious)
		if (record_has_id(&it->record, id))
			return it;
	vec_foreach(it, &h->allowed)
		if (record_has_id(&it->record, id))
			return it;
	vec_foreach(it, &h->others)
		if (record_has_id(&it->record, id))
			return it;
	return NULL;
}

/* --- which reports count --------------------------------------------------
 */

/* 1: another snapshot has a newer form of the report, which then counts. */
static int
superseded(struct matcher *m, const struct hit *h, struct error *err)
{
	struct snapshot_record other;
	uint32_t number;
	int rc;

	for (size_t i = 0; i < m->in->n_snapshots; i++) {
		if (i == h->snapshot)
			continue;
		rc = snapshot_by_id(m->in->snapshots[i].s, h->record.id,
		    &number, err);
		if (rc == 1)
			rc = snapshot_record(m->in->snapshots[i].s, number,
			    m->scratch, &other, err);
		else if (rc == 0)
			continue;
		if (rc < 0)
			return rc;
		if (other.modified_s > h->record.modified_s ||
		    (other.modified_s == h->record.modified_s &&
			(other.withdrawn || i < h->snapshot)))
			return 1;
	}
	return 0;
}

/* Is the report withdrawn, in the newest form that any snapshot has? */
static int
withdrawn(struct matcher *m, struct str id, struct error *err)
{
	struct snapshot_record newest = { .modified_s = INT64_MIN }, r;
	uint32_t number;
	int rc;

	for (size_t i = 0; i < m->in->n_snapshots; i++) {
		rc = snapshot_by_id(m->in->snapshots[i].s, id, &number, err);
		if (rc == 1)
			rc = snapshot_record(m->in->snapshots[i].s, number,
			    m->scratch, &r, err);
		else if (rc == 0)
			continue;
		if (rc < 0)
			return rc;
		if (r.modified_s >= newest.modified_s)
			newest = r;
	}
	return newest.withdrawn;
}

/* A report of another database may be malware by its MAL- alias alone; when
 * that was withdrawn, so was the accusation: 1, or 0. */
static int
acquitted(struct matcher *m, const struct snapshot_record *r, struct error *err)
{
	bool any = false;
	int rc;

	if (str_starts(r->id, "MAL-"))
		return 0;
	for (size_t i = 0; i < r->n_aliases; i++) {
		if (!str_starts(r->aliases[i], "MAL-"))
			continue;
		rc = withdrawn(m, r->aliases[i], err);
		if (rc <= 0)
			return rc;
		any = true;
	}
	return any;
}

static const struct policy_entry *
allowed_by(const struct matcher *m, const struct lock_package *p,
    const struct snapshot_record *r)
{
	const struct policy *policy = m->in->policy;

	for (size_t i = 0; policy != NULL && i < policy->entries.n; i++) {
		const struct policy_entry *e = &policy->entries.v[i];

		if (!e->deny && e->id.p != NULL && record_has_id(r, e->id) &&
		    !policy_expired(e, m->in->now_s) &&
		    policy_covers(e, p->ecosystem, p->name, p->version))
			return e;
	}
	return NULL;
}

static bool
already(struct hits *h, size_t snapshot, uint32_t record, enum gate_reach reach)
{
	struct hit *it;

	vec_foreach(it, &h->malicious)
		if (it->snapshot == snapshot && it->record.number == record) {
			it->reach = MIN_OF(it->reach, reach);
			return true;
		}
	vec_foreach(it, &h->allowed)
		if (it->snapshot == snapshot && it->record.number == record)
			return true;
	return false;
}

static int
add_hit(struct matcher *m, const struct lock_package *p, struct hit *h,
    struct error *err)
{
	int rc = superseded(m, h, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (h->record.malicious) {
		rc = acquitted(m, &h->record, err);
		if (rc != 0)
			return rc < 0 ? rc : 0;
	}
	h->by = allowed_by(m, p, &h->record);
	if (!h->record.malicious)
		vec_push(&m->hits.others, *h);
	else if (h->by != NULL)
		vec_push(&m->hits.allowed, *h);
	else
		vec_push(&m->hits.malicious, *h);
	return 0;
}

static void
note_order(struct matcher *m, const struct lock_package *p,
    const struct snapshot_hit *hit)
{
	if (m->n_order_notes++ < MAX_NOTES)
		gate_note(m->r,
		    "%.*s %.*s: a report about it could not be "
		    "decided: %s",
		    (int)MIN_OF(p->name.n, (size_t)200), p->name.p,
		    (int)MIN_OF(p->version.n, (size_t)100), p->version.p,
		    hit->why);
}

static int
look_at_row(struct matcher *m, const struct lock_package *p, size_t snapshot,
    const struct snapshot_row *row, struct error *err)
{
	static const enum gate_reach reaches[] = {
		[SNAPSHOT_LISTED] = GATE_REACH_VERSION,
		[SNAPSHOT_RANGE] = GATE_REACH_RANGE,
		[SNAPSHOT_WHOLE] = GATE_REACH_PACKAGE,
	};
	static_assert(N_ELEMENTS(reaches) == SNAPSHOT_KIND__MAX);
	struct hit h = { .snapshot = snapshot };
	struct snapshot_hit hit;
	int rc;

	rc = snapshot_match(row, p->version, m->scratch, &hit, err);
	if (rc != 0)
		return rc;
	/* Every version is meant, whatever the order of versions. */
	if (hit.answer == OSV_UNKNOWN && hit.kind == SNAPSHOT_WHOLE)
		hit.answer = OSV_AFFECTED;
	if (hit.answer == OSV_UNKNOWN && row->malicious)
		note_order(m, p, &hit);
	if (hit.answer != OSV_AFFECTED)
		return 0;
	h.reach = reaches[hit.kind];
	if (already(&m->hits, snapshot, row->record, h.reach))
		return 0;
	rc = snapshot_record(row->s, row->record, m->r->arena, &h.record, err);
	return rc != 0 ? rc : add_hit(m, p, &h, err);
}

/* The bytes of a commit in hexadecimal digits; false: it is none. */
static bool
commit_of(struct str origin, uint8_t *ret, size_t *ret_n)
{
	ptrdiff_t hash = str_rchr(origin, '#');
	struct str s;

	if (!str_starts(origin, "git:") || hash < 0)
		return false;
	s = str_sub(origin, (size_t)hash + 1, origin.n);
	if (s.n != 40 && s.n != 64)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 0x20);
		uint8_t digit;

		if (c >= 'a' && c <= 'f')
			digit = (uint8_t)(c - 'a' + 10);
		else if (s.p[i] >= '0' && s.p[i] <= '9')
			digit = (uint8_t)(s.p[i] - '0');
		else
			return false;
		ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | digit);
	}
	*ret_n = s.n / 2;
	return true;
}

/* Reports about repositories name commits, not packages. */
static int
find_commit(struct matcher *m, const struct lock_package *p, size_t snapshot,
    struct error *err)
{
	const struct snapshot *s = m->in->snapshots[snapshot].s;
	struct hit h = { .snapshot = snapshot,
		.reach = GATE_REACH_VERSION,
		.commit = true };
	struct snapshot_numbers numbers;
	uint8_t bytes[32] = { 0 };
	size_t n;
	int rc = 0;

	if (!commit_of(p->origin, bytes, &n))
		return 0;
	rc = snapshot_by_commit(s, str_n(bytes, n), m->scratch, &numbers, err);
	for (uint32_t i = 0; rc >= 0 && i < numbers.n; i++) {
		rc = snapshot_record(s, numbers.v[i], m->r->arena, &h.record,
		    err);
		if (rc == 0 && h.record.malicious)
			rc = add_hit(m, p, &h, err);
	}
	return rc < 0 ? rc : 0;
}

bool
hits_by_commit(const struct hits *h)
{
	const struct hit *it;

	vec_foreach(it, &h->malicious)
		if (it->commit)
			return true;
	vec_foreach(it, &h->allowed)
		if (it->commit)
			return true;
	return false;
}

static int
by_id(const void *pa, const void *pb)
{
	const struct hit *a = pa, *b = pb;
	bool mal = str_starts(a->record.id, "MAL-");

	if (mal != str_starts(b->record.id, "MAL-"))
		return mal ? -1 : 1;
	return str_cmp(a->record.id, b->record.id);
}

int
hits_find(struct matcher *m, const struct lock_package *p, struct error *err)
{
	struct snapshot_cursor c;
	struct snapshot_row row;
	int rc;

	for (size_t i = 0; i < m->in->n_snapshots; i++) {
		rc = snapshot_find(m->in->snapshots[i].s, p->ecosystem, p->name,
		    SNAPSHOT_ANY_CASE, &c, err);
		while (rc == 1) {
			rc = snapshot_next(&c, &row, err);
			if (rc != 1)
				break;
			rc = look_at_row(m, p, i, &row, err);
			rc = rc == 0 ? 1 : rc;
		}
		if (rc == 0)
			rc = find_commit(m, p, i, err);
		if (rc < 0)
			return rc;
	}
	if (m->hits.malicious.n > 1)
		qsort(m->hits.malicious.v, m->hits.malicious.n,
		    sizeof(*m->hits.malicious.v), by_id);
	return 0;
}

int
hits_of_name(struct matcher *m, const struct lock_package *p,
    struct str *ret_id, struct error *err)
{
	struct snapshot_cursor c;
	struct snapshot_record r;
	struct snapshot_row row;
	int rc;

	for (size_t i = 0; i < m->in->n_snapshots; i++) {
		rc = snapshot_find(m->in->snapshots[i].s, p->ecosystem, p->name,
		    SNAPSHOT_ANY_CASE, &c, err);
		while (rc == 1 && (rc = snapshot_next(&c, &row, err)) == 1) {
			if (!row.malicious)
				continue;
			rc = snapshot_record(row.s, row.record, m->r->arena, &r,
			    err);
			*ret_id = r.id;
			return rc < 0 ? rc : 1;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- what a finding says --------------------------------------------------
 */

static int
str_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool
among(const struct str *v, size_t n, struct str s)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i], s))
			return true;
	return false;
}

static int
summary_of(struct matcher *m, const struct hit *h, struct str *ret,
    struct error *err)
{
	const struct snapshot *s = m->in->snapshots[h->snapshot].s;
	int rc;

	if (m->documents == NULL)
		m->documents = mem_array(m->in->n_snapshots,
		    sizeof(struct snapshot_documents *));
	if (m->documents[h->snapshot] == NULL) {
		rc = snapshot_documents_new(s, &m->documents[h->snapshot], err);
		if (rc != 0)
			return rc;
	}
	return snapshot_summary(m->documents[h->snapshot], h->record.number,
	    m->r->arena, ret, err);
}

int
hits_describe(struct matcher *m, const struct hit *v, size_t n,
    struct gate_finding *f, struct error *err)
{
	size_t most = 0;
	int rc = 0;

	f->id = v[0].record.id;
	f->snapshot = m->in->snapshots[v[0].snapshot].path;
	f->reach = v[0].reach;
	f->records = arena_array(m->r->arena, n, sizeof(*f->records));
	f->n_records = f->n_aliases = 0;
	for (size_t i = 0; i < n; i++) {
		f->reach = MIN_OF(f->reach, v[i].reach);
		most += v[i].record.n_aliases;
		if (!among(f->records, f->n_records, v[i].record.id))
			f->records[f->n_records++] = v[i].record.id;
	}
	f->aliases = arena_array(m->r->arena, most + 1, sizeof(*f->aliases));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i].record.n_aliases; k++) {
			struct str a = v[i].record.aliases[k];

			if (!among(f->records, f->n_records, a) &&
			    !among(f->aliases, f->n_aliases, a))
				f->aliases[f->n_aliases++] = a;
		}
	if (f->n_aliases > 1)
		qsort(f->aliases, f->n_aliases, sizeof(*f->aliases), str_order);
	f->summary = STR_NONE;
	for (size_t i = 0; i < n && rc == 0 && f->summary.n == 0; i++)
		rc = summary_of(m, &v[i], &f->summary, err);
	return rc;
}

/* --- ecosystems without data ------------------------------------------------
 */

static bool
known(const struct match_input *in, struct str ecosystem)
{
	for (size_t i = 0; i < in->n_snapshots; i++)
		if (snapshot_has_ecosystem(in->snapshots[i].s, ecosystem))
			return true;
	return false;
}

/* Neighbours are nearly always of one ecosystem. */
void
hits_note_ecosystems(struct matcher *m)
{
	struct conf_strings told = { 0 };
	struct str last = STR_NONE;

	for (size_t i = 0; i < m->r->n_files; i++) {
		const struct lock_list *l = m->r->files[i].list;

		for (size_t k = 0; k < l->packages.n; k++) {
			struct str e = l->packages.v[k].ecosystem;

			if (str_eq(e, last))
				continue;
			last = e;
			if (known(m->in, e) || told.n == MAX_NOTES ||
			    among(told.v, told.n, e))
				continue;
			conf_strings_add(m->r->arena, &told, e);
			gate_note(m->r,
			    "no snapshot has a report about any package of "
			    "%.*s: what is found of it is not checked",
			    (int)MIN_OF(e.n, (size_t)100), e.p);
		}
	}
}
