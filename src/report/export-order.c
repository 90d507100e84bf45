/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orders that entries are needed in. Those of the last export are kept in
 * its index: what is new is sorted and merged in, the rest is not compared
 * again. Pure functions.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "report/export_priv.h"

static const struct export_entry *
entry(const void *p)
{
	return *(struct export_entry *const *)p;
}

/* Most of two paths is the same: eight bytes at once. */
static size_t
same_words(struct str a, struct str b, size_t n)
{
	uint64_t wa, wb;
	size_t i = 0;

	for (; i + sizeof(wa) <= n; i += sizeof(wa)) {
		memcpy(&wa, a.p + i, sizeof(wa));
		memcpy(&wb, b.p + i, sizeof(wb));
		if (wa != wb)
			break;
	}
	return i;
}

int
export_path_cmp(struct str a, struct str b)
{
	size_t n = MIN_OF(a.n, b.n), i = same_words(a, b, n);
	int ca, cb;

	while (i < n && a.p[i] == b.p[i])
		i++;
	if (i == n)
		return (a.n > b.n) - (a.n < b.n);
	ca = a.p[i] == '/' ? 0 : (unsigned char)a.p[i];
	cb = b.p[i] == '/' ? 0 : (unsigned char)b.p[i];
	return ca - cb;
}

bool
export_path_valid(struct str path)
{
	struct str rest = path, part = STR_NONE;
	size_t n = 0;

	if (path.n >= LIMIT_PATH_BYTES || str_chr(path, '\0') >= 0)
		return false;
	for (; str_cut(&rest, '/', &part); n++)
		if (part.n == 0 ||
		    (part.p[0] == '.' &&
			(str_is(part, ".") || str_is(part, ".."))))
			return false;
	return n >= 3 && part.n > sizeof(".json") - 1 &&
	    str_ends(part, ".json");
}

static int
by_path(const void *a, const void *b)
{
	return export_path_cmp(entry(a)->path, entry(b)->path);
}

static int
by_id(const void *a, const void *b)
{
	int d = str_cmp(entry(a)->id, entry(b)->id);

	return d != 0 ? d : by_path(a, b);
}

static int
by_place(const void *a, const void *b)
{
	uint64_t at = entry(a)->place, bt = entry(b)->place;

	return (at > bt) - (at < bt);
}

static int
newest(const void *a, const void *b)
{
	int64_t at = entry(a)->modified_s, bt = entry(b)->modified_s;

	return at != bt ? (at < bt) - (at > bt) : by_id(a, b);
}

const export_cmp export_orders[EXPORT_ORDER__MAX] = {
	[EXPORT_BY_ID] = by_id,
	[EXPORT_BY_PLACE] = by_place,
	[EXPORT_NEWEST] = newest,
	[EXPORT_BY_PATH] = by_path,
};

static bool
is_past(const struct export_entry *e)
{
	return e->claimed && !e->dropped;
}

struct export_entry **
export_sorted(const struct exporter *x, enum export_order order)
{
	struct export_entry **fresh =
	    mem_array(x->fresh.n + 1, sizeof(struct export_entry *));
	struct export_entry **v = mem_array(x->n_past + x->fresh.n + 1,
	    sizeof(struct export_entry *));
	size_t n_fresh = 0, n = 0, k = 0;
	export_cmp cmp = export_orders[order];

	for (size_t i = 0; i < x->fresh.n; i++)
		if (!x->fresh.v[i]->dropped)
			fresh[n_fresh++] = x->fresh.v[i];
	if (n_fresh > 1)
		qsort(fresh, n_fresh, sizeof(struct export_entry *), cmp);
	for (size_t i = 0; i < x->n_past; i++) {
		struct export_entry *e = x->past_orders[order][i];

		if (!is_past(e))
			continue;
		while (k < n_fresh && cmp(&fresh[k], &e) < 0)
			v[n++] = fresh[k++];
		v[n++] = e;
	}
	while (k < n_fresh)
		v[n++] = fresh[k++];
	free(fresh);
	return v;
}

struct str
export_folder_of(struct str path)
{
	return str_sub(path, 0, (size_t)(str_rchr(path, '/') + 1));
}
