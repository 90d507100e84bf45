/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret purl parse | build: package URLs, one per line on standard input,
 * one JSON object per line on standard output.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "ecosystem/packageurl.h"
#include "osv/osv.h"
#include "sys/lockdown.h"
#include "sys/opt.h"

static const struct opt no_options[] = { OPT_END };

static const struct opt_command command = {
	.name = "purl",
	.operands = "parse|build",
	.summary = "Takes package URLs apart, or builds them, one a line on "
		   "standard input.\nparse: reads purls. build: reads JSON "
		   "objects with the members that parse prints,\nor with "
		   "ecosystem and name as OSV has them.",
	.options = no_options,
	.examples = "  echo pkg:npm/%40scope/name@1.0 | lazaret purl parse\n"
		    "  echo '{\"ecosystem\":\"PyPI\",\"name\":\"foo\"}' | "
		    "lazaret purl build\n",
};

static void
print_error(struct json *j, const struct error *err)
{
	json_object_begin(j);
	json_key(j, "error");
	json_strz(j, err->msg);
	json_object_end(j);
}

static void
print_osv(struct json *j, struct arena *a, const struct packageurl *p)
{
	struct str ecosystem, name;

	json_key(j, "osv");
	if (!packageurl_to_osv(a, p, &ecosystem, &name)) {
		json_null(j);
		return;
	}
	json_object_begin(j);
	json_key(j, "ecosystem");
	json_str(j, ecosystem);
	json_key(j, "name");
	json_str(j, name);
	json_object_end(j);
}

static void
print_purl(struct json *j, const struct packageurl *p)
{
	struct buf b;

	buf_init(&b, 16 * LIMIT_PURL_BYTES);
	packageurl_write(p, &b);
	json_key(j, "purl");
	json_str(j, buf_str(&b));
	buf_done(&b);
}

static void
print_parsed(struct json *j, struct arena *a, const struct packageurl *p)
{
	json_object_begin(j);
	json_key(j, "type");
	json_str(j, p->type);
	json_key(j, "namespace");
	json_str(j, p->namespace);
	json_key(j, "name");
	json_str(j, p->name);
	json_key(j, "version");
	json_str(j, p->version);
	json_key(j, "qualifiers");
	if (p->n_qualifiers == 0) {
		json_null(j);
	} else {
		json_object_begin(j);
		for (size_t i = 0; i < p->n_qualifiers; i++) {
			json_key_str(j, p->qualifiers[i].key);
			json_str(j, p->qualifiers[i].value);
		}
		json_object_end(j);
	}
	json_key(j, "subpath");
	json_str(j, p->subpath);
	print_purl(j, p);
	print_osv(j, a, p);
	json_object_end(j);
}

static int
parse_line(struct arena *a, struct str line, struct json *j, struct error *err)
{
	struct packageurl p;
	int rc = packageurl_parse(a, line, &p, err);

	if (rc == 0)
		print_parsed(j, a, &p);
	return rc;
}

/* A string member; null and absent are absent. */
static int
member(yyjson_val *object, const char *key, struct str *ret, struct error *err)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	*ret = STR_NONE;
	if (v == NULL || yyjson_is_null(v))
		return 0;
	if (!yyjson_is_str(v))
		return error_set(err, -EINVAL, "%s is not a string", key);
	*ret = str_n(yyjson_get_str(v), yyjson_get_len(v));
	return 0;
}

/* The value of a qualifier; a list of checksums is one with commas. */
static int
value_of(struct arena *a, yyjson_val *key, yyjson_val *v, struct str *ret,
    struct error *err)
{
	yyjson_arr_iter it = yyjson_arr_iter_with(v);
	struct buf b;
	int rc = 0;

	if (yyjson_is_str(v)) {
		*ret = str_n(yyjson_get_str(v), yyjson_get_len(v));
		return 0;
	}
	if (!yyjson_is_arr(v) || !yyjson_equals_str(key, "checksum"))
		return error_set(err, -EINVAL, "a qualifier is not a string");
	buf_init(&b, LIMIT_PURL_BYTES);
	while (rc == 0 && (v = yyjson_arr_iter_next(&it)) != NULL) {
		if (!yyjson_is_str(v))
			rc = error_set(err, -EINVAL,
			    "a checksum is not a string");
		buf_puts(&b, b.n != 0 ? "," : "");
		buf_put_str(&b, str_n(yyjson_get_str(v), yyjson_get_len(v)));
	}
	if (rc == 0 && b.full)
		rc = error_set(err, -EINVAL, "the checksums are too long");
	*ret = arena_str(a, buf_str(&b));
	buf_done(&b);
	return rc;
}

static int
qualifiers(struct arena *a, yyjson_val *object, struct packageurl *p,
    struct error *err)
{
	yyjson_val *list = yyjson_obj_get(object, "qualifiers"), *key, *v;
	yyjson_obj_iter it;
	struct str value;
	int rc;

