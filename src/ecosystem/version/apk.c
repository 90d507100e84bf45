/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alpine (apk-package(5)): digit{.digit}…{letter}{_suffix{number}}…{~hash}
 * {-r#}. The first number compares as a number; a later one with a leading
 * zero as a fraction. apk also compares what is none of this: the first part
 * that it cannot read comes after the pre-releases and before the end.
 */
#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

enum kind {
	KIND_NUMBER,
	KIND_LETTER,
	KIND_SUFFIX,
	KIND_SUFFIX_NUMBER,
	KIND_HASH,
	KIND_REVISION,
	KIND_END,
	KIND_BAD,
};

struct token {
	enum kind kind;
	struct str text;
	int suffix; /* rank: below 0 a pre-release, above a patch */
	bool first; /* the first number */
};

static int
suffix_rank(struct str s)
{
	static const char *const names[] = { "alpha", "beta", "pre", "rc", "",
		"cvs", "svn", "git", "hg", "p" };

	for (int i = 0; i < (int)N_ELEMENTS(names); i++)
		if (i != 4 && str_is(s, names[i]))
			return i - 4;
	return 0;
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static struct token
after_mark(struct str *s, enum kind before)
{
	struct token t = { .kind = KIND_BAD };
	char mark = s->p[0];

	struct str all = *s;

	*s = str_sub(*s, 1, s->n);
	if (mark == '.' && before == KIND_NUMBER) {
		t.kind = KIND_NUMBER;
		t.text = take_while(s, is_digit);
	} else if (mark == '_' && before < KIND_HASH) {
		t.kind = KIND_SUFFIX;
		t.text = take_while(s, is_lower);
		t.suffix = suffix_rank(t.text);
		if (t.suffix == 0)
			t.kind = KIND_BAD;
	} else if (mark == '~' && before < KIND_HASH) {
		t.kind = KIND_HASH;
		t.text = take_while(s, is_hex);
	} else if (mark == '-' && before < KIND_REVISION && s->n != 0 &&
	    s->p[0] == 'r') {
		*s = str_sub(*s, 1, s->n);
		t.kind = KIND_REVISION;
		t.text = take_while(s, is_digit);
	}
	if (t.kind == KIND_BAD || t.text.n == 0) {
		t.kind = KIND_BAD;
		t.text = all;
	}
	return t;
}

static struct token
next(struct str *s, enum kind before)
{
	struct token t = { .kind = KIND_BAD, .text = *s };

	if (s->n == 0) {
		t.kind = KIND_END;
	} else if (is_lower(s->p[0]) && before == KIND_NUMBER) {
		t.kind = KIND_LETTER;
		t.text = str_sub(*s, 0, 1);
		*s = str_sub(*s, 1, s->n);
	} else if (is_digit(s->p[0]) && before == KIND_SUFFIX) {
		t.kind = KIND_SUFFIX_NUMBER;
		t.text = take_while(s, is_digit);
	} else if (!is_digit(s->p[0]) && !is_alpha(s->p[0])) {
		t = after_mark(s, before);
	}
	return t;
}

static int
number_compare(const struct token *a, const struct token *b)
{
	bool fraction =
	    !a->first && (a->text.p[0] == '0' || b->text.p[0] == '0');

	return fraction ? sign(str_cmp(a->text, b->text)) :
			  digits_compare(a->text, b->text);
}

static int
same_kind_compare(const struct token *a, const struct token *b)
{
	switch (a->kind) {
	case KIND_NUMBER:
		return number_compare(a, b);
	case KIND_LETTER:
	case KIND_HASH:
	case KIND_BAD:
		return sign(str_cmp(a->text, b->text));
	case KIND_SUFFIX:
		return sign(a->suffix - b->suffix);
	case KIND_SUFFIX_NUMBER:
	case KIND_REVISION:
		return digits_compare(a->text, b->text);
	case KIND_END:
		break;
	}
	return 0;
}

/* One goes on where the other has something else: a pre-release suffix is
 * below whatever the other has, what cannot be read below the rest; otherwise
 * the earlier kind is the longer. */
static int
other_kind_compare(const struct token *a, const struct token *b)
{
	if (a->kind == KIND_SUFFIX && a->suffix < 0)
		return -1;
	if (b->kind == KIND_SUFFIX && b->suffix < 0)
		return 1;
	if (a->kind == KIND_BAD || b->kind == KIND_BAD)
		return a->kind == KIND_BAD ? -1 : 1;
	return a->kind < b->kind ? 1 : -1;
}

static struct token
first(struct str *s)
{
	struct token t = { .kind = KIND_NUMBER, .first = true };

	t.text = take_while(s, is_digit);
	if (t.text.n == 0) {
		t.kind = KIND_BAD;
		t.text = *s;
	}
	return t;
}

bool
version_apk(struct str a, struct str b, int *ret)
{
	struct token ta = first(&a), tb = first(&b);

	for (;;) {
		*ret = ta.kind == tb.kind ? same_kind_compare(&ta, &tb) :
					    other_kind_compare(&ta, &tb);
		if (*ret != 0 || ta.kind == KIND_END || ta.kind == KIND_BAD)
			return true;
		ta = next(&a, ta.kind);
		tb = next(&b, tb.kind);
	}
}
