/* SPDX-License-Identifier: Apache-2.0 */
/* The API's questions, answered from a snapshot. Runs in role listener. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/vec.h"
#include "serve/db.h"

struct data {
	struct snapshot *snapshot;
	struct snapshot_documents *documents;
};

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

static int
package(void *data, const struct db_package *p, struct arena *a,
    struct snapshot_numbers *ret, struct error *err)
{
	struct data *d = data;
	struct numbers n = { .sorted = true };
	struct snapshot_cursor c;
	struct snapshot_row row;
	struct snapshot_hit hit;
	int rc;

	*ret = (struct snapshot_numbers){ NULL, 0 };
	rc = snapshot_find(d->snapshot, p->ecosystem, p->name, p->names, &c,
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

static int
commit(void *data, struct str hash, struct arena *a,
    struct snapshot_numbers *ret, struct error *err)
{
	struct data *d = data;

	return snapshot_by_commit(d->snapshot, hash, a, ret, err);
}

static int
alias(void *data, struct str id, struct arena *a, struct snapshot_numbers *ret,
    struct error *err)
{
	struct data *d = data;

	return snapshot_by_alias(d->snapshot, id, a, ret, err);
}

static int
by_id(void *data, struct str id, uint32_t *ret, struct error *err)
{
	struct data *d = data;

	return snapshot_by_id(d->snapshot, id, ret, err);
}

static int
record(void *data, uint32_t number, struct arena *a,
    struct snapshot_record *ret, struct error *err)
{
	struct data *d = data;

	return snapshot_record(d->snapshot, number, a, ret, err);
}

static int
document(void *data, uint32_t number, struct arena *a, struct str *ret,
    struct error *err)
{
	struct data *d = data;

	return snapshot_document(d->documents, number, a, ret, err);
}

static void
info(void *data, struct snapshot_info *ret)
{
	struct data *d = data;

	snapshot_info(d->snapshot, ret);
}

static void
free_data(void *data)
{
	struct data *d = data;

	snapshot_documents_free(d->documents);
	snapshot_close(d->snapshot);
	free(d);
}

static const struct db_answers answers = {
	.package = package,
	.commit = commit,
	.alias = alias,
	.id = by_id,
	.record = record,
	.document = document,
	.info = info,
	.free = free_data,
};

int
db_open_snapshot(int fd, struct db *ret, struct error *err)
{
	struct data *d = mem_alloc(sizeof(*d));
	int rc = snapshot_open(fd, &d->snapshot, err);

	if (rc == 0)
		rc = snapshot_documents_new(d->snapshot, &d->documents, err);
	if (rc != 0) {
		free_data(d);
		return rc;
	}
	*ret = (struct db){ &answers, d };
	return 0;
}

void
db_close(struct db *db)
{
	if (db->answers != NULL)
		db->answers->free(db->data);
	*db = (struct db){ NULL, NULL };
}
