/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's processes: programs, ends, reaching into others, refusals. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/probe.h"

static void
write_script(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	must(fd >= 0 && write(fd, text, strlen(text)) >= 0, name);
	must(fchmod(fd, mode) == 0, "fchmod");
	(void)close(fd);
}

/* Child: exec with these arguments; the parent waits for its end. */
static int
run(const char *path, char *const *argv)
{
	int pid = fork();

	if (pid == 0) {
		(void)execve(path, argv,
		    (char *[]){ (char[]){ "A=1" }, (char[]){ "B=two words" },
			NULL });
		_exit(111);
	}
	wait_for(pid);
	return pid;
}

static void
exec_cases(void)
{
	char *argv[] = { (char[]){ "name" }, (char[]){ "" },
		(char[]){ "two words" }, NULL };
	int pid = run("/bin/true", argv);

	expect("exec_event path=/usr/bin/true "
	       "argv=name%%00%%00two%%20words%%00 "
	       "env=A=1%%00B=two%%20words%%00 cwd=%s result=0 stdout_kind=pipe",
	    here(""));
	expect("process pid=%d exe=/usr/bin/true "
	       "argv=name%%00%%00two%%20words%%00",
	    pid);
	expect("process pid=%d exit_status=0", pid);
	expect("process parent~1 pid=%d role=package "
	       "package=node_modules/probe",
	    pid);
	pid = run("./absent", argv);
	expect("exec_event path=%s result=%d", here("absent"), -ENOENT);
	expect("process pid=%d", pid);
}

static void
script_cases(void)
{
	char *argv[] = { (char[]){ "x" }, NULL };
	char *sh[] = { (char[]){ "sh" }, (char[]){ "-e" },
		(char[]){ "plain.sh" }, (char[]){ "arg" }, NULL };
	char chain[4200];

	write_script("script", "#!/bin/sh\nexit 3\n", 0755);
	(void)run("./script", argv);
	expect("exec_event path=%s interpreter=/usr/bin/dash script=%s "
	       "argv=/bin/sh%%00./script%%00",
	    here("script"), here("script"));
	(void)snprintf(chain, sizeof(chain), "#!%s -x\n", here("script"));
	write_script("chain", chain, 0755);
	(void)run("./chain", argv);
	expect("exec_event path=%s interpreter=/usr/bin/dash", here("chain"));
	write_script("plain.sh", "exit 0\n", 0644);
	(void)run("/bin/sh", sh);
	expect("exec_event path=/usr/bin/dash script=%s", here("plain.sh"));
}

/* argv of 64 KiB in one argument, and of many. */
static void
argv_cases(void)
{
	static char big[65001], *argv[4];

	memset(big, 'a', 65000);
	argv[0] = (char[]){ "true" };
	argv[1] = big;
	argv[2] = (char[]){ "last" };
	(void)run("/bin/true", argv);
	expect("exec_event path=/usr/bin/true argv~aaaaaaaaaa%%00last%%00");
	expect("process argv~true%%00aaaaaaaaaaaa");
}

/* A program that lies in memory. */
static int
memory_file(const char *name)
{
	int from = open("/bin/true", O_RDONLY), to = memfd_create(name, 0);
	struct stat st;

	must(fstat(from, &st) == 0, "fstat");
	must(copy_file_range(from, NULL, to, NULL, (size_t)st.st_size, 0) ==
		    (ssize_t)st.st_size ||
		errno == EXDEV,
	    "copy");
	if (lseek(to, 0, SEEK_END) == 0) {
		char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ,
		    MAP_PRIVATE, from, 0);

		must(write(to, bytes, (size_t)st.st_size) ==
			(ssize_t)st.st_size,
		    "write");
	}
	return to;
}

static void
memory_program(const char *name, int flags)
{
	int fd = memory_file(name), pid = fork();

	if (pid == 0) {
		(void)syscall(SYS_execveat, fd, "",
		    (char *[]){ (char[]){ "ghost" }, NULL }, (char *[]){ NULL },
		    flags);
		_exit(111);
	}
	wait_for(pid);
	expect("process pid=%d exit_status=0", pid);
}

static void
closed_program(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	const struct __user_cap_data_struct none[2] = { { 0, 0, 0 } };
	int fd = memory_file("closed"), pid;

	must(fchmod(fd, 0111) == 0, "fchmod");
	pid = fork();
	if (pid == 0) {
		/* Its owner may not read it, unless he may read everything. */
		must(syscall(SYS_capset, &header, none) == 0, "capset");
		(void)syscall(SYS_execveat, fd, "",
		    (char *[]){ (char[]){ "closed" }, NULL },
		    (char *[]){ NULL }, AT_EMPTY_PATH);
		_exit(111);
	}
	wait_for(pid);
	expect("process pid=%d exit_status=0", pid);
	expect("exec_event path=memfd:closed argv=closed%%00 sha256~");
	expect("written_file path=memfd:closed change=executed type=file");
}

