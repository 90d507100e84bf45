/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's calls on files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "record/probe.h"

/* Not in the headers of Debian 12. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void
make(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	must(fd >= 0, name);
	(void)close(fd);
}

static void
open_cases(void)
{
	struct open_how how = { .flags = O_RDONLY };
	int dir, fd;

	must(mkdir("d", 0755) == 0, "mkdir");
	dir = open("d", O_RDONLY | O_DIRECTORY);
	must(dir >= 0, "d");
	expect("file_event op=open path=%s result=%d", here("d"), dir);
	fd = openat(dir, "new", O_CREAT | O_RDWR, 0640);
	must(fd >= 0, "openat");
	expect("file_event op=create path=%s result=%d flags=%d mode=%d",
	    here("d/new"), fd, O_CREAT | O_RDWR, 0640);
	(void)close(fd);
	fd = openat(dir, "new", O_CREAT | O_RDWR, 0640);
	expect("file_event op=open path=%s result=%d mode=%d", here("d/new"),
	    fd, 0640);
	(void)close(fd);
	fd = (int)syscall(SYS_open, "d/../d/./new", O_RDONLY, 0);
	must(fd >= 0, "open");
	expect("file_event op=open path=%s flags=0", here("d/new"));
	(void)close(fd);
	fd = (int)syscall(SYS_creat, "made", 0600);
	expect("file_event op=create path=%s result=%d", here("made"), fd);
	(void)close(fd);
	fd = (int)syscall(SYS_openat2, dir, "new", &how, sizeof(how));
	expect("file_event op=open path=%s result=%d", here("d/new"), fd);
	(void)close(fd);
	/* Through a link: the object is told, not the name. */
	must(symlink("d/new", "alias") == 0, "symlink");
	fd = open("alias", O_RDONLY);
	must(fd >= 0, "alias");
	expect("file_event op=open path=%s", here("d/new"));
	reject("file_event op=open path=%s", here("alias"));
	must(openat(dir, "absent/../x", O_RDONLY) < 0, "absent");
	expect("file_event op=open path=%s result=%d", here("d/x"), -ENOENT);
	must(open("/absent/file", O_RDONLY) < 0, "absent");
	expect("file_event op=open path=/absent/file result=%d", -ENOENT);
	must(openat(999, "nowhere", O_RDONLY) < 0, "bad fd");
	expect("file_event op=open path=./nowhere result=%d", -EBADF);
}

static void
rename_cases(void)
{
	int a, b;

	must(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0, "mkdir");
	expect("file_event op=mkdir path=%s mode=%d result=0", here("a"), 0755);
	a = open("a", O_PATH | O_DIRECTORY);
	b = open("b", O_PATH | O_DIRECTORY);
	make("a/1");
	must(rename("a/1", "b/2") == 0, "rename");
	expect("file_event op=rename path=%s path2=%s result=0", here("a/1"),
	    here("b/2"));
	must(renameat(b, "2", a, "3") == 0, "renameat");
	expect("file_event op=rename path=%s path2=%s result=0", here("b/2"),
	    here("a/3"));
	make("a/4");
	must(renameat2(a, "3", a, "4", RENAME_EXCHANGE) == 0, "renameat2");
	expect("file_event op=rename path=%s path2=%s flags=%d", here("a/3"),
	    here("a/4"), RENAME_EXCHANGE);
	must(rename("none", "b/none") != 0, "rename none");
	expect("file_event op=rename path=%s path2=%s result=%d", here("none"),
	    here("b/none"), -ENOENT);
	must(link("a/3", "a/5") == 0, "link");
	expect("file_event op=link path=%s path2=%s", here("a/3"), here("a/5"));
	must(linkat(a, "3", b, "6", 0) == 0, "linkat");
	expect("file_event op=link path=%s path2=%s", here("a/3"), here("b/6"));
	must(symlink("../no where", "a/s") == 0, "symlink");
	expect("file_event op=symlink path=%s path2=../no%%20where",
	    here("a/s"));
	must(symlinkat("/etc/passwd", b, "t") == 0, "symlinkat");
	expect("file_event op=symlink path=%s path2=/etc/passwd", here("b/t"));
}

static void
remove_cases(void)
{
	int dir;

	must(mkdir("a", 0755) == 0, "mkdir");
	dir = open("a", O_PATH | O_DIRECTORY);
	make("a/1");
	make("a/2");
	must(unlink("a/1") == 0, "unlink");
	expect("file_event op=unlink path=%s result=0", here("a/1"));
	must(unlinkat(dir, "2", 0) == 0, "unlinkat");
	expect("file_event op=unlink path=%s flags=0", here("a/2"));
	must(mkdirat(dir, "deep", 0700) == 0, "mkdirat");
	expect("file_event op=mkdir path=%s mode=%d", here("a/deep"), 0700);
	must(unlinkat(dir, "deep", AT_REMOVEDIR) == 0, "unlinkat");
	expect("file_event op=unlink path=%s flags=%d", here("a/deep"),
	    AT_REMOVEDIR);
	must(rmdir("a") == 0, "rmdir");
	expect("file_event op=rmdir path=%s result=0", here("a"));
	must(rmdir("a") != 0, "rmdir");
	expect("file_event op=rmdir path=%s result=%d", here("a"), -ENOENT);
}

