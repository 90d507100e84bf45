/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is installed: package.json of each folder in node_modules, the metadata
 * of Python distributions, the specifications of gems.
 */
#include <ctype.h>

#include "base/arena.h"
#include "lockfile/families_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

static struct lock_package *
add(struct lock_list *l, const char *ecosystem, struct str name,
    struct str version, uint32_t line)
{
	struct lock_package *p = lock_add(l, ecosystem, name, version, line);

	p->origin = STR_LIT("installed");
	return p;
}

/* --- node_modules --------------------------------------------------------- */

/* Name by which the folder is asked for: what stands between node_modules and
 * the file; p NULL: the file belongs to no package's own folder. */
static struct str
node_name(struct str path)
{
	struct str folder = STR_NONE, rest = path, part;
	size_t parts = 0;

	if (!lock_named(path, "package.json"))
		return STR_NONE;
	while (str_cut(&rest, '/', &part)) {
		if (str_is(part, "node_modules")) {
			folder = rest;
			parts = 0;
		} else {
			parts++;
		}
	}
	if (folder.n <= strlen("/package.json"))
		return STR_NONE;
	folder.n -= strlen("/package.json");
	if (parts != (folder.p[0] == '@' ? 3u : 2u) || folder.p[0] == '.')
		return STR_NONE;
	return folder;
}

static void
node_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, 0);
	const struct tree_node *named = tree_get(root, "name");
	struct str name = tree_text(named), folder = node_name(in->path),
		   version = tree_get_string(root, "version");
	struct lock_package *p;

	if (root == NULL || (!tree_whole(root) && version.n == 0))
		return;
	if (name.n == 0) {
		lock_error(l, 1, "an installed package without a name");
		return;
	}
	p = add(l, "npm", name, version.n != 0 ? version : STR_NONE,
	    named->line);
	if (folder.n != 0 && !str_eq(folder, name))
		p->alias = folder;
}

static bool
node_match(struct str path)
{
	return node_name(path).p != NULL;
}

/* --- Python --------------------------------------------------------------- */

/* PEP 503. */
static struct str
python_name(struct arena *a, struct str name)
{
	char *p = arena_strz(a, name);
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c != '-' && c != '_' && c != '.')
			p[n++] = (char)tolower((unsigned char)c);
		else if (n == 0 || p[n - 1] != '-')
			p[n++] = '-';
	}
	return str_n(p, n);
}

/* direct_url.json (PEP 610) is there when it came from elsewhere. */
static struct str
python_origin(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root;
	struct str bytes, url, commit;

	if (!lock_beside(in, "direct_url.json", &bytes))
		return STR_LIT("installed");
	root = tree_json(l, bytes, 0);
	url = tree_get_text(root, "url");
	commit = tree_get_text(tree_get(root, "vcs_info"), "commit_id");
	if (url.n == 0)
		return STR_LIT("installed");
	if (commit.n != 0)
		return lock_origin_git(l->arena, url, commit);
	if (tree_get(root, "dir_info") != NULL || str_starts(url, "file:"))
		return lock_origin(l->arena, "path",
		    lock_after(lock_after(url, "file:"), "//"));
	return lock_origin(l->arena, "url", url);
}

/* Headers as in mail, up to the first empty line. */
static void
python_read(const struct lock_input *in, struct lock_list *l)
{
	struct str name = STR_NONE, version = STR_NONE;
	uint32_t line = 0;
	struct lock_text t;

	lock_text_init(&t, in->bytes);
	while (lock_text_next(&t) && t.text.n != 0) {
		struct str value = t.text, key;

		if (!str_cut(&value, ':', &key) || value.p == NULL)
			continue;
		if (str_eq_nocase(key, STR_LIT("Name")) && name.p == NULL) {
			name = str_trim(value);
			line = t.line;
		} else if (str_eq_nocase(key, STR_LIT("Version")) &&
		    version.p == NULL) {
			version = str_trim(value);
		}
	}
	if (name.n == 0 || version.n == 0) {
		lock_error(l, line, "a distribution without name and version");
		return;
	}
	add(l, "PyPI", python_name(l->arena, name), version, line)->origin =
	    python_origin(in, l);
}

static bool
python_match(struct str path)
{
	struct str base = lock_base(path),
		   folder = str_sub(path, 0, path.n - base.n);

	if (str_is(base, "METADATA"))
		return str_ends(folder, ".dist-info/");
	/* Beside the source of a project an egg-info is the project itself. */
	if (str_find(folder, STR_LIT("site-packages/")) < 0 &&
	    str_find(folder, STR_LIT("dist-packages/")) < 0)
		return false;
	return str_ends(base, ".egg-info") ||
	    (str_is(base, "PKG-INFO") &&
		(str_ends(folder, ".egg-info/") ||
		    str_ends(folder, "EGG-INFO/")));
}

/* --- gems ----------------------------------------------------------------- */

/* The text of `s.name = "rake".freeze`; p NULL: it is another line. */
static struct str
gem_field(struct str line, const char *field)
{
	struct str s = str_trim(line), value;

	if (!str_starts(s, "s."))
		return STR_NONE;
	s = lock_after(s, "s.");
	if (!str_starts(s, field))
		return STR_NONE;
	s = str_trim(lock_after(s, field));
	if (!str_starts(s, "="))
		return STR_NONE;
	s = str_trim(str_sub(s, 1, s.n));
	s = lock_after(s, "Gem::Version.new(");
	if (s.n == 0 || (s.p[0] != '"' && s.p[0] != '\''))
		return STR_NONE;
	value = str_sub(s, 1, s.n);
	return str_chr(value, s.p[0]) < 0 ? STR_NONE :
					    lock_before(value, s.p[0]);
}

static void
gem_read(const struct lock_input *in, struct lock_list *l)
{
	struct str name = STR_NONE, version = STR_NONE;
	uint32_t line = 0;
	struct lock_text t;

	lock_text_init(&t, in->bytes);
	while (lock_text_next(&t) && (name.p == NULL || version.p == NULL)) {
		if (name.p == NULL) {
			name = gem_field(t.text, "name");
			line = t.line;
		}
		if (version.p == NULL)
			version = gem_field(t.text, "version");
	}
	if (name.n == 0 || version.n == 0)
		lock_error(l, 0, "a gem without a plain name and version");
	else
		add(l, "RubyGems", name, version, line);
}

/* gems/…/specifications/rake-13.0.6.gemspec, default ones one deeper. */
static bool
gem_match(struct str path)
{
	struct str base = lock_base(path),
		   folder = str_sub(path, 0, path.n - base.n);

	return str_ends(base, ".gemspec") &&
	    (lock_below(folder, "specifications/") ||
		lock_below(folder, "specifications/default/"));
}

const struct lock_format lock_formats_installed[] = {
	{ "node_modules", node_match, node_read, .installed = true },
	{ "site-packages", python_match, python_read, .installed = true },
	{ "gemspec", gem_match, gem_read, .installed = true },
	{ NULL },
};
