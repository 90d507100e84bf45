/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and building of package URLs. Pure functions. */
#include "ecosystem/packageurl.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/packageurl_priv.h"

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char
to_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static struct str
map_chars(struct arena *a, struct str s, char (*f)(char))
{
	char *p;

	if (s.p == NULL)
		return s;
	p = arena_strz(a, s);
	for (size_t i = 0; i < s.n; i++)
		p[i] = f(p[i]);
	return str_n(p, s.n);
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = to_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* -EINVAL for a broken escape or bytes that are not UTF-8. */
static int
decode(struct arena *a, struct str s, struct str *ret, struct error *err)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			p[n++] = s.p[i];
			continue;
		}
		if (i + 2 >= s.n || hex_value(s.p[i + 1]) < 0 ||
		    hex_value(s.p[i + 2]) < 0)
			return error_set(err, -EINVAL,
			    "bad percent-encoding in \"%.*s\"", STR_ARG(s));
		p[n++] =
		    (char)(hex_value(s.p[i + 1]) * 16 + hex_value(s.p[i + 2]));
		i += 2;
	}
	*ret = str_n(p, n);
	if (!str_is_utf8(*ret))
		return error_set(err, -EINVAL, "\"%.*s\" is not UTF-8",
		    STR_ARG(s));
	return 0;
}

static void
encode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_alpha((char)c) || is_digit((char)c) ||
		    (c != '\0' && strchr(".-_~:", c) != NULL))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static struct str
strip_slashes(struct str s)
{
	while (s.n != 0 && s.p[0] == '/')
		s = str_sub(s, 1, s.n);
	while (s.n != 0 && s.p[s.n - 1] == '/')
		s = str_sub(s, 0, s.n - 1);
	return s;
}

/* "", "." and ".." name nothing in a subpath, "" nothing in a namespace. */
static bool
is_void(struct str part, bool subpath)
{
	return part.n == 0 ||
	    (subpath && (str_is(part, ".") || str_is(part, "..")));
}

/* Decodes segment by segment; drops empty ones, and dots in subpaths. */
static int
decode_segments(struct arena *a, struct str s, bool subpath, struct str *ret,
    struct error *err)
{
	struct buf b;
	struct str part, plain;
	int rc = 0;

	buf_init(&b, LIMIT_PURL_BYTES);
	while (rc == 0 && str_cut(&s, '/', &part)) {
		rc = decode(a, part, &plain, err);
		if (rc != 0 || is_void(plain, subpath))
			continue;
		if (str_chr(plain, '/') >= 0) {
			rc = error_set(err, -EINVAL,
			    "a %s segment contains \"/\"",
			    subpath ? "subpath" : "namespace");
			continue;
		}
		if (b.n != 0)
			buf_putc(&b, '/');
		buf_put_str(&b, plain);
	}
	if (rc == 0)
		*ret = b.n != 0 ? arena_str(a, buf_str(&b)) : STR_NONE;
	buf_done(&b);
	return rc;
}

static int
add_qualifier(struct packageurl *p, struct str key, struct str value,
    struct error *err)
{
	if (value.n == 0)
		return 0;
	if (p->n_qualifiers == PACKAGEURL_MAX_QUALIFIERS)
		return error_set(err, -EINVAL, "more than %d qualifiers",
		    PACKAGEURL_MAX_QUALIFIERS);
	p->qualifiers[p->n_qualifiers].key = key;
	p->qualifiers[p->n_qualifiers++].value = value;
	return 0;
}

static int
parse_qualifiers(struct arena *a, struct str s, struct packageurl *p,
    struct error *err)
{
	struct str pair, key, value;
	ptrdiff_t at;
	int rc = 0;

	while (rc == 0 && str_cut(&s, '&', &pair)) {
		if (pair.n == 0)
			continue;
		at = str_chr(pair, '=');
		if (at < 0)
			return error_set(err, -EINVAL,
			    "qualifier \"%.*s\" has no \"=\"", STR_ARG(pair));
		key = str_sub(pair, 0, (size_t)at);
		rc = decode(a, str_sub(pair, (size_t)at + 1, pair.n), &value,
		    err);
		if (rc == 0)
			rc = add_qualifier(p, key, value, err);
	}
	return rc;
}

/* Takes what follows the last (or first) separator off *s. */
static bool
split(struct str *s, ptrdiff_t at, struct str *ret_right)
{
	if (at < 0)
		return false;
	*ret_right = str_sub(*s, (size_t)at + 1, s->n);
	*s = str_sub(*s, 0, (size_t)at);
	return true;
}

