/* SPDX-License-Identifier: Apache-2.0 */
/* Which ecosystem orders its versions how. Pure functions. */
#include "ecosystem/version.h"

#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

struct row {
	const char *ecosystem;
	version_compare *rule;
	bool semver; /* OSV allows SEMVER ranges */
};

static const struct row rows[] = {
	{ "npm", version_semver, true },
	{ "crates.io", version_semver, true },
	{ "Go", version_semver, true },
	{ "Hex", version_semver, true },
	{ "Bitnami", version_semver, true },
	{ "SwiftURL", version_semver, true },
	{ "Julia", version_semver, true },
	{ "ConanCenter", version_semver, false },
	{ "GHC", version_semver, false },
	{ "Bioconductor", version_semver, false },
	{ "Docker Hardened Images", version_semver, false },
	{ "VSCode", version_semver, false },
	{ "NuGet", version_nuget, false },
	{ "Pub", version_pub, false },
	{ "PyPI", version_pep440, false },
	{ "RubyGems", version_gem, false },
	{ "Maven", version_maven, false },
	{ "Packagist", version_php, false },
	{ "Debian", version_dpkg, false },
	{ "Ubuntu", version_dpkg, false },
	{ "Echo", version_dpkg, false },
	{ "opam", version_opam, false },
	{ "Red Hat", version_rpm, false },
	{ "AlmaLinux", version_rpm, false },
	{ "Rocky Linux", version_rpm, false },
	{ "SUSE", version_rpm, false },
	{ "openSUSE", version_rpm, false },
	{ "Mageia", version_rpm, false },
	{ "openEuler", version_rpm, false },
	{ "Azure Linux", version_rpm, false },
	{ "Photon OS", version_rpm, false },
	{ "TuxCare", version_rpm, false },
	{ "Alpine", version_apk, false },
	{ "Wolfi", version_apk, false },
	{ "Chainguard", version_apk, false },
	{ "MinimOS", version_apk, false },
	{ "Alpaquita", version_apk, false },
	{ "BellSoft Hardened Containers", version_apk, false },
	{ "CleanStart", version_apk, false },
	{ "CRAN", version_cran, false },
	{ "Hackage", version_hackage, false },
};

static const struct row *
find(struct str ecosystem)
{
	ptrdiff_t colon = str_chr(ecosystem, ':');

	if (colon >= 0)
		ecosystem = str_sub(ecosystem, 0, (size_t)colon);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (str_is(ecosystem, rows[i].ecosystem))
			return &rows[i];
	return NULL;
}

version_compare *
version_rule(struct str ecosystem)
{
	const struct row *r;

	/* Root's packages are those of the ecosystem behind its name, and
	 * ordered as they are. */
	if (str_starts(ecosystem, "Root:"))
		ecosystem = str_sub(ecosystem, 5, ecosystem.n);
	r = find(ecosystem);
	return r != NULL ? r->rule : NULL;
}

bool
version_is_semver(struct str ecosystem)
{
	const struct row *r = find(ecosystem);

	return r != NULL && r->semver;
}

bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.n != 0;
}

struct str
take_while(struct str *s, bool (*test)(char))
{
	struct str part;
	size_t n = 0;

	while (n < s->n && test(s->p[n]))
		n++;
	part = str_sub(*s, 0, n);
	*s = str_sub(*s, n, s->n);
	return part;
}

int
sign(long v)
{
	return (v > 0) - (v < 0);
}

static struct str
without_zeros(struct str s)
{
	while (s.n != 0 && s.p[0] == '0')
		s = str_sub(s, 1, s.n);
	return s;
}

int
digits_compare(struct str a, struct str b)
{
	a = without_zeros(a);
	b = without_zeros(b);
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return sign(a.n != 0 ? memcmp(a.p, b.p, a.n) : 0);
}
