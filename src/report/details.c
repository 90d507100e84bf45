/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of per-source details. Pure functions. */
#include "report/details.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

static const char header[] =
    "_-= Per source details. Do not edit below this line.=-_";
static const char section_mark[] = "## Source: ";

bool
details_has_header(struct str text)
{
	return str_find(text, str_of(header)) >= 0;
}

/* "## Source: id (sha256)" */
static bool
parse_heading(struct str line, struct details_section *ret)
{
	ptrdiff_t open;

	line = str_trim(line);
	if (!str_starts(line, section_mark) || !str_ends(line, ")"))
		return false;
	line = str_sub(line, sizeof(section_mark) - 1, line.n - 1);
	open = str_rchr(line, '(');
	if (open <= 0)
		return false;
	ret->source = str_trim(str_sub(line, 0, (size_t)open));
	ret->sha256 = str_sub(line, (size_t)open + 1, line.n);
	return ret->source.n != 0 && ret->sha256.n != 0;
}

static size_t
count_headings(struct str text)
{
	struct details_section s;
	struct str line;
	size_t n = 0;

	while (str_cut(&text, '\n', &line))
		n += parse_heading(line, &s);
	return n;
}

static int
parse_sections(struct arena *a, struct str text, struct details *d,
    struct error *err)
{
	struct details_section *at = NULL, next;
	const char *from = NULL;
	struct str line, rest = text;

	d->sections =
	    arena_array(a, count_headings(text) + 1, sizeof(*d->sections));
	while (str_cut(&rest, '\n', &line)) {
		if (parse_heading(line, &next)) {
			if (at != NULL)
				at->text = str_trim(
				    str_n(from, (size_t)(line.p - from)));
			at = &d->sections[d->n_sections++];
			*at = next;
			from = line.p + line.n;
		} else if (at == NULL && str_trim(line).n != 0) {
			return error_set(err, -EINVAL,
			    "details: text below the header belongs to no "
			    "source");
		}
	}
	if (at != NULL)
		at->text =
		    str_trim(str_n(from, (size_t)(text.p + text.n - from)));
	return 0;
}

int
details_parse(struct arena *a, struct str text, struct details *ret,
    struct error *err)
{
	struct details d = { .n_sections = 0 };
	ptrdiff_t at = str_find(text, str_of(header));
	struct str user, below;
	int rc;

	if (at < 0) {
		d.user = str_trim(text);
		*ret = d;
		return 0;
	}
	below = str_sub(text, (size_t)at + sizeof(header) - 1, text.n);
	if (details_has_header(below))
		return error_set(err, -EINVAL,
		    "details: the header stands twice");
	user = str_trim(str_sub(text, 0, (size_t)at));
	if (str_ends(user, "---"))
		user = str_trim(str_sub(user, 0, user.n - 3));
	d.user = user;
	d.has_header = true;
	rc = parse_sections(a, below, &d, err);
	if (rc == 0)
		*ret = d;
	return rc;
}

/* By source; of one source the longest text first, then by hash. */
static int
by_source(const void *pa, const void *pb)
{
	const struct details_section *a = pa, *b = pb;
	int d = str_cmp(a->source, b->source);

	if (d != 0)
		return d;
	if (a->text.n != b->text.n)
		return a->text.n > b->text.n ? -1 : 1;
	return str_cmp(a->sha256, b->sha256);
}

void
details_write(const struct details *d, struct buf *out)
{
	struct details_section *v = mem_array(d->n_sections, sizeof(*v));
	struct str last = STR_NONE, user = str_trim(d->user);

	if (user.n != 0) {
		buf_put_str(out, user);
		buf_putc(out, '\n');
	}
	buf_printf(out, "\n---\n%s\n", header);
	for (size_t i = 0; i < d->n_sections; i++) {
		v[i] = d->sections[i];
		v[i].text = str_trim(v[i].text);
	}
	if (d->n_sections > 1)
		qsort(v, d->n_sections, sizeof(*v), by_source);
	for (size_t i = 0; i < d->n_sections; i++) {
		if (v[i].text.n == 0 ||
		    (last.p != NULL && str_eq(last, v[i].source)))
			continue;
		last = v[i].source;
		buf_printf(out, "\n%s%.*s (%.*s)\n%.*s\n", section_mark,
		    STR_ARG(v[i].source), STR_ARG(v[i].sha256),
		    STR_ARG(v[i].text));
	}
	free(v);
}
