/* SPDX-License-Identifier: Apache-2.0 */
/* House rules: each row is one entry of affected and what must be found. */
#include "report/malicious.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "osv/checker.h"

#define COMMIT40 "0123456789abcdef0123456789abcdef01234567"
#define COMMIT64 COMMIT40 "0123456789abcdef01234567"
#define NPM      "\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\"}"
#define RANGE(type, events) \
	"\"ranges\":[{\"type\":\"" type "\",\"events\":[" events "]}]"
#define GIT_RANGE(repo, events) \
	"{\"type\":\"GIT\",\"repo\":\"" repo "\",\"events\":[" events "]}"
#define ACTION(name, rest) \
	"{\"package\":{\"ecosystem\":\"GitHub Actions\",\"name\":\"" name \
	"\"}," rest "}"

struct row {
	const char *affected; /* the whole array's content */
	const char *rule; /* one that must be found; NULL: no error at all */
};

static const struct row rows[] = {
	{ "{\"package\":{\"ecosystem\":\"Debian:7\",\"name\":\"example\","
	  "\"purl\":\"pkg:deb/debian/example\"}," RANGE("ECOSYSTEM",
	      "{\"introduced\":\"0\"},{\"fixed\":\"1\"}") ","
							  "\"versions\":[\"0\","
							  "\"0.1\"]}",
	    NULL },
	{ "{\"package\":{\"ecosystem\":\"VSCode:https://vsx.test\",\"name\":"
	  "\"main.agent\",\"purl\":\"pkg:vscode/main/agent\"},\"versions\":"
	  "[\"1\"]}",
	    NULL },
	{ "{\"package\":{\"ecosystem\":\"crates.io\",\"name\":\"x\"}," RANGE(
	      "SEMVER", "{\"introduced\":\"0\"},{\"fixed\":\"1.0.0\"}") "}",
	    NULL },
	{ "{\"package\":{\"ecosystem\":\"PyPI\",\"name\":\"x\"}," RANGE(
	      "SEMVER", "{\"introduced\":\"0\"},{\"fixed\":\"1.0.0\"}") "}",
	    "range-type" },
	{ ACTION("a/b", RANGE("SEMVER", "{\"introduced\":\"0\"}")),
	    "range-type" },
	{ "{\"ranges\":[" GIT_RANGE("https://git.test/a/b",
	      "{\"introduced\":\"" COMMIT40
	      "\"}") "," GIT_RANGE("https://git.test/a/b.git",
	      "{\"introduced\":\"" COMMIT64 "\"}") "]}",
	    NULL },
	{ "{\"ranges\":[" GIT_RANGE("https://git.test/a/b",
	      "{\"introduced\":\"0\"}") "," GIT_RANGE("https://git.test/a/c",
	      "{\"introduced\":\"0\"}") "]}",
	    "mal-git" },
	{ "{" RANGE("ECOSYSTEM", "{\"introduced\":\"0\"}") "}", "mal-git" },
	{ "", "mal-affected" },
	{ "{" NPM ",\"versions\":[\"1\"]},{" NPM ",\"versions\":[\"1\"]}",
	    "mal-affected" },
	{ "{\"versions\":[\"1\"]}", "mal-git" },
	{ "{\"package\":{\"ecosystem\":\"npm\"},\"versions\":[\"1\"]}",
	    "schema-required" },
	{ "{\"package\":{\"name\":\"x\"},\"versions\":[\"1\"]}",
	    "schema-required" },
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\\r\"},"
	  "\"versions\":[\"1\"]}",
	    "package-name" },
	{ "{\"package\":{\"ecosystem\":\"pypi\",\"name\":\"x\"},"
	  "\"versions\":[\"1\"]}",
	    "mal-ecosystem" },
	{ "{\"package\":{\"ecosystem\":\"Android\",\"name\":\"x\"},"
	  "\"versions\":[\"1\"]}",
	    "mal-ecosystem" },
	{ "{\"ranges\":[" GIT_RANGE(":", "{\"introduced\":\"0\"}") "]}",
	    "mal-git-repo" },
	{ "{\"ranges\":[" GIT_RANGE("https://git.test/a",
	      "{\"introduced\":\"this is not hex\"}") "]}",
	    "range-commit" },
	{ "{\"ranges\":[" GIT_RANGE("https://git.test/a",
	      "{\"introduced\":\"0\"},{\"fixed\":\"0\"}") "]}",
	    "range-fixed-zero" },
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"@org/example\","
	  "\"purl\":\"pkg:npm/example\"},\"versions\":[\"1\"]}",
	    "purl-package" },
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"example\","
	  "\"purl\":\"pkg:oci/example\"},\"versions\":[\"1\"]}",
	    "purl-package" },
	{ "{\"package\":{\"ecosystem\":\"Debian\",\"name\":\"example\","
	  "\"purl\":\"pkg:deb/notdebian/example\"},\"versions\":[\"1\"]}",
	    "purl-package" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"cwes\":[],"
	  "\"indicators\":{},\"iocs\":{},\"ghsa\":{}}}",
	    NULL },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{"
	  "\"malicious-packages-origins\":[]}}",
	    "mal-unexpected-key" },
	{ "{" NPM ",\"versions\":[\"1\"],\"ecosystem_specific\":{\"a\":1}}",
	    "mal-ecosystem-specific" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"domains\":[\"c2.test\",\"_x.c2.test\"],\"ips\":[\"198.51.100.1\","
	  "\"2001:db8::/32\"],\"urls\":[\"https://c2.test/a\"]}}}",
	    NULL },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"domains\":[\"198.51.100.1\"]}}}",
	    "mal-iocs" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"ips\":[\"198.51.100.0/33\"]}}}",
	    "mal-iocs" },
	{ ACTION("actions/checkout",
	      "\"versions\":[\"v4.0.1\",\"4.1\","
	      "\"v2.0.0-beta.2\",\"release-2026.01\",\"" COMMIT40 "\"]"),
	    NULL },
	{ ACTION("Actions/CheckOut/SubAction", "\"versions\":[\"v4.0.1\"]"),
	    NULL },
	{ ACTION("checkout", "\"versions\":[\"1.0\"]"), "mal-actions-name" },
	{ ACTION("actions/checkout.git", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION("https://git.test/actions/checkout", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION("actions/../checkout", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION("actions//checkout", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION("actions/checkout/", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION("actions/check out", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION("a/b", "\"versions\":[\"v4\"]"), "mal-actions-version" },
	{ ACTION("a/b", "\"versions\":[\"4\"]"), "mal-actions-version" },
	{ ACTION("a/b", "\"versions\":[\"V4\"]"), "mal-actions-version" },
	{ ACTION("a/b", "\"versions\":[\"v1.0\",\"HEAD\"]"),
	    "mal-actions-version" },
	{ ACTION("a/b", "\"versions\":[\"a b\"]"), "mal-actions-version" },
	{ ACTION("a/b",
	      RANGE("ECOSYSTEM",
		  "{\"introduced\":\"0\"},{\"fixed\":\"v4.1\"}")),
	    NULL },
	{ ACTION("a/b",
	      RANGE("ECOSYSTEM",
		  "{\"introduced\":\"v4\"},{\"fixed\":\"v4.1\"}")),
	    "mal-actions-version" },
	/* ranges */
	{ "{" NPM ",\"ranges\":[{\"events\":[{\"introduced\":\"0\"}]}]}",
	    "schema-required" },
	{ "{" NPM ",\"ranges\":[{\"type\":\"SEMVER\"}]}", "schema-required" },
	{ "{" NPM ",\"ranges\":[{\"type\":\"SEMVER\",\"events\":[]}]}",
	    "schema-event" },
	{ "{" NPM ",\"ranges\":[{}]}", "schema-required" },
	{ "{" NPM "," RANGE("NONE", "{\"introduced\":\"0\"}") "}",
	    "schema-enum" },
	{ "{" NPM "," RANGE("SEMVER", "{}") "}", "schema-event" },
	{ "{" NPM
	  "," RANGE("SEMVER", "{\"introduced\":\"0\",\"fixed\":\"1.0.0\"}") "}",
	    "schema-event" },
	{ "{" NPM "," RANGE("SEMVER",
	      "{\"introduced\":\"0\",\"last_affected\":\"1.0.0\"}") "}",
	    "schema-event" },
	{ "{" NPM "," RANGE("SEMVER",
	      "{\"introduced\":\"0\"},{\"last_affected\":\"1.0.0\"},"
	      "{\"fixed\":\"1.0.1\"}") "}",
	    "schema-event" },
	{ "{" NPM "," RANGE("SEMVER", "{\"fixed\":\"1.0.0\"}") "}",
	    "schema-event" },
	{ "{" RANGE("GIT", "{\"introduced\":\"0\"}") "}", "schema-required" },
	{ "{\"ranges\":[" GIT_RANGE("https://git.test/a",
	      "{\"introduced\":\"deadbeef\"}") "]}",
	    "range-commit" },
	/* purls */
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"example\","
	  "\"purl\":\"pkg:npm/%40org/example\"},\"versions\":[\"1\"]}",
	    "purl-package" },
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"example\","
	  "\"purl\":\"pkg:pypi/example\"},\"versions\":[\"1\"]}",
	    "purl-package" },
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"example\","
	  "\"purl\":\"not_a_purl\"},\"versions\":[\"1\"]}",
	    "purl-form" },
	{ "{\"package\":{\"ecosystem\":\"Maven\",\"name\":\"g.test:a\","
	  "\"purl\":\"pkg:maven/g.test/a\"},\"versions\":[\"1\"]}",
	    NULL },
	{ "{\"package\":{\"ecosystem\":\"Go\",\"name\":\"go.test/m\","
	  "\"purl\":\"pkg:golang/go.test/m\"},\"versions\":[\"1.0.0\"]}",
	    NULL },
	/* GitHub Actions */
	{ ACTION("git@git.test:actions/checkout", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION("actions/checkout ", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION(" actions/checkout", "\"versions\":[\"1.0\"]"),
	    "mal-actions-name" },
	{ ACTION("a/b", "\"versions\":[\"0\"]"), "mal-actions-version" },
	{ ACTION("a/b", "\"versions\":[\"v0\"]"), "mal-actions-version" },
	{ ACTION("a/b", "\"versions\":[\"main\"]"), "mal-actions-version" },
	{ ACTION("a/b", "\"versions\":[\"Stable\"]"), "mal-actions-version" },
	{ ACTION("a/b", "\"versions\":[\"\"]"), "mal-actions-version" },
	{ ACTION("a/b",
	      "\"versions\":[\"0123456789ABCDEF0123456789ABCDEF01234567\","
	      "\"" COMMIT64 "\"]"),
	    NULL },
	{ ACTION("a/b",
	      RANGE("ECOSYSTEM",
		  "{\"introduced\":\"0\"},{\"fixed\":\"" COMMIT40 "\"}")),
	    NULL },
	{ ACTION("a/b",
	      RANGE("ECOSYSTEM",
		  "{\"introduced\":\"0\"},{\"fixed\":\"main\"}")),
	    "mal-actions-version" },
	{ ACTION("a/b",
	      RANGE("ECOSYSTEM",
		  "{\"introduced\":\"latest\"},{\"fixed\":\"v4.1\"}")),
	    "mal-actions-version" },
	{ ACTION("a/b",
	      RANGE("ECOSYSTEM", "{\"introduced\":\"0\"},{\"fixed\":\"0\"}")),
	    "range-fixed-zero" },
	{ ACTION("a/b",
	      RANGE("ECOSYSTEM", "{\"introduced\":\"0\"},{\"fixed\":\"v4\"}")),
	    "mal-actions-version" },
	{ ACTION("-a/b", "\"versions\":[\"1.0\"]"), "mal-actions-name" },
	{ ACTION("a_b/c", "\"versions\":[\"1.0\"]"), "mal-actions-name" },
	{ ACTION("a/.", "\"versions\":[\"1.0\"]"), "mal-actions-name" },
	{ ACTION("a/b_c.d-e", "\"versions\":[\"1.0\"]"), NULL },
	{ ACTION("a/b.git/c", "\"versions\":[\"1.0\"]"), "mal-actions-name" },
	/* neither versions nor ranges: disabled in the reference */
	{ "{" NPM "}", NULL },
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"\"},"
	  "\"versions\":[\"1\"]}",
	    "package-name" },
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\\u007f\"},"
	  "\"versions\":[\"1\"]}",
	    "package-name" },
	{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"../../x\"},"
	  "\"versions\":[\"1\"]}",
	    "mal-name" },
	{ "{" NPM "," RANGE("SEMVER",
	      "{\"introduced\":\"0\"},{\"last_affected\":\"1.0.0\"}") "}",
	    NULL },
	{ "{" NPM
	  "," RANGE("SEMVER", "{\"introduced\":\"0\"},{\"limit\":\"*\"}") "}",
	    NULL },
	{ "{" NPM ",\"versions\":[\"1\"],\"ecosystem_specific\":{}}", NULL },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{"
	  "\"score\":1}}",
	    "mal-unexpected-key" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"ip_addresses\":[\"198.51.100.1\",\"198.51.100.0/24\"],"
	  "\"files\":[{\"path\":\"a.js\",\"digests\":{\"sha256\":\"00\"}}]"
	  "}}}",
	    NULL },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"ips\":[\"2001:db8::/129\"]}}}",
	    "mal-iocs" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"ips\":[\"c2.test\"]}}}",
	    "mal-iocs" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"domains\":[\"a b.test\"]}}}",
	    "mal-iocs" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"domains\":[\"a..test\"]}}}",
	    "mal-iocs" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"urls\":[\"no url\"]}}}",
	    "mal-iocs" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":{"
	  "\"urls\":[\"http://[::1/a\"]}}}",
	    "mal-iocs" },
	{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{\"iocs\":[]}}",
	    "mal-iocs" },
	/* repositories */
	{ "{\"ranges\":[" GIT_RANGE("git@git.test:a/b.git",
	      "{\"introduced\":\"0\"},{\"fixed\":\"" COMMIT40 "\"}") "]}",
	    NULL },
	{ "{\"ranges\":[" GIT_RANGE("https://git.test/a",
	      "{\"introduced\":\"0\"},{\"fixed\":\"deadbeef\"}") "]}",
	    "range-commit" },
	{ "{" NPM
	  ",\"versions\":[\"1\"],\"ranges\":[" GIT_RANGE("https://git.test/a",
	      "{\"introduced\":\"0\"}") "]}",
	    NULL },
};

static void
validate(struct arena *a, struct osv_findings *f, const char *affected,
    const char *more)
{
	struct osv_input in = { .profile = OSV_PROFILE_MALICIOUS,
		.now_s = 1790000000,
		.extra = malicious_check };
	struct osv_document d;
	struct yyjson_doc *json = NULL;
	struct buf b;

	buf_init(&b, MIB);
	buf_printf(&b,
	    "{\"modified\":\"2026-01-02T03:04:05Z\",%s\"affected\":[%s]}", more,
	    affected);
	in.bytes = arena_str(a, buf_str(&b));
	osv_findings_init(f, a);
	(void)osv_validate(a, &in, f, &d, &json);
	osv_json_free(json);
	buf_done(&b);
}

static void
house_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new(16 * (size_t)MIB);
		struct osv_findings f;
		bool found = rows[i].rule == NULL;

		validate(a, &f, rows[i].affected, "");
		for (size_t k = 0; k < f.n; k++)
			if (rows[i].rule != NULL &&
			    strcmp(f.v[k].rule, rows[i].rule) == 0)
				found = true;
		if (!found || (rows[i].rule == NULL && f.n_errors != 0))
			fail_msg("%s: expected %s, first found %s: %s",
			    rows[i].affected, rows[i].rule,
			    f.n != 0 ? f.v[0].rule : "nothing",
			    f.n != 0 ? f.v[0].message : "");
		osv_findings_done(&f);
		arena_free(a);
	}
}

