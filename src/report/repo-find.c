/* SPDX-License-Identifier: Apache-2.0 */
/* The report that a person names. Runs in `lazaret report`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/vec.h"
#include "report/name.h"
#include "report/repo.h"

struct search {
	struct str want; /* "MAL-2026-1.json", or a folder */
	VEC(char *) found; /* owned */
};

static int
look_at(void *data, const char *path)
{
	struct search *s = data;
	struct str p = str_of(path);
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	bool file = str_is(s->want, name);
	bool folder = p.n > s->want.n && str_starts(p, s->want.p) &&
	    p.p[s->want.n] == '/' &&
	    str_chr(str_sub(p, s->want.n + 1, p.n), '/') < 0;

	if ((file || folder || str_eq(p, s->want)) &&
	    !str_starts(str_of(name), "MAL-0000-"))
		vec_push(&s->found, mem_strdup(path));
	return 0;
}

static bool
is_in(struct repo *r, enum repo_tree tree, struct str want)
{
	struct search s = { .want = want };
	bool found =
	    repo_walk(r, tree, NULL, look_at, &s, NULL) == 0 && s.found.n != 0;

	for (size_t i = 0; i < s.found.n; i++)
		free(s.found.v[i]);
	vec_done(&s.found);
	return found;
}

static enum repo_tree
other_tree(enum repo_tree tree)
{
	return tree == REPO_WITHDRAWN ? REPO_MALICIOUS : REPO_WITHDRAWN;
}

/* The part below the tree of a path that a person gave. */
static const char *
below_tree(const char *what, const char *tree)
{
	char mark[64];
	const char *at;

	(void)snprintf(mark, sizeof(mark), "osv/%s/", tree);
	at = strstr(what, mark);
	return at != NULL ? at + strlen(mark) : what;
}

int
repo_find(struct repo *r, enum repo_tree tree, const char *what,
    char **ret_path, struct error *err)
{
	struct search s = { .want = STR_NONE };
	const char *what_below, *slash;
	struct buf b;
	int rc;

	buf_init(&b, LIMIT_PATH_BYTES);
	what_below = below_tree(what, repo_tree_name(tree));
	slash = strchr(what_below, '/');
	/* Ecosystem and name as people write them, or a folder. */
	if (slash == NULL || str_ends(str_of(what_below), ".json") ||
	    !report_path(str_n(what_below, (size_t)(slash - what_below)),
		str_of(slash + 1), &b)) {
		buf_reset(&b);
		buf_puts(&b, what_below);
	}
	while (b.n > 1 && b.p[b.n - 1] == '/')
		b.p[--b.n] = '\0';
	if (str_starts(buf_str(&b), "MAL-") && !str_ends(buf_str(&b), ".json"))
		buf_puts(&b, ".json");
	s.want = buf_str(&b);
	rc = repo_walk(r, tree, NULL, look_at, &s, err);
	if (rc == 0 && s.found.n == 0)
		rc = error_set(err, -ENOENT, "no report \"%s\" in %s/osv/%s%s",
		    what, repo_dir(r), repo_tree_name(tree),
		    is_in(r, other_tree(tree), s.want) ?
			tree == REPO_WITHDRAWN ? ": it is live" :
						 ": it is withdrawn" :
			"");
	else if (rc == 0 && s.found.n > 1)
		rc = error_set(err, -EEXIST,
		    "%zu reports are \"%s\"; name "
		    "one by its id",
		    s.found.n, what);
	if (rc == 0)
		*ret_path = steal(&s.found.v[0]);
	for (size_t i = 0; i < s.found.n; i++)
		free(s.found.v[i]);
	vec_done(&s.found);
	buf_done(&b);
	return rc;
}
