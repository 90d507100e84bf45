/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret report snapshot: which files hold the documents. */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/report-snapshot.h"
#include "osv/osv.h"

enum layout {
	LAYOUT_PLAIN, /* every *.json and *.zip, at any depth */
	/* An export, ours or osv.dev's: all.zip of the ecosystems, and what is
	 * named like a document; lists and feeds lie beside them. */
	LAYOUT_EXPORT,
};

static bool
exists(const char *dir, const char *name)
{
	char path[LIMIT_PATH_BYTES];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0;
}

/* dir/all.zip, or dir/<Ecosystem>/all.zip. */
static bool
is_export(const char *dir)
{
	char name[128];

	if (exists(dir, "all.zip") || exists(dir, "ecosystems.txt"))
		return true;
	for (size_t i = 0; osv_ecosystems[i] != NULL; i++) {
		(void)snprintf(name, sizeof(name), "%s/all.zip",
		    osv_ecosystems[i]);
		if (exists(dir, name))
			return true;
	}
	return false;
}

static bool
is_wanted(const FTSENT *e, enum layout layout, enum collect_kind *ret_kind)
{
	struct str name = str_of(e->fts_name);

	if (e->fts_info != FTS_F && e->fts_info != FTS_SL)
		return false;
	*ret_kind = str_ends(name, ".zip") ? COLLECT_ZIP : COLLECT_FILE;
	if (e->fts_level == 0) /* named: whatever it is called */
		return true;
	if (layout == LAYOUT_EXPORT && *ret_kind == COLLECT_ZIP)
		return str_is(name, "all.zip");
	if (*ret_kind == COLLECT_ZIP)
		return true;
	if (!str_ends(name, ".json"))
		return false;
	name.n -= strlen(".json");
	return layout == LAYOUT_PLAIN || osv_id_valid(name);
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
walk(struct inputs *in, char *path, enum layout layout, struct error *err)
{
	char *const paths[] = { path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	enum collect_kind kind;
	FTSENT *e;
	int rc = 0;

	if (fts == NULL)
		return error_errno(err, "%s", path);
	while (rc == 0 && (e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_D && e->fts_level > 0 &&
		    e->fts_name[0] == '.') {
			(void)fts_set(fts, e, FTS_SKIP);
		} else if (e->fts_info == FTS_NS || e->fts_info == FTS_DNR ||
		    e->fts_info == FTS_ERR) {
			rc = error_set(err, -e->fts_errno, "%s: %s",
			    e->fts_path, strerror(e->fts_errno));
		} else if (is_wanted(e, layout, &kind)) {
			struct input *one = vec_add(&in->v);

			one->path = mem_strdup(e->fts_path);
			one->kind = kind;
		}
	}
	(void)fts_close(fts);
	return rc;
}

/* A report database: what is a person's turn, or has no id, stays out. */
static int
walk_database(struct inputs *in, const char *dir, struct error *err)
{
	static const char *const trees[] = { "osv/malicious", "osv/withdrawn" };
	int rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(trees) && rc == 0; i++) {
		_cleanup_(freep) char *path =
		    mem_printf("%s/%s", dir, trees[i]);
		size_t from = in->v.n, used = from;

		if (!exists(dir, trees[i]))
			continue;
		rc = walk(in, path, LAYOUT_PLAIN, err);
		for (size_t k = from; k < in->v.n; k++) {
			const char *slash = strrchr(in->v.v[k].path, '/');

			if (str_starts(str_of(slash + 1), "MAL-0000-"))
				free(in->v.v[k].path);
			else
				in->v.v[used++] = in->v.v[k];
		}
		in->v.n = used;
	}
	return rc;
}

int
inputs_find(struct inputs *in, char **operands, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; operands[i] != NULL && rc == 0; i++) {
		if (exists(operands[i], "osv/malicious"))
			rc = walk_database(in, operands[i], err);
		else
			rc = walk(in, operands[i],
			    is_export(operands[i]) ? LAYOUT_EXPORT :
						     LAYOUT_PLAIN,
			    err);
	}
	return rc;
}

void
inputs_done(struct inputs *in)
{
	for (size_t i = 0; i < in->v.n; i++)
		free(in->v.v[i].path);
	vec_done(&in->v);
}
