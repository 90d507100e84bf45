/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of names. Pure functions. */
#include "gate/pattern.h"

#include <errno.h>

#include "base/error.h"
#include "osv/osv.h"

/* Ecosystems as users type them: any letter case, without a suffix. */
static struct str
known_ecosystem(struct str s)
{
	for (size_t i = 0; osv_ecosystems[i] != NULL; i++)
		if (str_eq_nocase(s, str_of(osv_ecosystems[i])))
			return str_of(osv_ecosystems[i]);
	return STR_NONE;
}

int
pattern_parse(struct str s, struct pattern *ret, struct error *err)
{
	struct pattern p = { STR_NONE, s };
	ptrdiff_t eq = str_chr(s, '=');
	size_t stars = 0;

	if (eq >= 0) {
		p.ecosystem = known_ecosystem(str_sub(s, 0, (size_t)eq));
		p.name = str_sub(s, (size_t)eq + 1, s.n);
		if (p.ecosystem.p == NULL)
			return error_set(err, -EINVAL,
			    "%.100s: there is no ecosystem of this name", s.p);
	}
	for (size_t i = 0; i < p.name.n; i++)
		stars += p.name.p[i] == '*';
	if (stars == p.name.n)
		return error_set(err, -EINVAL,
		    "a pattern of names has more in it than \"*\"");
	*ret = p;
	return 0;
}

/* Registries that see no difference between letter cases; PyPI none between
 * '-', '_' and '.' either. */
static char
fold(char c, bool nocase, bool separators)
{
	if (nocase && c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return separators && (c == '_' || c == '.') ? '-' : c;
}

bool
pattern_match(const struct pattern *p, struct str ecosystem, struct str name)
{
	struct str base = osv_ecosystem_base(ecosystem);
	bool pypi = str_is(base, "PyPI");
	bool nocase = pypi || str_is(base, "NuGet") ||
	    str_is(base, "GitHub Actions") || str_is(base, "Packagist");
	size_t i = 0, k = 0, star = SIZE_MAX, resume = 0;

	if (p->ecosystem.p != NULL && !str_eq(p->ecosystem, base))
		return false;
	while (i < name.n) {
		if (k < p->name.n && p->name.p[k] == '*') {
			star = k++;
			resume = i;
		} else if (k < p->name.n &&
		    fold(p->name.p[k], nocase, pypi) ==
			fold(name.p[i], nocase, pypi)) {
			i++;
			k++;
		} else if (star != SIZE_MAX) {
			k = star + 1;
			i = ++resume;
		} else {
			return false;
		}
	}
	while (k < p->name.n && p->name.p[k] == '*')
		k++;
	return k == p->name.n;
}
