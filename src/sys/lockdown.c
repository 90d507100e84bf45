/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp, Landlock, capabilities. Runs in every confined role, once.
 * lockdown-weak.c takes its place in sanitizer builds, whose runtimes open
 * /proc and map shadow memory when they please.
 */
#include "sys/lockdown.h"

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sys/lockdown_priv.h"

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

static int
fill(scmp_filter_ctx ctx, unsigned rights)
{
	int rc = 0;

	for (size_t g = 0; g < N_ELEMENTS(groups); g++) {
		if (groups[g].right != 0 && (rights & groups[g].right) == 0)
			continue;
		for (size_t i = 0; i < groups[g].n && rc == 0; i++)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
			    groups[g].calls[i], 0);
	}
	for (size_t i = 0; i < N_ELEMENTS(refusals) && rc == 0; i++)
		if (!allowed(rights, refusals[i].call))
			rc = seccomp_rule_add(ctx,
			    SCMP_ACT_ERRNO((unsigned)refusals[i].answer),
			    refusals[i].call, 0);
	return rc;
}

static int
filter(unsigned rights, struct error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc;

	if (ctx == NULL)
		return error_set(err, -ENOMEM, "seccomp_init");
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = fill(ctx, rights);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc != 0)
		return error_set(err, rc, "cannot load the seccomp filter");
	return 0;
}

int
lockdown(const struct lockdown *l, struct error *err)
{
	static const struct rlimit no_core = { 0, 0 };
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) != 0)
		return error_errno(err, "no_new_privs");
	rc = (l->rights & LOCKDOWN_FOREIGN_FILES) != 0 ?
	    0 :
	    lockdown_landlock(l, err);
	if (rc == 0)
		rc = lockdown_caps(l->keep_caps, err);
	if (rc == 0)
		rc = filter(l->rights, err);
	return rc;
}
