/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the veth. */
#include <assert.h>
#include <stdint.h>

#include "sink/packet_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet p;

	if (packet_parse(str_n(data, size), &p)) {
		assert(p.payload.n <= size);
		(void)packet_is_housekeeping(&p);
	}
	return 0;
}