static void
memfd_cases(void)
{
	memory_program("ghost", AT_EMPTY_PATH);
	expect("exec_event path=memfd:ghost argv=ghost%%00 sha256~");
	expect("written_file path=memfd:ghost change=executed type=file");
}

/* Neither lets anybody look at them: a process that says so, and a program that
 * may not be read by who runs it. */
static void
closed_cases(void)
{
	int pid = fork();

	if (pid == 0) {
		must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "dumpable");
		must(mkdir("undumped", 0700) == 0, "mkdir");
		_exit(0);
	}
	wait_for(pid);
	expect("file_event op=mkdir path=%s result=0", here("undumped"));
	closed_program();
}

/* A script without a name: its interpreter is told a descriptor. */
static void
fileless_cases(void)
{
	static const char text[] = "#!/bin/sh\n: 7d2a\nexit 6\n";
	int fd = memfd_create("fileless", 0), pid;

	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write");
	pid = fork();
	if (pid == 0) {
		(void)syscall(SYS_execveat, fd, "",
		    (char *[]){ (char[]){ "x" }, NULL }, (char *[]){ NULL },
		    AT_EMPTY_PATH);
		_exit(111);
	}
	wait_for(pid);
	expect("process pid=%d exit_status=6", pid);
	expect("exec_event script=/dev/fd/%d sha256~", fd);
	expect("written_file path=/dev/fd/%d change=executed type=file "
	       "size=%zu kept=1",
	    fd, strlen(text));
	expect("blob bytes~7d2a%%0Aexit");
}

/* Neither below the upper layer nor of the image. */
static void
memory_cases(void)
{
	static const char text[] = "#!/bin/sh\n: 9b3e\nexit 4\n";
	char *argv[] = { (char[]){ "x" }, NULL }, name[64], program[64];
	char command[160];

	(void)snprintf(name, sizeof(name), "/dev/shm/probe-%d.sh", getpid());
	(void)snprintf(program, sizeof(program), "/dev/shm/probe-%d", getpid());
	write_script(name, text, 0755);
	(void)run(name, argv);
	expect("exec_event path=%s sha256~", name);
	expect("written_file path=%s change=executed size=%zu kept=1", name,
	    strlen(text));
	expect("blob bytes~9b3e%%0Aexit");
	(void)snprintf(command, sizeof(command), "cp /bin/true %s", program);
	(void)run("/bin/sh",
	    (char *[]){ (char[]){ "sh" }, (char[]){ "-c" }, command, NULL });
	(void)run(program, argv);
	expect("exec_event path=%s sha256~", program);
	expect("written_file path=%s change=executed kept=1", program);
	(void)unlink(name);
	(void)unlink(program);
}

/* A program whose name is gone before it is executed. */
static void
deleted_cases(void)
{
	struct stat st;
	int from = open("/bin/true", O_RDONLY), to, fd, pid;
	char *bytes;

	to = open("gone", O_WRONLY | O_CREAT, 0755);
	must(from >= 0 && to >= 0 && fstat(from, &st) == 0, "gone");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, from, 0);
	must(write(to, bytes, (size_t)st.st_size) == (ssize_t)st.st_size,
	    "write");
	(void)close(to);
	fd = open("gone", O_RDONLY);
	must(fd >= 0 && unlink("gone") == 0, "unlink");
	pid = fork();
	if (pid == 0) {
		(void)syscall(SYS_execveat, fd, "",
		    (char *[]){ (char[]){ "gone" }, NULL }, (char *[]){ NULL },
		    AT_EMPTY_PATH);
		_exit(111);
	}
	wait_for(pid);
	expect("process pid=%d exit_status=0", pid);
	expect("exec_event path=%s argv=gone%%00 sha256~", here("gone"));
	expect("written_file path=%s change=executed type=file size=%ld kept=1",
	    here("gone"), (long)st.st_size);
}

static void *
thread(void *unused)
{
	must(mkdir("by-thread", 0700) == 0, "mkdir");
	return unused;
}

