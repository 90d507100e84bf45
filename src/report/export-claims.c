/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of the last export are as they were. Both walkers write down
 * what they saw, each of other entries. Runs in `lazaret report export`. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/map.h"
#include "report/export_walk_priv.h"

static void *
shared(size_t bytes)
{
	void *p = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fatal("no memory for %zu bytes", bytes);
	return p;
}

void
export_claims_init(struct claims *c, size_t n)
{
	*c = (struct claims){ .state = shared(n * sizeof(*c->state)),
		.folders = shared(n * sizeof(*c->folders)),
		.n = n };
}

void
export_claims_done(struct claims *c)
{
	(void)munmap(c->state, c->n * sizeof(*c->state) + 1);
	(void)munmap(c->folders, c->n * sizeof(*c->folders) + 1);
}

bool
export_claims_is_same(const struct export_entry *e, const struct stat *st)
{
	return S_ISREG(st->st_mode) && e->size == st->st_size &&
	    e->mtime_ns == outfile_mtime_ns(st) &&
	    e->inode == (int64_t)st->st_ino;
}

void
export_claims_apply(const struct claims *c, struct exporter *x)
{
	for (size_t i = 0; i < c->n; i++) {
		struct export_entry *e = &x->past[i];

		e->claimed = c->state[i] != CLAIM_NONE;
		if (c->state[i] != CLAIM_IN_NEW_FOLDER)
			continue;
		e->folder_mtime_ns = c->folders[i].mtime_ns;
		e->folder_inode = c->folders[i].inode;
		x->n_read += e->folder_mtime_ns != 0;
	}
}

/* --- doubles ----------------------------------------------------------------
 */

static struct str
id_of(const char *path)
{
	struct str s = str_of(path);

	return str_sub(s, (size_t)(str_rchr(s, '/') + 1), s.n - 5);
}

/* A later file that is as it was has the name of this one. */
static bool
is_taken(const struct exporter *x, const char *path)
{
	struct export_entry key = { .path = str_of(path), .id = id_of(path) };
	struct export_entry *const *v = x->past_orders[EXPORT_BY_ID],
				   *at = &key;
	size_t from = 0, to = x->n_past, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (export_orders[EXPORT_BY_ID](&v[middle], &at) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < x->n_past && str_eq(v[from]->id, key.id); from++)
		if (v[from]->claimed && !str_eq(v[from]->path, key.path))
			return true;
	return false;
}

void
export_claims_drop_doubles(struct exporter *x, struct export_files *files)
{
	struct map *last = map_new(EXPORT_MAX_REPORTS);
	size_t n = 0;

	for (size_t i = 0; i < files->n; i++)
		(void)map_put(last, id_of(files->v[i].path), &files->v[i]);
	for (size_t i = 0; i < files->n; i++) {
		struct export_file f = files->v[i];

		if (map_get(last, id_of(f.path)) == &files->v[i] &&
		    !is_taken(x, f.path)) {
			files->v[n++] = f;
			continue;
		}
		export_distrust(x, str_of(f.path));
		free(f.path);
	}
	files->n = n;
	map_free(last);
}
