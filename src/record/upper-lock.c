/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What npm installed, from its hidden lockfile (lockfile version 3:
 * node_modules/.package-lock.json). The sandbox can write anything there, so
 * this runs in role upper.
 */
#include <errno.h>
#include <string.h>

#include <yyjson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "record/upper.h"
#include "runfile/fact.h"
#include "sys/message.h"

static struct str
member(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	return yyjson_is_str(v) ? str_n(yyjson_get_str(v), yyjson_get_len(v)) :
				  STR_NONE;
}

static bool
flag(yyjson_val *object, const char *key)
{
	return yyjson_is_true(yyjson_obj_get(object, key));
}

static struct str
kind_of(yyjson_val *package)
{
	static const char *const flags[][2] = { { "inBundle", "bundled" },
		{ "devOptional", "optional" }, { "optional", "optional" },
		{ "dev", "dev" }, { "peer", "peer" } };

	for (size_t i = 0; i < N_ELEMENTS(flags); i++)
		if (flag(package, flags[i][0]))
			return str_of(flags[i][1]);
	return STR_LIT("prod");
}

/* Registries serve archives below ".../NAME/-/"; other URLs are remote. */
static bool
is_registry_url(struct str url, struct str name)
{
	ptrdiff_t dash = str_find(url, STR_LIT("/-/"));
	struct str before = str_sub(url, 0, dash < 0 ? 0 : (size_t)dash);
	char last[LIMIT_PACKAGE_NAME_BYTES];
	int n = snprintf(last, sizeof(last), "/%.*s", STR_ARG(name));

	return dash >= 0 && n > 0 && (size_t)n < sizeof(last) &&
	    str_ends(before, last);
}

static void
put_source(struct buf *out, yyjson_val *package, struct str name)
{
	static const char *const schemes[][2] = { { "git+", "git:" },
		{ "git:", "git:" }, { "github:", "git:" }, { "file:", "path:" },
		{ "http:", "url:" }, { "https:", "url:" } };
	struct str resolved = member(package, "resolved");

	if (flag(package, "link")) {
		buf_puts(out, "path:");
		buf_put_str(out, resolved);
		return;
	}
	if (resolved.p == NULL || is_registry_url(resolved, name)) {
		buf_puts(out, "registry");
		return;
	}
	for (size_t i = 0; i < N_ELEMENTS(schemes); i++)
		if (str_starts(resolved, schemes[i][0])) {
			buf_puts(out, schemes[i][1]);
			break;
		}
	buf_put_str(out, resolved);
}

/* "node_modules/a/node_modules/@s/b": "@s/b". */
static struct str
name_of(struct str path)
{
	struct str rest = path;
	ptrdiff_t at;

	while ((at = str_find(rest, STR_LIT("node_modules/"))) >= 0)
		rest = str_sub(rest, (size_t)at + 13, rest.n);
	return rest;
}

static int
tell_package(struct str path, yyjson_val *package, struct channel *facts,
    struct error *err)
{
	_cleanup_(buf_done) struct buf source = { 0 };
	struct fact_dependency f;

	fact_init(FACT_DEPENDENCY, &f);
	f.name = member(package, "name");
	if (f.name.p == NULL)
		f.name = name_of(path);
	f.version = member(package, "version");
	f.kind = kind_of(package);
	f.path = path;
	f.has_script = flag(package, "hasInstallScript");
	buf_init(&source, LIMIT_TEXT_BYTES);
	put_source(&source, package, f.name);
	f.source = buf_str(&source);
	return fact_send(facts, FACT_DEPENDENCY, &f, err);
}

int
upper_tell_lock(struct str json, struct channel *facts,
    int64_t *ret_dependencies, struct error *err)
{
	yyjson_doc *doc = yyjson_read(json.p, json.n, 0);
	yyjson_val *packages, *key;
	int64_t told = 0;
	yyjson_obj_iter it;
	int rc = 0;

	packages = yyjson_obj_get(yyjson_doc_get_root(doc), "packages");
	if (!yyjson_is_obj(packages)) {
		yyjson_doc_free(doc);
		return error_set(err, -EBADMSG,
		    "the hidden lockfile of npm has no packages");
	}
	it = yyjson_obj_iter_with(packages);
	while (rc == 0 && told < LIMIT_ARCHIVE_ENTRIES &&
	    (key = yyjson_obj_iter_next(&it)) != NULL) {
		struct str path =
		    str_n(yyjson_get_str(key), yyjson_get_len(key));

		if (path.n == 0 || !yyjson_is_obj(yyjson_obj_iter_get_val(key)))
			continue;
		rc = tell_package(path, yyjson_obj_iter_get_val(key), facts,
		    err);
		told++;
	}
	yyjson_doc_free(doc);
	if (rc != 0)
		return rc;
	*ret_dependencies = told;
	return 0;
}
