/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks. Runs in every process. */
#include "sys/clock.h"

#include <time.h>

static int64_t
now(clockid_t id)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t
clock_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

int64_t
clock_wall_ns(void)
{
	return now(CLOCK_REALTIME);
}

void
clock_rfc3339(int64_t wall_ns, char ret[CLOCK_RFC3339_SIZE])
{
	time_t t = (time_t)(wall_ns / NS_PER_SEC);
	struct tm tm = { 0 };

	(void)gmtime_r(&t, &tm);
	if (strftime(ret, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		ret[0] = '\0';
}
