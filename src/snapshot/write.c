/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting entries and deciding which stay. Runs in `lazaret report
 * snapshot`; messages come from confined workers and are taken for hostile.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "snapshot/write_priv.h"
#include "sys/message.h"

/* All entries in memory: a million reports with long lists take 1 GiB. */
#define MAX_BYTES   (16384ll << 20)
#define MAX_ENTRIES 50000000
/* Rows and aliases of one document; the message is limited as well. */
#define MAX_PARTS 1000000

struct snapshot_writer *
snapshot_writer_new(void)
{
	struct snapshot_writer *w = mem_alloc(sizeof(*w));

	w->arena = arena_new((size_t)MAX_BYTES);
	w->by_id = map_new(MAX_ENTRIES);
	return w;
}

void
snapshot_writer_free(struct snapshot_writer *w)
{
	if (w == NULL)
		return;
	map_free(w->by_id);
	arena_free(w->arena);
	vec_done(&w->registries);
	free(w);
}

uint32_t
snapshot_writer_count(const struct snapshot_writer *w)
{
	return (uint32_t)map_count(w->by_id);
}

void
snapshot_writer_registry(struct snapshot_writer *w, struct str ecosystem,
    struct str url)
{
	struct registry *r;

	if (!str_ends(url, "/"))
		url = str_of(arena_printf(w->arena, "%.*s/", STR_ARG(url)));
	vec_foreach(r, &w->registries)
		if (str_eq(r->ecosystem, ecosystem) && str_eq(r->url, url))
			return;
	r = vec_add(&w->registries);
	r->ecosystem = arena_str(w->arena, ecosystem);
	r->url = arena_str(w->arena, url);
}

/* --- one entry --------------------------------------------------------------
 */

static size_t
take_parts(struct message *m)
{
	int64_t n = message_get_int(m);

	if (n < 0 || n > MAX_PARTS)
		m->bad = true;
	return m->bad ? 0 : (size_t)n;
}

static void
take_rows(struct arena *a, struct message *m, struct entry *e)
{
	e->n_rows = take_parts(m);
	e->rows = arena_array(a, e->n_rows, sizeof(*e->rows));
	for (size_t i = 0; i < e->n_rows && !m->bad; i++) {
		struct entry_row *r = &e->rows[i];

		r->ecosystem = arena_str(a, message_get_str(m));
		r->name = arena_str(a, message_get_str(m));
		r->n_versions = (uint32_t)take_parts(m);
		r->versions = arena_str(a, message_get_str(m));
		r->n_ranges = (uint32_t)take_parts(m);
		r->ranges = arena_str(a, message_get_str(m));
		if (r->ecosystem.n == 0 || r->name.p == NULL)
			m->bad = true;
	}
}

static struct entry *
take_entry(struct arena *a, struct message *m)
{
	struct entry *e = arena_alloc(a, sizeof(*e));

	e->id = arena_str(a, message_get_str(m));
	e->modified = arena_str(a, message_get_str(m));
	e->withdrawn = message_get_int(m) != 0;
	e->malicious = message_get_int(m) != 0;
	e->at = (uint64_t)message_get_int(m);
	e->size = (uint64_t)message_get_int(m);
	e->n_aliases = take_parts(m);
	e->aliases = arena_array(a, e->n_aliases, sizeof(*e->aliases));
	for (size_t i = 0; i < e->n_aliases && !m->bad; i++)
		e->aliases[i] = arena_str(a, message_get_str(m));
	take_rows(a, m, e);
	e->n_commits = take_parts(m);
	e->commits = arena_str(a, message_get_str(m));
	if (e->id.n == 0 || e->at > INT64_MAX || e->size > UINT32_MAX)
		m->bad = true;
	if (osv_time_parse(e->modified, &e->modified_s) != 0)
		e->modified_s = 0;
	return e;
}

/* Digits after the point, as they sort: ".5" after ".49". */
static struct str
fraction(struct str modified)
{
	ptrdiff_t dot = str_chr(modified, '.');

	if (dot < 0)
		return STR_LIT("");
	modified = str_sub(modified, (size_t)dot + 1, modified.n);
	while (modified.n != 0 &&
	    (str_ends(modified, "Z") || str_ends(modified, "0")))
		modified.n--;
	return modified;
}

static bool
is_later(const struct entry *a, const struct entry *b)
{
	int d;

	if (a->modified_s != b->modified_s)
		return a->modified_s > b->modified_s;
	d = str_cmp(fraction(a->modified), fraction(b->modified));
	return d != 0 ? d > 0 : a->order > b->order;
}

int
snapshot_writer_take(struct snapshot_writer *w, struct message *m,
    uint64_t order, int spool, struct str *ret_why, struct error *err)
{
	struct entry *e, *other;
	bool good = message_get_int(m) == 1;

	if (!good) {
		*ret_why = message_get_str(m);
		return message_end(m, err) != 0 ? err->code : 1;
	}
	e = take_entry(w->arena, m);
	if (message_end(m, err) != 0)
		return err->code;
	e->order = order;
	e->spool = spool;
	other = map_get(w->by_id, e->id);
	if (other != NULL && !is_later(e, other))
		return 0;
	if (map_put(w->by_id, e->id, e) < 0)
		return error_set(err, -E2BIG,
		    "more than %d documents in one snapshot", MAX_ENTRIES);
	return 0;
}
