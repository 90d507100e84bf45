/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From entries to the sections of the file. Runs in `lazaret report
 * snapshot`. Everything is sorted by content, so that the order in which
 * documents came does not show.
 */
#include "snapshot/layout_priv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "base/mem.h"

/* An id prefix is worth a string when so many ids begin with it. */
#define MIN_PREFIXED 16
#define MAX_STRINGS  10000000

/* --- strings
 * ------------------------------------------------------------------ */

static int
by_bytes(const void *pa, const void *pb)
{
	return str_cmp(*(const struct str *)pa, *(const struct str *)pb);
}

static void
add_strings(struct layout *l, const struct map *m, size_t min)
{
	size_t at = 0, from = l->strings.n;
	struct str key;
	void *value;

	while (map_next(m, &at, &key, &value))
		if ((size_t)(uintptr_t)value >= min)
			vec_push(&l->strings, arena_str(l->arena, key));
	if (l->strings.n - from > 1)
		qsort(l->strings.v + from, l->strings.n - from,
		    sizeof(struct str), by_bytes);
	for (size_t i = from; i < l->strings.n; i++)
		(void)map_put(l->numbers, l->strings.v[i],
		    (void *)(uintptr_t)(i + 1));
}

static void
count(struct map *m, struct str key)
{
	uintptr_t n = (uintptr_t)map_get(m, key);

	(void)map_put(m, key, (void *)(n + 1));
}

/* "MAL-2026-" of MAL-2026-12; n 0 where the end is no plain number. */
static struct str
id_prefix(struct str id, uint32_t *ret_number)
{
	ptrdiff_t dash = str_rchr(id, '-');
	struct str tail;
	uint64_t v;

	if (dash <= 0)
		return STR_NONE;
	tail = str_sub(id, (size_t)dash + 1, id.n);
	if (tail.n == 0 || tail.n > 9 || str_to_u64(tail, &v) != 0 ||
	    (tail.p[0] == '0' && tail.n > 1))
		return STR_NONE;
	*ret_number = (uint32_t)v;
	return str_sub(id, 0, (size_t)dash + 1);
}

static void
count_id(struct map *m, struct str id)
{
	uint32_t number;
	struct str prefix = id_prefix(id, &number);

	if (prefix.n != 0)
		count(m, prefix);
}

static void
find_strings(struct layout *l)
{
	struct map *bases = map_new(MAX_STRINGS), *full = map_new(MAX_STRINGS);
	struct map *prefixes = map_new(MAX_STRINGS);

	for (size_t i = 0; i < l->n; i++) {
		const struct entry *e = l->entries[i];

		count_id(prefixes, e->id);
		for (size_t k = 0; k < e->n_aliases; k++)
			count_id(prefixes, e->aliases[k]);
		for (size_t k = 0; k < e->n_rows && !e->withdrawn; k++) {
			struct str eco = e->rows[k].ecosystem;

			count(bases, osv_ecosystem_base(eco));
			if (str_chr(eco, ':') >= 0)
				count(full, eco);
		}
	}
	add_strings(l, bases, 1);
	l->n_bases = (uint32_t)l->strings.n;
	add_strings(l, full, 1);
	add_strings(l, prefixes, MIN_PREFIXED);
	map_free(bases);
	map_free(full);
	map_free(prefixes);
}

static void
write_strings(struct layout *l)
{
	struct buf *out = &l->pieces[SECTION_STRINGS];

	put_varint(out, l->n_bases);
	put_varint(out, l->strings.n);
	for (size_t i = 0; i < l->strings.n; i++)
		put_str(out, l->strings.v[i]);
}

static uint32_t
string_number(const struct layout *l, struct str s)
{
	uintptr_t n = (uintptr_t)map_get(l->numbers, s);

	assert(n != 0);
	return (uint32_t)(n - 1);
}

static void
put_id(const struct layout *l, struct buf *out, struct str id)
{
	uint32_t number = 0;
	struct str prefix = id_prefix(id, &number);

	if (prefix.n != 0 && map_has(l->numbers, prefix)) {
		put_varint(out, string_number(l, prefix) + 1);
		put_varint(out, number);
		return;
	}
	put_varint(out, 0);
	put_str(out, id);
}

