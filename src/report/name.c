/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical names and folders of reports. Pure functions. */
#include "report/name.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "osv/osv.h"

static char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static struct str
lower(struct arena *a, struct str s)
{
	char *p = arena_strz(a, s);

	for (size_t i = 0; i < s.n; i++)
		p[i] = to_lower(p[i]);
	return str_n(p, s.n);
}

static struct str
crate_name(struct arena *a, struct str name)
{
	char *p = arena_strz(a, name);

	for (size_t i = 0; i < name.n; i++)
		p[i] = name.p[i] == '-' ? '_' : to_lower(name.p[i]);
	return str_n(p, name.n);
}

static struct str
pypi_name(struct arena *a, struct str name)
{
	char *p = arena_strz(a, name);
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '_' || c == '.')
			c = '-';
		if (c != '-' || n == 0 || p[n - 1] != '-')
			p[n++] = to_lower(c);
	}
	return str_n(p, n);
}

struct str
report_canonical_name(struct arena *a, struct str ecosystem, struct str name)
{
	struct str base = osv_ecosystem_base(ecosystem);
	struct str url, storage;

	if (str_is(base, "crates.io"))
		return crate_name(a, name);
	if (str_is(base, "PyPI"))
		return pypi_name(a, name);
	if (str_is(base, "GIT") && report_git_name(a, name, &url, &storage))
		return storage;
	return arena_str(a, name);
}

bool
report_same_package(struct str ecosystem_a, struct str a,
    struct str ecosystem_b, struct str b)
{
	struct arena *scratch;
	bool same;

	if (!str_eq(ecosystem_a, ecosystem_b))
		return false;
	if (osv_same_name(ecosystem_a, a, b))
		return true;
	scratch = arena_new(MIB);
	same = str_eq(report_canonical_name(scratch, ecosystem_a, a),
	    report_canonical_name(scratch, ecosystem_b, b));
	arena_free(scratch);
	return same;
}

/* Lower case; a run of separators is one "-"; the scheme of a suffix that is
 * a URL goes away. */
static void
put_ecosystem(struct buf *b, struct str s)
{
	ptrdiff_t at = str_find(s, STR_LIT("://"));
	ptrdiff_t colon = str_chr(s, ':');
	bool dash = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (at > colon && (ptrdiff_t)i == colon + 1)
			i = (size_t)at + 3;
		if (i >= s.n)
			break;
		c = s.p[i];
		if (strchr(" /_-", c) != NULL && c != '\0') {
			if (!dash)
				buf_putc(b, '-');
			dash = true;
			continue;
		}
		dash = false;
		buf_putc(b, to_lower(c));
	}
}

bool
report_path_valid(struct str path)
{
	struct str part;
	int depth = 0;

	if (path.n == 0 || path.p[0] == '/')
		return false;
	while (str_cut(&path, '/', &part)) {
		if (str_chr(part, '\0') >= 0)
			return false;
		if (part.n == 0 || str_is(part, "."))
			continue;
		depth += str_is(part, "..") ? -1 : 1;
		if (depth < 0)
			return false;
	}
	return depth >= 2;
}

bool
report_path(struct str ecosystem, struct str name, struct buf *ret)
{
	struct str part;
	size_t before = ret->n;

	put_ecosystem(ret, ecosystem);
	buf_putc(ret, '/');
	for (size_t i = 0; i < name.n; i++)
		buf_putc(ret, to_lower(name.p[i]));
	name = str_sub(buf_str(ret), before, ret->n);
	if (ret->full || !report_path_valid(name))
		return false;
	/* Stricter than cleaning: no part may climb, or be too long for a
	 * file system. */
	while (str_cut(&name, '/', &part))
		if (str_is(part, "..") || str_is(part, ".") || part.n > 255)
			return false;
	return true;
}

/* --- git ----------------------------------------------------------------- */

struct git_url {
	struct str scheme, user, host, path; /* scheme p NULL: scp form */
};

static bool
parse_url(struct str url, ptrdiff_t at, struct git_url *g)
{
	static const char *const schemes[] = { "http", "https", "ssh", "git" };
	ptrdiff_t slash, user;
	bool known = false;

	g->scheme = str_sub(url, 0, (size_t)at);
	for (size_t i = 0; i < N_ELEMENTS(schemes); i++)
		known = known || str_is(g->scheme, schemes[i]);
	url = str_sub(url, (size_t)at + 3, url.n);
	slash = str_chr(url, '/');
	if (!known || slash <= 0)
		return false;
	g->host = str_sub(url, 0, (size_t)slash);
	g->path = str_sub(url, (size_t)slash + 1, url.n);
	user = str_rchr(g->host, '@');
	if (user >= 0) {
		struct str credentials = str_sub(g->host, 0, (size_t)user);

		g->host = str_sub(g->host, (size_t)user + 1, g->host.n);
		(void)str_cut(&credentials, ':', &g->user);
	}
	return true;
}

