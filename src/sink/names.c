/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and their addresses. Runs in role sink; lives as long as the run.
 *
 * The n-th name gets 198.18.0.0/15 plus (n * step + start) mod 2^17, and the
 * same low bits in 2001:2::/48: networks for tests of equipment (RFC 2544,
 * RFC 5180), which nobody routes.
 */
#include "sink/names_priv.h"

#include <assert.h>
#include <ctype.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

#define POOL_BITS      17
#define POOL_MASK      ((1u << POOL_BITS) - 1)
#define NAME_MAX_BYTES 255

struct name {
	char *text; /* owned, lower case */
	size_t n;
};

struct names {
	uint32_t step, start; /* step is odd: every number comes up once */
	struct map *by_text; /* struct name index + 1 as a pointer */
	VEC(struct name) list;
	uint32_t *by_number; /* pool number -> index + 1; 0: nobody's */
};

static const uint8_t base4[4] = { 198, 18, 0, 0 };
static const uint8_t base6[6] = { 0x20, 0x01, 0x00, 0x02, 0x00, 0x00 };

struct names *
names_new(int64_t seed)
{
	struct names *n = mem_alloc(sizeof(*n));
	uint64_t x = (uint64_t)seed * 0x9e3779b97f4a7c15u + 1;

	x ^= x >> 29;
	n->step = ((uint32_t)x & POOL_MASK) | 1u;
	n->start = (uint32_t)(x >> 32) & POOL_MASK;
	n->by_text = map_new(LIMIT_SINK_NAMES + 1);
	n->by_number = mem_array(POOL_MASK + 1, sizeof(*n->by_number));
	return n;
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->list.n; i++)
		free(n->list.v[i].text);
	vec_done(&n->list);
	map_free(n->by_text);
	free(n->by_number);
	free(n);
}

static uint32_t
number_of(const struct names *n, size_t index)
{
	return ((uint32_t)index * n->step + n->start) & POOL_MASK;
}

/* Numbers ending in .0 or .255 look odd as hosts: those are passed over by
 * giving them to names that nobody has. */
static bool
looks_odd(uint32_t number)
{
	return (number & 0xff) == 0 || (number & 0xff) == 0xff;
}

static uint32_t
name_number(struct names *n, struct str key)
{
	uintptr_t at = (uintptr_t)map_get(n->by_text, key);

	if (at != 0)
		return number_of(n, at - 1);
	while (
	    n->list.n < LIMIT_SINK_NAMES && looks_odd(number_of(n, n->list.n)))
		(void)vec_add(&n->list);
	if (n->list.n >= LIMIT_SINK_NAMES)
		return number_of(n, LIMIT_SINK_NAMES + 1);
	vec_push(&n->list, ((struct name){ mem_strndup(key), key.n }));
	(void)map_put(n->by_text, key, (void *)(uintptr_t)n->list.n);
	n->by_number[number_of(n, n->list.n - 1)] = (uint32_t)n->list.n;
	return number_of(n, n->list.n - 1);
}

void
names_address(struct names *n, struct str name, bool v6, struct endpoint *ret)
{
	char lower[NAME_MAX_BYTES];
	uint32_t number;

	name = str_sub(name, 0, sizeof(lower));
	for (size_t i = 0; i < name.n; i++)
		lower[i] = (char)tolower((unsigned char)name.p[i]);
	number = name_number(n, str_n(lower, name.n));
	*ret = (struct endpoint){ .v6 = v6 };
	if (v6) {
		memcpy(ret->address, base6, sizeof(base6));
		ret->address[13] = (uint8_t)(number >> 16);
		ret->address[14] = (uint8_t)(number >> 8);
		ret->address[15] = (uint8_t)number;
		return;
	}
	ret->address[0] = base4[0];
	ret->address[1] = (uint8_t)(base4[1] | (number >> 16));
	ret->address[2] = (uint8_t)(number >> 8);
	ret->address[3] = (uint8_t)number;
}

struct str
names_of(const struct names *n, const struct endpoint *e)
{
	const uint8_t *a = e->address + (e->v6 ? 12 : 0);
	uint32_t number, at;

	if (e->v6 && memcmp(e->address, base6, sizeof(base6)) != 0)
		return STR_NONE;
	if (!e->v6 && (a[0] != base4[0] || (a[1] & 0xfe) != base4[1]))
		return STR_NONE;
	number = ((uint32_t)(a[1] & 1) << 16) | ((uint32_t)a[2] << 8) | a[3];
	at = n->by_number[number];
	if (at == 0)
		return STR_NONE;
	return str_n(n->list.v[at - 1].text, n->list.v[at - 1].n);
}
