/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that travel in pieces: every 8 bytes of every form are known, and
 * pieces mark what they hold of it. Order does not matter, nor what stands
 * between (sequence numbers, names). Runs in judge.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "decoy/canary-find_priv.h"

#define MAGIC      0x73706c69
#define GRAM       8
#define TABLE_BITS 18
#define MAX_GRAMS  400000
/* A form counts when this much of it was seen. */
#define MIN_BYTES  16
#define COVERED(n) ((n) - (n) / 4)

struct gram {
	uint64_t value;
	uint32_t needle, at;
	int next;
};

/* All grams of all forms; made once, at the first split. */
struct gram_index {
	VEC(struct gram) grams;
	int heads[1 << TABLE_BITS];
};

/* What was seen of one needle. */
struct cover {
	uint8_t *seen; /* a flag per byte; NULL: nothing yet */
	size_t n, in_row, most_in_row; /* bytes; of one row alone */
	int64_t row, rows;
};

struct canary_split {
	uint32_t magic;
	struct canary_finder *f; /* borrowed */
	struct cover *covers; /* one per needle of f->secrets */
};

static uint32_t
slot(uint64_t v)
{
	return (uint32_t)(v * 0x9e3779b97f4a7c15u >> (64 - TABLE_BITS));
}

static uint64_t
load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static struct gram_index *
index_new(const struct matcher *m)
{
	struct gram_index *x = mem_alloc(sizeof(*x));

	memset(x->heads, 0xff, sizeof(x->heads));
	for (size_t i = 0; i < m->needles.n; i++) {
		const struct needle *n = &m->needles.v[i];

		for (size_t at = 0; at + GRAM <= n->n && x->grams.n < MAX_GRAMS;
		     at++) {
			struct gram *g = vec_add(&x->grams);
			uint32_t h = slot(load(n->p + at));

			g->value = load(n->p + at);
			g->needle = (uint32_t)i;
			g->at = (uint32_t)at;
			g->next = x->heads[h];
			x->heads[h] = (int)x->grams.n - 1;
		}
	}
	return x;
}

void
gram_index_free(struct gram_index *x)
{
	if (x == NULL)
		return;
	vec_done(&x->grams);
	free(x);
}

struct canary_split *
canary_split_new(struct canary_finder *f)
{
	struct canary_split *s = mem_alloc(sizeof(*s));

	if (f->grams == NULL)
		f->grams = index_new(&f->secrets);
	s->magic = MAGIC;
	s->f = f;
	s->covers = mem_array(f->secrets.needles.n + 1, sizeof(*s->covers));
	return s;
}

static void
mark(struct canary_split *s, const struct gram *g, int64_t row)
{
	struct cover *c = &s->covers[g->needle];
	size_t n = s->f->secrets.needles.v[g->needle].n;
	size_t before = c->n;

	if (c->seen == NULL)
		c->seen = mem_alloc(n);
	for (size_t i = g->at; i < g->at + GRAM; i++) {
		c->n += c->seen[i] == 0;
		c->seen[i] = 1;
	}
	if (c->n == before)
		return;
	if (c->rows == 0 || c->row != row) {
		c->rows++;
		c->row = row;
		c->in_row = 0;
	}
	c->in_row += c->n - before;
	c->most_in_row = MAX_OF(c->most_in_row, c->in_row);
}

void
canary_split_add(struct canary_split *s, int64_t row, struct str piece)
{
	const struct gram_index *x = s->f->grams;

	assert(s->magic == MAGIC);
	s->f->budget -= (int64_t)piece.n;
	if (s->f->budget < 0) {
		s->f->spent = true;
		return;
	}
	for (size_t at = 0; at + GRAM <= piece.n; at++) {
		uint64_t v = load(piece.p + at);

		for (int i = x->heads[slot(v)]; i >= 0; i = x->grams.v[i].next)
			if (x->grams.v[i].value == v)
				mark(s, &x->grams.v[i], row);
	}
}

static void
report(const struct canary_split *s, size_t i, struct canary_matches *out)
{
	const struct needle *n = &s->f->secrets.needles.v[i];
	const struct cover *c = &s->covers[i];
	struct canary_match *m;

	if (c->rows < 2 || c->n < MIN_BYTES || c->n < COVERED(n->n) ||
	    c->most_in_row >= COVERED(n->n))
		return;
	for (size_t k = 0; k < out->list.n; k++)
		if (out->list.v[k].canary == n->canary)
			return;
	m = vec_add(&out->list);
	m->canary = n->canary;
	(void)snprintf(m->encoding, sizeof(m->encoding), "%s", n->encoding);
	m->offset = -1;
	m->split = c->rows;
	m->row = c->row;
}

void
canary_split_end(struct canary_split *s, struct canary_matches *out)
{
	assert(s->magic == MAGIC);
	for (size_t i = 0; i < s->f->secrets.needles.n; i++) {
		if (s->covers[i].seen != NULL)
			report(s, i, out);
		free(s->covers[i].seen);
	}
	free(s->covers);
	free(s);
}
