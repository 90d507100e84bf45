/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys of minisign. */
#include <stdint.h>

#include "base/error.h"
#include "report/minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct minisign_key key;
	struct error err = ERROR_INIT;

	/* Without a password: its derivation is slow on purpose. */
	if (minisign_key_read(str_n(data, size), STR_NONE, &key, &err) == 0)
		minisign_key_wipe(&key);
	return 0;
}
