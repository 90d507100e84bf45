/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of documents: members and their limits, as role collect walks
 * them. Seeds: a member that is stored, one that is packed, an archive in an
 * archive, one that is cut. */
#include <assert.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "role/collect_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t n, bytes;
};

static bool
wants(void *data, struct str name)
{
	(void)data;
	assert(str_ends(name, ".json"));
	return true;
}

static int
on_document(void *data, const struct zip_member *m, struct str bytes,
    const char *why, struct error *err)
{
	struct seen *s = data;

	assert((bytes.p != NULL) == (why == NULL));
	assert(bytes.n <= 16 * (size_t)MIB && m->number >= 0);
	s->n++;
	s->bytes += bytes.n;
	if (s->n < 10000 && s->bytes < 256 * (size_t)MIB)
		return 0;
	return error_set(err, -EFBIG, "enough");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen s = { 0, 0 };
	struct zip_walk w = { .data = &s,
		.wants = wants,
		.document = on_document };
	struct error err = ERROR_INIT;

	if (zip_walk(&w, str_n(data, size), &err) != 0)
		assert(err.msg[0] != '\0');
	return 0;
}
