/* SPDX-License-Identifier: Apache-2.0 */
/* OSV documents: what was read is written, read back, and written the same. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "osv/osv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
round_trip(struct str bytes, struct buf *out)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct osv_input in = { .bytes = bytes,
		.profile = OSV_PROFILE_OSV,
		.now_s = 1782000000 };
	struct osv_findings f;
	struct osv_document d;
	struct yyjson_doc *json = NULL;
	bool read;

	osv_findings_init(&f, a);
	read = osv_validate(a, &in, &f, &d, &json) == 0;
	if (read) {
		const char *why;

		osv_write(&d, 2, out);
		(void)osv_affects(a, &d, STR_LIT("npm"), STR_LIT("x"),
		    STR_LIT("1.0.0"), &why);
	}
	osv_findings_done(&f);
	osv_json_free(json);
	arena_free(a);
	return read;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;

	buf_init(&once, 64 * (size_t)MIB);
	buf_init(&twice, 64 * (size_t)MIB);
	if (round_trip(str_n(data, size), &once)) {
		assert(round_trip(buf_str(&once), &twice));
		assert(str_eq(buf_str(&once), buf_str(&twice)));
	}
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
