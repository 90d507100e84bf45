/* SPDX-License-Identifier: Apache-2.0 */
/* Replacing a snapshot under who reads it; deltas, whole and damaged;
 * latest.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "snapshot/delta.h"
#include "snapshot/latest.h"
#include "snapshot/make.h"
#include "snapshot/replace.h"
#include "snapshot/snapshot.h"
#include "sys/fd.h"

static char folder[] = "/tmp/snapshot-update-XXXXXX";
static char path[64], temporary[64];

static void
bytes_of(size_t n_documents, struct buf *ret)
{
	struct arena *a = arena_new(16 * (size_t)MIB);
	struct str *documents = arena_array(a, n_documents, sizeof(*documents));
	struct make_input in = { .documents = documents,
		.n = n_documents,
		.built_at_s = 1790000000 };
	struct error err = ERROR_INIT;
	int fd;

	for (size_t i = 0; i < n_documents; i++)
		documents[i] = str_of(arena_printf(a,
		    "{\"id\":\"MAL-2026-%zu\",\"modified\":"
		    "\"2026-01-02T03:04:05Z\",\"affected\":[{\"package\":"
		    "{\"ecosystem\":\"npm\",\"name\":\"p%zu\"},"
		    "\"versions\":[\"1.0.0\"]}]}",
		    i, i));
	if (snapshot_make(&in, &fd, &err) != 0)
		fail_msg("%s", err.msg);
	buf_init(ret, 16 * (size_t)MIB);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(fd, ret, &err), 0);
	(void)close(fd);
	arena_free(a);
}

static void
put(struct str bytes)
{
	struct replace r = REPLACE_INIT;
	struct error err = ERROR_INIT;

	if (replace_begin(path, &r, &err) != 0 ||
	    fd_write_all(r.fd, bytes.p, bytes.n, &err) != 0 ||
	    replace_commit(&r, &err) != 0)
		fail_msg("%s", err.msg);
	replace_done(&r);
}

static bool
has(struct snapshot *s, const char *name)
{
	struct error err = ERROR_INIT;
	struct snapshot_cursor c;
	struct snapshot_row row;
	int rc = snapshot_find(s, STR_LIT("npm"), str_of(name),
	    SNAPSHOT_ANY_CASE, &c, &err);

	if (rc == 1)
		rc = snapshot_next(&c, &row, &err);
	assert_true(rc >= 0);
	return rc == 1;
}

static void
who_reads_the_old_one_goes_on(void **state)
{
	struct snapshot *old = NULL, *new = NULL;
	struct error err = ERROR_INIT;
	struct buf one, two;

	(void)state;
	bytes_of(1, &one);
	bytes_of(2, &two);
	put(buf_str(&one));
	assert_int_equal(snapshot_open_path(path, &old, &err), 0);
	for (int i = 0; i < 20; i++) {
		put(i % 2 == 0 ? buf_str(&two) : buf_str(&one));
		assert_true(has(old, "p0"));
		assert_false(has(old, "p1"));
	}
	put(buf_str(&two));
	assert_int_equal(snapshot_open_path(path, &new, &err), 0);
	assert_true(has(new, "p1"));
	assert_false(has(old, "p1"));
	snapshot_close(old);
	snapshot_close(new);
	buf_done(&one);
	buf_done(&two);
}

static void
one_writer_at_a_time(void **state)
{
	struct replace first = REPLACE_INIT, second = REPLACE_INIT;
	struct error err = ERROR_INIT;
	struct stat st;

	(void)state;
	put(STR_LIT("old"));
	assert_int_equal(replace_begin(path, &first, &err), 0);
	assert_int_equal(replace_begin(path, &second, &err), -EBUSY);
	assert_int_equal(fd_write_all(first.fd, "half", 4, &err), 0);
	replace_done(&first);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(stat(temporary, &st), -1);
	/* What a dead writer left is no obstacle, and does not stay. */
	first.fd = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(first.fd, "longer than new", 15, &err),
	    0);
	replace_done(&first);
	put(STR_LIT("new"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 3);
}

static int
apply(struct str from, struct str delta, struct buf *ret)
{
	_cleanup_(closep) int fd = memfd_create("out", MFD_CLOEXEC);
	struct error err = ERROR_INIT;
	int rc = delta_apply(from, delta, fd, &err);

	assert_true(rc == 0 || err.msg[0] != '\0');
	buf_init(ret, 16 * (size_t)MIB);
	if (rc == 0) {
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(fd_read_all(fd, ret, &err), 0);
	}
	return rc;
}

