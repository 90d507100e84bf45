/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots from strangers. Checksums would stop nearly every input at once,
 * so those are put right first: what is behind them must stand alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/limits.h"
#include "snapshot/format_priv.h"
#include "snapshot/snapshot.h"
#include "sys/crc32c.h"
#include "sys/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
store_u32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (8 * i));
}

static void
mend_group(char *p, uint64_t size, enum section_kind kind, uint32_t group)
{
	char *g = p + (size_t)group * FORMAT_GROUP_BYTES;
	uint64_t from = load_u64(g);

	for (size_t i = 0; i < FORMAT_GROUP; i++) {
		uint32_t n = load_u32(g + 8 + 4 * i);

		if (n >= 4 && from <= size && n <= size - from &&
		    from >= (uint64_t)(g - p) + FORMAT_GROUP_BYTES)
			store_u32(p + from,
			    place_checksum(kind, 0,
				str_n(p + from + 4, n - 4)));
		from += n;
	}
	store_u32(g + FORMAT_GROUP_BYTES - 4,
	    place_checksum(kind, group + 1, str_n(g, FORMAT_GROUP_BYTES - 4)));
}

static void
mend_chunks(char *p, uint64_t size, uint32_t kind, uint64_t n)
{
	for (uint32_t g = 0; (uint64_t)g * FORMAT_GROUP < n &&
	     ((uint64_t)g + 1) * FORMAT_GROUP_BYTES <= size;
	     g++)
		mend_group(p, size, (enum section_kind)kind, g);
}

static void
mend(char *p, size_t size)
{
	uint32_t n;
	size_t header;

	if (size < FORMAT_FIXED_BYTES + FORMAT_CHECKSUM)
		return;
	n = load_u32(p + 88);
	header = FORMAT_FIXED_BYTES + (size_t)n * FORMAT_SECTION_BYTES + 4;
	if (n > FORMAT_MAX_SECTIONS || header > size)
		return;
	store_u32(p + 16, (uint32_t)size);
	store_u32(p + 20, 0);
	for (uint32_t i = 0; i < n; i++) {
		char *s =
		    p + FORMAT_FIXED_BYTES + (size_t)i * FORMAT_SECTION_BYTES;
		uint32_t kind = load_u32(s);
		uint64_t at = load_u64(s + 8), bytes = load_u64(s + 16);

		if (at < header || at > size || bytes > size - at)
			continue;
		if (kind == SECTION_STRINGS || kind == SECTION_FILTER ||
		    kind == SECTION_REGISTRIES || kind == SECTION_DICTIONARY)
			store_u32(s + 4,
			    place_checksum((enum section_kind)kind, 0,
				str_n(p + at, (size_t)bytes)));
		else
			mend_chunks(p + at, bytes, kind, load_u64(s + 24));
	}
	store_u32(p + header - 4, crc32c(0, p, header - 4));
}

static void
ask_package(struct snapshot *s, struct str ecosystem, const char *name,
    struct arena *a)
{
	struct snapshot_cursor c;
	struct snapshot_row row;
	struct snapshot_hit hit;
	struct snapshot_record r;
	struct error err = ERROR_INIT;

	if (snapshot_find(s, ecosystem, str_of(name), SNAPSHOT_ANY_CASE, &c,
		&err) != 1)
		return;
	for (int i = 0; i < 100 && snapshot_next(&c, &row, &err) == 1; i++) {
		(void)snapshot_match(&row, STR_LIT("1.0.0"), a, &hit, &err);
		(void)snapshot_match(&row, STR_LIT("name-1.2rc1"), a, &hit,
		    &err);
		(void)snapshot_record(s, row.record, a, &r, &err);
	}
}

static void
ask(struct snapshot *s, struct arena *a)
{
	static const char hash[20] = { 1, 2, 3 };
	struct snapshot_documents *d = NULL;
	struct snapshot_numbers same;
	struct snapshot_record r;
	struct error err = ERROR_INIT;
	struct str *urls, text;
	uint32_t number;
	size_t n;

	ask_package(s, STR_LIT("npm"), "x", a);
	ask_package(s, STR_LIT("PyPI"), "Foo.Bar", a);
	ask_package(s, STR_LIT("Debian"), "d", a);
	ask_package(s, STR_NONE, "git.test/owner/name", a);
	(void)snapshot_by_id(s, STR_LIT("MAL-2026-1"), &number, &err);
	(void)snapshot_by_alias(s, STR_LIT("CVE-2026-1"), a, &same, &err);
	(void)snapshot_by_commit(s, str_n(hash, sizeof(hash)), a, &same, &err);
	(void)snapshot_registries(s, STR_LIT("npm"), a, &urls, &n, &err);
	if (snapshot_documents_new(s, &d, &err) == 0)
		for (uint32_t i = 0; i < 8; i++) {
			(void)snapshot_record(s, i, a, &r, &err);
			(void)snapshot_summary(d, i, a, &text, &err);
		}
	snapshot_documents_free(d);
	(void)snapshot_verify(s, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot *s = NULL;
	struct error err = ERROR_INIT;
	struct arena *a;
	char *p;
	int fd;

	if (size == 0 || size > MIB)
		return 0;
	p = malloc(size);
	memcpy(p, data, size);
	mend(p, size);
	if (fd_of_bytes("fuzz", str_n(p, size), &fd, &err) == 0) {
		a = arena_new(LIMIT_ARENA_BYTES);
		if (snapshot_open(fd, &s, &err) == 0)
			ask(s, a);
		snapshot_close(s);
		arena_free(a);
		(void)close(fd);
	}
	free(p);
	return 0;
}
