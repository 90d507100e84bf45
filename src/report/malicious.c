/* SPDX-License-Identifier: Apache-2.0 */
/* The house rules. Pure functions. */
#include "report/malicious.h"

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/checker.h"
#include "report/actions.h"
#include "report/details.h"
#include "report/iocs.h"
#include "report/name.h"

#define SHOWN(s) (int)MIN_OF((s).n, (size_t)120), ((s).p != NULL ? (s).p : "")
#define ORIGINS  "malicious-packages-origins"

static const char *const ecosystems[] = { "Alpine", "crates.io", "Debian",
	"GitHub Actions", "Go", "Hex", "Maven", "npm", "NuGet", "OSS-Fuzz",
	"Packagist", "PyPI", "RubyGems", "Ubuntu", "VSCode", NULL };

static bool
in_list(struct str s, const char *const *list)
{
	for (; *list != NULL; list++)
		if (str_is(s, *list))
			return true;
	return false;
}

/* A report without a package: ranges of one git repository. */
static void
check_git_report(struct checker *c, const struct osv_affected *a)
{
	struct arena *scratch = arena_new(MIB);
	struct str url, name, first = STR_NONE;

	if (a->n_ranges == 0)
		checker_error(c, "mal-git",
		    "has neither a package nor a range; name a package, or a "
		    "git repository by a range of type GIT");
	for (size_t i = 0; i < a->n_ranges; i++) {
		if (a->ranges[i].type != OSV_GIT) {
			checker_error(c, "mal-git",
			    "range %zu is not of type "
			    "GIT, and there is no package",
			    i);
			continue;
		}
		if (!report_git_name(scratch, a->ranges[i].repo, &url, &name))
			continue; /* said by check_repositories */
		if (first.p == NULL)
			first = name;
		if (!str_eq(first, name))
			checker_error(c, "mal-git",
			    "ranges of several repositories; one report is "
			    "about one");
	}
	arena_free(scratch);
}

static void
check_repositories(struct checker *c, const struct osv_affected *a)
{
	struct arena *scratch = arena_new(MIB);
	struct str url, name;

	for (size_t i = 0; i < a->n_ranges; i++)
		if (a->ranges[i].type == OSV_GIT &&
		    !report_git_name(scratch, a->ranges[i].repo, &url, &name))
			checker_error(c, "mal-git-repo",
			    "\"%.*s\" is no URL of a git repository",
			    SHOWN(a->ranges[i].repo));
	arena_free(scratch);
}

static void
check_keys(struct checker *c, yyjson_val *object, const char *key,
    const char *const *allowed)
{
	yyjson_obj_iter it = yyjson_obj_iter_with(object);
	yyjson_val *k;
	size_t at = checker_key(c, key);

	while ((k = yyjson_obj_iter_next(&it)) != NULL) {
		struct str s = str_n(yyjson_get_str(k), yyjson_get_len(k));

		if (!in_list(s, allowed))
			checker_error(c, "mal-unexpected-key",
			    "\"%.*s\" does not belong here", SHOWN(s));
	}
	checker_back(c, at);
}

static void
check_path_of(struct checker *c, const struct osv_affected *a)
{
	struct buf b;

	buf_init(&b, LIMIT_PATH_BYTES);
	if (!report_path(a->ecosystem, a->name, &b))
		checker_error(c, "mal-name",
		    "\"%.*s\" cannot be the name of a folder", SHOWN(a->name));
	buf_done(&b);
}

static void
check_affected(struct checker *c, const struct osv_affected *a)
{
	static const char *const keys[] = { "cwes", "indicators", "iocs",
		"ghsa", NULL };
	size_t at;

	if (!a->has_package) {
		check_git_report(c, a);
	} else {
		at = checker_key(c, "package");
		(void)checker_key(c, "ecosystem");
		if (!in_list(osv_ecosystem_base(a->ecosystem), ecosystems))
			checker_error(c, "mal-ecosystem",
			    "reports about \"%.*s\" are not taken",
			    SHOWN(a->ecosystem));
		checker_back(c, at);
		check_path_of(c, a);
		if (str_is(osv_ecosystem_base(a->ecosystem), "GitHub Actions"))
			actions_check(c, a);
	}
	check_repositories(c, a);
	at = checker_key(c, "ecosystem_specific");
	if (yyjson_obj_size(a->ecosystem_specific) != 0)
		checker_error(c, "mal-ecosystem-specific", "must be empty");
	checker_back(c, at);
	check_keys(c, a->database_specific, "database_specific", keys);
	iocs_check(c, yyjson_obj_get(a->database_specific, "iocs"),
	    "database_specific.iocs");
	iocs_check(c, yyjson_obj_get(a->database_specific, "indicators"),
	    "database_specific.indicators");
}

static bool
source_valid(yyjson_val *v)
{
	struct str s = str_n(yyjson_get_str(v), yyjson_get_len(v));

	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
			(s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-'))
			return false;
	return yyjson_is_str(v) && s.n != 0;
}

static void
check_origin(struct checker *c, yyjson_val *origin)
{
	yyjson_val *sha = yyjson_obj_get(origin, "sha256");

	if (!yyjson_is_obj(origin)) {
		checker_error(c, "mal-origin", "must be an object");
		return;
	}
	if (!source_valid(yyjson_obj_get(origin, "source")))
		checker_error(c, "mal-origin",
		    "source must be a name of a-z, 0-9 and \"-\"");
	if (!yyjson_is_str(sha) || yyjson_get_len(sha) == 0)
		checker_error(c, "mal-origin", "sha256 is missing");
}

static void
check_origins(struct checker *c, yyjson_val *database_specific)
{
	yyjson_val *list = yyjson_obj_get(database_specific, ORIGINS), *v;
	yyjson_arr_iter it = yyjson_arr_iter_with(list);
	size_t i = 0, at, key;

	if (list == NULL)
		return;
	key = checker_key(c, "database_specific." ORIGINS);
	if (!yyjson_is_arr(list))
		checker_error(c, "mal-origin", "must be an array");
	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		at = checker_index(c, i++);
		check_origin(c, v);
		checker_back(c, at);
	}
	checker_back(c, key);
}

