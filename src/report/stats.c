/* SPDX-License-Identifier: Apache-2.0 */
/* Counting, and four ways to show it. Pure functions; cells without a report
 * are left out. */
#include "report/stats.h"

#include <stdlib.h>

#include <yyjson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/map.h"
#include "base/vec.h"
#include "osv/osv.h"

#define SEPARATOR '\x1f' /* between the values of one cell */
/* Days of thirty years, times ecosystems. */
#define MAX_CELLS 1000000

static const char *const dimensions[STATS_DIMENSION__MAX] = {
	[STATS_DATE] = "date",
	[STATS_MONTH] = "month",
	[STATS_ECOSYSTEM] = "ecosystem",
	[STATS_SOURCE] = "source",
	[STATS_CLASS] = "class",
};

static const char *const formats[STATS_FORMAT__MAX] = {
	[STATS_TEXT] = "text",
	[STATS_CSV] = "csv",
	[STATS_JSON] = "json",
	[STATS_SVG] = "svg",
};

struct cell {
	struct str key; /* borrowed from the map */
	uint64_t count;
};

struct stats {
	enum stats_dimension by[STATS_DIMENSION__MAX];
	size_t n_by;
	struct map *cells; /* key → uint64_t *, owned */
	uint64_t total;
};

static int
look_up(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

int
stats_dimension_of(const char *name)
{
	return look_up(dimensions, STATS_DIMENSION__MAX, name);
}

int
stats_format_of(const char *name)
{
	return look_up(formats, STATS_FORMAT__MAX, name);
}

struct stats *
stats_new(const enum stats_dimension *by, size_t n)
{
	struct stats *s = mem_alloc(sizeof(*s));

	for (size_t i = 0; i < n && i < STATS_DIMENSION__MAX; i++)
		s->by[s->n_by++] = by[i];
	s->cells = map_new(MAX_CELLS);
	return s;
}

void
stats_free(struct stats *s)
{
	size_t at = 0;
	struct str key;
	void *count;

	if (s == NULL)
		return;
	while (map_next(s->cells, &at, &key, &count))
		free(count);
	map_free(s->cells);
	free(s);
}

/* --- one document --------------------------------------------------------- */

static struct str
text(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	return yyjson_is_str(v) ? str_n(yyjson_get_str(v), yyjson_get_len(v)) :
				  STR_NONE;
}

struct values {
	VEC(struct str) v;
};

static void
add_value(struct values *to, struct str s)
{
	if (s.n == 0 || s.n > 200)
		return;
	for (size_t i = 0; i < to->v.n; i++)
		if (str_eq(to->v.v[i], s))
			return;
	vec_push(&to->v, s);
}

static void
members_of(struct values *to, yyjson_val *list, const char *key)
{
	yyjson_arr_iter it = yyjson_arr_iter_with(list);
	yyjson_val *v;

	while ((v = yyjson_arr_iter_next(&it)) != NULL)
		add_value(to, text(v, key));
}

/* What a document counts for in one dimension. */
static void
values_of(struct values *to, yyjson_val *root, enum stats_dimension d)
{
	yyjson_val *own = yyjson_obj_get(root, "database_specific"), *a;
	yyjson_arr_iter it =
	    yyjson_arr_iter_with(yyjson_obj_get(root, "affected"));
	struct str published = text(root, "published");

	switch (d) {
	case STATS_DATE:
		add_value(to, str_sub(published, 0, 10));
		break;
	case STATS_MONTH:
		add_value(to, str_sub(published, 0, 7));
		break;
	case STATS_ECOSYSTEM:
		while ((a = yyjson_arr_iter_next(&it)) != NULL)
			add_value(to,
			    osv_ecosystem_base(
				text(yyjson_obj_get(a, "package"),
				    "ecosystem")));
		break;
	case STATS_SOURCE:
		members_of(to,
		    yyjson_obj_get(own, "malicious-packages-origins"),
		    "source");
		break;
	case STATS_CLASS:
		while ((a = yyjson_arr_iter_next(&it)) != NULL)
			members_of(to,
			    yyjson_obj_get(yyjson_obj_get(a,
					       "database_specific"),
				"cwes"),
			    "cweId");
		break;
	case STATS_DIMENSION__MAX:
		break;
	}
	if (to->v.n == 0)
		vec_push(&to->v, STR_LIT("unknown"));
}

static void
count(struct stats *s, struct str key)
{
	uint64_t *n = map_get(s->cells, key);

	if (n == NULL) {
		n = mem_alloc(sizeof(*n));
		if (map_put(s->cells, key, n) < 0) {
			free(n);
			return;
		}
	}
	(*n)++;
}

/* Every combination of the values: the digits of a number that counts up. */
static void
count_combinations(struct stats *s, const struct values *values)
{
	size_t at[STATS_DIMENSION__MAX] = { 0 }, i;
	struct buf key;

	buf_init(&key, 2048);
	do {
		buf_reset(&key);
		for (i = 0; i < s->n_by; i++) {
			if (i != 0)
				buf_putc(&key, SEPARATOR);
			buf_put_str(&key, values[i].v.v[at[i]]);
		}
		count(s, buf_str(&key));
		for (i = s->n_by; i > 0; i--) {
			if (++at[i - 1] < values[i - 1].v.n)
				break;
			at[i - 1] = 0;
		}
	} while (i > 0);
	buf_done(&key);
}

bool
stats_add(struct stats *s, struct str bytes)
{
	struct values values[STATS_DIMENSION__MAX] = { 0 };
	yyjson_doc *json = NULL;
	yyjson_val *root;
	bool counts;

	if (osv_json_read(bytes, &json, NULL) != 0)
		return false;
	root = yyjson_doc_get_root(json);
	counts = text(root, "id").n != 0;
	for (size_t i = 0; i < s->n_by && counts; i++)
		values_of(&values[i], root, s->by[i]);
	if (counts) {
		count_combinations(s, values);
		s->total++;
	}
	for (size_t i = 0; i < s->n_by; i++)
		vec_done(&values[i].v);
	osv_json_free(json);
	return counts;
}

/* --- printing ------------------------------------------------------------- */

static int
by_key(const void *a, const void *b)
{
	return str_cmp(((const struct cell *)a)->key,
	    ((const struct cell *)b)->key);
}

static struct cell *
sorted(const struct stats *s, size_t *ret_n)
{
	struct cell *v = mem_array(map_count(s->cells) + 1, sizeof(*v));
	size_t at = 0, n = 0;
	void *count;

	while (map_next(s->cells, &at, &v[n].key, &count))
		v[n++].count = *(uint64_t *)count;
	qsort(v, n, sizeof(*v), by_key);
	*ret_n = n;
	return v;
}

static void
put_csv(struct buf *out, struct str s)
{
	bool quote = str_chr(s, ',') >= 0 || str_chr(s, '"') >= 0 ||
	    str_chr(s, '\n') >= 0 || str_chr(s, '\r') >= 0;

	if (!quote) {
		buf_put_str(out, s);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, s.p[i]);
	}
	buf_putc(out, '"');
}

