/* SPDX-License-Identifier: Apache-2.0 */
/* What a publisher's server gives beside snapshots: latest.json, signatures
 * and public keys. What latest.json says is written and read back. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "snapshot/latest.h"
#include "snapshot/minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_n(data, size);
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct latest *l = arena_alloc(a, sizeof(*l));
	struct latest *again = arena_alloc(a, sizeof(*again));
	struct minisign_key key = { .id = { 0 } };
	struct error err = ERROR_INIT;
	struct buf b;

	(void)minisign_key_parse(bytes, &key, &err);
	(void)minisign_verify(&key, bytes, bytes, &err);
	if (latest_parse(a, bytes, l, &err) == 0 && l->built_at_s >= 0) {
		buf_init(&b, LATEST_MAX_BYTES);
		latest_write(l, &b);
		assert(latest_parse(a, buf_str(&b), again, &err) == 0);
		assert(again->n_deltas == l->n_deltas);
		assert(again->snapshot.size == l->snapshot.size);
		buf_done(&b);
	}
	arena_free(a);
	return 0;
}
