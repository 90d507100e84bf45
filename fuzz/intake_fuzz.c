/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of sources: repaired, split, and written as reports that merge. */
#include <assert.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct intake_source s = { .id = STR_LIT("fuzz"),
		.alias_id = true,
		.split = true };
	struct error err = ERROR_INIT;
	struct intake in;
	struct buf b;

	if (intake_document(str_n(data, size), &s, 1782000000, &in, &err) !=
	    0) {
		intake_done(&in);
		return 0;
	}
	buf_init(&b, 64 * (size_t)MIB);
	for (size_t i = 0; i < in.reports.n; i++) {
		struct report *r = in.reports.v[i];

		buf_reset(&b);
		if (report_folder(r, &b)) {
			assert(b.p[0] != '/');
			assert(str_find(buf_str(&b), STR_LIT("../")) != 0);
		}
		report_free(report_copy(r));
		(void)report_normalise(r, &err);
		buf_reset(&b);
		report_write(r, &b);
	}
	buf_done(&b);
	intake_done(&in);
	return 0;
}
