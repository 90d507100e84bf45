/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no package has business with, as libseccomp puts it into a program.
 * Runs when the project is built (filter-write.c), and in the supervisors of
 * tests that leave a part of it out.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "sandbox/filter.h"
#include "sandbox/sandbox_priv.h"
#include "sys/fd.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
/* personality(0xffffffff) changes nothing; no flag has this bit. */
#define ASKS_ONLY    0x80000000u
#define NEW_LISTENER (1u << 3) /* SECCOMP_FILTER_FLAG_NEW_LISTENER */

/* Refused whatever the arguments. ENOSYS where callers fall back on it. */
static const struct row {
	int call, answer;
	const char *why;
} rows[] = {
	/* glibc falls back to clone, whose flags can be looked at. */
	{ SCMP_SYS(clone3), ENOSYS, "flags lie in memory" },
	/* Work in the kernel that no recorder of system calls sees. */
	{ SCMP_SYS(io_uring_setup), EPERM, "unseen calls" },
	{ SCMP_SYS(io_uring_enter), EPERM, "unseen calls" },
	{ SCMP_SYS(io_uring_register), EPERM, "unseen calls" },
	/* Whoever asks for the older kind is used to hosts without it. */
	{ SCMP_SYS(io_setup), ENOSYS, "unseen calls" },
	{ SCMP_SYS(bpf), EPERM, "attack surface" },
	{ SCMP_SYS(perf_event_open), EPERM, "attack surface" },
	{ SCMP_SYS(userfaultfd), EPERM, "stalls the kernel" },
	{ SCMP_SYS(add_key), EPERM, "not namespaced" },
	{ SCMP_SYS(request_key), EPERM, "not namespaced" },
	{ SCMP_SYS(keyctl), EPERM, "not namespaced" },
	{ SCMP_SYS(mount), EPERM, "mounts" },
	{ SCMP_SYS(umount2), EPERM, "mounts" },
	{ SCMP_SYS(pivot_root), EPERM, "mounts" },
	{ SCMP_SYS(chroot), EPERM, "mounts" },
	{ SCMP_SYS(fsopen), EPERM, "mounts" },
	{ SCMP_SYS(fsconfig), EPERM, "mounts" },
	{ SCMP_SYS(fsmount), EPERM, "mounts" },
	{ SCMP_SYS(fspick), EPERM, "mounts" },
	{ SCMP_SYS(open_tree), EPERM, "mounts" },
	{ SCMP_SYS(move_mount), EPERM, "mounts" },
	{ SCMP_SYS(mount_setattr), EPERM, "mounts" },
	{ SCMP_SYS(swapon), EPERM, "of the host" },
	{ SCMP_SYS(swapoff), EPERM, "of the host" },
	{ SCMP_SYS(quotactl), EPERM, "of the host" },
	{ SCMP_SYS(quotactl_fd), EPERM, "of the host" },
	{ SCMP_SYS(acct), EPERM, "of the host" },
	{ SCMP_SYS(reboot), EPERM, "of the host" },
	{ SCMP_SYS(syslog), EPERM, "messages of the host" },
	/* 128 groups for each user of the host, and whatever a sandbox has is
	 * counted for root: with all of them gone, nobody has that view. */
	{ SCMP_SYS(fanotify_init), EPERM, "of the host" },
	{ SCMP_SYS(setns), EPERM, "namespaces" },
	/* Who reads the memory of a stopped process gets nothing from there:
	 * paths and addresses could be named unseen. */
	{ SCMP_SYS(memfd_secret), ENOSYS, "memory no recorder reads" },
	{ SCMP_SYS(open_by_handle_at), EPERM, "files by number" },
	{ SCMP_SYS(kexec_load), EPERM, "kernel" },
	{ SCMP_SYS(kexec_file_load), EPERM, "kernel" },
	{ SCMP_SYS(init_module), EPERM, "kernel" },
	{ SCMP_SYS(finit_module), EPERM, "kernel" },
	{ SCMP_SYS(delete_module), EPERM, "kernel" },
	{ SCMP_SYS(lookup_dcookie), EPERM, "kernel" },
	{ SCMP_SYS(iopl), EPERM, "hardware" },
	{ SCMP_SYS(ioperm), EPERM, "hardware" },
	{ SCMP_SYS(modify_ldt), EPERM, "attack surface" },
	{ SCMP_SYS(vm86), EPERM, "attack surface" },
	{ SCMP_SYS(vm86old), EPERM, "attack surface" },
	{ SCMP_SYS(uselib), ENOSYS, "attack surface" },
	{ SCMP_SYS(nfsservctl), ENOSYS, "attack surface" },
	{ SCMP_SYS(vhangup), EPERM, "terminals" },
};