static bool
is_origin(yyjson_val *database_specific, const struct details_section *s)
{
	yyjson_arr_iter it =
	    yyjson_arr_iter_with(yyjson_obj_get(database_specific, ORIGINS));
	yyjson_val *v;

	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		yyjson_val *source = yyjson_obj_get(v, "source");
		yyjson_val *sha = yyjson_obj_get(v, "sha256");

		if (yyjson_equals_strn(source, s->source.p, s->source.n) &&
		    yyjson_equals_strn(sha, s->sha256.p, s->sha256.n))
			return true;
	}
	return false;
}

static void
check_details(struct checker *c, const struct osv_document *d)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct details parsed;
	struct error err = ERROR_INIT;
	size_t at = checker_key(c, "details");

	if (details_parse(a, d->details, &parsed, &err) != 0) {
		checker_error(c, "mal-details", "%s", err.msg);
		parsed.n_sections = 0;
	}
	for (size_t i = 0; i < parsed.n_sections; i++)
		if (!is_origin(d->database_specific, &parsed.sections[i]))
			checker_error(c, "mal-details",
			    "the section of %.*s (%.*s) is of no origin",
			    SHOWN(parsed.sections[i].source),
			    SHOWN(parsed.sections[i].sha256));
	checker_back(c, at);
	arena_free(a);
}

void
malicious_check(struct checker *c, const struct osv_document *d)
{
	static const char *const keys[] = { ORIGINS, "iocs", NULL };
	size_t list = checker_key(c, "affected"), at;

	if (d->n_affected != 1)
		checker_error(c, "mal-affected",
		    "has %zu entries; a report is about exactly one package",
		    d->n_affected);
	for (size_t i = 0; i < d->n_affected; i++) {
		at = checker_index(c, i);
		check_affected(c, &d->affected[i]);
		checker_back(c, at);
	}
	checker_back(c, list);
	check_keys(c, d->database_specific, "database_specific", keys);
	check_origins(c, d->database_specific);
	iocs_check(c, yyjson_obj_get(d->database_specific, "iocs"),
	    "database_specific.iocs");
	if (d->details.p != NULL)
		check_details(c, d);
}

/* MAL-2026-17: letters, four digits, digits. */
static bool
assigned_id(struct str id)
{
	struct str prefix, year;

	if (!str_cut(&id, '-', &prefix) || !str_cut(&id, '-', &year))
		return false;
	for (size_t i = 0; i < year.n; i++)
		if (year.p[i] < '0' || year.p[i] > '9')
			return false;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] < '0' || id.p[i] > '9')
			return false;
	return str_is(prefix, "MAL") && year.n == 4 && id.n != 0;
}

static void
check_file_name(struct checker *c, const struct osv_document *d,
    struct str file)
{
	struct str stem =
	    str_ends(file, ".json") ? str_sub(file, 0, file.n - 5) : file;

	if (d->id.p == NULL) {
		if (!str_starts(file, "MAL-0000-"))
			checker_error(c, "mal-file",
			    "a report without an id is in a file MAL-0000-…");
		return;
	}
	if (!assigned_id(d->id)) {
		size_t at = checker_key(c, "id");

		checker_error(c, "mal-id",
		    "\"%.*s\" is no id of the form MAL-YYYY-N; a new report "
		    "has none",
		    SHOWN(d->id));
		checker_back(c, at);
	} else if (!str_eq(stem, d->id))
		checker_error(c, "mal-file",
		    "the file is named \"%.*s\", the id is \"%.*s\"",
		    SHOWN(file), SHOWN(d->id));
}

static bool
folder_of(struct arena *a, const struct osv_affected *e, bool canonical,
    struct buf *ret)
{
	struct str url, name;

	buf_reset(ret);
	if (e->has_package)
		return report_path(e->ecosystem,
		    canonical ?
			report_canonical_name(a, e->ecosystem, e->name) :
			e->name,
		    ret);
	if (e->n_ranges == 0 ||
	    !report_git_name(a, e->ranges[0].repo, &url, &name))
		return false;
	return report_path(STR_LIT("git"), name, ret);
}

static bool
lies_in(struct str folder, const struct buf *want)
{
	return str_ends(folder, buf_str(want).p) &&
	    (folder.n == want->n || folder.p[folder.n - want->n - 1] == '/');
}

/* Older trees have folders of names as they are written. */
void
malicious_check_path(struct checker *c, const struct osv_document *d,
    struct str path)
{
	ptrdiff_t slash = str_rchr(path, '/');
	struct str folder = str_sub(path, 0, slash < 0 ? 0 : (size_t)slash);
	struct arena *a = arena_new(MIB);
	struct buf want;

	buf_init(&want, LIMIT_PATH_BYTES);
	check_file_name(c, d, str_sub(path, (size_t)(slash + 1), path.n));
	if (d->n_affected == 1 && folder_of(a, &d->affected[0], false, &want) &&
	    !lies_in(folder, &want) &&
	    folder_of(a, &d->affected[0], true, &want) &&
	    !lies_in(folder, &want))
		checker_error(c, "mal-folder",
		    "lies in \"%.*s\"; must lie in \"%s\"", SHOWN(folder),
		    buf_str(&want).p);
	buf_done(&want);
	arena_free(a);
}
