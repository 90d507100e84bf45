/* SPDX-License-Identifier: Apache-2.0 */
/* TOML: white space, keys, strings, numbers. Runs in the lockfile reader. */
#include "base/arena.h"
#include "lockfile/lockfile.h"
#include "lockfile/toml_priv.h"

static char
peek(const struct toml *r)
{
	return r->at < r->bytes.n ? r->bytes.p[r->at] : '\0';
}

bool
toml_take(struct toml *r, char c)
{
	if (r->at >= r->bytes.n || r->bytes.p[r->at] != c)
		return false;
	r->at++;
	return true;
}

bool
toml_unexpected(struct toml *r, const char *wanted)
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

void
toml_blank(struct toml *r)
{
	while (peek(r) == ' ' || peek(r) == '\t')
		r->at++;
}

bool
toml_at_line_end(const struct toml *r)
{
	char c = peek(r);

	return r->at >= r->bytes.n || c == '\n' || c == '\r' || c == '#';
}

static void
skip_comment(struct toml *r)
{
	const char *p = r->bytes.p + r->at, *end;

	if (peek(r) != '#')
		return;
	end = memchr(p, '\n', r->bytes.n - r->at);
	r->at = end != NULL ? (size_t)(end - r->bytes.p) : r->bytes.n;
}

bool
toml_line_end(struct toml *r)
{
	toml_blank(r);
	skip_comment(r);
	if (r->at >= r->bytes.n)
		return true;
	(void)toml_take(r, '\r');
	if (!toml_take(r, '\n'))
		return toml_unexpected(r, "the end of the line");
	r->line++;
	return true;
}

void
toml_blank_lines(struct toml *r)
{
	for (;; r->at++) {
		toml_blank(r);
		skip_comment(r);
		if (peek(r) == '\n')
			r->line++;
		else if (peek(r) != '\r')
			return;
	}
}

/* --- strings ------------------------------------------------------------- */

static bool
read_unicode(struct toml *r, size_t n_digits, struct buf *out)
{
	uint32_t v = 0;
	char utf8[4];

	for (size_t i = 0; i < n_digits; i++, r->at++) {
		char c = peek(r);

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return toml_unexpected(r, "a hexadecimal digit");
	}
	buf_put(out, utf8, tree_utf8(utf8, v));
	return true;
}

/* After a backslash at the end of a line: up to the next text. */
static bool
skip_folded(struct toml *r)
{
	size_t from = r->at;

	toml_blank(r);
	if (peek(r) != '\n' && peek(r) != '\r') {
		r->at = from;
		return false;
	}
	for (;; r->at++) {
		char c = peek(r);

		if (c == '\n')
			r->line++;
		else if (c != ' ' && c != '\t' && c != '\r')
			return true;
	}
}

static bool
read_escape(struct toml *r, bool lines, struct buf *out)
{
	static const char from[] = "\"\\bfnrt", to[] = "\"\\\b\f\n\r\t";
	char c = peek(r);
	const char *p = c != '\0' ? strchr(from, c) : NULL;

	if (p != NULL) {
		r->at++;
		buf_putc(out, to[p - from]);
		return true;
	}
	if (toml_take(r, 'u'))
		return read_unicode(r, 4, out);
	if (toml_take(r, 'U'))
		return read_unicode(r, 8, out);
	if (lines && skip_folded(r))
		return true;
	return toml_unexpected(r, "the letter of an escape");
}

/* Whether the string ends here; takes its closing quotes. A string over lines
 * may end in up to two quotes of its own. */
static bool
take_end(struct toml *r, char quote, bool lines, struct buf *out)
{
	size_t n = 0;

	if (!lines)
		return toml_take(r, quote);
	while (
	    n < 5 && r->at + n < r->bytes.n && r->bytes.p[r->at + n] == quote)
		n++;
	if (n < 3)
		return false;
	r->at += n;
	for (; n > 3; n--)
		buf_putc(out, quote);
	return true;
}