static void
attribute_cases(void)
{
	int fd, dir = open(".", O_PATH | O_DIRECTORY);

	make("f");
	fd = open("f", O_RDWR);
	must(chmod("f", 0751) == 0, "chmod");
	expect("file_event op=chmod path=%s mode=%d", here("f"), 0751);
	must(fchmodat(dir, "f", 04755, 0) == 0, "fchmodat");
	expect("file_event op=chmod path=%s mode=%d", here("f"), 04755);
	if (syscall(SYS_fchmodat2, dir, "f", 0750, AT_SYMLINK_NOFOLLOW) == 0)
		expect("file_event op=chmod path=%s mode=%d flags=%d result=0",
		    here("f"), 0750, AT_SYMLINK_NOFOLLOW);
	else
		must(errno == ENOSYS, "fchmodat2"); /* before 6.6 */
	must(fchmod(fd, 0711) == 0, "fchmod");
	expect("file_event op=chmod path=%s mode=%d", here("f"), 0711);
	must(chown("f", 1, 2) == 0, "chown");
	must(lchown("f", 0, 0) == 0, "lchown");
	must(fchown(fd, 3, 3) == 0, "fchown");
	must(fchownat(dir, "f", 0, 0, AT_SYMLINK_NOFOLLOW) == 0, "fchownat");
	expect("file_event op=chown path=%s result=0", here("f"));
	expect("file_event op=chown path=%s flags=%d", here("f"),
	    AT_SYMLINK_NOFOLLOW);
	must(truncate("f", 12345) == 0, "truncate");
	expect("file_event op=truncate path=%s bytes=12345", here("f"));
	must(ftruncate(fd, 777) == 0, "ftruncate");
	expect("file_event op=truncate path=%s bytes=777", here("f"));
	must(mknod("pipe", S_IFIFO | 0600, 0) == 0, "mknod");
	expect("file_event op=mknod path=%s mode=%d", here("pipe"),
	    S_IFIFO | 0600);
	must(mknodat(dir, "pipe2", S_IFIFO | 0600, 0) == 0, "mknodat");
	expect("file_event op=mknod path=%s", here("pipe2"));
}

static void
bytes_cases(void)
{
	static char data[100000];
	struct iovec pieces[2] = { { data, 1000 }, { data, 234 } };
	int fd = open("f", O_RDWR | O_CREAT, 0600), copy;

	for (int i = 0; i < 3; i++)
		must(write(fd, data, 1000) == 1000, "write");
	must(writev(fd, pieces, 2) == 1234, "writev");
	must(pwrite(fd, data, 500, 0) == 500, "pwrite");
	expect("file_event op=write path=%s bytes=%d", here("f"), 4734);
	reject("file_event op=write path=%s bytes=1000", here("f"));
	must(pread(fd, data, 4000, 0) == 4000, "pread");
	must(lseek(fd, 4000, SEEK_SET) == 4000, "lseek");
	must(read(fd, data, sizeof(data)) == 234, "read");
	copy = open("copy", O_RDWR | O_CREAT, 0600);
	(void)lseek(fd, 0, SEEK_SET);
	must(sendfile(copy, fd, NULL, 4000) == 4000, "sendfile");
	(void)lseek(fd, 0, SEEK_SET);
	must(copy_file_range(fd, NULL, copy, NULL, 100, 0) == 100, "copy");
	expect("file_event op=read path=%s bytes=%d", here("f"), 8334);
	expect("file_event op=write path=%s bytes=%d", here("copy"), 4100);
	/* A name that is gone still has its bytes. */
	must(unlink("copy") == 0, "unlink");
}

/* A path on a page that nobody has touched yet: a tracer that looks only at
 * the begin of the call reads nothing. */
static void
absent_page_cases(void)
{
	static const char *const names[] = { "fresh1", "fresh2", "fresh3" };
	int fd = open("strings", O_RDWR | O_CREAT, 0600);
	char *map;

	for (int i = 0; i < 3; i++)
		must(pwrite(fd, names[i], 7, i * 4096) == 7, "pwrite");
	map = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	must(map != MAP_FAILED && madvise(map, 12288, MADV_RANDOM) == 0,
	    "mmap");
	must(mkdir(map, 0755) == 0, "mkdir");
	expect("file_event op=mkdir path=%s result=0", here("fresh1"));
	must(open(map + 4096, O_RDONLY) < 0, "open");
	expect("file_event op=open path=%s result=%d", here("fresh2"), -ENOENT);
	must(rename(map, map + 8192) == 0, "rename");
	expect("file_event op=rename path=%s path2=%s", here("fresh1"),
	    here("fresh3"));
}

