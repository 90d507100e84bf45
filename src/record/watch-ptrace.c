/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace: the last resort. The filter marks recorded calls (SECCOMP_RET_TRACE),
 * those stop twice, at their begin and at their end, and each birth, program
 * and end stops as well. Processes can see that they are traced. Runs in the
 * watcher; when it dies, so does everything it holds (EXITKILL).
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "record/calls.h"
#include "record/watch_priv.h"
#include "sys/clock.h"

#define OPTIONS \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | \
	    PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

/* Between these the kernel will try a call again. */
#define ERESTARTSYS           512
#define ERESTART_RESTARTBLOCK 516

struct watch_tracee {
	struct watch_process *process; /* borrowed; NULL: not known yet */
	struct watch_call call; /* the one that has begun; number */
	bool begun, foreign;
};

/* libc's declaration wants pointers where there are numbers. */
static long
request(int what, pid_t tid, uintptr_t addr, uintptr_t data)
{
	return syscall(SYS_ptrace, (long)what, (long)tid, addr, data);
}

static struct watch_tracee *
tracee_of(struct watcher *w, pid_t tid)
{
	struct watch_tracee *t = map_get(w->tracees, str_n(&tid, sizeof(tid)));
	int64_t pid;

	if (t == NULL) {
		t = mem_alloc(sizeof(*t));
		if (map_put(w->tracees, str_n(&tid, sizeof(tid)), t) < 0) {
			free(t);
			w->dropped++;
			return NULL;
		}
	}
	if (t->process != NULL)
		return t;
	pid = watch_status(tid, "\nTgid:");
	if (pid > 0)
		t->process = watch_process_get(w, (pid_t)pid);
	if (t->process == NULL && pid > 0)
		t->process = watch_process_add(w, (pid_t)pid,
		    (pid_t)watch_status((pid_t)pid, "\nPPid:"), clock_ns());
	return t->process != NULL ? t : NULL;
}

static void
tracee_gone(struct watcher *w, pid_t tid)
{
	free(map_remove(w->tracees, str_n(&tid, sizeof(tid))));
}

/* --- calls --- */

static bool
info_of(pid_t tid, struct __ptrace_syscall_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	return request(PTRACE_GET_SYSCALL_INFO, tid, sizeof(*ret),
		   (uintptr_t)ret) > 0;
}

/* The call is not made: it ends with this error. */
static void
refuse(pid_t tid, int error)
{
#if defined(__x86_64__)
	(void)request(PTRACE_POKEUSER, tid,
	    offsetof(struct user_regs_struct, orig_rax), (uintptr_t)-1l);
	(void)request(PTRACE_POKEUSER, tid,
	    offsetof(struct user_regs_struct, rax), (uintptr_t) - (long)error);
#else
#error "refusing a call is not written for this architecture"
#endif
}

static void
tell_foreign(struct watcher *w, struct watch_call *c)
{
	struct watch_call told = *c;

	memmove(told.args + 1, c->args, 5 * sizeof(c->args[0]));
	told.args[0] = c->number;
	told.number = 0;
	event_open(w, RECORD_FOREIGN, &told);
	event_close(w);
}

static bool
makes_files(const struct watch_call *c)
{
	const struct calls_row *row = calls_get(c->number);
	uint64_t flags = 0100; /* O_CREAT; creat has no flags */

	if (row == NULL || row->fact != CALLS_OPEN)
		return false;
	if (c->number == SYS_openat2 &&
	    event_peek(c->tid, c->args[2], &flags, sizeof(flags)) !=
		sizeof(flags))
		return false;
	if (row->flags_arg != 0)
		flags = c->args[row->flags_arg - 1];
	return (flags & 0100) != 0;
}