/* A text of n letters between two others. */
static const char *
stretched(struct arena *a, const char *before, size_t n, const char *after)
{
	char *p = arena_alloc(a, n + 1);

	memset(p, 'a', n);
	p[n] = '\0';
	return arena_printf(a, "%s%s%s", before, p, after);
}

static bool
has_error(const char *affected, const char *more)
{
	struct arena *a = arena_new(16 * (size_t)MIB);
	struct osv_findings f;
	bool found;

	validate(a, &f, affected, more);
	found = f.n_errors != 0;
	osv_findings_done(&f);
	arena_free(a);
	return found;
}

/* Where a length is allowed and one more is not. */
static void
lengths(void **state)
{
	static const struct {
		const char *before, *after;
		size_t longest;
	} cases[] = {
		{ "{\"package\":{\"ecosystem\":\"GitHub Actions\",\"name\":\"",
		    "/b\"},\"versions\":[\"1.0\"]}", 39 },
		{ "{\"package\":{\"ecosystem\":\"GitHub Actions\",\"name\":"
		  "\"a/",
		    "\"},\"versions\":[\"1.0\"]}", 100 },
		{ "{" NPM ",\"versions\":[\"1\"],\"database_specific\":{"
		  "\"iocs\":{\"domains\":[\"",
		    ".test\"]}}}", 63 },
		{ "{\"package\":{\"ecosystem\":\"npm\",\"name\":\"",
		    "\"},\"versions\":[\"1\"]}", 255 },
	};
	struct arena *a = arena_new(MIB);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t more = 0; more < 2; more++)
			if (has_error(stretched(a, cases[i].before,
					  cases[i].longest + more,
					  cases[i].after),
				"") != (more == 1))
				fail_msg("%zu of %s", cases[i].longest + more,
				    cases[i].before);
	arena_free(a);
}

