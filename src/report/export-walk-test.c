/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that read folders give up the rest first, and what they leave is
 * looked at before it is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "report/export_walk_priv.h"

#define FILE_IN_TREE "npm/left/MAL-2026-1.json"

struct place {
	char name[32];
	int dir;
};

/* Who gave up the rest, in memory that all have. */
struct heard {
	pid_t pids[8];
	unsigned n;
	int answer;
};

static void
begin(struct place *p)
{
	memcpy(p->name, "/tmp/walks-test-XXXXXX", 23);
	assert_non_null(mkdtemp(p->name));
	p->dir = open(p->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(p->dir, "npm", 0700), 0);
	assert_int_equal(mkdirat(p->dir, "npm/left", 0700), 0);
	(void)close(
	    openat(p->dir, FILE_IN_TREE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void
end(struct place *p)
{
	(void)unlinkat(p->dir, FILE_IN_TREE, 0);
	(void)unlinkat(p->dir, "npm/left", AT_REMOVEDIR);
	(void)unlinkat(p->dir, "npm", AT_REMOVEDIR);
	(void)close(p->dir);
	assert_int_equal(rmdir(p->name), 0);
}

static int
give_up(const void *arg, struct error *err)
{
	struct heard *h = *(struct heard *const *)arg;

	h->pids[__atomic_fetch_add(&h->n, 1, __ATOMIC_SEQ_CST)] = getpid();
	return h->answer != 0 ? error_set(err, h->answer, "cannot") : 0;
}

static int
walk(struct heard *h, struct export_files *ret, struct error *err)
{
	struct exporter x = { .arena = arena_new((size_t)1 << 20),
		.dir = -1,
		.lock = -1,
		.segments = -1 };
	struct export_tree tree = { .name = "malicious" };
	struct place p;
	int rc;

	begin(&p);
	tree.fd = p.dir;
	export_narrow(&x, give_up, &h);
	rc = export_walk(&x, &tree, 1, ret, err);
	end(&p);
	export_cache_forget(&x);
	arena_free(x.arena);
	return rc;
}

static struct heard *
new_heard(void)
{
	struct heard *h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(h != MAP_FAILED);
	return h;
}

static void
two_processes_give_up_the_rest(void **state)
{
	struct heard *h = new_heard();
	struct export_files files = { .n = 0 };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(walk(h, &files, &err), 0);
	assert_int_equal(files.n, 1);
	assert_string_equal(files.v[0].path, "malicious/" FILE_IN_TREE);
	assert_int_equal(h->n, 2);
	assert_int_not_equal(h->pids[0], getpid());
	assert_int_not_equal(h->pids[1], getpid());
	export_files_done(&files);
	(void)munmap(h, sizeof(*h));
}

static void
who_cannot_give_it_up_reads_nothing(void **state)
{
	struct heard *h = new_heard();
	struct export_files files = { .n = 0 };
	struct error err = ERROR_INIT;

	(void)state;
	h->answer = -EPERM;
	assert_true(walk(h, &files, &err) < 0);
	export_files_done(&files);
	(void)munmap(h, sizeof(*h));
}

/* --- lists ------------------------------------------------------------------
 */

struct bytes {
	struct listed head;
	char path[16];
	struct listed_name names[2];
	char text[16];
};

static const struct bytes good = {
	.head = { .n_names = 2, .n_path = 15, .n_text = 16 },
	.path = "malicious/npm/",
	.names = { { .at = 0, .n = 4, .folder = 1, .share = 2 },
	    { .at = 5, .n = 10, .folder = 1, .share = 0 } },
	.text = "left\0@scope/etc",
};

static bool
valid(const struct bytes *b, size_t n)
{
	return export_lister_valid(str_n((const char *)b, n));
}

static void
lists_that_do_not_fit(void **state)
{
	struct bytes b = good;

	(void)state;
	b.text[11] = '-';
	assert_true(valid(&b, sizeof(b)));
	for (size_t n = 1; n < sizeof(b); n++)
		assert_false(valid(&b, n));
	assert_false(valid(&good, sizeof(good))); /* a slash */
	b.names[0].n = 5; /* and what follows it */
	assert_false(valid(&b, sizeof(b)));
	b.names[0].n = 4;
	b.names[1].at = 6; /* behind the end */
	assert_false(valid(&b, sizeof(b)));
	b.names[1].at = UINT32_MAX;
	assert_false(valid(&b, sizeof(b)));
	b.names[1].at = 5;
	b.names[1].share = WALK_SHARES + 1;
	assert_false(valid(&b, sizeof(b)));
	b.names[1].share = 1;
	assert_true(valid(&b, sizeof(b)));
	b.head.n_names = UINT32_MAX;
	assert_false(valid(&b, sizeof(b)));
	b.head.n_names = 2;
	b.head.n_path = UINT32_MAX;
	assert_false(valid(&b, sizeof(b)));
	b.head.n_path = 14;
	assert_false(valid(&b, sizeof(b)));
}

static void
paths_that_lead_elsewhere(void **state)
{
	static const char *const bad[] = { "", "a", "/", "a.json",
		"malicious/x.json", "/npm/x/MAL-1.json", "malicious/npm/x.js",
		"malicious/npm/../../x/MAL-1.json", "../npm/x/MAL-1.json",
		"malicious/npm/./MAL-1.json", "malicious//x/MAL-1.json",
		"malicious/npm/.json", "malicious/npm/x/../MAL-1.json",
		"malicious/npm/x/MAL-1.json/", "./npm/x/MAL-1.json" };
	static const char *const right[] = { "malicious/npm/x/MAL-1.json",
		"withdrawn/npm/@a/b/MAL-2026-1.json",
		"malicious/npm/.x/MAL-1.json", "malicious/npm/..x/y.json" };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		if (export_path_valid(str_of(bad[i])))
			fail_msg("%s", bad[i]);
	for (size_t i = 0; i < N_ELEMENTS(right); i++)
		if (!export_path_valid(str_of(right[i])))
			fail_msg("%s", right[i]);
	assert_false(export_path_valid(str_n("malicious/a\0b/x.json", 20)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_processes_give_up_the_rest),
		cmocka_unit_test(who_cannot_give_it_up_reads_nothing),
		cmocka_unit_test(lists_that_do_not_fit),
		cmocka_unit_test(paths_that_lead_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
