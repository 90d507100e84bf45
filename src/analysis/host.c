/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what a host may have, and each tried in a child of its own. */
#include "analysis/host.h"

#include <assert.h>
#include <cpuid.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/host_priv.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/rootless.h"

#define ROOT_HOW   "run as root (sudo)"
#define KERNEL_HOW "a kernel that has it"
#define BARE_HOW   "a container with the rights of root (--privileged)"

/* clang-format off */
const struct host_check host_checks[] = {
	{ "root", HOST_ISOLATION, HOST_WANTED, host_try_root,
	    "making namespaces, mounts and control groups",
	    "by others than root, a user namespace of their own", ROOT_HOW,
	    "everything below, in a user namespace of their own" },
	{ "rootless", HOST_ISOLATION, HOST_BY_OTHERS, host_try_rootless,
	    "a user namespace of the caller's own, with subordinate ids",
	    "nothing: analyze and sandbox refuse to run",
	    "package uidmap; usermod --add-subuids 100000-165535 "
	    "--add-subgids 100000-165535 USER; user namespaces allowed", NULL },
	{ "namespaces", HOST_ISOLATION, HOST_REQUIRED, host_try_namespaces,
	    "a machine of its own for the package",
	    "nothing", "kernel.unprivileged_userns_clone=1, "
	    "user.max_user_namespaces above 0, a container with more rights", NULL },
	{ "proc", HOST_ISOLATION, HOST_REQUIRED, host_try_proc,
	    "a list of processes of its own", "nothing",
	    "a container that hides nothing of /proc: --privileged, or "
	    "--security-opt systempaths=unconfined", NULL },
	{ "time-namespace", HOST_ISOLATION, HOST_REQUIRED, host_try_time,
	    "hiding how long this machine has been up",
	    "nothing", KERNEL_HOW " (5.6, CONFIG_TIME_NS)", NULL },
	{ "idmapped-mounts", HOST_ISOLATION, HOST_BY_ROOT, host_try_idmap,
	    "showing the image with the ids of the sandbox",
	    "a copy of the image that belongs to them, made once",
	    "Linux 5.19, state on ext4, xfs, btrfs or tmpfs "
	    "(overlayfs cannot)",
	    "images of their own that belong to their subordinate ids" },
	{ "overlay", HOST_ISOLATION, HOST_REQUIRED, host_try_overlay,
	    "keeping what the package writes apart from the image",
	    "nothing", KERNEL_HOW " (CONFIG_OVERLAY_FS)",
	    "the same with user.* attributes, which tmpfs has from Linux 6.6" },
	{ "overlay-removal", HOST_ISOLATION, HOST_WANTED,
	    host_try_overlay_removal,
	    "removing folders of the image, and making them again",
	    "nothing: a package that tries is told of an input/output error",
	    "Linux 6.6, or root", "the same, from Linux 6.6 on" },
	{ "overlay-descriptors", HOST_ISOLATION, HOST_EXTRA,
	    host_try_overlay_descriptors,
	    "a root file system that has no path on the host",
	    "layers attached by path in a private mount namespace",
	    "Linux 6.15", NULL },
	{ "seccomp", HOST_ISOLATION, HOST_REQUIRED, host_try_seccomp,
	    "refusing calls that reach past namespaces",
	    "nothing", KERNEL_HOW " (CONFIG_SECCOMP_FILTER)", NULL },
	{ "landlock", HOST_ISOLATION, HOST_EXTRA, host_try_landlock,
	    "a second wall around files",
	    "the mount namespace alone", "Linux 5.13, lsm=landlock,…", NULL },
	{ "memory-limit", HOST_ISOLATION, HOST_WANTED, host_try_memory,
	    "killing what takes all memory",
	    "use is measured by the supervisor, which kills",
	    "a memory controller (cgroup 1 or 2)",
	    "where systemd delegated a cgroup, else measured and killed" },
	{ "process-limit", HOST_ISOLATION, HOST_WANTED, host_try_pids,
	    "stopping fork bombs",
	    "use is measured by the supervisor, which kills",
	    "a pids controller (cgroup 1 or 2)",
	    "where systemd delegated a cgroup, else RLIMIT_NPROC" },
	{ "cpu-share", HOST_ISOLATION, HOST_WANTED, host_try_cpu,
	    "leaving processor time to others",
	    "the scheduler's own fairness", "a cpu controller",
	    "where systemd delegated a cgroup, else none" },
	{ "freezer", HOST_ISOLATION, HOST_WANTED, host_try_freezer,
	    "holding a flood until it is written down",
	    "writers are stopped one by one", "cgroup2, or freezer of 1",
	    "where systemd delegated a cgroup, else none" },
	{ "bpf", HOST_RECORDER, HOST_WANTED, host_try_bpf,
	    "recording every call, unseen and cheap",
	    "user notification, then ptrace (slower, partly visible)",
	    ROOT_HOW ", CAP_BPF and CAP_PERFMON, no lockdown=confidentiality",
	    "user notification" },
	{ "btf", HOST_RECORDER, HOST_WANTED, host_try_btf,
	    "one program for every kernel",
	    "as without bpf", KERNEL_HOW " (CONFIG_DEBUG_INFO_BTF)",
	    "nothing: there is no bpf" },
	{ "cgroup2", HOST_RECORDER, HOST_WANTED, host_try_cgroup2,
	    "telling one sandbox's events from all others",
	    "as without bpf", "mount -t cgroup2 none /sys/fs/cgroup",
	    "below the cgroup that systemd delegated, if any" },
	{ "bpf-lsm", HOST_RECORDER, HOST_EXTRA, host_try_bpf_lsm,
	    "decisions at the object itself",
	    "raw tracepoints with the object re-read at exit",
	    "lsm=…,bpf, no lockdown",
	    "nothing: there is no bpf" },
	{ "bpf-casts", HOST_RECORDER, HOST_EXTRA, host_try_bpf_casts,
	    "reading the kernel's objects by plain loads",
	    "a call of a helper for each, which costs more", "Linux 6.2",
	    "nothing: there is no bpf" },
	{ "notification", HOST_RECORDER, HOST_WANTED, host_try_notify,
	    "recording without bpf",
	    "ptrace", "Linux 5.19; cheap from 6.6 on", NULL },
	{ "pidfd-status", HOST_RECORDER, HOST_EXTRA, host_try_pidfd_status,
	    "by notification, how a process ended that its parent has waited for",
	    "what it said when it left; of one that was killed, nothing",
	    "Linux 6.15", NULL },
	{ "ptrace", HOST_RECORDER, HOST_EXTRA, host_try_ptrace,
	    "recording where nothing else works",
	    "nothing", "kernel.yama.ptrace_scope below 3", NULL },
	{ "fanotify", HOST_RECORDER, HOST_EXTRA, host_try_fanotify,
	    "a second view of files, for hidden activity",
	    "the upper layer alone", ROOT_HOW ", Linux 5.17",
	    "the upper layer alone" },
	{ "veth", HOST_NETWORK, HOST_REQUIRED, host_try_veth,
	    "a wire from the sandbox to the fake Internet, and no other",
	    "nothing", ROOT_HOW ", CONFIG_VETH",
	    "the same, owned by their user namespace; never by the package's" },
	{ "every-address", HOST_NETWORK, HOST_REQUIRED, host_try_every_address,
	    "answering every address and port", "nothing",
	    "one of the two below",
	    "tproxy, in their own network namespace" },
	{ "tproxy", HOST_NETWORK, HOST_WANTED, host_try_tproxy,
	    "the same by netfilter", "sk_lookup",
	    "nf_tables with tproxy (CONFIG_NFT_TPROXY), loaded: "
	    "modprobe nft_tproxy",
	    "the same, in their own network namespace" },
	{ "sk-lookup", HOST_NETWORK, HOST_EXTRA, host_try_sk_lookup,
	    "the same without netfilter",
	    "tproxy", "Linux 5.9, CAP_BPF",
	    "nothing: there is no bpf" },
	{ NULL, HOST_ISOLATION, HOST_EXTRA, NULL, NULL, NULL, NULL, NULL },
};
/* clang-format on */

