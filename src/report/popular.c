/* SPDX-License-Identifier: Apache-2.0 */
/* The list of popular packages. Pure functions. */
#include "report/popular.h"

#include <errno.h>
#include <stdlib.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "ecosystem/packageurl.h"
#include "osv/osv.h"
#include "report/name.h"

struct popular {
	struct map *names; /* "ecosystem\nname" */
};

/* Lower case: what differs in case alone is no other package to a reader. */
static void
put_key(struct buf *b, struct arena *a, struct str ecosystem, struct str name)
{
	struct str canonical = report_canonical_name(a, ecosystem, name);

	buf_reset(b);
	buf_put_str(b, osv_ecosystem_base(ecosystem));
	buf_putc(b, '\n');
	for (size_t i = 0; i < canonical.n; i++) {
		char c = canonical.p[i];

		buf_putc(b, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
}

/* --- lines ------------------------------------------------------------------
 */

struct entry {
	struct str ecosystem, name; /* of OSV */
	bool has_downloads;
	uint64_t downloads;
};

static int
read_purl(struct arena *a, struct str purl, struct entry *e, struct error *err)
{
	struct packageurl *p = arena_alloc(a, sizeof(*p));

	if (packageurl_parse(a, purl, p, err) != 0)
		return err->code;
	if (!packageurl_to_osv(a, p, &e->ecosystem, &e->name))
		return error_set(err, -EINVAL, "OSV has no ecosystem for it");
	return 0;
}

static struct str
take_cell(struct str *rest, char separator)
{
	struct str cell = STR_NONE;

	(void)str_cut(rest, separator, &cell);
	return str_trim(cell);
}

static int
read_line(struct arena *a, struct str line, struct str ecosystem,
    struct entry *e, struct error *err)
{
	char separator = str_chr(line, '\t') >= 0 ? '\t' : ',';
	struct str cell = take_cell(&line, separator);
	int rc = 0;

	*e = (struct entry){ .ecosystem = ecosystem, .name = cell };
	if (str_starts(cell, "pkg:")) {
		rc = read_purl(a, cell, e, err);
	} else if (ecosystem.p == NULL) {
		e->ecosystem = cell;
		e->name = take_cell(&line, separator);
	}
	if (rc != 0)
		return rc;
	e->has_downloads =
	    str_to_u64(take_cell(&line, separator), &e->downloads) == 0;
	if (!osv_ecosystem_valid(e->ecosystem) || e->name.n == 0)
		return error_set(err, -EINVAL,
		    "is neither a package URL nor an ecosystem of OSV and a "
		    "name, with a tab or a comma between them");
	if (ecosystem.p != NULL && !str_eq(e->ecosystem, ecosystem))
		return error_set(err, -EINVAL, "is of another ecosystem: %.*s",
		    STR_ARG(str_sub(e->ecosystem, 0, 60)));
	return 0;
}

/* A first line of the columns' names. Where lines are names, one alone is. */
static bool
is_heading(struct str line, size_t number, bool names)
{
	char separator = str_chr(line, '\t') >= 0 ? '\t' : ',';
	struct str cell = take_cell(&line, separator);
	uint64_t downloads;

	if (number != 1)
		return false;
	if (names)
		return str_is(cell, "name") && line.n != 0 &&
		    str_to_u64(take_cell(&line, separator), &downloads) != 0;
	return str_is(cell, "purl") ||
	    (str_is(cell, "ecosystem") && line.n != 0);
}

static int
add(struct popular *p, struct arena *a, const struct entry *e,
    struct error *err)
{
	struct buf key;
	int rc;

	buf_init(&key, LIMIT_TEXT_BYTES);
	put_key(&key, a, e->ecosystem, e->name);
	rc = map_put(p->names, buf_str(&key), p);
	buf_done(&key);
	return rc < 0 ? error_set(err, -EINVAL, "has too many packages") : 0;
}

static int
add_lines(struct popular *p, struct arena *a, const struct popular_file *f,
    struct str text, struct error *err)
{
	struct str line;
	struct entry e;
	size_t number = 0;
	int rc = 0;

	while (rc == 0 && str_cut(&text, '\n', &line)) {
		number++;
		if (str_trim(line).n == 0 || str_trim(line).p[0] == '#' ||
		    is_heading(line, number, f->ecosystem.p != NULL))
			continue;
		arena_reset(a);
		rc = read_line(a, line, f->ecosystem, &e, err);
		if (rc == 0 && e.has_downloads && e.downloads < f->at_least)
			continue;
		if (rc == 0)
			rc = add(p, a, &e, err);
		if (rc != 0)
			(void)error_wrap(err, "line %zu", number);
	}
	return rc;
}

/* --- what a scan lists ------------------------------------------------------
 */

static struct str
text_of(yyjson_val *object, const char *name)
{
	yyjson_val *v = yyjson_obj_get(object, name);

	return yyjson_is_str(v) ? str_n(yyjson_get_str(v), yyjson_get_len(v)) :
				  STR_NONE;
}

/* What the user's projects depend on; the projects themselves are not meant. */
static int
add_scan(struct popular *p, struct arena *a, struct str json, struct error *err)
{
	yyjson_doc *doc = NULL;
	yyjson_val *packages, *v;
	yyjson_arr_iter it;
	int rc = osv_json_read(json, &doc, err);

	if (rc != 0)
		return rc;
	packages = yyjson_obj_get(yyjson_doc_get_root(doc), "packages");
	if (!yyjson_is_arr(packages))
		rc = error_set(err, -EINVAL,
		    "is no list of a scan: it has no packages");
	it = yyjson_arr_iter_with(packages);
	while (rc == 0 && (v = yyjson_arr_iter_next(&it)) != NULL) {
		const struct entry e = { text_of(v, "ecosystem"),
			text_of(v, "name"), false, 0 };
		struct str origin = text_of(v, "origin");

		arena_reset(a);
		if (osv_ecosystem_valid(e.ecosystem) && e.name.n != 0 &&
		    !str_is(origin, "root") && !str_starts(origin, "path:"))
			rc = add(p, a, &e, err);
	}
	osv_json_free(doc);
	return rc;
}

struct popular *
popular_new(void)
{
	struct popular *p = mem_alloc(sizeof(*p));

	p->names = map_new(POPULAR_MAX);
	return p;
}

int
popular_add(struct popular *p, const struct popular_file *f, struct str text,
    struct error *err)
{
	struct arena *a = arena_new(16 * MIB);
	int rc;

	if (str_starts(text, "\xef\xbb\xbf"))
		text = str_sub(text, 3, text.n);
	rc = str_starts(text, "{") ? add_scan(p, a, text, err) :
				     add_lines(p, a, f, text, err);
	arena_free(a);
	return rc;
}

void
popular_free(struct popular *p)
{
	if (p == NULL)
		return;
	map_free(p->names);
	free(p);
}

bool
popular_has(const struct popular *p, struct str ecosystem, struct str name)
{
	struct arena *a;
	struct buf key;
	bool found;

	if (p == NULL)
		return false;
	a = arena_new(MIB);
	buf_init(&key, LIMIT_TEXT_BYTES);
	put_key(&key, a, ecosystem, name);
	found = map_has(p->names, buf_str(&key));
	buf_done(&key);
	arena_free(a);
	return found;
}
