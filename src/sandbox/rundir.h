/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run folder of a sandbox: RUNTIME/sandbox/NAME, mode 0700, with a file
 * `lock` that supervisor and warden hold together and `paths`, the list of
 * control groups. NAME is also the number of its range of user ids. A folder
 * whose lock is free belongs to nobody: the next start removes it with
 * everything it names. Runs in supervisors; the warden removes.
 */
#ifndef SANDBOX_RUNDIR_H
#define SANDBOX_RUNDIR_H

#include <stddef.h>
#include <stdint.h>

struct error;

#define RUNDIR_PATH_BYTES 512
#define RUNDIR_NAME_BYTES 8

/* Ids 0x70000000…0x7ffcffff: above those of users, of subordinate ranges and
 * of systemd's containers, below its foreign ids. */
#define RUNDIR_UID_FIRST 0x70000000u
#define RUNDIR_UID_COUNT 0x10000u
#define RUNDIR_SLOTS     0xffdu

struct rundir {
	char path[RUNDIR_PATH_BYTES];
	char name[RUNDIR_NAME_BYTES]; /* hex digits of the slot */
	unsigned slot;
	uint32_t uid_base; /* of its range; 0: of its slot */
	int lock; /* held, owned; -1 */
	int claim; /* socket that reserves the slot, whatever --state is */
};

/* Sweeps stale ones first. */
int rundir_make(const char *state, struct rundir *ret, struct error *err);
/* What to remove with it, one path a line, before it is made. Once. */
int rundir_note(const struct rundir *r, const char *lines, struct error *err);
uint32_t rundir_uid_base(const struct rundir *r);
void rundir_done(struct rundir *r); /* lets go of the lock; removes nothing */

/* Kills and removes the control groups it names, then the folder. */
void rundir_remove(const char *path);

#endif
