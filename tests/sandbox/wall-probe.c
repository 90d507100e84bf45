/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks for walls-test.c, run inside the sandbox: `wall-probe NAME [ARG]`.
 * Status 0: refused; 1: it worked; 2: no such attack. Where success itself
 * would be out of reach of anybody in a user namespace, what counts is that
 * the kernel's own code answered: it must not be reached.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wall-probe.h"

#define BAD_POINTER ((void *)8)

/* --- namespaces --- */

static int
unshares(int flag)
{
	return worked(unshare(flag));
}

static int
clones(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return worked(pid);
}

/* clang-format off */
static int unshare_user(const char *a) { (void)a; return unshares(CLONE_NEWUSER); }
static int unshare_mount(const char *a) { (void)a; return unshares(CLONE_NEWNS); }
static int unshare_pid(const char *a) { (void)a; return unshares(CLONE_NEWPID); }
static int unshare_net(const char *a) { (void)a; return unshares(CLONE_NEWNET); }
static int unshare_ipc(const char *a) { (void)a; return unshares(CLONE_NEWIPC); }
static int unshare_uts(const char *a) { (void)a; return unshares(CLONE_NEWUTS); }
static int unshare_cgroup(const char *a) { (void)a; return unshares(CLONE_NEWCGROUP); }
static int unshare_time(const char *a) { (void)a; return unshares(0x80); }
static int clone_user(const char *a) { (void)a; return clones(CLONE_NEWUSER); }
static int clone_mount(const char *a) { (void)a; return clones(CLONE_NEWNS); }
static int clone_net(const char *a) { (void)a; return clones(CLONE_NEWNET); }
static int clone_pid(const char *a) { (void)a; return clones(CLONE_NEWPID); }
static int clone_ipc(const char *a) { (void)a; return clones(CLONE_NEWIPC); }
static int clone_uts(const char *a) { (void)a; return clones(CLONE_NEWUTS); }
static int clone_cgroup(const char *a) { (void)a; return clones(CLONE_NEWCGROUP); }
static int clone_untraced(const char *a) { (void)a; return clones(CLONE_UNTRACED); }
/* clang-format on */

