/* SPDX-License-Identifier: Apache-2.0 */
/* npm's hidden lockfile as the sandbox left it. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/upper.h"
#include "sys/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	struct channel facts;
	int64_t n;

	channel_init(&facts, open("/dev/null", O_WRONLY | O_CLOEXEC));
	(void)upper_tell_lock(str_n(data, size), &facts, &n, &err);
	channel_done(&facts);
	return 0;
}
