/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming JSON writer. Runs in every process that prints JSON. */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void
json_init(struct json *j, struct buf *out, int indent)
{
	*j = (struct json){ .out = out, .indent = indent };
	j->first[0] = true;
	j->array[0] = true;
}

static void
newline(struct json *j)
{
	if (j->indent == 0)
		return;
	buf_putc(j->out, '\n');
	for (int left = j->indent * j->depth; left > 0; left -= 16)
		buf_put(j->out, "                ",
		    left < 16 ? (size_t)left : 16);
}

/* What stands between this value or key and the one before. */
static void
separate(struct json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (!j->first[j->depth])
		buf_putc(j->out, ',');
	j->first[j->depth] = false;
	if (j->depth > 0)
		newline(j);
}

static void
open_level(struct json *j, char c, bool array)
{
	assert(j->array[j->depth] || j->after_key);
	assert(j->depth + 1 < JSON_MAX_DEPTH);
	separate(j);
	buf_putc(j->out, c);
	j->depth++;
	j->first[j->depth] = true;
	j->array[j->depth] = array;
}

static void
close_level(struct json *j, char c, bool array)
{
	bool empty = j->first[j->depth];

	assert(j->depth > 0 && j->array[j->depth] == array && !j->after_key);
	j->depth--;
	if (!empty)
		newline(j);
	buf_putc(j->out, c);
}

void
json_object_begin(struct json *j)
{
	open_level(j, '{', false);
}

void
json_object_end(struct json *j)
{
	close_level(j, '}', false);
}

void
json_array_begin(struct json *j)
{
	open_level(j, '[', true);
}

void
json_array_end(struct json *j)
{
	close_level(j, ']', true);
}

void
json_key_str(struct json *j, struct str key)
{
	assert(!j->array[j->depth] && !j->after_key);
	separate(j);
	json_quote(j->out, key);
	buf_put(j->out, ": ", j->indent != 0 ? 2 : 1);
	j->after_key = true;
}

static void
value(struct json *j)
{
	assert(j->array[j->depth] || j->after_key);
	separate(j);
}

void
json_str(struct json *j, struct str s)
{
	if (s.p == NULL) {
		json_null(j);
		return;
	}
	value(j);
	json_quote(j->out, s);
}

void
json_strz(struct json *j, const char *z)
{
	json_str(j, str_of(z));
}

void
json_int(struct json *j, int64_t v)
{
	value(j);
	buf_printf(j->out, "%lld", (long long)v);
}

void
json_double(struct json *j, double v)
{
	if (!isfinite(v)) {
		json_null(j);
		return;
	}
	value(j);
	buf_printf(j->out, "%.6g", v);
}

void
json_bool(struct json *j, bool v)
{
	value(j);
	buf_puts(j->out, v ? "true" : "false");
}

void
json_null(struct json *j)
{
	value(j);
	buf_puts(j->out, "null");
}

void
json_raw(struct json *j, struct str s)
{
	value(j);
	buf_put_str(j->out, s);
}

static void
quote_ascii(struct buf *out, unsigned char c)
{
	static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; i + 1 < sizeof(escapes); i += 2)
		if ((unsigned char)escapes[i] == c) {
			buf_putc(out, '\\');
			buf_putc(out, escapes[i + 1]);
			return;
		}
	if (c < 0x20 || c == 0x7f)
		buf_printf(out, "\\u%04x", c);
	else
		buf_putc(out, (char)c);
}

/* Whether one of eight bytes is a control character, a quotation mark, a
 * backslash, DEL or above: the sign bit of a byte is set by what is below the
 * number that is subtracted, and stays for what is not ASCII. A borrow can
 * only say yes where no is right. */
static bool
is_special(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101, signs = ones << 7;

	return (((w - ones * ' ') | ((w ^ ones * '"') - ones) |
		    ((w ^ ones * '\\') - ones) | (w + ones) | w) &
		   signs) != 0;
}

/* Length of what stands for itself: most text is written by this alone. */
static size_t
plain_run(struct str s)
{
	size_t i = 0;
	uint64_t w;

	for (; s.n - i >= sizeof(w); i += sizeof(w)) {
		memcpy(&w, s.p + i, sizeof(w));
		if (is_special(w))
			break;
	}
	while (i < s.n && s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '"' &&
	    s.p[i] != '\\')
		i++;
	return i;
}

void
json_quote(struct buf *out, struct str s)
{
	size_t step = plain_run(s);
	char *p;

	if (step == s.n) { /* nearly always */
		p = buf_reserve(out, s.n + 2);
		if (p == NULL)
			return;
		p[0] = '"';
		if (s.n != 0)
			memcpy(p + 1, s.p, s.n);
		p[s.n + 1] = '"';
		buf_added(out, s.n + 2);
		return;
	}
	buf_putc(out, '"');
	while (s.n != 0) {
		step = plain_run(s);
		if (step != 0) {
			buf_put(out, s.p, step);
			s = str_sub(s, step, s.n);
			continue;
		}
		step = str_utf8_length(s);
		if (step == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else if (step == 1)
			quote_ascii(out, (unsigned char)s.p[0]);
		else
			buf_put(out, s.p, step);
		s = str_sub(s, step != 0 ? step : 1, s.n);
	}
	buf_putc(out, '"');
}
