/* SPDX-License-Identifier: Apache-2.0 */
/* Where a finding is, and the list of findings. Pure functions. */
#include <stdarg.h>
#include <stdio.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/vec.h"
#include "osv/osv_priv.h"

void
osv_findings_init(struct osv_findings *f, struct arena *a)
{
	*f = (struct osv_findings){ .arena = a };
}

void
osv_findings_done(struct osv_findings *f)
{
	vec_done(f);
}

size_t
checker_key(struct checker *c, const char *key)
{
	size_t before = c->path.n;

	buf_putc(&c->path, '.');
	buf_puts(&c->path, key);
	return before;
}

size_t
checker_index(struct checker *c, size_t i)
{
	char digits[24];
	size_t before = c->path.n, at = sizeof(digits);

	/* By hand: this runs for every item of every list of a document. */
	digits[--at] = ']';
	do
		digits[--at] = (char)('0' + i % 10);
	while ((i /= 10) != 0);
	digits[--at] = '[';
	buf_put(&c->path, digits + at, sizeof(digits) - at);
	return before;
}

void
checker_back(struct checker *c, size_t length)
{
	c->path.n = length;
	c->path.p[length] = '\0';
	c->path.full = false;
}

static void
add(struct checker *c, enum osv_level level, const char *rule, const char *fmt,
    va_list ap)
{
	struct osv_findings *f = c->out;
	struct osv_finding *found;
	char text[512];

	if (level == OSV_ERROR)
		f->n_errors++;
	if (f->n >= OSV_MAX_FINDINGS)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	found = vec_add(f);
	found->level = level;
	found->rule = rule;
	found->path = arena_strz(f->arena, buf_str(&c->path));
	found->message = arena_strz(f->arena, str_of(text));
}

void
checker_error(struct checker *c, const char *rule, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(c, OSV_ERROR, rule, fmt, ap);
	va_end(ap);
}

void
checker_warn(struct checker *c, const char *rule, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(c, OSV_WARNING, rule, fmt, ap);
	va_end(ap);
}

bool
all_hex(struct str s, size_t n1, size_t n2)
{
	if (s.n != n1 && s.n != n2)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' ||
		    strchr("0123456789abcdef", s.p[i]) == NULL)
			return false;
	return true;
}

/* --- duplicate keys and depth ------------------------------------------ */

static int
by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Small objects by comparing all pairs, large ones by sorting. */
static struct str
duplicate_key(yyjson_val *object)
{
	size_t n = yyjson_obj_size(object), i = 0;
	struct str few[16], *keys = few, twice = STR_NONE;
	yyjson_obj_iter it = yyjson_obj_iter_with(object);
	yyjson_val *key;

	if (n > 16)
		keys = mem_array(n, sizeof(*keys));
	while ((key = yyjson_obj_iter_next(&it)) != NULL)
		keys[i++] = str_n(yyjson_get_str(key), yyjson_get_len(key));
	if (n > 16)
		qsort(keys, n, sizeof(*keys), by_bytes);
	for (i = 1; i < n && twice.p == NULL; i++)
		for (size_t j = n > 16 ? i - 1 : 0; j < i; j++)
			if (str_eq(keys[i], keys[j]))
				twice = keys[i];
	if (keys != few)
		free(keys);
	return twice;
}

/* Longer names are no help in a path. */
#define MAX_STEP 100

/* Adds the steps from one value to another that lies in it. */
static void
step_to(struct checker *c, yyjson_val *from, yyjson_val *to)
{
	while (from != to) {
		bool list = yyjson_is_arr(from);
		yyjson_val *key = NULL, *v = unsafe_yyjson_get_first(from);
		size_t i = 0;

		for (;; i++) {
			key = v;
			v = list ? v : key + 1;
			if (to < unsafe_yyjson_get_next(v))
				break;
			v = unsafe_yyjson_get_next(v);
		}
		if (list)
			(void)checker_index(c, i);
		else
			(void)checker_key(c,
			    yyjson_get_len(key) <= MAX_STEP ?
				yyjson_get_str(key) :
				"…");
		from = v;
	}
}

/* Depth first without recursion: a document may nest as deep as it is long,
 * and yyjson lays values out in that order. */
void
json_check(struct checker *c, yyjson_val *root)
{
	yyjson_val *end = unsafe_yyjson_get_next(root), *v;
	yyjson_val *closes[OSV_MAX_DEPTH];
	size_t depth = 0, at;
	struct str twice;

	for (v = root; v < end; v++) {
		while (depth != 0 && v >= closes[depth - 1])
			depth--;
		if (!unsafe_yyjson_is_ctn(v))
			continue;
		if (depth == OSV_MAX_DEPTH) {
			checker_error(c, "json-depth",
			    "nested deeper than %d levels", OSV_MAX_DEPTH);
			return;
		}
		closes[depth++] = unsafe_yyjson_get_next(v);
		if (!yyjson_is_obj(v))
			continue;
		twice = duplicate_key(v);
		if (twice.p == NULL)
			continue;
		at = c->path.n;
		step_to(c, root, v);
		checker_error(c, "json-duplicate-key",
		    "the key \"%.*s\" stands twice in one object",
		    STR_ARG(twice));
		checker_back(c, at);
	}
}
