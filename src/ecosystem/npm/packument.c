/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a registry's document and choosing a version from it. Runs in role
 * reply. The document lives from packument_parse to packument_free.
 */
#include "ecosystem/npm/packument.h"

#include <errno.h>
#include <inttypes.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "ecosystem/npm/packument_priv.h"
#include "ecosystem/npm/semver.h"

struct str
packument_value_text(yyjson_val *v)
{
	if (!yyjson_is_str(v))
		return STR_NONE;
	return str_n(yyjson_get_str(v), yyjson_get_len(v));
}

struct str
packument_text(yyjson_val *object, const char *key)
{
	return packument_value_text(yyjson_obj_get(object, key));
}

yyjson_val *
packument_object(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	return yyjson_is_obj(v) ? v : NULL;
}

static int
check_document(struct packument *p, struct error *err)
{
	struct str name = packument_text(p->root, "name");

	if (!yyjson_is_obj(p->root))
		return error_set(err, -EBADMSG,
		    "the registry's answer about %.*s is no document",
		    STR_ARG(p->name));
	if (packument_object(p->times, "unpublished") != NULL ||
	    (p->versions != NULL && yyjson_obj_size(p->versions) == 0))
		return error_set(err, -ENODATA,
		    "every version of %.*s was unpublished", STR_ARG(p->name));
	if (p->versions == NULL)
		return error_set(err, -EBADMSG,
		    "the registry's answer about %.*s lists no versions",
		    STR_ARG(p->name));
	if (!str_eq(name, p->name))
		return error_set(err, -EBADMSG,
		    "asked for %.*s, the registry answered about \"%.*s\"",
		    STR_ARG(p->name), STR_ARG(str_sub(name, 0, 80)));
	return 0;
}

int
packument_parse(struct str json, struct str name, struct packument **ret,
    struct error *err)
{
	_cleanup_(packument_freep) struct packument *p = NULL;
	yyjson_read_err why = { 0 };
	/* yyjson does not write to the input without the INSITU flag. */
	char *input = (char *)(uintptr_t)(json.n != 0 ? json.p : "");
	int rc;

	p = mem_alloc(sizeof(*p));
	p->arena = arena_new(LIMIT_ARENA_BYTES);
	p->name = arena_str(p->arena, name);
	p->doc = yyjson_read_opts(input, json.n, 0, NULL, &why);
	if (p->doc == NULL)
		return error_set(err, -EBADMSG,
		    "the registry's answer about %.*s is not JSON (%s)",
		    STR_ARG(name), why.msg);
	p->root = yyjson_doc_get_root(p->doc);
	p->versions = packument_object(p->root, "versions");
	p->times = packument_object(p->root, "time");
	p->tags = packument_object(p->root, "dist-tags");
	rc = check_document(p, err);
	if (rc == 0)
		*ret = steal(&p);
	return rc;
}

void
packument_free(struct packument *p)
{
	if (p == NULL)
		return;
	yyjson_doc_free(p->doc);
	arena_free(p->arena);
	free(p);
}

void
packument_freep(struct packument **p)
{
	packument_free(*p);
}

/* npm's lists: plain names allow, "!name" forbids, "any" allows all. */
static bool
list_allows(yyjson_val *list, struct str what)
{
	bool any_plain = false, found = false;
	struct str s;
	yyjson_val *v;
	size_t i, n;

	if (what.n == 0)
		return true;
	if (yyjson_is_str(list))
		return str_eq(packument_value_text(list), what) ||
		    yyjson_equals_str(list, "any");
	yyjson_arr_foreach(list, i, n, v)
	{
		s = packument_value_text(v);
		if (s.n != 0 && s.p[0] == '!') {
			if (str_eq(str_sub(s, 1, s.n), what))
				return false;
			continue;
		}
		any_plain = any_plain || s.n != 0;
		found = found || str_eq(s, what) || str_is(s, "any");
	}
	return found || !any_plain;
}

static void
write_list(struct buf *out, const char *key, yyjson_val *list)
{
	yyjson_val *v;
	size_t i, n;

	if (list == NULL)
		return;
	buf_printf(out, "%s%s", out->n != 0 ? ", " : "", key);
	if (yyjson_is_str(list)) {
		buf_putc(out, ' ');
		buf_put_str(out, packument_value_text(list));
	}
	yyjson_arr_foreach(list, i, n, v)
	{
		buf_putc(out, ' ');
		buf_put_str(out, packument_value_text(v));
	}
}

