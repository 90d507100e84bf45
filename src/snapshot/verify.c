/* SPDX-License-Identifier: Apache-2.0 */
/* All of a snapshot at once. Runs in `lazaret db`. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "snapshot/snapshot_priv.h"
#include "sys/sha256.h"

static int
check_id(const struct snapshot *s, struct error *err)
{
	uint8_t id[SHA256_BYTES];

	sha256_of(str_sub(s->map, s->header_bytes, s->map.n), id);
	if (memcmp(id, s->info.id, sizeof(id)) != 0)
		return damaged(err, "its id");
	return 0;
}

/* An entry of the index, and that a question for it finds it. */
static int
check_package(const struct snapshot *s, struct str entry, uint32_t *n_rows,
    struct arena *a, struct error *err)
{
	struct snapshot_cursor c;
	struct snapshot_row row;
	struct snapshot_hit hit;
	struct str name, rows;
	uint32_t base;
	int rc = package_read(s, entry, &base, &name, &rows, err);

	if (rc != 0)
		return rc;
	rc = snapshot_find(s, s->strings[base], name, SNAPSHOT_ANY_CASE, &c,
	    err);
	if (rc == 0)
		return damaged(err, "an index entry that is not found");
	while (rc == 1 && (rc = snapshot_next(&c, &row, err)) == 1) {
		/* Any version: what counts is that the row can be read. */
		rc = snapshot_match(&row, STR_LIT("0.0.0-none"), a, &hit, err);
		if (rc != 0)
			return rc;
		(*n_rows)++;
		rc = 1;
	}
	return rc;
}

static int
check_packages(const struct snapshot *s, struct arena *a, struct error *err)
{
	uint32_t n_packages = 0, n_rows = 0;
	int rc = 0;

	for (uint32_t i = 0; i < s->sections[SECTION_PACKAGES].n; i++) {
		struct take t = { 0 };
		uint32_t n;

		rc = chunk_get(s, SECTION_PACKAGES, i, &t.rest, err);
		if (rc != 0)
			return rc;
		n = take_count(&t);
		(void)take_bytes(&t, (uint64_t)n * 2);
		for (uint32_t k = 0; k < n; k++) {
			struct str entry = take_str(&t);

			if (t.bad)
				return damaged(err, "an index");
			rc = check_package(s, entry, &n_rows, a, err);
			if (rc != 0)
				return rc;
			n_packages++;
			arena_reset(a);
		}
		if (t.bad || t.rest.n != 0)
			return damaged(err, "an index");
	}
	if (n_packages != s->info.n_packages || n_rows != s->info.n_rows)
		return damaged(err, "its counts");
	return 0;
}

static int
check_record(const struct snapshot *s, struct snapshot_documents *d,
    uint32_t number, struct arena *a, uint32_t *n_withdrawn, struct error *err)
{
	struct snapshot_numbers same;
	struct snapshot_record r;
	struct str document;
	uint32_t other = 0;
	int rc = snapshot_record(s, number, a, &r, err);

	if (rc != 0)
		return rc;
	rc = snapshot_by_id(s, r.id, &other, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || other != number)
		return damaged(err, "an id that is not found");
	for (uint32_t i = 0; i < r.n_aliases; i++) {
		rc = snapshot_by_alias(s, r.aliases[i], a, &same, err);
		if (rc == 0 && same.n == 0)
			rc = damaged(err, "an alias that is not found");
		if (rc != 0)
			return rc;
	}
	*n_withdrawn += r.withdrawn;
	return snapshot_document(d, number, a, &document, err);
}

static int
check_records(const struct snapshot *s, struct arena *a, struct error *err)
{
	_cleanup_(snapshot_documents_freep) struct snapshot_documents *d = NULL;
	uint32_t n_withdrawn = 0;
	int rc = snapshot_documents_new(s, &d, err);

	for (uint32_t i = 0; i < s->info.n_records && rc == 0; i++) {
		rc = check_record(s, d, i, a, &n_withdrawn, err);
		arena_reset(a);
	}
	if (rc == 0 && n_withdrawn != s->info.n_withdrawn)
		rc = damaged(err, "its counts");
	return rc;
}

static int
check_chunks(const struct snapshot *s, struct error *err)
{
	static const enum section_kind pieces[] = { SECTION_STRINGS,
		SECTION_FILTER, SECTION_REGISTRIES, SECTION_DICTIONARY };
	static const enum section_kind chunked[] = { SECTION_ROWS, SECTION_IDS,
		SECTION_ALIASES, SECTION_COMMITS };
	struct str bytes;
	int rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(pieces) && rc == 0; i++)
		rc = piece_get(s, pieces[i], &bytes, err);
	for (size_t i = 0; i < N_ELEMENTS(chunked) && rc == 0; i++)
		for (uint32_t k = 0; k < s->sections[chunked[i]].n && rc == 0;
		     k++)
			rc = chunk_get(s, chunked[i], k, &bytes, err);
	return rc;
}

int
snapshot_verify(struct snapshot *s, struct error *err)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	int rc = check_id(s, err);

	if (rc == 0)
		rc = check_chunks(s, err);
	if (rc == 0)
		rc = check_packages(s, a, err);
	if (rc == 0)
		rc = check_records(s, a, err);
	arena_free(a);
	return rc;
}
