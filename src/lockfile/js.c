/* SPDX-License-Identifier: Apache-2.0 */
/* Lockfiles of JavaScript: the table, names and addresses. Pure functions. */
#include "lockfile/js_priv.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "lockfile/families_priv.h"
#include "lockfile/lockfile.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

static bool
is_package_lock(struct str path)
{
	return lock_named(path, "package-lock.json") ||
	    lock_below(path, "node_modules/.package-lock.json");
}

static bool
is_shrinkwrap(struct str path)
{
	return lock_named(path, "npm-shrinkwrap.json");
}

static bool
is_yarn(struct str path)
{
	return lock_named(path, "yarn.lock");
}

static bool
is_pnpm(struct str path)
{
	return lock_named(path, "pnpm-lock.yaml");
}

static bool
is_bun(struct str path)
{
	return lock_named(path, "bun.lock");
}

static bool
is_bun_binary(struct str path)
{
	return lock_named(path, "bun.lockb");
}

/* Not saying anything would look as if there were no packages. */
static void
bun_binary_read(const struct lock_input *in, struct lock_list *l)
{
	struct str text;

	if (!lock_beside(in, "bun.lock", &text))
		lock_error(l, 0,
		    "Bun's binary lockfile is not read: bun install "
		    "--save-text-lockfile writes a bun.lock");
}

const struct lock_format lock_formats_js[] = {
	{ "package-lock.json", is_package_lock, npm_lock_read },
	{ "npm-shrinkwrap.json", is_shrinkwrap, npm_lock_read },
	{ "yarn.lock", is_yarn, yarn_lock_read },
	{ "pnpm-lock.yaml", is_pnpm, pnpm_lock_read },
	{ "bun.lock", is_bun, bun_lock_read },
	{ "bun.lockb", is_bun_binary, bun_binary_read },
	{ NULL, NULL, NULL },
};

const char *const js_dependency_members[] = { "dependencies",
	"optionalDependencies", "devDependencies", "peerDependencies", NULL };

/* --- names --------------------------------------------------------------- */

bool
js_split(struct str s, struct str *ret_name, struct str *ret_rest)
{
	size_t from = str_starts(s, "@") ? 1 : 0;
	ptrdiff_t at = str_chr(str_sub(s, from, s.n), '@');

	*ret_name = s;
	*ret_rest = STR_NONE;
	if (at < 0)
		return false;
	*ret_name = str_sub(s, 0, from + (size_t)at);
	*ret_rest = str_sub(s, from + (size_t)at + 1, s.n);
	return true;
}

bool
js_is_version(struct str s)
{
	int dots = 0;

	if (s.n == 0 || s.p[0] < '0' || s.p[0] > '9')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '-' || c == '+')
			break;
		if (c == '.')
			dots++;
		else if (c < '0' || c > '9')
			return false;
	}
	return dots == 2 && str_chr(s, ' ') < 0 && str_chr(s, '/') < 0 &&
	    str_chr(s, '|') < 0;
}

void
js_alias(struct lock_package *p, struct str real)
{
	if (real.n == 0 || str_eq(p->name, real))
		return;
	if (p->alias.p == NULL)
		p->alias = p->name;
	p->name = real;
}

/* --- archives ------------------------------------------------------------ */

/* "%2f" in the name of a scoped package. */
static struct str
decode_slash(struct lock_list *l, struct str s)
{
	ptrdiff_t at = str_find(s, STR_LIT("%2f"));
	struct str head, tail;

	if (at < 0)
		at = str_find(s, STR_LIT("%2F"));
	if (at < 0)
		return s;
	head = str_sub(s, 0, (size_t)at);
	tail = str_sub(s, (size_t)at + 3, s.n);
	return str_of(
	    arena_printf(l->arena, "%.*s/%.*s", STR_ARG(head), STR_ARG(tail)));
}

static struct str
without_query(struct str url)
{
	return lock_before(lock_before(url, '#'), '?');
}

/* Where "/-/" stands before the file's name, or before its scope. */
static ptrdiff_t
dash_before(struct str path, ptrdiff_t slash)
{
	ptrdiff_t up;

	if (slash >= 2 && path.p[slash - 1] == '-' && path.p[slash - 2] == '/')
		return slash - 2;
	up = str_rchr(str_sub(path, 0, (size_t)slash), '/');
	if (up >= 2 && path.p[up + 1] == '@' && path.p[up - 1] == '-' &&
	    path.p[up - 2] == '/')
		return up - 2;
	return -1;
}

