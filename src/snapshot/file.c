/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mapped file: header, sections, chunks. Opening looks at the header, the
 * section table and the strings; everything else is verified where it is
 * touched. Runs in scan, guard, serve, db. Every byte is taken for hostile.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "snapshot/snapshot_priv.h"
#include "sys/crc32c.h"

#define SNAPSHOT_MAGIC 0x534e4150u

int
damaged(struct error *err, const char *what)
{
	return error_set(err, -EBADMSG,
	    "the snapshot is damaged (%s): get it anew with lazaret db update, "
	    "or make it anew",
	    what);
}

/* --- opening -------------------------------------------------------------- */

static int
read_section(struct snapshot *s, const char *p, struct error *err)
{
	uint32_t kind = load_u32(p);
	uint64_t offset = load_u64(p + 8), size = load_u64(p + 16);
	struct section *x;

	if (offset < s->header_bytes || offset > s->map.n ||
	    size > s->map.n - offset)
		return damaged(err, "a section lies outside the file");
	if (kind == 0 || kind >= SECTION__MAX)
		return 0; /* of a newer program */
	x = &s->sections[kind];
	if (x->bytes.p != NULL)
		return damaged(err, "a section is there twice");
	if (load_u64(p + 24) > UINT32_MAX)
		return damaged(err, "a section has too many parts");
	x->checksum = load_u32(p + 4);
	x->n = (uint32_t)load_u64(p + 24);
	x->bytes = str_sub(s->map, (size_t)offset, (size_t)(offset + size));
	return 0;
}

static bool
has_chunks(unsigned kind)
{
	return kind != SECTION_STRINGS && kind != SECTION_FILTER &&
	    kind != SECTION_REGISTRIES && kind != SECTION_DICTIONARY;
}

/* What later look-ups rely on without looking again. */
static int
check_sections(const struct snapshot *s, struct error *err)
{
	for (unsigned kind = 1; kind < SECTION__MAX; kind++) {
		const struct section *x = &s->sections[kind];

		if (x->bytes.p == NULL)
			return damaged(err, "a section is missing");
		if (has_chunks(kind) &&
		    x->bytes.n < groups_of(x->n) * FORMAT_GROUP_BYTES)
			return damaged(err, "a list of chunks is cut");
	}
	if (s->sections[SECTION_FILTER].bytes.n !=
	    (size_t)s->sections[SECTION_FILTER].n * FORMAT_FILTER_BYTES)
		return damaged(err, "the filter has another size");
	if (s->sections[SECTION_RECORDS].n !=
	    s->info.n_records / FORMAT_RECORDS +
		(s->info.n_records % FORMAT_RECORDS != 0))
		return damaged(err, "records are missing");
	if (s->sections[SECTION_DOCUMENTS].n != s->info.n_records)
		return damaged(err, "documents are missing");
	return 0;
}

static int
read_header(struct snapshot *s, struct error *err)
{
	const char *p = s->map.p;
	uint32_t n;
	int rc;

	if (s->map.n < FORMAT_FIXED_BYTES + FORMAT_CHECKSUM ||
	    memcmp(p, FORMAT_MAGIC, FORMAT_MAGIC_BYTES) != 0)
		return error_set(err, -EBADMSG,
		    "not a snapshot (lazaret report snapshot makes one)");
	if (load_u32(p + 8) != SNAPSHOT_FORMAT)
		return error_set(err, -EBADMSG,
		    "the snapshot has format %u, this program reads format %d",
		    load_u32(p + 8), SNAPSHOT_FORMAT);
	n = load_u32(p + 88);
	s->header_bytes = FORMAT_FIXED_BYTES +
	    (size_t)n * FORMAT_SECTION_BYTES + FORMAT_CHECKSUM;
	if (n > FORMAT_MAX_SECTIONS || load_u32(p + 12) != s->header_bytes ||
	    s->header_bytes > s->map.n)
		return damaged(err, "its header is cut");
	if (crc32c(0, p, s->header_bytes - FORMAT_CHECKSUM) !=
	    load_u32(p + s->header_bytes - FORMAT_CHECKSUM))
		return damaged(err, "its header");
	if (load_u64(p + 16) != s->map.n)
		return damaged(err, "the file is cut, or has more behind it");
	s->info.built_at_s = (int64_t)load_u64(p + 24);
	s->info.modified_s = (int64_t)load_u64(p + 32);
	s->info.n_records = load_u32(p + 40);
	s->info.n_withdrawn = load_u32(p + 44);
	s->info.n_packages = load_u32(p + 48);
	s->info.n_rows = load_u32(p + 52);
	memcpy(s->info.id, p + 56, sizeof(s->info.id));
	s->info.size_bytes = s->map.n;
	for (uint32_t i = 0; i < n; i++) {
		rc = read_section(s,
		    p + FORMAT_FIXED_BYTES + (size_t)i * FORMAT_SECTION_BYTES,
		    err);
		if (rc != 0)
			return rc;
	}
	s->info.documents_bytes = s->sections[SECTION_DOCUMENTS].bytes.n +
	    s->sections[SECTION_DICTIONARY].bytes.n;
	return check_sections(s, err);
}

