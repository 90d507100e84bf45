/* SPDX-License-Identifier: Apache-2.0 */
/* The list of popular packages. Pure functions. */
#include "report/popular.h"

#include <errno.h>
#include <stdlib.h>

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

static int
read_line(struct arena *a, struct str line, struct str *ret_ecosystem,
    struct str *ret_name, struct error *err)
{
	struct packageurl *p = arena_alloc(a, sizeof(*p));
	struct str rest = line, cell;

	(void)str_cut(&rest, ',', &cell);
	cell = str_trim(cell);
	if (str_starts(cell, "pkg:")) {
		if (packageurl_parse(a, cell, p, err) != 0)
			return err->code;
		if (!packageurl_to_osv(a, p, ret_ecosystem, ret_name))
			return error_set(err, -EINVAL,
			    "OSV has no ecosystem for it");
		return 0;
	}
	*ret_ecosystem = cell;
	if (!str_cut(&rest, ',', &cell))
		cell = STR_NONE;
	*ret_name = str_trim(cell);
	if (!osv_ecosystem_valid(*ret_ecosystem) || ret_name->n == 0)
		return error_set(err, -EINVAL,
		    "is neither a package URL nor \"ecosystem,name\" with an "
		    "ecosystem of OSV");
	return 0;
}

static bool
is_heading(struct str line, size_t number)
{
	return number == 1 &&
	    (str_starts(line, "ecosystem,") || str_is(line, "purl") ||
		str_starts(line, "purl,"));
}

int
popular_parse(struct str text, struct popular **ret, struct error *err)
{
	struct popular *p = mem_alloc(sizeof(*p));
	struct arena *a = arena_new(16 * MIB);
	struct str line, ecosystem = STR_NONE, name = STR_NONE;
	size_t number = 0;
	struct buf key;
	int rc = 0;

	p->names = map_new(POPULAR_MAX);
	buf_init(&key, LIMIT_TEXT_BYTES);
	while (rc == 0 && str_cut(&text, '\n', &line)) {
		number++;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#' || is_heading(line, number))
			continue;
		arena_reset(a);
		rc = read_line(a, line, &ecosystem, &name, err);
		if (rc != 0) {
			(void)error_wrap(err, "line %zu", number);
			break;
		}
		put_key(&key, a, ecosystem, name);
		if (map_put(p->names, buf_str(&key), p) < 0)
			rc = error_set(err, -EINVAL, "has too many lines");
	}
	buf_done(&key);
	arena_free(a);
	if (rc != 0)
		popular_free(p);
	else
		*ret = p;
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