bool
js_tarball(struct lock_list *l, struct str url, struct js_tarball *ret)
{
	struct str path = without_query(url), file, name, bare;
	ptrdiff_t slash = str_rchr(path, '/'), dash, scope;

	if (slash <= 0 || !str_ends(path, ".tgz"))
		return false;
	dash = dash_before(path, slash);
	if (dash <= 0)
		return false;
	file = str_sub(path, (size_t)slash + 1, path.n - 4);
	path = str_sub(path, 0, (size_t)dash);
	slash = str_rchr(path, '/');
	if (slash < 0)
		return false;
	scope = str_rchr(str_sub(path, 0, (size_t)slash), '/');
	if (scope >= 0 && path.p[scope + 1] == '@')
		slash = scope;
	name = str_sub(path, (size_t)slash + 1, path.n);
	if (str_chr(name, '%') >= 0)
		name = decode_slash(l, name);
	bare = lock_base(name);
	if (bare.n == 0 || file.n <= bare.n + 1 || file.p[bare.n] != '-' ||
	    !str_eq(str_sub(file, 0, bare.n), bare))
		return false;
	ret->base = str_sub(path, 0, (size_t)slash);
	ret->name = name;
	ret->version = str_sub(file, bare.n + 1, file.n);
	return str_chr(ret->base, ':') > 0;
}

/* BASE/download/@scope/name/VERSION/HASH: registries of forges. */
static bool
download_shape(struct str url, struct lock_package *p, struct str *ret_base)
{
	static const struct str mark = { "/download/", 10 };
	struct str path = without_query(url), rest;
	ptrdiff_t at = str_find(path, mark);

	if (at < 0)
		return false;
	rest = str_sub(path, (size_t)at + mark.n, path.n);
	if (rest.n <= p->name.n + 1 || rest.p[p->name.n] != '/' ||
	    !str_eq(str_sub(rest, 0, p->name.n), p->name))
		return false;
	rest = str_sub(rest, p->name.n + 1, rest.n);
	if (p->version.n == 0 || !str_eq(lock_before(rest, '/'), p->version))
		return false;
	*ret_base = str_sub(path, 0, (size_t)at);
	return true;
}

/* The version without what npm leaves out of file names. */
static bool
same_version(struct str a, struct str b)
{
	return str_eq(lock_before(a, '+'), lock_before(b, '+'));
}

/* Nearly all archives of a file come from one registry and are named as npm
 * names them: BASE/NAME/-/NAME-VERSION.tgz, with the base of the entry before.
 * false: look closer. */
static bool
same_registry(struct lock_list *l, struct lock_package *p, struct str url)
{
	static const char prefix[] = "registry:";
	struct str bare = lock_base(p->name), base;
	const struct lock_package *before = p - 1;
	struct str parts[7];
	size_t slash;

	if (l->packages.n < 2 || p != &l->packages.v[l->packages.n - 1] ||
	    p->version.n == 0 || !str_starts(before->origin, prefix))
		return false;
	base = str_sub(before->origin, sizeof(prefix) - 1, before->origin.n);
	slash = (size_t)(str_rchr(base, '/') + 1);
	if (slash < base.n && base.p[slash] == '@')
		return false;
	for (size_t i = 0; i < p->name.n; i++)
		if (memchr("#?%", p->name.p[i], 3) != NULL)
			return false;
	parts[0] = base;
	parts[1] = STR_LIT("/");
	parts[2] = p->name;
	parts[3] = STR_LIT("/-/");
	parts[4] = bare;
	parts[5] = STR_LIT("-");
	parts[6] = p->version;
	for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
		if (url.n < parts[i].n ||
		    memcmp(url.p, parts[i].p, parts[i].n) != 0)
			return false;
		url = str_n(url.p + parts[i].n, url.n - parts[i].n);
	}
	if (!str_is(url, ".tgz"))
		return false;
	p->origin = before->origin;
	return true;
}

