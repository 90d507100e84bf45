/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259, and with comments and trailing commas) into a tree. Our own
 * because lines are needed and yyjson keeps no positions: line breaks can only
 * stand between tokens, so counting them there costs nothing. Iterative; runs
 * in the lockfile reader.
 */
#include <endian.h>

#include "base/arena.h"
#include "base/limits.h"
#include "lockfile/lockfile.h"
#include "lockfile/tree_priv.h"

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

struct reader {
	struct tree t;
	struct str bytes;
	size_t at;
	uint32_t line;
	bool jsonc, comma; /* comma: one was just read */
	struct tree_node *stack[LIMIT_JSON_DEPTH];
	int depth;
};

static char
peek(const struct reader *r)
{
	return r->at < r->bytes.n ? r->bytes.p[r->at] : '\0';
}

static bool
take(struct reader *r, char c)
{
	if (r->at >= r->bytes.n || r->bytes.p[r->at] != c)
		return false;
	r->at++;
	return true;
}

/* What is there instead of what should be. */
static bool
unexpected(struct reader *r, const char *wanted)
{
	unsigned char c = (unsigned char)peek(r);

	if (r->at >= r->bytes.n)
		return tree_fail(&r->t, r->line,
		    "the file ends where %s should be", wanted);
	if (c <= ' ' || c >= 0x7f)
		return tree_fail(&r->t, r->line,
		    "byte 0x%02x where %s should be", c, wanted);
	return tree_fail(&r->t, r->line, "\"%c\" where %s should be", c,
	    wanted);
}

/* --- between tokens ------------------------------------------------------ */

/* After "/": a comment to the end of the line, or to the closing mark. */
static bool
skip_comment(struct reader *r)
{
	const char *p = r->bytes.p, *end;
	struct str rest = str_sub(r->bytes, r->at, r->bytes.n);
	ptrdiff_t n;

	if (str_starts(rest, "//")) {
		end = memchr(p + r->at, '\n', rest.n);
		r->at = end != NULL ? (size_t)(end - p) : r->bytes.n;
		return true;
	}
	if (!str_starts(rest, "/*"))
		return false;
	n = str_find(str_sub(rest, 2, rest.n), STR_LIT("*/"));
	n = n < 0 ? (ptrdiff_t)rest.n : n + 4;
	for (size_t i = r->at; i < r->at + (size_t)n; i++)
		r->line += p[i] == '\n';
	r->at += (size_t)n;
	return true;
}

static void
skip(struct reader *r)
{
	const char *p = r->bytes.p, *end = p + r->bytes.n, *at = p + r->at;
	uint32_t line = r->line;

	for (; at < end; at++) {
		if (*at == ' ')
			continue;
		if (*at == '\n') {
			line++;
		} else if (*at == '/' && r->jsonc) {
			r->at = (size_t)(at - p);
			r->line = line;
			if (!skip_comment(r))
				return;
			at = p + r->at - 1; /* the loop's step */
			line = r->line;
		} else if (*at != '\t' && *at != '\r') {
			break;
		}
	}
	r->at = (size_t)(at - p);
	r->line = line;
}

/* --- scalars ------------------------------------------------------------- */

/* Bytes before the next quote, backslash or control character. */
static size_t
plain_length(const char *p, size_t n)
{
	size_t i = 0;
	uint64_t v, quote, slash, hit;

	for (; i + 8 <= n; i += 8) {
		memcpy(&v, p + i, 8);
		v = le64toh(v);
		quote = v ^ ('"' * ONES);
		slash = v ^ ('\\' * ONES);
		hit = ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) |
		    ((v - ' ' * ONES) & ~v);
		hit &= HIGHS;
		if (hit != 0)
			return i + (size_t)__builtin_ctzll(hit) / 8;
	}
	for (; i < n; i++)
		if (p[i] == '"' || p[i] == '\\' || (unsigned char)p[i] < ' ')
			break;
	return i;
}

static bool
read_hex4(struct reader *r, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++, r->at++) {
		char c = peek(r);
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (uint32_t)((c | 0x20) - 'a') + 10;
		else
			return unexpected(r, "a hexadecimal digit");
		v = v << 4 | digit;
	}
	*ret = v;
	return true;
}

/* After "\u". A lone half of a pair becomes U+FFFD. */
static bool
read_unicode(struct reader *r, char *out, size_t *n)
{
	uint32_t code, low;
	size_t before;

	if (!read_hex4(r, &code))
		return false;
	before = r->at;
	if (code >= 0xd800 && code < 0xdc00 && take(r, '\\') && take(r, 'u')) {
		if (!read_hex4(r, &low))
			return false;
		if (low >= 0xdc00 && low < 0xe000)
			code =
			    0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		else
			r->at = before;
	} else {
		r->at = before;
	}
	*n += tree_utf8(out + *n, code);
	return true;
}

static bool
read_escape(struct reader *r, char *out, size_t *n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = peek(r);
	const char *p = c != '\0' ? strchr(from, c) : NULL;

	if (p != NULL) {
		r->at++;
		out[(*n)++] = to[p - from];
		return true;
	}
	if (!take(r, 'u'))
		return unexpected(r, "the letter of an escape");
	return read_unicode(r, out, n);
}

