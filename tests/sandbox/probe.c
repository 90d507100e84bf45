/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs inside the sandbox, static and alone, and tries to get out: one attempt
 * for each name. Status 0: refused as it should be; 1: it worked, with a line
 * that says what; 2: no such attempt. Also some plain tools for the tests.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Says what worked. */
static int
escaped(const char *what)
{
	printf("%s worked\n", what);
	return 1;
}

/* A call that must fail with this errno. */
static int
refused(const char *what, long result, int want)
{
	if (result >= 0)
		return escaped(what);
	if (errno == want)
		return 0;
	printf("%s: %s instead of %s\n", what, strerrorname_np(errno),
	    strerrorname_np(want));
	return 1;
}

static int
must_not_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return 0;
	return escaped(path);
}

/* --- the kernel's settings --- */

static int
try_core_pattern(void)
{
	return must_not_open("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int
try_sysctl(void)
{
	struct statvfs v;

	if (statvfs("/proc/sys", &v) != 0 || (v.f_flag & ST_RDONLY) == 0)
		return escaped("/proc/sys is writable; it");
	return must_not_open("/proc/sys/vm/drop_caches", O_WRONLY) |
	    must_not_open("/proc/sys/kernel/modprobe", O_WRONLY) |
	    must_not_open("/proc/sys/kernel/hostname", O_WRONLY) |
	    must_not_open("/proc/sysrq-trigger", O_WRONLY);
}

static int
try_masked(void)
{
	static const char *const files[] = { "/proc/kcore", "/proc/kallsyms",
		"/proc/keys", "/proc/timer_list", "/proc/kmsg",
		"/proc/interrupts", "/proc/partitions" };
	char byte;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i], O_RDONLY | O_NONBLOCK);

		if (fd >= 0 && read(fd, &byte, 1) > 0)
			return escaped(files[i]);
	}
	return 0;
}

static int
try_kernel_log(void)
{
	char text[64];

	return refused("syslog", syscall(SYS_syslog, 3, text, sizeof(text)),
	    EPERM);
}

/* --- mounts and namespaces --- */

static int
try_mount(void)
{
	return refused("mount", mount("none", "/tmp", "tmpfs", 0, NULL),
		   EPERM) |
	    refused("umount", umount2("/proc", MNT_DETACH), EPERM) |
	    refused("fsopen", fsopen("tmpfs", 0), EPERM) |
	    refused("open_tree", open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE),
		EPERM) |
	    refused("move_mount", move_mount(-1, "", -1, "", 0), EPERM) |
	    refused("mount_setattr", mount_setattr(-1, "", 0, NULL, 0), EPERM) |
	    refused("pivot_root", syscall(SYS_pivot_root, ".", "."), EPERM) |
	    refused("chroot", chroot("/tmp"), EPERM);
}

static int
try_namespaces(void)
{
	static const struct {
		int flag;
		const char *name;
	} kinds[] = { { CLONE_NEWUSER, "user" }, { CLONE_NEWNS, "mount" },
		{ CLONE_NEWPID, "pid" }, { CLONE_NEWNET, "net" },
		{ CLONE_NEWIPC, "ipc" }, { CLONE_NEWUTS, "uts" },
		{ CLONE_NEWCGROUP, "cgroup" }, { 0x80, "time" } };
	int bad = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bad |= refused(kinds[i].name, unshare(kinds[i].flag), EPERM);
		if (kinds[i].flag == 0x80)
			continue;
		bad |= refused(kinds[i].name,
		    syscall(SYS_clone, kinds[i].flag | SIGCHLD, NULL, NULL,
			NULL, NULL),
		    EPERM);
	}
	bad |= refused("setns", setns(open("/proc/self/ns/net", O_RDONLY), 0),
	    EPERM);
	/* Harmless unsharing stays possible. */
	if (unshare(CLONE_FS | CLONE_FILES) != 0)
		bad |= escaped("refusing unshare(CLONE_FS)");
	return bad;
}

static int
try_clone3(void)
{
	char args[88] = { 0 };

	return refused("clone3", syscall(SYS_clone3, args, sizeof(args)),
	    ENOSYS);
}

