/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One order for every list of a report, so that what is published does not
 * depend on the order in which sources were heard. Pure functions.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "ecosystem/version.h"
#include "report/report_priv.h"

/* qsort has no argument for it; this program has no threads of its own. */
static version_compare *order_rule;

static int
by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int
by_version(const void *pa, const void *pb)
{
	const struct str *a = pa, *b = pb;
	int d;

	if (order_rule != NULL && order_rule(*a, *b, &d) && d != 0)
		return d;
	return str_cmp(*a, *b);
}

static void
sort_strings(struct str *v, size_t *n, int (*order)(const void *, const void *))
{
	size_t kept = 0;

	/* By bytes first: where the order of versions has holes, what comes
	 * out must not depend on what went in. */
	if (*n > 1)
		qsort(v, *n, sizeof(*v), by_bytes);
	if (*n > 1 && order != by_bytes)
		qsort(v, *n, sizeof(*v), order);
	for (size_t i = 0; i < *n; i++)
		if (kept == 0 || !str_eq(v[kept - 1], v[i]))
			v[kept++] = v[i];
	*n = kept;
}

static int
by_reference(const void *pa, const void *pb)
{
	const struct osv_reference *a = pa, *b = pb;
	int d = str_cmp(a->url, b->url);

	return d != 0 ? d : str_cmp(a->type, b->type);
}

static int
by_credit(const void *pa, const void *pb)
{
	const struct osv_credit *a = pa, *b = pb;
	int d = str_cmp(a->name, b->name);

	return d != 0 ? d : str_cmp(a->type, b->type);
}

int
report_range_compare(const struct osv_range *a, const struct osv_range *b)
{
	int d = (int)a->type - (int)b->type;

	if (d == 0)
		d = str_cmp(a->repo, b->repo);
	for (size_t i = 0; d == 0 && i < a->n_events && i < b->n_events; i++) {
		d = (int)a->events[i].kind - (int)b->events[i].kind;
		if (d == 0)
			d = str_cmp(a->events[i].value, b->events[i].value);
	}
	return d != 0 ?
	    d :
	    (a->n_events > b->n_events) - (a->n_events < b->n_events);
}

static int
by_range(const void *pa, const void *pb)
{
	return report_range_compare(pa, pb);
}

static void
sort_affected(struct osv_affected *a)
{
	order_rule = version_rule(a->ecosystem);
	sort_strings(a->versions, &a->n_versions, by_version);
	if (a->n_ranges > 1)
		qsort(a->ranges, a->n_ranges, sizeof(*a->ranges), by_range);
}

void
report_sort(struct report *r)
{
	struct osv_document *d = &r->d;

	sort_strings(d->aliases, &d->n_aliases, by_bytes);
	sort_strings(d->related, &d->n_related, by_bytes);
	sort_strings(d->upstream, &d->n_upstream, by_bytes);
	if (d->n_references > 1)
		qsort(d->references, d->n_references, sizeof(*d->references),
		    by_reference);
	if (d->n_credits > 1)
		qsort(d->credits, d->n_credits, sizeof(*d->credits), by_credit);
	for (size_t i = 0; i < d->n_credits; i++)
		sort_strings(d->credits[i].contacts, &d->credits[i].n_contacts,
		    by_bytes);
	for (size_t i = 0; i < d->n_affected; i++)
		sort_affected(&d->affected[i]);
}