enum host_need
host_need(const struct host_check *c)
{
	bool root = rootless_has_root();

	if (c->try == host_try_root)
		return root ? HOST_REQUIRED : HOST_WANTED;
	if (c->need == HOST_BY_ROOT)
		return root ? HOST_WANTED : HOST_EXTRA;
	if (c->need == HOST_BY_OTHERS)
		return root ? HOST_EXTRA : HOST_REQUIRED;
	return c->need;
}

void
host_prepare(void)
{
	const struct host_check *c = host_checks;
	struct error ignored = ERROR_INIT;
	struct host_answer a;

	if (rootless_has_root())
		return;
	/* In a child first: an attempt that fails leaves us elsewhere. */
	while (c->try != host_try_rootless)
		c++;
	host_try(c, &a);
	if (a.state == HOST_PRESENT)
		(void)rootless_enter(&ignored);
}

/* Where root has no rights, it is not the kernel that lacks something. */
const char *
host_how(const struct host_check *c, const struct host_answer *a)
{
	struct error ignored = ERROR_INIT;

	return a->refused && rootless_check_root(&ignored) != 0 ? BARE_HOW :
								  c->how;
}

const char *
host_group_word(enum host_group g)
{
	static const char *const words[HOST_GROUP__MAX] = {
		[HOST_ISOLATION] = "isolation",
		[HOST_RECORDER] = "recorder",
		[HOST_NETWORK] = "network",
	};

	assert(g < HOST_GROUP__MAX);
	return words[g];
}

