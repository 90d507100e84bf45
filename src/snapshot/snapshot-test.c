/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips, damage, determinism. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/mman.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/vec.h"
#include "snapshot/format_priv.h"
#include "snapshot/make.h"
#include "snapshot/snapshot.h"
#include "snapshot/write.h"
#include "sys/fd.h"

#define N 300

/* Documents that differ in everything the format has a form for. */
struct set {
	struct arena *a;
	VEC(struct str) v;
};

static struct set
make_set(size_t n)
{
	static const char *const times[] = { "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.123456Z", "2019-12-31T23:59:59Z",
		"2026-01-02T03:04:05.100Z", "2020-01-01T00:00:00.000000001Z" };
	static const char *const bodies[] = {
		"\"package\":{\"ecosystem\":\"npm\",\"name\":\"p%zu\"},"
		"\"versions\":[\"1.%zu.0\",\"2.0.0-rc.1\",\"x\"]",
		"\"package\":{\"ecosystem\":\"PyPI\",\"name\":\"P_%zu\"},"
		"\"versions\":[\"1.%zu\"]",
		"\"package\":{\"ecosystem\":\"Debian:%zu\",\"name\":\"d%zu\"},"
		"\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{"
		"\"introduced\":\"0\"}]}]",
		"\"ranges\":[{\"type\":\"GIT\",\"repo\":"
		"\"https://git.test/o/r%zu\",\"events\":[{\"introduced\":"
		"\"%040zu\"}]}]",
	};
	struct set s = { .a = arena_new(64 * (size_t)MIB) };

	for (size_t i = 0; i < n; i++) {
		char body[512];

		/* The formats above are all ours. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(body, sizeof(body), bodies[i % 4], i, i);
#pragma GCC diagnostic pop
		vec_push(&s.v,
		    str_of(arena_printf(s.a,
			"{\"schema_version\":\"1.7.5\",\"id\":\"%s%zu\","
			"\"modified\":\"%s\",%s\"summary\":\"Number \\u00e9 "
			"%zu\",\"aliases\":[\"CVE-2026-%zu\"],"
			"\"affected\":[{%s}]}",
			i % 7 == 0 ? "x_own-a" : "MAL-2026-", i,
			times[i % N_ELEMENTS(times)],
			i % 11 == 3 ?
			    "\"withdrawn\":\"2026-01-01T00:00:00Z\"," :
			    "",
			i, i / 2, body)));
	}
	return s;
}

static void
set_done(struct set *s)
{
	vec_done(&s->v);
	arena_free(s->a);
}

static int
file_of(const struct set *s, struct str dictionary)
{
	static const char *const registries[] = { "npm",
		"https://npm.registry.test/", "npm", "https://a.test", "PyPI",
		"https://pypi.test/simple", NULL };
	struct make_input in = { .documents = s->v.v,
		.n = s->v.n,
		.registries = registries,
		.dictionary = dictionary,
		.built_at_s = 1790000000 };
	struct error err = ERROR_INIT;
	int fd;

	if (snapshot_make(&in, &fd, &err) != 0)
		fail_msg("%s", err.msg);
	return fd;
}

static void
read_file(int fd, struct buf *b)
{
	struct error err = ERROR_INIT;

	buf_init(b, 64 * (size_t)MIB);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(fd, b, &err), 0);
}

/* --- tests ------------------------------------------------------------------
 */

static void
versions_come_back(void **state)
{
	static const char *const versions[] = { "", "1", "1.0.0", "1.0.0-rc.1",
		"2.0b1", "v1", "1.0.0+x", "\xc3\xa9", "0123456789.-abrc",
		"12345678901234567890123456789.0" };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(versions); i++) {
		struct str v = str_of(versions[i]);
		struct version_text t;
		struct take take;
		char text[64];
		struct buf b;

		buf_init(&b, 1000);
		put_version(&b, v);
		take = (struct take){ .rest = buf_str(&b) };
		t = take_version(&take);
		assert_false(take.bad);
		assert_int_equal(take.rest.n, 0);
		version_unpack(&t, text);
		assert_true(str_eq(str_n(text, (size_t)t.n), v));
		assert_true(version_is(&t, v));
		assert_false(version_is(&t, STR_LIT("1.0.1")));
		buf_done(&b);
	}
}

static void
check_document(struct snapshot *s, struct snapshot_documents *d,
    struct arena *a, struct str document, size_t i)
{
	struct error err = ERROR_INIT;
	struct snapshot_record r;
	struct snapshot_numbers same;
	char id[64], text[64];
	struct str got;
	uint32_t number;

	(void)snprintf(id, sizeof(id), "%s%zu",
	    i % 7 == 0 ? "x_own-a" : "MAL-2026-", i);
	assert_int_equal(snapshot_by_id(s, str_of(id), &number, &err), 1);
	assert_int_equal(snapshot_record(s, number, a, &r, &err), 0);
	assert_true(str_is(r.id, id));
	assert_true(str_find(document, r.modified) > 0);
	assert_int_equal(r.modified.p[r.modified.n - 1], 'Z');
	assert_int_equal(r.withdrawn, i % 11 == 3);
	assert_int_equal(r.malicious, i % 7 != 0);
	assert_int_equal(r.n_aliases, 1);
	(void)snprintf(text, sizeof(text), "CVE-2026-%zu", i / 2);
	assert_true(str_is(r.aliases[0], text));
	assert_int_equal(snapshot_by_alias(s, r.aliases[0], a, &same, &err), 0);
	assert_int_equal(same.n, 2);
	assert_true(same.v[0] == number || same.v[1] == number);
	assert_int_equal(snapshot_document(d, number, a, &got, &err), 0);
	assert_true(str_eq(got, document));
	assert_int_equal(snapshot_summary(d, number, a, &got, &err), 0);
	(void)snprintf(text, sizeof(text), "Number \xc3\xa9 %zu", i);
	assert_true(str_is(got, text));
}

static void
everything_comes_back(void **state)
{
	struct set set = make_set(N);
	struct arena *a = arena_new(64 * (size_t)MIB);
	struct snapshot_documents *d = NULL;
	struct error err = ERROR_INIT;
	struct snapshot_info info;
	struct snapshot *s = NULL;
	struct str *urls;
	uint32_t number;
	size_t n;
	int fd = file_of(&set, STR_LIT("no trained dictionary, just bytes"));

	(void)state;
	if (snapshot_open(fd, &s, &err) != 0 ||
	    snapshot_documents_new(s, &d, &err) != 0 ||
	    snapshot_verify(s, &err) != 0)
		fail_msg("%s", err.msg);
	snapshot_info(s, &info);
	assert_int_equal(info.n_records, N);
	assert_int_equal(info.built_at_s, 1790000000);
	for (size_t i = 0; i < N; i++)
		check_document(s, d, a, set.v.v[i], i);
	assert_int_equal(snapshot_by_id(s, STR_LIT("MAL-2026-01"), &number,
			     &err),
	    0);
	assert_int_equal(snapshot_by_id(s, STR_LIT("MAL-2026-"), &number, &err),
	    0);
	assert_int_equal(snapshot_registries(s, STR_LIT("npm"), a, &urls, &n,
			     &err),
	    0);
	assert_int_equal(n, 2);
	assert_true(str_is(urls[0], "https://a.test/"));
	assert_int_equal(snapshot_registries(s, STR_LIT("Go"), a, &urls, &n,
			     &err),
	    0);
	assert_int_equal(n, 0);
	snapshot_documents_free(d);
	snapshot_close(s);
	arena_free(a);
	(void)close(fd);
	set_done(&set);
}

static void
commits_are_found(void **state)
{
	struct set set = make_set(8);
	struct arena *a = arena_new(MIB);
	struct error err = ERROR_INIT;
	struct snapshot_numbers same;
	struct snapshot_record r;
	struct snapshot *s = NULL;
	char hash[20] = { 0 };
	int fd = file_of(&set, STR_NONE);

	(void)state;
	assert_int_equal(snapshot_open(fd, &s, &err), 0);
	hash[19] = 0x07; /* …07; …03 is withdrawn */
	assert_int_equal(snapshot_by_commit(s, str_n(hash, 20), a, &same, &err),
	    0);
	assert_int_equal(same.n, 1);
	assert_int_equal(snapshot_record(s, same.v[0], a, &r, &err), 0);
	assert_true(str_is(r.id, "x_own-a7"));
	hash[19] = 0x03;
	assert_int_equal(snapshot_by_commit(s, str_n(hash, 20), a, &same, &err),
	    0);
	assert_int_equal(same.n, 0);
	assert_int_equal(snapshot_by_commit(s, str_n(hash, 4), a, &same, &err),
	    0);
	assert_int_equal(same.n, 0);
	snapshot_close(s);
	arena_free(a);
	(void)close(fd);
	set_done(&set);
}

/* Order does not show, and of one id the later document stays. */
static void
the_same_input_gives_the_same_bytes(void **state)
{
	struct set one = make_set(N), two = make_set(N);
	struct buf a, b;
	int fds[2];

	(void)state;
	for (size_t i = 0; i < N / 2; i++) {
		struct str t = two.v.v[i];

		two.v.v[i] = two.v.v[N - 1 - i];
		two.v.v[N - 1 - i] = t;
	}
	vec_push(&two.v,
	    STR_LIT("{\"id\":\"MAL-2026-1\",\"modified\":"
		    "\"2025-01-02T03:04:05Z\"}"));
	fds[0] = file_of(&one, STR_NONE);
	fds[1] = file_of(&two, STR_NONE);
	read_file(fds[0], &a);
	read_file(fds[1], &b);
	assert_true(str_eq(buf_str(&a), buf_str(&b)));
	buf_done(&a);
	buf_done(&b);
	(void)close(fds[0]);
	(void)close(fds[1]);
	set_done(&one);
	set_done(&two);
}

static void
empty_is_empty(void **state)
{
	struct set set = make_set(0);
	struct error err = ERROR_INIT;
	struct snapshot *s = NULL;
	struct snapshot_cursor c;
	int fd = file_of(&set, STR_NONE);

	(void)state;
	assert_int_equal(snapshot_open(fd, &s, &err), 0);
	assert_int_equal(snapshot_verify(s, &err), 0);
	assert_int_equal(snapshot_find(s, STR_LIT("npm"), STR_LIT("x"),
			     SNAPSHOT_ANY_CASE, &c, &err),
	    0);
	snapshot_close(s);
	(void)close(fd);
	set_done(&set);
}

/* 1: every question got its right answer, negative: an error was given. A
 * wrong answer fails the test. */
static int
ask(struct str bytes, struct arena *a, size_t *n_right)
{
	struct error err = ERROR_INIT;
	struct snapshot *s = NULL;
	int fd, rc;

	assert_int_equal(fd_of_bytes("damaged", bytes, &fd, &err), 0);
	rc = snapshot_open(fd, &s, &err);
	(void)close(fd);
	for (size_t i = 0; i < 12 && rc == 0; i++) {
		struct snapshot_hit hit;
		struct snapshot_cursor c;
		struct snapshot_row row;
		char name[32], version[32];

		if (i % 4 > 1 || i % 11 == 3)
			continue;
		(void)snprintf(name, sizeof(name),
		    i % 4 == 0 ? "p%zu" : "p-%zu", i);
		(void)snprintf(version, sizeof(version), "1.%zu.0", i);
		rc = snapshot_find(s,
		    i % 4 == 0 ? STR_LIT("npm") : STR_LIT("PyPI"), str_of(name),
		    SNAPSHOT_ANY_CASE, &c, &err);
		assert_int_not_equal(rc, 0);
		if (rc == 1)
			rc = snapshot_next(&c, &row, &err);
		assert_int_not_equal(rc, 0);
		if (rc == 1)
			rc = snapshot_match(&row, str_of(version), a, &hit,
			    &err);
		if (rc != 0)
			break;
		assert_int_equal(hit.answer, OSV_AFFECTED);
		(*n_right)++;
	}
	snapshot_close(s);
	arena_reset(a);
	assert_true(rc == 0 || err.msg[0] != '\0');
	return rc;
}

static void
a_cut_file_is_refused(void **state)
{
	struct set set = make_set(12);
	struct arena *a = arena_new(16 * (size_t)MIB);
	int fd = file_of(&set, STR_NONE);
	size_t right = 0;
	struct buf b;

	(void)state;
	read_file(fd, &b);
	assert_int_equal(ask(buf_str(&b), a, &right), 0);
	assert_int_equal(right, 6);
	for (size_t n = 0; n < b.n; n++)
		assert_true(ask(str_n(b.p, n), a, &right) < 0);
	buf_putc(&b, '\0');
	assert_true(ask(buf_str(&b), a, &right) < 0);
	buf_done(&b);
	arena_free(a);
	(void)close(fd);
	set_done(&set);
}

/* Each bit of what look-ups read, once: the right answer or an error. */
static void
a_flipped_bit_is_never_a_miss(void **state)
{
	struct set set = make_set(12);
	struct arena *a = arena_new(16 * (size_t)MIB);
	int fd = file_of(&set, STR_NONE), errors = 0;
	size_t right = 0;
	struct buf b;

	(void)state;
	read_file(fd, &b);
	for (size_t i = 0; i < b.n; i++) {
		int bit = 1 << (i % 8);

		b.p[i] = (char)(b.p[i] ^ bit);
		errors += ask(buf_str(&b), a, &right) < 0;
		b.p[i] = (char)(b.p[i] ^ bit);
	}
	assert_true(errors > 800);
	buf_done(&b);
	arena_free(a);
	(void)close(fd);
	set_done(&set);
}

/* verify sees every single one. */
static void
verify_sees_every_flipped_bit(void **state)
{
	struct set set = make_set(9);
	struct error err = ERROR_INIT;
	int fd = file_of(&set, STR_NONE), copy;
	struct snapshot *s;
	struct buf b;

	(void)state;
	read_file(fd, &b);
	for (size_t i = 0; i < b.n; i++) {
		s = NULL;
		b.p[i] = (char)(b.p[i] ^ 0x10);
		assert_int_equal(fd_of_bytes("damaged", buf_str(&b), &copy,
				     &err),
		    0);
		assert_true(snapshot_open(copy, &s, &err) < 0 ||
		    snapshot_verify(s, &err) < 0);
		snapshot_close(s);
		(void)close(copy);
		b.p[i] = (char)(b.p[i] ^ 0x10);
	}
	buf_done(&b);
	(void)close(fd);
	set_done(&set);
}

static void
samples_make_a_dictionary(void **state)
{
	struct set set = make_set(2000);
	VEC(size_t) sizes = { 0 };
	struct error err = ERROR_INIT;
	struct snapshot_info info;
	struct snapshot *s = NULL;
	struct buf all, dictionary;
	uint64_t without;
	int fd;

	(void)state;
	buf_init(&all, 64 * (size_t)MIB);
	for (size_t i = 0; i < set.v.n; i++) {
		buf_put_str(&all, set.v.v[i]);
		vec_push(&sizes, set.v.v[i].n);
	}
	snapshot_train(buf_str(&all), sizes.v, (unsigned)sizes.n, &dictionary);
	assert_true(dictionary.n > 1000);
	fd = file_of(&set, STR_NONE);
	assert_int_equal(snapshot_open(fd, &s, &err), 0);
	snapshot_info(s, &info);
	without = info.documents_bytes;
	snapshot_close(s);
	(void)close(fd);
	fd = file_of(&set, buf_str(&dictionary));
	assert_int_equal(snapshot_open(fd, &s, &err), 0);
	snapshot_info(s, &info);
	assert_true(info.documents_bytes < without / 2);
	assert_int_equal(snapshot_verify(s, &err), 0);
	snapshot_close(s);
	(void)close(fd);
	buf_done(&all);
	buf_done(&dictionary);
	vec_done(&sizes);
	set_done(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_come_back),
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(commits_are_found),
		cmocka_unit_test(the_same_input_gives_the_same_bytes),
		cmocka_unit_test(empty_is_empty),
		cmocka_unit_test(a_cut_file_is_refused),
		cmocka_unit_test(a_flipped_bit_is_never_a_miss),
		cmocka_unit_test(verify_sees_every_flipped_bit),
		cmocka_unit_test(samples_make_a_dictionary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
