/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a package to its rows: the filter, the hashed index, the rows. Nearly
 * every question ends at the filter. Runs in scan, guard, serve.
 */
#include <stdatomic.h>

#include "base/error.h"
#include "snapshot/snapshot_priv.h"

/* 1: may be there, 0: is not. */
static int
filter_has(const struct snapshot *s, uint64_t hash, struct error *err)
{
	const struct section *x = &s->sections[SECTION_FILTER];
	struct str all;
	uint32_t mask[8];
	const char *block;
	int rc;

	if (x->n == 0)
		return 1;
	if (!atomic_load_explicit(&s->filter_good, memory_order_relaxed)) {
		rc = piece_get(s, SECTION_FILTER, &all, err);
		if (rc != 0)
			return rc;
		atomic_store_explicit(&((struct snapshot *)(uintptr_t)s)
					   ->filter_good,
		    true, memory_order_relaxed);
	}
	block = x->bytes.p +
	    ((hash & UINT32_MAX) * x->n >> 32) * FORMAT_FILTER_BYTES;
	filter_mask(hash, mask);
	for (size_t i = 0; i < 8; i++)
		if ((load_u32(block + 4 * i) & mask[i]) == 0)
			return 0;
	return 1;
}

int
package_read(const struct snapshot *s, struct str entry, uint32_t *ret_base,
    struct str *ret_name, struct str *ret_rows, struct error *err)
{
	struct take t = { .rest = entry };
	uint64_t where;

	*ret_base = take_count(&t);
	*ret_name = take_str(&t);
	where = take_varint(&t);
	if (t.bad || *ret_base >= s->n_bases)
		return damaged(err, "an index entry");
	if ((where & 1) == 0) {
		*ret_rows = t.rest;
		return 0;
	}
	if (where >> 1 > UINT32_MAX)
		return damaged(err, "an index entry");
	return chunk_get(s, SECTION_ROWS, (uint32_t)(where >> 1), ret_rows,
	    err);
}

/* 1: the rows of the cursor are the package's, 0: there is none. */
static int
find_package(struct snapshot_cursor *c, uint32_t base, struct error *err)
{
	const struct snapshot *s = c->s;
	struct name_key key = name_key(s->strings[base], c->name);
	uint64_t hash = name_hash(s->strings[base], key);
	struct entries e;
	struct str one, name;
	uint32_t its_base;
	int rc = filter_has(s, hash, err);

	if (rc != 1)
		return rc;
	rc = entries_find(s, SECTION_PACKAGES, hash, &e, err);
	while (rc == 0 && (rc = entries_next(&e, &one, err)) == 1) {
		struct take t = { .rest = one };

		its_base = take_count(&t);
		name = take_str(&t);
		if (t.bad)
			return damaged(err, "an index entry");
		if (its_base != base || !name_equal(key, name)) {
			rc = 0;
			continue;
		}
		rc = package_read(s, one, &its_base, &c->canonical, &c->rest,
		    err);
		return rc == 0 ? 1 : rc;
	}
	return rc;
}

static uint32_t
find_base(const struct snapshot *s, struct str base)
{
	uint32_t i = 0;

	while (i < s->n_bases && !str_eq(s->strings[i], base))
		i++;
	return i;
}

bool
snapshot_has_ecosystem(const struct snapshot *s, struct str ecosystem)
{
	return find_base(s, osv_ecosystem_base(ecosystem)) < s->n_bases;
}

/* To the rows of the next ecosystem that has some: 1, or 0. */
static int
next_base(struct snapshot_cursor *c, struct error *err)
{
	int rc = 0;

	while (rc == 0 && c->base < c->s->n_bases)
		rc = find_package(c, c->base++, err);
	return rc;
}

int
snapshot_find(const struct snapshot *s, struct str ecosystem, struct str name,
    enum snapshot_names names, struct snapshot_cursor *ret, struct error *err)
{
	struct snapshot_cursor c = { .s = s,
		.ecosystem = ecosystem,
		.name = name,
		.names = names };
	struct str base;
	uint32_t i;
	int rc;

	if (ecosystem.p == NULL) {
		rc = next_base(&c, err);
	} else {
		base = osv_ecosystem_base(ecosystem);
		i = find_base(s, base);
		if (i == s->n_bases)
			return 0;
		c.base = i + 1;
		rc = find_package(&c, i, err);
	}
	if (rc == 1)
		*ret = c;
	return rc;
}

int
row_read(const struct snapshot *s, uint32_t base, struct str canonical,
    struct take *t, struct snapshot_row *ret, struct error *err)
{
	struct take b = { .rest = take_str(t) };
	struct snapshot_row r = { .s = s, .name = canonical };
	uint32_t i = base;
	uint8_t flags;

	r.record = take_count(&b);
	flags = take_byte(&b);
	if ((flags & ROW_ECOSYSTEM) != 0)
		i = take_count(&b);
	if ((flags & ROW_NAME) != 0)
		r.name = take_str(&b);
	if ((flags & ROW_RANGES) != 0) {
		r.n_ranges = take_count(&b);
		r.ranges = take_str(&b);
	}
	r.n_versions = take_count(&b);
	r.versions = b.rest;
	if (t->bad || b.bad || i >= s->n_strings ||
	    r.record >= s->info.n_records)
		return damaged(err, "a row");
	r.ecosystem = s->strings[i];
	r.malicious = (flags & ROW_MALICIOUS) != 0;
	*ret = r;
	return 0;
}

int
snapshot_next(struct snapshot_cursor *c, struct snapshot_row *ret,
    struct error *err)
{
	struct snapshot_row r;
	struct take t;
	uint32_t base;
	int rc;

	for (;;) {
		if (c->rest.n == 0) {
			if (c->ecosystem.p != NULL)
				return 0;
			rc = next_base(c, err);
			if (rc != 1)
				return rc;
		}
		base = c->base - 1;
		t = (struct take){ .rest = c->rest };
		rc = row_read(c->s, base, c->canonical, &t, &r, err);
		if (rc != 0)
			return rc;
		c->rest = t.rest;
		r.asked = c->ecosystem.p != NULL ? c->ecosystem : r.ecosystem;
		if (!ecosystem_finds(r.asked, r.ecosystem))
			continue;
		if (c->names == SNAPSHOT_EXACT_CASE &&
		    name_key(c->s->strings[base], c->name).fold == FOLD_CASE &&
		    !str_eq(r.name, c->name))
			continue;
		*ret = r;
		return 1;
	}
}
