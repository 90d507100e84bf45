/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The half of role record that may open files: it holds the upper layer's
 * folder and the right to look at processes of the sandbox, but reads none of
 * what it opens. The decoder, which has no rights, asks for the file that a
 * process executes and gets a descriptor. Between them, on a socket pair:
 *
 *	decoder → KEEPER_OPEN {int host_pid, int is_stopped, str path}
 *	keeper  → KEEPER_OPENED {int result} with a descriptor when it is 0
 *
 * What the sandbox wrote and executes may be gone in a moment (memfd, a script
 * that removes itself), so the kernel side stops the process at such an exec
 * (is_stopped); the keeper lets it go on when it has the file.
 */
#ifndef RECORD_KEEPER_H
#define RECORD_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "runfile/control.h"

struct channel;
struct error;
struct message;

enum keeper_type {
	KEEPER_OPEN = CONTROL_ROLE + 32,
	KEEPER_OPENED,
	KEEPER_MARK, /* the watcher alone: everything told, then a mark */
	KEEPER_CONTINUE, /* {int host_pid}: SIGCONT; not answered */
};

/* The keeper: serves until the other end closes. Both descriptors are
 * borrowed; upper_fd -1: there is none. Call after lockdown. */
int keeper_serve(int fd, int upper_fd, struct error *err);
/* One question, for who serves other things as well (the watcher): whom it was
 * about, so that it can be let go on. */
int keeper_answer(struct channel *c, struct message *m, int upper_fd,
    pid_t *ret_pid, struct error *err);
int keeper_mark(struct channel *c, struct error *err);
int keeper_continue(struct channel *c, uint32_t host_pid, struct error *err);
/* The decoder's question: a descriptor, or -ENOENT. */
int keeper_open(struct channel *c, uint32_t host_pid, struct str path,
    bool is_stopped);

#endif
