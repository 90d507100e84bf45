/* SPDX-License-Identifier: Apache-2.0 */
/* Ecosystems, database prefixes, package names and words of OSV. Pure
 * functions. */
#include "base/cleanup.h"
#include "osv/osv.h"

const char *const osv_ecosystems[] = { "AlmaLinux", "Alpaquita", "Alpine",
	"Android", "Azure Linux", "BellSoft Hardened Containers",
	"Bioconductor", "Bitnami", "Chainguard", "CleanStart", "ConanCenter",
	"CRAN", "crates.io", "Debian", "Docker Hardened Images", "Echo",
	"FreeBSD", "GHC", "GitHub Actions", "Go", "Hackage", "Hex", "Julia",
	"Kubernetes", "Linux", "Mageia", "Maven", "MinimOS", "npm", "NuGet",
	"opam", "openEuler", "openSUSE", "OSS-Fuzz", "Packagist", "Photon OS",
	"Pub", "PyPI", "Red Hat", "Rocky Linux", "Root", "RubyGems", "SUSE",
	"SwiftURL", "TuxCare", "Ubuntu", "VSCode", "Wolfi", NULL };

const char *const osv_range_types[OSV_RANGE_TYPE__MAX] = {
	[OSV_SEMVER] = "SEMVER",
	[OSV_ECOSYSTEM] = "ECOSYSTEM",
	[OSV_GIT] = "GIT",
};

const char *const osv_event_kinds[OSV_EVENT_KIND__MAX] = {
	[OSV_INTRODUCED] = "introduced",
	[OSV_LAST_AFFECTED] = "last_affected",
	[OSV_FIXED] = "fixed",
	[OSV_LIMIT] = "limit",
};

static const char *const prefixes[] = { "ASB-A", "PUB-A", "ALPINE", "ALSA",
	"ALBA", "ALEA", "AZL", "BELL", "BIT", "CGA", "CLEANSTART", "CLSA",
	"CURL", "CVE", "DEBIAN", "DHI", "DRUPAL", "DSA", "DLA", "ELA", "DTSA",
	"ECHO", "EEF", "FreeBSD", "GHSA", "GO", "GSD", "HSEC", "JLSEC", "KUBE",
	"LBSEC", "LSN", "MAL", "MINI", "MGASA", "OESA", "OSEC", "OSV",
	"openSUSE-SU", "PHSA", "PSF", "PYSEC", "RHBA", "RHEA", "RHSA", "RLSA",
	"RXSA", "RSEC", "ROOT", "RUSTSEC", "SUSE-SU", "SUSE-RU", "SUSE-FU",
	"SUSE-OU", "UBUNTU", "USN", "V8" };

/* The API's limit for an id. */
#define MAX_ID_BYTES 100

struct str
osv_ecosystem_base(struct str ecosystem)
{
	ptrdiff_t colon = str_chr(ecosystem, ':');

	return colon < 0 ? ecosystem : str_sub(ecosystem, 0, (size_t)colon);
}

bool
osv_ecosystem_valid(struct str ecosystem)
{
	struct str base = osv_ecosystem_base(ecosystem);

	if (base.n + 1 == ecosystem.n) /* a colon without a suffix */
		return false;
	if (str_is(base, "GIT"))
		return true;
	for (size_t i = 0; osv_ecosystems[i] != NULL; i++)
		if (base.n != 0 && base.p[0] == osv_ecosystems[i][0] &&
		    str_is(base, osv_ecosystems[i]))
			return true;
	return false;
}

/* a and b are equal when each ":Pro" and ":LTS" of b is left out. */
static bool
equal_without_tracks(struct str a, struct str b)
{
	while (b.n != 0) {
		if (str_starts(b, ":Pro") && (b.n == 4 || b.p[4] == ':')) {
			b = str_sub(b, 4, b.n);
		} else if (str_starts(b, ":LTS") &&
		    (b.n == 4 || b.p[4] == ':')) {
			b = str_sub(b, 4, b.n);
		} else {
			if (a.n == 0 || a.p[0] != b.p[0])
				return false;
			a = str_sub(a, 1, a.n);
			b = str_sub(b, 1, b.n);
		}
	}
	return a.n == 0;
}

bool
osv_release_finds(struct str asked, struct str row)
{
	return str_eq(asked, row) ||
	    (str_starts(row, "Ubuntu:") && equal_without_tracks(asked, row));
}

static bool
prefix_valid(struct str id)
{
	size_t n;

	if (str_starts(id, "x_"))
		return id.n > 2;
	for (size_t i = 0; i < N_ELEMENTS(prefixes); i++) {
		if (id.n == 0 || prefixes[i][0] != id.p[0])
			continue; /* asked for each report of a database */
		n = strlen(prefixes[i]);
		if (str_starts(id, prefixes[i]) && id.n > n + 1 &&
		    id.p[n] == '-')
			return true;
	}
	return false;
}

bool
osv_id_valid(struct str id)
{
	if (id.n > MAX_ID_BYTES)
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] >= 0x7f || id.p[i] == '/' ||
		    id.p[i] == '\\' ||
		    (id.p[i] == '.' && i != 0 && id.p[i - 1] == '.'))
			return false;
	return prefix_valid(id);
}

static char
fold(char c, bool separators)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	return separators && (c == '_' || c == '.') ? '-' : c;
}

/* Equal when letter case and, where asked, runs of "-", "_", "." are. */
static bool
same_folded(struct str a, struct str b, bool separators)
{
	size_t i = 0, j = 0;

	while (i < a.n && j < b.n) {
		char ca = fold(a.p[i++], separators);

		if (ca != fold(b.p[j++], separators))
			return false;
		while (separators && ca == '-' && i < a.n &&
		    fold(a.p[i], true) == '-')
			i++;
		while (separators && ca == '-' && j < b.n &&
		    fold(b.p[j], true) == '-')
			j++;
	}
	return i == a.n && j == b.n;
}

/* crates.io has one crate of all that differ in letter case, "-" and "_". */
static bool
same_crate(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		char ca = a.p[i] == '-' ? '_' : fold(a.p[i], false);

		if (ca != (b.p[i] == '-' ? '_' : fold(b.p[i], false)))
			return false;
	}
	return true;
}

bool
osv_same_name(struct str ecosystem, struct str a, struct str b)
{
	struct str base = osv_ecosystem_base(ecosystem);

	if (str_is(base, "PyPI"))
		return same_folded(a, b, true);
	if (str_is(base, "crates.io"))
		return same_crate(a, b);
	if (str_is(base, "NuGet") || str_is(base, "GitHub Actions"))
		return same_folded(a, b, false);
	return str_eq(a, b);
}