static void
print_csv(const struct stats *s, const struct cell *v, size_t n,
    struct buf *out)
{
	struct str rest, part;

	for (size_t i = 0; i < s->n_by; i++)
		buf_printf(out, "%s,", dimensions[s->by[i]]);
	buf_puts(out, "count\n");
	for (size_t i = 0; i < n; i++) {
		rest = v[i].key;
		while (str_cut(&rest, SEPARATOR, &part)) {
			put_csv(out, part);
			buf_putc(out, ',');
		}
		buf_printf(out, "%llu\n", (unsigned long long)v[i].count);
	}
}

/* Text for people: what could command a terminal is shown as '?'. */
static void
print_text(const struct stats *s, const struct cell *v, size_t n,
    struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%8llu  ", (unsigned long long)v[i].count);
		for (size_t k = 0; k < v[i].key.n; k++) {
			char c = v[i].key.p[k];

			buf_putc(out,
			    c == SEPARATOR                          ? '\t' :
				(unsigned char)c < ' ' || c == 0x7f ? '?' :
								      c);
		}
		buf_putc(out, '\n');
	}
	buf_printf(out, "%8llu  reports\n", (unsigned long long)s->total);
}

/* Parts that two keys share from the front. */
static size_t
shared(struct str a, struct str b)
{
	struct str pa, pb;
	size_t n = 0;

	while (str_cut(&a, SEPARATOR, &pa) && str_cut(&b, SEPARATOR, &pb) &&
	    str_eq(pa, pb))
		n++;
	return n;
}

