/* SPDX-License-Identifier: Apache-2.0 */
/* Formats made of lines. Pure functions over borrowed bytes. */
#include "lockfile/text_priv.h"

void
lock_text_init(struct lock_text *t, struct str bytes)
{
	if (str_starts(bytes, "\xef\xbb\xbf")) /* some editors mark UTF-8 */
		bytes = str_sub(bytes, 3, bytes.n);
	*t = (struct lock_text){ .rest = bytes };
}

bool
lock_text_next(struct lock_text *t)
{
	if (t->rest.n == 0 || !str_cut(&t->rest, '\n', &t->text))
		return false;
	if (str_ends(t->text, "\r"))
		t->text.n--;
	t->line++;
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct str
lock_word(struct str *s)
{
	size_t from = 0, to;

	while (from < s->n && is_blank(s->p[from]))
		from++;
	for (to = from; to < s->n && !is_blank(s->p[to]);)
		to++;
	struct str word = str_sub(*s, from, to);

	*s = str_sub(*s, to, s->n);
	return word;
}

size_t
lock_indent(struct str s)
{
	size_t n = 0;

	while (n < s.n && is_blank(s.p[n]))
		n++;
	return n;
}

struct str
lock_unquote(struct str s, char quote)
{
	if (s.n >= 2 && s.p[0] == quote && s.p[s.n - 1] == quote)
		return str_sub(s, 1, s.n - 1);
	return s;
}

struct str
lock_before(struct str s, char c)
{
	ptrdiff_t at = str_chr(s, c);

	return at < 0 ? s : str_sub(s, 0, (size_t)at);
}

struct str
lock_after(struct str s, const char *prefix)
{
	if (!str_starts(s, prefix))
		return s;
	return str_sub(s, strlen(prefix), s.n);
}
