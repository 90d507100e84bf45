/* SPDX-License-Identifier: Apache-2.0 */
/* Advisories of GitHub: what is converted is a document or refused as one. */
#include <assert.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/osv.h"
#include "report/ghsa.h"
#include "report/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct intake_source s = { .id = STR_LIT("fuzz"),
		.kind = INTAKE_GHSA,
		.alias_id = true,
		.split = true };
	struct error err = ERROR_INIT;
	struct yyjson_doc *json = NULL;
	struct intake in;
	struct buf out;

	buf_init(&out, 64 * (size_t)MIB);
	if (ghsa_convert(str_n(data, size), &out, &err) == 0) {
		assert(osv_json_read(buf_str(&out), &json, &err) == 0 ||
		    err.msg[0] != '\0');
		osv_json_free(json);
	}
	buf_done(&out);
	(void)intake_document(str_n(data, size), &s, 1782000000, &in, &err);
	intake_done(&in);
	return 0;
}
