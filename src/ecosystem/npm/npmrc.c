/* SPDX-License-Identifier: Apache-2.0 */
/*
 * npm's configuration: lines of files and variables of the environment as one
 * set of layers, and the questions asked of it. Finding the files is
 * npmrc-load.c. Runs in role fetch, before lockdown.
 */
#include "ecosystem/npm/npmrc.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/name.h"
#include "ecosystem/npm/npmrc_priv.h"

/* More lines than any npmrc has. */
#define MAX_KEYS 4096

struct npmrc *
npmrc_new(struct arena *a)
{
	struct npmrc *c = arena_alloc(a, sizeof(*c));

	c->arena = a;
	return c;
}

void
npmrc_set(struct npmrc *c, enum npmrc_layer layer, struct str key,
    struct str value)
{
	struct npmrc_row *row;

	for (row = c->rows[layer]; row != NULL; row = row->next)
		if (str_eq(row->key, key)) {
			row->value = arena_str(c->arena, value);
			return;
		}
	if (c->n_rows >= MAX_KEYS)
		return;
	row = arena_alloc(c->arena, sizeof(*row));
	row->key = arena_str(c->arena, key);
	row->value = arena_str(c->arena, value);
	row->next = c->rows[layer];
	c->rows[layer] = row;
	c->n_rows++;
}

struct str
npmrc_env(const char *const *env, struct str name)
{
	for (; env != NULL && *env != NULL; env++)
		if (strncmp(*env, name.p, name.n) == 0 && (*env)[name.n] == '=')
			return str_of(*env + name.n + 1);
	return STR_NONE;
}

/* One ${NAME} or ${NAME?}: what it stands for, and its length. An unknown
 * name stays as it is (npm does so), with "?" it becomes nothing. */
static size_t
expand_one(struct str s, const char *const *env, struct buf *out)
{
	ptrdiff_t end = str_chr(s, '}');
	struct str name, value;
	bool optional;

	if (end < 3)
		return 0;
	name = str_sub(s, 2, (size_t)end);
	optional = str_ends(name, "?");
	if (optional)
		name.n--;
	value = npmrc_env(env, name);
	if (value.p != NULL)
		buf_put_str(out, value);
	else if (!optional)
		buf_put_str(out, str_sub(s, 0, (size_t)end + 1));
	return (size_t)end + 1;
}

static struct str
expand(struct npmrc *c, struct str s, const char *const *env)
{
	struct buf b;
	size_t used;

	buf_init(&b, LIMIT_CONFIG_BYTES);
	for (size_t i = 0; i < s.n;) {
		used = 0;
		if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '$')
			i++; /* \${X} is meant literally */
		else if (str_starts(str_sub(s, i, s.n), "${"))
			used = expand_one(str_sub(s, i, s.n), env, &b);
		if (used == 0)
			buf_putc(&b, s.p[i]);
		i += used != 0 ? used : 1;
	}
	s = arena_str(c->arena, buf_str(&b));
	buf_done(&b);
	return s;
}

/* Quotes off; without quotes a comment ends the value. "\n" in a quoted
 * value is a line end (inline certificates use it). */
static struct str
unquote(struct npmrc *c, struct str s)
{
	struct buf b;
	char quote;

	s = str_trim(s);
	if (s.n < 2 || (s.p[0] != '"' && s.p[0] != '\'') ||
	    s.p[s.n - 1] != s.p[0]) {
		for (size_t i = 1; i < s.n; i++)
			if ((s.p[i] == ';' || s.p[i] == '#') &&
			    s.p[i - 1] == ' ')
				return str_trim(str_sub(s, 0, i));
		return s;
	}
	quote = s.p[0];
	s = str_sub(s, 1, s.n - 1);
	if (quote == '\'')
		return s;
	buf_init(&b, LIMIT_CONFIG_BYTES);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n) {
			i++;
			buf_putc(&b, s.p[i] == 'n' ? '\n' : s.p[i]);
			continue;
		}
		buf_putc(&b, s.p[i]);
	}
	s = arena_str(c->arena, buf_str(&b));
	buf_done(&b);
	return s;
}

