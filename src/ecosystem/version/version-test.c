/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Argument: version.test, groups of three lines: ecosystem, "A < B" (or =, or
 * ! when they cannot be ordered), and an empty line. Each row is also
 * checked the other way round; each version equals itself.
 */
#include "ecosystem/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char *table_path;

static char
order(version_compare *rule, struct str a, struct str b)
{
	int d;

	if (!rule(a, b, &d))
		return '!';
	return d < 0 ? '<' : d > 0 ? '>' : '=';
}

static void
check(const char *ecosystem, char *line)
{
	version_compare *rule = version_rule(str_of(ecosystem));
	struct str a, b, rest = str_of(line);
	char want, back;

	if (rule == NULL)
		fail_msg("%s has no rule", ecosystem);
	assert_true(str_cut(&rest, ' ', &a));
	want = rest.n != 0 ? rest.p[0] : '?';
	assert_non_null(strchr("<=!", want));
	b = str_sub(rest, 2, rest.n);
	back = want == '<' ? '>' : want;
	if (order(rule, a, b) != want)
		fail_msg("%s: %s: got %c", ecosystem, line, order(rule, a, b));
	if (order(rule, b, a) != back)
		fail_msg("%s: %s: reversed %c", ecosystem, line,
		    order(rule, b, a));
	if (want != '!' && order(rule, a, a) != '=')
		fail_msg("%s: %.*s is not itself", ecosystem, STR_ARG(a));
}

static void
the_table_holds(void **state)
{
	FILE *f = fopen(table_path, "r");
	char ecosystem[256], line[1024];
	int n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(ecosystem, sizeof(ecosystem), f) != NULL) {
		if (ecosystem[0] == '#' || ecosystem[0] == '\n')
			continue;
		ecosystem[strcspn(ecosystem, "\n")] = '\0';
		while (
		    fgets(line, sizeof(line), f) != NULL && line[0] != '\n') {
			line[strcspn(line, "\n")] = '\0';
			check(ecosystem, line);
			n++;
		}
	}
	(void)fclose(f);
	assert_true(n > 100);
}

/* Any three of a pile of awkward strings are in a consistent order. */
static void
order_is_total(void **state)
{
	static const char *const ecosystems[] = { "npm", "NuGet", "Pub", "PyPI",
		"RubyGems", "Maven", "Packagist", "Debian", "Red Hat", "Alpine",
		"CRAN", "Hackage", "opam" };
	static const char *const v[] = { "0", "1", "1.0", "1.0.0", "1.0.0.0",
		"1.0-a", "1.0-alpha.1", "1.0a1", "1.0b2.post3.dev4", "1.0rc1",
		"1.0.dev1", "1!0.5", "1.0+x.1", "1.0~rc1", "1.0^git1", "2",
		"10", "1.10", "1.9", "v1", "1.0-SNAPSHOT", "1.0-sp",
		"1.0_alpha1", "1.0_p1", "1.0-r1", "", "abc", "1..2", "1.-2",
		"0:1.0-1", "99999999999999999999999", "1.0.ga", "1-1.foo" };
	size_t n = sizeof(v) / sizeof(v[0]);
	int ab, bc, ac;

	(void)state;
	for (size_t e = 0; e < sizeof(ecosystems) / sizeof(ecosystems[0]); e++)
		for (size_t i = 0; i < n * n * n; i++) {
			struct str a = str_of(v[i % n]);
			struct str b = str_of(v[i / n % n]);
			struct str c = str_of(v[i / n / n]);
			version_compare *rule =
			    version_rule(str_of(ecosystems[e]));

			if (!rule(a, b, &ab) || !rule(b, c, &bc) ||
			    !rule(a, c, &ac))
				continue;
			if ((ab <= 0 && bc <= 0 && ac > 0) ||
			    (ab < 0 && bc < 0 && ac >= 0) ||
			    (ab == 0 && bc == 0 && ac != 0))
				fail_msg("%s: %.*s %.*s %.*s: %d %d %d",
				    ecosystems[e], STR_ARG(a), STR_ARG(b),
				    STR_ARG(c), ab, bc, ac);
		}
}