	if (list == NULL || yyjson_is_null(list))
		return 0;
	if (!yyjson_is_obj(list))
		return error_set(err, -EINVAL, "qualifiers is not an object");
	it = yyjson_obj_iter_with(list);
	while ((key = yyjson_obj_iter_next(&it)) != NULL) {
		v = yyjson_obj_iter_get_val(key);
		if (yyjson_is_null(v))
			continue;
		rc = value_of(a, key, v, &value, err);
		if (rc != 0)
			return rc;
		if (value.n == 0)
			continue;
		if (p->n_qualifiers == PACKAGEURL_MAX_QUALIFIERS)
			return error_set(err, -EINVAL, "too many qualifiers");
		p->qualifiers[p->n_qualifiers].key =
		    str_n(yyjson_get_str(key), yyjson_get_len(key));
		p->qualifiers[p->n_qualifiers++].value = value;
	}
	return 0;
}

static int
build_components(struct arena *a, yyjson_val *o, struct packageurl *p,
    struct error *err)
{
	static const struct {
		const char *key;
		size_t at;
	} members[] = {
		{ "type", offsetof(struct packageurl, type) },
		{ "namespace", offsetof(struct packageurl, namespace) },
		{ "name", offsetof(struct packageurl, name) },
		{ "version", offsetof(struct packageurl, version) },
		{ "subpath", offsetof(struct packageurl, subpath) },
	};
	int rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(members) && rc == 0; i++)
		rc = member(o, members[i].key,
		    (struct str *)(void *)((char *)p + members[i].at), err);
	if (rc == 0)
		rc = qualifiers(a, o, p, err);
	return rc == 0 ? packageurl_normalise(a, p, err) : rc;
}

static int
build_object(struct arena *a, yyjson_val *o, struct packageurl *p,
    struct error *err)
{
	struct str ecosystem, name, version;
	int rc;

	if (!yyjson_is_obj(o))
		return error_set(err, -EINVAL, "not a JSON object");
	rc = member(o, "ecosystem", &ecosystem, err);
	if (rc == 0 && ecosystem.p == NULL)
		return build_components(a, o, p, err);
	if (rc == 0)
		rc = member(o, "name", &name, err);
	if (rc == 0)
		rc = member(o, "version", &version, err);
	if (rc == 0 && name.n == 0)
		return error_set(err, -EINVAL, "name is missing");
	if (rc == 0 && !osv_ecosystem_valid(ecosystem))
		return error_set(err, -EINVAL,
		    "\"%.*s\" is no ecosystem of OSV %s", STR_ARG(ecosystem),
		    OSV_SCHEMA_VERSION);
	if (rc == 0)
		rc = packageurl_of_osv(a, ecosystem, name, p, err);
	if (rc != 0 || version.n == 0)
		return rc;
	p->version = arena_str(a, version);
	return packageurl_normalise_loose(a, p, err);
}

static int
build_line(struct arena *a, struct str line, struct json *j, struct error *err)
{
	struct packageurl p = { .n_qualifiers = 0 };
	yyjson_doc *doc = NULL;
	int rc = osv_json_read(line, &doc, err);

	if (rc != 0)
		return rc;
	rc = build_object(a, yyjson_doc_get_root(doc), &p, err);
	if (rc == 0) {
		json_object_begin(j);
		print_purl(j, &p);
		json_object_end(j);
	}
	osv_json_free(doc);
	return rc;
}

static int
run(int (*line_fn)(struct arena *, struct str, struct json *, struct error *))
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	ssize_t n;
	struct buf out;
	int status = EXIT_NOTHING_FOUND;

	buf_init(&out, 16 * MIB);
	while ((n = getline(&line, &size, stdin)) >= 0) {
		struct error err = ERROR_INIT;
		struct json j;

		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		json_init(&j, &out, 0);
		if (line_fn(a, str_n(line, (size_t)n), &j, &err) != 0) {
			print_error(&j, &err);
			status = EXIT_FOUND;
		}
		buf_putc(&out, '\n');
		(void)fwrite(out.p, 1, out.n, stdout);
		buf_reset(&out);
		arena_reset(a);
	}
	buf_done(&out);
	arena_free(a);
	return fflush(stdout) == 0 ? status : EXIT_TOOL_FAILED;
}

int
main(int argc, char **argv)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	struct error err = ERROR_INIT;
	int first = opt_parse(&command, argc, argv);
	const char *verb = first < argc ? argv[first] : NULL;

	if (verb == NULL || first + 1 != argc)
		opt_usage_error(&command, "say parse or build");
	if (lockdown(&pure, &err) != 0) {
		(void)fprintf(stderr, "lazaret purl: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	if (strcmp(verb, "parse") == 0)
		return run(parse_line);
	if (strcmp(verb, "build") == 0)
		return run(build_line);
	opt_usage_error(&command, "%s is neither parse nor build", verb);
}