/* Every ecosystem that is taken, a purl that agrees with it and one that does
 * not; SEMVER where the ecosystem has it. */
static void
ecosystems(void **state)
{
	static const struct {
		const char *ecosystem, *name, *purl, *other;
		bool semver;
	} cases[] = {
		{ "Alpine", "a", "pkg:apk/alpine/a", "pkg:apk/wolfi/a", false },
		{ "Alpine:v3.19", "a", "pkg:apk/alpine/a?distro=v3.19",
		    "pkg:apk/alpine/b", false },
		{ "crates.io", "a", "pkg:cargo/a", "pkg:cargo/b", true },
		{ "Debian", "a", "pkg:deb/debian/a", "pkg:deb/ubuntu/a",
		    false },
		{ "Debian:12", "a", "pkg:deb/debian/a", "pkg:deb/debian/b",
		    false },
		{ "GitHub Actions", "a/b", "pkg:github/a/b", "pkg:github/a/c",
		    false },
		{ "Go", "go.test/a", "pkg:golang/go.test/a",
		    "pkg:golang/go.test/b", true },
		{ "Hex", "a", "pkg:hex/a", "pkg:hex/b", true },
		{ "Maven", "g.test:a", "pkg:maven/g.test/a",
		    "pkg:maven/g.test/b", false },
		{ "npm", "@a/b", "pkg:npm/%40a/b", "pkg:npm/b", true },
		{ "NuGet", "A.b", "pkg:nuget/A.b", "pkg:nuget/Ab", false },
		{ "OSS-Fuzz", "a", "pkg:generic/a", "pkg:generic/b", false },
		{ "Packagist", "a/b", "pkg:composer/a/b", "pkg:composer/a/c",
		    false },
		{ "PyPI", "a-b", "pkg:pypi/a_b", "pkg:pypi/ab", false },
		{ "RubyGems", "a", "pkg:gem/a", "pkg:gem/b", false },
		{ "Ubuntu", "a", "pkg:deb/ubuntu/a", "pkg:deb/debian/a",
		    false },
		{ "VSCode", "a.b", "pkg:vscode/a/b", "pkg:vscode/a/c", false },
		{ "VSCode", "a.b", "pkg:vscode-extension/a/b",
		    "pkg:vscode-extension/b/a", false },
	};
	static const char form[] =
	    "{\"package\":{\"ecosystem\":\"%s\",\"name\":\"%s\",\"purl\":"
	    "\"%s\"},\"versions\":[\"1.0\"]}";
	struct arena *a = arena_new(MIB);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *e = cases[i].ecosystem, *n = cases[i].name;

		if (has_error(arena_printf(a, form, e, n, cases[i].purl), ""))
			fail_msg("%s %s", e, cases[i].purl);
		if (!has_error(arena_printf(a, form, e, n, cases[i].other), ""))
			fail_msg("%s %s", e, cases[i].other);
		if (has_error(arena_printf(a,
				  "{\"package\":{\"ecosystem\":\"%s\","
				  "\"name\":\"%s\"}," RANGE("SEMVER",
				      "{\"introduced\":\"0\"}") "}",
				  e, n),
			"") == cases[i].semver)
			fail_msg("%s: SEMVER", e);
	}
	arena_free(a);
}

