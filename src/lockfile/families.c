/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files, and files beside files. */
#include "lockfile/families_priv.h"

#include "lockfile/lockfile.h"

struct str
lock_base(struct str path)
{
	ptrdiff_t slash = str_rchr(path, '/');

	return slash < 0 ? path : str_sub(path, (size_t)slash + 1, path.n);
}

bool
lock_named(struct str path, const char *name)
{
	return str_is(lock_base(path), name);
}

bool
lock_below(struct str path, const char *parts)
{
	size_t n = strlen(parts);

	return str_ends(path, parts) &&
	    (path.n == n || path.p[path.n - n - 1] == '/');
}

bool
lock_beside(const struct lock_input *in, const char *relative, struct str *ret)
{
	return in->open != NULL && in->open(in->data, str_of(relative), ret);
}
