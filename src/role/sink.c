/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role sink: the fake Internet of one run, in a network namespace of its own.
 * Descriptors: 3 control, 4 facts, 5 registry relay. Started by a supervisor
 * as root; holds no right from CONTROL_READY on, and opens no file.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/exit.h"
#include "sink/sink.h"
#include "sys/lockdown.h"

static int
lock(struct error *err)
{
	static const struct lockdown l = { .rights = LOCKDOWN_NETWORK };

	return lockdown(&l, err);
}

int
main(void)
{
	struct error err = ERROR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (sink_run(CONTROL_FD, FACTS_FD, SINK_RELAY_FD, lock, &err) == 0)
		return EXIT_NOTHING_FOUND;
	(void)fprintf(stderr, "lazaret: %s\n", err.msg);
	return EXIT_TOOL_FAILED;
}