static int
read_strings(struct snapshot *s, struct error *err)
{
	struct take t = { 0 };
	int rc = piece_get(s, SECTION_STRINGS, &t.rest, err);

	if (rc != 0)
		return rc;
	/* A copy: what was verified once must not change under us, as it does
	 * when somebody cuts the file where it lies. */
	s->string_bytes = mem_strndup(t.rest);
	t.rest = str_n(s->string_bytes, t.rest.n);
	s->n_bases = take_count(&t);
	s->n_strings = take_count(&t);
	/* Each string takes a byte at least. */
	if (t.bad || s->n_bases > s->n_strings || s->n_strings > t.rest.n)
		return damaged(err, "its strings");
	s->strings = mem_array(s->n_strings, sizeof(*s->strings));
	for (uint32_t i = 0; i < s->n_strings; i++)
		s->strings[i] = take_str(&t);
	return t.bad || t.rest.n != 0 ? damaged(err, "its strings") : 0;
}

int
snapshot_open(int fd, struct snapshot **ret, struct error *err)
{
	_cleanup_(snapshot_closep) struct snapshot *s = NULL;
	struct stat st;
	void *p;
	int rc;

	if (fstat(fd, &st) != 0)
		return error_errno(err, "the snapshot");
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return error_set(err, -EBADMSG,
		    "not a snapshot (an empty file, or none)");
	s = mem_alloc(sizeof(*s));
	s->magic = SNAPSHOT_MAGIC;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return error_errno(err, "mapping the snapshot");
	s->map = str_n(p, (size_t)st.st_size);
	rc = read_header(s, err);
	if (rc == 0)
		rc = read_strings(s, err);
	if (rc != 0)
		return rc;
	*ret = steal(&s);
	return 0;
}

int
snapshot_open_path(const char *path, struct snapshot **ret, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "%s", path);
	if (snapshot_open(fd, ret, err) != 0)
		return error_wrap(err, "%s", path);
	return 0;
}

void
snapshot_close(struct snapshot *s)
{
	if (s == NULL)
		return;
	assert(s->magic == SNAPSHOT_MAGIC);
	if (s->map.p != NULL)
		(void)munmap((void *)(uintptr_t)s->map.p, s->map.n);
	free(s->strings);
	free(s->string_bytes);
	s->magic = 0;
	free(s);
}

void
snapshot_closep(struct snapshot **s)
{
	snapshot_close(*s);
}

void
snapshot_info(const struct snapshot *s, struct snapshot_info *ret)
{
	*ret = s->info;
}

/* --- parts ---------------------------------------------------------------- */

int
piece_get(const struct snapshot *s, enum section_kind kind, struct str *ret,
    struct error *err)
{
	const struct section *x = &s->sections[kind];

	if (place_checksum(kind, 0, x->bytes) != x->checksum)
		return damaged(err, "a checksum");
	*ret = x->bytes;
	return 0;
}