/* --- generated versions ----------------------------------------------------
 */

static uint64_t seed = 1;

static size_t
draw(size_t n)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (size_t)((z ^ z >> 31) % n);
}

/* separators: those that the ecosystem has a meaning for. (PHP's own order of
 * others is none: a literal "#" is to it the mark of a number.) */
static void
generate(char *ret, size_t size, const char *near, const char *separators)
{
	static const char *const parts[] = { "0", "1", "2", "9", "10", "01",
		"00", "123456789012345678901234567890", "alpha", "a", "b",
		"beta", "rc", "cr", "RC", "dev", "post", "p", "r", "pre",
		"SNAPSHOT", "ga", "final", "sp", "m", "foo", "x7z", "A", "git",
		"cvs" };
	size_t n = 0, keep = near[0] != '\0' ? draw(strlen(near) + 1) : 0;
	size_t count = draw(6) + (keep == 0);

	if (draw(3) == 0)
		keep = 0;
	n = (size_t)snprintf(ret, size, "%s%.*s",
	    keep == 0 && draw(8) == 0 ? "v" : "", (int)keep, near);
	for (size_t i = 0; i < count && n + 40 < size; i++) {
		if (n != 0 && draw(4) != 0)
			ret[n++] = separators[draw(strlen(separators))];
		n += (size_t)snprintf(ret + n, size - n, "%s",
		    parts[draw(sizeof(parts) / sizeof(parts[0]))]);
	}
}

static int
sign(int v)
{
	return (v > 0) - (v < 0);
}

static void
three(const char *ecosystem, version_compare *rule, char v[3][256])
{
	struct str a = str_of(v[0]), b = str_of(v[1]), c = str_of(v[2]);
	int ab = 0, ba = 0, bc = 0, ac = 0, aa = 1;
	bool known = rule(a, b, &ab);

	if (rule(b, a, &ba) != known || (known && sign(ab) != -sign(ba)))
		fail_msg("%s: %s %s: %d, turned %d", ecosystem, v[0], v[1], ab,
		    ba);
	if (rule(a, a, &aa) && aa != 0)
		fail_msg("%s: %s is not itself", ecosystem, v[0]);
	if (!known || !rule(b, c, &bc))
		return;
	/* What is no version compares as far as it reads like one. */
	if (!rule(a, c, &ac))
		return;
	if ((ab <= 0 && bc <= 0 && ac > 0) || (ab >= 0 && bc >= 0 && ac < 0) ||
	    (ab == 0 && sign(ac) != sign(bc)) ||
	    (bc == 0 && sign(ac) != sign(ab)))
		fail_msg("%s: %s %s %s: %d %d %d", ecosystem, v[0], v[1], v[2],
		    ab, bc, ac);
}

/* Maven's own order is none between versions with empty parts or with words
 * where numbers stand: "b.00" comes after "b.0.beta", which comes after
 * "b.0-ga.p", which comes after "b.00". */
static bool
orderly(const char *v)
{
	bool word = false, numeric;

	for (; *v != '\0'; v++) {
		numeric = *v >= '0' && *v <= '9';
		if (strchr(".-", *v) != NULL &&
		    (v[1] == '\0' || strchr(".-", v[1]) != NULL))
			return false;
		if (*v == '.' && (word || v[1] < '0' || v[1] > '9'))
			return false;
		word = word || (!numeric && strchr(".-", *v) == NULL);
	}
	return true;
}

/* Antisymmetric and transitive, for every ecosystem that has an order.
 * LAZARET_PROPERTY_ROUNDS and LAZARET_SEED try more, and others. */
