/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp programs: one that stops recorded calls, made from the table of
 * calls; and the evaluation of others. Runs in supervisors and in the watcher.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "record/calls.h"
#include "record/watch.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif
#define X32_BIT 0x40000000u

#define MAX_PROGRAM 4096 /* BPF_MAXINSNS */

#define WORD(member)      ((unsigned)offsetof(struct seccomp_data, member))
#define ARGUMENT(i, high) (WORD(args) + 8u * (i) + ((high) ? 4u : 0u))

/* When a recorded call stops at all; for the others nothing is told. */
enum condition {
	ALWAYS,
	IF_EXECUTABLE, /* mmap of a file with PROT_EXEC */
	IF_ADDRESS, /* sendto with an address */
	IF_STANDARD, /* dup2 onto 0, 1, 2 */
	IF_PROCESS, /* clone of a process, not of a thread */
};

static const struct {
	unsigned call;
	enum condition when;
} conditions[] = {
	{ SYS_mmap, IF_EXECUTABLE },
	{ SYS_dup2, IF_STANDARD },
	{ SYS_dup3, IF_STANDARD },
	{ SYS_clone, IF_PROCESS },
};

/* Life and death: a tracer is told of them, a listener is not. */
static const unsigned notify_also[] = { SYS_clone, SYS_fork, SYS_vfork,
	SYS_exit, SYS_exit_group };

