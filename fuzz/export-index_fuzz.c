/* SPDX-License-Identifier: Apache-2.0 */
/* The index of an export, with the right sum: a person may have edited it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "report/export_priv.h"
#include "sys/crc32c.h"

#define HEAD_BYTES_AT 8
#define SUM_AT        16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_sum(char *p, size_t n)
{
	uint32_t head, sum;

	if (n < SUM_AT + sizeof(sum))
		return;
	memcpy(&head, p + HEAD_BYTES_AT, sizeof(head));
	if (head > n)
		return;
	sum = crc32c(0, p + head, n - head);
	memcpy(p + SUM_AT, &sum, sizeof(sum));
}

static void
use(struct exporter *x)
{
	for (size_t i = 0; i < x->n_past; i++) {
		struct export_entry *e = &x->past[i];

		e->claimed = i % 3 != 0;
		assert(e->path.p[e->path.n] == '\0');
		assert(export_path_valid(e->path));
		assert(e->id.n != 0 && e->n_dirs != 0);
		assert(e->at + e->packed <= x->segments_end);
		for (size_t k = 0; k < e->n_dirs; k++)
			assert(export_dir_name(x, e, k).n != 0);
	}
	for (enum export_order o = 0; o < EXPORT_ORDER__MAX; o++)
		free(export_sorted(x, o));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exporter x = { .arena = arena_new((size_t)1 << 30),
		.dir = -1,
		.lock = -1,
		.segments = -1,
		.segments_end = 1 << 20 };
	char *bytes = mem_array(size, 1);

	if (size != 0)
		memcpy(bytes, data, size);
	put_sum(bytes, size);
	if (export_cache_parse(&x, str_n(bytes, size)))
		use(&x);
	export_cache_forget(&x);
	vec_done(&x.sums);
	export_dirs_free(&x);
	arena_free(x.arena);
	free(bytes);
	return 0;
}