/* --- packages
 * ------------------------------------------------------------------- */

struct place {
	struct str base, name; /* name: as the index has it */
	uint32_t number, row;
};

static int
by_package(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;
	int d = str_cmp(a->base, b->base);

	if (d == 0)
		d = str_cmp(a->name, b->name);
	if (d != 0)
		return d;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return (a->row > b->row) - (a->row < b->row);
}

static struct str
canonical(struct layout *l, struct str base, struct str name)
{
	struct name_key k = name_key(base, name);
	struct str s;
	struct buf b;

	if (k.fold == FOLD_NONE)
		return k.s;
	buf_init(&b, name.n + 1);
	name_write(k, &b);
	s = arena_str(l->arena, buf_str(&b));
	buf_done(&b);
	return s;
}

static void
put_row(struct layout *l, const struct place *p, struct buf *out)
{
	const struct entry *e = l->entries[p->number];
	const struct entry_row *r = &e->rows[p->row];
	struct buf b;
	unsigned flags = e->malicious ? ROW_MALICIOUS : 0;
	bool git = str_is(p->base, "GIT");

	flags |= r->ecosystem.n != p->base.n ? ROW_ECOSYSTEM : 0;
	flags |= !git && !str_eq(r->name, p->name) ? ROW_NAME : 0;
	flags |= r->n_ranges != 0 ? ROW_RANGES : 0;
	buf_init(&b, FORMAT_MAX_BYTES);
	put_varint(&b, p->number);
	buf_putc(&b, (char)flags);
	if ((flags & ROW_ECOSYSTEM) != 0)
		put_varint(&b, string_number(l, r->ecosystem));
	if ((flags & ROW_NAME) != 0)
		put_str(&b, r->name);
	if ((flags & ROW_RANGES) != 0) {
		put_varint(&b, r->n_ranges);
		put_str(&b, r->ranges);
	}
	put_varint(&b, r->n_versions);
	buf_put_str(&b, r->versions);
	put_str(out, buf_str(&b));
	buf_done(&b);
}

/* One package: its rows are v[0..n). */
static void
put_package(struct layout *l, const struct place *v, size_t n, struct table *t)
{
	struct buf rows, entry;
	struct table_row *row = vec_add(&t->rows);
	struct name_key key = { v->name, FOLD_NONE };

	buf_init(&rows, FORMAT_MAX_BYTES);
	buf_init(&entry, FORMAT_MAX_BYTES);
	for (size_t i = 0; i < n; i++)
		put_row(l, &v[i], &rows);
	put_varint(&entry, string_number(l, v->base));
	put_str(&entry, v->name);
	if (rows.n <= FORMAT_INLINE_BYTES) {
		put_varint(&entry, 0);
		buf_put_str(&entry, buf_str(&rows));
	} else {
		put_varint(&entry,
		    (uint64_t)l->chunks[SECTION_ROWS].ends.n << 1 | 1);
		chunks_add(&l->chunks[SECTION_ROWS], buf_str(&rows));
	}
	row->hash = name_hash(v->base, key);
	row->key = v->name;
	row->entry = arena_str(l->arena, buf_str(&entry));
	buf_done(&rows);
	buf_done(&entry);
}

static void
write_filter(struct layout *l, const struct table *t)
{
	size_t n =
	    (t->rows.n * FORMAT_FILTER_BITS / 8 + FORMAT_FILTER_BYTES - 1) /
	    FORMAT_FILTER_BYTES;
	uint32_t *words = mem_array(n * 8, sizeof(*words));

	for (size_t i = 0; i < t->rows.n; i++) {
		uint64_t hash = t->rows.v[i].hash;
		size_t block = (size_t)((hash & UINT32_MAX) * n >> 32);
		uint32_t mask[8];

		filter_mask(hash, mask);
		for (size_t k = 0; k < 8; k++)
			words[block * 8 + k] |= mask[k];
	}
	for (size_t i = 0; i < n * 8; i++)
		put_u32(&l->pieces[SECTION_FILTER], words[i]);
	l->n_filter = (uint32_t)n;
	free(words);
}