/* The version's "@" is the last one; at the start of a segment that others
 * follow it is a scope that somebody did not encode. */
static ptrdiff_t
version_at(struct str s)
{
	ptrdiff_t at = str_rchr(s, '@');
	bool starts = at == 0 || (at > 0 && s.p[at - 1] == '/');

	if (starts &&
	    str_chr(strip_slashes(str_sub(s, (size_t)at, s.n)), '/') >= 0)
		return -1;
	return at;
}

static int
parse_path(struct arena *a, struct str s, struct packageurl *p,
    struct error *err)
{
	struct str right;
	ptrdiff_t at;
	int rc = 0;

	s = strip_slashes(s);
	at = str_chr(s, '/');
	if (at < 0)
		return error_set(err, -EINVAL,
		    "no name: expected "
		    "pkg:type/name");
	p->type = str_sub(s, 0, (size_t)at);
	s = str_sub(s, (size_t)at + 1, s.n);
	if (split(&s, version_at(s), &right))
		rc = decode(a, right, &p->version, err);
	s = strip_slashes(s);
	if (rc == 0 && split(&s, str_rchr(s, '/'), &right)) {
		rc = decode_segments(a, s, false, &p->namespace, err);
		s = right;
	}
	return rc == 0 ? decode(a, s, &p->name, err) : rc;
}

static int normalise(struct arena *a, struct packageurl *p, bool strict,
    struct error *err);

static int
parse(struct arena *a, struct str s, bool strict, struct packageurl *ret,
    struct error *err)
{
	struct packageurl p = { .n_qualifiers = 0 };
	struct str right;
	int rc = 0;

	if (s.n > LIMIT_PURL_BYTES)
		return error_set(err, -EINVAL, "longer than %u bytes",
		    LIMIT_PURL_BYTES);
	if (s.n < 4 || !str_eq_nocase(str_sub(s, 0, 4), STR_LIT("pkg:")))
		return error_set(err, -EINVAL,
		    "does not begin with the scheme \"pkg:\"");
	s = str_sub(s, 4, s.n);
	if (split(&s, str_rchr(s, '#'), &right))
		rc = decode_segments(a, right, true, &p.subpath, err);
	if (rc == 0 && split(&s, str_rchr(s, '?'), &right))
		rc = parse_qualifiers(a, right, &p, err);
	if (rc == 0)
		rc = parse_path(a, s, &p, err);
	if (rc == 0)
		rc = normalise(a, &p, strict, err);
	if (rc == 0)
		*ret = p;
	return rc;
}

int
packageurl_parse(struct arena *a, struct str s, struct packageurl *ret,
    struct error *err)
{
	return parse(a, s, true, ret, err);
}

int
packageurl_parse_loose(struct arena *a, struct str s, struct packageurl *ret,
    struct error *err)
{
	return parse(a, s, false, ret, err);
}

/* --- rules of all types ------------------------------------------------ */

static int
check_type(struct str type, struct error *err)
{
	if (type.n == 0)
		return error_set(err, -EINVAL, "the type is missing");
	if (!is_alpha(type.p[0]))
		return error_set(err, -EINVAL,
		    "type \"%.*s\" does not begin with a letter",
		    STR_ARG(type));
	for (size_t i = 0; i < type.n; i++)
		if (!is_alpha(type.p[i]) && !is_digit(type.p[i]) &&
		    type.p[i] != '.' && type.p[i] != '-')
			return error_set(err, -EINVAL,
			    "type \"%.*s\" has a character that is not allowed",
			    STR_ARG(type));
	return 0;
}

static int
check_key(struct str key, struct error *err)
{
	if (key.n == 0 || !is_alpha(key.p[0]))
		return error_set(err, -EINVAL,
		    "qualifier key \"%.*s\" does not begin with a letter",
		    STR_ARG(key));
	for (size_t i = 0; i < key.n; i++)
		if (!is_alpha(key.p[i]) && !is_digit(key.p[i]) &&
		    strchr(".-_", key.p[i]) == NULL)
			return error_set(err, -EINVAL,
			    "qualifier key \"%.*s\" has a character that is "
			    "not allowed",
			    STR_ARG(key));
	return 0;
}

static int
by_key(const void *a, const void *b)
{
	const struct packageurl_qualifier *qa = a, *qb = b;

	return str_cmp(qa->key, qb->key);
}