/* "ca[]" adds to a list; the only list we need is text with line ends. */
static void
add_line(struct npmrc *c, enum npmrc_layer layer, struct str key,
    struct str value)
{
	struct npmrc_row *row;

	if (!str_ends(key, "[]")) {
		npmrc_set(c, layer, key, value);
		return;
	}
	key.n -= 2;
	for (row = c->rows[layer]; row != NULL; row = row->next)
		if (str_eq(row->key, key)) {
			row->value = str_of(arena_printf(c->arena, "%.*s\n%.*s",
			    STR_ARG(row->value), STR_ARG(value)));
			return;
		}
	npmrc_set(c, layer, key, value);
}

int
npmrc_parse(struct npmrc *c, enum npmrc_layer layer, const char *name,
    struct str text, const char *const *env, struct error *err)
{
	struct str line, key, value;
	ptrdiff_t eq;

	if (text.n > LIMIT_CONFIG_BYTES)
		return error_set(err, -EFBIG, "%s: larger than %u bytes", name,
		    LIMIT_CONFIG_BYTES);
	if (str_starts(text, "\xef\xbb\xbf"))
		text = str_sub(text, 3, text.n);
	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == ';' || line.p[0] == '#' ||
		    line.p[0] == '[')
			continue;
		eq = str_chr(line, '=');
		key = eq < 0 ? line : str_sub(line, 0, (size_t)eq);
		value = eq < 0 ? STR_LIT("true") :
				 str_sub(line, (size_t)eq + 1, line.n);
		key = expand(c, unquote(c, key), env);
		if (key.n != 0)
			add_line(c, layer, key,
			    expand(c, unquote(c, value), env));
	}
	return 0;
}

/* npm_config_strict_ssl → strict-ssl; a key that begins with "//" or "@"
 * keeps its underscores. */
static void
add_variable(struct npmrc *c, struct str key, struct str value)
{
	char *p;

	if (key.n == 0 || value.n == 0)
		return;
	key = arena_str(c->arena, key);
	p = arena_strz(c->arena, key);
	if (p[0] != '/' && p[0] != '@')
		for (size_t i = 0; i < key.n; i++) {
			if (p[i] == '_' && i != 0)
				p[i] = '-';
			if (p[i] >= 'A' && p[i] <= 'Z')
				p[i] = (char)(p[i] - 'A' + 'a');
		}
	npmrc_set(c, NPMRC_ENVIRONMENT, str_n(p, key.n), value);
}

void
npmrc_add_env(struct npmrc *c, const char *const *env)
{
	static const size_t prefix = sizeof("npm_config_") - 1;
	struct str s, value;
	ptrdiff_t eq;

	c->env = env;
	for (; env != NULL && *env != NULL; env++) {
		s = str_of(*env);
		eq = str_chr(s, '=');
		if (eq < (ptrdiff_t)prefix ||
		    !str_eq_nocase(str_sub(s, 0, prefix),
			STR_LIT("npm_config_")))
			continue;
		value = str_sub(s, (size_t)eq + 1, s.n);
		add_variable(c, str_sub(s, prefix, (size_t)eq), value);
	}
}

struct str
npmrc_get(const struct npmrc *c, struct str key)
{
	const struct npmrc_row *row;

	for (int l = 0; l < NPMRC_LAYER__MAX; l++)
		for (row = c->rows[l]; row != NULL; row = row->next)
			if (str_eq(row->key, key))
				return row->value;
	return STR_NONE;
}

struct str
npmrc_registry(const struct npmrc *c, struct str package)
{
	struct str scope = npm_name_scope(package), s = STR_NONE;
	char *key;

	if (scope.p != NULL) {
		key = arena_printf(c->arena, "%.*s:registry", STR_ARG(scope));
		s = npmrc_get(c, str_of(key));
	}
	if (s.n == 0)
		s = npmrc_get(c, STR_LIT("registry"));
	if (s.n == 0 ||
	    (!str_starts(s, "http://") && !str_starts(s, "https://")))
		return STR_NONE;
	if (!str_ends(s, "/"))
		s = str_of(arena_printf(c->arena, "%.*s/", STR_ARG(s)));
	return s;
}

