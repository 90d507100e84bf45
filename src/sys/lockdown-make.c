/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the filters of calls that confined roles load: one for each row of
 * lockdown-sets.h, as C, on standard output. Runs while the project is built,
 * so that no role carries or runs a library for it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "sys/lockdown-sets.h"

#define CALL(c) SCMP_SYS(c)

static const int pure_calls[] = { CALL(read), CALL(write), CALL(readv),
	CALL(writev), CALL(pread64), CALL(pwrite64), CALL(recvmsg),
	CALL(sendmsg), CALL(recvfrom), CALL(sendto), CALL(close), CALL(poll),
	CALL(ppoll), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_ctl),
	CALL(epoll_create1), CALL(mmap), CALL(munmap), CALL(mremap),
	CALL(madvise), CALL(mprotect), CALL(brk), CALL(exit), CALL(exit_group),
	CALL(rt_sigreturn), CALL(rt_sigprocmask), CALL(rt_sigaction),
	CALL(sigaltstack), CALL(futex), CALL(getpid), CALL(gettid),
	CALL(getrandom), CALL(clock_gettime), CALL(clock_getres),
	CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday), CALL(time),
	CALL(fstat), CALL(newfstatat), CALL(lseek), CALL(fcntl), CALL(dup),
	CALL(dup2), CALL(dup3), CALL(memfd_create), CALL(ftruncate),
	CALL(fallocate), CALL(fsync), CALL(fdatasync), CALL(shutdown),
	CALL(getsockname), CALL(getpeername), CALL(getsockopt),
	CALL(setsockopt), CALL(restart_syscall), CALL(sched_yield),
	CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
	CALL(sched_getaffinity), CALL(prlimit64), CALL(getrlimit), CALL(uname),
	CALL(pipe2), CALL(socketpair), CALL(timerfd_create),
	CALL(timerfd_settime), CALL(eventfd2), CALL(copy_file_range),
	CALL(sendfile), CALL(statx), CALL(rseq), CALL(membarrier),
	CALL(getrusage), CALL(sysinfo), CALL(tgkill), CALL(getppid) };
static const int read_calls[] = { CALL(openat), CALL(open), CALL(openat2),
	CALL(access), CALL(faccessat), CALL(faccessat2), CALL(stat),
	CALL(lstat), CALL(readlink), CALL(readlinkat), CALL(getdents64),
	CALL(getcwd), CALL(fstatfs), CALL(statfs), CALL(getxattr),
	CALL(fgetxattr), CALL(lgetxattr), CALL(listxattr), CALL(flock),
	CALL(inotify_init1), CALL(inotify_add_watch), CALL(fadvise64),
	CALL(pidfd_open) };
static const int write_calls[] = { CALL(unlink), CALL(unlinkat), CALL(rename),
	CALL(renameat), CALL(renameat2), CALL(mkdir), CALL(mkdirat),
	CALL(rmdir), CALL(chmod), CALL(fchmod), CALL(fchmodat), CALL(fchown),
	CALL(link), CALL(linkat), CALL(utimensat), CALL(umask),
	CALL(sync_file_range) };
static const int network_calls[] = { CALL(socket), CALL(connect), CALL(bind),
	CALL(listen), CALL(accept), CALL(accept4), CALL(recvmmsg),
	CALL(sendmmsg), CALL(ioctl), CALL(select), CALL(pselect6) };
static const int thread_calls[] = { CALL(clone), CALL(clone3),
	CALL(set_robust_list), CALL(set_tid_address), CALL(sched_setscheduler),
	CALL(sched_getparam), CALL(sched_getscheduler) };
static const int bpf_calls[] = { CALL(bpf) };
static const int accept_calls[] = { CALL(accept4) };
static const int kill_calls[] = { CALL(kill), CALL(pidfd_send_signal) };
static const int handle_calls[] = { CALL(open_by_handle_at) };
static const int trace_calls[] = { CALL(ptrace), CALL(process_vm_readv),
	CALL(pidfd_open), CALL(pidfd_getfd), CALL(ioctl), CALL(bind),
	CALL(wait4), CALL(signalfd4) };
static const int fork_calls[] = { CALL(set_robust_list), CALL(wait4),
	CALL(waitid), CALL(prctl), CALL(close_range), CALL(setrlimit),
	CALL(capget), CALL(capset), CALL(landlock_create_ruleset),
	CALL(landlock_add_rule), CALL(landlock_restrict_self) };

static const struct {
	unsigned right; /* 0: always */
	const int *calls;
	size_t n;
} groups[] = {
	{ 0, pure_calls, N_ELEMENTS(pure_calls) },
	{ LOCKDOWN_READ_FILES, read_calls, N_ELEMENTS(read_calls) },
	{ LOCKDOWN_WRITE_FILES, read_calls, N_ELEMENTS(read_calls) },
	{ LOCKDOWN_WRITE_FILES, write_calls, N_ELEMENTS(write_calls) },
	{ LOCKDOWN_NETWORK, network_calls, N_ELEMENTS(network_calls) },
	{ LOCKDOWN_THREADS, thread_calls, N_ELEMENTS(thread_calls) },
	{ LOCKDOWN_BPF, bpf_calls, N_ELEMENTS(bpf_calls) },
	{ LOCKDOWN_KILL, kill_calls, N_ELEMENTS(kill_calls) },
	{ LOCKDOWN_ACCEPT, accept_calls, N_ELEMENTS(accept_calls) },
	{ LOCKDOWN_HANDLES, handle_calls, N_ELEMENTS(handle_calls) },
	{ LOCKDOWN_TRACE, trace_calls, N_ELEMENTS(trace_calls) },
	{ LOCKDOWN_FORK, fork_calls, N_ELEMENTS(fork_calls) },
};

