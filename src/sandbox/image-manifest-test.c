/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: written, read back, and not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/clock.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *
copy(struct image_manifest *m, const char *z)
{
	return arena_strz(m->arena, str_of(z));
}

static void
make(struct image_manifest *m)
{
	struct image_package *p;

	image_manifest_init(m);
	m->ecosystem = copy(m, "npm");
	m->id = copy(m, ID);
	m->recipe = copy(m, ID);
	m->suite = copy(m, "trixie");
	m->runtime_version = copy(m, "1.2.3");
	m->runtime_path = copy(m, "/usr/local/bin/node");
	m->client_version = copy(m, "4.5.6");
	m->registry = copy(m, "https://registry.test/");
	m->home_skeleton = copy(m, "/etc/skel");
	m->ca_name = copy(m, "0123456789abcdef");
	m->built_at = 1700000000000000000;
	m->size_bytes = 5;
	p = vec_add(&m->packages);
	p->name = copy(m, "one");
	p->version = copy(m, "1:2-3+b1");
}

static char *
text_of(const struct image_manifest *m)
{
	struct buf b;

	buf_init(&b, 1 * MIB);
	image_manifest_write(m, &b);
	return buf_steal(&b);
}

static void
test_round_trip(void **state)
{
	struct image_manifest m, back;
	struct error err = ERROR_INIT;
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *again = NULL;

	(void)state;
	make(&m);
	text = text_of(&m);
	assert_int_equal(image_manifest_parse(str_of(text), &back, &err), 0);
	again = text_of(&back);
	assert_string_equal(text, again);
	assert_string_equal(back.packages.v[0].version, "1:2-3+b1");
	image_manifest_done(&m);
	image_manifest_done(&back);
}

/* In a manifest that is right, one text replaced by another: refused. */
static const struct {
	const char *from, *to;
} hostile[] = {
	{ "\"format\": 1", "\"format\": 2" },
	{ "\"format\": 1", "\"format\": \"1\"" },
	{ "\"format\": 1", "\"form\": 1" },
	{ "\"ecosystem\": \"npm\"", "\"ecosystem\": \"../npm\"" },
	{ "\"ecosystem\": \"npm\"", "\"ecosystem\": \"\"" },
	{ "\"ecosystem\": \"npm\"", "\"ecosystem\": null" },
	{ "\"id\": \"01", "\"id\": \"0g" },
	{ "\"id\": \"01", "\"id\": \"1" },
	{ "\"suite\": \"trixie\"", "\"suite\": \"tri\\u001b[2Jxie\"" },
	{ "\"suite\": \"trixie\"", "\"suite\": \"tri\\u0000xie\"" },
	{ "\"/usr/local/bin/node\"", "\"usr/local/bin/node\"" },
	{ "\"/usr/local/bin/node\"", "\"/usr/../../bin/node\"" },
	{ "\"/usr/local/bin/node\"", "\"/usr//bin/node\"" },
	{ "\"/etc/skel\"", "\"/\"" },
	{ "\"0123456789abcdef\"", "\"..\"" },
	{ "\"0123456789abcdef\"", "\"a/b\"" },
	{ "\"size_bytes\": 5", "\"size_bytes\": -5" },
	{ "\"size_bytes\": 5", "\"size_bytes\": 5.5" },
	{ "\"size_bytes\": 5", "\"size_bytes\": 99999999999999999999" },
	{ "\"size_bytes\": 5", "\"size_bytes\": 18446744073709551615" },
	{ "\"files\": []", "\"files\": {}" },
	{ "\"files\": []", "\"files\": [1]" },
	{ "\"files\": []",
	    "\"files\": [{\"path\":\"/etc/shadow\",\"size\":1,"
	    "\"mtime_ns\":1,\"sha256\":null}]" },
	{ "\"files\": []",
	    "\"files\": [{\"path\":\"a/../../b\",\"size\":1,"
	    "\"mtime_ns\":1,\"sha256\":null}]" },
	{ "\"files\": []",
	    "\"files\": [{\"path\":\"a\",\"size\":1,\"mtime_ns\":1,"
	    "\"sha256\":\"12\"}]" },
	{ "\"name\": \"one\"", "\"name\": 1" },
	{ "\n}", "\n" },
};