static bool
engine_fits(struct packument *p, yyjson_val *version, struct str node)
{
	struct str want =
	    packument_text(packument_object(version, "engines"), "node");
	struct semver_range *range;
	struct semver v;

	if (want.n == 0 || node.n == 0 || semver_parse(node, &v) != 0 ||
	    semver_range_parse(p->arena, want, &range, NULL) != 0)
		return true;
	return semver_range_has(range, &v, true);
}

static void
read_platform(struct packument *p, yyjson_val *v, const struct npm_platform *on,
    struct packument_version *ret)
{
	yyjson_val *os = yyjson_obj_get(v, "os"),
		   *cpu = yyjson_obj_get(v, "cpu"),
		   *libc = yyjson_obj_get(v, "libc");
	struct buf b;

	ret->platform_mismatch = !list_allows(os, on->os) ||
	    !list_allows(cpu, on->cpu) || !list_allows(libc, on->libc);
	ret->engine_mismatch = !engine_fits(p, v, on->node);
	buf_init(&b, LIMIT_TEXT_BYTES);
	write_list(&b, "os", os);
	write_list(&b, "cpu", cpu);
	write_list(&b, "libc", libc);
	ret->platform = arena_str(p->arena, buf_str(&b));
	buf_done(&b);
}

static bool
has_hook(yyjson_val *version)
{
	static const char *const hooks[] = { "preinstall", "install",
		"postinstall" };
	yyjson_val *scripts = packument_object(version, "scripts");

	if (yyjson_is_true(yyjson_obj_get(version, "hasInstallScript")))
		return true;
	for (size_t i = 0; i < N_ELEMENTS(hooks); i++)
		if (packument_text(scripts, hooks[i]).n != 0)
			return true;
	return false;
}

static size_t
read_size(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	return yyjson_is_uint(v) ? (size_t)yyjson_get_uint(v) : 0;
}

/* npm takes any value but false and "" for "deprecated". */
static struct str
read_deprecated(yyjson_val *version)
{
	yyjson_val *v = yyjson_obj_get(version, "deprecated");

	if (yyjson_is_true(v))
		return STR_LIT("deprecated");
	return packument_value_text(v).n != 0 ? packument_value_text(v) :
						STR_NONE;
}

/* The highest version below v; prereleases only before prereleases. */
static struct str
previous_version(struct packument *p, struct str version)
{
	struct semver v, other, best = { 0 };
	struct str found = STR_NONE, s;
	yyjson_val *key, *value;
	size_t i, n;

	if (semver_parse(version, &v) != 0)
		return found;
	yyjson_obj_foreach(p->versions, i, n, key, value)
	{
		s = packument_value_text(key);
		if (semver_parse(s, &other) != 0 ||
		    semver_compare(&other, &v) >= 0 ||
		    (other.prerelease.n != 0 && v.prerelease.n == 0))
			continue;
		if (found.p != NULL && semver_compare(&other, &best) <= 0)
			continue;
		best = other;
		found = s;
	}
	return found;
}

static void
read_version(struct packument *p, struct str version, yyjson_val *v,
    const struct npm_platform *on, struct packument_version *ret)
{
	yyjson_val *dist = packument_object(v, "dist");
	yyjson_val *at;

	*ret = (struct packument_version){ .version = version };
	ret->tarball = packument_text(dist, "tarball");
	ret->integrity = packument_text(dist, "integrity");
	ret->shasum = packument_text(dist, "shasum");
	ret->n_files = read_size(dist, "fileCount");
	ret->n_bytes = read_size(dist, "unpackedSize");
	ret->has_signatures =
	    yyjson_arr_size(yyjson_obj_get(dist, "signatures")) != 0;
	ret->has_attestations = packument_object(dist, "attestations") != NULL;
	ret->deprecated = read_deprecated(v);
	ret->publisher =
	    packument_text(packument_object(v, "_npmUser"), "name");
	at = yyjson_obj_getn(p->times, version.p, version.n);
	ret->published_at = packument_value_text(at);
	ret->has_install_script = has_hook(v);
	read_platform(p, v, on, ret);
}

static yyjson_val *
version_object(struct packument *p, struct str version)
{
	yyjson_val *v = yyjson_obj_getn(p->versions, version.p, version.n);

	return yyjson_is_obj(v) ? v : NULL;
}

/* Higher is better: npm prefers what fits the engine, then what is not
 * deprecated, then the newest. */
