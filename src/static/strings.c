/* SPDX-License-Identifier: Apache-2.0 */
/* Finding addresses in text. Pure; runs in role unpack. */
#include "static/strings.h"

#include "base/cleanup.h"

/* Longer ones are data rather than addresses. */
#define MAX_URL_BYTES 2048

static const char *const schemes[] = { "http", "https", "ws", "wss", "ftp",
	"tcp", "git", "ssh" };

struct search {
	struct str text;
	strings_found_fn fn;
	void *arg;
	size_t counted; /* lines before this are in `line` */
	int64_t line;
	bool stop;
};

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_url_char(char c)
{
	return c > 0x20 && c < 0x7f && strchr("\"'`<>\\{}|^", c) == NULL;
}

static void
found(struct search *s, const char *kind, size_t from, size_t to)
{
	for (; s->counted < from; s->counted++)
		s->line += s->text.p[s->counted] == '\n';
	if (!s->fn(s->arg, kind, str_sub(s->text, from, to), s->line))
		s->stop = true;
}

/* at: the ":" of "://". */
static size_t
try_url(struct search *s, size_t at)
{
	struct str t = s->text, scheme;
	size_t from = at, to = at + 3;
	bool known = false;

	while (from > 0 && is_alnum(t.p[from - 1]) && at - from < 8)
		from--;
	scheme = str_sub(t, from, at);
	for (size_t i = 0; i < N_ELEMENTS(schemes); i++)
		known = known || str_eq_nocase(scheme, str_of(schemes[i]));
	while (to < t.n && is_url_char(t.p[to]) && to - from < MAX_URL_BYTES)
		to++;
	/* What ends a sentence or a call is no part of it. */
	while (to > at + 3 && strchr(".,;:!?)]*", t.p[to - 1]) != NULL)
		to--;
	if (known && to > at + 3 && is_alnum(t.p[at + 3]))
		found(s, "url", from, to);
	return to;
}

/* Four numbers of at most 255 with dots between, nothing of the like around:
 * a version number of four parts looks the same, which is why an address
 * alone is never more than context. */
static size_t
try_ip(struct search *s, size_t from)
{
	struct str t = s->text;
	size_t at = from;
	unsigned value;
	int parts = 0;

	for (; parts < 4; parts++) {
		size_t begin = at;

		for (value = 0; at < t.n && is_digit(t.p[at]) && at - begin < 4;
		     at++)
			value = value * 10 + (unsigned)(t.p[at] - '0');
		if (at == begin || at - begin > 3 || value > 255)
			return at > from ? at : from + 1;
		if (parts < 3) {
			if (at >= t.n || t.p[at] != '.')
				return at;
			at++;
		}
	}
	if (at < t.n && (is_alnum(t.p[at]) || t.p[at] == '.' || t.p[at] == '-'))
		return at;
	found(s, "ip", from, at);
	return at;
}

void
strings_find(struct str text, strings_found_fn fn, void *arg)
{
	struct search s = { .text = text, .fn = fn, .arg = arg, .line = 1 };
	char before = '\n';
	size_t i = 0;

	while (i < text.n && !s.stop) {
		char c = text.p[i];
		size_t next = i + 1;

		if (c == ':' && i + 2 < text.n && text.p[i + 1] == '/' &&
		    text.p[i + 2] == '/')
			next = try_url(&s, i);
		else if (is_digit(c) && !is_alnum(before) && before != '.' &&
		    before != '-')
			next = try_ip(&s, i);
		before = text.p[next - 1];
		i = next;
	}
}
