/* SPDX-License-Identifier: Apache-2.0 */
/* What takes a file's place or removes it when somebody may write into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "report/repo_priv.h"

#define OURS  ".tmp-1-1"
#define THERE "file"

struct place {
	char name[32];
	int dir;
};

static struct repo_was
put(const struct place *p, const char *name, const char *text)
{
	_cleanup_(closep) int fd = openat(p->dir, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fstat(fd, &st), 0);
	return repo_was_of(&st);
}

static void
begin(struct place *p)
{
	memcpy(p->name, "/tmp/place-test-XXXXXX", 23);
	assert_non_null(mkdtemp(p->name));
	p->dir = open(p->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* There is this file with this text, and no other; text NULL: none. */
static void
end(struct place *p, const char *text)
{
	_cleanup_(closep) int fd =
	    openat(p->dir, THERE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char found[32] = "";

	if (text != NULL) {
		assert_true(fd >= 0);
		assert_true(read(fd, found, sizeof(found) - 1) >= 0);
		assert_string_equal(found, text);
		(void)unlinkat(p->dir, THERE, 0);
	}
	(void)close(p->dir);
	assert_int_equal(rmdir(p->name), 0);
}

static int
replace(const struct place *p, const struct repo_was *was,
    const struct repo_was *own, struct repo_was *ret)
{
	return repo_replace(&(struct repo_replace){ p->dir, p->dir, OURS, THERE,
				was, own },
	    ret);
}

static void
what_was_read_is_replaced(void **state)
{
	struct repo_was was, now, ours;
	struct place p;

	(void)state;
	begin(&p);
	was = put(&p, THERE, "old");
	ours = put(&p, OURS, "new");
	assert_int_equal(replace(&p, &was, NULL, &now), 0);
	assert_memory_equal(&now, &ours, sizeof(now));
	/* And again: it is not what was read, but what we wrote. */
	(void)put(&p, OURS, "newer");
	assert_int_equal(replace(&p, &was, &ours, &now), 0);
	end(&p, "newer");
}

static void
what_is_another_stays(void **state)
{
	struct repo_was was, now;
	struct place p;

	(void)state;
	begin(&p);
	was = put(&p, THERE, "old");
	(void)put(&p, OURS, "new");
	(void)put(&p, THERE, "by hand"); /* into it: another time and size */
	assert_int_equal(replace(&p, &was, NULL, &now), -ESTALE);
	end(&p, "by hand");

	begin(&p);
	was = put(&p, THERE, "old");
	(void)put(&p, OURS, "new");
	(void)put(&p, "other", "saved");
	(void)renameat(p.dir, "other", p.dir, THERE);
	assert_int_equal(replace(&p, &was, NULL, &now), -ESTALE);
	end(&p, "saved");
}

static void
what_is_gone_stays_so(void **state)
{
	struct repo_was was, now;
	struct place p;

	(void)state;
	begin(&p);
	was = put(&p, THERE, "old");
	(void)put(&p, OURS, "new");
	(void)unlinkat(p.dir, THERE, 0);
	assert_int_equal(replace(&p, &was, NULL, &now), -ESTALE);
	end(&p, NULL);
}

static void
what_goes_is_what_was_read(void **state)
{
	struct repo_replace out = { .temporary = OURS, .name = THERE };
	struct repo_was was;
	struct place p;

	(void)state;
	begin(&p);
	was = put(&p, THERE, "old");
	out.tree = out.folder = p.dir;
	out.was = &was;
	assert_int_equal(repo_take_out(&out), 0);
	assert_int_equal(repo_take_out(&out), -ENOENT);
	(void)put(&p, THERE, "by hand");
	was.mtime_ns--; /* a number may be given again at once */
	assert_int_equal(repo_take_out(&out), -ESTALE);
	end(&p, "by hand");
}

/* From here on this process has no exchange of files: as on a file system that
 * cannot do it. */
static void
without_an_exchange(void **state)
{
	struct sock_filter v[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { N_ELEMENTS(v), v };
	struct repo_was was, now;
	struct place p;

	(void)state;
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
	    0);
	what_was_read_is_replaced(state);
	what_is_another_stays(state);
	what_is_gone_stays_so(state);
	begin(&p);
	was = put(&p, THERE, "old");
	(void)put(&p, OURS, "new");
	assert_int_equal(renameat2(p.dir, OURS, p.dir, THERE, RENAME_EXCHANGE),
	    -1);
	assert_int_equal(replace(&p, &was, NULL, &now), 0);
	end(&p, "new");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_is_replaced),
		cmocka_unit_test(what_is_another_stays),
		cmocka_unit_test(what_is_gone_stays_so),
		cmocka_unit_test(what_goes_is_what_was_read),
		cmocka_unit_test(without_an_exchange), /* the last */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
