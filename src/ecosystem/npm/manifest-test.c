/* SPDX-License-Identifier: Apache-2.0 */
/* package.json: what runs, what can be imported, what it depends on. */
#include "ecosystem/npm/manifest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/message.h"

#define FILE_NAME(l) \
	{ \
		l, sizeof(l) - 1 \
	}
static const struct str files_v[] = { FILE_NAME("package.json"),
	FILE_NAME("index.js"), FILE_NAME("lib/index.js"), FILE_NAME("lib/a.js"),
	FILE_NAME("lib/b.js"), FILE_NAME("lib/c.d.ts"),
	FILE_NAME("esm/index.mjs"), FILE_NAME("bin/one"), FILE_NAME("bin/two"),
	FILE_NAME("binding.gyp") };
static const struct manifest_files files = { files_v, N_ELEMENTS(files_v) };

/* "cjs x lib/a.js; …" */
static char *
entries(struct arena *a, const char *json)
{
	static const char *const kinds[] = { "cjs", "esm", "bin" };
	struct manifest m;
	const struct manifest_entry *e;
	struct error err = ERROR_INIT;
	struct buf b;
	char *z;

	buf_init(&b, 64 * KIB);
	if (manifest_parse(a, str_of(json), &files, &m, &err) != 0)
		fail_msg("%s: %s", json, err.msg);
	vec_foreach(e, &m.entries)
		buf_printf(&b, "%s%s %.*s %.*s%s", b.n != 0 ? "; " : "",
		    kinds[e->kind], STR_ARG(e->specifier), STR_ARG(e->path),
		    e->exists ? "" : "!");
	z = arena_strz(a, buf_str(&b));
	buf_done(&b);
	manifest_done(&m);
	return z;
}

static void
what_can_be_imported(void **state)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
		{ "{\"name\":\"x\"}", "cjs x index.js; esm x index.js" },
		{ "{\"name\":\"x\",\"main\":\"./lib\"}",
		    "cjs x lib/index.js; esm x lib/index.js" },
		{ "{\"name\":\"x\",\"main\":\"lib/a\"}",
		    "cjs x lib/a.js; esm x lib/a.js" },
		{ "{\"name\":\"x\",\"main\":\"gone\"}",
		    "cjs x index.js; esm x index.js" },
		{ "{\"name\":\"x\",\"module\":\"esm/index.mjs\"}",
		    "cjs x index.js; esm x index.js; "
		    "esm x/esm/index.mjs esm/index.mjs" },
		{ "{\"name\":\"x\",\"exports\":\"./lib/a.js\"}",
		    "cjs x lib/a.js; esm x lib/a.js" },
		{ "{\"name\":\"x\",\"exports\":{\"import\":\"./esm/index.mjs\","
		  "\"require\":\"./lib/index.js\"}}",
		    "cjs x lib/index.js; esm x esm/index.mjs" },
		{ "{\"name\":\"@s/"
		  "x\",\"exports\":{\".\":{\"node\":{\"require\":"
		  "\"./lib/a.js\"},\"default\":\"./lib/b.js\"},"
		  "\"./package.json\":\"./package.json\",\"./b\":[\"./lib/"
		  "b.js\"],"
		  "\"./types\":\"./lib/c.d.ts\",\"./no\":null}}",
		    "cjs @s/x lib/a.js; cjs @s/x/b lib/b.js; "
		    "esm @s/x/b lib/b.js" },
		{ "{\"name\":\"x\",\"exports\":{\"./l/*\":\"./lib/*.js\"}}",
		    "cjs x/l/index lib/index.js; cjs x/l/a lib/a.js; "
		    "cjs x/l/b lib/b.js; esm x/l/index lib/index.js; "
		    "esm x/l/a lib/a.js; esm x/l/b lib/b.js" },
		{ "{\"name\":\"x\",\"exports\":{\".\":\"./gone.js\"}}",
		    "cjs x gone.js!; esm x gone.js!" },
		{ "{\"name\":\"@s/x\",\"exports\":{},\"bin\":\"./bin/one\"}",
		    "bin x bin/one" },
		{ "{\"name\":\"x\",\"exports\":{},\"bin\":{\"p\":\"bin/one\"}}",
		    "bin p bin/one" },
		{ "{\"name\":\"x\",\"exports\":{},"
		  "\"directories\":{\"bin\":\"./bin/\"}}",
		    "bin one bin/one; bin two bin/two" },
	};
	struct arena *a = arena_new(MIB);

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		assert_string_equal(entries(a, rows[i].json), rows[i].want);
	arena_free(a);
}

static void
scripts_have_lines(void **state)
{
	struct arena *a = arena_new(MIB);
	struct manifest m;

	(void)state;
	assert_int_equal(manifest_parse(a,
			     STR_LIT(
				 "\xef\xbb\xbf{\n\"name\": \"x\",\n"
				 "\"scripts\": {\n\"test\": \"a \\\"b\\\"\",\n"
				 "\"postinstall\": \"node y.js\"}}"),
			     &files, &m, NULL),
	    0);
	assert_int_equal(m.scripts.n, 3);
	assert_true(str_is(m.scripts.v[0].command, "a \"b\""));
	assert_int_equal(m.scripts.v[0].line, 4);
	assert_int_equal(m.scripts.v[1].line, 5);
	/* binding.gyp without a script of its own */
	assert_true(m.gypfile);
	assert_true(str_is(m.scripts.v[2].command, "node-gyp rebuild"));
	manifest_done(&m);
	assert_int_equal(manifest_parse(a,
			     STR_LIT("{\"scripts\":{\"install\":\"x\"}}"),
			     &files, &m, NULL),
	    0);
	assert_false(m.gypfile);
	manifest_done(&m);
	assert_int_equal(manifest_parse(a, STR_LIT("{\"gypfile\":false}"),
			     &files, &m, NULL),
	    0);
	assert_false(m.gypfile);
	manifest_done(&m);
	arena_free(a);
}