/* A file is named like its id and lies where its package says. */
static const struct {
	const char *more, *affected, *path;
	bool good;
} file_cases[] = {
	{ "\"id\":\"MAL-2026-1\",", NULL,
	    "db/osv/malicious/npm/x/MAL-2026-1.json", true },
	{ "\"id\":\"MAL-2026-1\",", NULL, "npm/x/MAL-2026-1.json", true },
	{ "\"id\":\"MAL-2026-1\",", NULL, "npm/x/MAL-2026-2.json", false },
	{ "\"id\":\"MAL-2026-1\",", NULL, "npm/x/MAL-2026-1.txt", false },
	{ "\"id\":\"MAL-2026-1\",", NULL, "npm/y/MAL-2026-1.json", false },
	{ "\"id\":\"MAL-2026-1\",", NULL, "xnpm/x/MAL-2026-1.json", false },
	{ "\"id\":\"MAL-2026-1\",", NULL, "pypi/x/MAL-2026-1.json", false },
	{ "\"id\":\"GHSA-2026-1\",", NULL, "npm/x/GHSA-2026-1.json", false },
	{ "\"id\":\"MAL-26-1\",", NULL, "npm/x/MAL-26-1.json", false },
	{ "\"id\":\"MAL-2026-1a\",", NULL, "npm/x/MAL-2026-1a.json", false },
	{ "\"id\":\"MAL-2026-\",", NULL, "npm/x/MAL-2026-.json", false },
	{ "", NULL, "npm/x/MAL-0000-feed-0123456789abcdef.json", true },
	{ "", NULL, "npm/x/MAL-0000-.json", true },
	{ "", NULL, "npm/x/MAL-2026-1.json", false },
	{ "", NULL, "npm/x/report.json", false },
	{ "",
	    "{\"package\":{\"ecosystem\":\"crates.io\",\"name\":"
	    "\"A-b\"},\"versions\":[\"1.0.0\"]}",
	    "crates.io/a-b/MAL-0000-x.json", true },
	{ "",
	    "{\"package\":{\"ecosystem\":\"crates.io\",\"name\":"
	    "\"A-b\"},\"versions\":[\"1.0.0\"]}",
	    "crates.io/a_b/MAL-0000-x.json", true },
	{ "",
	    "{\"package\":{\"ecosystem\":\"crates.io\",\"name\":"
	    "\"A-b\"},\"versions\":[\"1.0.0\"]}",
	    "crates.io/ab/MAL-0000-x.json", false },
	{ "",
	    "{\"ranges\":[" GIT_RANGE("https://git.test/a/b.git",
		"{\"introduced\":\"0\"}") "]}",
	    "git/git.test/a/b/MAL-0000-x.json", true },
};