static bool
parse_scp(struct str url, struct git_url *g)
{
	ptrdiff_t colon = str_chr(url, ':'), user;

	if (colon <= 0)
		return false;
	g->host = str_sub(url, 0, (size_t)colon);
	g->path = str_sub(url, (size_t)colon + 1, url.n);
	user = str_chr(g->host, '@');
	if (user <= 0 || str_starts(g->path, "/"))
		return false;
	g->user = str_sub(g->host, 0, (size_t)user);
	g->host = str_sub(g->host, (size_t)user + 1, g->host.n);
	return true;
}

static bool
parse_git(struct str url, struct git_url *g)
{
	ptrdiff_t at = str_find(url, STR_LIT("://"));

	*g = (struct git_url){ .scheme = STR_NONE };
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f)
			return false;
	if (!(at > 0 ? parse_url(url, at, g) : parse_scp(url, g)))
		return false;
	while (str_ends(g->path, "/"))
		g->path = str_sub(g->path, 0, g->path.n - 1);
	if (str_ends(g->path, ".git"))
		g->path = str_sub(g->path, 0, g->path.n - 4);
	return g->host.n != 0 && g->path.n != 0;
}

static size_t
count_parts(struct str path)
{
	struct str part;
	size_t n = 0;

	while (str_cut(&path, '/', &part))
		n++;
	return n;
}

enum host_kind {
	HOST_OTHER,
	HOST_FOLDED, /* owner/repository, letter case does not count */
	HOST_OWNER_FOLDED, /* that of the owner does not count */
	HOST_FLAT, /* one name, no ".git" */
};

static enum host_kind
host_kind(struct str host)
{
	static const char *const folded[] = { "github.com", "gitlab.com",
		"bitbucket.org", "codeberg.org" };

	for (size_t i = 0; i < N_ELEMENTS(folded); i++)
		if (str_eq_nocase(host, str_of(folded[i])))
			return HOST_FOLDED;
	if (str_eq_nocase(host, STR_LIT("gitee.com")))
		return HOST_OWNER_FOLDED;
	return str_ends(host, ".googlesource.com") ? HOST_FLAT : HOST_OTHER;
}

static struct str
known_path(struct arena *a, const struct git_url *g, enum host_kind kind)
{
	ptrdiff_t slash = str_chr(g->path, '/');
	struct str owner;

	if (kind == HOST_FOLDED)
		return lower(a, g->path);
	if (kind == HOST_FLAT)
		return g->path;
	owner = lower(a, str_sub(g->path, 0, (size_t)slash));
	return str_of(arena_printf(a, "%.*s%.*s", STR_ARG(owner),
	    STR_ARG(str_sub(g->path, (size_t)slash, g->path.n))));
}

bool
report_git_name(struct arena *a, struct str url, struct str *ret_canonical,
    struct str *ret_storage)
{
	struct git_url g;
	enum host_kind kind;
	struct str host, path;
	const char *user;

	if (url.n > LIMIT_URL_BYTES || !parse_git(url, &g))
		return false;
	kind = host_kind(g.host);
	host = lower(a, g.host);
	if (kind != HOST_OTHER) {
		if (count_parts(g.path) != (kind == HOST_FLAT ? 1u : 2u))
			return false;
		path = known_path(a, &g, kind);
		*ret_canonical =
		    str_of(arena_printf(a, "https://%.*s/%.*s%s", STR_ARG(host),
			STR_ARG(path), kind == HOST_FLAT ? "" : ".git"));
		*ret_storage = str_of(
		    arena_printf(a, "%.*s/%.*s", STR_ARG(host), STR_ARG(path)));
		return true;
	}
	/* "git" is everybody's user; another one is part of the name. */
	user = g.user.n != 0 && !str_is(g.user, "git") ?
	    arena_printf(a, "%.*s@", STR_ARG(g.user)) :
	    "";
	*ret_storage = str_of(arena_printf(a, "%s%.*s/%.*s", user,
	    STR_ARG(host), STR_ARG(g.path)));
	*ret_canonical = g.scheme.p == NULL ?
	    str_of(arena_printf(a, "%.*s@%.*s:%.*s.git", STR_ARG(g.user),
		STR_ARG(host), STR_ARG(g.path))) :
	    str_of(arena_printf(a, "%.*s://%s%.*s/%.*s.git", STR_ARG(g.scheme),
		user, STR_ARG(host), STR_ARG(g.path)));
	return true;
}