/* Whether its end is wanted: PTRACE_SYSCALL or PTRACE_CONT. */
static int
call_begins(struct watcher *w, struct watch_tracee *t, pid_t tid)
{
	struct __ptrace_syscall_info info;
	struct watch_call *c = &t->call;
	struct seccomp_data d;
	const struct calls_row *row;
	int error;

	if (!info_of(tid, &info) || info.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return PTRACE_CONT;
	*c = (struct watch_call){ .process = t->process,
		.tid = tid,
		.number = (unsigned)info.seccomp.nr,
		.at = clock_ns(),
		.result = RECORD_UNKNOWN };
	memset(&d, 0, sizeof(d));
	d.nr = (int)info.seccomp.nr;
	d.arch = info.arch;
	for (int i = 0; i < 6; i++)
		c->args[i] = d.args[i] = info.seccomp.args[i];
	t->foreign =
	    info.arch != WATCH_ARCH || (info.seccomp.nr & 0x40000000) != 0;
	error = watch_refusal(w, &d);
	if (error != 0) {
		c->result = -error;
		event_open(w, RECORD_REFUSED, c);
		event_close(w);
		refuse(tid, error);
		return PTRACE_CONT;
	}
	t->begun = true;
	row = calls_get(c->number);
	if (t->foreign || row == NULL)
		return PTRACE_SYSCALL;
	c->created = makes_files(c) && event_finds_nothing(w, c);
	if (row->fact == CALLS_EXEC)
		event_exec_name(c, row, &t->process->exec_path);
	if ((row->call.flags & RECORD_ENTRY_PATHS) != 0)
		event_of_call(w, c, RECORD_ENTRY);
	return PTRACE_SYSCALL;
}

static void
call_ends(struct watcher *w, struct watch_tracee *t, pid_t tid)
{
	struct __ptrace_syscall_info info;
	struct watch_call *c = &t->call;
	const struct calls_row *row = calls_get(c->number);

	if (!t->begun || !info_of(tid, &info) ||
	    info.op != PTRACE_SYSCALL_INFO_EXIT)
		return;
	t->begun = false;
	if (info.exit.rval <= -ERESTARTSYS &&
	    info.exit.rval >= -ERESTART_RESTARTBLOCK)
		return;
	c->result = info.exit.rval;
	c->at = clock_ns();
	c->created = c->created && c->result >= 0;
	if (t->foreign)
		tell_foreign(w, c);
	else if (row != NULL && row->fact == CALLS_BYTES)
		event_of_bytes(w, c);
	else
		event_of_call(w, c, RECORD_CALL);
}

/* --- life --- */

static void
born(struct watcher *w, struct watch_tracee *maker, pid_t tid)
{
	unsigned long child = 0;
	int64_t pid;

	if (request(PTRACE_GETEVENTMSG, tid, 0, (uintptr_t)&child) != 0)
		return;
	pid = watch_status((pid_t)child, "\nTgid:");
	if (pid > 0 && watch_process_get(w, (pid_t)pid) == NULL)
		(void)watch_process_add(w, (pid_t)pid, maker->process->pid,
		    clock_ns());
	(void)tracee_of(w, (pid_t)child);
}

/* Other threads are gone; this one has the process's number now. */
static void
program(struct watcher *w, struct watch_tracee *t)
{
	struct watch_process *p = t->process;

	t->begun = false;
	event_of_exec(w, p, clock_ns(), buf_str(&p->exec_path));
}

/* What seccomp killed: which call, of which architecture. */
static void
dies(struct watcher *w, struct watch_tracee *t, pid_t tid)
{
	struct __ptrace_syscall_info info;
	unsigned long status = 0;
	uint64_t args[6] = { 0 };

	if (request(PTRACE_GETEVENTMSG, tid, 0, (uintptr_t)&status) != 0 ||
	    (status & 0x7f) != SIGSYS || !info_of(tid, &info))
		return;
	errno = 0;
#if defined(__x86_64__)
	args[0] = (uint64_t)request(PTRACE_PEEKUSER, tid,
		      offsetof(struct user_regs_struct, orig_rax),
		      (uintptr_t)&args[0]) == 0 ?
	    args[0] :
	    0;
#endif
	args[1] = info.arch != WATCH_ARCH;
	event_simple(w, RECORD_KILLED, t->process, args, 0);
}

static void
ended(struct watcher *w, pid_t tid, int status)
{
	struct watch_process *p = watch_process_get(w, tid);

	tracee_gone(w, tid);
	if (p != NULL) /* the last of its threads */
		watch_process_end(w, p, status);
}

/* A stop: how the thread goes on; 0: not now. */
static int
stopped(struct watcher *w, pid_t tid, int status, int *ret_signal)
{
	struct watch_tracee *t = tracee_of(w, tid);
	int event = status >> 16, signal = WSTOPSIG(status);

	*ret_signal = 0;
	if (t == NULL)
		return PTRACE_CONT;
	switch (event) {
	case PTRACE_EVENT_SECCOMP:
		return call_begins(w, t, tid);
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		born(w, t, tid);
		break;
	case PTRACE_EVENT_EXEC:
		program(w, t);
		return t->process->held ? 0 : PTRACE_CONT;
	case PTRACE_EVENT_EXIT:
		dies(w, t, tid);
		break;
	case PTRACE_EVENT_STOP:
		return signal == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN;
	default:
		if (signal == (SIGTRAP | 0x80)) {
			call_ends(w, t, tid);
			return PTRACE_CONT;
		}
		*ret_signal = signal;
	}
	/* In the middle of a call whose end is wanted. */
	return t->begun ? PTRACE_SYSCALL : PTRACE_CONT;
}

void
ptrace_release(struct watcher *w, pid_t pid)
{
	struct watch_process *p;
	struct str key;
	void *value;
	size_t at = 0;

	while (map_next(w->processes, &at, &key, &value)) {
		p = value;
		if (!p->held || (pid != 0 && p->pid != pid))
			continue;
		p->held = false;
		(void)request(PTRACE_CONT, p->pid, 0, 0);
	}
}

int
ptrace_begin(struct watcher *w)
{
	if (request(PTRACE_SEIZE, w->start->target, 0, OPTIONS) != 0)
		return error_errno(w->err, "cannot trace process %d",
		    (int)w->start->target);
	return 0;
}

#define QUEUE_ENOUGH (8u * 1024 * 1024) /* then the sandbox waits */

int
ptrace_turn(struct watcher *w)
{
	struct signalfd_siginfo info;
	int status, signal, how;
	pid_t tid;

	while (read(w->signals, &info, sizeof(info)) > 0)
		;
	while (w->queue.n < QUEUE_ENOUGH &&
	    (tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (!WIFSTOPPED(status)) {
			ended(w, tid, status);
			continue;
		}
		how = stopped(w, tid, status, &signal);
		if (how != 0)
			(void)request(how, tid, 0, (uintptr_t)signal);
	}
	return 0;
}
