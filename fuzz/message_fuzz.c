/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and facts, as a confined role could send them. */
#include <stdint.h>
#include <unistd.h>

#include "base/error.h"
#include "runfile/fact.h"
#include "sys/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct channel c;
	struct message m;
	struct error err = ERROR_INIT;
	enum fact_kind kind;
	union fact f;

	channel_init(&c, -1);
	buf_put(&c.in, data, size);
	while (channel_next(&c, &m, &err) == 1)
		(void)fact_receive(&m, &kind, &f, &err);
	channel_done(&c);
	return 0;
}