static int
rank(struct packument *p, yyjson_val *v, const struct npm_platform *on)
{
	bool fits = engine_fits(p, v, on->node);
	bool fresh = read_deprecated(v).p == NULL;

	return (fits ? 2 : 0) + (fresh ? 1 : 0);
}

static struct str
pick_range(struct packument *p, struct str want,
    const struct semver_range *range, const struct npm_platform *on)
{
	struct str latest = packument_text(p->tags, "latest");
	struct str found = STR_NONE, s;
	struct semver v, best = { 0 };
	yyjson_val *key, *value;
	size_t i, n;
	int r, best_rank = -1;

	value = version_object(p, latest);
	if (value != NULL && semver_parse(latest, &v) == 0 &&
	    (str_is(want, "*") || semver_range_has(range, &v, false)) &&
	    rank(p, value, on) == 3)
		return latest;
	yyjson_obj_foreach(p->versions, i, n, key, value)
	{
		s = packument_value_text(key);
		if (!yyjson_is_obj(value) || semver_parse(s, &v) != 0 ||
		    !semver_range_has(range, &v, false))
			continue;
		r = rank(p, value, on);
		if (r < best_rank ||
		    (r == best_rank && semver_compare(&v, &best) <= 0))
			continue;
		best = v;
		best_rank = r;
		found = s;
	}
	return found;
}

/* Exactly that key, or one that is the same version ("v1.0.0", "1.0.0+x"). */
static struct str
pick_exact(struct packument *p, struct str want, const struct semver *v)
{
	yyjson_val *key, *value;
	struct semver other;
	size_t i, n;

	if (version_object(p, want) != NULL)
		return want;
	yyjson_obj_foreach(p->versions, i, n, key, value)
	{
		struct str s = packument_value_text(key);

		if (yyjson_is_obj(value) && semver_parse(s, &other) == 0 &&
		    semver_compare(&other, v) == 0)
			return s;
	}
	return STR_NONE;
}

static int
not_found(struct packument *p, struct str want, const char *what,
    struct error *err)
{
	struct str latest = packument_text(p->tags, "latest");

	if (yyjson_obj_getn(p->times, want.p, want.n) != NULL)
		return error_set(err, -ENODATA,
		    "version %.*s of %.*s was unpublished",
		    STR_ARG(str_sub(want, 0, 60)), STR_ARG(p->name));
	return error_set(err, -ENOENT,
	    "%.*s has no %s %.*s (its latest version is %.*s)",
	    STR_ARG(p->name), what, STR_ARG(str_sub(want, 0, 60)),
	    STR_ARG(str_sub(latest, 0, 60)));
}

/* The key in `versions`, or an error that says what there is instead. */
static int
pick(struct packument *p, struct str want, const struct npm_platform *on,
    struct str *ret, struct error *err)
{
	struct semver_range *range;
	const char *what = "tag";
	struct semver exact;

	if (version_object(p, want) != NULL) {
		*ret = want; /* also versions that are no semver */
	} else if (semver_parse(want, &exact) == 0) {
		what = "version";
		*ret = pick_exact(p, want, &exact);
	} else if (semver_range_parse(p->arena, want, &range, NULL) == 0) {
		what = "version for the range";
		*ret = pick_range(p, want, range, on);
	} else {
		*ret = yyjson_is_obj(p->tags) ?
		    packument_value_text(
			yyjson_obj_getn(p->tags, want.p, want.n)) :
		    STR_NONE;
	}
	if (ret->p == NULL || version_object(p, *ret) == NULL)
		return not_found(p, want, what, err);
	return 0;
}

int
packument_pick(struct packument *p, struct str want,
    const struct npm_platform *on, struct packument_version *ret,
    struct error *err)
{
	struct str version;
	int rc;

	if (want.p == NULL)
		want = STR_LIT("latest");
	/* Without tags (old mirrors): the best of all. */
	if (str_is(want, "latest") && packument_text(p->tags, "latest").n == 0)
		want = STR_LIT("*");
	rc = pick(p, want, on, &version, err);
	if (rc != 0)
		return rc;
	read_version(p, version, version_object(p, version), on, ret);
	ret->previous = previous_version(p, version);
	return 0;
}

/* ---- facts */

static void
write_people(struct buf *out, yyjson_val *list)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach(list, i, n, v)
	{
		struct str name = packument_text(v, "name"),
			   mail = packument_text(v, "email");

		if (yyjson_is_str(v))
			name = packument_value_text(v);
		if (out->n != 0)
			buf_puts(out, ", ");
		buf_put_str(out, name);
		if (mail.n != 0)
			buf_printf(out, " <%.*s>", STR_ARG(mail));
	}
}

