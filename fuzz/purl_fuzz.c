/* SPDX-License-Identifier: Apache-2.0 */
/* What people write for a package; printing it parses to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "ecosystem/purl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct purl p, q;
	const char *printed;

	if (purl_parse(a, str_n(data, size), &p, NULL) == 0 &&
	    p.repository_url.p == NULL && p.subpath.p == NULL) {
		printed = purl_print(a, &p);
		if (strlen(printed) <= LIMIT_PURL_BYTES &&
		    (purl_parse(a, str_of(printed), &q, NULL) != 0 ||
			!str_eq(p.name, q.name) ||
			!str_eq(p.version, q.version)))
			abort();
	}
	arena_free(a);
	return 0;
}
