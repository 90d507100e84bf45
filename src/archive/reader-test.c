/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile archives: each is made here, with the library that reads it. */
#include "archive/reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive/path.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"

struct row {
	const char *path;
	unsigned type; /* AE_IFREG… */
	int mode;
	const char *target;
	bool hard;
	const char *inner;
	unsigned want;
};

static const struct row rows[] = {
	{ "package/package.json", AE_IFREG, 0644, NULL, false, "package.json",
	    0 },
	{ "package/./lib//a.js", AE_IFREG, 0755, NULL, false, "lib/a.js", 0 },
	{ "package/lib", AE_IFDIR, 0755, NULL, false, "lib", 0 },
	{ "package/lib", AE_IFDIR, 0755, NULL, false, "lib", 0 },
	{ "package/../../etc/x", AE_IFREG, 0644, NULL, false,
	    "package/../../etc/x", READER_TRAVERSAL },
	{ "/etc/cron.d/x", AE_IFREG, 0644, NULL, false, "/etc/cron.d/x",
	    READER_ABSOLUTE | READER_OTHER_ROOT },
	{ "package/package.json", AE_IFREG, 0644, NULL, false, "package.json",
	    READER_DUPLICATE },
	{ "package/LIB/A.js", AE_IFREG, 0644, NULL, false, "LIB/A.js",
	    READER_CASE_CLASH },
	{ "package/su", AE_IFREG, 04755, NULL, false, "su", READER_SETUID },
	{ "package/dev", AE_IFCHR, 0600, NULL, false, "dev", READER_IS_DEVICE },
	{ "package/pipe", AE_IFIFO, 0600, NULL, false, "pipe", READER_IS_FIFO },
	{ "package/in", AE_IFLNK, 0777, "lib/a.js", false, "in",
	    READER_IS_LINK },
	{ "package/out", AE_IFLNK, 0777, "../../etc", false, "out",
	    READER_IS_LINK | READER_LINK_OUTSIDE },
	{ "package/abs", AE_IFLNK, 0777, "/etc/passwd", false, "abs",
	    READER_IS_LINK | READER_LINK_OUTSIDE },
	{ "package/hard", AE_IFREG, 0644, "package/su", true, "hard",
	    READER_IS_LINK },
	{ "package/hard2", AE_IFREG, 0644, "../x", true, "hard2",
	    READER_IS_LINK | READER_LINK_OUTSIDE },
	{ "package/a\033[2Jb", AE_IFREG, 0644, NULL, false, "a\033[2Jb",
	    READER_CONTROL },
	{ "other/x", AE_IFREG, 0644, NULL, false, "x", READER_OTHER_ROOT },
};

static struct archive *
begin(int *ret_fd)
{
	struct archive *a = archive_write_new();

	*ret_fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(*ret_fd >= 0);
	assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
	assert_int_equal(archive_write_set_format_pax(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_fd(a, *ret_fd), ARCHIVE_OK);
	return a;
}

static void
add(struct archive *a, const struct row *r, size_t size)
{
	static const char zeros[64 * KIB];
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, r->path);
	archive_entry_set_filetype(e, r->type);
	archive_entry_set_perm(e, (mode_t)r->mode);
	if (r->hard)
		archive_entry_set_hardlink(e, r->target);
	else if (r->target != NULL)
		archive_entry_set_symlink(e, r->target);
	archive_entry_set_size(e,
	    r->type == AE_IFREG && !r->hard ? (la_int64_t)size : 0);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	for (; size > 0 && r->type == AE_IFREG && !r->hard;
	     size -= MIN_OF(size, sizeof(zeros)))
		(void)archive_write_data(a, zeros, MIN_OF(size, sizeof(zeros)));
	archive_entry_free(e);
}

static void
end(struct archive *a)
{
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	(void)archive_write_free(a);
}

static void
every_anomaly_is_told(void **state)
{
	struct reader *r;
	struct reader_member m;
	struct error err = ERROR_INIT;
	struct archive *a;
	int fd;

	(void)state;
	a = begin(&fd);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		add(a, &rows[i], 1);
	end(a);
	assert_int_equal(reader_open(fd, 1, &r, &err), 0);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		assert_int_equal(reader_next(r, &m, &err), 1);
		if (!str_is(m.inner, rows[i].inner) ||
		    m.anomalies != rows[i].want)
			fail_msg("%s: %.*s, anomalies %x, not %x", rows[i].path,
			    STR_ARG(m.inner), m.anomalies, rows[i].want);
	}
	assert_int_equal(reader_next(r, &m, &err), 0);
	reader_free(r);
	(void)close(fd);
}

static void
a_bomb_is_stopped(void **state)
{
	static const struct row bomb = { "package/b", AE_IFREG, 0644, NULL,
		false, "b", 0 };
	static char bytes[64 * KIB];
	struct reader *r;
	struct reader_member m;
	struct error err = ERROR_INIT;
	struct archive *a;
	int64_t n, total = 0;
	int fd;

	(void)state;
	a = begin(&fd);
	add(a, &bomb, 64 * (size_t)MIB);
	add(a, &rows[0], 1);
	end(a);
	assert_int_equal(reader_open(fd, 1, &r, &err), 0);
	assert_int_equal(reader_next(r, &m, &err), 1);
	while ((n = reader_read(r, bytes, sizeof(bytes), &err)) > 0)
		total += n;
	assert_int_equal(n, -EFBIG);
	assert_true(total < 64 * (int64_t)MIB);
	assert_int_equal(reader_anomalies(r), READER_BOMB);
	assert_int_equal(reader_next(r, &m, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "200 times"));
	reader_free(r);
	(void)close(fd);
}

static void
others_may_move_the_offset(void **state)
{
	struct reader *r;
	struct reader_member m;
	struct archive *a;
	int fd;

	(void)state;
	a = begin(&fd);
	add(a, &rows[0], 1);
	end(a);
	assert_true(lseek(fd, 0, SEEK_END) > 0);
	assert_int_equal(reader_open(fd, 1, &r, NULL), 0);
	assert_int_equal(reader_next(r, &m, NULL), 1);
	reader_free(r);
	(void)close(fd);
}

static void
what_is_no_archive_is_said(void **state)
{
	struct reader *r = NULL;
	struct reader_member m;
	struct error err = ERROR_INIT;
	int fd = memfd_create("test", MFD_CLOEXEC), rc;

	(void)state;
	assert_int_equal(write(fd, "no archive at all", 17), 17);
	rc = reader_open(fd, 1, &r, &err);
	if (rc == 0)
		rc = reader_next(r, &m, &err);
	assert_int_equal(rc, -EBADMSG);
	assert_non_null(strstr(err.msg, "cannot be read"));
	reader_free(r);
	(void)close(fd);
}

static void
names_of_anomalies(void **state)
{
	(void)state;
	assert_string_equal(reader_anomaly_name(READER_TRAVERSAL), "traversal");
	assert_string_equal(reader_anomaly_name(READER_OTHER_ROOT),
	    "other-root");
	assert_true(path_anomalies(STR_LIT("a\\..\\..\\b")) & READER_TRAVERSAL);
	assert_true(path_anomalies(STR_LIT("C:\\x")) & READER_ABSOLUTE);
	assert_true(path_anomalies(STR_LIT("\xff")) & READER_NOT_UTF8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_anomaly_is_told),
		cmocka_unit_test(a_bomb_is_stopped),
		cmocka_unit_test(others_may_move_the_offset),
		cmocka_unit_test(what_is_no_archive_is_said),
		cmocka_unit_test(names_of_anomalies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