static void
fork_cases(void)
{
	int pid = fork(), status, inner[2];
	char self[4096] = "";
	pthread_t t;

	if (pid == 0)
		_exit(7);
	wait_for(pid);
	expect("process pid=%d exit_status=7", pid);
	/* What never execs runs what its parent does. */
	must(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0, "exe");
	expect("process pid=%d exe=%s", pid, self);
	pid = fork();
	if (pid == 0) {
		(void)raise(SIGKILL);
		_exit(0);
	}
	wait_for(pid);
	expect("process pid=%d exit_signal=9", pid);
	/* Twice, into a session of its own: nobody waits for it. */
	must(pipe(inner) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		(void)setsid();
		(void)mkdir("by-daemon", 0700);
		pid = getpid();
		(void)!write(inner[1], &pid, sizeof(pid));
		_exit(5);
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	must(read(inner[0], &pid, sizeof(pid)) == sizeof(pid), "read");
	expect("file_event op=mkdir path=%s result=0", here("by-daemon"));
	expect("process pid=%d parent~1 package=node_modules/probe", pid);
	pid = vfork();
	if (pid == 0)
		_exit(9);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	expect("process pid=%d exit_status=9", pid);
	must(pthread_create(&t, NULL, thread, NULL) == 0 &&
		pthread_join(t, NULL) == 0,
	    "thread");
	expect("file_event op=mkdir path=%s", here("by-thread"));
}

/* Makes a control group below our own; its path. Empty where all groups are of
 * version 1: nothing tells recorded processes by those. */
static void
make_group_below(char *path, size_t size)
{
	const char *root = access("/sys/fs/cgroup/unified", F_OK) == 0 ?
	    "/sys/fs/cgroup/unified" :
	    "/sys/fs/cgroup";
	char own[512] = "", line[512];
	struct statfs fs;
	FILE *f;

	path[0] = '\0';
	if (statfs(root, &fs) != 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return;
	f = fopen("/proc/self/cgroup", "re");
	must(f != NULL, "/proc/self/cgroup");
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "0::%511[^\n]", own) == 1)
			break;
	(void)fclose(f);
	(void)snprintf(path, size, "%s%s/below", root, own);
	must(mkdir(path, 0755) == 0, path);
}

/* A descendant control group is watched as well. */
static void
group_cases(void)
{
	char path[1100];
	int pid, status;

	make_group_below(path, sizeof(path));
	pid = fork();
	if (pid == 0) {
		char procs[1200];
		int fd;

		(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
		if (path[0] != '\0') {
			fd = open(procs, O_WRONLY);
			must(fd >= 0 && write(fd, "0", 1) == 1, procs);
		}
		must(mkdir("from-below", 0700) == 0, "mkdir");
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0, "below");
	must(path[0] == '\0' || rmdir(path) == 0, "rmdir");
	expect("file_event op=mkdir path=%s", here("from-below"));
	expect("process pid=%d exit_status=0", pid);
}

/* From now on this call is answered with EPERM (or kills). */
static void
refuse(unsigned call, unsigned action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
	    "seccomp");
}

static void
refused_cases(void)
{
	int pid;

	/* A call that fails by itself was not refused. */
	must(syscall(SYS_keyctl, 9999, 1, 2, 3, 4) != 0, "keyctl");
	reject("refused call=keyctl arguments=9999,%%201,%%202,%%203,%%204");
	refuse(SYS_keyctl, SECCOMP_RET_ERRNO | EPERM);
	must(syscall(SYS_keyctl, 8888, 1, 2, 3, -4L) != 0, "keyctl");
	expect("refused call=keyctl arguments=8888,%%201,%%202,%%203,%%20-4 "
	       "result=%d",
	    -EPERM);
	refuse(SYS_mkdir, SECCOMP_RET_ERRNO | ENOSYS);
	must(syscall(SYS_mkdir, "refused", 0700) != 0, "mkdir");
	expect("refused call=mkdir result=%d", -ENOSYS);
	reject("file_event op=mkdir path=%s", here("refused"));
	pid = fork();
	if (pid == 0) {
		refuse(SYS_swapoff, SECCOMP_RET_KILL_PROCESS);
		(void)syscall(SYS_swapoff, "x");
		_exit(0);
	}
	wait_for(pid);
	expect("refused call=swapoff");
	expect("process pid=%d exit_signal=%d", pid, SIGSYS);
}

/* Numbers of another architecture name other calls: 39 is getpid for us and
 * mkdir for i386. */