static int
try_untraced(void)
{
	return refused("CLONE_UNTRACED",
	    syscall(SYS_clone, 0x00800000 | SIGCHLD, NULL, NULL, NULL, NULL),
	    EPERM);
}

/* --- unseen and dangerous calls --- */

static int
try_io_uring(void)
{
	struct io_uring_params p = { 0 };

	return refused("io_uring_setup", syscall(SYS_io_uring_setup, 1, &p),
		   EPERM) |
	    refused("io_uring_enter",
		syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0), EPERM);
}

static int
try_bpf(void)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1 };

	return refused("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)),
	    EPERM);
}

static int
try_perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.exclude_kernel = 1 };

	return refused("perf_event_open",
	    syscall(SYS_perf_event_open, &a, 0, -1, -1, 0), EPERM);
}

static int
try_userfaultfd(void)
{
	return refused("userfaultfd", syscall(SYS_userfaultfd, 1), EPERM);
}

static int
try_keys(void)
{
	return refused("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3),
		   EPERM) |
	    refused("keyctl", syscall(SYS_keyctl, 0, -3, 1), EPERM) |
	    refused("request_key",
		syscall(SYS_request_key, "user", "x", NULL, 0), EPERM);
}

static int
try_modules(void)
{
	return refused("init_module", syscall(SYS_init_module, NULL, 0, ""),
		   EPERM) |
	    refused("finit_module", syscall(SYS_finit_module, 0, "", 0),
		EPERM) |
	    refused("delete_module", syscall(SYS_delete_module, "x", 0),
		EPERM) |
	    refused("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0),
		EPERM) |
	    refused("reboot", syscall(SYS_reboot, 0, 0, 0, NULL), EPERM);
}

static int
try_handles(void)
{
	struct {
		unsigned bytes;
		int type;
		char data[64];
	} h = { .bytes = 8, .type = 1 };

	return refused("open_by_handle_at",
	    syscall(SYS_open_by_handle_at, AT_FDCWD, &h, O_RDONLY), EPERM);
}

