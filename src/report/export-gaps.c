/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gaps in archives of single documents. A document that changed is put behind
 * the others; its old bytes stay where they are, and only the directory does
 * not list them any more: so an archive is not written and summed again for
 * one of its documents. Who reads from the beginning meets the newer one later.
 *
 * Gaps are closed, and everything from the first one on is written again, when
 * they have become large, and when a report was taken back: nothing of it may
 * stay. Runs in `lazaret report export`.
 */
#include <stdlib.h>

#include "base/error.h"
#include "report/export_priv.h"
#include "report/zip.h"

/* Who fetches an archive fetches its gaps: at most a sixteenth. With a hundred
 * changes of 200000 reports a day they are closed every four months. */
#define GAPS_SHARE 16

uint64_t
export_member_bytes(const struct export_entry *e)
{
	return ZIP_HEADER_BYTES + e->id.n + strlen(".json") + e->packed +
	    DEFLATE_END.n;
}

static bool
lies_in(const struct export_entry *e, size_t dir)
{
	for (size_t i = 0; i < e->n_dirs; i++)
		if (e->dirs[i] == dir)
			return true;
	return false;
}

/* erase: its bytes must not stay. */
static void
add_gap(struct export_view *v, const struct export_entry *e, bool erase)
{
	vec_push(&v->gone,
	    ((struct export_gap){ e->place, export_member_bytes(e) }));
	if (erase)
		v->erase = true;
}

void
export_gaps_find(struct exporter *x)
{
	for (size_t k = 0; k < x->n_past; k++) {
		const struct export_entry *e =
		    x->past_orders[EXPORT_BY_PLACE][k];
		const struct export_entry *heir;
		bool erase;

		if (e->claimed && !e->dropped)
			continue;
		heir = export_published(x, e->id);
		erase = heir == NULL || (heir->withdrawn && !e->withdrawn);
		add_gap(&x->whole, e, erase);
		for (size_t i = 0; i < e->n_dirs; i++)
			add_gap(&x->dirs.v[e->dirs[i]].view, e,
			    erase || !lies_in(heir, e->dirs[i]));
	}
}

/* --- plans ------------------------------------------------------------------
 */

/* Those of the last export and new ones, by place. */
static void
join(const struct export_gaps *past, const struct export_view *v,
    struct export_gaps *ret)
{
	size_t i = 0, k = 0;

	ret->v = mem_array(past->n + v->gone.n + 1, sizeof(*ret->v));
	while (i < past->n || k < v->gone.n) {
		bool first = k == v->gone.n ||
		    (i < past->n && past->v[i].place < v->gone.v[k].place);

		ret->v[ret->n++] = first ? past->v[i++] : v->gone.v[k++];
	}
}

/* Where each document begins; what was there before and lies below the place
 * stays. */
static void
place_members(const struct export_view *v, struct export_plan *plan,
    uint64_t place)
{
	struct export_gaps *gaps = &plan->gaps;
	uint64_t at = 0;
	size_t k = 0;

	plan->kept = 0;
	for (size_t i = 0; i <= v->n; i++) {
		const struct export_entry *e = i < v->n ? v->by_place[i] : NULL;

		for (;
		     k < gaps->n && (e == NULL || gaps->v[k].place < e->place);
		     k++) {
			at += gaps->v[k].bytes;
			if (gaps->v[k].place < place)
				plan->kept = at;
		}
		if (e == NULL)
			break;
		plan->offsets[e->number] = at;
		at += export_member_bytes(e);
		if (!e->fresh && e->place < place)
			plan->kept = at;
	}
	gaps->end = at;
}

static bool
are_too_many(const struct export_gaps *gaps)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < gaps->n; i++)
		bytes += gaps->v[i].bytes;
	return gaps->n > EXPORT_MAX_GAPS || bytes > gaps->end / GAPS_SHARE;
}

void
export_gaps_close(const struct export_view *v, struct export_plan *plan)
{
	uint64_t first = plan->gaps.n != 0 ? plan->gaps.v[0].place : UINT64_MAX;

	plan->gaps.n = 0;
	place_members(v, plan, first);
}

void
export_gaps_plan(const struct exporter *x, const char *name,
    const struct export_view *v, struct export_plan *ret)
{
	const struct export_gaps *past = export_gaps_of(x, name);

	*ret = (struct export_plan){
		.offsets = mem_array(x->whole.n + 1, sizeof(*ret->offsets)),
	};
	if (past != NULL)
		join(past, v, &ret->gaps);
	place_members(v, ret, past != NULL ? UINT64_MAX : 0);
	if (past == NULL)
		return;
	/* What is there must be what was there, to the byte. */
	if (ret->kept != past->end) {
		ret->gaps.n = 0;
		place_members(v, ret, 0);
	} else if (v->erase || are_too_many(&ret->gaps)) {
		export_gaps_close(v, ret);
	}
}