/* Where the chunk lies, by its group, which is verified. */
static int
chunk_place(const struct section *x, enum section_kind kind, uint32_t index,
    uint64_t *ret_from, uint64_t *ret_length, struct error *err)
{
	uint32_t group = index / FORMAT_GROUP;
	const char *p = x->bytes.p + (size_t)group * FORMAT_GROUP_BYTES;
	struct str body = str_n(p, FORMAT_GROUP_BYTES - FORMAT_CHECKSUM);
	uint64_t from;

	if (place_checksum(kind, group + 1, body) != load_u32(p + body.n))
		return damaged(err, "a checksum");
	from = load_u64(p);
	for (uint32_t i = 0; i < index % FORMAT_GROUP; i++)
		from += load_u32(p + 8 + 4 * (size_t)i);
	*ret_from = from;
	*ret_length = load_u32(p + 8 + 4 * (size_t)(index % FORMAT_GROUP));
	return 0;
}

int
chunk_get(const struct snapshot *s, enum section_kind kind, uint32_t index,
    struct str *ret, struct error *err)
{
	const struct section *x = &s->sections[kind];
	uint64_t from, length;
	struct str body;
	int rc;

	if (index >= x->n)
		return damaged(err, "a reference leads nowhere");
	rc = chunk_place(x, kind, index, &from, &length, err);
	if (rc != 0)
		return rc;
	if (length < FORMAT_CHECKSUM || from > x->bytes.n ||
	    length > x->bytes.n - from)
		return damaged(err, "a chunk lies outside its section");
	body = str_sub(x->bytes, (size_t)from + FORMAT_CHECKSUM,
	    (size_t)(from + length));
	if (place_checksum(kind, 0, body) != load_u32(x->bytes.p + from))
		return damaged(err, "a checksum");
	*ret = body;
	return 0;
}

int
entries_find(const struct snapshot *s, enum section_kind kind, uint64_t hash,
    struct entries *ret, struct error *err)
{
	uint32_t n = s->sections[kind].n;
	struct entries e = { .tag = hash_tag(hash) };
	int rc;

	if (n == 0) {
		*ret = e;
		return 0;
	}
	rc = chunk_get(s, kind, hash_chunk(hash, n), &e.take.rest, err);
	if (rc != 0)
		return rc;
	e.n = take_count(&e.take);
	e.tags = take_bytes(&e.take, (uint64_t)e.n * 2);
	if (e.take.bad)
		return damaged(err, "an index");
	*ret = e;
	return 0;
}

static uint16_t
tag_at(struct str tags, size_t i)
{
	return (
	    uint16_t)((uint8_t)tags.p[2 * i] | (uint8_t)tags.p[2 * i + 1] << 8);
}

int
entries_next(struct entries *e, struct str *ret, struct error *err)
{
	while (e->i < e->n) {
		struct str one = take_str(&e->take);

		if (e->take.bad)
			return damaged(err, "an index");
		if (tag_at(e->tags, e->i++) != e->tag)
			continue;
		*ret = one;
		return 1;
	}
	return 0;
}

int
snapshot_dictionary(const struct snapshot *s, struct str *ret,
    struct error *err)
{
	return piece_get(s, SECTION_DICTIONARY, ret, err);
}

int
snapshot_registries(const struct snapshot *s, struct str ecosystem,
    struct arena *a, struct str **ret, size_t *ret_n, struct error *err)
{
	struct str base = osv_ecosystem_base(ecosystem), *v;
	struct take t = { 0 };
	uint32_t n;
	size_t found = 0;
	int rc = piece_get(s, SECTION_REGISTRIES, &t.rest, err);

	if (rc != 0)
		return rc;
	n = take_count(&t);
	if (t.bad || n > t.rest.n)
		return damaged(err, "its registries");
	v = arena_array(a, n, sizeof(*v));
	for (uint32_t i = 0; i < n; i++) {
		struct str of = take_str(&t), url = take_str(&t);

		if (str_eq(of, base))
			v[found++] = url;
	}
	if (t.bad)
		return damaged(err, "its registries");
	*ret = v;
	*ret_n = found;
	return 0;
}