/* The rest of a string that has escapes; at stands behind `done` bytes. */
static bool
read_escaped(struct reader *r, size_t start, struct str *ret)
{
	const char *p = r->bytes.p;
	size_t end = r->at, n = r->at - start, k;
	char *out;

	/* What is decoded is never longer than what is written. */
	while (end < r->bytes.n && p[end] != '"' && p[end] != '\n')
		end += p[end] == '\\' ? 2 : 1;
	end = end < r->bytes.n ? end : r->bytes.n;
	out = arena_alloc(r->t.list->arena, end - start + 4);
	memcpy(out, p + start, n);
	while (!take(r, '"')) {
		if (take(r, '\\')) {
			if (!read_escape(r, out, &n))
				return false;
			continue;
		}
		k = plain_length(p + r->at, r->bytes.n - r->at);
		if (k == 0)
			return unexpected(r, "the end of a string");
		memcpy(out + n, p + r->at, k);
		n += k;
		r->at += k;
	}
	*ret = str_n(out, n);
	return true;
}

static bool
read_string(struct reader *r, struct str *ret)
{
	size_t start;

	if (!take(r, '"'))
		return unexpected(r, "a string");
	start = r->at;
	r->at += plain_length(r->bytes.p + start, r->bytes.n - start);
	if (peek(r) == '\\')
		return read_escaped(r, start, ret);
	*ret = str_n(r->bytes.p + start, r->at - start);
	return take(r, '"') || unexpected(r, "the end of a string");
}

static size_t
skip_digits(struct reader *r)
{
	size_t from = r->at;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->at++;
	return r->at - from;
}

static bool
read_number(struct reader *r, struct str *ret)
{
	size_t from = r->at;

	(void)take(r, '-');
	if (!take(r, '0') && skip_digits(r) == 0)
		return unexpected(r, "a value");
	if (take(r, '.') && skip_digits(r) == 0)
		return unexpected(r, "a digit");
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '+'))
			(void)take(r, '-');
		if (skip_digits(r) == 0)
			return unexpected(r, "a digit");
	}
	*ret = str_sub(r->bytes, from, r->at);
	return true;
}

static bool
read_scalar(struct reader *r, enum tree_kind *ret_kind, struct str *ret)
{
	static const struct {
		const char *word;
		enum tree_kind kind;
	} words[] = { { "true", TREE_BOOL }, { "false", TREE_BOOL },
		{ "null", TREE_NULL } };
	struct str rest = str_sub(r->bytes, r->at, r->at + 5);

	*ret_kind = TREE_STRING;
	if (peek(r) == '"')
		return read_string(r, ret);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_starts(rest, words[i].word))
			continue;
		*ret_kind = words[i].kind;
		*ret = str_of(words[i].word);
		r->at += ret->n;
		return true;
	}
	*ret_kind = TREE_NUMBER;
	return read_number(r, ret);
}

/* --- structure ----------------------------------------------------------- */

/* The value of a member or element, added to its container. */
static struct tree_node *
read_value(struct reader *r, struct str key, uint32_t line)
{
	enum tree_kind kind = TREE_OBJECT;
	struct str text = STR_NONE;
	struct tree_node *n;

	if (take(r, '['))
		kind = TREE_ARRAY;
	else if (!take(r, '{') && !read_scalar(r, &kind, &text))
		return NULL;
	n = tree_new(&r->t, kind, key, line);
	if (n == NULL)
		return NULL;
	if (r->depth > 0)
		tree_append(r->stack[r->depth - 1], n);
	if (kind != TREE_ARRAY && kind != TREE_OBJECT) {
		n->text = text;
		return n;
	}
	n->cut = true; /* until it is closed */
	if (r->depth == LIMIT_JSON_DEPTH) {
		(void)tree_fail(&r->t, line, "nested deeper than %d levels",
		    LIMIT_JSON_DEPTH);
		return NULL;
	}
	r->stack[r->depth++] = n;
	return n;
}

/* One member or element, comma or end of the innermost container. */
static bool
step(struct reader *r)
{
	struct tree_node *top = r->stack[r->depth - 1];
	bool object = top->kind == TREE_OBJECT;
	struct str key = STR_NONE;
	uint32_t line;

	skip(r);
	if ((!r->comma || r->jsonc) && take(r, object ? '}' : ']')) {
		top->cut = false;
		r->depth--;
		r->comma = false;
		return true;
	}
	if (top->n > 0 && !r->comma) {
		r->comma = take(r, ',');
		return r->comma ||
		    unexpected(r, object ? "\",\" or \"}\"" : "\",\" or \"]\"");
	}
	r->comma = false;
	line = r->line;
	if (object) {
		if (!read_string(r, &key))
			return false;
		skip(r);
		if (!take(r, ':'))
			return unexpected(r, "\":\"");
		skip(r);
	}
	return read_value(r, key, line) != NULL;
}

const struct tree_node *
tree_json(struct lock_list *l, struct str bytes, unsigned flags)
{
	struct reader r = { .t = { .list = l },
		.bytes = bytes,
		.line = 1,
		.jsonc = (flags & TREE_JSONC) != 0 };
	struct tree_node *root;

	if (str_starts(bytes, "\xef\xbb\xbf"))
		r.at = 3;
	skip(&r);
	root = read_value(&r, STR_NONE, r.line);
	while (!r.t.failed && r.depth > 0)
		(void)step(&r);
	if (root == NULL || r.t.failed)
		return root;
	skip(&r);
	if (r.at < r.bytes.n)
		(void)unexpected(&r, "the end of the file");
	return root;
}