static void
write_packages(struct layout *l)
{
	VEC(struct place) places = { 0 };
	struct table t = { 0 };
	size_t to;

	for (uint32_t i = 0; i < l->n; i++) {
		const struct entry *e = l->entries[i];

		for (uint32_t k = 0; k < e->n_rows && !e->withdrawn; k++) {
			struct place *p = vec_add(&places);

			p->base = osv_ecosystem_base(e->rows[k].ecosystem);
			p->name = canonical(l, p->base, e->rows[k].name);
			p->number = i;
			p->row = k;
		}
	}
	l->n_rows = (uint32_t)places.n;
	if (places.n > 1)
		qsort(places.v, places.n, sizeof(*places.v), by_package);
	for (size_t i = 0; i < places.n; i = to) {
		const struct place *p = &places.v[i];

		for (to = i + 1;
		     to < places.n && str_eq(places.v[to].base, p->base) &&
		     str_eq(places.v[to].name, p->name);
		     to++)
			;
		put_package(l, p, to - i, &t);
	}
	l->n_packages = (uint32_t)t.rows.n;
	write_filter(l, &t);
	table_write(&t, FORMAT_PACKAGES, &l->chunks[SECTION_PACKAGES]);
	vec_done(&places);
	vec_done(&t.rows);
}

/* --- records
 * -------------------------------------------------------------------- */

/* True when the text is just these seconds and this fraction. */
static bool
is_plain_time(const struct entry *e, struct str *ret_digits)
{
	char text[32];
	time_t at = (time_t)e->modified_s;
	struct tm tm;
	struct str rest, digits;
	uint64_t v;
	size_t n;

	if (e->modified_s < FORMAT_EPOCH || gmtime_r(&at, &tm) == NULL)
		return false;
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	if (!str_eq(str_sub(e->modified, 0, n), str_n(text, n)))
		return false;
	rest = str_sub(e->modified, n, e->modified.n);
	if (str_is(rest, "Z")) {
		*ret_digits = STR_LIT("");
		return true;
	}
	if (rest.n < 3 || rest.n > 11 || rest.p[0] != '.' ||
	    !str_ends(rest, "Z"))
		return false;
	digits = str_sub(rest, 1, rest.n - 1);
	*ret_digits = digits;
	return str_to_u64(digits, &v) == 0;
}

static void
put_record(const struct layout *l, const struct entry *e, struct buf *out)
{
	struct str digits = STR_LIT("");
	bool plain = is_plain_time(e, &digits);
	unsigned flags = plain ? RECORD_TIME : 0;
	uint64_t v = 0;
	struct buf b;

	flags |= e->withdrawn ? RECORD_WITHDRAWN : 0;
	flags |= e->malicious ? RECORD_MALICIOUS : 0;
	flags |= plain && digits.n != 0 ? RECORD_FRACTION : 0;
	flags |= e->n_aliases != 0 ? RECORD_ALIASES : 0;
	buf_putc(out, (char)flags);
	put_id(l, out, e->id);
	if (plain)
		put_varint(out, (uint64_t)(e->modified_s - FORMAT_EPOCH));
	else
		put_str(out, e->modified);
	if ((flags & RECORD_FRACTION) != 0) {
		(void)str_to_u64(digits, &v);
		buf_putc(out, (char)digits.n);
		put_varint(out, v);
	}
	if (e->n_aliases == 0)
		return;
	buf_init(&b, FORMAT_MAX_BYTES);
	put_varint(&b, e->n_aliases);
	for (size_t i = 0; i < e->n_aliases; i++)
		put_id(l, &b, e->aliases[i]);
	put_str(out, buf_str(&b));
	buf_done(&b);
}

