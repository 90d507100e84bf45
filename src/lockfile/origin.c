/* SPDX-License-Identifier: Apache-2.0 */
/* Origins of packages. Pure functions. */
#include "lockfile/origin_priv.h"

#include "base/arena.h"
#include "base/buf.h"
#include "lockfile/text_priv.h"

static struct str
join(struct arena *a, const char *kind, struct str first, struct str second)
{
	size_t k = strlen(kind), n = k + 1 + first.n + 1 + second.n;
	char *p = arena_alloc(a, n), *at = p;

	memcpy(at, kind, k);
	at += k;
	*at++ = ':';
	if (first.n != 0)
		memcpy(at, first.p, first.n);
	at += first.n;
	if (second.n != 0) {
		*at++ = '#';
		memcpy(at, second.p, second.n);
		at += second.n;
	}
	return str_n(p, (size_t)(at - p));
}

struct str
lock_origin(struct arena *a, const char *kind, struct str value)
{
	if (value.n == 0 && strcmp(kind, "registry") == 0)
		return STR_LIT("registry");
	return join(a, kind, value, STR_NONE);
}

struct str
lock_origin_git(struct arena *a, struct str url, struct str commit)
{
	return join(a, "git", url, commit);
}

struct str
lock_origin_vcs(struct arena *a, struct str address)
{
	struct str url, commit = STR_NONE;
	ptrdiff_t hash, at, slash;

	if (str_starts(address, "git+"))
		url = lock_after(address, "git+");
	else if (str_starts(address, "git:") || str_starts(address, "git@"))
		url = address;
	else
		return STR_NONE;
	hash = str_chr(url, '#');
	if (hash >= 0) {
		commit = str_sub(url, (size_t)hash + 1, url.n);
		url = str_sub(url, 0, (size_t)hash);
	}
	/* "@ref" stands behind the last slash of the path; before the first
	 * one it is the user's name. The part after '#' is then a folder. */
	slash = str_rchr(url, '/');
	at = str_rchr(url, '@');
	if (slash >= 0 && at > slash) {
		commit = str_sub(url, (size_t)at + 1, url.n);
		url = str_sub(url, 0, (size_t)at);
	}
	return lock_origin_git(a, url, commit);
}
