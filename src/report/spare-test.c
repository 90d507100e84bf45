/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is written again has the bytes and sums of a new one, and who
 * still has it does not see it change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/outfile.h"

#define NAME  "folder/file"
#define SPARE ".cache/spare/" NAME
#define N     (3 * OUTFILE_STEP + OUTFILE_STEP / 4)
#define KEPT  (2 * OUTFILE_STEP + 5)

struct place {
	char name[32];
	int dir;
};

static char bytes[N + 100], found[N + 100];

static void
begin(struct place *p)
{
	memcpy(p->name, "/tmp/spare-test-XXXXXX", 23);
	assert_non_null(mkdtemp(p->name));
	p->dir = open(p->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 2654435761u >> 21);
}

static void
end(struct place *p)
{
	(void)unlinkat(p->dir, "link", 0);
	(void)unlinkat(p->dir, SPARE, 0);
	(void)unlinkat(p->dir, ".cache/spare/folder", AT_REMOVEDIR);
	(void)unlinkat(p->dir, ".cache/spare", AT_REMOVEDIR);
	(void)unlinkat(p->dir, ".cache", AT_REMOVEDIR);
	(void)unlinkat(p->dir, NAME, 0);
	(void)unlinkat(p->dir, "folder", AT_REMOVEDIR);
	(void)close(p->dir);
	assert_int_equal(rmdir(p->name), 0); /* and nothing else */
}

static void
assert_holds(int fd, size_t n)
{
	assert_int_equal(pread(fd, found, sizeof(found), 0), n);
	assert_memory_equal(found, bytes, n);
}

/* What is kept has the same bytes each time, the rest another number. */
static struct outfile_sums
write_from(struct place *p, struct outfile_sums *past, size_t kept, size_t n)
{
	struct outfile *o = outfile_open(p->dir, NAME);
	struct outfile_sums sums;
	struct error err = ERROR_INIT;
	_cleanup_(closep) int fd = -1;

	if (past != NULL) {
		assert_true(outfile_keep(o, past, kept));
		free(past->states);
	}
	outfile_put(o, bytes + outfile_at(o), n - outfile_at(o));
	assert_int_equal(outfile_close(o, &sums, &err), 0);
	fd = openat(p->dir, NAME, O_RDONLY | O_CLOEXEC);
	assert_holds(fd, n);
	return sums;
}

static struct outfile_sums
write_file(struct place *p, struct outfile_sums *past, size_t n)
{
	return write_from(p, past, KEPT, n);
}

/* The sums of the third, whose spare is the first. */
static struct outfile_sums
third(struct place *p, uint64_t *ret_first)
{
	struct outfile_sums s = write_file(p, NULL, N);

	*ret_first = s.inode;
	s = write_file(p, &s, N + 100);
	assert_int_not_equal(s.inode, *ret_first);
	return s;
}

static void
written_again(void **state)
{
	struct outfile_sums s, whole;
	struct place p;
	uint64_t first;

	(void)state;
	begin(&p);
	s = third(&p, &first);
	for (size_t turn = 0; turn < 4; turn++) {
		uint64_t before = s.inode;

		/* Longer and shorter ones. */
		s = write_file(&p, &s, N - turn * 300);
		assert_int_equal(s.inode, first);
		first = before;
	}
	/* With nothing that stays, before and after others. */
	for (size_t turn = 0; turn < 4; turn++) {
		uint64_t before = s.inode;

		s = write_from(&p, &s, turn % 2 == 0 ? 0 : KEPT, N - 900);
		assert_int_equal(s.inode, first);
		first = before;
	}
	whole = write_file(&p, NULL, N - 900);
	assert_string_equal(s.sha256, whole.sha256);
	assert_int_equal(s.crc32c, whole.crc32c);
	assert_int_equal(s.n_states, whole.n_states);
	assert_memory_equal(s.states, whole.states,
	    s.n_states * sizeof(*s.states));
	/* Nothing was kept: the spare would be of no use. */
	assert_int_not_equal(faccessat(p.dir, SPARE, F_OK, 0), 0);
	free(s.states);
	free(whole.states);
	end(&p);
}

static void
read_by_another(void **state)
{
	_cleanup_(closep) int reader = -1;
	struct outfile_sums s;
	struct place p;
	uint64_t first;

	(void)state;
	begin(&p);
	s = write_file(&p, NULL, N);
	first = s.inode;
	reader = openat(p.dir, NAME, O_RDONLY | O_CLOEXEC);
	s = write_file(&p, &s, N + 100);
	s = write_file(&p, &s, N + 50);
	assert_int_not_equal(s.inode, first);
	assert_holds(reader, N);
	free(s.states);
	end(&p);
}

static void
named_by_another(void **state)
{
	_cleanup_(closep) int reader = -1;
	struct outfile_sums s;
	struct place p;
	uint64_t first;

	(void)state;
	begin(&p);
	s = write_file(&p, NULL, N);
	first = s.inode;
	assert_int_equal(linkat(p.dir, NAME, p.dir, "link", 0), 0);
	s = write_file(&p, &s, N + 100);
	s = write_file(&p, &s, N + 50);
	assert_int_not_equal(s.inode, first);
	reader = openat(p.dir, "link", O_RDONLY | O_CLOEXEC);
	assert_holds(reader, N);
	free(s.states);
	end(&p);
}

/* Another's bytes with the same size, the same bytes with another size, and
 * another file. */
static void
changed(void **state)
{
	struct outfile_sums s;
	struct place p;
	uint64_t first;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		_cleanup_(closep) int fd = -1;

		begin(&p);
		s = third(&p, &first);
		fd = openat(p.dir, SPARE, O_RDWR | O_CLOEXEC);
		if (kind == 0)
			assert_int_equal(pwrite(fd, "damage", 6, 7), 6);
		if (kind == 1)
			s.spare.size++;
		if (kind == 2)
			s.spare.inode++;
		if (kind == 3)
			assert_int_equal(unlinkat(p.dir, SPARE, 0), 0);
		closep(&fd);
		s = write_file(&p, &s, N);
		if (kind != 3) /* a new file may get its number */
			assert_int_not_equal(s.inode, first);
		free(s.states);
		end(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_again),
		cmocka_unit_test(read_by_another),
		cmocka_unit_test(named_by_another),
		cmocka_unit_test(changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