static void
foreign_cases(void)
{
	long rc = 20; /* getpid */

#if defined(__x86_64__)
	__asm__ volatile("int $0x80"
			 : "+a"(rc)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
	if (rc > 0)
		expect("refused call=i386%%20call%%2020 result=%ld", rc);
	/* 87 is unlink here and swapon there. */
	rc = 87;
	__asm__ volatile("int $0x80"
			 : "+a"(rc)
			 : "b"(0), "c"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	expect("refused call=i386%%20call%%2087");
	reject("file_event op=unlink");
#endif
}

/* Its descriptors and its pages, by what stands for it. */
static void
grasp_cases(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct iovec none = { NULL, 0 };
	long fd = syscall(SYS_pidfd_getfd, pidfd, 1, 0);
	long rc;

	expect("process_event op=take-fd argument=1 result=%ld",
	    fd >= 0 ? fd : -(long)errno);
	rc = syscall(SYS_process_madvise, pidfd, &none, 1, MADV_COLD, 0);
	expect("process_event op=advise argument=%d result=%ld", (int)MADV_COLD,
	    rc >= 0 ? rc : -(long)errno);
	rc = syscall(SYS_kcmp, pid, getpid(), KCMP_FILE, 0, 0);
	expect("process_event op=compare target_pid=%d target~1 argument=%d "
	       "result=%ld",
	    pid, (int)KCMP_FILE, rc >= 0 ? rc : -(long)errno);
}

static void
reach_cases(void)
{
	char byte = 0, path[64];
	struct iovec here_piece = { &byte, 1 }, there = { &byte, 1 };
	int pid = fork(), other, fd, status;
	bool traced;

	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	/* Whom the recorder traces, nobody else can. */
	traced = ptrace(PTRACE_ATTACH, pid, 0, 0) == 0;
	expect("process_event op=ptrace target_pid=%d argument=%d result=%d",
	    pid, (int)PTRACE_ATTACH, traced ? 0 : -errno);
	must(!traced || waitpid(pid, &status, 0) == pid, "waitpid");
	must(!traced || ptrace(PTRACE_DETACH, pid, 0, 0) == 0, "detach");
	must(process_vm_readv(pid, &here_piece, 1, &there, 1, 0) == 1, "readv");
	expect("process_event op=vm-read target_pid=%d target~1 argument=1",
	    pid);
	must(process_vm_writev(pid, &here_piece, 1, &there, 1, 0) == 1,
	    "writev");
	expect("process_event op=vm-write target_pid=%d result=1", pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	expect("process_event op=mem-open target_pid=%d target~1 result=%d",
	    pid, fd);
	(void)snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	fd = open(path, O_RDONLY);
	expect("process_event op=environ-open target_pid=%d result=%d", pid,
	    fd);
	fd = open("/proc/self/environ", O_RDONLY);
	expect("process_event op=environ-open target_pid=%d result=%d",
	    getpid(), fd);
	grasp_cases(pid);
	/* To a sibling: told. To an own child: not. */
	other = fork();
	if (other == 0)
		_exit(kill(pid, SIGTERM) != 0);
	wait_for(other);
	expect("process_event op=kill target_pid=%d argument=%d result=0", pid,
	    SIGTERM);
	must(kill(pid, SIGUSR1) == 0, "kill");
	reject("process_event op=kill target_pid=%d argument=%d", pid, SIGUSR1);
	(void)kill(pid, SIGKILL);
	wait_for(pid);
	/* Without root it is refused, and told all the same. */
	must(kill(1, SIGWINCH) == 0 || errno == EPERM, "kill 1");
	expect("process_event op=kill target_pid=1 argument=%d", SIGWINCH);
	must(kill(1, 0) == 0 || errno == EPERM, "kill 0");
	reject("process_event op=kill target_pid=1 argument=0");
}

/* What the run wrote itself, executed and removed again. */
static void
written_cases(void)
{
	char *argv[] = { (char[]){ "x" }, NULL };
	char text[] = "#!/bin/sh\nrm -f \"$0\"\n: 4f1c\nsleep 0.1\n";

	write_script("dropped", text, 0755);
	(void)run("./dropped", argv);
	expect("written_file path=%s change=executed type=file size=%zu kept=1",
	    here("dropped"), strlen(text));
	expect("blob bytes~4f1c%%0Asleep");
	expect("exec_event path=%s sha256~", here("dropped"));
}

const struct probe_case probe_process_cases[] = {
	{ "exec", exec_cases },
	{ "script", script_cases },
	{ "argv", argv_cases },
	{ "memfd", memfd_cases },
	{ "closed", closed_cases },
	{ "fileless", fileless_cases },
	{ "memory", memory_cases },
	{ "deleted", deleted_cases },
	{ "fork", fork_cases },
	{ "group", group_cases },
	{ "refused", refused_cases },
	{ "foreign", foreign_cases },
	{ "reach", reach_cases },
	{ "written", written_cases },
	{ NULL, NULL },
};
