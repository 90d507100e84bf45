/* SPDX-License-Identifier: Apache-2.0 */
/* wall-probe: on mounts, and on what kernels since 6.7 let a user namespace
 * have of its own. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "wall-probe.h"

#define CALL_LISTMOUNT 458 /* Linux 6.8 */
#define ALL_MOUNTS     (~0ull) /* LSMT_ROOT */
#define MAX_MOUNTS     512
#define LINE_BYTES     4096

int
mount_type(const char *type)
{
	return worked(mount("none", "/tmp", type, 0, NULL));
}

/* From then on whoever executes such a file here runs a program of ours. */
int
register_format(const char *a)
{
	static const char rule[] = ":wall-probe:E::wall-probe::/bin/probe:";
	int fd;

	(void)a;
	if (mount("none", "/tmp", "binfmt_misc", 0, NULL) != 0)
		return 0;
	fd = open("/tmp/register", O_WRONLY);
	return worked(write(fd, rule, sizeof(rule) - 1));
}

int
share_mounts(const char *a)
{
	(void)a;
	return worked(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
}

int
move_a_mount(const char *a)
{
	(void)a;
	return beyond(move_mount(-1, "", -1, "", MOVE_MOUNT_F_EMPTY_PATH),
	    EPERM);
}

int
attach_file_system(const char *a)
{
	(void)a;
	return beyond(fsmount(-1, 0, 0), EPERM);
}

int
pivot(const char *a)
{
	(void)a;
	return beyond(syscall(SYS_pivot_root, "/nowhere", "/nowhere"), EPERM);
}

/* A node for the device with this number in /tmp: "1:11" is /dev/kmsg. */
int
make_device(const char *number)
{
	char path[64], *minor = NULL;
	long major = strtol(number, &minor, 10);
	int made;

	(void)snprintf(path, sizeof(path), "/tmp/wall-device-%d",
	    (int)getpid());
	made = mknod(path, S_IFCHR | 0600,
	    makedev((unsigned)major,
		(unsigned)strtol(*minor != '\0' ? minor + 1 : "0", NULL, 10)));
	(void)unlink(path);
	return worked(made);
}

static int
count_lines(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[LINE_BYTES];
	int n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strchr(line, '\n') != NULL;
	if (f != NULL)
		(void)fclose(f);
	return n;
}

/* More mounts than /proc shows: those of whoever made this sandbox. */
int
list_mounts(const char *a)
{
	struct {
		unsigned size, spare;
		unsigned long long id, param, space;
	} request = { sizeof(request), 0, ALL_MOUNTS, 0, 0 };
	unsigned long long ids[MAX_MOUNTS];
	long n = syscall(CALL_LISTMOUNT, &request, ids, MAX_MOUNTS, 0);

	(void)a;
	return n > count_lines("/proc/self/mountinfo");
}

/* From what may be opened to whose it is, and to others of its kind. */
int
climb_namespaces(const char *unused)
{
	static const struct {
		const char *path;
		unsigned long request;
	} steps[] = {
		{ "/proc/self/ns/user", _IO(0xb7, 2) }, /* NS_GET_PARENT */
		{ "/proc/self/ns/pid", _IO(0xb7, 2) },
		{ "/proc/self/ns/net", _IO(0xb7, 1) }, /* NS_GET_USERNS */
		{ "/proc/self/ns/mnt", _IOR(0xb7, 11, uint64_t[2]) }, /* next */
		{ "/proc/self/ns/mnt", _IOR(0xb7, 12, uint64_t[2]) },
	};
	int up = 0;

	(void)unused;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint64_t info[2] = { sizeof(info), 0 };
		int fd = open(steps[i].path, O_RDONLY);

		up |= fd < 0 || worked(ioctl(fd, steps[i].request, info));
		(void)close(fd);
	}
	return up;
}
