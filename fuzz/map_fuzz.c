/* SPDX-License-Identifier: Apache-2.0 */
/* Files of vendors: tables, lines, lists and zip archives, through a mapping.
 * The first byte says what the file is. */
#include <stdint.h>

#include "base/error.h"
#include "report/bundle.h"
#include "report/intake.h"
#include "report/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mapping mapping = {
	.fields = { [MAPPING_ID] = { "id", 2 },
	    [MAPPING_NAME] = { "pkg.name", 8 },
	    [MAPPING_ECOSYSTEM] = { "eco", 3 },
	    [MAPPING_VERSIONS] = { "v[].n", 5 },
	    [MAPPING_MODIFIED] = { "t", 1 },
	    [MAPPING_DETAILS] = { "story", 5 },
	    [MAPPING_REFERENCES] = { "links[]", 7 },
	    [MAPPING_DOMAINS] = { "hosts", 5 },
	    [MAPPING_SHA256] = { "sha[][]", 7 } },
	.separator = { "|", 1 },
	.all_versions = true,
};
static const struct mapping flat = {
	.fields = { [MAPPING_PURL] = { "purl", 4 },
	    [MAPPING_MODIFIED] = { "t", 1 } },
};

static int
on_document(void *arg, struct str name, struct str document,
    const char *refused)
{
	const struct mapping *m = arg;
	const struct intake_source s = { .id = STR_LIT("fuzz"),
		.kind = INTAKE_MAP,
		.mapping = m };
	struct error err = ERROR_INIT;
	struct intake in;

	(void)name;
	if (refused != NULL)
		return 0;
	(void)intake_document(document, &s, 1782000000, &in, &err);
	intake_done(&in);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum bundle_format formats[] = { BUNDLE_CSV, BUNDLE_JSON,
		BUNDLE_NDJSON, BUNDLE_ZIP };
	struct bundle b = { .fn = on_document };
	union {
		const struct mapping *in;
		void *out;
	} chosen = { .in = &mapping };
	struct error err = ERROR_INIT;

	if (size == 0)
		return 0;
	b.format = formats[data[0] & 3];
	b.delimiter = (data[0] & 4) != 0 ? ';' : ',';
	if ((data[0] & 8) != 0)
		chosen.in = &flat;
	b.arg = chosen.out;
	(void)bundle_read_bytes(&b, str_n(data + 1, size - 1), STR_LIT("f"),
	    &err);
	return 0;
}
