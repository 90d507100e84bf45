/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of registries. Pure functions. */
#include "gate/address.h"

struct str
address_bare(struct str url)
{
	ptrdiff_t at = str_find(url, STR_LIT("://")), slash, user;

	if (at >= 0)
		url = str_sub(url, (size_t)at + 3, url.n);
	slash = str_chr(url, '/');
	user =
	    str_rchr(str_sub(url, 0, slash >= 0 ? (size_t)slash : url.n), '@');
	if (user >= 0)
		url = str_sub(url, (size_t)user + 1, url.n);
	while (url.n != 0 && url.p[url.n - 1] == '/')
		url.n--;
	return url;
}

static size_t
host_length(struct str address)
{
	ptrdiff_t slash = str_chr(address, '/');

	return slash >= 0 ? (size_t)slash : address.n;
}

static bool
same(struct str a, struct str b, bool below)
{
	size_t host;

	a = address_bare(a);
	b = address_bare(b);
	host = host_length(a);
	if (host == 0 || host != host_length(b) ||
	    !str_eq_nocase(str_sub(a, 0, host), str_sub(b, 0, host)))
		return false;
	if (below && b.n > a.n && b.p[a.n] == '/')
		b = str_sub(b, 0, a.n);
	return str_eq(str_sub(a, host, a.n), str_sub(b, host, b.n));
}

bool
address_same(struct str a, struct str b)
{
	return same(a, b, false);
}

bool
address_below(struct str a, struct str b)
{
	return same(a, b, true);
}
