/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what is held, and decisions. Runs in `lazaret report`. */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/vec.h"
#include "report/edit.h"
#include "report/held.h"
#include "report/repo.h"

/* --- the list ---------------------------------------------------------------
 */

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
tell(struct repo *r, const char *file, held_fn fn, void *data,
    struct error *err)
{
	char path[LIMIT_PATH_BYTES];
	struct buf b;
	int rc;

	(void)snprintf(path, sizeof(path), "%.*s",
	    (int)(strlen(file) - strlen(HELD_SUFFIX)), file);
	buf_init(&b, MIB);
	rc = repo_get(r, REPO_HELD, file, &b, err);
	if (rc == 0)
		rc = fn(data, path, str_trim(buf_str(&b)),
		    held_is_asked(r, path));
	buf_done(&b);
	return rc;
}

int
held_walk(struct repo *r, held_fn fn, void *data, struct error *err)
{
	char *root = mem_printf("%s/held/", repo_dir(r));
	char *roots[2] = { root, NULL };
	FTS *fts = NULL;
	FTSENT *e;
	int rc = 0;

	if (access(root, F_OK) == 0) {
		fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
		if (fts == NULL)
			rc = error_errno(err, "%s", root);
	}
	while (fts != NULL && rc == 0 && (e = fts_read(fts)) != NULL)
		if (e->fts_info == FTS_F &&
		    str_ends(str_of(e->fts_name), HELD_SUFFIX))
			rc = tell(r, e->fts_path + strlen(root), fn, data, err);
	if (fts != NULL)
		(void)fts_close(fts);
	free(root);
	return rc;
}

/* --- decisions --------------------------------------------------------------
 */

struct search {
	struct str want;
	VEC(char *) found; /* owned */
	bool question; /* of the last one found */
};

static int
look_at(void *data, const char *path, struct str why, bool question)
{
	struct search *s = data;
	const char *slash = strrchr(path, '/');

	(void)why;
	if (!str_is(s->want, path) &&
	    (slash == NULL || !str_is(s->want, slash + 1)))
		return 0;
	s->question = question;
	vec_push(&s->found, mem_strdup(path));
	return 0;
}

static int
find(struct repo *r, const char *what, char **ret_path, bool *ret_question,
    struct error *err)
{
	struct search s = { .want = str_of(what) };
	int rc = held_walk(r, look_at, &s, err);

	if (rc == 0 && s.found.n == 0)
		rc = error_set(err, -ENOENT,
		    "nothing is held as %s (see lazaret report held list)",
		    what);
	else if (rc == 0 && s.found.n > 1)
		rc = error_set(err, -EEXIST,
		    "%zu are held as %s; name one by its path", s.found.n,
		    what);
	if (rc == 0) {
		*ret_path = steal(&s.found.v[0]);
		*ret_question = s.question;
	}
	for (size_t i = 0; i < s.found.n; i++)
		free(s.found.v[i]);
	vec_done(&s.found);
	return rc;
}

/* What the source said about another package under the same id. */
static int
replace_earlier(struct repo *r, const char *path, struct error *err)
{
	struct repo_paths old = { .n = 0 };
	char *source = NULL, *id = NULL;
	int rc = 0;

	if (!repo_seen_who(r, path, &source, &id))
		return 0;
	repo_seen_paths(r, str_of(source), str_of(id), &old);
	for (size_t i = 0; i < old.n && rc == 0; i++) {
		const char *slash = strrchr(old.v[i], '/');

		/* In its own folder, merging sees to it. */
		if (slash == NULL ||
		    strncmp(old.v[i], path, (size_t)(slash - old.v[i]) + 1) ==
			0)
			continue;
		rc = repo_retract_origin(r, old.v[i], str_of(source),
		    str_of(id), err);
		rc = rc == -ENOENT ? 0 : rc;
	}
	repo_paths_done(&old);
	free(source);
	free(id);
	return rc;
}

int
held_release(struct repo *r, const char *what, struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	bool question = false;
	int rc = find(r, what, &path, &question, err);

	if (rc == 0 && !question)
		rc = repo_move(r, REPO_HELD, path, REPO_MALICIOUS, path, err);
	if (rc == 0)
		rc = held_remove(r, path, err);
	if (rc == 0 && !question)
		rc = replace_earlier(r, path, err);
	return rc == 0 ? repo_commit(r, err) : rc;
}

static int
withdraw(struct repo *r, const char *path, const char *reason,
    struct error *err)
{
	const struct edit_order o = { .verb = EDIT_WITHDRAW,
		.path = str_of(path),
		.reason = str_of(reason) };

	return editor_run(r, &o, NULL, err);
}

int
held_reject(struct repo *r, const char *what, const char *reason,
    struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	bool question = false;
	int rc = find(r, what, &path, &question, err);

	if (rc == 0 && question)
		rc = strstr(path, "/MAL-0000-") != NULL ?
		    repo_remove(r, REPO_MALICIOUS, path, err) :
		    withdraw(r, path, reason, err);
	/* Gone since the question was asked: answered. */
	rc = question && rc == -ENOENT ? 0 : rc;
	if (rc == 0)
		rc = held_remove(r, path, err);
	return rc == 0 ? repo_commit(r, err) : rc;
}