static void
test_hostile(void **state)
{
	_cleanup_(freep) char *text = NULL;
	struct image_manifest m, back;

	(void)state;
	make(&m);
	text = text_of(&m);
	for (size_t i = 0; i < N_ELEMENTS(hostile); i++) {
		struct error err = ERROR_INIT;
		char *at = strstr(text, hostile[i].from);
		_cleanup_(freep) char *changed = NULL;

		assert_non_null(at);
		changed = mem_printf("%.*s%s%s", (int)(at - text), text,
		    hostile[i].to, at + strlen(hostile[i].from));
		if (image_manifest_parse(str_of(changed), &back, &err) !=
		    -EINVAL)
			fail_msg("taken: %s", hostile[i].to);
		assert_string_not_equal(err.msg, "");
	}
	image_manifest_done(&m);
}

static void
test_nothing(void **state)
{
	static const char *const texts[] = { "", "null", "[]", "\"x\"", "{",
		"{}" };
	struct image_manifest m;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(image_manifest_parse(str_of(texts[i]), &m,
				     &err),
		    -EINVAL);
	}
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Files that were changed, removed or replaced by links are noticed. */
static void
test_verify(void **state)
{
	char dir[] = "/tmp/image-manifest-test-XXXXXX";
	_cleanup_(freep) char *path = NULL;
	struct image_manifest m;
	struct error err = ERROR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = mem_printf("%s/file", dir);
	put(path, "abc");
	make(&m);
	assert_int_equal(image_manifest_add_file(&m, dir, "file", &err), 0);
	assert_int_equal(image_manifest_verify(&m, dir, &err), 0);
	put(path, "abd");
	assert_int_equal(image_manifest_verify(&m, dir, &err), -EUCLEAN);
	assert_non_null(strstr(err.msg, "file"));
	put(path, "abcd");
	assert_int_equal(image_manifest_verify(&m, dir, &err), -EUCLEAN);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(image_manifest_verify(&m, dir, &err), -ENOENT);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(image_manifest_verify(&m, dir, &err), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(image_manifest_verify(&m, dir, &err), -EINVAL);
	assert_int_equal(image_tree_remove(dir, &err), 0);
	image_manifest_done(&m);
}

/* With a known time of change, content is read only when that differs. */
static void
test_time_of_change(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char dir[] = "/tmp/image-manifest-test-XXXXXX";
	_cleanup_(freep) char *path = NULL;
	struct image_manifest m;
	struct error err = ERROR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = mem_printf("%s/file", dir);
	put(path, "abc");
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	make(&m);
	m.files.n = 0;
	assert_int_equal(image_manifest_add_file(&m, dir, "file", &err), 0);
	assert_int_not_equal(m.files.v[0].changed_ns, 0);
	assert_int_equal(image_manifest_verify(&m, dir, &err), 0);
	/* Touched, the same content: read, and good. */
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(image_manifest_verify(&m, dir, &err), 0);
	/* Other content, made to look old. */
	put(path, "abd");
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(image_manifest_verify(&m, dir, &err), -EUCLEAN);
	/* Not read where the time is the noted one. */
	m.files.n = 0;
	assert_int_equal(image_manifest_add_file(&m, dir, "file", &err), 0);
	m.files.v[0].changed_ns = 0;
	assert_int_equal(image_manifest_renew(&m, dir, &err), 0);
	assert_int_equal(m.files.n, 1);
	assert_int_not_equal(m.files.v[0].changed_ns, 0);
	m.files.v[0].sha256[0] = m.files.v[0].sha256[0] == 'a' ? 'b' : 'a';
	assert_int_equal(image_manifest_verify(&m, dir, &err), 0);
	m.files.v[0].changed_ns = 0;
	assert_int_equal(image_manifest_renew(&m, dir, &err), -EUCLEAN);
	assert_int_equal(image_tree_remove(dir, &err), 0);
	image_manifest_done(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_time_of_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
