/* SPDX-License-Identifier: Apache-2.0 */
/* Package URLs: the canonical form is read as itself. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/packageurl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct packageurl *p = arena_alloc(a, sizeof(*p));
	struct error err = ERROR_INIT;
	struct str ecosystem, name;
	struct buf once, twice;

	buf_init(&once, MIB);
	buf_init(&twice, MIB);
	if (packageurl_parse(a, str_n(data, size), p, &err) == 0) {
		packageurl_write(p, &once);
		assert(packageurl_parse(a, buf_str(&once), p, &err) == 0);
		packageurl_write(p, &twice);
		assert(str_eq(buf_str(&once), buf_str(&twice)));
		if (packageurl_to_osv(a, p, &ecosystem, &name))
			(void)packageurl_of_osv(a, ecosystem, name, p, &err);
	}
	buf_done(&once);
	buf_done(&twice);
	arena_free(a);
	return 0;
}