/* "//host/path/" of an address, without its last, fileless part. */
static struct str
without_scheme(struct str url)
{
	ptrdiff_t at = str_find(url, STR_LIT("://"));

	return at < 0 ? STR_NONE : str_sub(url, (size_t)at + 1, url.n);
}

static struct str
credential(const struct npmrc *c, struct str place, const char *name)
{
	char *key = arena_printf(c->arena, "%.*s:%s", STR_ARG(place), name);

	return npmrc_get(c, str_of(key));
}

static bool
put_credentials(const struct npmrc *c, struct str place, struct buf *out)
{
	struct str token = credential(c, place, "_authToken");
	struct str basic = credential(c, place, "_auth");
	struct str user = credential(c, place, "username");
	struct str password = credential(c, place, "_password");

	if (token.n != 0) {
		buf_printf(out, "Bearer %.*s", STR_ARG(token));
		return true;
	}
	if (basic.n != 0) {
		buf_printf(out, "Basic %.*s", STR_ARG(basic));
		return true;
	}
	if (user.n == 0 || password.n == 0)
		return false;
	buf_puts(out, "Basic ");
	npmrc_basic(user, password, out);
	return true;
}

void
npmrc_authorization(const struct npmrc *c, struct str url, struct buf *out)
{
	struct str place = without_scheme(url);
	ptrdiff_t end = str_chr(place, '?');

	if (end >= 0)
		place = str_sub(place, 0, (size_t)end);
	/* Both "//host/path/" and "//host/path", the longest first; never
	 * shorter than the host. */
	while (place.n > 2) {
		if (put_credentials(c, place, out))
			return;
		if (str_ends(place, "/"))
			place.n--;
		else
			place.n = (size_t)(str_rchr(place, '/') + 1);
	}
}

static struct str
first_of_env(const struct npmrc *c, const char *const *names)
{
	struct str s = STR_NONE;

	for (; *names != NULL && s.n == 0; names++)
		s = npmrc_env(c->env, str_of(*names));
	return s.n != 0 ? s : STR_NONE;
}

/* "null" and "false" in a file switch a setting off. */
static struct str
setting(const struct npmrc *c, const char *key)
{
	struct str s = npmrc_get(c, str_of(key));

	if (s.n == 0 || str_is(s, "null") || str_is(s, "false"))
		return STR_NONE;
	return s;
}

void
npmrc_trust(const struct npmrc *c, struct npmrc_trust *ret)
{
	static const char *const http[] = { "HTTP_PROXY", "http_proxy", "PROXY",
		"proxy", NULL };
	static const char *const https[] = { "HTTPS_PROXY", "https_proxy",
		"HTTP_PROXY", "http_proxy", "PROXY", "proxy", NULL };
	static const char *const no[] = { "NO_PROXY", "no_proxy", NULL };
	struct npmrc_trust t = { 0 };

	t.cafile = setting(c, "cafile");
	t.ca = setting(c, "ca");
	t.strict_ssl = !str_is(npmrc_get(c, STR_LIT("strict-ssl")), "false");
	t.http_proxy = setting(c, "proxy");
	if (t.http_proxy.p == NULL)
		t.http_proxy = setting(c, "http-proxy");
	t.https_proxy = setting(c, "https-proxy");
	if (t.https_proxy.p == NULL)
		t.https_proxy = t.http_proxy;
	if (t.http_proxy.p == NULL)
		t.http_proxy = first_of_env(c, http);
	if (t.https_proxy.p == NULL)
		t.https_proxy = first_of_env(c, https);
	t.noproxy = setting(c, "noproxy");
	if (t.noproxy.p == NULL)
		t.noproxy = first_of_env(c, no);
	*ret = t;
}
