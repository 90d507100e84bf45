/* SPDX-License-Identifier: Apache-2.0 */
/* Link headers of servers of long lists. */
#include <assert.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "fetch/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b;

	buf_init(&b, LIMIT_URL_BYTES);
	link_next(STR_LIT("https://api.test/list?a=1"), str_n(data, size), &b);
	assert(b.n <= LIMIT_URL_BYTES);
	buf_done(&b);
	return 0;
}