static void
put(struct buf *out, unsigned code, unsigned jt, unsigned jf, unsigned k)
{
	struct sock_filter f = { (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };

	buf_put(out, &f, sizeof(f));
}

#define LOAD(out, at)         put(out, BPF_LD | BPF_W | BPF_ABS, 0, 0, at)
#define EQUAL(out, k, jt, jf) put(out, BPF_JMP | BPF_JEQ | BPF_K, jt, jf, k)
#define ABOVE(out, k, jt, jf) put(out, BPF_JMP | BPF_JGT | BPF_K, jt, jf, k)
#define BITS(out, k, jt, jf)  put(out, BPF_JMP | BPF_JSET | BPF_K, jt, jf, k)
#define ANSWER(out, k)        put(out, BPF_RET | BPF_K, 0, 0, k)

static uint32_t
action_of(enum record_means means)
{
	return means == RECORD_NOTIFY ? SECCOMP_RET_USER_NOTIF :
					SECCOMP_RET_TRACE;
}

/* The test of one call whose number is loaded: at its end the number is
 * loaded again where a condition needed another word. */
static void
put_call(struct buf *out, unsigned call, enum condition when, uint32_t action)
{
	switch (when) {
	case ALWAYS:
		EQUAL(out, call, 0, 1);
		ANSWER(out, action);
		return;
	case IF_EXECUTABLE:
		EQUAL(out, call, 0, 6);
		LOAD(out, ARGUMENT(3, false));
		BITS(out, MAP_ANONYMOUS, 3, 0);
		LOAD(out, ARGUMENT(2, false));
		BITS(out, PROT_EXEC, 0, 1);
		break;
	case IF_ADDRESS:
		EQUAL(out, call, 0, 6);
		LOAD(out, ARGUMENT(4, false));
		EQUAL(out, 0, 0, 2);
		LOAD(out, ARGUMENT(4, true));
		EQUAL(out, 0, 1, 0);
		break;
	case IF_STANDARD:
		EQUAL(out, call, 0, 4);
		LOAD(out, ARGUMENT(1, false));
		ABOVE(out, 2, 1, 0);
		break;
	case IF_PROCESS:
		EQUAL(out, call, 0, 4);
		LOAD(out, ARGUMENT(0, false));
		BITS(out, CLONE_THREAD, 1, 0);
		break;
	}
	ANSWER(out, action);
	LOAD(out, WORD(nr));
}

static enum condition
condition_of(enum record_means means, unsigned call)
{
	if (means == RECORD_NOTIFY && call == SYS_sendto)
		return IF_ADDRESS;
	/* A tracer sees births by themselves, and ends of dup. */
	if (means == RECORD_PTRACE && call != SYS_mmap)
		return ALWAYS;
	for (size_t i = 0; i < N_ELEMENTS(conditions); i++)
		if (conditions[i].call == call)
			return conditions[i].when;
	return ALWAYS;
}

/*
 * What is only known at the end of a call (how many bytes, which descriptors)
 * cannot be told from its begin.
 */
static bool
is_told(enum record_means means, const struct calls_row *row)
{
	if (row->fact == CALLS_NONE)
		return false;
	if (means == RECORD_PTRACE)
		return true;
	if (row->fact == CALLS_BYTES)
		return row->number == SYS_sendto ||
		    row->number == SYS_sendmsg || row->number == SYS_sendmmsg;
	if (row->fact == CALLS_DUP)
		return row->number == SYS_dup2 || row->number == SYS_dup3;
	return row->fact != CALLS_PAIR && row->number != SYS_accept &&
	    row->number != SYS_accept4;
}

void
watch_program(enum record_means means, struct buf *out)
{
	uint32_t action = action_of(means);
	struct buf calls;

	buf_init(&calls, MAX_PROGRAM * sizeof(struct sock_filter));
	for (size_t i = 0; i < calls_n_rows; i++)
		if (is_told(means, &calls_rows[i]))
			put_call(&calls, calls_rows[i].number,
			    condition_of(means, calls_rows[i].number), action);
	for (size_t i = 0;
	     means == RECORD_NOTIFY && i < N_ELEMENTS(notify_also); i++)
		put_call(&calls, notify_also[i],
		    condition_of(means, notify_also[i]), action);
	LOAD(out, WORD(arch));
	EQUAL(out, NATIVE, 1, 0);
	put(out, BPF_JMP | BPF_JA, 0, 0,
	    3 + (unsigned)(calls.n / sizeof(struct sock_filter)));
	LOAD(out, WORD(nr));
	put(out, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
	put(out, BPF_JMP | BPF_JA, 0, 0,
	    (unsigned)(calls.n / sizeof(struct sock_filter)));
	buf_put_str(out, buf_str(&calls));
	buf_done(&calls);
}

void
watch_program_end(enum record_means means, struct buf *out)
{
	LOAD(out, WORD(arch));
	EQUAL(out, NATIVE, 1, 0);
	ANSWER(out, action_of(means));
	LOAD(out, WORD(nr));
	put(out, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
	ANSWER(out, action_of(means));
	ANSWER(out, SECCOMP_RET_ALLOW);
}

/* --- evaluation --- */

/* The jump of a comparison: how many instructions are skipped. */
static unsigned
jump(const struct sock_filter *f, uint32_t a)
{
	bool yes = false;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		yes = a == f->k;
		break;
	case BPF_JGT:
		yes = a > f->k;
		break;
	case BPF_JGE:
		yes = a >= f->k;
		break;
	case BPF_JSET:
		yes = (a & f->k) != 0;
		break;
	}
	return yes ? f->jt : f->jf;
}

/* The subset that libseccomp and we write; jumps go forward only, so this
 * ends. */
uint32_t
watch_evaluate(struct str program, const struct seccomp_data *d)
{
	size_t n = program.n / sizeof(struct sock_filter);
	struct sock_filter f;
	uint32_t a = 0;

	for (size_t i = 0; i < n; i++) {
		memcpy(&f, program.p + i * sizeof(f), sizeof(f));
		if (f.code == (BPF_LD | BPF_W | BPF_ABS)) {
			if (f.k > sizeof(*d) - sizeof(a))
				break;
			memcpy(&a, (const char *)d + f.k, sizeof(a));
		} else if (f.code == (BPF_ALU | BPF_AND | BPF_K)) {
			a &= f.k;
		} else if (f.code == (BPF_RET | BPF_K)) {
			return f.k;
		} else if (BPF_CLASS(f.code) == BPF_JMP &&
		    BPF_SRC(f.code) == BPF_K) {
			i += jump(&f, a);
		} else {
			break;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}