/* Its flags lie in memory, where no filter sees them. */
static int
clone3_user(const char *a)
{
	struct clone_args args = { .flags = CLONE_NEWUSER,
		.exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	(void)a;
	if (pid == 0)
		_exit(0);
	return worked(pid);
}

static int
enter_namespace(const char *a)
{
	(void)a;
	return worked(setns(open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWUTS));
}

/* --- mounts --- */

static int
mount_tmpfs(const char *a)
{
	(void)a;
	return worked(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int
unmount(const char *a)
{
	(void)a;
	return worked(umount2("/dev/pts", MNT_DETACH));
}

static int
open_file_system(const char *a)
{
	(void)a;
	return worked(fsopen("tmpfs", 0));
}

static int
pick_file_system(const char *a)
{
	(void)a;
	return worked(fspick(AT_FDCWD, "/dev/shm", 0));
}

static int
configure_file_system(const char *a)
{
	(void)a;
	return beyond(fsconfig(-1, FSCONFIG_CMD_CREATE, NULL, NULL, 0), EPERM);
}

static int
clone_tree(const char *a)
{
	(void)a;
	return worked(open_tree(AT_FDCWD, "/", OPEN_TREE_CLOEXEC));
}

static int
restrict_mount(const char *a)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	(void)a;
	return worked(
	    mount_setattr(AT_FDCWD, "/dev/shm", 0, &attr, sizeof(attr)));
}

static int
change_root(const char *a)
{
	(void)a;
	return worked(chroot("/tmp"));
}

/* --- calls that are seen badly, or have no business here --- */

static int
io_uring(const char *a)
{
	struct io_uring_params p = { 0 };

	(void)a;
	return beyond(syscall(SYS_io_uring_setup, 1, &p), EPERM);
}

static int
io_uring_enter(const char *a)
{
	(void)a;
	return beyond(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0), EPERM);
}

static int
asynchronous(const char *a)
{
	unsigned long context = 0;

	(void)a;
	return beyond(syscall(SYS_io_setup, 1, &context), ENOSYS);
}

static int
bpf_code(const char *a)
{
	(void)a;
	/* Looked at before rights are: more bytes than a page. */
	return beyond(syscall(SYS_bpf, 1, BAD_POINTER, 1 << 20), EPERM);
}

static int
perf(const char *a)
{
	(void)a;
	return beyond(syscall(SYS_perf_event_open, BAD_POINTER, 0, -1, -1, 0),
	    EPERM);
}

static int
fault_handler(const char *a)
{
	(void)a;
	return worked(syscall(SYS_userfaultfd, 1)); /* user mode only */
}

static int
add_a_key(const char *a)
{
	(void)a;
	return worked(syscall(SYS_add_key, "user", "x", "y", 1, -2));
}

static int
control_keys(const char *a)
{
	(void)a;
	return worked(syscall(SYS_keyctl, 0, -3, 1));
}

static int
request_a_key(const char *a)
{
	(void)a;
	return beyond(syscall(SYS_request_key, "user", "x", NULL, 0), EPERM);
}

static int
file_by_handle(const char *a)
{
	struct {
		unsigned bytes;
		int type;
		char data[8];
	} handle = { .bytes = 8, .type = 1 };

	(void)a;
	return beyond(syscall(SYS_open_by_handle_at, -1, &handle, O_RDONLY),
	    EPERM);
}

static int
restart(const char *a)
{
	(void)a;
	/* Without the magic numbers nothing restarts. */
	return beyond(syscall(SYS_reboot, 0, 0, 0, NULL), EPERM);
}

static int
port_level(const char *a)
{
	(void)a;
	return beyond(syscall(SYS_iopl, 0), EPERM);
}

static int
port_range(const char *a)
{
	(void)a;
	return beyond(syscall(SYS_ioperm, 0, 1, 0), EPERM);
}

static int
descriptor_table(const char *a)
{
	char table[64];

	(void)a;
	return beyond(syscall(SYS_modify_ldt, 0, table, sizeof(table)), EPERM);
}

static int
quota(const char *a)
{
	(void)a;
	return beyond(quotactl(0x7fffffff, NULL, 0, NULL), EPERM);
}

static int
quota_fd(const char *a)
{
	(void)a;
	return beyond(syscall(SYS_quotactl_fd, -1, 0x7fffffff, 0, NULL), EPERM);
}

static int
own_listener(const char *a)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog p = { 1, &allow };

	(void)a;
	return worked(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER, &p));
}

/* A call that is newer than the list; NULL where this kernel is older. */
static int
newer_call(const char *a)
{
	(void)a;
	/* open_tree_attr(2), 6.15: as open_tree(2), which is refused. */
	return beyond(syscall(467, AT_FDCWD, "/", 0, NULL, 0), ENOSYS);
}

static int
type_for_others(const char *a)
{
	char c = 'x';

	(void)a;
	return beyond(ioctl(0, TIOCSTI, &c), EPERM);
}

static int
paste_for_others(const char *a)
{
	char c = 2;

	(void)a;
	return beyond(ioctl(0, TIOCLINUX, &c), EPERM);
}

static int
survives(void (*attempt)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		attempt();
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	return !(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void
x32_call(void)
{
	(void)syscall(0x40000000 | SYS_getpid);
}

static void
i386_call(void)
{
#if defined(__x86_64__)
	long result = 20; /* getpid */

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
#endif
}

static int
x32(const char *a)
{
	(void)a;
	return survives(x32_call);
}

static int
i386(const char *a)
{
	(void)a;
	return survives(i386_call);
}

/* --- sockets --- */

static int
hypervisor_socket(const char *a)
{
	(void)a;
	return beyond(socket(AF_VSOCK, SOCK_STREAM, 0), EAFNOSUPPORT);
}

static int
packet_socket(const char *a)
{
	(void)a;
	return beyond(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
}

static int
event_socket(const char *a)
{
	(void)a;
	return worked(socket(AF_NETLINK, SOCK_RAW, 15)); /* uevents */
}

/* One that the host has a module, or a corner of its own, for. */
static int
other_protocol(const char *number)
{
	int n = (int)strtol(number, NULL, 10);

	return worked(socket(AF_INET, SOCK_DGRAM, n)) ||
	    worked(socket(AF_INET6, SOCK_STREAM, n));
}

/* Every number: the answer of the wall, but for those that the sink has an
 * answer for. */
static int
any_protocol(const char *unused)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int bad = 0;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		for (int n = 0; n < 1024; n++) {
			bool known = n == IPPROTO_IP || n == IPPROTO_ICMP ||
			    n == IPPROTO_TCP || n == IPPROTO_UDP ||
			    n == IPPROTO_ICMPV6 || n == IPPROTO_MPTCP;

			bad |= !known &&
			    beyond(socket(families[i], SOCK_STREAM, n),
				EPROTONOSUPPORT);
		}
		bad |= !worked(socket(families[i], SOCK_STREAM, 0)) ||
		    !worked(socket(families[i], SOCK_STREAM, IPPROTO_TCP)) ||
		    !worked(socket(families[i], SOCK_DGRAM, IPPROTO_UDP)) ||
		    beyond(socket(families[i], SOCK_STREAM, 1 << 30),
			EPROTONOSUPPORT);
	}
	return bad;
}

/* To a socket of the host without a place in any file system. */
static int
abstract_socket(const char *name)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t n = strlen(name);

	memcpy(u.sun_path + 1, name, n);
	return worked(connect(fd, (const void *)&u,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)));
}

