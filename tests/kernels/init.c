/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1 of the machines of tools/check-kernels, until the disk is there:
 * loads the modules that /modules lists, but for those that the command line
 * takes away (lazaret.without=a,b), and goes on with /kernels/check of the
 * disk. Static; the kernel powers off when it fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DISK "/dev/vda"
#define ROOT "/root"

static void __attribute__((noreturn)) fail(const char *what)
{
	(void)printf("init: %s: %s\n", what, strerror(errno));
	(void)fflush(stdout);
	(void)reboot(RB_POWER_OFF);
	_exit(1);
}

static void
mount_at(const char *type, const char *where)
{
	(void)mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) != 0 && errno != EBUSY)
		fail(where);
}

/* The names after lazaret.without= of the command line, between commas. */
static const char *
without(void)
{
	static char names[512] = ",";
	char line[2048] = "", *at;
	FILE *f = fopen("/proc/cmdline", "re");

	if (f == NULL || fgets(line, sizeof(line), f) == NULL)
		fail("/proc/cmdline");
	(void)fclose(f);
	at = strstr(line, "lazaret.without=");
	if (at == NULL)
		return names;
	at += strlen("lazaret.without=");
	at[strcspn(at, " \n")] = '\0';
	(void)snprintf(names, sizeof(names), ",%s,", at);
	return names;
}

/* LIST has the file names of modules, needed ones first. */
static void
load_modules(const char *left_out)
{
	char line[300], name[300];
	FILE *f = fopen("/modules", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		int fd;

		line[strcspn(line, "\n")] = '\0';
		(void)snprintf(name, sizeof(name), ",%.*s,",
		    (int)strcspn(line, "."), line);
		if (strstr(left_out, name) != NULL)
			continue;
		fd = open(line, O_RDONLY | O_CLOEXEC);
		/* What needs one that was left out cannot be loaded. */
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
			(void)printf("init: %s: %s\n", line, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
	}
	if (f != NULL)
		(void)fclose(f);
}

int
main(void)
{
	static const char *const moved[] = { "/proc", "/sys", "/dev" };
	char where[64];

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	load_modules(without());
	(void)mkdir(ROOT, 0755);
	for (int ms = 0; access(DISK, F_OK) != 0 && ms < 20000; ms += 50)
		(void)usleep(50000);
	if (mount(DISK, ROOT, "ext4", MS_NOATIME, NULL) != 0)
		fail(DISK);
	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		(void)snprintf(where, sizeof(where), ROOT "%s", moved[i]);
		if (mount(moved[i], where, NULL, MS_MOVE, NULL) != 0)
			fail(where);
	}
	if (chdir(ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 ||
	    chroot(".") != 0 || chdir("/") != 0)
		fail("new root");
	(void)execl("/kernels/check", "/kernels/check", (char *)NULL);
	fail("/kernels/check");
}
