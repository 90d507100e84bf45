/* SPDX-License-Identifier: Apache-2.0 */
/* The table of groups of an export, with the right sum and of the right index:
 * a person may have edited it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/export_priv.h"
#include "sys/crc32c.h"

#define HEAD_BYTES 32
#define SUM_AT     16
#define INDEX_AT   24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exporter x = { .segments_end = 1 << 20 };
	char *bytes = mem_array(size, 1);
	uint32_t sum;

	if (size != 0)
		memcpy(bytes, data, size);
	if (size >= HEAD_BYTES) {
		sum = crc32c(0, bytes + HEAD_BYTES, size - HEAD_BYTES);
		memcpy(bytes + SUM_AT, &sum, sizeof(sum));
		memcpy(&x.index_number, bytes + INDEX_AT,
		    sizeof(x.index_number));
	}
	if (export_groups_parse(&x, str_n(bytes, size)))
		for (size_t i = 0; i < x.known.n; i++) {
			const struct export_group *g = &x.known.v[i];

			assert(g->at + g->packed <= x.segments_end);
			assert(i == 0 || g->place > g[-1].place);
		}
	vec_done(&x.known);
	free(bytes);
	return 0;
}
