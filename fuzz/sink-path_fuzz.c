/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of URLs: of a registry, and of anything else. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sink/path_priv.h"
#include "sink/registry_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n(data, size);
	struct registry_path r;

	/* What would be passed on has the shape of a name, whatever came. */
	if (registry_path_parse(s, &r)) {
		assert(r.name[0] != '\0');
		assert(strpbrk(r.name, "?#%&=: \r\n\\\"") == NULL);
		assert(strstr(r.name, "..") != r.name);
		assert(strpbrk(r.version, "/?#%&=: \r\n\\\"") == NULL);
	}
	(void)path_kind(s);
	(void)path_is_prebuilt(s);
	assert(path_stem(s).n <= size);
	return 0;
}
