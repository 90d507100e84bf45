/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of object stores. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct error err = ERROR_INIT;
	struct listing l = { .truncated = false };

	if (listing_parse(a, str_n(data, size), &l, &err) == 0) {
		for (size_t i = 0; i < l.objects.n; i++) {
			struct str key = l.objects.v[i].key;

			assert(key.n != 0 && key.n <= LISTING_MAX_KEY);
			assert(str_chr(key, '\0') < 0);
			assert(l.objects.v[i].size >= 0);
		}
		listing_done(&l);
	} else {
		assert(err.code < 0 && err.msg[0] != '\0');
	}
	arena_free(a);
	return 0;
}
