/* SPDX-License-Identifier: Apache-2.0 */
/* What the lockfiles of npm, Yarn, pnpm and Bun have in common: names,
 * addresses of archives, and the manifest beside the lockfile. */
#ifndef LOCKFILE_JS_PRIV_H
#define LOCKFILE_JS_PRIV_H

#include <stdbool.h>

#include "base/str.h"
#include "lockfile/lockfile.h"

struct tree_node;

extern const struct lock_format lock_formats_js[];

#define JS_ECOSYSTEM "npm"

/* "left-pad@1.3.0", "@scope/name@npm:other@1": split at the first '@' that is
 * not the scope's. false: there is no '@', name is all of s. */
bool js_split(struct str s, struct str *ret_name, struct str *ret_rest);
/* What may follow "name@": an exact version, not a range or an address. */
bool js_is_version(struct str s);

/* An archive in a registry: BASE/NAME/-/NAME-VERSION.tgz. The base has no
 * slash at its end. */
struct js_tarball {
	struct str base, name, version;
};
/* false: the address has another shape. */
bool js_tarball(struct lock_list *l, struct str url, struct js_tarball *ret);

/*
 * Sets the origin from the address of what is installed: an archive, a git
 * repository, "file:", "link:", "portal:", "workspace:", "owner/repo#commit".
 * An archive in a registry that is another package's gives the entry that
 * package's name (its own becomes the alias) and version. Empty: registry.
 */
void js_source(struct lock_list *l, struct lock_package *p, struct str address);
/* The entry's own name is an alias of `real`, unless they are the same. */
void js_alias(struct lock_package *p, struct str real);

/* package.json beside the lockfile; NULL where there is none to be had. What
 * is wrong with it is not said: it is not the file that is read. */
const struct tree_node *js_manifest(const struct lock_input *in,
    struct lock_list *l);
/* Members of a manifest that hold dependencies, ended by NULL. */
extern const char *const js_dependency_members[];

void npm_lock_read(const struct lock_input *in, struct lock_list *l);
void yarn_lock_read(const struct lock_input *in, struct lock_list *l);
void pnpm_lock_read(const struct lock_input *in, struct lock_list *l);
void bun_lock_read(const struct lock_input *in, struct lock_list *l);

#endif
