/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of role loader could send. */
#include <stdint.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "record/loader.h"
#include "sys/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	struct loader_request q;
	struct channel c;
	struct message m;

	channel_init(&c, -1);
	buf_put(&c.in, data, size);
	while (channel_next(&c, &m, &err) == 1)
		if (loader_parse(&m, &q, &err) == 0)
			closep(&q.cgroup_fd);
	channel_done(&c);
	return 0;
}