/* "url" of an object, or the text itself. */
static struct str
address_of(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	return yyjson_is_obj(v) ? packument_text(v, "url") :
				  packument_value_text(v);
}

static struct str
license_of(yyjson_val *v)
{
	yyjson_val *l = yyjson_obj_get(v, "license");

	return yyjson_is_obj(l) ? packument_text(l, "type") :
				  packument_value_text(l);
}

struct facts {
	packument_fact_fn fn;
	void *arg;
	struct error *err;
	int rc;
};

static void
fact(struct facts *f, const char *key, struct str value)
{
	if (f->rc == 0 && value.n != 0)
		f->rc = f->fn(f->arg, key, value, f->err);
}

static void
fact_number(struct facts *f, const char *key, size_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%zu", n);
	fact(f, key, str_of(text));
}

/* A part of the document as JSON: what the registry says npm will do. */
static void
fact_json(struct facts *f, const char *key, yyjson_val *v)
{
	size_t n = 0;
	char *json = v != NULL ? yyjson_val_write(v, 0, &n) : NULL;

	if (json != NULL)
		fact(f, key, str_n(json, n));
	free(json);
}

static void
facts_of_package(struct packument *p, struct facts *f)
{
	struct buf people;

	buf_init(&people, LIMIT_URL_BYTES);
	write_people(&people, yyjson_obj_get(p->root, "maintainers"));
	fact(f, "maintainers", buf_str(&people));
	buf_done(&people);
	fact(f, "created_at", packument_text(p->times, "created"));
	fact(f, "modified_at", packument_text(p->times, "modified"));
	fact(f, "latest", packument_text(p->tags, "latest"));
	fact_number(f, "versions", yyjson_obj_size(p->versions));
}

static void
facts_of_previous(struct packument *p, struct str version, struct facts *f)
{
	yyjson_val *v = version_object(p, version);
	yyjson_val *at = yyjson_obj_getn(p->times, version.p, version.n);

	if (v == NULL)
		return;
	fact(f, "previous_version", version);
	fact(f, "previous_published_at", packument_value_text(at));
	fact(f, "previous_publisher",
	    packument_text(packument_object(v, "_npmUser"), "name"));
	fact(f, "previous_has_install_script",
	    has_hook(v) ? STR_LIT("1") : STR_LIT("0"));
}

static void
facts_of_version(yyjson_val *o, const struct packument_version *v,
    struct facts *f)
{
	yyjson_val *dist = packument_object(o, "dist");

	fact(f, "published_at", v->published_at);
	fact(f, "publisher", v->publisher);
	fact(f, "publisher_email",
	    packument_text(packument_object(o, "_npmUser"), "email"));
	fact(f, "repository", address_of(o, "repository"));
	fact(f, "homepage", packument_text(o, "homepage"));
	fact(f, "license", license_of(o));
	fact(f, "description", packument_text(o, "description"));
	fact(f, "git_head", packument_text(o, "gitHead"));
	fact(f, "integrity", v->integrity);
	fact(f, "shasum", v->shasum);
	fact(f, "deprecated", v->deprecated);
	fact(f, "has_install_script",
	    v->has_install_script ? STR_LIT("1") : STR_LIT("0"));
	fact_number(f, "signatures",
	    yyjson_arr_size(yyjson_obj_get(dist, "signatures")));
	fact(f, "attestations",
	    v->has_attestations ? STR_LIT("1") : STR_LIT("0"));
	fact(f, "platform", v->platform);
	if (v->n_files != 0)
		fact_number(f, "file_count", v->n_files);
	if (v->n_bytes != 0)
		fact_number(f, "unpacked_bytes", v->n_bytes);
	fact_json(f, "dependencies", packument_object(o, "dependencies"));
	fact_json(f, "optional_dependencies",
	    packument_object(o, "optionalDependencies"));
	fact_json(f, "engines", packument_object(o, "engines"));
}

int
packument_facts(struct packument *p, const struct packument_version *v,
    packument_fact_fn fn, void *arg, struct error *err)
{
	struct facts f = { fn, arg, err, 0 };

	facts_of_package(p, &f);
	facts_of_version(version_object(p, v->version), v, &f);
	if (v->previous.p != NULL)
		facts_of_previous(p, v->previous, &f);
	return f.rc;
}
