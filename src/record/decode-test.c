/* SPDX-License-Identifier: Apache-2.0 */
#include "record/decode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "record/calls.h"

/* A walk, in tables. */
#define WALK(s, f) \
	{ \
		{ "" s, sizeof(s) - 1 }, f \
	}

static void
walks(void **state)
{
	static const struct {
		struct decode_walk walk;
		const char *path;
	} rows[] = {
		{ WALK("c\0b\0a\0", RECORD_WALK_ROOT), "/a/b/c" },
		{ WALK("a\0", RECORD_WALK_ROOT), "/a" },
		{ WALK("", RECORD_WALK_ROOT), "/" },
		{ WALK("b\0a\0", RECORD_WALK_TOP), "/a/b" },
		{ WALK("memfd:x\0", RECORD_WALK_DETACHED), "memfd:x" },
		{ WALK("b\0a\0", RECORD_WALK_CUT), "/.../a/b" },
		{ WALK("x\0", RECORD_WALK_ROOT | RECORD_WALK_DELETED), "/x" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		_cleanup_(buf_done) struct buf b = { 0 };

		buf_init(&b, LIMIT_PATH_BYTES);
		decode_put_walk(&b, &rows[i].walk);
		assert_string_equal(b.p, rows[i].path);
	}
}

static void
paths(void **state)
{
	static const struct decode_walk base = WALK("b\0a\0", RECORD_WALK_ROOT);
	static const struct decode_walk root = WALK("", RECORD_WALK_ROOT);
	static const struct decode_walk none = { { NULL, 0 }, 0 };
	static const struct {
		const struct decode_walk *base;
		const char *path, *want;
	} rows[] = {
		{ &base, "c", "/a/b/c" },
		{ &base, "", "/a/b" },
		{ &base, "../c", "/a/c" },
		{ &base, "../../../c", "/c" },
		{ &base, "/x//y/./z/", "/x/y/z" },
		{ &base, "/..", "/" },
		{ &root, "x", "/x" },
		{ &root, ".", "/" },
		{ &none, "x", "./x" },
		{ &none, "/x", "/x" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		_cleanup_(buf_done) struct buf b = { 0 };

		buf_init(&b, LIMIT_PATH_BYTES);
		decode_put_path(&b, rows[i].base, str_of(rows[i].path));
		assert_string_equal(b.p, rows[i].want);
	}
}

static void
check_address(const void *p, size_t n, const char *want, int want_port,
    int want_family)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	int port, family;

	buf_init(&b, 256);
	buf_puts(&b, "");
	decode_put_address(&b, str_n(p, n), &port, &family);
	assert_string_equal(b.p, want);
	assert_int_equal(port, want_port);
	assert_int_equal(family, want_family);
}

static void
addresses(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(80) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(443) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/x/y" };

	(void)state;
	(void)inet_pton(AF_INET, "198.51.100.7", &in.sin_addr);
	(void)inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	check_address(&in, sizeof(in), "198.51.100.7", 80, AF_INET);
	check_address(&in, 8, "198.51.100.7", 80, AF_INET);
	check_address(&in, 7, "", -1, AF_INET);
	check_address(&in6, sizeof(in6), "2001:db8::1", 443, AF_INET6);
	check_address(&in6, 20, "", -1, AF_INET6);
	(void)inet_pton(AF_INET6, "::ffff:198.51.100.9", &in6.sin6_addr);
	check_address(&in6, sizeof(in6), "198.51.100.9", 443, AF_INET6);
	check_address(&un, sizeof(un), "/x/y", -1, AF_UNIX);
	check_address(&un, 4, "/x", -1, AF_UNIX);
	memcpy(un.sun_path, "\0ab", 3);
	check_address(&un, 5, "@ab", -1, AF_UNIX);
	check_address("x", 1, "", -1, -1);
}

static void
events(void **state)
{
	struct {
		struct record_header h;
		struct record_section s;
		char text[16];
	} e = { .h = { .bytes = sizeof(e), .kind = RECORD_CALL },
		.s = { RECORD_STRING1, 11, 0 },
		.text = "/etc/passwd" };
	struct decode_event ret;

	(void)state;
	assert_int_equal(decode_parse(str_n(&e, sizeof(e)), &ret, NULL), 0);
	assert_true(str_is(ret.strings[0], "/etc/passwd"));
	assert_null(ret.strings[1].p);
	e.s.value = RECORD_UNREADABLE;
	assert_int_equal(decode_parse(str_n(&e, sizeof(e)), &ret, NULL), 0);
	assert_null(ret.strings[0].p);
	/* What does not fit is refused. */
	assert_int_equal(decode_parse(str_n(&e, sizeof(e) - 8), &ret, NULL),
	    -EPROTO);
	e.s.bytes = 17;
	assert_int_equal(decode_parse(str_n(&e, sizeof(e)), &ret, NULL),
	    -EPROTO);
	e.s.bytes = 11;
	e.s.type = RECORD_SOCKET;
	assert_int_equal(decode_parse(str_n(&e, sizeof(e)), &ret, NULL),
	    -EPROTO);
	e.h.kind = RECORD_KIND__MAX;
	assert_int_equal(decode_parse(str_n(&e, sizeof(e)), &ret, NULL),
	    -EPROTO);
}

static void
calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < calls_n_rows; i++) {
		const struct calls_row *row = &calls_rows[i];

		assert_ptr_equal(calls_get(row->number), row);
		assert_true((row->call.flags & RECORD_TRACED) != 0);
		assert_int_equal(row->fact == CALLS_NONE, row->op == NULL);
		assert_in_range(row->n_args, 0, 6);
		assert_in_range(row->call.path, 0, row->n_args);
		assert_in_range(row->call.path2, 0, row->n_args);
	}
	assert_null(calls_get(RECORD_N_CALLS));
	assert_null(calls_get(39)); /* getpid */
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(walks),
		cmocka_unit_test(paths), cmocka_unit_test(addresses),
		cmocka_unit_test(events), cmocka_unit_test(calls) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