#define NEW_NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | \
	    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* What depends on an argument. */
static const struct {
	unsigned right;
	uint32_t action;
	int call;
	struct scmp_arg_cmp when;
} partial[] = {
	{ LOCKDOWN_FORK, SCMP_ACT_ALLOW, CALL(clone),
	    { 0, SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0 } },
	/* Whether standard error is a terminal. */
	{ LOCKDOWN_FORK, SCMP_ACT_ALLOW, CALL(ioctl),
	    { 1, SCMP_CMP_EQ, TCGETS, 0 } },
	{ LOCKDOWN_FORK, SCMP_ACT_ERRNO(ENOTTY), CALL(ioctl),
	    { 1, SCMP_CMP_NE, TCGETS, 0 } },
};

/* What libraries try on the side gets an answer; anything else kills. */
static const struct {
	int call, answer;
} refusals[] = {
	{ CALL(openat), EACCES },
	{ CALL(open), EACCES },
	{ CALL(access), EACCES },
	{ CALL(faccessat), EACCES },
	{ CALL(faccessat2), EACCES },
	{ CALL(stat), EACCES },
	{ CALL(lstat), EACCES },
	{ CALL(readlink), EACCES },
	{ CALL(readlinkat), EACCES },
	{ CALL(ioctl), ENOTTY },
	{ CALL(prctl), EINVAL },
	{ CALL(unlink), EACCES },
	{ CALL(getcwd), EACCES },
};

static bool
allowed(unsigned rights, int call)
{
	for (size_t g = 0; g < N_ELEMENTS(groups); g++) {
		if (groups[g].right != 0 && (rights & groups[g].right) == 0)
			continue;
		for (size_t i = 0; i < groups[g].n; i++)
			if (groups[g].calls[i] == call)
				return true;
	}
	return false;
}

static bool
depends(unsigned rights, int call)
{
	for (size_t i = 0; i < N_ELEMENTS(partial); i++)
		if ((rights & partial[i].right) != 0 && partial[i].call == call)
			return true;
	return false;
}

static int
fill_parts(scmp_filter_ctx ctx, unsigned rights)
{
	int rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(partial) && rc == 0; i++)
		if ((rights & partial[i].right) != 0)
			rc = seccomp_rule_add_array(ctx, partial[i].action,
			    partial[i].call, 1, &partial[i].when);
	return rc;
}

static int
fill(scmp_filter_ctx ctx, unsigned rights)
{
	int rc = fill_parts(ctx, rights);

	for (size_t g = 0; g < N_ELEMENTS(groups); g++) {
		if (groups[g].right != 0 && (rights & groups[g].right) == 0)
			continue;
		for (size_t i = 0; i < groups[g].n && rc == 0; i++)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
			    groups[g].calls[i], 0);
	}
	for (size_t i = 0; i < N_ELEMENTS(refusals) && rc == 0; i++)
		if (!allowed(rights, refusals[i].call) &&
		    !depends(rights, refusals[i].call))
			rc = seccomp_rule_add(ctx,
			    SCMP_ACT_ERRNO((unsigned)refusals[i].answer),
			    refusals[i].call, 0);
	return rc;
}

static int
build(unsigned rights, int fd)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc;

	if (ctx == NULL)
		return -ENOMEM;
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = fill(ctx, rights);
	if (rc == 0)
		rc = seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	return rc;
}

static int
print(unsigned rights, size_t number, struct error *err)
{
	_cleanup_(closep) int fd = memfd_create("filter", MFD_CLOEXEC);
	struct sock_filter one;
	off_t at = 0;
	int rc;

	if (fd < 0)
		return error_errno(err, "memfd");
	rc = build(rights, fd);
	if (rc != 0)
		return error_set(err, rc, "libseccomp: rights 0x%x", rights);
	(void)printf("static const struct sock_filter set_%zu[] = {\n", number);
	while (pread(fd, &one, sizeof(one), at) == (ssize_t)sizeof(one)) {
		(void)printf("\t{ 0x%x, %u, %u, 0x%xu },\n", one.code, one.jt,
		    one.jf, one.k);
		at += (off_t)sizeof(one);
	}
	(void)printf("};\n");
	return at != 0 ? 0 : error_set(err, -EIO, "libseccomp: no program");
}

int
main(void)
{
	struct error err = ERROR_INIT;
	size_t n = N_ELEMENTS(lockdown_sets);

	(void)printf("#include <linux/filter.h>\n\n"
		     "#include \"sys/lockdown_priv.h\"\n\n");
	for (size_t i = 0; i < n; i++)
		if (print(lockdown_sets[i], i, &err) != 0) {
			(void)fprintf(stderr, "lockdown-make: %s\n", err.msg);
			return EXIT_TOOL_FAILED;
		}
	(void)printf("const struct lockdown_filter lockdown_filters[] = {\n");
	for (size_t i = 0; i < n; i++)
		(void)printf("\t{ 0x%x, sizeof(set_%zu) / sizeof(*set_%zu), "
			     "set_%zu },\n",
		    lockdown_sets[i], i, i, i);
	(void)printf("};\nconst size_t lockdown_n_filters = %zu;\n", n);
	return EXIT_NOTHING_FOUND;
}
