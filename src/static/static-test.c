/* SPDX-License-Identifier: Apache-2.0 */
/* Figures, types, addresses and gyp commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "static/figures.h"
#include "static/gyp.h"
#include "static/strings.h"

static void
types(void **state)
{
	static const struct {
		const char *head;
		size_t n;
		const char *path, *type;
	} rows[] = {
		{ "\x7f"
		  "ELF\x02",
		    5, "x", "elf" },
		{ "MZ\x90", 3, "x.js", "pe" },
		{ "\0asm", 4, "x", "wasm" },
		{ "PK\x03\x04", 4, "x.whl", "zip" },
		{ "#!/usr/bin/env node\n", 20, "cli", "javascript" },
		{ "#!/bin/sh\nnode", 14, "x", "shell" },
		{ "#!/usr/bin/awk -f\n", 18, "x", "script" },
		{ "var a", 5, "a/b.cjs", "javascript" },
		{ "{}", 2, "x.json", "json" },
		{ "hello", 5, "LICENSE", "text" },
		{ "a\0b", 3, "x.js", "binary" },
		{ "", 0, "x.js", "empty" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		assert_string_equal(figures_type(str_n(rows[i].head, rows[i].n),
					str_of(rows[i].path),
					memchr(rows[i].head, 0, rows[i].n) ==
					    NULL),
		    rows[i].type);
}

static void
figures(void **state)
{
	struct figuring *f = figuring_new();
	struct figures g;

	(void)state;
	figuring_add(f, "ab\nabc", 6);
	figuring_add(f, "def\nx", 5);
	figuring_end(f, STR_LIT("x.txt"), &g);
	assert_int_equal(g.size, 11);
	assert_int_equal(g.lines, 3);
	assert_int_equal(g.longest_line, 6);
	assert_true(g.is_text);
	assert_string_equal(g.sha256,
	    "4c99c3249ca527938a9e6f05b76cf5d9"
	    "baede1382902914778da243cf8359e77");
	f = figuring_new();
	for (int i = 0; i < 256; i++)
		figuring_add(f, &(unsigned char){ (unsigned char)i }, 1);
	figuring_end(f, STR_LIT("x"), &g);
	assert_int_equal(g.entropy, 8000);
	assert_false(g.is_text);
	f = figuring_new();
	figuring_add(f, "aaaa", 4);
	figuring_end(f, STR_LIT("x"), &g);
	assert_int_equal(g.entropy, 0);
}

static bool
collect(void *arg, const char *kind, struct str value, int64_t line)
{
	buf_printf(arg, "%s %.*s %lld\n", kind, STR_ARG(value),
	    (long long)line);
	return true;
}

static void
addresses(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	strings_find(STR_LIT("see https://a.test/x?y=1. or (http://b.test),\n"
			     "'wss://c.test:8080/s' file://no 10.0.0.1\n"
			     "1.2.3 1.2.3.4.5 v1.2.3.4 999.1.1.1 "
			     "\"198.51.100.7\" x://y https://\n"
			     "HTTPS://D.TEST/`"),
	    collect, &b);
	assert_string_equal(b.p,
	    "url https://a.test/x?y=1 1\nurl http://b.test 1\n"
	    "url wss://c.test:8080/s 2\nip 10.0.0.1 2\n"
	    "ip 198.51.100.7 3\nurl HTTPS://D.TEST/ 4\n");
	buf_done(&b);
}

static void
on_command(void *arg, struct str command, int64_t line)
{
	(void)collect(arg, "gyp", command, line);
}

static void
commands(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	gyp_commands(STR_LIT("{'sources': ['<!@(node -p \"f(1)\")',\n"
			     "'<!(a <!(b))'], 'x': '<(VAR)', '>!(c', '<!'}"),
	    on_command, &b);
	assert_string_equal(b.p,
	    "gyp node -p \"f(1)\" 1\ngyp a <!(b) 2\ngyp b 2\n"
	    "gyp c', '<!'} 2\n");
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(figures),
		cmocka_unit_test(addresses),
		cmocka_unit_test(commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
