/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lockfiles and SBOMs: the first line is the path, which chooses the reader,
 * the rest is the file. A file beside it has the same bytes.
 */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/limits.h"
#include "lockfile/lockfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
open_same(void *data, struct str relative, struct str *ret)
{
	(void)relative;
	*ret = *(const struct str *)data;
	return true;
}

static bool
include_any(void *data, struct str relative, struct str context)
{
	(void)data;
	(void)context;
	return relative.n != 0;
}

static void
check(const struct lock_list *l)
{
	for (size_t i = 0; i < l->packages.n; i++) {
		size_t steps = 0;

		assert(l->packages.v[i].name.n != 0);
		assert(l->packages.v[i].origin.n != 0);
		for (uint32_t at = l->packages.v[i].parent; at != LOCK_NONE;
		     at = l->packages.v[at].parent)
			assert(++steps <= l->packages.n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_n(data, size), path;
	const struct lock_format *f;
	struct lock_input in = { .open = open_same,
		.include = include_any,
		.data = &in.bytes };
	struct lock_list l;
	struct arena *a;

	if (!str_cut(&bytes, '\n', &path) || bytes.p == NULL)
		return 0;
	f = lock_format_find(path);
	if (f == NULL)
		return 0;
	a = arena_new(LIMIT_ARENA_BYTES);
	in.path = path;
	in.bytes = bytes;
	lock_list_init(&l, a);
	f->read(&in, &l);
	lock_relate(&l);
	check(&l);
	lock_list_done(&l);
	arena_free(a);
	return 0;
}
