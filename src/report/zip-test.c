/* SPDX-License-Identifier: Apache-2.0 */
/* An archive with more members than the plain directory can count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/outfile.h"
#include "report/zip.h"
#include "sys/crc32c.h"
#include "sys/fd.h"

#define N 70000

static uint64_t
number(const char *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

static void
write_archive(int dir)
{
	struct outfile *o = outfile_open(dir, "many.zip");
	struct error err = ERROR_INIT;
	char name[32];
	struct zip z;

	zip_begin(&z, o);
	for (int i = 0; i < N; i++) {
		struct zip_member m = { .modified_s = 1772355600, /* 2026-03 */
			.packed = 2 };

		(void)snprintf(name, sizeof(name), "%05d.json", i);
		m.name = str_of(name);
		zip_member(&z, &m);
		outfile_put(o, "\x03\x00", 2);
	}
	zip_end(&z);
	assert_int_equal(outfile_close(o, NULL, &err), 0);
}

static void
many(void **state)
{
	char dir_name[] = "/tmp/zip-test-XXXXXX";
	_cleanup_(closep) int dir = -1;
	_cleanup_(closep) int fd = -1;
	const char *end, *large;
	uint64_t at;
	struct buf b;

	(void)state;
	assert_non_null(mkdtemp(dir_name));
	dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_archive(dir);
	fd = openat(dir, "many.zip", O_RDONLY | O_CLOEXEC);
	buf_init(&b, (size_t)64 << 20);
	assert_int_equal(fd_read_all(fd, &b, NULL), 0);
	end = b.p + b.n - 22;
	assert_int_equal(number(end, 4), 0x06054b50);
	assert_int_equal(number(end + 10, 2), 0xffff);
	assert_int_equal(number(end - 20, 4), 0x07064b50);
	large = b.p + number(end - 20 + 8, 8);
	assert_int_equal(number(large, 4), 0x06064b50);
	assert_int_equal(number(large + 32, 8), N);
	at = number(large + 48, 8);
	for (int i = 0; i < N; i++) {
		const char *e = b.p + at;

		assert_int_equal(number(e, 4), 0x02014b50);
		assert_int_equal(number(e + 12, 4) >> 25, 2026 - 1980);
		assert_int_equal(number(b.p + number(e + 42, 4), 4),
		    0x04034b50);
		at += 46 + number(e + 28, 2);
	}
	assert_int_equal(at, (uint64_t)(large - b.p));
	buf_done(&b);
	(void)unlinkat(dir, "many.zip", 0);
	(void)rmdir(dir_name);
}

/* Check values of the polynomial: "123456789", and lengths around eight. */
static void
castagnoli(void **state)
{
	uint32_t crc = 0;

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	for (int i = 0; i < 9; i++)
		crc = crc32c(crc, "123456789" + i, 1);
	assert_int_equal(crc, 0xe3069283);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many),
		cmocka_unit_test(castagnoli),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