static void
a_delta_makes_the_new_one_or_nothing(void **state)
{
	_cleanup_(closep) int fd = memfd_create("delta", MFD_CLOEXEC);
	struct error err = ERROR_INIT;
	struct buf old, new, delta, out;

	(void)state;
	bytes_of(200, &old);
	bytes_of(203, &new);
	assert_int_equal(delta_make(buf_str(&old), buf_str(&new), fd, &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	buf_init(&delta, 16 * (size_t)MIB);
	assert_int_equal(fd_read_all(fd, &delta, &err), 0);
	assert_true(delta.n < new.n / 2);
	assert_int_equal(apply(buf_str(&old), buf_str(&delta), &out), 0);
	assert_true(str_eq(buf_str(&out), buf_str(&new)));
	buf_done(&out);
	assert_int_equal(apply(buf_str(&new), buf_str(&delta), &out), -ESTALE);
	buf_done(&out);
	for (size_t n = 0; n < delta.n; n += 1 + n / 50) {
		assert_true(apply(buf_str(&old), str_n(delta.p, n), &out) < 0);
		buf_done(&out);
	}
	for (size_t i = 0; i < delta.n; i += 1 + i / 50) {
		delta.p[i] = (char)(delta.p[i] ^ 0x20);
		assert_true(apply(buf_str(&old), buf_str(&delta), &out) < 0 ||
		    str_eq(buf_str(&out), buf_str(&new)));
		buf_done(&out);
		delta.p[i] = (char)(delta.p[i] ^ 0x20);
	}
	buf_done(&old);
	buf_done(&new);
	buf_done(&delta);
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
latest_is_read_with_care(void **state)
{
	static const struct {
		const char *json;
		int rc;
	} rows[] = {
		{ "{\"name\":\"a.snapshot\",\"size\":1,\"sha256\":\"" HASH
		  "\",\"built\":\"2026-01-02T03:04:05Z\",\"deltas\":[{"
		  "\"from\":\"" HASH "\",\"name\":\"b\",\"size\":2,"
		  "\"sha256\":\"" HASH "\"}],\"later\":1}",
		    0 },
		{ "{\"name\":\"a/b\",\"size\":1,\"sha256\":\"" HASH
		  "\",\"built\":\"2026-01-02T03:04:05Z\",\"deltas\":[]}",
		    -EINVAL },
		{ "{\"name\":\"..\",\"size\":1,\"sha256\":\"" HASH
		  "\",\"built\":\"2026-01-02T03:04:05Z\",\"deltas\":[]}",
		    -EINVAL },
		{ "{\"name\":\"a\",\"size\":-1,\"sha256\":\"" HASH
		  "\",\"built\":\"2026-01-02T03:04:05Z\",\"deltas\":[]}",
		    -EINVAL },
		{ "{\"name\":\"a\",\"size\":1,\"sha256\":\"00\","
		  "\"built\":\"2026-01-02T03:04:05Z\",\"deltas\":[]}",
		    -EINVAL },
		{ "{\"name\":\"a\",\"size\":1,\"sha256\":\"" HASH
		  "\",\"built\":\"then\",\"deltas\":[]}",
		    -EINVAL },
		{ "{\"name\":\"a\",\"size\":1,\"sha256\":\"" HASH
		  "\",\"built\":\"2026-01-02T03:04:05Z\",\"deltas\":[0]}",
		    -EINVAL },
		{ "[]", -EINVAL },
		{ "", -EINVAL },
	};
	struct arena *a = arena_new(MIB);
	struct latest *l = arena_alloc(a, sizeof(*l));
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (latest_parse(a, str_of(rows[i].json), l, &err) !=
		    rows[i].rc)
			fail_msg("%s", rows[i].json);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_reads_the_old_one_goes_on),
		cmocka_unit_test(one_writer_at_a_time),
		cmocka_unit_test(a_delta_makes_the_new_one_or_nothing),
		cmocka_unit_test(latest_is_read_with_care),
	};
	int rc;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/x.snapshot", folder);
	(void)snprintf(temporary, sizeof(temporary), "%s/.x.snapshot.new",
	    folder);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)unlink(temporary);
	(void)rmdir(folder);
	return rc;
}