static void
add_number(struct layout *l, struct table *t, struct str key, struct str first,
    uint32_t number)
{
	struct table_row *row = vec_add(&t->rows);
	struct buf b;

	buf_init(&b, FORMAT_MAX_BYTES);
	if (first.p != NULL)
		put_str(&b, first);
	put_varint(&b, number);
	row->hash = bytes_hash(key);
	row->key = key;
	row->entry = arena_str(l->arena, buf_str(&b));
	buf_done(&b);
}

static void
write_records(struct layout *l)
{
	struct table ids = { 0 }, aliases = { 0 }, commits = { 0 };
	struct buf b;

	buf_init(&b, FORMAT_MAX_BYTES);
	for (uint32_t i = 0; i < l->n; i++) {
		const struct entry *e = l->entries[i];
		struct take t = { .rest = e->commits };

		put_record(l, e, &b);
		if (i % FORMAT_RECORDS == FORMAT_RECORDS - 1 || i + 1 == l->n) {
			chunks_add(&l->chunks[SECTION_RECORDS], buf_str(&b));
			buf_reset(&b);
		}
		add_number(l, &ids, e->id, STR_NONE, i);
		for (size_t k = 0; k < e->n_aliases; k++)
			add_number(l, &aliases, e->aliases[k], STR_NONE, i);
		for (size_t k = 0; k < e->n_commits && !e->withdrawn; k++) {
			struct str hash = take_str(&t);

			if (!t.bad)
				add_number(l, &commits, hash, hash, i);
		}
		l->n_withdrawn += e->withdrawn;
		l->modified_s = MAX_OF(l->modified_s, e->modified_s);
	}
	buf_done(&b);
	table_write(&ids, FORMAT_IDS, &l->chunks[SECTION_IDS]);
	table_write(&aliases, FORMAT_IDS, &l->chunks[SECTION_ALIASES]);
	table_write(&commits, FORMAT_COMMITS, &l->chunks[SECTION_COMMITS]);
	vec_done(&ids.rows);
	vec_done(&aliases.rows);
	vec_done(&commits.rows);
}

static int
by_registry(const void *pa, const void *pb)
{
	const struct registry *a = pa, *b = pb;
	int d = str_cmp(a->ecosystem, b->ecosystem);

	return d != 0 ? d : str_cmp(a->url, b->url);
}

static void
write_registries(struct layout *l, struct snapshot_writer *w)
{
	struct buf *out = &l->pieces[SECTION_REGISTRIES];

	if (w->registries.n > 1)
		qsort(w->registries.v, w->registries.n,
		    sizeof(*w->registries.v), by_registry);
	put_varint(out, w->registries.n);
	for (size_t i = 0; i < w->registries.n; i++) {
		put_str(out, w->registries.v[i].ecosystem);
		put_str(out, w->registries.v[i].url);
	}
}

/* --- all
 * -------------------------------------------------------------------------- */

static int
by_id(const void *pa, const void *pb)
{
	const struct entry *const *a = pa, *const *b = pb;

	return str_cmp((*a)->id, (*b)->id);
}

void
layout_make(struct layout *l, struct snapshot_writer *w)
{
	size_t at = 0;
	struct str key;
	void *e;

	*l = (struct layout){ .arena = w->arena };
	for (unsigned k = 0; k < SECTION__MAX; k++) {
		buf_init(&l->pieces[k], FORMAT_MAX_BYTES);
		chunks_init(&l->chunks[k], (enum section_kind)k);
	}
	l->numbers = map_new(3 * (size_t)MAX_STRINGS);
	l->entries = mem_array(map_count(w->by_id), sizeof(*l->entries));
	while (map_next(w->by_id, &at, &key, &e))
		l->entries[l->n++] = e;
	if (l->n > 1)
		qsort(l->entries, l->n, sizeof(struct entry *), by_id);
	find_strings(l);
	write_strings(l);
	write_packages(l);
	write_records(l);
	write_registries(l, w);
}

void
layout_done(struct layout *l)
{
	for (unsigned k = 0; k < SECTION__MAX; k++) {
		buf_done(&l->pieces[k]);
		chunks_done(&l->chunks[k]);
	}
	map_free(l->numbers);
	vec_done(&l->strings);
	free(l->entries);
}