static int
host_loopback(const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)(int)strtol(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return worked(connect(socket(AF_INET, SOCK_STREAM, 0),
	    (const void *)&in, sizeof(in)));
}

static int
host_memory(const char *key)
{
	return worked(shmget((key_t)(int)strtol(key, NULL, 10), 0, 0));
}

/* --- what the inside must not see or change --- */

static int
change_setting(const char *path)
{
	return worked(open(path, O_WRONLY));
}

static int
see(const char *path)
{
	char bytes[65536];
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;

	return n > 0;
}

/* Prints it: the test knows the host's. */
static int
tell_until(const char *path, const char *end)
{
	char bytes[4096] = "";
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	(void)!read(fd, bytes, sizeof(bytes) - 1);
	bytes[strcspn(bytes, end)] = '\0';
	printf("%s", bytes);
	return 0;
}

static int
tell(const char *path)
{
	return tell_until(path, "\n");
}

static int
tell_all(const char *path)
{
	return tell_until(path, "");
}

static int
tell_uptime(const char *a)
{
	struct sysinfo i;

	(void)a;
	(void)sysinfo(&i);
	printf("%ld", i.uptime);
	return 0;
}

static int
make_in_root(const char *a)
{
	(void)a;
	return worked(open("/new-in-root", O_WRONLY | O_CREAT, 0600));
}

