/* SPDX-License-Identifier: Apache-2.0 */
/* A registry's document about the package "x": chosen from, told, served. */
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/packument.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
ignore(void *arg, const char *key, struct str value, struct error *err)
{
	(void)arg;
	(void)key;
	(void)value;
	(void)err;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct npm_platform here = { { "linux", 5 }, { "x64", 3 },
		{ "glibc", 5 }, { "24.0.0", 6 } };
	static const struct str wants[] = { { NULL, 0 }, { "^1", 2 },
		{ "1.0.0", 5 }, { "next", 4 } };
	struct packument *p;
	struct packument_version v;
	struct buf out, index;

	if (packument_parse(str_n(data, size), str_n("x", 1), &p, NULL) != 0)
		return 0;
	buf_init(&out, 16 * (size_t)MIB);
	buf_init(&index, 16 * (size_t)MIB);
	for (size_t i = 0; i < 4; i++)
		if (packument_pick(p, wants[i], &here, &v, NULL) == 0)
			(void)packument_facts(p, &v, ignore, NULL, NULL);
	packument_write_index(p, &index);
	(void)packument_write_served(p, str_n("https://p.test/", 15), &out,
	    NULL);
	buf_done(&out);
	buf_done(&index);
	packument_free(p);
	return 0;
}
