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
int compare_init(const char *argument);
int drain_init(const char *argument);
int end_init(const char *argument);
int stop_init(const char *argument);

/* wall-mount.c */
int mount_type(const char *type);
int register_format(const char *argument);
int share_mounts(const char *argument);
int move_a_mount(const char *argument);
int attach_file_system(const char *argument);
int pivot(const char *argument);
int make_device(const char *number);
int list_mounts(const char *argument);
int climb_namespaces(const char *argument);

/* wall-process.c */
int secret_memory(const char *argument);
int other_personality(const char *flags);
int forge_program(const char *argument);
int choose_pid(const char *argument);
int lock_everything(const char *argument);
int real_time(const char *argument);
int real_time_disk(const char *argument);
int before_others(const char *argument);
int stack_layers(const char *argument);
int stop_everybody(const char *argument); /* does not return */

/* wall-forge.c */
int forge(const char *argument);

/* wall-flood.c; 0: all was done. */
int nothing(const char *argument);
int leave_daemon(const char *argument);
int flood_forks(const char *times);
int flood_opens(const char *times);
int flood_writes(const char *times);
int flood_arguments(const char *argument);

#endif
