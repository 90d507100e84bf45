/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role upper on trees made for it: what is told of new, changed and deleted
 * files, rules, hostile names and types, and the hidden lockfile. Needs root
 * (whiteouts are devices); otherwise skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "record/facts.h"
#include "record/record.h"
#include "sys/clock.h"
#include "sys/fd.h"

#define SKIPPED 77

/* Of "hello\n" and of nothing. */
#define HELLO_SHA256 \
	"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

/* Two dependencies. */
#define LOCK \
	"{\"packages\":{\"node_modules/a\":{\"version\":\"1.0.0\"," \
	"\"resolved\":\"http://registry.test/a/-/a-1.0.0.tgz\"," \
	"\"hasInstallScript\":true}," \
	"\"node_modules/a/node_modules/@s/b\":{\"version\":\"2.0.0\"," \
	"\"resolved\":\"git+ssh://git@host.test/b.git#1\",\"dev\":true}}}"

struct test {
	char folder[64];
	int upper_fd, lower_fd;
	struct upper *upper;
	pid_t reader;
};

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		fatal("%s: %s", path, strerror(errno));
}

static void
must(int rc, const char *what)
{
	if (rc != 0)
		fatal("%s: %s", what, strerror(errno));
}

static void
make_trees(struct test *t)
{
	char name[300];

	(void)snprintf(t->folder, sizeof(t->folder), "/tmp/upper-test-%d",
	    (int)getpid());
	must(mkdir(t->folder, 0755), t->folder);
	must(chdir(t->folder), "chdir");
	must(mkdir("lower", 0755) | mkdir("lower/etc", 0755) |
		mkdir("lower/etc/old", 0755) | mkdir("upper", 0755) |
		mkdir("upper/etc", 0755) | mkdir("upper/etc/old", 0755) |
		mkdir("upper/home", 0755) | mkdir("upper/skip", 0755) |
		mkdir("upper/skip/deep", 0755) | mkdir("upper/hash", 0755),
	    "mkdir");
	put("lower/etc/passwd", "root\n");
	put("lower/etc/gone", "x\n");
	put("lower/etc/old/hidden", "x\n");
	put("upper/etc/passwd", "hello\n");
	must(mknod("upper/etc/gone", S_IFCHR, makedev(0, 0)), "mknod");
	must(setxattr("upper/etc/old", "trusted.overlay.opaque", "y", 1, 0),
	    "opaque");
	put("upper/home/new", "hello\n");
	put("upper/home/twin", "hello\n");
	put("upper/home/\xff\xfe\n", "odd\n");
	must(symlink("/etc/shadow", "upper/home/link"), "symlink");
	must(symlink("../../lower", "upper/home/out"), "symlink");
	must(mkfifo("upper/home/fifo", 0600), "mkfifo");
	must(mknod("upper/home/device", S_IFBLK | 0600, makedev(7, 0)),
	    "mknod");
	memset(name, 'n', sizeof(name));
	memcpy(name, "upper/home/", 11);
	name[11 + 255] = '\0';
	put(name, "long\n");
	put("upper/skip/file", "x\n");
	put("upper/skip/deep/wanted", "hello\n");
	put("upper/hash/file", "secret\n");
	put("upper/home/lock.json", LOCK);
	put("of-the-host.json", LOCK);
	must(symlink("../../of-the-host.json", "upper/home/away"), "symlink");
	put("upper/home/broken.json", "{\"packages\":[");
}

