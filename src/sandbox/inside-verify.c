/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at the finished sandbox from inside, as a command would: a child of
 * init that gave up everything tries what must not work. Runs once, before
 * the first foreign byte; the first surprise ends the sandbox.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"
#include "sandbox/init.h"

#define TEXT_BYTES 16384

/* What was read last. Not on the stack, where it would be cleared each time. */
static char text[TEXT_BYTES];

static bool
read_text(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r = 1;

	if (fd < 0)
		return false;
	while (r > 0 && n < TEXT_BYTES - 1) {
		r = read(fd, text + n, TEXT_BYTES - 1 - n);
		n += r > 0 ? (size_t)r : 0;
	}
	text[n] = '\0';
	return r >= 0;
}

static long
number(const char *name)
{
	return strtol(name, NULL, 10);
}

/* The value of a line "Name:\tvalue" of /proc/self/status, as a number. */
static unsigned long long
status_of(const char *name, int base)
{
	const char *at = strstr(text, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, base) : ~0ull;
}

static bool
no_capabilities(const struct init_order *o)
{
	static const char *const sets[] = { "\nCapInh:", "\nCapPrm:",
		"\nCapEff:", "\nCapBnd:", "\nCapAmb:" };

	(void)o;
	if (!read_text("/proc/self/status"))
		return false;
	for (size_t i = 0; i < N_ELEMENTS(sets); i++)
		if (status_of(sets[i], 16) != 0)
			return false;
	return true;
}

static bool
no_new_privs(const struct init_order *o)
{
	(void)o;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool
filtered(const struct init_order *o)
{
	int s;

	(void)o;
	if (!read_text("/proc/self/status") ||
	    status_of("\nSeccomp:", 10) != 2 ||
	    status_of("\nSeccomp_filters:", 10) < 2)
		return false;
	if (syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != EPERM ||
	    unshare(CLONE_NEWUSER) != -1 || errno != EPERM)
		return false;
	s = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (s >= 0)
		(void)close(s);
	return s < 0;
}

static bool
own_ids(const struct init_order *o)
{
	unsigned long long inside, base, count, want_base;
	struct str want = o->a;
	char z[64];

	if (want.n >= sizeof(z) || getuid() != (uid_t)o->n ||
	    getegid() != (gid_t)o->m)
		return false;
	memcpy(z, want.p, want.n);
	z[want.n] = '\0';
	want_base = strtoull(z, NULL, 10);
	return read_text("/proc/self/uid_map") &&
	    sscanf(text, "%llu %llu %llu", &inside, &base, &count) == 3 &&
	    inside == 0 && base == want_base && base != 0 && count == 65536;
}

/* The fifth word of a line of mountinfo; NULL: it has none. */
static const char *
mount_point(char *line)
{
	char *end;

	for (int i = 0; i < 4; i++) {
		line = strchr(line, ' ');
		if (line == NULL)
			return NULL;
		line++;
	}
	end = strchr(line, ' ');
	if (end != NULL)
		*end = '\0';
	return line;
}

/* Each line of mountinfo must be one of the mounts of the plan. */
static bool
known_mounts(const struct init_order *o)
{
	char *line, *save = NULL;

	if (!read_text("/proc/self/mountinfo"))
		return false;
	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *at = mount_point(line);
		bool known = false;

		if (at == NULL)
			return false;
		for (size_t i = 0; i < o->b.n && !known;
		     i += strlen(o->b.p + i) + 1)
			known = strcmp(o->b.p + i, at) == 0;
		if (!known)
			return false;
	}
	return true;
}

static bool
kernel_readonly(const struct init_order *o)
{
	static const char *const files[] = { "/proc/sys/kernel/core_pattern",
		"/proc/sysrq-trigger", "/proc/sys/kernel/modprobe",
		"/proc/sys/vm/drop_caches" };
	struct statvfs st;
	int fd;

	(void)o;
	if (statvfs("/proc/sys", &st) != 0 || (st.f_flag & ST_RDONLY) == 0)
		return false;
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		fd = open(files[i], O_WRONLY | O_CLOEXEC);
		if (fd >= 0)
			return false;
	}
	return true;
}

/* Standard descriptors, of our own /dev, and the one that lists them. */
static bool
no_descriptors(const struct init_order *o)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	struct stat own, have;
	bool ok = d != NULL && stat("/dev/null", &own) == 0;

	(void)o;
	for (int i = 0; i < 3 && ok; i++)
		ok = fstat(i, &have) == 0 && have.st_dev == own.st_dev;
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && number(e->d_name) > 2 &&
		    number(e->d_name) != dirfd(d))
			ok = false;
	if (d != NULL)
		(void)closedir(d);
	return ok;
}

static bool
alone(const struct init_order *o)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	bool ok = d != NULL;

	(void)o;
	/* hidepid: not even init is seen. */
	while (d != NULL && (e = readdir(d)) != NULL)
		if (number(e->d_name) > 0 && number(e->d_name) != getpid())
			ok = false;
	if (d != NULL)
		(void)closedir(d);
	return ok;
}

static bool
no_mounting(const struct init_order *o)
{
	(void)o;
	return mount("none", "/", "tmpfs", 0, NULL) == -1 && errno == EPERM &&
	    fsopen("tmpfs", 0) == -1 && errno == EPERM;
}

static const struct check {
	const char *name;
	bool (*ok)(const struct init_order *o);
} checks[] = {
	{ "a command has capabilities", no_capabilities },
	{ "no_new_privs is not set", no_new_privs },
	{ "system calls are not filtered", filtered },
	{ "user ids are not those of the sandbox", own_ids },
	{ "there is a mount that was not planned", known_mounts },
	{ "settings of the kernel can be written", kernel_readonly },
	{ "a descriptor of the host is open", no_descriptors },
	{ "processes of others are visible", alone },
	{ "mounting works", no_mounting },
};

static int
probe(const struct inside *in, const struct init_order *o)
{
	for (size_t i = 0; i < N_ELEMENTS(in->programs); i++)
		if (in->programs[i].p != NULL &&
		    inside_filter(in->programs[i], 0) < 0)
			return 255;
	if (inside_become(in, (uint32_t)o->n, (uint32_t)o->m) != 0 ||
	    close_range(3, ~0u, 0) != 0)
		return 255;
	/* So that it may look at itself in /proc. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	for (size_t i = 0; i < N_ELEMENTS(checks); i++)
		if (!checks[i].ok(o))
			return (int)i + 1;
	return 0;
}

int
inside_verify(const struct inside *in, const struct init_order *o,
    struct error *err)
{
	/* It has our memory, which nobody else can reach yet: no foreign
	 * process has run. What it lets itself see ends with it. */
	pid_t pid = vfork();
	int status;

	if (pid < 0)
		return error_errno(err, "vfork");
	if (pid == 0)
		_exit(probe(in, o));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return error_set(err, -EIO, "the look from inside died");
	if (WEXITSTATUS(status) == 0)
		return 0;
	if ((size_t)WEXITSTATUS(status) > N_ELEMENTS(checks))
		return error_set(err, -EIO, "cannot become the user");
	return error_set(err, -EPERM, "the sandbox is not tight: %s",
	    checks[WEXITSTATUS(status) - 1].name);
}