static void
files(void **state)
{

	(void)state;
	for (size_t i = 0; i < sizeof(file_cases) / sizeof(file_cases[0]);
	     i++) {
		struct arena *a = arena_new(16 * (size_t)MIB);
		struct checker c = { .profile = OSV_PROFILE_MALICIOUS };
		struct osv_input in = { .profile = OSV_PROFILE_REPORT,
			.now_s = 1790000000 };
		struct osv_findings f;
		struct osv_document d;
		struct yyjson_doc *json = NULL;

		in.bytes = str_of(arena_printf(a,
		    "{\"modified\":\"2026-01-02T03:04:05Z\",%s\"affected\":"
		    "[%s]}",
		    file_cases[i].more,
		    file_cases[i].affected != NULL ? file_cases[i].affected :
						     "{" NPM
						     ",\"versions\":[\"1\"]}"));
		osv_findings_init(&f, a);
		if (osv_validate(a, &in, &f, &d, &json) != 0)
			fail_msg("%s: %s", file_cases[i].path, f.v[0].message);
		f.n = f.n_errors = 0;
		c.out = &f;
		buf_init(&c.path, 4096);
		buf_putc(&c.path, '$');
		malicious_check_path(&c, &d, str_of(file_cases[i].path));
		if ((f.n_errors == 0) != file_cases[i].good)
			fail_msg("%s %s: %s", file_cases[i].path,
			    file_cases[i].more,
			    f.n != 0 ? f.v[0].message : "nothing found");
		buf_done(&c.path);
		osv_findings_done(&f);
		osv_json_free(json);
		arena_free(a);
	}
}

