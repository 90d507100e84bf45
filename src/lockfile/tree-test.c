/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees: what is read comes out as one line of JSON, scalars as strings, and
 * errors with their lines. `tree-test json|jsonc|toml|yaml FILE` prints a file
 * in that form, for comparing with other parsers.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "lockfile/lockfile.h"
#include "lockfile/tree.h"
#include "sys/fd.h"

static const struct tree_node *
parse(struct lock_list *l, const char *format, struct str bytes)
{
	if (strcmp(format, "toml") == 0)
		return tree_toml(l, bytes);
	if (strcmp(format, "yaml") == 0)
		return tree_yaml(l, bytes);
	return tree_json(l, bytes,
	    strcmp(format, "jsonc") == 0 ? TREE_JSONC : 0);
}

static void
print(struct json *j, const struct tree_node *n, bool lines)
{
	const struct tree_node *c;
	bool object = tree_is(n, TREE_OBJECT);

	if (!object && !tree_is(n, TREE_ARRAY)) {
		json_str(j, tree_text(n));
		return;
	}
	if (object)
		json_object_begin(j);
	else
		json_array_begin(j);
	tree_foreach(c, n) {
		if (object)
			json_key_str(j, c->key);
		if (lines && c->n == 0)
			json_int(j, c->line);
		else
			print(j, c, lines);
	}
	if (object)
		json_object_end(j);
	else
		json_array_end(j);
}

/* The tree on one line, then " | line: message" for each error. */
static void
dump(const char *format, struct str bytes, bool lines, struct buf *out)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	const struct tree_node *n;
	struct lock_list l;
	struct json j;

	lock_list_init(&l, a);
	for (n = parse(&l, format, bytes); n != NULL; n = n->next) {
		json_init(&j, out, 0);
		print(&j, n, lines);
	}
	for (size_t i = 0; i < l.errors.n; i++)
		buf_printf(out, " | %u: %.*s", l.errors.v[i].line,
		    STR_ARG(l.errors.v[i].message));
	lock_list_done(&l);
	arena_free(a);
}

struct row {
	const char *format, *text, *expected;
};

static const struct row rows[] = {
	{ "json", "{}", "{}" },
	{ "json", " [1, -2.5e+3, true, false, null, \"x\"] ",
	    "[\"1\",\"-2.5e+3\",\"true\",\"false\",null,\"x\"]" },
	{ "json", "{\"a\":{\"b\":[]},\"\":\"\"}",
	    "{\"a\":{\"b\":[]},\"\":\"\"}" },
	{ "json", "\"\\u00e9\\ud83d\\ude00\\ud83dx\\n\\/\"",
	    "\"\u00e9\U0001f600\ufffdx\\n/\"" },
	{ "json", "\"0123456789\\\\\\\"0123456789abc\"",
	    "\"0123456789\\\\\\\"0123456789abc\"" },
	{ "json", "\xef\xbb\xbf[]", "[]" },
	{ "json", "", " | 1: the file ends where a value should be" },
	{ "json", "{\"a\":1,\n\"b\":",
	    "{\"a\":\"1\"} | 2: the file ends where "
	    "a value should be" },
	{ "json", "[1,]", "[\"1\"] | 1: \"]\" where a value should be" },
	{ "json", "{\"a\":1,}",
	    "{\"a\":\"1\"} | 1: \"}\" where a string should be" },
	{ "json", "[1 2]",
	    "[\"1\"] | 1: \"2\" where \",\" or \"]\" should "
	    "be" },
	{ "json", "[]\n\nx",
	    "[] | 3: \"x\" where the end of the file should "
	    "be" },
	{ "json", "[\"a\nb\"]",
	    "[] | 1: byte 0x0a where the end of a string "
	    "should be" },
	{ "json", "[01]", "[\"0\"] | 1: \"1\" where \",\" or \"]\" should be" },
	{ "json", "[/**/]", "[] | 1: \"/\" where a value should be" },
	{ "json", "[,]", "[] | 1: \",\" where a value should be" },
	{ "jsonc", "// x\n{\"a\": [1, /* y\n */ 2,],\n}",
	    "{\"a\":[\"1\",\"2\"]}" },
	{ "jsonc", "{,}", "{} | 1: \",\" where a string should be" },
	{ "jsonc", "[1,,]", "[\"1\"] | 1: \",\" where a value should be" },
	{ "jsonc", "[1] /* x", "[\"1\"]" },
	{ "toml", "", "{}" },
	{ "toml", "a = 1\n[b]\nc.d = 'x'\n[[e]]\nf = [1, 2,\n]\n[[e]]\n",
	    "{\"a\":\"1\",\"b\":{\"c\":{\"d\":\"x\"}},\"e\":[{\"f\":[\"1\","
	    "\"2\"]},{}]}" },
	{ "toml", "a = { b = 1, \"c d\" = [ {} ] } # x\r\n",
	    "{\"a\":{\"b\":\"1\",\"c d\":[{}]}}" },
	{ "toml", "[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2\n",
	    "{\"a\":[{\"b\":{\"c\":\"1\"}},{\"b\":{\"c\":\"2\"}}]}" },
	{ "toml", "a = \"\"\"\nx\\\n   y\"\"\"\"\nb = '''\n'q''''\n",
	    "{\"a\":\"xy\\\"\",\"b\":\"'q'\"}" },
	{ "toml", "a = \"\\u00e9\\U0001F600\\t\"",
	    "{\"a\":\"\u00e9\U0001f600\\t\"}" },
	{ "toml", "a = 1979-05-27 07:32:00Z\nb = +inf\nc = 0xff_0\n",
	    "{\"a\":\"1979-05-27 "
	    "07:32:00Z\",\"b\":\"+inf\",\"c\":\"0xff_0\"}" },
	{ "toml", "a = 1\na = 2\n",
	    "{\"a\":\"1\"} | 2: \"a\" is given a second "
	    "time" },
	{ "toml", "[a]\n[a]\n",
	    "{\"a\":{}} | 2: \"a\" is given a second time" },
	{ "toml", "a = {}\n[a.b]\n",
	    "{\"a\":{}} | 2: \"a\" has a value already and is no table" },
	{ "toml", "a = []\n[[a]]\n",
	    "{\"a\":[]} | 2: \"a\" is given a second time" },
	{ "toml", "a = 1 b = 2\n",
	    "{\"a\":\"1\"} | 1: \"b\" where the end of the line should be" },
	{ "toml", "a = \"x\n",
	    "{} | 1: byte 0x0a where the end of a string "
	    "should be" },
	{ "toml", "a = hello\n", "{} | 1: \"h\" where a value should be" },
	{ "toml", "[a\n", "{} | 1: byte 0x0a where \"]\" should be" },
	{ "yaml", "a: 1\nb:\n  - x\n  - 'true'\n  - ~\n",
	    "{\"a\":\"1\",\"b\":[\"x\",\"true\",null]}" },
	{ "yaml", "a: &x {b: c}\nd: *x\n",
	    "{\"a\":{\"b\":\"c\"},\"d\":{\"b\":\"c\"}}" },
	{ "yaml", "a: *x\n", "{} | 1: alias *x has no anchor before it" },
	{ "yaml", "a: &x\n  b: *x\n",
	    "{\"a\":{}} | 2: alias *x has no anchor before it" },
	{ "yaml", "a: 1\n---\nb: 2\n", "{\"a\":\"1\"}{\"b\":\"2\"}" },
	{ "yaml", "a: [1,\n",
	    "{\"a\":[\"1\"]} | 2: not YAML: did not find "
	    "expected node content" },
};