static bool
read_text(struct toml *r, char quote, bool lines, struct buf *out)
{
	if (lines) { /* a line end right after the quotes is not part of it */
		if (peek(r) == '\r' && r->at + 1 < r->bytes.n &&
		    r->bytes.p[r->at + 1] == '\n')
			r->at++;
		if (toml_take(r, '\n'))
			r->line++;
	}
	while (!take_end(r, quote, lines, out)) {
		char c = peek(r);

		if (r->at >= r->bytes.n || (c == '\n' && !lines))
			return toml_unexpected(r, "the end of a string");
		r->at++;
		if (c == '\\' && quote == '"') {
			if (!read_escape(r, lines, out))
				return false;
			continue;
		}
		if ((unsigned char)c < ' ' && c != '\t' && c != '\n' &&
		    c != '\r') {
			r->at--;
			return toml_unexpected(r, "text");
		}
		r->line += c == '\n';
		buf_putc(out, c);
	}
	return true;
}

/* The common case: on one line, nothing to decode. */
static bool
read_plain(struct toml *r, char quote, struct str *ret)
{
	for (size_t i = r->at; i < r->bytes.n; i++) {
		char c = r->bytes.p[i];

		if (c == quote) {
			*ret = str_sub(r->bytes, r->at, i);
			r->at = i + 1;
			return true;
		}
		if ((unsigned char)c < ' ' || (c == '\\' && quote == '"'))
			return false;
	}
	return false;
}

static bool
read_string(struct toml *r, bool may_have_lines, struct str *ret)
{
	char quote = peek(r);
	struct buf out;
	bool lines, ok;

	r->at++;
	lines = may_have_lines && r->at + 1 < r->bytes.n &&
	    r->bytes.p[r->at] == quote && r->bytes.p[r->at + 1] == quote;
	if (lines)
		r->at += 2;
	else if (read_plain(r, quote, ret))
		return true;
	buf_init(&out, LIMIT_LOCKFILE_BYTES);
	ok = read_text(r, quote, lines, &out);
	if (ok)
		*ret = arena_str(r->t.list->arena, buf_str(&out));
	if (ok && ret->p == NULL)
		*ret = STR_LIT("");
	buf_done(&out);
	return ok;
}

/* --- keys, numbers ------------------------------------------------------- */

static bool
is_bare(char c)
{
	return (c >= '0' && c <= '9') ||
	    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-';
}

bool
toml_key(struct toml *r, struct str *ret)
{
	size_t from = r->at;

	if (peek(r) == '"' || peek(r) == '\'')
		return read_string(r, false, ret);
	while (is_bare(peek(r)))
		r->at++;
	if (r->at == from)
		return toml_unexpected(r, "a key");
	*ret = str_sub(r->bytes, from, r->at);
	return true;
}

static bool
is_number(struct str s)
{
	struct str t = s;

	if (t.n > 0 && (t.p[0] == '+' || t.p[0] == '-'))
		t = str_sub(t, 1, t.n);
	return str_is(t, "inf") || str_is(t, "nan") ||
	    (t.n > 0 && t.p[0] >= '0' && t.p[0] <= '9');
}

static void
skip_word(struct toml *r)
{
	while (is_bare(peek(r)) || peek(r) == '+' || peek(r) == '.' ||
	    peek(r) == ':')
		r->at++;
}

bool
toml_scalar(struct toml *r, enum tree_kind *ret_kind, struct str *ret)
{
	size_t from = r->at;

	*ret_kind = TREE_STRING;
	if (peek(r) == '"' || peek(r) == '\'')
		return read_string(r, true, ret);
	skip_word(r);
	*ret = str_sub(r->bytes, from, r->at);
	*ret_kind = TREE_BOOL;
	if (str_is(*ret, "true") || str_is(*ret, "false"))
		return true;
	if (!is_number(*ret)) {
		r->at = from;
		return toml_unexpected(r, "a value");
	}
	*ret_kind = TREE_NUMBER;
	/* A date and a time may have one space between them. */
	if (ret->n == 10 && ret->p[4] == '-' && peek(r) == ' ' &&
	    r->at + 1 < r->bytes.n && r->bytes.p[r->at + 1] >= '0' &&
	    r->bytes.p[r->at + 1] <= '9') {
		r->at++;
		skip_word(r);
		*ret = str_sub(r->bytes, from, r->at);
	}
	return true;
}