static int
try_listener(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog p = { 1, &allow };

	/* An own filter is fine, an own listener is not. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p) != 0)
		return escaped("refusing a filter");
	return refused("NEW_LISTENER",
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 8, &p), EPERM);
}

static int
try_new_calls(void)
{
	return refused("call 467", syscall(467, 0, 0, 0, 0), ENOSYS) |
	    refused("call 999", syscall(999, 0, 0, 0, 0), ENOSYS);
}

static int
try_terminal(void)
{
	char c = 'x';

	return refused("TIOCSTI", ioctl(0, TIOCSTI, &c), EPERM) |
	    refused("TIOCLINUX", ioctl(0, TIOCLINUX, &c), EPERM);
}

/* A child that must die of SIGSYS. */
static int
must_be_killed(const char *what, void (*attempt)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		attempt();
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return 0;
	return escaped(what);
}

#if defined(__x86_64__)
static void
call_x32(void)
{
	(void)syscall(0x40000000 | SYS_getpid);
}

static void
call_i386(void)
{
	long result = 20; /* getpid */

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
}
#endif

static int
try_architectures(void)
{
#if defined(__x86_64__)
	return must_be_killed("an x32 call", call_x32) |
	    must_be_killed("int 0x80", call_i386);
#else
	return 0;
#endif
}

/* --- sockets --- */

static int
try_families(void)
{
	int bad = 0;

	for (int f = 0; f < 64; f++) {
		if (f == AF_UNIX || f == AF_INET || f == AF_INET6 ||
		    f == AF_NETLINK)
			continue;
		bad |= refused("a socket of another family",
		    socket(f, SOCK_STREAM, 0), EAFNOSUPPORT);
	}
	bad |= refused("vsock", socket(AF_VSOCK, SOCK_STREAM, 0), EAFNOSUPPORT);
	bad |= refused("netlink audit", socket(AF_NETLINK, SOCK_RAW, 9),
	    EPROTONOSUPPORT);
	bad |= refused("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
	if (socket(AF_INET, SOCK_STREAM, 0) < 0 ||
	    socket(AF_INET6, SOCK_DGRAM, 0) < 0 ||
	    socket(AF_UNIX, SOCK_STREAM, 0) < 0 ||
	    socket(AF_NETLINK, SOCK_RAW, 0) < 0)
		bad |= escaped("refusing an ordinary socket");
	return bad;
}

static int
try_network_rights(void)
{
	struct ifreq r = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(r.ifr_name, "lo", 3);
	r.ifr_flags = 0;
	return refused("lo down", ioctl(s, SIOCSIFFLAGS, &r), EPERM);
}

/* --- identity and files --- */

static int
try_identity(void)
{
	if (setuid(0) == 0)
		return escaped("setuid(0)");
	if (setgroups(0, NULL) == 0)
		return escaped("setgroups");
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ?
	    0 :
	    escaped("privileges by exec");
}

/* Is itself setuid root where the test put it. */
static int
try_setuid_program(void)
{
	struct stat st;

	if (stat("/bin/setuid-probe", &st) != 0 || (st.st_mode & S_ISUID) == 0)
		return escaped("leaving out the setuid program");
	execl("/bin/setuid-probe", "setuid-probe", "am-user", NULL);
	return escaped("failing to run it");
}

static int
try_am_user(void)
{
	return geteuid() == 0 ? escaped("setuid") : 0;
}

/* A core file would go to the host's core_pattern. */
static int
try_core(void)
{
	struct rlimit l, none = { 0, 0 };
	pid_t pid;
	int status = 0;

	if (getrlimit(RLIMIT_CORE, &l) != 0 || l.rlim_max != 1)
		return escaped("a core file");
	if (refused("setrlimit", syscall(SYS_setrlimit, RLIMIT_CORE, &none),
		EPERM) != 0 ||
	    refused("prlimit", prlimit(0, RLIMIT_CORE, &none, NULL), EPERM) !=
		0)
		return 1;
	pid = fork();
	if (pid == 0)
		abort();
	(void)waitpid(pid, &status, 0);
	return WCOREDUMP(status) ? escaped("dumping a core") : 0;
}

static int
try_devices(void)
{
	int bad = 0;

	/* EPERM, or EACCES from Landlock. */
	if (mknod("/tmp/disk", S_IFBLK | 0666, makedev(254, 0)) == 0 ||
	    mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)) == 0)
		bad |= escaped("mknod");
	bad |= must_not_open("/dev/mem", O_RDONLY);
	bad |= must_not_open("/dev/kmsg", O_RDONLY);
	bad |= must_not_open("/dev/vda", O_RDONLY);
	bad |= must_not_open("/dev/sda", O_RDONLY);
	bad |= must_not_open("/dev/fuse", O_RDWR);
	bad |= must_not_open("/dev/kvm", O_RDWR);
	return bad;
}

static int
try_root_files(void)
{
	int bad = must_not_open("/etc/passwd", O_WRONLY);

	bad |= must_not_open("/bin/probe", O_WRONLY);
	bad |= must_not_open("/new-in-root", O_WRONLY | O_CREAT);
	return bad;
}

/* Only our own processes: not init, nobody of the host. */
static int
try_processes(void)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	int bad = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		long pid = strtol(e->d_name, NULL, 10);

		if (pid > 0 && pid != getpid()) {
			printf("process %ld is visible\n", pid);
			bad = 1;
		}
	}
	/* From root the kernel takes it, and does nothing. */
	if (kill(1, SIGKILL) == 0 && geteuid() != 0)
		bad |= escaped("kill(1)");
	if (ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0)
		bad |= escaped("ptrace(1)");
	return bad;
}

static int
try_descriptors(void)
{
	int bad = 0;

	for (int fd = 3; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			printf("descriptor %d is open\n", fd);
			bad = 1;
		}
	return bad;
}

