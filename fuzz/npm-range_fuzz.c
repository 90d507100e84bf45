/* SPDX-License-Identifier: Apache-2.0 */
/* "VERSION VERSION RANGE": order is antisymmetric, printing keeps a version,
 * and a range answers for both. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "ecosystem/npm/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_print(const struct semver *v)
{
	struct semver again;
	struct buf b;

	buf_init(&b, 4 * LIMIT_VERSION_BYTES);
	semver_write(v, &b);
	if (semver_parse(buf_str(&b), &again) != 0 ||
	    semver_compare(v, &again) != 0)
		abort();
	buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_n(data, size), a, b;
	struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
	struct semver_range *r;
	struct semver va, vb;

	if (str_cut(&rest, ' ', &a) && str_cut(&rest, ' ', &b) &&
	    semver_parse(a, &va) == 0 && semver_parse(b, &vb) == 0) {
		check_print(&va);
		if ((semver_compare(&va, &vb) < 0) !=
		    (semver_compare(&vb, &va) > 0))
			abort();
		if (rest.p != NULL &&
		    semver_range_parse(arena, rest, &r, NULL) == 0) {
			(void)semver_range_has(r, &va, false);
			(void)semver_range_has(r, &vb, true);
		}
	}
	arena_free(arena);
	return 0;
}