/* Refused when (argument & mask) == value. */
static const struct flag_row {
	int call;
	unsigned argument;
	uint64_t mask, value;
	int answer;
	const char *why;
} flag_rows[] = {
#define NAMESPACE(c, flag) \
	{ \
		SCMP_SYS(c), 0, flag, flag, EPERM, #flag \
	}
	NAMESPACE(clone, CLONE_NEWNS),
	NAMESPACE(clone, CLONE_NEWUTS),
	NAMESPACE(clone, CLONE_NEWIPC),
	NAMESPACE(clone, CLONE_NEWUSER),
	NAMESPACE(clone, CLONE_NEWPID),
	NAMESPACE(clone, CLONE_NEWNET),
	NAMESPACE(clone, CLONE_NEWCGROUP),
	/* strace -f and its kin would lose the child. */
	NAMESPACE(clone, CLONE_UNTRACED),
	NAMESPACE(unshare, CLONE_NEWNS),
	NAMESPACE(unshare, CLONE_NEWUTS),
	NAMESPACE(unshare, CLONE_NEWIPC),
	NAMESPACE(unshare, CLONE_NEWUSER),
	NAMESPACE(unshare, CLONE_NEWPID),
	NAMESPACE(unshare, CLONE_NEWNET),
	NAMESPACE(unshare, CLONE_NEWCGROUP),
	NAMESPACE(unshare, CLONE_NEWTIME),
#undef NAMESPACE
#define PERSONALITY(flag) \
	{ \
		SCMP_SYS(personality), 0, ASKS_ONLY | (flag), flag, EPERM, \
		    #flag \
	}
	/* A program that is easier to take over. */
	PERSONALITY(ADDR_NO_RANDOMIZE),
	PERSONALITY(READ_IMPLIES_EXEC),
	PERSONALITY(MMAP_PAGE_ZERO),
#undef PERSONALITY
	/* An own listener outranks every tracer. */
	{ SCMP_SYS(seccomp), 1, NEW_LISTENER, NEW_LISTENER, EPERM,
	    "NEW_LISTENER" },
	/* Types into somebody's terminal. The kernel looks at 32 bits. */
	{ SCMP_SYS(ioctl), 1, UINT32_MAX, TIOCSTI, EPERM, "TIOCSTI" },
	{ SCMP_SYS(ioctl), 1, UINT32_MAX, TIOCLINUX, EPERM, "TIOCLINUX" },
};

/* Families that a network namespace holds, and no other: AF_VSOCK speaks to
 * the hypervisor from any of them. */
static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
static const int family_calls[] = { SCMP_SYS(socket), SCMP_SYS(socketpair) };

/* Everything between two allowed families, and above the last, is refused:
 * "not equal" conditions cannot be or-ed in one filter, ranges can. */
static int
add_families(scmp_filter_ctx ctx, int call)
{
	int below = 0, rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(families) && rc == 0; i++) {
		for (int f = below; f < families[i] && rc == 0; f++)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT),
			    call, 1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)f));
		below = families[i] + 1;
	}
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), call,
		    1, SCMP_A0_32(SCMP_CMP_GE, (uint32_t)below));
	return rc;
}

