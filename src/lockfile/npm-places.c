/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which entry lies at a place of a tree of node_modules? A hash of the folder
 * and the name apart, so that a look-up builds no path. Runs in the lockfile
 * reader.
 */
#include "lockfile/npm_places_priv.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"

#define MODULES "node_modules/"

/* Multiply-and-rotate over words; the seed is drawn, so that hostile names
 * cannot be made to collide. */
static uint64_t
hash_bytes(uint64_t h, struct str s)
{
	uint64_t w;

	h ^= s.n * 0x9e3779b97f4a7c15u;
	for (size_t i = 0; i < s.n; i += sizeof(w)) {
		w = 0;
		memcpy(&w, s.p + i, s.n - i < sizeof(w) ? s.n - i : sizeof(w));
		h = (h ^ w) * 0xbf58476d1ce4e5b9u;
		h ^= h >> 31;
	}
	return h;
}

static uint64_t
hash_place(const struct npm_places *t, struct str from, struct str name)
{
	uint64_t h = hash_bytes(hash_bytes(t->seed, from), name);

	h = (h ^ (h >> 30)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

ptrdiff_t
npm_last_modules(struct str place)
{
	size_t n = sizeof(MODULES) - 1;

	for (size_t i = place.n; i >= n; i--) {
		size_t at = i - n;

		if (place.p[at] == 'n' &&
		    memcmp(place.p + at, MODULES, n) == 0 &&
		    (at == 0 || place.p[at - 1] == '/'))
			return (ptrdiff_t)at;
	}
	return -1;
}

/* A place is a folder and a name in its node_modules, or a folder alone. */
static void
split(struct str place, struct str *ret_from, struct str *ret_name)
{
	ptrdiff_t at = npm_last_modules(place);

	*ret_from = place;
	*ret_name = STR_NONE;
	if (at < 0)
		return;
	*ret_from = at == 0 ? STR_LIT("") : str_sub(place, 0, (size_t)at - 1);
	*ret_name = str_sub(place, (size_t)at + sizeof(MODULES) - 1, place.n);
}

static uint32_t *
slot(const struct npm_places *t, struct str from, struct str name)
{
	uint64_t h = hash_place(t, from, name);
	uint32_t *s = &t->slots[h & t->mask];

	while (*s != 0) {
		const struct npm_place *p = &t->v[*s - 1];

		if (p->hash == h && str_eq(p->name, name) &&
		    (p->name.p == NULL) == (name.p == NULL) &&
		    str_eq(p->from, from))
			break;
		s = s == &t->slots[t->mask] ? t->slots : s + 1;
	}
	return s;
}

void
npm_places_init(struct npm_places *t, size_t n)
{
	size_t size = 16;

	while (size < n * 2)
		size *= 2;
	*t = (struct npm_places){ .mask = size - 1,
		.slots = mem_array(size, sizeof(*t->slots)),
		.v = mem_array(n + 1, sizeof(*t->v)),
		.size = n };
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(t->seed))
		t->seed = (uint64_t)(uintptr_t)t->slots;
}

void
npm_places_done(struct npm_places *t)
{
	free(t->slots);
	free(t->v);
}

void
npm_places_add(struct npm_places *t, struct str place)
{
	struct npm_place *p = &t->v[t->n];
	uint32_t *s;

	assert(t->n < t->size);
	split(place, &p->from, &p->name);
	s = slot(t, p->from, p->name);
	p->hash = hash_place(t, p->from, p->name);
	t->n++;
	if (*s == 0)
		*s = (uint32_t)t->n;
}

uint32_t
npm_places_below(const struct npm_places *t, struct str from, struct str name)
{
	return *slot(t, from, name) - 1;
}

uint32_t
npm_places_at(const struct npm_places *t, struct str place)
{
	struct str from, name;

	split(place, &from, &name);
	return npm_places_below(t, from, name);
}