static void
read_and_errors(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, MIB);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		buf_reset(&out);
		buf_puts(&out, "");
		dump(rows[i].format, str_of(rows[i].text), false, &out);
		assert_string_equal(out.n != 0 ? out.p : "", rows[i].expected);
	}
	buf_done(&out);
}

/* Leaves are printed as their line. */
static const struct row line_rows[] = {
	{ "json", "{\n\"a\":\n{},\n\n\"b\": [\n1,\n2]}",
	    "{\"a\":2,\"b\":[6,7]}" },
	{ "jsonc", "/*\n\n*/ {\"a\": 1, //\n\"b\": 2}", "{\"a\":3,\"b\":4}" },
	{ "toml", "\n[a]\nb = \"\"\"\n\n\"\"\"\nc = [\n\n1]\n[[d]]\n",
	    "{\"a\":{\"b\":3,\"c\":[8]},\"d\":[9]}" },
	{ "yaml", "a:\n  b: |\n    x\n    y\n  c:\n    - d\n",
	    "{\"a\":{\"b\":2,\"c\":[6]}}" },
};

static void
lines(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, MIB);
	for (size_t i = 0; i < N_ELEMENTS(line_rows); i++) {
		buf_reset(&out);
		dump(line_rows[i].format, str_of(line_rows[i].text), true,
		    &out);
		assert_string_equal(out.p, line_rows[i].expected);
	}
	buf_done(&out);
}

/* A few lines that stand for 10^9 values. */
static void
yaml_bomb(void **state)
{
	struct buf text, out;

	(void)state;
	buf_init(&text, MIB);
	buf_init(&out, 64 * (size_t)MIB);
	buf_puts(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++)
		buf_printf(&text,
		    "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]"
		    "\n",
		    i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
		    i - 1, i - 1);
	dump("yaml", buf_str(&text), false, &out);
	assert_true(str_find(buf_str(&out), STR_LIT("aliases stand for")) > 0);
	buf_done(&text);
	buf_done(&out);
}

static void
deep(void **state)
{
	static const char *const formats[] = { "json", "toml", "yaml" };
	struct buf text, out;

	(void)state;
	buf_init(&text, MIB);
	buf_init(&out, MIB);
	for (size_t f = 0; f < N_ELEMENTS(formats); f++) {
		buf_reset(&text);
		buf_reset(&out);
		if (f == 1)
			buf_puts(&text, "a = ");
		for (int i = 0; i < 100000; i++)
			buf_putc(&text, '[');
		dump(formats[f], buf_str(&text), false, &out);
		assert_true(
		    str_find(buf_str(&out), STR_LIT("nested deeper than")) > 0);
	}
	buf_done(&text);
	buf_done(&out);
}

static int
print_file(const char *format, const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf bytes, out;
	int rc;

	buf_init(&bytes, LIMIT_LOCKFILE_BYTES);
	buf_init(&out, 2 * (size_t)LIMIT_LOCKFILE_BYTES);
	rc = fd < 0 ? -1 : fd_read_all(fd, &bytes, NULL);
	if (rc == 0) {
		dump(format, buf_str(&bytes), false, &out);
		(void)puts(out.n != 0 ? out.p : "");
	}
	buf_done(&bytes);
	buf_done(&out);
	return rc == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_and_errors),
		cmocka_unit_test(lines),
		cmocka_unit_test(yaml_bomb),
		cmocka_unit_test(deep),
	};

	if (argc == 3)
		return print_file(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