/* What the sink answers and views tell. Who asks for another one (SCTP, DCCP,
 * L2TP, SMC) has the host load a module for it, whoever he is. */
static const uint32_t protocols[] = { IPPROTO_IP, IPPROTO_ICMP, IPPROTO_TCP,
	IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_MPTCP };
static const uint32_t protocol_families[] = { AF_INET, AF_INET6 };

/* From first to last: in pieces that one mask tells. */
static int
add_protocols_between(scmp_filter_ctx ctx, uint32_t family, uint32_t first,
    uint32_t last)
{
	int rc = 0;

	while (rc == 0 && first <= last) {
		uint32_t n = 1;

		while ((first & (2 * n - 1)) == 0 && last - first >= 2 * n - 1)
			n *= 2;
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT),
		    SCMP_SYS(socket), 2, SCMP_A0_32(SCMP_CMP_EQ, family),
		    SCMP_A2_32(SCMP_CMP_MASKED_EQ, ~(n - 1), first));
		first += n;
	}
	return rc;
}

static int
add_protocols(scmp_filter_ctx ctx, uint32_t family)
{
	uint32_t first = 0;
	int rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(protocols) && rc == 0; i++) {
		if (first < protocols[i])
			rc = add_protocols_between(ctx, family, first,
			    protocols[i] - 1);
		first = protocols[i] + 1;
	}
	return rc == 0 ?
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT),
		SCMP_SYS(socket), 2, SCMP_A0_32(SCMP_CMP_EQ, family),
		SCMP_A2_32(SCMP_CMP_GE, first)) :
	    rc;
}

static int
add_sockets(scmp_filter_ctx ctx, const struct sandbox_spec *spec)
{
	int rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(family_calls) && rc == 0 &&
	     !sandbox_omits(spec, "filter", "families");
	     i++)
		rc = add_families(ctx, family_calls[i]);
	for (size_t i = 0; i < N_ELEMENTS(protocol_families) && rc == 0 &&
	     !sandbox_omits(spec, "filter", "protocols");
	     i++)
		rc = add_protocols(ctx, protocol_families[i]);
	/* Of netlink, rtnetlink alone: getifaddrs() needs it. */
	if (rc == 0 && !sandbox_omits(spec, "filter", "netlink"))
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT),
		    SCMP_SYS(socket), 2,
		    SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)AF_NETLINK),
		    SCMP_A2_32(SCMP_CMP_GT, 0u));
	return rc;
}

/* The limit of 1 byte on core files must stay: with 0 the kernel would again
 * feed them to a core_pattern that is a pipe. */
static int
add_core(scmp_filter_ctx ctx)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
	    SCMP_SYS(setrlimit), 1, SCMP_A0_32(SCMP_CMP_EQ, RLIMIT_CORE));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
		    SCMP_SYS(prlimit64), 2,
		    SCMP_A1_32(SCMP_CMP_EQ, RLIMIT_CORE),
		    SCMP_A2_64(SCMP_CMP_NE, 0));
	return rc;
}

/* "filter:CALL" or "filter:CALL:FLAG" was left out. */
static bool
omits_call(const struct sandbox_spec *spec, int call, const char *flag)
{
	char *name, about[64];
	bool omitted;

	if (spec->test_omit == NULL)
		return false;
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
	omitted = sandbox_omits(spec, "filter", name);
	if (flag != NULL && name != NULL) {
		(void)snprintf(about, sizeof(about), "%s:%s", name, flag);
		omitted = omitted || sandbox_omits(spec, "filter", about);
	}
	free(name);
	return omitted;
}