static void
print_json(const struct stats *s, const struct cell *v, size_t n,
    struct buf *out)
{
	struct json j;
	size_t open = 0, keep;

	json_init(&j, out, 2);
	json_object_begin(&j);
	for (size_t i = 0; i < n; i++) {
		struct str rest = v[i].key, part;

		keep = i != 0 ? shared(v[i - 1].key, v[i].key) : 0;
		for (; open > keep; open--)
			json_object_end(&j);
		for (size_t k = 0; str_cut(&rest, SEPARATOR, &part); k++) {
			if (k < keep)
				continue;
			json_key_str(&j, part);
			if (k + 1 < s->n_by) {
				json_object_begin(&j);
				open++;
			}
		}
		json_int(&j, (int64_t)v[i].count);
	}
	for (; open > 0; open--)
		json_object_end(&j);
	json_object_end(&j);
	buf_putc(out, '\n');
}

static void
put_xml(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '<' || s.p[i] == '>' || s.p[i] == '&')
			buf_printf(out, "&#%d;", s.p[i]);
		else
			buf_putc(out,
			    (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
	}
}

/* Adds the cells up by the first dimension. */
static size_t
add_up(struct cell *v, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		struct str rest = v[i].key, first = STR_LIT("");

		(void)str_cut(&rest, SEPARATOR, &first);
		if (out != 0 && str_eq(v[out - 1].key, first)) {
			v[out - 1].count += v[i].count;
			continue;
		}
		v[out].key = first;
		v[out++].count = v[i].count;
	}
	return out;
}

static void
print_svg(const struct stats *s, struct cell *v, size_t n, struct buf *out)
{
	uint64_t most = 1;

	n = add_up(v, n);
	for (size_t i = 0; i < n; i++)
		most = MAX_OF(most, v[i].count);
	buf_printf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" "
	    "height=\"%zu\" font-family=\"sans-serif\" font-size=\"12\">\n"
	    "<title>Reports by %s</title>\n"
	    "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
	    n * 20 + 20, dimensions[s->by[0]]);
	for (size_t i = 0; i < n; i++) {
		buf_printf(out,
		    "<text x=\"140\" y=\"%zu\" text-anchor=\"end\">",
		    i * 20 + 24);
		put_xml(out, v[i].key);
		buf_printf(out,
		    "</text><rect x=\"150\" y=\"%zu\" width=\"%llu\" "
		    "height=\"14\" fill=\"#b03030\"/>"
		    "<text x=\"%llu\" y=\"%zu\">%llu</text>\n",
		    i * 20 + 13,
		    (unsigned long long)MAX_OF(v[i].count * 560 / most, 1ull),
		    (unsigned long long)(156 + v[i].count * 560 / most),
		    i * 20 + 24, (unsigned long long)v[i].count);
	}
	buf_puts(out, "</svg>\n");
}

void
stats_print(struct stats *s, enum stats_format format, struct buf *out)
{
	size_t n;
	struct cell *v = sorted(s, &n);

	switch (format) {
	case STATS_TEXT:
		print_text(s, v, n, out);
		break;
	case STATS_CSV:
		print_csv(s, v, n, out);
		break;
	case STATS_JSON:
		print_json(s, v, n, out);
		break;
	case STATS_SVG:
		print_svg(s, v, n, out);
		break;
	case STATS_FORMAT__MAX:
		break;
	}
	free(v);
}
