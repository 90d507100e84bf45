/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers on file systems that cannot show other ids (overlayfs, which is what
 * containers have; tmpfs before 6.3): a copy that belongs to the ids of one
 * sandbox. Copies stay below IMAGES/.shifted, in a folder for each slot (range
 * of ids), named after a fingerprint of what they are made of:
 *
 *	.shifted/<slot>/<fingerprint>/   whole, or not there
 *	.shifted/<slot>/.tmp             being made, or left by a dead one
 *
 * A slot is one sandbox's at a time, so a copy is written by nobody else. A new
 * run takes a slot that has copies first. The slot's folder is locked while it
 * is used; `lazaret image remove --unused` removes the others. Runs in
 * supervisors.
 */
#ifndef SANDBOX_SHIFT_H
#define SANDBOX_SHIFT_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct progress;

struct shift {
	const char *state; /* value of --state; NULL: default */
	const char *slot; /* name of the run folder */
	uint32_t uid_base;
	struct progress *progress; /* may be NULL */
};

/* tree: what is to be copied, an open_tree() clone, so that nothing is mounted
 * below it. *ret: the copy. *lock: -1, or what an earlier call has put there;
 * to be closed when the copies are no longer used. */
int shift_layer(const struct shift *s, int tree, const char *name, int *lock,
    int *ret, struct error *err);

/* The i-th slot that has copies; -ENOENT: there are no more. */
int shift_slot(const char *state, size_t i, char ret[4], struct error *err);

/* Removes all copies of slots that nobody has; the bytes that they took. */
int64_t shift_gc(const char *state);

#endif