static int
try_old_root(void)
{
	char path[64] = "/", mounts[1 << 15];
	int fd = open("/proc/self/mountinfo", O_RDONLY);
	ssize_t n = read(fd, mounts, sizeof(mounts) - 1);
	struct stat root, up;

	mounts[n > 0 ? n : 0] = '\0';
	if (strstr(mounts, "ext4") != NULL || strstr(mounts, "/host") != NULL ||
	    strstr(mounts, " cgroup") != NULL)
		return escaped("seeing mounts of the host");
	memcpy(path, "/../../../..", 13);
	if (stat("/", &root) != 0 || stat(path, &up) != 0 ||
	    root.st_ino != up.st_ino)
		return escaped("leaving the root");
	return 0;
}

/* --- looks: the test compares what these print --- */

static int
look_identity(void)
{
	struct utsname u;
	struct sysinfo info;
	struct timespec up;
	char boot[64] = "", machine[64] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");

	if (f == NULL || fscanf(f, "%63s", boot) != 1)
		return 1;
	f = fopen("/etc/machine-id", "r");
	if (f == NULL || fscanf(f, "%63s", machine) != 1)
		return 1;
	(void)uname(&u);
	(void)sysinfo(&info);
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	printf("%s %s %s %ld %u:%u %s\n", u.nodename, boot, machine,
	    info.uptime - up.tv_sec < 2 ? info.uptime : -1L, getuid(), getgid(),
	    getenv("HOME") != NULL ? getenv("HOME") : "");
	return 0;
}

static int
look_interfaces(void)
{
	struct ifaddrs *list, *i;
	char text[64];

	if (getifaddrs(&list) != 0)
		return 1;
	for (i = list; i != NULL; i = i->ifa_next) {
		int family = i->ifa_addr != NULL ? i->ifa_addr->sa_family : 0;
		const void *a = family == AF_INET ?
		    (const void *)&((struct sockaddr_in *)(void *)i->ifa_addr)
			->sin_addr :
		    (const void *)&((struct sockaddr_in6 *)(void *)i->ifa_addr)
			->sin6_addr;

		if ((family == AF_INET || family == AF_INET6) &&
		    (i->ifa_flags & IFF_UP) != 0)
			printf("%s %s\n", i->ifa_name,
			    inet_ntop(family, a, text, sizeof(text)));
	}
	return 0;
}

/* --- bombs: each goes on until a limit stops it --- */

static int
bomb_memory(void)
{
	for (;;) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return 3;
		memset(p, 1, 1 << 20);
	}
}

static int
bomb_forks(void)
{
	int n = 0;
	pid_t pid;

	while ((pid = fork()) >= 0) {
		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
		n++;
	}
	printf("%d %s\n", n, strerrorname_np(errno));
	return errno == EAGAIN ? 0 : 1;
}

static int
bomb_disk(void)
{
	static char block[1 << 16];
	int fd = open("/tmp/big", O_WRONLY | O_CREAT, 0600);
	long total = 0;
	ssize_t n;

	memset(block, 'x', sizeof(block));
	while ((n = write(fd, block, sizeof(block))) > 0)
		total += n;
	printf("%ld %s\n", total, strerrorname_np(errno));
	return errno == ENOSPC ? 0 : 1;
}

