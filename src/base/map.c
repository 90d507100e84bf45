/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map: entries in order of insertion, and an open-addressing table of
 * their indexes. Runs in every process.
 */
#include "base/map.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/vec.h"

#define MAP_MAGIC 0x4d415021u
#define SLOT_FREE 0u /* otherwise index + 1 */

struct entry {
	char *key; /* owned; NULL when removed */
	size_t n;
	uint64_t hash;
	void *value; /* borrowed */
};

struct map {
	unsigned magic;
	uint64_t seed;
	size_t max, live;
	VEC(struct entry) entries;
	uint32_t *slots;
	size_t n_slots; /* a power of two */
};

/* A system call for the first map of a process, numbers of one sequence for
 * the others: documents are read into many small ones. */
static uint64_t
next_seed(void)
{
	static uint64_t at;

	if (at == 0 &&
	    getrandom(&at, sizeof(at), GRND_NONBLOCK) != (ssize_t)sizeof(at))
		at = (uint64_t)(uintptr_t)&at;
	at += 0x9e3779b97f4a7c15;
	return at ^ at >> 31;
}

struct map *
map_new(size_t max_entries)
{
	struct map *m = mem_alloc(sizeof(*m));

	assert(max_entries > 0 && max_entries < UINT32_MAX / 4);
	m->magic = MAP_MAGIC;
	m->max = max_entries;
	m->seed = next_seed();
	m->n_slots = 16;
	m->slots = mem_array(m->n_slots, sizeof(*m->slots));
	return m;
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	assert(m->magic == MAP_MAGIC);
	for (size_t i = 0; i < m->entries.n; i++)
		free(m->entries.v[i].key);
	vec_done(&m->entries);
	free(m->slots);
	m->magic = 0;
	free(m);
}

void
map_freep(struct map **m)
{
	map_free(*m);
	*m = NULL;
}

static uint64_t
rotate(uint64_t x, unsigned r)
{
	return (x << r) | (x >> (64 - r));
}

/* Multiply-and-rotate over words, seeded; finished as splitmix64 does. */
static uint64_t
hash(const struct map *m, struct str key)
{
	uint64_t h = m->seed ^ (key.n * 0x9e3779b97f4a7c15u), w;
	size_t i;

	for (i = 0; i < key.n; i += 8) {
		w = 0;
		memcpy(&w, key.p + i, key.n - i < 8 ? key.n - i : 8);
		h = rotate((h ^ w) * 0xbf58476d1ce4e5b9u, 31) + m->seed;
	}
	h = (h ^ (h >> 30)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

static size_t
slot_find(const struct map *m, struct str key, uint64_t h)
{
	size_t i = h & (m->n_slots - 1);
	const struct entry *e;

	for (; m->slots[i] != SLOT_FREE; i = (i + 1) & (m->n_slots - 1)) {
		e = &m->entries.v[m->slots[i] - 1];
		if (e->key != NULL && e->hash == h && e->n == key.n &&
		    memcmp(e->key, key.p != NULL ? key.p : "", key.n) == 0)
			return i;
	}
	return i;
}

/* Makes the table anew, without the entries that were removed. */
static void
rebuild(struct map *m)
{
	size_t n_slots = m->n_slots, j, n = 0;

	for (size_t i = 0; i < m->entries.n; i++)
		if (m->entries.v[i].key != NULL)
			m->entries.v[n++] = m->entries.v[i];
	m->entries.n = n;
	if ((n + 1) * 4 > n_slots)
		n_slots *= 2;
	free(m->slots);
	m->n_slots = n_slots;
	m->slots = mem_array(n_slots, sizeof(*m->slots));
	for (size_t i = 0; i < m->entries.n; i++) {
		j = m->entries.v[i].hash & (n_slots - 1);
		while (m->slots[j] != SLOT_FREE)
			j = (j + 1) & (n_slots - 1);
		m->slots[j] = (uint32_t)i + 1;
	}
}

static struct entry *
find(const struct map *m, struct str key)
{
	size_t i = slot_find(m, key, hash(m, key));

	return m->slots[i] != SLOT_FREE ? &m->entries.v[m->slots[i] - 1] : NULL;
}

void *
map_get(const struct map *m, struct str key)
{
	const struct entry *e = find(m, key);

	return e != NULL ? e->value : NULL;
}

bool
map_has(const struct map *m, struct str key)
{
	return find(m, key) != NULL;
}

int
map_put(struct map *m, struct str key, void *value)
{
	struct entry *e = find(m, key);
	uint64_t h;
	size_t i;

	assert(m->magic == MAP_MAGIC);
	if (e != NULL) {
		e->value = value;
		return 1;
	}
	if (m->live >= m->max)
		return -ENOSPC;
	if ((m->entries.n + 1) * 2 > m->n_slots)
		rebuild(m);
	h = hash(m, key);
	i = slot_find(m, key, h);
	e = vec_add(&m->entries);
	*e = (struct entry){ mem_strndup(key), key.n, h, value };
	m->slots[i] = (uint32_t)m->entries.n;
	m->live++;
	return 0;
}

void *
map_remove(struct map *m, struct str key)
{
	struct entry *e = find(m, key);
	void *value;

	if (e == NULL)
		return NULL;
	value = e->value;
	free(e->key); /* the slot stays taken: probing runs on past it */
	e->key = NULL;
	e->value = NULL;
	m->live--;
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->live;
}

bool
map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value)
{
	const struct entry *e;

	while (*at < m->entries.n) {
		e = &m->entries.v[(*at)++];
		if (e->key == NULL)
			continue;
		*ret_key = str_n(e->key, e->n);
		*ret_value = e->value;
		return true;
	}
	return false;
}
