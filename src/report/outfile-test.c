/* SPDX-License-Identifier: Apache-2.0 */
/* A file that begins with what is published has the sums of its bytes. */
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

#define N (3 * OUTFILE_STEP + OUTFILE_STEP / 4) /* three states, and a rest */

static char bytes[N];

static struct outfile_sums
write_file(int dir, const struct outfile_sums *past, uint64_t keep, size_t n)
{
	struct outfile *o = outfile_open(dir, "file");
	struct outfile_sums sums;
	struct error err = ERROR_INIT;

	if (past != NULL)
		assert_true(outfile_keep(o, past, keep));
	assert_int_equal(outfile_at(o), past != NULL ? keep : 0);
	outfile_put(o, bytes + outfile_at(o), n - outfile_at(o));
	assert_int_equal(outfile_close(o, &sums, &err), 0);
	return sums;
}

static void
assert_same(struct outfile_sums *a, struct outfile_sums *b)
{
	assert_string_equal(a->sha256, b->sha256);
	assert_int_equal(a->crc32c, b->crc32c);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->n_states, b->n_states);
	assert_memory_equal(a->states, b->states,
	    a->n_states * sizeof(*a->states));
	free(b->states);
}

static void
kept(void **state)
{
	static const uint64_t keeps[] = { 0, 1, 100, OUTFILE_STEP - 1,
		OUTFILE_STEP, OUTFILE_STEP + 1, 2 * OUTFILE_STEP,
		9 * OUTFILE_STEP / 4 + 1, 3 * OUTFILE_STEP, N - 5 };
	char name[] = "/tmp/outfile-test-XXXXXX";
	struct outfile_sums all, part, again;
	int dir;

	(void)state;
	assert_non_null(mkdtemp(name));
	dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N; i++)
		bytes[i] = (char)(i * 2654435761u >> 21);
	all = write_file(dir, NULL, 0, N);
	assert_int_equal(all.n_states, 3);
	for (size_t i = 0; i < N_ELEMENTS(keeps); i++) {
		part = write_file(dir, NULL, 0, N - 3);
		again = write_file(dir, &part, keeps[i], N);
		assert_same(&all, &again);
		free(part.states);
	}
	free(all.states);
	(void)unlinkat(dir, ".cache/spare/file", 0);
	(void)unlinkat(dir, ".cache/spare", AT_REMOVEDIR);
	(void)unlinkat(dir, ".cache", AT_REMOVEDIR);
	assert_int_equal(unlinkat(dir, "file", 0), 0);
	(void)close(dir);
	assert_int_equal(rmdir(name), 0);
}

/* Another file under the name, or one of another size, is not built upon. */
static void
not_kept(void **state)
{
	char name[] = "/tmp/outfile-test-XXXXXX";
	struct outfile_sums sums, other;
	struct error err = ERROR_INIT;
	struct outfile *o;
	int dir;

	(void)state;
	assert_non_null(mkdtemp(name));
	dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sums = write_file(dir, NULL, 0, 5 * OUTFILE_STEP / 4);
	other = write_file(dir, NULL, 0, 5 * OUTFILE_STEP / 4);
	o = outfile_open(dir, "file");
	assert_false(outfile_keep(o, &sums, 5000));
	assert_false(outfile_keep(o, &other, 5 * OUTFILE_STEP / 4 + 1));
	other.states[0].sha256[0] ^= 1; /* still a state, of other bytes */
	other.mtime_ns++;
	assert_false(outfile_keep(o, &other, 5000));
	other.mtime_ns--;
	memset(other.states[0].sha256, 0xff, sizeof(other.states[0].sha256));
	assert_false(outfile_keep(o, &other, OUTFILE_STEP + 1));
	assert_int_equal(outfile_close(o, NULL, &err), 0);
	free(sums.states);
	free(other.states);
	assert_int_equal(unlinkat(dir, "file", 0), 0);
	(void)close(dir);
	assert_int_equal(rmdir(name), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
