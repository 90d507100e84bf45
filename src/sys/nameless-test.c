/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name, on a file system that has them and on one that, by a
 * filter on O_TMPFILE, says that it has none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "sys/fd.h"
#include "sys/nameless.h"

static char folder[] = "/tmp/nameless-test-XXXXXX";

static size_t
n_files(void)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	(void)closedir(d);
	return n;
}

static void
keep_one(const char *name, size_t n_before)
{
	_cleanup_(closep) int fd = -1, kept = -1;
	struct error err = ERROR_INIT;
	char path[64], text[16] = "";

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(nameless_open(folder, &fd, &err), 0);
	assert_int_equal(write(fd, name, strlen(name)), strlen(name));
	assert_int_equal(n_files(), n_before);
	assert_int_equal(nameless_keep(fd, path, &err), 0);
	assert_int_equal(n_files(), n_before + 1);
	kept = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(kept, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, name);
	/* What is there stays, and nothing else is left. */
	assert_int_equal(nameless_keep(fd, path, &err), -EEXIST);
	assert_int_equal(n_files(), n_before + 1);
}

static void
folder_has_them(void **unused)
{
	(void)unused;
	keep_one("linked", 0);
}

static void
folder_has_none(void **unused)
{
	struct error err = ERROR_INIT;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY,
		    0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	int fd = -1;

	(void)unused;
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
	    0);
	assert_int_equal(open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
	    -1);
	keep_one("copied", 1);
	assert_int_equal(nameless_open("/absent", &fd, &err), -ENOENT);
}

static int
remove_folder(void **unused)
{
	char path[64];

	(void)unused;
	(void)snprintf(path, sizeof(path), "%s/linked", folder);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/copied", folder);
	(void)unlink(path);
	return rmdir(folder);
}

int
main(void)
{
	/* The filter stays: the last one. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folder_has_them),
		cmocka_unit_test(folder_has_none),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
