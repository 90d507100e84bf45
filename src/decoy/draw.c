/* SPDX-License-Identifier: Apache-2.0 */
/* Random choices that follow from a seed. Runs in the supervisor. */
#include "decoy/draw.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "sys/sha256.h"

const char draw_base62[] = "0123456789"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz";
const char draw_base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789+/";
const char draw_hex[] = "0123456789abcdef";

void
draw_init(struct draw *d, const uint8_t seed[DRAW_SEED_SIZE])
{
	memset(d, 0, sizeof(*d));
	memcpy(d->input, seed, DRAW_SEED_SIZE);
	d->at = sizeof(d->block);
}

static void
next_block(struct draw *d)
{
	memcpy(d->input + DRAW_SEED_SIZE, &d->counter, sizeof(d->counter));
	d->counter++;
	sha256_of(str_n(d->input, sizeof(d->input)), d->block);
	d->at = 0;
}

void
draw_bytes(struct draw *d, void *ret, size_t n)
{
	uint8_t *p = ret;

	while (n > 0) {
		if (d->at == sizeof(d->block))
			next_block(d);
		size_t left = sizeof(d->block) - d->at;
		size_t take = n < left ? n : left;
		memcpy(p, d->block + d->at, take);
		d->at += take;
		p += take;
		n -= take;
	}
}

uint32_t
draw_below(struct draw *d, uint32_t n)
{
	assert(n > 0);
	/* Values past the last whole multiple would favour small results. */
	uint32_t limit = UINT32_MAX - UINT32_MAX % n;
	uint32_t v;

	do {
		draw_bytes(d, &v, sizeof(v));
	} while (v >= limit);
	return v % n;
}

int64_t
draw_between(struct draw *d, int64_t from, int64_t to)
{
	assert(from <= to && to - from < UINT32_MAX);
	return from + (int64_t)draw_below(d, (uint32_t)(to - from) + 1);
}

void
draw_chars(struct draw *d, const char *alphabet, size_t n, char *ret)
{
	uint32_t size = (uint32_t)strlen(alphabet);

	for (size_t i = 0; i < n; i++)
		ret[i] = alphabet[draw_below(d, size)];
	ret[n] = '\0';
}