static int
fill(scmp_filter_ctx ctx, const struct sandbox_spec *spec)
{
	int rc = sandbox_omits(spec, "filter", "core") ? 0 : add_core(ctx);

	/* Negative numbers are calls that this architecture never had. */
	for (size_t i = 0; i < N_ELEMENTS(rows) && rc == 0; i++)
		if (rows[i].call >= 0 && !omits_call(spec, rows[i].call, NULL))
			rc = seccomp_rule_add(ctx,
			    SCMP_ACT_ERRNO((unsigned)rows[i].answer),
			    rows[i].call, 0);
	for (size_t i = 0; i < N_ELEMENTS(flag_rows) && rc == 0; i++) {
		const struct flag_row *r = &flag_rows[i];
		struct scmp_arg_cmp cmp = { r->argument, SCMP_CMP_MASKED_EQ,
			r->mask, r->value };

		if (omits_call(spec, r->call, r->why))
			continue;
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned)r->answer),
		    r->call, 1, cmp);
	}
	return rc == 0 ? add_sockets(ctx, spec) : rc;
}

/* libseccomp writes programs to descriptors only. */
static int export(scmp_filter_ctx ctx, struct buf *out, struct error *err)
{
	_cleanup_(closep) int fd = memfd_create("filter", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return error_errno(err, "memfd_create");
	rc = seccomp_export_bpf(ctx, fd);
	if (rc != 0)
		return error_set(err, rc, "cannot make the seccomp filter");
	if (lseek(fd, 0, SEEK_SET) != 0)
		return error_errno(err, "seccomp filter");
	return fd_read_all(fd, out, err);
}

int
filter_compile(const struct sandbox_spec *spec, struct buf *out,
    struct error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc;

	if (ctx == NULL)
		return error_set(err, -ENOMEM, "seccomp_init");
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    sandbox_omits(spec, "filter", "arch") ? SCMP_ACT_ALLOW :
						    SCMP_ACT_KILL_PROCESS);
	/* A tree: the kernel tries every call as the program is loaded. */
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = fill(ctx, spec);
	if (rc != 0)
		rc = error_set(err, rc, "cannot make the seccomp filter");
	if (rc == 0)
		rc = export(ctx, out, err);
	seccomp_release(ctx);
	return rc;
}

/* --- for people --- */

static const char *
errno_word(int e)
{
	return strerrorname_np(e) != NULL ? strerrorname_np(e) : "?";
}

static void
one(struct buf *out, struct json *j, int call, const char *when, int answer)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);

	if (j != NULL) {
		json_object_begin(j);
		json_key(j, "call");
		json_strz(j, name);
		json_key(j, "when");
		json_strz(j, when);
		json_key(j, "answer");
		json_strz(j, errno_word(answer));
		json_object_end(j);
	} else {
		buf_printf(out, "%s%s%s: %s\n", name != NULL ? name : "?",
		    when != NULL ? " with " : "", when != NULL ? when : "",
		    errno_word(answer));
	}
	free(name);
}

static void
all(struct buf *out, struct json *j)
{
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (rows[i].call >= 0)
			one(out, j, rows[i].call, NULL, rows[i].answer);
	for (size_t i = 0; i < N_ELEMENTS(flag_rows); i++)
		one(out, j, flag_rows[i].call, flag_rows[i].why,
		    flag_rows[i].answer);
	for (size_t i = 0; i < N_ELEMENTS(family_calls); i++)
		one(out, j, family_calls[i],
		    "a family other than unix, inet, inet6, netlink",
		    EAFNOSUPPORT);
	one(out, j, SCMP_SYS(socket),
	    "an inet protocol other than ICMP, TCP, UDP, MPTCP",
	    EPROTONOSUPPORT);
	one(out, j, SCMP_SYS(socket), "a netlink protocol other than route",
	    EPROTONOSUPPORT);
	one(out, j, SCMP_SYS(setrlimit), "RLIMIT_CORE", EPERM);
	one(out, j, SCMP_SYS(prlimit64), "RLIMIT_CORE", EPERM);
}

void
filter_print(struct buf *out)
{
	all(out, NULL);
}

void
filter_json(struct json *j)
{
	json_array_begin(j);
	all(NULL, j);
	json_array_end(j);
}