static int
bomb_inodes(void)
{
	char name[64];
	int n = 0, fd;

	for (;; n++) {
		(void)snprintf(name, sizeof(name), "/tmp/f%d", n);
		fd = open(name, O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			break;
		(void)close(fd);
	}
	printf("%d %s\n", n, strerrorname_np(errno));
	return errno == ENOSPC ? 0 : 1;
}

static int
bomb_files(void)
{
	int n = 0;

	while (open("/dev/null", O_RDONLY) >= 0)
		n++;
	printf("%d %s\n", n, strerrorname_np(errno));
	return errno == EMFILE ? 0 : 1;
}

static int
bomb_large_file(void)
{
	int fd = open("/tmp/large", O_WRONLY | O_CREAT, 0600);

	(void)signal(SIGXFSZ, SIG_IGN);
	return refused("a large file", ftruncate(fd, 1l << 40), EFBIG);
}

static int
bomb_output(void)
{
	static char block[1 << 16];

	memset(block, 'x', sizeof(block));
	while (write(1, block, sizeof(block)) > 0)
		continue;
	return 0;
}

static int
bomb_cpu(void)
{
	volatile unsigned i = 0;

	while (i + 1 != 0 || i == 0)
		i = (i + 1) & 0xffff;
	return 1;
}

/* --- tools --- */

static int
do_true(void)
{
	return 0;
}

static int
do_sleep(void)
{
	(void)sleep(1000);
	return 0;
}

/* Leaves a child in a session of its own. */
static int
do_daemonize(void)
{
	if (fork() != 0)
		return 0;
	(void)setsid();
	if (fork() != 0)
		_exit(0);
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	(void)sleep(1000);
	return 0;
}

static int
do_copy(void)
{
	char block[4096];
	ssize_t n;

	while ((n = read(0, block, sizeof(block))) > 0)
		if (write(1, block, (size_t)n) != n)
			return 1;
	fputs("done\n", stderr);
	return 0;
}

static int
do_status(void)
{
	return 42;
}

static int
do_abort(void)
{
	(void)signal(SIGTERM, SIG_DFL);
	(void)raise(SIGTERM);
	return 0;
}

static int
do_write(void)
{
	FILE *f = fopen("/tmp/left", "w");

	return f != NULL && fputs("left behind", f) >= 0 && fclose(f) == 0 ? 0 :
									     1;
}

static int
do_read(void)
{
	return access("/tmp/left", R_OK) == 0 ? 0 : 1;
}

static int
do_show(void)
{
	FILE *f = fopen("/put/deep/file", "r");
	char line[128];
	struct stat st;

	if (f == NULL || fgets(line, sizeof(line), f) == NULL ||
	    stat("/put/deep/file", &st) != 0)
		return 1;
	printf("%s %o %u:%u %ld\n", line, st.st_mode & 07777, st.st_uid,
	    st.st_gid, (long)st.st_mtime);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} rows[] = {
	{ "core-pattern", try_core_pattern },
	{ "sysctl", try_sysctl },
	{ "masked", try_masked },
	{ "kernel-log", try_kernel_log },
	{ "mount", try_mount },
	{ "namespaces", try_namespaces },
	{ "clone3", try_clone3 },
	{ "untraced", try_untraced },
	{ "io-uring", try_io_uring },
	{ "bpf", try_bpf },
	{ "perf", try_perf },
	{ "userfaultfd", try_userfaultfd },
	{ "keys", try_keys },
	{ "modules", try_modules },
	{ "handles", try_handles },
	{ "listener", try_listener },
	{ "new-calls", try_new_calls },
	{ "terminal", try_terminal },
	{ "architectures", try_architectures },
	{ "families", try_families },
	{ "network-rights", try_network_rights },
	{ "identity", try_identity },
	{ "setuid-program", try_setuid_program },
	{ "am-user", try_am_user },
	{ "core", try_core },
	{ "devices", try_devices },
	{ "root-files", try_root_files },
	{ "processes", try_processes },
	{ "descriptors", try_descriptors },
	{ "old-root", try_old_root },
	{ "look-identity", look_identity },
	{ "look-interfaces", look_interfaces },
	{ "bomb-memory", bomb_memory },
	{ "bomb-forks", bomb_forks },
	{ "bomb-disk", bomb_disk },
	{ "bomb-inodes", bomb_inodes },
	{ "bomb-files", bomb_files },
	{ "bomb-large-file", bomb_large_file },
	{ "bomb-output", bomb_output },
	{ "bomb-cpu", bomb_cpu },
	{ "true", do_true },
	{ "sleep", do_sleep },
	{ "daemonize", do_daemonize },
	{ "copy", do_copy },
	{ "status", do_status },
	{ "abort", do_abort },
	{ "write", do_write },
	{ "read", do_read },
	{ "show", do_show },
};

int
main(int argc, char **argv)
{
	int bad;

	(void)setvbuf(stdout, NULL, _IOLBF, 4096);
	for (size_t i = 0; argc == 2 && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(argv[1], rows[i].name) == 0) {
			bad = rows[i].run();
			(void)fflush(stdout);
			return bad;
		}
	fprintf(stderr, "probe: no such attempt\n");
	return 2;
}