static bool
registry_archive(struct lock_list *l, struct lock_package *p, struct str url)
{
	struct js_tarball t;
	struct str base;

	if (same_registry(l, p, url))
		return true;
	if (!js_tarball(l, url, &t)) {
		if (!download_shape(url, p, &base))
			return false;
		p->origin = lock_origin(l->arena, "registry", base);
		return true;
	}
	/* These bytes are what gets installed, whatever the entry says. */
	js_alias(p, t.name);
	if (p->version.p == NULL || !same_version(p->version, t.version))
		p->version = t.version;
	p->origin = lock_origin(l->arena, "registry", t.base);
	return true;
}

static bool
is_commit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
			((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'f')))
			return false;
	return s.n >= 7 && s.n <= 64;
}

/* A forge's archive of a commit: SCHEME://codeload.HOST/OWNER/REPO/tar.gz/
 * COMMIT stands for the repository SCHEME://HOST/OWNER/REPO. */
static bool
forge_archive(struct lock_list *l, struct lock_package *p, struct str url)
{
	static const struct str host = { "://codeload.", 12 },
				kind = { "/tar.gz/", 8 };
	ptrdiff_t at = str_find(url, host), tar = str_find(url, kind);
	struct str commit;

	if (at < 0 || tar < at)
		return false;
	commit = str_sub(url, (size_t)tar + kind.n, url.n);
	if (!is_commit(commit))
		return false;
	p->origin = lock_origin_git(l->arena,
	    str_of(arena_printf(l->arena, "%.*s://%.*s",
		STR_ARG(str_sub(url, 0, (size_t)at)),
		STR_ARG(str_sub(url, (size_t)at + host.n, (size_t)tar)))),
	    commit);
	return true;
}

/* --- addresses ----------------------------------------------------------- */

static bool
git_address(struct lock_list *l, struct lock_package *p, struct str s)
{
	struct str origin = lock_origin_vcs(l->arena, s), url;
	ptrdiff_t hash = str_chr(s, '#');

	if (origin.p != NULL) {
		p->origin = origin;
		return true;
	}
	url = lock_before(s, '#');
	if (!str_ends(url, ".git") && !str_starts(s, "ssh://"))
		return false;
	p->origin = lock_origin_git(l->arena, url,
	    hash < 0 ? STR_NONE : str_sub(s, (size_t)hash + 1, s.n));
	return true;
}

static bool
local_address(struct lock_list *l, struct lock_package *p, struct str s)
{
	static const char *const schemes[] = { "file:", "link:", "portal:",
		"workspace:" };

	for (size_t i = 0; i < N_ELEMENTS(schemes); i++) {
		if (!str_starts(s, schemes[i]))
			continue;
		s = str_sub(s, strlen(schemes[i]), s.n);
		/* Yarn adds a hash or its parameters. */
		s = lock_before(s, '#');
		if (str_ends(s, "/") && s.n > 1)
			s.n--;
		p->origin =
		    lock_origin(l->arena, "path", s.n != 0 ? s : STR_LIT("."));
		return true;
	}
	return false;
}

void
js_source(struct lock_list *l, struct lock_package *p, struct str s)
{
	bool http = str_starts(s, "http://") || str_starts(s, "https://");

	if (s.n == 0)
		return;
	if (http && (registry_archive(l, p, s) || forge_archive(l, p, s)))
		return;
	if (git_address(l, p, s) || local_address(l, p, s))
		return;
	if (http) {
		p->origin = lock_origin(l->arena, "url", lock_before(s, '#'));
		return;
	}
	/* "github:owner/repo#commit", "owner/repo#commit": some forge. */
	if (str_chr(s, '#') > 0 || str_chr(s, ':') > 0) {
		ptrdiff_t hash = str_chr(s, '#');

		p->origin = lock_origin_git(l->arena, lock_before(s, '#'),
		    hash < 0 ? STR_NONE : str_sub(s, (size_t)hash + 1, s.n));
		return;
	}
	p->origin = lock_origin(l->arena, "path", s);
}

/* --- the manifest -------------------------------------------------------- */

const struct tree_node *
js_manifest(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root;
	struct lock_list aside;
	struct str bytes;

	if (!lock_beside(in, "package.json", &bytes))
		return NULL;
	lock_list_init(&aside, l->arena);
	root = tree_json(&aside, bytes, 0);
	if (aside.errors.n != 0)
		root = NULL;
	lock_list_done(&aside);
	return root;
}
