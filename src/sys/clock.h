/* SPDX-License-Identifier: Apache-2.0 */
/* The one clock for durations and the one for dates. */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include <stdint.h>

#define NS_PER_MS  1000000ll
#define NS_PER_SEC 1000000000ll

int64_t clock_ns(void); /* CLOCK_MONOTONIC, as bpf_ktime_get_ns() */
int64_t clock_wall_ns(void); /* since 1970-01-01 UTC */
/* RFC 3339 in UTC, seconds (20 bytes and a NUL). */
#define CLOCK_RFC3339_SIZE 32
void clock_rfc3339(int64_t wall_ns, char ret[CLOCK_RFC3339_SIZE]);

#endif
