/* SPDX-License-Identifier: Apache-2.0 */
/* The list of withdrawn versions of a report. */
#include "report/withdrawn-versions.h"

#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"

/* Versions of one report, and their lines. */
#define MAX_VERSIONS 100000
#define MAX_BYTES    (16 * (size_t)MIB)

static void
list_path(char *ret, size_t size, const char *path)
{
	(void)snprintf(ret, size, "%.*s.versions",
	    (int)(strlen(path) - strlen(".json")), path);
}

static void
drop(struct str *v, size_t *n, const struct map *gone)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (!map_has(gone, v[i]))
			v[kept++] = v[i];
	*n = kept;
}

static size_t
drop_all(struct report *rep, const struct map *gone)
{
	struct osv_affected *a = &rep->d.affected[0];
	size_t before = a->n_versions;

	drop(a->versions, &a->n_versions, gone);
	drop(rep->own_versions, &rep->n_own_versions, gone);
	for (size_t i = 0; i < rep->origins.n; i++)
		drop(rep->origins.v[i].versions, &rep->origins.v[i].n_versions,
		    gone);
	return before - a->n_versions;
}

size_t
withdrawn_versions_drop(struct report *rep, const struct str *versions,
    size_t n)
{
	struct map *gone = map_new(MAX_VERSIONS);
	size_t dropped;

	for (size_t i = 0; i < n; i++)
		(void)map_put(gone, versions[i], gone);
	dropped = drop_all(rep, gone);
	map_free(gone);
	return dropped;
}

/* What is there; nothing when there is no list. */
static int
get(struct repo *r, const char *file, struct buf *ret, struct error *err)
{
	int rc = repo_get(r, REPO_WITHDRAWN, file, ret, err);

	return rc == -ENOENT ? 0 : rc;
}

static bool
has_line(struct str lines, struct str want)
{
	struct str line;

	while (str_cut(&lines, '\n', &line))
		if (line.n != 0 && str_eq(line, want))
			return true;
	return false;
}

int
withdrawn_versions_add(struct repo *r, const char *path,
    const struct str *versions, size_t n, struct error *err)
{
	char file[LIMIT_PATH_BYTES];
	struct buf b;
	int rc;

	list_path(file, sizeof(file), path);
	buf_init(&b, MAX_BYTES);
	rc = get(r, file, &b, err);
	for (size_t i = 0; i < n; i++)
		if (str_chr(versions[i], '\n') < 0 &&
		    !has_line(buf_str(&b), versions[i])) {
			buf_put_str(&b, versions[i]);
			buf_putc(&b, '\n');
		}
	if (rc == 0)
		rc = repo_put(r, REPO_WITHDRAWN, file, buf_str(&b), err);
	buf_done(&b);
	return rc < 0 ? rc : 0;
}

int
withdrawn_versions_apply(struct repo *r, const char *path, struct report *rep,
    struct error *err)
{
	char file[LIMIT_PATH_BYTES];
	struct str lines, line;
	struct map *gone;
	struct buf b;
	int rc;

	list_path(file, sizeof(file), path);
	buf_init(&b, MAX_BYTES);
	rc = get(r, file, &b, err);
	if (rc == 0 && b.n != 0) {
		gone = map_new(MAX_VERSIONS);
		lines = buf_str(&b);
		while (str_cut(&lines, '\n', &line))
			if (line.n != 0)
				(void)map_put(gone, line, gone);
		(void)drop_all(rep, gone);
		map_free(gone);
	}
	buf_done(&b);
	return rc;
}
