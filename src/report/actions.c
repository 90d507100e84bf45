/* SPDX-License-Identifier: Apache-2.0 */
/* GitHub Actions: names and versions. Pure functions. */
#include "report/actions.h"

#include "base/cleanup.h"
#include "osv/checker.h"

#define SHOWN(s) (int)MIN_OF((s).n, (size_t)120), ((s).p != NULL ? (s).p : "")

static bool
has_only(struct str s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9')) &&
		    (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return true;
}

static bool
name_valid(struct str name)
{
	struct str part;
	size_t n = 0;

	for (; str_cut(&name, '/', &part); n++) {
		if (part.n == 0 || str_is(part, ".") || str_is(part, ".."))
			return false;
		if (n == 0 &&
		    (part.n > 39 || part.p[0] == '-' || !has_only(part, "-")))
			return false;
		if (part.n > 100 || !has_only(part, "_.-"))
			return false;
		if (n == 1 && str_ends(part, ".git"))
			return false;
	}
	return n >= 2;
}

/* Tags that are moved from release to release: v4, main, latest, … */
static bool
moves(struct str v)
{
	static const char *const names[] = { "latest", "main", "master", "head",
		"dev", "nightly", "canary", "trunk", "stable" };
	struct str digits = v;

	if (v.n != 0 && (v.p[0] == 'v' || v.p[0] == 'V'))
		digits = str_sub(v, 1, v.n);
	if (digits.n != 0 && digits.n < 40) {
		size_t i = 0;

		while (i < digits.n && digits.p[i] >= '0' && digits.p[i] <= '9')
			i++;
		if (i == digits.n)
			return true;
	}
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (str_eq_nocase(v, str_of(names[i])))
			return true;
	return false;
}

static void
check_version(struct checker *c, struct str v)
{
	bool space = v.n == 0;

	for (size_t i = 0; i < v.n; i++)
		space = space || (unsigned char)v.p[i] <= ' ';
	if (space)
		checker_error(c, "mal-actions-version",
		    "\"%.*s\" is empty or has white space", SHOWN(v));
	else if (moves(v))
		checker_error(c, "mal-actions-version",
		    "\"%.*s\" is a tag that moves; name a full version or a "
		    "commit",
		    SHOWN(v));
}

void
actions_check(struct checker *c, const struct osv_affected *a)
{
	if (!name_valid(a->name))
		checker_error(c, "mal-actions-name",
		    "\"%.*s\" is not owner/repository[/folder]",
		    SHOWN(a->name));
	for (size_t i = 0; i < a->n_versions; i++)
		check_version(c, a->versions[i]);
	for (size_t i = 0; i < a->n_ranges; i++)
		for (size_t j = 0; j < a->ranges[i].n_events; j++) {
			const struct osv_event *e = &a->ranges[i].events[j];

			if (e->kind == OSV_INTRODUCED && str_is(e->value, "0"))
				continue;
			check_version(c, e->value);
		}
}
