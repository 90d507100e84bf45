/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments: tables of cases. A case is a file, what lies beside it, and what
 * is read from it:
 *
 *	=== path/of/Gemfile.lock
 *	its bytes
 *	+++ name-beside-it
 *	its bytes
 *	---
 *	LINE|ECOSYSTEM|NAME|VERSION|ORIGIN|…
 *	!LINE part of the message
 *
 * or "no reader" where the name is nobody's. "-" is absent; after the origin
 *stand "root", "direct" or "transitive", group=, alias=, purl= and <parent.
 *Each case is then read again cut short after every byte and with bytes
 *changed: nothing may crash, and what is listed must be sound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "lockfile/lockfile.h"
#include "sys/fd.h"

#include <fcntl.h>

#define MAX_BESIDE 8
#define MUTATIONS  400

struct beside {
	struct str name, bytes;
};

struct file_case {
	struct str path, bytes, want;
	struct beside beside[MAX_BESIDE];
	size_t n_beside;
};

static struct buf table;
static const char *table_path;

static bool
open_beside(void *data, struct str relative, struct str *ret)
{
	const struct file_case *c = data;

	for (size_t i = 0; i < c->n_beside; i++)
		if (str_eq(c->beside[i].name, relative)) {
			*ret = c->beside[i].bytes;
			return true;
		}
	return false;
}

static void
put_package(struct buf *b, const struct lock_list *l, size_t i)
{
	static const char *const relations[] = {
		[LOCK_UNKNOWN] = "",
		[LOCK_DIRECT] = "|direct",
		[LOCK_TRANSITIVE] = "|transitive",
		[LOCK_ROOT] = "|root",
	};
	const struct lock_package *p = &l->packages.v[i];
	struct str version = p->version.p != NULL ? p->version : STR_LIT("-");
	struct str eco = p->ecosystem.p != NULL ? p->ecosystem : STR_LIT("-");

	buf_printf(b, "%u|%.*s|%.*s|%.*s|%.*s%s", p->line, STR_ARG(eco),
	    STR_ARG(p->name), STR_ARG(version), STR_ARG(p->origin),
	    relations[p->relation]);
	if (p->group.p != NULL)
		buf_printf(b, "|group=%.*s", STR_ARG(p->group));
	if (p->alias.p != NULL)
		buf_printf(b, "|alias=%.*s", STR_ARG(p->alias));
	if (p->purl.p != NULL)
		buf_printf(b, "|purl=%.*s", STR_ARG(p->purl));
	if (p->parent != LOCK_NONE)
		buf_printf(b, "|<%.*s", STR_ARG(l->packages.v[p->parent].name));
	buf_putc(b, '\n');
}

/* What the contract promises of any list. */
static void
check_sound(const struct lock_list *l)
{
	for (size_t i = 0; i < l->packages.n; i++) {
		size_t steps = 0;

		assert_true(l->packages.v[i].name.n != 0);
		assert_true(l->packages.v[i].origin.n != 0);
		for (uint32_t at = l->packages.v[i].parent; at != LOCK_NONE;
		     at = l->packages.v[at].parent) {
			assert_true(at < l->packages.n);
			assert_true(++steps <= l->packages.n);
		}
	}
	for (size_t i = 0; i < l->errors.n; i++)
		assert_true(l->errors.v[i].message.n != 0);
}

/* The bytes are copied into memory of just their size, so that the sanitizer
 * sees a read past them. */
static void
read_case(const struct file_case *c, struct str bytes, struct buf *out)
{
	const struct lock_format *f = lock_format_find(c->path);
	struct arena *a = arena_new(64 * (size_t)MIB);
	char *copy = malloc(bytes.n != 0 ? bytes.n : 1);
	struct file_case aside = *c;
	struct lock_input in = { .path = c->path,
		.open = open_beside,
		.data = &aside };
	struct lock_list l;

	assert_non_null(f);
	if (bytes.n != 0)
		memcpy(copy, bytes.p, bytes.n);
	in.bytes = str_n(copy, bytes.n);
	lock_list_init(&l, a);
	f->read(&in, &l);
	lock_relate(&l);
	check_sound(&l);
	for (size_t i = 0; out != NULL && i < l.packages.n; i++)
		put_package(out, &l, i);
	for (size_t i = 0; out != NULL && i < l.errors.n; i++)
		buf_printf(out, "!%u %.*s\n", l.errors.v[i].line,
		    STR_ARG(l.errors.v[i].message));
	lock_list_done(&l);
	free(copy);
	arena_free(a);
}

