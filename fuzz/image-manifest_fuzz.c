/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.json of an image, and the certificates inside a program. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "sandbox/image_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_n(data, size);
	struct error err = ERROR_INIT;
	struct image_manifest m, again;
	struct image_slots slots;
	struct buf text;

	image_ca_find_slots(bytes, &slots);
	vec_done(&slots);
	if (image_manifest_parse(bytes, &m, &err) != 0)
		return 0;
	/* What was taken can be written and is taken again. */
	buf_init(&text, 64 * MIB);
	image_manifest_write(&m, &text);
	if (image_manifest_parse(buf_str(&text), &again, &err) != 0)
		abort();
	image_manifest_done(&again);
	image_manifest_done(&m);
	buf_done(&text);
	return 0;
}
