/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of wall-probe share: attacks by what they are on. */
#ifndef TESTS_SANDBOX_WALL_PROBE_H
#define TESTS_SANDBOX_WALL_PROBE_H

#include <errno.h>

/* It worked, or failed in another way than the wall's. */
static inline int
beyond(long result, int wall)
{
	return result >= 0 || errno != wall;
}

static inline int
worked(long result)
{
	return result >= 0;
}

/* Each gives 0: refused, 1: it worked. */

/* wall-limits.c */
int dump_cores(const char *argument);
int many_files(const char *argument);
int long_file(const char *argument);
int lock_memory(const char *argument);
int queue_signals(const char *argument);
int many_processes(const char *argument);
int fanotify_groups(const char *argument);
int inotify_hoard(const char *argument);
int many_timers(const char *argument);
int files_in_flight(const char *argument);
int fill_disk(const char *argument);
int fill_shm(const char *argument);
int fill_inodes(const char *argument);
int fill_memory(const char *argument);

/* wall-init.c */
int read_init(const char *argument);
int write_init(const char *argument);
int trace_init(const char *argument);
int files_of_init(const char *argument);
int end_init(const char *argument);
int stop_init(const char *argument);

/* wall-forge.c */
int forge(const char *argument);

/* wall-flood.c; 0: all was done. */
int nothing(const char *argument);
int flood_forks(const char *times);
int flood_opens(const char *times);
int flood_writes(const char *times);
int flood_arguments(const char *argument);

#endif
