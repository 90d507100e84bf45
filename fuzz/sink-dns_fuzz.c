/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages, as a sandboxed package could send them. */
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "sink/dns_priv.h"
#include "sink/names_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names *names;
	struct dns_seen seen = { NULL, NULL };
	struct buf out;
	bool extra;

	if (names == NULL)
		names = names_new(1);
	buf_init(&out, 64 * KIB);
	(void)dns_answer(names, str_n(data, size), &seen, &out, &extra);
	buf_done(&out);
	return 0;
}
