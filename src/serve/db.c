/* SPDX-License-Identifier: Apache-2.0 */
/* The API's questions, answered from a snapshot. Runs in role listener. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/vec.h"
#include "serve/db.h"

struct numbers {
	VEC(uint32_t) v;
	bool sorted;
};

static void
add(struct numbers *n, uint32_t number)
{
	uint32_t last = n->v.n != 0 ? n->v.v[n->v.n - 1] : 0;

	if (n->v.n != 0 && last == number)
		return;
	if (n->v.n != 0 && last > number)
		n->sorted = false;
	vec_push(&n->v, number);
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Into the arena, in order and without repeats. */
static void
finish(struct numbers *n, struct arena *a, struct snapshot_numbers *ret)
{
	uint32_t *v = arena_array(a, n->v.n, sizeof(*v));
	uint32_t used = 0;

	if (!n->sorted)
		qsort(n->v.v, n->v.n, sizeof(*n->v.v), compare);
	for (size_t i = 0; i < n->v.n; i++)
		if (used == 0 || v[used - 1] != n->v.v[i])
			v[used++] = n->v.v[i];
	*ret = (struct snapshot_numbers){ v, used };
	vec_done(&n->v);
}

int
db_package(const struct db *db, const struct db_package *p, struct arena *a,
    struct snapshot_numbers *ret, struct error *err)
{
	struct numbers n = { .sorted = true };
	struct snapshot_cursor c;
	struct snapshot_row row;
	struct snapshot_hit hit;
	int rc;

	*ret = (struct snapshot_numbers){ NULL, 0 };
	rc = snapshot_find(db->snapshot, p->ecosystem, p->name, p->names, &c,
	    err);
	if (rc <= 0)
		return rc;
	while ((rc = snapshot_next(&c, &row, err)) == 1) {
		hit.answer = OSV_AFFECTED;
		if (p->version.p != NULL)
			rc = snapshot_match(&row, p->version, a, &hit, err);
		if (rc < 0)
			break;
		if (hit.answer == OSV_AFFECTED)
			add(&n, row.record);
	}
	if (rc < 0)
		vec_done(&n.v);
	else
		finish(&n, a, ret);
	return rc;
}

/* Without the white space between members and around it. */
static struct str
compact(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '"')
			quoted = !quoted;
		if (quoted && c == '\\' && i + 1 < s.n)
			out[n++] = s.p[i++]; /* the next one is no end */
		else if (!quoted &&
		    (c == ' ' || c == '\n' || c == '\t' || c == '\r'))
			continue;
		out[n++] = s.p[i];
	}
	return str_n(out, n);
}

int
db_document(const struct db *db, uint32_t number, struct arena *a,
    struct str *ret, struct error *err)
{
	int rc = snapshot_document(db->documents, number, a, ret, err);

	*ret = rc == 0 ? compact(a, *ret) : STR_NONE;
	return rc;
}

int
db_open(int fd, struct db *ret, struct error *err)
{
	struct db db = { NULL, NULL };
	int rc = snapshot_open(fd, &db.snapshot, err);

	if (rc == 0)
		rc = snapshot_documents_new(db.snapshot, &db.documents, err);
	if (rc != 0)
		db_close(&db);
	else
		*ret = db;
	return rc;
}

void
db_close(struct db *db)
{
	snapshot_documents_free(db->documents);
	snapshot_close(db->snapshot);
	*db = (struct db){ NULL, NULL };
}