static int
normalise_qualifiers(struct arena *a, struct packageurl *p, struct error *err)
{
	int rc;

	for (size_t i = 0; i < p->n_qualifiers; i++) {
		rc = check_key(p->qualifiers[i].key, err);
		if (rc != 0)
			return rc;
		p->qualifiers[i].key =
		    map_chars(a, p->qualifiers[i].key, to_lower);
	}
	if (p->n_qualifiers > 1)
		qsort(p->qualifiers, p->n_qualifiers, sizeof(p->qualifiers[0]),
		    by_key);
	for (size_t i = 1; i < p->n_qualifiers; i++)
		if (str_eq(p->qualifiers[i - 1].key, p->qualifiers[i].key))
			return error_set(err, -EINVAL,
			    "qualifier \"%.*s\" is given twice",
			    STR_ARG(p->qualifiers[i].key));
	return 0;
}

/* --- rules of single types --------------------------------------------- */

static char
dash(char c)
{
	return c == '_' ? '-' : c;
}

static char
underscore(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ? c : '_';
}

static const struct {
	unsigned rule;
	size_t member;
	char (*f)(char);
} mappings[] = {
	{ PURL_LOWER_NAMESPACE, offsetof(struct packageurl, namespace),
	    to_lower },
	{ PURL_CPAN, offsetof(struct packageurl, namespace), to_upper },
	{ PURL_LOWER_NAME, offsetof(struct packageurl, name), to_lower },
	{ PURL_LOWER_VERSION, offsetof(struct packageurl, version), to_lower },
	{ PURL_LOWER_SUBPATH, offsetof(struct packageurl, subpath), to_lower },
	{ PURL_DASHES, offsetof(struct packageurl, name), dash },
	{ PURL_UNDERSCORES, offsetof(struct packageurl, name), underscore },
};

static bool
chrome_version(struct str v)
{
	struct str part;
	int n = 0;

	for (; str_cut(&v, '.', &part); n++)
		for (size_t i = 0; part.n == 0 || i < part.n; i++)
			if (part.n == 0 || !is_digit(part.p[i]))
				return false;
	return n <= 4;
}

static int
check_chrome(const struct packageurl *p, struct error *err)
{
	bool good = p->name.n == 32;

	for (size_t i = 0; good && i < p->name.n; i++)
		good = p->name.p[i] >= 'a' && p->name.p[i] <= 'p';
	if (!good)
		return error_set(err, -EINVAL,
		    "the name of a chrome-extension is 32 letters from a to p");
	if (p->version.p != NULL && !chrome_version(p->version))
		return error_set(err, -EINVAL,
		    "the version of a chrome-extension is one to four numbers");
	return 0;
}

static int
check_name(const struct packageurl *p, unsigned rules, struct error *err)
{
	if ((rules & PURL_CPAN) && str_find(p->name, STR_LIT("::")) >= 0)
		return error_set(err, -EINVAL,
		    "a cpan name is a distribution: it has no \"::\"");
	if ((rules & PURL_SWID) &&
	    str_chr(p->namespace, '/') != str_rchr(p->namespace, '/'))
		return error_set(err, -EINVAL,
		    "a swid namespace is a name and at most one more segment");
	if ((rules & PURL_COCOAPODS) &&
	    (p->name.p[0] == '.' || str_chr(p->name, '+') >= 0 ||
		str_chr(p->name, ' ') >= 0 || str_chr(p->name, '\t') >= 0))
		return error_set(err, -EINVAL,
		    "a cocoapods name has no white space, no \"+\" and no "
		    "leading \".\"");
	return rules & PURL_CHROME ? check_chrome(p, err) : 0;
}

/* What its type wants to be there, and what not. */
static int
check_parts(const struct packageurl *p, const struct purl_type *t,
    struct error *err)
{
	if ((t->rules & PURL_NAMESPACE_PROHIBITED) && p->namespace.n != 0)
		return error_set(err, -EINVAL, "type %s has no namespace",
		    t->name);
	if ((t->rules & PURL_NAMESPACE_REQUIRED) && p->namespace.n == 0)
		return error_set(err, -EINVAL, "type %s needs a namespace",
		    t->name);
	if (t->required_qualifier != NULL &&
	    packageurl_qualifier(p, t->required_qualifier).p == NULL)
		return error_set(err, -EINVAL, "type %s needs the qualifier %s",
		    t->name, t->required_qualifier);
	return check_name(p, t->rules, err);
}

static void
apply_type(struct arena *a, struct packageurl *p, const struct purl_type *t)
{
	struct str *member;

	for (size_t i = 0; i < N_ELEMENTS(mappings); i++) {
		if ((t->rules & mappings[i].rule) == 0)
			continue;
		member = (void *)((char *)p + mappings[i].member);
		*member = map_chars(a, *member, mappings[i].f);
	}
	if ((t->rules & PURL_MLFLOW) &&
	    str_find(packageurl_qualifier(p, "repository_url"),
		STR_LIT("databricks")) >= 0)
		p->name = map_chars(a, p->name, to_lower);
}

