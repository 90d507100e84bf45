/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting our own programs and tools: argv only, a clean descriptor table,
 * and a pidfd. Never a shell.
 */
#ifndef SYS_SPAWN_H
#define SYS_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

struct spawn {
	const char *path; /* absolute */
	const char *const *argv; /* NULL-terminated */
	const char *const *env; /* NULL-terminated; NULL: ours */
	/* Child's 0, 1, 2; -1: /dev/null for 0, ours for 1 and 2. */
	int in_fd, out_fd, err_fd;
	const int *fds; /* become 3, 4, … in the child; borrowed */
	size_t n_fds;
	bool die_with_parent; /* SIGKILL when we die (PR_SET_PDEATHSIG) */
	bool new_session; /* setsid: not reached by the terminal's Ctrl-C */
	/* It is there at once, but executed only when one of these can be read
	 * or its other end is closed; nobody waits for that, and that it could
	 * not be executed shows only by its end. Borrowed; 0: none. */
	const int *after;
	size_t n_after;
};

#define SPAWN_INIT \
	{ \
		.in_fd = -1, .out_fd = -1, .err_fd = -1 \
	}

struct child {
	pid_t pid; /* 0: none */
	int pidfd; /* owned; readable when the child has ended; -1: none */
};

#define CHILD_INIT \
	{ \
		0, -1 \
	}

/* -ENOENT and its like when the program cannot be executed. */
int spawn_start(const struct spawn *s, struct child *ret, struct error *err);
/* In a child that was forked for something else: what spawn_start() does in
 * one of its own. Nobody hears that it could not be executed, but by its end.
 */
void spawn_become(const struct spawn *s) __attribute__((noreturn));
/* Waits at most timeout_ms (-1: for ever). 0 with the wait status;
 * -ETIMEDOUT leaves the child running. */
int spawn_wait(struct child *c, int timeout_ms, int *ret_status,
    struct error *err);
/* Kills it if it runs, reaps it, closes the pidfd. Accepts CHILD_INIT. */
void spawn_kill(struct child *c);
/* For a child that has said its last word and only gives back what it holds:
 * nobody waits for that. It is reaped when the next child is started, or by
 * who inherits it when we end first. Closes the pidfd. */
void spawn_leave(struct child *c);
/* Runs a tool to its end; its status must be 0, otherwise the error has its
 * name and the last line it wrote to standard error. */
int spawn_run(const char *const *argv, struct error *err);

/* The program of a role or subcommand: LAZARET_LIBEXEC_DIR where set,
 * otherwise found from where this executable lies. */
int spawn_libexec_path(const char *name, char *ret, size_t size,
    struct error *err);

#endif
