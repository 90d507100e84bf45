/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of chunks, and hashed ones among them. For the writer. */
#include "snapshot/write_priv.h"

#include <stdlib.h>

void
chunks_init(struct chunks *c, enum section_kind kind)
{
	*c = (struct chunks){ .kind = kind };
	buf_init(&c->bytes, FORMAT_MAX_BYTES);
}

void
chunks_done(struct chunks *c)
{
	vec_done(&c->ends);
	buf_done(&c->bytes);
}

void
chunks_add(struct chunks *c, struct str body)
{
	put_u32(&c->bytes, place_checksum(c->kind, 0, body));
	buf_put_str(&c->bytes, body);
	vec_push(&c->ends, c->bytes.n);
}

static int
by_chunk(const void *pa, const void *pb)
{
	const struct table_row *a = pa, *b = pb;
	int d;

	if (a->chunk != b->chunk)
		return a->chunk < b->chunk ? -1 : 1;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	d = str_cmp(a->key, b->key);
	return d != 0 ? d : str_cmp(a->entry, b->entry);
}

/* A power of two: a few entries more leave all others in their chunks. */
static uint32_t
chunks_for(size_t n_rows, uint32_t per_chunk)
{
	uint32_t n = n_rows != 0;

	while ((uint64_t)n * per_chunk < n_rows)
		n *= 2;
	return n;
}

void
table_write(struct table *t, uint32_t per_chunk, struct chunks *out)
{
	uint32_t n = chunks_for(t->rows.n, per_chunk);
	size_t from = 0, to;
	struct buf body;

	for (size_t i = 0; i < t->rows.n; i++)
		t->rows.v[i].chunk = hash_chunk(t->rows.v[i].hash, n);
	if (t->rows.n > 1)
		qsort(t->rows.v, t->rows.n, sizeof(*t->rows.v), by_chunk);
	buf_init(&body, FORMAT_MAX_BYTES);
	for (uint32_t chunk = 0; chunk < n; chunk++, from = to) {
		for (to = from; to < t->rows.n && t->rows.v[to].chunk == chunk;
		     to++)
			;
		buf_reset(&body);
		put_varint(&body, to - from);
		for (size_t i = from; i < to; i++) {
			uint16_t tag = hash_tag(t->rows.v[i].hash);

			buf_putc(&body, (char)(tag & 0xff));
			buf_putc(&body, (char)(tag >> 8));
		}
		for (size_t i = from; i < to; i++)
			put_str(&body, t->rows.v[i].entry);
		chunks_add(out, buf_str(&body));
	}
	buf_done(&body);
}
