/* SPDX-License-Identifier: Apache-2.0 */
/* Terms of Elixir and Erlang. One pass without recursion. */
#include "lockfile/term_priv.h"

#include <ctype.h>

#include "base/arena.h"
#include "base/limits.h"
#include "lockfile/lockfile.h"
#include "lockfile/text_priv.h"

struct open_term {
	struct term *term, *last; /* last child so far */
};

struct reader {
	struct lock_list *l;
	struct str in;
	size_t at;
	uint32_t line;
	enum term_dialect dialect;
	struct open_term stack[LIMIT_JSON_DEPTH];
	unsigned depth; /* of stack, the root included */
	struct str label; /* waiting for its term */
	uint32_t label_line;
	bool failed;
};

static char
peek(const struct reader *r, size_t ahead)
{
	return r->at + ahead < r->in.n ? r->in.p[r->at + ahead] : '\0';
}

static void
fail(struct reader *r, const char *what)
{
	if (!r->failed)
		lock_error(r->l, r->line, "%s", what);
	r->failed = true;
}

static struct term *
append(struct reader *r, enum term_kind kind, struct str text, uint32_t line)
{
	struct open_term *o = &r->stack[r->depth - 1];
	struct term *t = arena_alloc(r->l->arena, sizeof(*t));

	*t = (struct term){ .label = r->label,
		.text = text,
		.kind = kind,
		.line = r->label.p != NULL ? r->label_line : line,
		.whole = text.p != NULL };
	r->label = STR_NONE;
	if (o->last != NULL)
		o->last->next = t;
	else
		o->term->first = t;
	o->last = t;
	return t;
}

static void
open_term(struct reader *r, enum term_kind kind, size_t n)
{
	if (r->depth == LIMIT_JSON_DEPTH) {
		fail(r, "nested deeper than any lockfile");
		return;
	}
	struct term *t = append(r, kind, STR_NONE, r->line);

	r->stack[r->depth++] = (struct open_term){ t, NULL };
	r->at += n;
}

static void
close_term(struct reader *r, char c)
{
	struct term *t = r->stack[r->depth - 1].term;

	if (r->depth < 2 || (t->kind == TERM_LIST) != (c == ']')) {
		fail(r, "a bracket that nothing opens");
		return;
	}
	t->whole = true;
	r->depth--;
	r->at++;
}

static struct str
decode(struct reader *r, struct str s)
{
	char *p;
	size_t n = 0;

	if (str_chr(s, '\\') < 0)
		return s;
	p = arena_alloc(r->l->arena, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		p[n++] = s.p[i];
	}
	return str_n(p, n);
}

/* "key:" and "key =>" before a term name it. */
static bool
take_label(struct reader *r, struct str text, uint32_t line)
{
	size_t at = r->at;

	if (peek(r, 0) == ':' && peek(r, 1) != ':') {
		r->at++;
	} else {
		while (peek(r, 0) == ' ')
			r->at++;
		if (peek(r, 0) != '=' || peek(r, 1) != '>') {
			r->at = at;
			return false;
		}
		r->at += 2;
	}
	r->label = text;
	r->label_line = line;
	return true;
}

static void
read_string(struct reader *r)
{
	size_t from = ++r->at;
	uint32_t line = r->line;
	struct str text;

	while (r->at < r->in.n && peek(r, 0) != '"') {
		if (peek(r, 0) == '\\')
			r->at++;
		if (peek(r, 0) == '\n')
			r->line++;
		r->at++;
	}
	if (r->at >= r->in.n) {
		r->at = r->in.n;
		r->line = line;
		fail(r, "the file ends inside a string");
		return;
	}
	text = decode(r, str_sub(r->in, from, r->at));
	if (text.p == NULL)
		text = STR_LIT("");
	r->at++;
	if (!take_label(r, text, line))
		append(r, TERM_STRING, text, line);
}

static bool
in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '@' || c == '-' ||
	    c == '?' || c == '!' || c == '+' || c == '/';
}

static void
read_word(struct reader *r)
{
	size_t from = r->at;
	struct str text;

	while (
	    in_word(peek(r, 0)) || (peek(r, 0) == '.' && in_word(peek(r, 1))))
		r->at++;
	text = str_sub(r->in, from, r->at);
	if (text.n == 0)
		fail(r, "not a term of Elixir or Erlang");
	else if (!take_label(r, text, r->line))
		append(r, TERM_WORD, text, r->line);
}

static void
skip_line(struct reader *r)
{
	while (r->at < r->in.n && peek(r, 0) != '\n')
		r->at++;
}

/* A comment begins with '#' in Elixir, with '%' in Erlang. */
static bool
skip(struct reader *r)
{
	char c = peek(r, 0);

	if (c == (r->dialect == TERM_ELIXIR ? '#' : '%')) {
		skip_line(r);
		return true;
	}
	if (c == '\n')
		r->line++;
	else if (c != ' ' && c != '\t' && c != '\r' && c != ',' && c != '.' &&
	    c != '<' && c != '>')
		return false;
	r->at++;
	return true;
}

static void
read_one(struct reader *r)
{
	char c = peek(r, 0);

	if (skip(r))
		return;
	switch (c) {
	case '%':
		if (peek(r, 1) == '{')
			open_term(r, TERM_MAP, 2);
		else
			fail(r, "not a term of Elixir");
		break;
	case '{':
		open_term(r, TERM_TUPLE, 1);
		break;
	case '[':
		open_term(r, TERM_LIST, 1);
		break;
	case '}':
	case ']':
		close_term(r, c);
		break;
	case ':':
		r->at++;
		break;
	case '"':
		read_string(r);
		break;
	default:
		read_word(r);
	}
}

const struct term *
term_read(struct lock_list *l, struct str bytes, enum term_dialect dialect)
{
	struct term *root = arena_alloc(l->arena, sizeof(*root));
	struct reader *r = arena_alloc(l->arena, sizeof(*r));

	*root = (struct term){ .kind = TERM_LIST, .line = 1 };
	*r = (struct reader){ .l = l,
		.in = lock_after(bytes, "\xef\xbb\xbf"),
		.line = 1,
		.dialect = dialect };
	r->stack[r->depth++].term = root;
	while (r->at < r->in.n && !r->failed)
		read_one(r);
	if (r->depth > 1) {
		r->line = r->stack[r->depth - 1].term->line;
		fail(r, "the file ends inside what this line opens");
	}
	root->whole = !r->failed;
	return root;
}

const struct term *
term_at(const struct term *t, unsigned n)
{
	const struct term *it = t != NULL ? t->first : NULL;

	while (it != NULL && n-- != 0)
		it = it->next;
	return it;
}

struct str
term_text(const struct term *t, unsigned n)
{
	const struct term *it = term_at(t, n);

	return it != NULL ? it->text : STR_NONE;
}

bool
term_is(const struct term *t, unsigned n, const char *word)
{
	const struct term *it = term_at(t, n);

	return it != NULL && it->kind == TERM_WORD && str_is(it->text, word);
}
