/* SPDX-License-Identifier: Apache-2.0 */
/* Compact records, and the ways to them: ids, aliases, commits. Runs in scan,
 * guard, serve. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/vec.h"
#include "snapshot/snapshot_priv.h"

struct id_parts
take_id(const struct snapshot *s, struct take *t)
{
	struct id_parts p = { .prefix = STR_NONE };
	uint32_t i = take_count(t);

	if (i == 0) {
		p.tail = take_str(t);
		return p;
	}
	if (i - 1 >= s->n_strings) {
		t->bad = true;
		return p;
	}
	p.prefix = s->strings[i - 1];
	p.number = take_count(t);
	return p;
}

bool
id_is(const struct id_parts *p, struct str id)
{
	char number[NUMBER_SIZE];
	int n;

	if (p->prefix.p == NULL)
		return str_eq(p->tail, id);
	if (id.n <= p->prefix.n || memcmp(id.p, p->prefix.p, p->prefix.n) != 0)
		return false;
	n = snprintf(number, sizeof(number), "%u", p->number);
	return str_eq(str_sub(id, p->prefix.n, id.n), str_n(number, (size_t)n));
}

static struct str
id_text(struct arena *a, const struct id_parts *p)
{
	if (p->prefix.p == NULL)
		return p->tail;
	return str_of(arena_printf(a, "%.*s%u", STR_ARG(p->prefix), p->number));
}

/* Takes one record off the front. */
static void
take_record(const struct snapshot *s, struct take *t, struct record_parts *r)
{
	struct id_parts id;

	*r = (struct record_parts){ .flags = take_byte(t) };
	id = take_id(s, t);
	r->prefix = id.prefix;
	r->tail = id.tail;
	r->number = id.number;
	if ((r->flags & RECORD_TIME) != 0)
		r->seconds = take_varint(t);
	else
		r->modified = take_str(t);
	if ((r->flags & RECORD_FRACTION) != 0) {
		r->digits = take_byte(t);
		r->fraction = take_varint(t);
	}
	if ((r->flags & RECORD_ALIASES) != 0) {
		r->aliases.rest = take_str(t);
		r->n_aliases = take_count(&r->aliases);
		if (r->aliases.bad || r->n_aliases > r->aliases.rest.n)
			t->bad = true;
	}
}

int
record_parts(const struct snapshot *s, uint32_t number,
    struct record_parts *ret, struct error *err)
{
	struct take t = { 0 };
	int rc;

	if (number >= s->info.n_records)
		return damaged(err, "a reference to a record");
	rc = chunk_get(s, SECTION_RECORDS, number / FORMAT_RECORDS, &t.rest,
	    err);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i <= number % FORMAT_RECORDS; i++)
		take_record(s, &t, ret);
	/* Beyond the year 9999 no date has four digits. */
	if (t.bad || ret->digits > 9 || ret->seconds > 250000000000)
		return damaged(err, "a record");
	return 0;
}

static struct str
time_text(struct arena *a, const struct record_parts *r)
{
	char text[64];
	time_t at = (time_t)(r->seconds + FORMAT_EPOCH);
	struct tm tm;
	size_t n;

	if (gmtime_r(&at, &tm) == NULL)
		return STR_LIT("");
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	if (r->digits == 0)
		return str_of(arena_printf(a, "%.*sZ", (int)n, text));
	return str_of(arena_printf(a,
	    "%.*s.%0*llu"
	    "Z",
	    (int)n, text, (int)r->digits, (unsigned long long)r->fraction));
}

int
snapshot_record(const struct snapshot *s, uint32_t number, struct arena *a,
    struct snapshot_record *ret, struct error *err)
{
	struct snapshot_record r = { .number = number };
	struct record_parts p;
	struct id_parts id;
	int rc = record_parts(s, number, &p, err);