static void
start(struct test *t)
{
	static const struct upper_rule rules[] = {
		{ "/skip", UPPER_KEEP_NOTHING },
		{ "/skip/deep/", UPPER_KEEP_CONTENT },
		{ "/hash", UPPER_KEEP_HASH },
	};
	struct upper_start s = { .rules = rules,
		.n_rules = N_ELEMENTS(rules),
		.n_lower = 1 };
	struct error err = ERROR_INIT;
	int fds[2];

	s.upper_fd = open("upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.lower_fds[0] = open("lower", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd_socketpair(fds, &err) != 0)
		fatal("%s", err.msg);
	t->reader = fork();
	if (t->reader == 0) {
		FILE *out = fopen("facts", "we");

		(void)close(fds[0]);
		_exit(out == NULL || facts_print(fds[1], out) < 0 ||
		    fclose(out) != 0);
	}
	(void)close(fds[1]);
	if (upper_spawn(&s, fds[0], &t->upper, &err) != 0)
		fatal("%s", err.msg);
	(void)close(s.upper_fd);
	(void)close(s.lower_fds[0]);
}

static void
walk(struct test *t, int64_t phase)
{
	struct error err = ERROR_INIT;
	struct upper_result result;

	if (upper_walk(t->upper, phase, &result, &err) != 0)
		fatal("%s", err.msg);
	if (result.incomplete)
		fatal("walk %d was incomplete", (int)phase);
}

static const struct {
	bool want;
	const char *fact;
} expectations[] = {
	{ true,
	    "written_file phase=1 path=/etc/passwd change=modified "
	    "type=file size=6 kept=1 sha256=" HELLO_SHA256 },
	{ true, "written_file phase=1 path=/etc/gone change=deleted" },
	{ true, "written_file phase=1 path=/etc/old/hidden change=deleted" },
	{ false, "written_file path=/etc" },
	{ true, "written_file path=/home change=created type=directory" },
	{ true, "written_file path=/home/new change=created type=file kept=1" },
	{ true, "written_file path=/home/twin kept=1" },
	{ true, "blob sha256=" HELLO_SHA256 " bytes=hello%0A" },
	{ true, "written_file path=/home/%FF%FE%0A type=file size=4" },
	{ true,
	    "written_file path=/home/link type=symlink target=/etc/shadow" },
	{ true, "written_file path=/home/out type=symlink target=../../lower" },
	{ false, "written_file path~/home/out/" },
	{ true, "written_file path=/home/fifo type=fifo" },
	{ true, "written_file path=/home/device type=block-device" },
	{ true, "written_file path~/home/nnnnnnnn size=5" },
	{ false, "written_file path=/skip" },
	{ false, "written_file path=/skip/file" },
	{ true, "written_file path=/skip/deep/wanted kept=1" },
	{ true, "written_file path=/hash/file kept=0 sha256~1" },
	{ false, "blob bytes=secret%0A" },
	{ true,
	    "dependency name=a version=1.0.0 kind=prod source=registry "
	    "path=node_modules/a has_script=1" },
	{ true,
	    "dependency name=@s/b kind=dev "
	    "source=git:git+ssh://git@host.test/b.git#1 has_script=0" },
	{ false, "written_file phase=2 path=/etc/passwd" },
	{ false, "written_file phase=2 path=/home" },
	{ true, "written_file phase=2 path=/home/new change=created size=8" },
	{ true, "written_file phase=2 path=/home/twin change=deleted" },
	{ true, "written_file phase=2 path=/home/later change=created" },
};

static int
check(void)
{
	struct error err = ERROR_INIT;
	int fd = open("facts", O_RDONLY | O_CLOEXEC), failures = 0;
	struct buf facts;

	buf_init(&facts, 64 * MIB);
	if (fd_read_all(fd, &facts, &err) != 0)
		fatal("%s", err.msg);
	(void)close(fd);
	for (size_t i = 0; i < N_ELEMENTS(expectations); i++) {
		struct str left = buf_str(&facts), line;
		bool found = false;

		while (!found && left.p != NULL && str_cut(&left, '\n', &line))
			found = facts_match(line, str_of(expectations[i].fact));
		if (found != expectations[i].want)
			failures++;
		(void)printf("%s %zu - %s%s\n",
		    found == expectations[i].want ? "ok" : "not ok", i + 1,
		    expectations[i].want ? "" : "no ", expectations[i].fact);
	}
	if (failures != 0)
		(void)printf("%s", facts.p);
	(void)printf("1..%zu\n", N_ELEMENTS(expectations));
	buf_done(&facts);
	return failures;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* Of a file of ours, by a link that a package has left. */
static void
read_outside(struct test *t, int64_t wanted)
{
	struct error err = ERROR_INIT;
	int64_t n = -1;

	must(upper_lock(t->upper, "/home/away", &n, &err), err.msg);
	if (n != wanted)
		fatal("%d dependencies outside, not %d", (int)n, (int)wanted);
}

static void
stop(struct test *t)
{
	struct error err = ERROR_INIT;
	int status = 0;

	must(upper_stop(t->upper, &err), err.msg);
	upper_free(t->upper);
	if (waitpid(t->reader, &status, 0) != t->reader || status != 0)
		fatal("the reader of facts failed");
}

/* Another program plays the role: one that follows links. */
static int
careless(struct test *t)
{
	read_outside(t, 2);
	stop(t);
	(void)printf("ok 1 - a link leads out\n1..1\n");
	return 0;
}

static int
careful(struct test *t)
{
	struct error err = ERROR_INIT;
	int64_t n = -1;

	walk(t, 1);
	must(upper_lock(t->upper, "/home/lock.json", &n, &err), err.msg);
	must(n != 2, "two dependencies");
	must(upper_lock(t->upper, "/home/broken.json", &n, &err), err.msg);
	must(n != 0, "no dependency in a broken lockfile");
	must(upper_lock(t->upper, "/home/link", &n, &err), err.msg);
	must(n != 0, "no dependency behind a link");
	must(upper_lock(t->upper, "/home/fifo", &n, &err), err.msg);
	must(n != 0, "no dependency in a FIFO");
	read_outside(t, 0);
	put("upper/home/new", "hello 2\n");
	put("upper/home/later", "");
	must(unlink("upper/home/twin"), "unlink");
	walk(t, 2);
	stop(t);
	return check();
}

int
main(int argc, char **argv)
{
	struct test t = { 0 };
	int failures;

	if (geteuid() != 0) {
		(void)printf("1..0 # SKIP needs root to make whiteouts\n");
		return SKIPPED;
	}
	make_trees(&t);
	start(&t);
	failures = argc > 1 && strcmp(argv[1], "--careless") == 0 ?
	    careless(&t) :
	    careful(&t);
	must(chdir("/"), "chdir");
	(void)nftw(t.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return failures != 0;
}
