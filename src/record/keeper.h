/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The half of role record that may open files: it holds the upper layer's
 * folder and the right to look at processes of the sandbox, but reads none of
 * what it opens. The decoder, which has no rights, asks for the file that a
 * process executes and gets a descriptor. Between them, on a socket pair:
 *
 *	decoder → KEEPER_OPEN {int host_pid, int unnamed, str path}
 *	keeper  → KEEPER_OPENED {int result} with a descriptor when it is 0
 */
#ifndef RECORD_KEEPER_H
#define RECORD_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "runfile/control.h"

struct channel;
struct error;

enum keeper_type {
	KEEPER_OPEN = CONTROL_ROLE + 32,
	KEEPER_OPENED,
};

/* The keeper: serves until the other end closes. Both descriptors are
 * borrowed; upper_fd -1: there is none. Call after lockdown. */
int keeper_serve(int fd, int upper_fd, struct error *err);
/* The decoder's question: a descriptor, or -ENOENT. */
int keeper_open(struct channel *c, uint32_t host_pid, struct str path,
    bool unnamed);

#endif