/* What a child says: its result, then words. */
struct said {
	int rc;
	char detail[sizeof(((struct host_answer *)NULL)->detail)];
};

static void
child(const struct host_check *c, int fd)
{
	struct said s = { 0 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	s.rc = c->try(s.detail, sizeof(s.detail));
	_exit(write(fd, &s, sizeof(s)) == (ssize_t)sizeof(s) ? 0 : 1);
}

static void
read_answer(int fd, struct host_answer *ret)
{
	struct pollfd p = { fd, POLLIN, 0 };
	struct said s;

	ret->state = HOST_ABSENT;
	if (poll(&p, 1, LIMIT_HOST_CHECK_MS) != 1) {
		(void)snprintf(ret->detail, sizeof(ret->detail),
		    "no answer after %d s", LIMIT_HOST_CHECK_MS / 1000);
		return;
	}
	if (read(fd, &s, sizeof(s)) != (ssize_t)sizeof(s)) {
		(void)snprintf(ret->detail, sizeof(ret->detail),
		    "the attempt was killed");
		return;
	}
	s.detail[sizeof(s.detail) - 1] = '\0';
	if (s.rc == 0)
		ret->state = HOST_PRESENT;
	if (s.rc == -ENOTSUP)
		ret->state = HOST_UNKNOWN;
	ret->refused = s.rc == -EPERM || s.rc == -EACCES;
	memcpy(ret->detail, s.detail, sizeof(ret->detail));
	if (s.rc < 0 && ret->detail[0] == '\0')
		(void)snprintf(ret->detail, sizeof(ret->detail), "%s",
		    strerror(-s.rc));
}

void
host_try(const struct host_check *c, struct host_answer *ret)
{
	int fds[2];
	pid_t pid;

	*ret = (struct host_answer){ .state = HOST_UNKNOWN };
	if (pipe(fds) != 0)
		return;
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		child(c, fds[1]);
	}
	(void)close(fds[1]);
	if (pid > 0) {
		read_answer(fds[0], ret);
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(fds[0]);
}

/* --- what shows through --- */

static void
cpu_model(char *ret, size_t size)
{
	unsigned words[12] = { 0 };
	char model[sizeof(words) + 1];

	for (unsigned i = 0; i < 3; i++)
		if (!__get_cpuid(0x80000002u + i, &words[4 * i],
			&words[4 * i + 1], &words[4 * i + 2],
			&words[4 * i + 3])) {
			(void)snprintf(ret, size, "by the CPUID instruction");
			return;
		}
	memcpy(model, words, sizeof(words));
	model[sizeof(words)] = '\0';
	(void)snprintf(ret, size, "%s", model);
}

size_t
host_visible(struct host_visible ret[HOST_VISIBLE_MAX])
{
	struct utsname u;
	struct sysinfo s;
	size_t n = 0;

	memset(ret, 0, HOST_VISIBLE_MAX * sizeof(*ret));
	if (uname(&u) == 0) {
		ret[n].name = "kernel release";
		(void)snprintf(ret[n++].value, sizeof(ret->value), "%s %s",
		    u.release, u.machine);
		ret[n].name = "kernel version";
		(void)snprintf(ret[n++].value, sizeof(ret->value), "%s",
		    u.version);
	}
	ret[n].name = "processor";
	cpu_model(ret[n].value, sizeof(ret->value));
	n++;
	ret[n].name = "processors";
	(void)snprintf(ret[n++].value, sizeof(ret->value), "%ld",
	    sysconf(_SC_NPROCESSORS_ONLN));
	if (sysinfo(&s) == 0) {
		ret[n].name = "memory";
		(void)snprintf(ret[n++].value, sizeof(ret->value), "%lu MiB",
		    s.totalram / (1024 * 1024) * s.mem_unit);
		ret[n].name = "load average";
		(void)snprintf(ret[n++].value, sizeof(ret->value), "%.2f",
		    (double)s.loads[0] / 65536);
	}
	return n;
}
