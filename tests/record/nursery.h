/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What init is in a sandbox, for tests of the recorder alone: one process
 * below the test's control group that takes on the watcher's filter when told
 * to, and starts every command.
 */
#ifndef TESTS_RECORD_NURSERY_H
#define TESTS_RECORD_NURSERY_H

#include <sys/types.h>

#include "base/str.h"

struct nursery {
	pid_t pid;
	int fd; /* owned */
};

/* Enters the control group of cgroup_fd (-1: none), then waits. */
void nursery_start(struct nursery *n, int cgroup_fd);
/* From now on under this program; with_listener: its listener. */
int nursery_filter(struct nursery *n, struct str program, int with_listener);
/* Starts argv in a folder, with out_fd (-1: ours) as its standard output. */
void nursery_run(struct nursery *n, const char *folder, char *const *argv,
    int out_fd);
int nursery_wait(struct nursery *n); /* wait status of what was started */
void nursery_stop(struct nursery *n);

#endif