	if (rc != 0)
		return rc;
	id = (struct id_parts){ p.prefix, p.tail, p.number };
	r.id = id_text(a, &id);
	r.withdrawn = (p.flags & RECORD_WITHDRAWN) != 0;
	r.malicious = (p.flags & RECORD_MALICIOUS) != 0;
	r.modified = p.modified;
	if ((p.flags & RECORD_TIME) != 0) {
		r.modified = time_text(a, &p);
		r.modified_s = (int64_t)p.seconds + FORMAT_EPOCH;
	} else {
		(void)osv_time_parse(p.modified, &r.modified_s);
	}
	r.aliases = arena_array(a, p.n_aliases, sizeof(*r.aliases));
	r.n_aliases = p.n_aliases;
	for (uint32_t i = 0; i < p.n_aliases; i++) {
		id = take_id(s, &p.aliases);
		r.aliases[i] = id_text(a, &id);
	}
	if (p.aliases.bad)
		return damaged(err, "a record");
	*ret = r;
	return 0;
}

int
snapshot_by_id(const struct snapshot *s, struct str id, uint32_t *ret_number,
    struct error *err)
{
	struct entries e;
	struct record_parts p;
	struct str one;
	int rc = entries_find(s, SECTION_IDS, bytes_hash(id), &e, err);

	while (rc == 0 && (rc = entries_next(&e, &one, err)) == 1) {
		struct take t = { .rest = one };
		uint32_t number = take_count(&t);
		struct id_parts parts;

		if (t.bad)
			return damaged(err, "an index entry");
		rc = record_parts(s, number, &p, err);
		if (rc != 0)
			return rc;
		parts = (struct id_parts){ p.prefix, p.tail, p.number };
		if (id_is(&parts, id)) {
			*ret_number = number;
			return 1;
		}
	}
	return rc;
}

/* --- numbers -------------------------------------------------------------- */

static bool
has_alias(const struct snapshot *s, struct record_parts *p, struct str id)
{
	for (uint32_t i = 0; i < p->n_aliases; i++) {
		struct id_parts one = take_id(s, &p->aliases);

		if (!p->aliases.bad && id_is(&one, id))
			return true;
	}
	return false;
}

static int
by_number(const void *pa, const void *pb)
{
	const uint32_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/* Sorted, each once. */
static struct snapshot_numbers
numbers_of(struct arena *a, uint32_t *v, size_t n)
{
	uint32_t *out = arena_array(a, n, sizeof(*out)), used = 0;

	if (n > 1)
		qsort(v, n, sizeof(*v), by_number);
	for (size_t i = 0; i < n; i++)
		if (used == 0 || out[used - 1] != v[i])
			out[used++] = v[i];
	return (struct snapshot_numbers){ out, used };
}

int
snapshot_by_alias(const struct snapshot *s, struct str id, struct arena *a,
    struct snapshot_numbers *ret, struct error *err)
{
	VEC(uint32_t) v = { 0 };
	struct entries e;
	struct record_parts p;
	struct str one;
	int rc = entries_find(s, SECTION_ALIASES, bytes_hash(id), &e, err);

	while (rc == 0 && (rc = entries_next(&e, &one, err)) == 1) {
		struct take t = { .rest = one };
		uint32_t number = take_count(&t);

		rc = t.bad ? damaged(err, "an index entry") :
			     record_parts(s, number, &p, err);
		if (rc == 0 && has_alias(s, &p, id))
			vec_push(&v, number);
	}
	if (rc == 0)
		*ret = numbers_of(a, v.v, v.n);
	vec_done(&v);
	return rc;
}

int
snapshot_by_commit(const struct snapshot *s, struct str hash, struct arena *a,
    struct snapshot_numbers *ret, struct error *err)
{
	VEC(uint32_t) v = { 0 };
	struct entries e;
	struct str one;
	int rc = entries_find(s, SECTION_COMMITS, bytes_hash(hash), &e, err);

	while (rc == 0 && (rc = entries_next(&e, &one, err)) == 1) {
		struct take t = { .rest = one };
		struct str its = take_str(&t);
		uint32_t number = take_count(&t);

		rc = 0;
		if (t.bad || number >= s->info.n_records)
			rc = damaged(err, "an index entry");
		else if (str_eq(its, hash))
			vec_push(&v, number);
	}
	if (rc == 0)
		*ret = numbers_of(a, v.v, v.n);
	vec_done(&v);
	return rc;
}
