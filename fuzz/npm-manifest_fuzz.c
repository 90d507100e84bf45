/* SPDX-License-Identifier: Apache-2.0 */
/* package.json, and the document that a local package gets. */
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "ecosystem/npm/manifest.h"
#include "ecosystem/npm/packument.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str names[] = { { "index.js", 8 },
		{ "lib/a.js", 8 }, { "binding.gyp", 11 } };
	static const struct manifest_files files = { names, 3 };
	static const struct packument_local l = { { "x", 1 }, { "1.0.0", 5 },
		{ NULL, 0 }, { NULL, 0 } };
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct manifest m = { 0 };
	struct buf out, index;

	buf_init(&out, 16 * (size_t)MIB);
	buf_init(&index, 16 * (size_t)MIB);
	if (manifest_parse(a, str_n(data, size), &files, &m, NULL) == 0)
		manifest_done(&m);
	(void)packument_write_local(&l, str_n(data, size),
	    str_n("https://p.test/", 15), &out, &index, NULL);
	buf_done(&out);
	buf_done(&index);
	arena_free(a);
	return 0;
}
