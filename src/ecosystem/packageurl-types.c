/* SPDX-License-Identifier: Apache-2.0 */
/* The types of package URLs, as data: their definitions in purl-spec. */
#include "base/cleanup.h"
#include "ecosystem/packageurl_priv.h"

#define NS_NO  PURL_NAMESPACE_PROHIBITED
#define NS_REQ PURL_NAMESPACE_REQUIRED
#define LOW_NS PURL_LOWER_NAMESPACE
#define LOW_N  PURL_LOWER_NAME
#define LOW_V  PURL_LOWER_VERSION

static const struct purl_type types[] = {
	{ "alpm", NS_REQ | LOW_NS | LOW_N, NULL },
	{ "apk", NS_REQ | LOW_NS | LOW_N, NULL },
	{ "bazel", NS_NO, NULL },
	{ "bitbucket", NS_REQ | LOW_NS | LOW_N, NULL },
	{ "bitnami", NS_NO | LOW_N, NULL },
	{ "brew", LOW_NS | LOW_N, NULL },
	{ "cargo", NS_NO, NULL },
	{ "chrome-extension", NS_NO | LOW_N | PURL_CHROME, NULL },
	{ "cocoapods", NS_NO | PURL_COCOAPODS, NULL },
	{ "composer", NS_REQ | LOW_NS | LOW_N, NULL },
	{ "conan", 0, NULL },
	{ "conda", NS_NO, NULL },
	{ "cpan", PURL_CPAN, NULL },
	{ "cran", NS_NO, NULL },
	{ "deb", NS_REQ | LOW_NS | LOW_N, NULL },
	{ "docker", 0, NULL },
	{ "gem", NS_NO, NULL },
	{ "generic", 0, NULL },
	{ "git", NS_REQ, NULL },
	{ "github", NS_REQ | LOW_NS | LOW_N, NULL },
	{ "golang", NS_REQ, NULL },
	{ "hackage", NS_NO | PURL_DASHES, NULL },
	{ "hex", LOW_NS | LOW_N, NULL },
	{ "huggingface", NS_REQ | LOW_V, NULL },
	{ "julia", NS_NO, "uuid" },
	{ "luarocks", LOW_NS | LOW_N, NULL },
	{ "maven", NS_REQ, NULL },
	{ "mlflow", NS_NO | PURL_MLFLOW, NULL },
	{ "npm", 0, NULL },
	{ "nuget", NS_NO, NULL },
	{ "oci", NS_NO | LOW_N | LOW_V, NULL },
	{ "opam", NS_NO, NULL },
	{ "otp", NS_NO | LOW_N | PURL_LOWER_SUBPATH, NULL },
	{ "pub", NS_NO | LOW_N | PURL_UNDERSCORES, NULL },
	{ "pypi", NS_NO | LOW_N | LOW_V | PURL_DASHES, NULL },
	{ "qpkg", NS_REQ | LOW_NS, NULL },
	{ "rpm", NS_REQ | LOW_NS, NULL },
	{ "swid", PURL_SWID, "tag_id" },
	{ "swift", NS_REQ, NULL },
	{ "vcpkg", NS_NO, NULL },
	{ "vscode-extension", NS_REQ | LOW_NS | LOW_N | LOW_V, NULL },
	{ "yocto", LOW_NS, NULL },
};

const struct purl_type *
purl_type_find(struct str type)
{
	for (size_t i = 0; i < N_ELEMENTS(types); i++)
		if (str_is(type, types[i].name))
			return &types[i];
	return NULL;
}