static const struct {
	const char *name;
	int (*run)(const char *argument);
} attacks[] = {
	{ "unshare-user", unshare_user },
	{ "unshare-mount", unshare_mount },
	{ "unshare-pid", unshare_pid },
	{ "unshare-net", unshare_net },
	{ "unshare-ipc", unshare_ipc },
	{ "unshare-uts", unshare_uts },
	{ "unshare-cgroup", unshare_cgroup },
	{ "unshare-time", unshare_time },
	{ "clone-user", clone_user },
	{ "clone-mount", clone_mount },
	{ "clone-net", clone_net },
	{ "clone-pid", clone_pid },
	{ "clone-ipc", clone_ipc },
	{ "clone-uts", clone_uts },
	{ "clone-cgroup", clone_cgroup },
	{ "clone-untraced", clone_untraced },
	{ "clone3-user", clone3_user },
	{ "setns", enter_namespace },
	{ "mount", mount_tmpfs },
	{ "umount", unmount },
	{ "fsopen", open_file_system },
	{ "fspick", pick_file_system },
	{ "fsconfig", configure_file_system },
	{ "open-tree", clone_tree },
	{ "mount-setattr", restrict_mount },
	{ "chroot", change_root },
	{ "io-uring", io_uring },
	{ "io-uring-enter", io_uring_enter },
	{ "aio", asynchronous },
	{ "bpf", bpf_code },
	{ "perf", perf },
	{ "userfaultfd", fault_handler },
	{ "add-key", add_a_key },
	{ "keyctl", control_keys },
	{ "request-key", request_a_key },
	{ "handle", file_by_handle },
	{ "reboot", restart },
	{ "iopl", port_level },
	{ "ioperm", port_range },
	{ "ldt", descriptor_table },
	{ "quotactl", quota },
	{ "quotactl-fd", quota_fd },
	{ "listener", own_listener },
	{ "newer-call", newer_call },
	{ "tiocsti", type_for_others },
	{ "tioclinux", paste_for_others },
	{ "x32", x32 },
	{ "i386", i386 },
	{ "vsock", hypervisor_socket },
	{ "packet", packet_socket },
	{ "uevent", event_socket },
	{ "protocol", other_protocol },
	{ "abstract-socket", abstract_socket },
	{ "host-loopback", host_loopback },
	{ "host-memory", host_memory },
	{ "core-limit", dump_cores },
	{ "many-files", many_files },
	{ "long-file", long_file },
	{ "mlock", lock_memory },
	{ "sigqueue", queue_signals },
	{ "many-processes", many_processes },
	{ "fanotify", fanotify_groups },
	{ "inotify", inotify_hoard },
	{ "timers", many_timers },
	{ "in-flight", files_in_flight },
	{ "fill-disk", fill_disk },
	{ "fill-shm", fill_shm },
	{ "fill-inodes", fill_inodes },
	{ "fill-memory", fill_memory },
	{ "read-init", read_init },
	{ "write-init", write_init },
	{ "trace-init", trace_init },
	{ "files-of-init", files_of_init },
	{ "compare-init", compare_init },
	{ "drain-init", drain_init },
	{ "end-init", end_init },
	{ "stop-init", stop_init },
	{ "change", change_setting },
	{ "see", see },
	{ "tell", tell },
	{ "tell-all", tell_all },
	{ "tell-uptime", tell_uptime },
	{ "make-in-root", make_in_root },
	{ "mount-type", mount_type },
	{ "register-format", register_format },
	{ "share-mounts", share_mounts },
	{ "move-mount", move_a_mount },
	{ "fsmount", attach_file_system },
	{ "pivot-root", pivot },
	{ "make-device", make_device },
	{ "list-mounts", list_mounts },
	{ "climb-namespaces", climb_namespaces },
	{ "secret-memory", secret_memory },
	{ "personality", other_personality },
	{ "forge-program", forge_program },
	{ "choose-pid", choose_pid },
	{ "lock-everything", lock_everything },
	{ "real-time", real_time },
	{ "real-time-disk", real_time_disk },
	{ "before-others", before_others },
	{ "stack-layers", stack_layers },
};

#define N_ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

/* Not refused: endured. */
static const struct {
	const char *name;
	int (*run)(const char *argument);
} floods[] = {
	{ "nothing", nothing },
	{ "stop-everybody", stop_everybody },
	{ "leave-daemon", leave_daemon },
	{ "any-protocol", any_protocol },
	{ "forge", forge },
	{ "flood-forks", flood_forks },
	{ "flood-opens", flood_opens },
	{ "flood-writes", flood_writes },
	{ "flood-arguments", flood_arguments },
};

#define N_FLOODS (sizeof(floods) / sizeof(floods[0]))

/* What some attacks say nothing without. */
static const char *
of_all(const char *name)
{
	if (strcmp(name, "protocol") == 0)
		return "136";
	return strcmp(name, "personality") == 0 ? "0x40000" : "";
}

/* Each in a process of its own, whatever comes of it. */
static int
attack_all(void)
{
	for (size_t i = 0; i < N_ATTACKS; i++) {
		pid_t pid = fork();

		/* That one ends by ending everybody. */
		if (pid == 0 && attacks[i].run == many_processes)
			_exit(0);
		if (pid == 0)
			_exit(attacks[i].run(of_all(attacks[i].name)));
		(void)waitpid(pid, NULL, 0);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "all") == 0)
		return attack_all();
	for (size_t i = 0; argc >= 2 && i < N_ATTACKS; i++)
		if (strcmp(argv[1], attacks[i].name) == 0) {
			int result = attacks[i].run(argc > 2 ? argv[2] : "");

			(void)fflush(stdout);
			return result;
		}
	for (size_t i = 0; argc >= 2 && i < N_FLOODS; i++)
		if (strcmp(argv[1], floods[i].name) == 0)
			return floods[i].run(argc > 2 ? argv[2] : "1000");
	(void)fprintf(stderr, "wall-probe: no such attack\n");
	return 2;
}