static void
check_top(const char *more, const char *rule)
{
	struct arena *a = arena_new(16 * (size_t)MIB);
	struct osv_findings f;

	validate(a, &f, "{" NPM ",\"versions\":[\"1\"]}", more);
	if ((f.n_errors != 0) != (rule != NULL) ||
	    (rule != NULL && strcmp(f.v[0].rule, rule) != 0))
		fail_msg("%s: %s", more, f.n != 0 ? f.v[0].rule : "nothing");
	osv_findings_done(&f);
	arena_free(a);
}

static void
origins_and_details(void **state)
{
	static const char origin[] =
	    "\"database_specific\":{\"malicious-packages-origins\":[{"
	    "\"source\":\"s-1\",\"sha256\":\"ab\"}]},";
	struct buf b;

	(void)state;
	check_top(origin, NULL);
	check_top("\"database_specific\":{\"malicious-packages-origins\":[{"
		  "\"source\":\"s\",\"sha256\":\"ab\"}],\"iocs\":{"
		  "\"domains\":[\"c2.test\"]}},",
	    NULL);
	check_top("\"database_specific\":{\"malicious-packages-origins\":[{"
		  "\"sha256\":\"ab\"}]},",
	    "mal-origin");
	check_top("\"database_specific\":{\"score\":1},", "mal-unexpected-key");
	check_top("\"database_specific\":{\"malicious-packages-origins\":[{"
		  "\"source\":\"S\",\"sha256\":\"ab\"}]},",
	    "mal-origin");
	check_top("\"database_specific\":{\"malicious-packages-origins\":[{"
		  "\"source\":\"s\"}]},",
	    "mal-origin");
	check_top("\"database_specific\":{\"cwes\":[]},", "mal-unexpected-key");
	buf_init(&b, MIB);
	buf_printf(&b,
	    "%s\"details\":\"\\n---\\n_-= Per source details. Do "
	    "not edit below this line.=-_\\n\\n## Source: s-1 (ab)\\nx\\n\",",
	    origin);
	check_top(b.p, NULL);
	buf_reset(&b);
	buf_printf(&b,
	    "%s\"details\":\"\\n---\\n_-= Per source details. Do "
	    "not edit below this line.=-_\\n\\n## Source: s-1 (cd)\\nx\\n\",",
	    origin);
	check_top(b.p, "mal-details");
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(house_rules),
		cmocka_unit_test(lengths),
		cmocka_unit_test(ecosystems),
		cmocka_unit_test(files),
		cmocka_unit_test(origins_and_details),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