static struct str
absent_if_empty(struct str s)
{
	return s.n == 0 ? STR_NONE : s;
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

/* No package, file or address has one in its name. */
static int
check_control(const struct packageurl *p, struct error *err)
{
	const struct str members[] = { p->namespace, p->name, p->version,
		p->subpath };
	bool found = false;

	for (size_t i = 0; i < N_ELEMENTS(members); i++)
		found = found || has_control(members[i]);
	for (size_t i = 0; i < p->n_qualifiers; i++)
		found = found || has_control(p->qualifiers[i].value);
	return found ? error_set(err, -EINVAL, "has a control character") : 0;
}

/* What is written must be read again. */
static int
check_length(const struct packageurl *p, struct error *err)
{
	struct buf b;
	bool fits;

	buf_init(&b, LIMIT_PURL_BYTES + 1);
	packageurl_write(p, &b);
	fits = !b.full && b.n <= LIMIT_PURL_BYTES;
	buf_done(&b);
	return fits ? 0 :
		      error_set(err, -EINVAL,
			  "longer than %u bytes in its canonical form",
			  (unsigned)LIMIT_PURL_BYTES);
}

/* Without the segments that name nothing. */
static struct str
whole_segments(struct arena *a, struct str s, bool subpath)
{
	struct str part, all = strip_slashes(s);
	struct buf b;

	if (all.n == 0)
		return STR_NONE;
	buf_init(&b, all.n + 1);
	while (str_cut(&all, '/', &part)) {
		if (is_void(part, subpath))
			continue;
		if (b.n != 0)
			buf_putc(&b, '/');
		buf_put_str(&b, part);
	}
	s = b.n != 0 ? arena_str(a, buf_str(&b)) : STR_NONE;
	buf_done(&b);
	return s;
}

static int
normalise(struct arena *a, struct packageurl *p, bool strict, struct error *err)
{
	const struct purl_type *t;
	int rc = check_type(p->type, err);

	if (rc == 0)
		rc = check_control(p, err);
	if (rc != 0)
		return rc;
	p->type = map_chars(a, p->type, to_lower);
	p->name = strip_slashes(p->name);
	p->namespace = whole_segments(a, p->namespace, false);
	p->version = absent_if_empty(p->version);
	p->subpath = whole_segments(a, p->subpath, true);
	if (p->name.n == 0)
		return error_set(err, -EINVAL, "the name is missing");
	rc = normalise_qualifiers(a, p, err);
	t = purl_type_find(p->type);
	if (rc == 0 && t != NULL) {
		apply_type(a, p, t);
		rc = strict ? check_parts(p, t, err) : 0;
	}
	return rc == 0 ? check_length(p, err) : rc;
}

int
packageurl_normalise(struct arena *a, struct packageurl *p, struct error *err)
{
	return normalise(a, p, true, err);
}

int
packageurl_normalise_loose(struct arena *a, struct packageurl *p,
    struct error *err)
{
	return normalise(a, p, false, err);
}

static void
write_segments(struct buf *out, struct str s, bool subpath)
{
	struct str part;
	bool first = true;

	while (str_cut(&s, '/', &part)) {
		if (is_void(part, subpath))
			continue;
		if (!first)
			buf_putc(out, '/');
		encode(out, part);
		first = false;
	}
}

void
packageurl_write(const struct packageurl *p, struct buf *out)
{
	buf_puts(out, "pkg:");
	buf_put_str(out, p->type);
	buf_putc(out, '/');
	if (p->namespace.n != 0) {
		write_segments(out, p->namespace, false);
		buf_putc(out, '/');
	}
	encode(out, p->name);
	if (p->version.n != 0) {
		buf_putc(out, '@');
		encode(out, p->version);
	}
	for (size_t i = 0; i < p->n_qualifiers; i++) {
		buf_putc(out, i == 0 ? '?' : '&');
		buf_put_str(out, p->qualifiers[i].key);
		buf_putc(out, '=');
		encode(out, p->qualifiers[i].value);
	}
	if (p->subpath.n != 0) {
		buf_putc(out, '#');
		write_segments(out, p->subpath, true);
	}
}

struct str
packageurl_qualifier(const struct packageurl *p, const char *key)
{
	for (size_t i = 0; i < p->n_qualifiers; i++)
		if (str_is(p->qualifiers[i].key, key))
			return p->qualifiers[i].value;
	return STR_NONE;
}
