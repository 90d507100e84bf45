/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the ring through decoder and recorder, facts into nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "record/recorder.h"
#include "sys/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
take_total(void *context, const struct record_io_key *key,
    struct record_io *ret)
{
	(void)context;
	memset(ret, 0, sizeof(*ret));
	ret->bytes = key->ino;
	return 0;
}

static int
any_total(void *context, struct record_io_key *ret)
{
	(void)context;
	(void)ret;
	return -ENOENT;
}

static int
open_executed(void *context, uint32_t pid, struct str path, bool is_stopped)
{
	(void)context;
	(void)pid;
	(void)path;
	(void)is_stopped;
	return -ENOENT;
}

static uint64_t
dropped(void *context)
{
	(void)context;
	return 0;
}

/* The input is a sequence of events, each as long as its header says. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct recorder_outside outside = { NULL, take_total,
		any_total, open_executed, dropped };
	struct error err = ERROR_INIT;
	struct str left = str_n(data, size);
	struct recorder *r;
	struct channel facts;
	int64_t events, lost;

	channel_init(&facts, open("/dev/null", O_WRONLY | O_CLOEXEC));
	r = recorder_new(1, &facts, &outside);
	recorder_command(r, STR_LIT("manager"), STR_NONE, STR_LIT("/p"));
	recorder_phase_begin(r, 1, 0);
	while (left.n >= sizeof(struct record_header)) {
		struct record_header h;
		size_t n;

		memcpy(&h, left.p, sizeof(h));
		n = h.bytes >= sizeof(h) && h.bytes <= left.n ? h.bytes :
								left.n;
		if (recorder_event(r, str_sub(left, 0, n), &err) != 0)
			break;
		left = str_sub(left, n, left.n);
	}
	(void)recorder_phase_end(r, &events, &lost, &err);
	recorder_free(r);
	channel_done(&facts);
	return 0;
}
