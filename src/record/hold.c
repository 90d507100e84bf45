/* SPDX-License-Identifier: Apache-2.0 */
/* See hold.h. */
#include "record/hold.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "record/event.h"
#include "record/keeper.h"
#include "sys/clock.h"

void
hold_thresholds(struct record_control *c, int64_t ring_bytes, unsigned how)
{
	c->wake_bytes = (uint32_t)(ring_bytes / 16);
	c->press_bytes = (how & HOLD_FREEZES) ? (uint32_t)(ring_bytes / 4) : 0;
	c->hold_bytes = (how & HOLD_STOPS) ? (uint32_t)(ring_bytes / 2) : 0;
}

void
hold_init(struct hold *h, int freeze_fd)
{
	*h = (struct hold){ .freeze_fd = freeze_fd };
}

void
hold_done(struct hold *h, struct channel *keeper)
{
	struct error ignored = ERROR_INIT;

	(void)hold_release(h, keeper, &ignored);
	vec_done(&h->stopped);
	closep(&h->freeze_fd);
}

static void
begin(struct hold *h)
{
	if (h->since == 0)
		h->since = clock_ns();
}

void
hold_freeze(struct hold *h)
{
	begin(h);
	if (!h->frozen && h->freeze_fd >= 0)
		h->frozen = write(h->freeze_fd, "1", 1) == 1;
}

void
hold_stopped(struct hold *h, uint32_t pid)
{
	begin(h);
	for (size_t i = 0; i < h->stopped.n; i++)
		if (h->stopped.v[i] == pid)
			return;
	vec_push(&h->stopped, pid);
}

int
hold_release(struct hold *h, struct channel *keeper, struct error *err)
{
	int rc = 0;

	if (h->since == 0)
		return 0;
	for (size_t i = 0; i < h->stopped.n && rc == 0; i++)
		rc = keeper_continue(keeper, h->stopped.v[i], err);
	h->stopped.n = 0;
	if (h->frozen && write(h->freeze_fd, "0", 1) != 1 && rc == 0)
		rc = error_errno(err, "cannot thaw the control group");
	h->frozen = false;
	h->total_ns += clock_ns() - h->since;
	h->since = 0;
	return rc;
}

int64_t
hold_total(const struct hold *h)
{
	return h->total_ns + (h->since != 0 ? clock_ns() - h->since : 0);
}