static void
name_cases(void)
{
	char name[256], deep[8 * 201 + 1] = "";

	must(mkdir("new\nline \xff%", 0755) == 0, "newline");
	expect("file_event op=mkdir path=%s", here("new%0Aline%20%FF%25"));
	memset(name, 'x', 255);
	name[255] = '\0';
	make(name);
	expect("file_event op=create path=%s", here(name));
	must(unlink(name) == 0, "unlink");
	expect("file_event op=unlink path=%s", here(name));
	name[200] = '\0';
	for (int i = 0; i < 8; i++) {
		(void)snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep),
		    "%s%s", i ? "/" : "", name);
		must(mkdir(deep, 0755) == 0, "deep");
	}
	expect("file_event op=mkdir path=%s", here(deep));
	must(open(deep, O_RDONLY) >= 0, "open deep");
	expect("file_event op=open path=%s", here(deep));
}

static void
map_cases(void)
{
	int fd, code = open("code", O_RDWR | O_CREAT, 0755);

	must(ftruncate(code, 8192) == 0, "ftruncate");
	must(mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, code, 0) !=
		MAP_FAILED,
	    "mmap");
	expect("file_event op=mmap-exec path=%s bytes=8192", here("code"));
	fd = open("data", O_RDWR | O_CREAT, 0600);
	must(ftruncate(fd, 4096) == 0, "ftruncate");
	must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED,
	    "mmap");
	reject("file_event op=mmap-exec path=%s", here("data"));
	fd = memfd_create("nameless", MFD_CLOEXEC);
	must(fd >= 0, "memfd_create");
	expect("file_event op=memfd path=memfd:nameless result=%d flags=%d", fd,
	    (int)MFD_CLOEXEC);
}

static volatile bool flipping = true;

static void *
flip(void *name)
{
	volatile char *first = name;

	while (flipping)
		*first = *first == 'a' ? 'b' : 'a';
	return NULL;
}

/* Another thread changes the path all the time: what was opened is told, not
 * what the memory said before or after. */
static void
flip_cases(void)
{
	char name[] = "a-file", link[64], real[4096];
	pthread_t t;

	make("a-file");
	make("b-file");
	must(pthread_create(&t, NULL, flip, name) == 0, "thread");
	for (int i = 0; i < 200; i++) {
		int fd = open(name, O_RDONLY | O_CLOEXEC);
		ssize_t n;

		must(fd >= 0, "open");
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, real, sizeof(real) - 1);
		must(n > 0, "readlink");
		real[n] = '\0';
		expect("file_event op=open path=%s result=%d", real, fd);
		reject("file_event op=open path=%s result=%d",
		    here(strstr(real, "a-file") ? "b-file" : "a-file"), fd);
	}
	flipping = false;
	must(pthread_join(t, NULL) == 0, "join");
}

#define FLIPPED  2000
#define VANISHED 2000

int
probe_flip(void)
{
	char name[32] = "a";
	pthread_t t;

	must(pthread_create(&t, NULL, flip, name) == 0, "thread");
	for (int i = 0; i < FLIPPED; i++) {
		int fd;

		(void)snprintf(name + 1, sizeof(name) - 1, "-%04d.flip", i);
		fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		must(fd >= 0, "open");
		(void)close(fd);
	}
	flipping = false;
	must(pthread_join(t, NULL) == 0, "join");
	return 0;
}

/* Folders that are gone before anybody can look at them. */
int
probe_vanish(void)
{
	char folder[32], file[64];

	for (int i = 0; i < VANISHED; i++) {
		(void)snprintf(folder, sizeof(folder), "v-%04d", i);
		(void)snprintf(file, sizeof(file), "%s/in-%04d.gone", folder,
		    i);
		must(mkdir(folder, 0700) == 0, folder);
		make(file);
		must(unlink(file) == 0 && rmdir(folder) == 0, folder);
	}
	return 0;
}

const struct probe_case probe_file_cases[] = {
	{ "open", open_cases },
	{ "rename", rename_cases },
	{ "remove", remove_cases },
	{ "attributes", attribute_cases },
	{ "bytes", bytes_cases },
	{ "absent-page", absent_page_cases },
	{ "names", name_cases },
	{ "map", map_cases },
	{ "flip", flip_cases },
	{ NULL, NULL },
};
