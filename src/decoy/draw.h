/* SPDX-License-Identifier: Apache-2.0 */
/* Random choices that follow from a seed: SHA-256 in counter mode. */
#ifndef DECOY_DRAW_H
#define DECOY_DRAW_H

#include <stddef.h>
#include <stdint.h>

#define DRAW_SEED_SIZE 32

struct draw {
	uint8_t input[DRAW_SEED_SIZE + 8]; /* seed and counter */
	uint8_t block[32];
	uint64_t counter;
	size_t at; /* bytes of the block that are used up */
};

void draw_init(struct draw *d, const uint8_t seed[DRAW_SEED_SIZE]);
void draw_bytes(struct draw *d, void *ret, size_t n);
/* 0 .. n-1, every value equally likely. */
uint32_t draw_below(struct draw *d, uint32_t n);
/* from .. to, both included. */
int64_t draw_between(struct draw *d, int64_t from, int64_t to);
/* n characters of the alphabet, and a NUL. */
void draw_chars(struct draw *d, const char *alphabet, size_t n, char *ret);
#define draw_one(d, list) \
	((list)[draw_below((d), (uint32_t)(sizeof(list) / sizeof((list)[0])))])

extern const char draw_base62[]; /* 0-9A-Za-z */
extern const char draw_base64[];
extern const char draw_hex[];

#endif
