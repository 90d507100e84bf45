/* SPDX-License-Identifier: Apache-2.0 */
/* First bytes of a connection: TLS, HTTP, answers of a shell. */
#include <assert.h>
#include <stdint.h>

#include "sink/hello_priv.h"
#include "sink/sniff_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n(data, size);
	struct hello h;

	if (hello_parse(s, &h) == 1) {
		assert(h.name.n <= size && h.alpn.n <= size);
		assert(h.name.p == NULL || h.name.p >= s.p);
	}
	(void)sniff_bytes(s, true);
	(void)sniff_bytes(s, false);
	(void)sniff_is_shell_answer(s);
	return 0;
}