/* Line by line; of an expected error its beginning is enough. */
static bool
same(struct str got, struct str want)
{
	struct str g, w;

	while (str_cut(&want, '\n', &w)) {
		if (w.n == 0)
			continue;
		if (!str_cut(&got, '\n', &g) || g.n < w.n)
			return false;
		if (w.p[0] == '!')
			g = str_sub(g, 0, w.n);
		if (!str_eq(g, w))
			return false;
	}
	return got.n == 0;
}

static bool
nobodys(const struct file_case *c)
{
	return str_is(str_trim(c->want), "no reader");
}

static void
check_case(const struct file_case *c)
{
	bool none = nobodys(c);
	struct buf got;

	if ((lock_format_find(c->path) == NULL) != none)
		fail_msg("%.*s: %s reader", STR_ARG(c->path),
		    none ? "a" : "no");
	if (none)
		return;
	buf_init(&got, MIB);
	read_case(c, c->bytes, &got);
	if (!same(buf_str(&got), c->want))
		fail_msg("%.*s: found\n%.*s\nexpected\n%.*s", STR_ARG(c->path),
		    STR_ARG(buf_str(&got)), STR_ARG(c->want));
	buf_done(&got);
}

static uint32_t
draw(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void
damage_case(const struct file_case *c)
{
	_cleanup_(freep) char *copy = malloc(c->bytes.n + 1);
	uint32_t seed = 2463534242u;

	if (nobodys(c))
		return;
	for (size_t n = 0; n < c->bytes.n; n++)
		read_case(c, str_sub(c->bytes, 0, n), NULL);
	for (int i = 0; c->bytes.n != 0 && i < MUTATIONS; i++) {
		memcpy(copy, c->bytes.p, c->bytes.n);
		for (uint32_t k = draw(&seed) % 8; k-- != 0;) {
			size_t at = draw(&seed) % c->bytes.n;

			/* A byte of the file itself does the most harm. */
			copy[at] = draw(&seed) % 2 == 0 ?
			    (char)draw(&seed) :
			    c->bytes.p[draw(&seed) % c->bytes.n];
		}
		read_case(c, str_n(copy, c->bytes.n), NULL);
	}
}

/* The next section: its mark, what follows it on the line, its bytes. */
static bool
take(struct str *rest, char *ret_mark, struct str *ret_name,
    struct str *ret_bytes)
{
	const char *from;
	struct str line;

	if (!str_cut(rest, '\n', &line))
		return false;
	*ret_mark = line.n >= 3 ? line.p[0] : '\0';
	*ret_name = str_trim(str_sub(line, 3, line.n));
	from = rest->p;
	while (rest->n != 0 && !str_starts(*rest, "=== ") &&
	    !str_starts(*rest, "+++ ") && !str_starts(*rest, "---\n"))
		(void)str_cut(rest, '\n', &line);
	*ret_bytes = str_n(from, (size_t)(rest->p - from));
	if (rest->n == 0)
		*rest = STR_NONE;
	return true;
}

static size_t
each_case(void (*f)(const struct file_case *c))
{
	struct str rest = buf_str(&table), name, bytes;
	struct file_case c = { .n_beside = 0 };
	size_t n = 0;
	char mark;

	while (rest.n != 0 && rest.p[0] == '#')
		(void)str_cut(&rest, '\n', &name);
	while (rest.n != 0 && take(&rest, &mark, &name, &bytes)) {
		if (mark == '=') {
			c = (struct file_case){ .path = name, .bytes = bytes };
		} else if (mark == '+') {
			assert_true(c.n_beside < MAX_BESIDE);
			c.beside[c.n_beside++] = (struct beside){ name, bytes };
		} else {
			c.want = bytes;
			f(&c);
			n++;
		}
	}
	return n;
}

static void
test_cases(void **state)
{
	(void)state;
	assert_true(each_case(check_case) > 0);
}

static void
test_damage(void **state)
{
	(void)state;
	assert_true(each_case(damage_case) > 0);
}

static int
setup(void **state)
{
	_cleanup_(closep) int fd = open(table_path, O_RDONLY | O_CLOEXEC);
	struct error err = ERROR_INIT;

	(void)state;
	buf_init(&table, MIB);
	return fd < 0 ? -1 : fd_read_all(fd, &table, &err);
}

static int
teardown(void **state)
{
	(void)state;
	buf_done(&table);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_damage),
	};

	if (argc != 2)
		return 2;
	table_path = argv[1];
	return cmocka_run_group_tests_name(argv[1], tests, setup, teardown);
}