/* The first row of an ecosystem is how it is written. */
static const struct purl_osv_row osv_rows[] = {
	{ "npm", NULL, "npm", PURL_OSV_SLASH },
	{ "pypi", NULL, "PyPI", PURL_OSV_SLASH | PURL_OSV_PEP503 },
	{ "golang", NULL, "Go", PURL_OSV_SUBPATH | PURL_OSV_BARE },
	{ "maven", NULL, "Maven", PURL_OSV_COLON | PURL_OSV_REGISTRY },
	{ "gradle", NULL, "Maven", PURL_OSV_COLON | PURL_OSV_REGISTRY },
	{ "gem", NULL, "RubyGems", PURL_OSV_SLASH },
	{ "cargo", NULL, "crates.io", PURL_OSV_SLASH },
	{ "nuget", NULL, "NuGet", PURL_OSV_SLASH },
	{ "composer", NULL, "Packagist", PURL_OSV_SLASH | PURL_OSV_REGISTRY },
	{ "hex", NULL, "Hex", PURL_OSV_SLASH },
	{ "pub", NULL, "Pub", PURL_OSV_SLASH },
	{ "hackage", NULL, "Hackage", PURL_OSV_SLASH },
	{ "cran", NULL, "CRAN", PURL_OSV_SLASH },
	{ "julia", NULL, "Julia", PURL_OSV_SLASH },
	{ "conan", NULL, "ConanCenter", PURL_OSV_SLASH },
	{ "swift", NULL, "SwiftURL", PURL_OSV_SLASH },
	{ "bitnami", NULL, "Bitnami", PURL_OSV_SLASH },
	{ "opam", NULL, "opam", PURL_OSV_SLASH },
	{ "dhi", NULL, "Docker Hardened Images", PURL_OSV_SLASH },
	{ "generic", NULL, "OSS-Fuzz", PURL_OSV_SLASH },
	{ "github", NULL, "GitHub Actions", PURL_OSV_SLASH | PURL_OSV_SUBPATH },
	{ "vscode-extension", NULL, "VSCode",
	    PURL_OSV_DOT | PURL_OSV_REGISTRY },
	{ "vscode", NULL, "VSCode", PURL_OSV_DOT | PURL_OSV_REGISTRY },
	{ "deb", "debian", "Debian", PURL_OSV_DISTRO },
	{ "deb", "ubuntu", "Ubuntu", PURL_OSV_DISTRO | PURL_OSV_MINOR },
	{ "deb", "echo", "Echo", 0 },
	{ "apk", "alpine", "Alpine",
	    PURL_OSV_DISTRO | PURL_OSV_MINOR | PURL_OSV_V },
	{ "apk", "alpaquita", "Alpaquita", PURL_OSV_DISTRO },
	{ "apk", "chainguard", "Chainguard", 0 },
	{ "apk", "wolfi", "Wolfi", 0 },
	{ "apk", "minimos", "MinimOS", 0 },
	{ "apk", "bellsoft-hardened-containers", "BellSoft Hardened Containers",
	    PURL_OSV_DISTRO },
	{ "rpm", "redhat", "Red Hat", 0 },
	{ "rpm", "almalinux", "AlmaLinux", PURL_OSV_DISTRO | PURL_OSV_MAJOR },
	{ "rpm", "rocky-linux", "Rocky Linux",
	    PURL_OSV_DISTRO | PURL_OSV_MAJOR },
	{ "rpm", "rocky", "Rocky Linux", PURL_OSV_DISTRO | PURL_OSV_MAJOR },
	{ "rpm", "suse", "SUSE", 0 },
	{ "rpm", "opensuse", "openSUSE", 0 },
	{ "rpm", "openeuler", "openEuler", PURL_OSV_DISTRO },
	{ "rpm", "mageia", "Mageia", PURL_OSV_DISTRO | PURL_OSV_MAJOR },
	{ "rpm", "azure-linux", "Azure Linux",
	    PURL_OSV_DISTRO | PURL_OSV_MAJOR },
	{ "rpm", "azurelinux", "Azure Linux",
	    PURL_OSV_DISTRO | PURL_OSV_MAJOR },
};

const struct purl_osv_row *
purl_osv_of_type(struct str type, struct str namespace)
{
	for (size_t i = 0; i < N_ELEMENTS(osv_rows); i++)
		if (str_is(type, osv_rows[i].type) &&
		    (osv_rows[i].namespace == NULL ||
			str_is(namespace, osv_rows[i].namespace)))
			return &osv_rows[i];
	return NULL;
}

const struct purl_osv_row *
purl_osv_of_ecosystem(struct str ecosystem)
{
	for (size_t i = 0; i < N_ELEMENTS(osv_rows); i++)
		if (str_is(ecosystem, osv_rows[i].ecosystem))
			return &osv_rows[i];
	return NULL;
}

/* Code names and numbers (the distro qualifier has either). */
static const char *const debian[][2] = { { "hamm", "2.0" }, { "slink", "2.1" },
	{ "potato", "2.2" }, { "woody", "3.0" }, { "sarge", "3.1" },
	{ "etch", "4.0" }, { "lenny", "5.0" }, { "squeeze", "6.0" },
	{ "wheezy", "7" }, { "jessie", "8" }, { "stretch", "9" },
	{ "buster", "10" }, { "bullseye", "11" }, { "bookworm", "12" },
	{ "trixie", "13" }, { "forky", "14" }, { "duke", "15" }, { NULL } };

static const char *const ubuntu[][2] = { { "precise", "12.04" },
	{ "trusty", "14.04" }, { "utopic", "14.10" }, { "vivid", "15.04" },
	{ "wily", "15.10" }, { "xenial", "16.04" }, { "yakkety", "16.10" },
	{ "zesty", "17.04" }, { "artful", "17.10" }, { "bionic", "18.04" },
	{ "cosmic", "18.10" }, { "disco", "19.04" }, { "eoan", "19.10" },
	{ "focal", "20.04" }, { "groovy", "20.10" }, { "hirsute", "21.04" },
	{ "impish", "21.10" }, { "jammy", "22.04" }, { "kinetic", "22.10" },
	{ "lunar", "23.04" }, { "mantic", "23.10" }, { "noble", "24.04" },
	{ "oracular", "24.10" }, { "plucky", "25.04" }, { "questing", "25.10" },
	{ NULL } };

const char *
purl_release(const char *distribution, struct str code_name)
{
	const char *const(*names)[2] = NULL;

	if (strcmp(distribution, "debian") == 0)
		names = debian;
	else if (strcmp(distribution, "ubuntu") == 0)
		names = ubuntu;
	for (; names != NULL && (*names)[0] != NULL; names++)
		if (str_is(code_name, (*names)[0]))
			return (*names)[1];
	return NULL;
}

const char *
purl_code_name(const char *distribution, struct str release)
{
	const char *const(*names)[2] = debian;

	if (strcmp(distribution, "debian") != 0)
		return NULL;
	for (; (*names)[0] != NULL; names++)
		if (str_is(release, (*names)[1]))
			return (*names)[0];
	return NULL;
}