static void
where_dependencies_come_from(void **state)
{
	static const struct {
		const char *declared, *source;
	} rows[] = {
		{ "^1.0.0", "registry" },
		{ "npm:@a/b@1", "registry" },
		{ "latest", "registry" },
		{ "1 || 2", "registry" },
		{ "user/repo", "git:user/repo" },
		{ "github:user/repo#x", "git:github:user/repo#x" },
		{ "git+ssh://git@h.test/x", "git:git+ssh://git@h.test/x" },
		{ "https://h.test/x.git#1", "git:https://h.test/x.git#1" },
		{ "https://h.test/x.tgz", "url:https://h.test/x.tgz" },
		{ "file:../x", "path:file:../x" },
		{ "./x", "path:./x" },
		{ "workspace:*", "path:workspace:*" },
	};
	struct arena *a = arena_new(MIB);
	struct manifest m;
	char json[256];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		(void)snprintf(json, sizeof(json),
		    "{\"optionalDependencies\":{\"d\":\"%s\"}}",
		    rows[i].declared);
		assert_int_equal(manifest_parse(a, str_of(json), &files, &m,
				     NULL),
		    0);
		assert_int_equal(m.dependencies.n, 1);
		if (!str_is(m.dependencies.v[0].source, rows[i].source))
			fail_msg("%s: %.*s", rows[i].declared,
			    STR_ARG(m.dependencies.v[0].source));
		assert_int_equal(m.dependencies.v[0].kind, MANIFEST_OPTIONAL);
		assert_int_equal(manifest_source_is_remote(
				     m.dependencies.v[0].source),
		    rows[i].source[0] == 'g' || rows[i].source[0] == 'u');
		manifest_done(&m);
	}
	arena_free(a);
}

static void
platforms(void **state)
{
	static const struct {
		const char *json;
		bool mismatch;
	} rows[] = {
		{ "{}", false },
		{ "{\"os\":[\"linux\",\"darwin\"]}", false },
		{ "{\"os\":[\"win32\"]}", true },
		{ "{\"os\":\"darwin\"}", true },
		{ "{\"os\":[\"!win32\"]}", false },
		{ "{\"os\":[\"!linux\"]}", true },
		{ "{\"cpu\":[\"s390x\"]}", true },
		{ "{\"libc\":[\"musl\"]}", true },
	};
	struct arena *a = arena_new(MIB);
	struct manifest m;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		assert_int_equal(manifest_parse(a, str_of(rows[i].json), &files,
				     &m, NULL),
		    0);
		if (m.platform_mismatch != rows[i].mismatch)
			fail_msg("%s", rows[i].json);
		manifest_done(&m);
	}
	arena_free(a);
}

static void
bad_documents(void **state)
{
	struct arena *a = arena_new(MIB);
	struct manifest m;

	(void)state;
	assert_int_equal(manifest_parse(a, STR_LIT(""), &files, &m, NULL),
	    -EBADMSG);
	assert_int_equal(manifest_parse(a, STR_LIT("[1]"), &files, &m, NULL),
	    -EBADMSG);
	assert_int_equal(manifest_parse(a,
			     STR_LIT("{\"name\":7,\"scripts\":[],\"bin\":7,"
				     "\"dependencies\":\"x\",\"exports\":7}"),
			     &files, &m, NULL),
	    0);
	assert_int_equal(m.entries.n, 0);
	manifest_done(&m);
	arena_free(a);
}

static void
as_a_message(void **state)
{
	struct arena *a = arena_new(MIB);
	struct channel c[2];
	struct manifest m, got;
	struct message msg;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	channel_init(&c[0], pair[0]);
	channel_init(&c[1], pair[1]);
	assert_int_equal(manifest_parse(a,
			     STR_LIT("{\"name\":\"x\",\"type\":\"module\","
				     "\"dependencies\":{\"a\":\"1\"},"
				     "\"scripts\":{\"install\":\"i\"}}"),
			     &files, &m, NULL),
	    0);
	for (int broken = 0; broken < 2; broken++) {
		message_begin(&c[0], 7);
		manifest_put(&c[0], &m);
		if (broken)
			message_put_int(&c[0], 1);
		assert_int_equal(message_send(&c[0], NULL), 0);
		assert_int_equal(channel_flush(&c[0], NULL), 0);
		assert_int_equal(channel_recv(&c[1], &msg, NULL), 1);
		assert_int_equal(manifest_get(a, &msg, &got, NULL),
		    broken ? -EPROTO : 0);
		if (broken)
			continue;
		assert_true(str_is(got.name, "x"));
		assert_true(str_is(got.type, "module"));
		assert_int_equal(got.entries.n, 2);
		assert_int_equal(got.dependencies.n, 1);
		assert_int_equal(got.scripts.n, 1);
		assert_true(str_eq(got.json, m.json));
		manifest_done(&got);
	}
	manifest_done(&m);
	channel_done(&c[0]);
	channel_done(&c[1]);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_can_be_imported),
		cmocka_unit_test(scripts_have_lines),
		cmocka_unit_test(where_dependencies_come_from),
		cmocka_unit_test(platforms),
		cmocka_unit_test(bad_documents),
		cmocka_unit_test(as_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
