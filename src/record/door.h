/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The half of role loader that clients talk to: takes connections, checks who
 * they are and what they own, gives filled slots away and takes them back
 * when a connection ends. It has no rights but what it holds; what needs
 * rights, or waits for the kernel, the holder does (role/loader.c), asked over
 * a channel:
 *
 *	door   → LOADER_ATTACH {}, holder → LOADER_ATTACHED {int rc, str}
 *	door   → LOADER_DETACH {}
 *	door   → LOADER_FILL {int slot}, holder → LOADER_FILLED {int slot,
 *	         int rc, str} with ring, totals and control when rc is 0
 *	door   → LOADER_EMPTY {int slot}, holder → LOADER_EMPTIED {int slot}
 *	holder → CONTROL_STOP {}: takes nobody any more, and ends with its last
 *	         client, after drain_ms, or when told again
 *	door   → CONTROL_STOP {}: it ends
 *
 * Filled slots are kept in stock, since filling takes the kernel longer than
 * a client should wait. Programs are attached only while there are clients.
 */
#ifndef RECORD_DOOR_H
#define RECORD_DOOR_H

#include <stdint.h>

struct error;
struct programs;

struct door {
	int listen_fd; /* non-blocking; borrowed */
	int holder_fd; /* taken */
	struct programs *programs; /* borrowed: to watch and to forget alone */
	uint64_t cgroup_dev; /* st_dev of the v2 hierarchy */
	int64_t idle_ms; /* ends after so long without a client; 0: never */
	int64_t drain_ms; /* told to end, clients have so long */
};

/* Serves until the holder is gone, or by idle_ms or drain_ms: 0. */
int door_serve(const struct door *d, struct error *err);

#endif