static void
generated_versions_are_in_order(void **state)
{
	static const char *const ecosystems[] = { "npm", "crates.io", "Go",
		"Hex", "Bitnami", "Julia", "SwiftURL", "ConanCenter", "GHC",
		"Bioconductor", "NuGet", "Pub", "PyPI", "RubyGems", "Maven",
		"Packagist", "Debian", "Ubuntu", "Red Hat", "AlmaLinux",
		"Rocky Linux", "SUSE", "openSUSE", "Mageia", "openEuler",
		"Azure Linux", "Alpine", "Wolfi", "Chainguard", "MinimOS",
		"Alpaquita", "CRAN", "Hackage", "VSCode", "opam",
		"Docker Hardened Images", "Echo", "Photon OS", "TuxCare",
		"CleanStart", "BellSoft Hardened Containers", "Root:npm" };
	const char *rounds_text = getenv("LAZARET_PROPERTY_ROUNDS");
	const char *seed_text = getenv("LAZARET_SEED"), *separators;
	uint64_t rounds = 3000;
	char v[3][256];

	(void)state;
	if (rounds_text != NULL)
		(void)str_to_u64(str_of(rounds_text), &rounds);
	if (seed_text != NULL)
		(void)str_to_u64(str_of(seed_text), &seed);
	for (size_t e = 0; e < sizeof(ecosystems) / sizeof(ecosystems[0]);
	     e++) {
		version_compare *rule = version_rule(str_of(ecosystems[e]));

		if (rule == NULL)
			fail_msg("%s has no order", ecosystems[e]);
		separators = strcmp(ecosystems[e], "Packagist") == 0 ?
		    "...--_+" :
		    strcmp(ecosystems[e], "Maven") == 0 ? "...--" :
							  "...--_+~^:!";
		for (uint64_t i = 0; i < rounds; i++) {
			generate(v[0], sizeof(v[0]), "", separators);
			generate(v[1], sizeof(v[1]), v[0], separators);
			generate(v[2], sizeof(v[2]), v[draw(2)], separators);
			if (strcmp(ecosystems[e], "Maven") == 0 &&
			    !(orderly(v[0]) && orderly(v[1]) && orderly(v[2])))
				continue;
			three(ecosystems[e], rule, v);
		}
	}
}

/* Digits and words have no greatest length: what differs in the last of ten
 * thousand characters differs, and as the last one says. */
static void
nothing_is_cut_off(void **state)
{
	static const char *const ecosystems[] = { "npm", "NuGet", "Pub", "PyPI",
		"RubyGems", "Maven", "Packagist", "Debian", "Red Hat", "Alpine",
		"CRAN", "Hackage", "opam" };
	static const char *const words[] = { "npm", "NuGet", "Pub", "RubyGems",
		"Maven", "Debian", "Red Hat", "opam" };
	static char a[10100], b[10100];
	int d;

	(void)state;
	memset(a, '9', 10000);
	memset(b, '9', 10000);
	b[9999] = '8';
	for (size_t i = 0; i < sizeof(ecosystems) / sizeof(ecosystems[0]); i++)
		if (!version_rule(
			str_of(ecosystems[i]))(str_of(a), str_of(b), &d) ||
		    d <= 0)
			fail_msg("%s: long numbers", ecosystems[i]);
	memset(a, 'a', 10000);
	memcpy(a, "1.0-", 4);
	memcpy(b, a, sizeof(b));
	a[9999] = 'c';
	b[9999] = 'b';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!version_rule(str_of(words[i]))(str_of(a), str_of(b), &d) ||
		    d <= 0)
			fail_msg("%s: long words", words[i]);
	/* NUL is no separator. */
	assert_false(version_rule(
	    STR_LIT("CRAN"))(str_n("1\0002", 3), STR_LIT("1.2"), &d));
}

static void
strict_semver(void **state)
{
	static const struct {
		const char *v;
		bool good;
	} cases[] = { { "1.2.3", true }, { "1.2.3-a.b+c.01", true },
		{ "v1.2.3", false }, { "1.2", false }, { "01.2.3", false },
		{ "1.2.3-01", false }, { "1.2.3-", false }, { "1.2.3+", false },
		{ "1.2.3.4", false }, { "", false }, { "1.2.3-a_b", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (version_semver_valid(str_of(cases[i].v)) != cases[i].good)
			fail_msg("%s", cases[i].v);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(order_is_total),
		cmocka_unit_test(generated_versions_are_in_order),
		cmocka_unit_test(nothing_is_cut_off),
		cmocka_unit_test(strict_semver),
	};

	assert_int_equal(argc, 2);
	table_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
