/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of recorders that stop processes: what they stop, what they let
 * pass, and that together with isolation's they refuse nothing less.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "record/watch.h"
#include "sandbox/filter.h"
#include "sandbox/sandbox.h"

#define NOTIFY SECCOMP_RET_USER_NOTIF
#define TRACE  SECCOMP_RET_TRACE
#define ALLOW  SECCOMP_RET_ALLOW

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static const struct row {
	int call;
	uint64_t args[6];
	uint32_t notify, ptrace;
} rows[] = {
	{ SYS_openat, { 0 }, NOTIFY, TRACE },
	{ SYS_getpid, { 0 }, ALLOW, ALLOW },
	{ SYS_read, { 0 }, ALLOW, TRACE },
	{ SYS_mmap, { 0, 0, PROT_EXEC, MAP_PRIVATE }, NOTIFY, TRACE },
	{ SYS_mmap, { 0, 0, PROT_EXEC, MAP_ANONYMOUS }, ALLOW, ALLOW },
	{ SYS_mmap, { 0, 0, PROT_READ, MAP_PRIVATE }, ALLOW, ALLOW },
	{ SYS_sendto, { 0 }, ALLOW, TRACE },
	{ SYS_sendto, { 0, 0, 0, 0, 1ull << 32 }, NOTIFY, TRACE },
	{ SYS_sendto, { 0, 0, 0, 0, 8 }, NOTIFY, TRACE },
	{ SYS_dup2, { 9, 2 }, NOTIFY, TRACE },
	{ SYS_dup2, { 9, 3 }, ALLOW, TRACE },
	{ SYS_clone, { CLONE_VM | CLONE_THREAD }, ALLOW, ALLOW },
	{ SYS_clone, { 0 }, NOTIFY, ALLOW },
	{ SYS_exit_group, { 0 }, NOTIFY, ALLOW },
	{ SYS_accept, { 0 }, ALLOW, TRACE },
};

static struct seccomp_data
call_of(int number, const uint64_t args[6])
{
	struct seccomp_data d = { .nr = number, .arch = NATIVE };

	for (int i = 0; args != NULL && i < 6; i++)
		d.args[i] = args[i];
	return d;
}

static void
recorded_calls_stop(void **state)
{
	(void)state;
	for (int m = RECORD_NOTIFY; m <= RECORD_PTRACE; m++) {
		_cleanup_(buf_done) struct buf b = { 0 };
		struct seccomp_data d;

		buf_init(&b, MIB);
		watch_program((enum record_means)m, &b);
		watch_program_end((enum record_means)m, &b);
		for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
			d = call_of(rows[i].call, rows[i].args);
			assert_int_equal(watch_evaluate(buf_str(&b), &d),
			    m == RECORD_NOTIFY ? rows[i].notify :
						 rows[i].ptrace);
		}
		d = call_of(SYS_getpid, NULL);
		d.arch = AUDIT_ARCH_I386;
		assert_int_not_equal(watch_evaluate(buf_str(&b), &d), ALLOW);
		d = call_of(SYS_getpid | 0x40000000, NULL);
		assert_int_not_equal(watch_evaluate(buf_str(&b), &d), ALLOW);
	}
}

/* Whatever isolation refuses stops, whatever it kills is killed, and nothing
 * else changes but that recorded calls stop. */
static void
nothing_less_is_refused(void **state)
{
	struct buf programs[FILTER_PROGRAMS], first, all;
	struct sandbox_spec spec;
	struct error err = ERROR_INIT;
	int refused = 0;

	(void)state;
	sandbox_spec_init(&spec);
	for (int i = 0; i < FILTER_PROGRAMS; i++)
		buf_init(&programs[i], MIB);
	buf_init(&first, MIB);
	buf_init(&all, MIB);
	assert_int_equal(filter_make(&spec, programs, &err), 0);
	watch_program(RECORD_NOTIFY, &first);
	filter_watched(programs, buf_str(&first), NOTIFY, &all);
	for (int n = 0; n < 1024; n++) {
		struct seccomp_data d = call_of(n, NULL);
		uint32_t one = watch_evaluate(buf_str(&programs[0]), &d);
		uint32_t two = watch_evaluate(buf_str(&programs[1]), &d);
		uint32_t have = watch_evaluate(buf_str(&all), &d);

		if (one != ALLOW || two != ALLOW) {
			assert_int_equal(have, NOTIFY);
			refused++;
		} else {
			assert_true(have == ALLOW || have == NOTIFY);
		}
	}
	assert_true(refused > 500); /* most of them calls to come */
	for (int n = 0; n < 1024; n++) {
		struct seccomp_data d = call_of(n, NULL);

		d.arch = AUDIT_ARCH_I386;
		assert_int_equal(watch_evaluate(buf_str(&all), &d),
		    SECCOMP_RET_KILL_PROCESS);
		d = call_of(n | 0x40000000, NULL);
		assert_int_equal(watch_evaluate(buf_str(&all), &d),
		    SECCOMP_RET_KILL_PROCESS);
	}
	for (int i = 0; i < FILTER_PROGRAMS; i++)
		buf_done(&programs[i]);
	buf_done(&first);
	buf_done(&all);
}

/* What is not understood is not allowed. */
static void
odd_programs_kill(void **state)
{
	static const struct sock_filter odd[][2] = {
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UINT32_MAX) },
		{ BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 1) },
		{ BPF_JUMP(BPF_JMP | BPF_JA, UINT32_MAX, 0, 0) },
		{ BPF_STMT(BPF_RET | BPF_A, 0) },
	};
	struct seccomp_data d = call_of(SYS_getpid, NULL);

	(void)state;
	assert_int_equal(watch_evaluate(STR_LIT(""), &d),
	    SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < N_ELEMENTS(odd); i++)
		assert_int_equal(watch_evaluate(str_n(odd[i], sizeof(odd[i])),
				     &d),
		    SECCOMP_RET_KILL_PROCESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_calls_stop),
		cmocka_unit_test(nothing_less_is_refused),
		cmocka_unit_test(odd_programs_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
