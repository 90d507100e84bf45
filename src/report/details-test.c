/* SPDX-License-Identifier: Apache-2.0 */
#include "report/details.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"

#define HEADER \
	"\n---\n_-= Per source details. Do not edit below this line.=-_\n"

#define SECTION(source, sha, text) \
	{ \
		STR_LIT(source), STR_LIT(sha), STR_LIT(text) \
	}

static void
writes(const char *user, struct details_section *v, size_t n, const char *want)
{
	struct details d = { str_of(user), v, n, true };
	struct buf b;

	buf_init(&b, 64 * KIB);
	details_write(&d, &b);
	assert_string_equal(b.p, want);
	buf_done(&b);
}

static void
text_comes_out_in_one_form(void **state)
{
	struct details_section two[] = { SECTION("test-source", "deadbeef",
					     "source one"),
		SECTION("another-test-source", "abcdef123", "source two") };
	struct details_section empty[] = { SECTION("a", "1", "  "),
		SECTION("b", "2", "text") };
	struct details_section longest[] = { SECTION("s", "1", "short report"),
		SECTION("s", "2", "this report is longer"),
		SECTION("s", "3", "this is a report") };

	(void)state;
	writes("", NULL, 0, HEADER);
	writes("    this\nis a\nreport.   \n\n", NULL, 0,
	    "this\nis a\nreport.\n" HEADER);
	writes("", two, 2,
	    HEADER "\n## Source: another-test-source (abcdef123)\nsource two\n"
		   "\n## Source: test-source (deadbeef)\nsource one\n");
	writes("", empty, 2, HEADER "\n## Source: b (2)\ntext\n");
	writes("", longest, 3,
	    HEADER "\n## Source: s (2)\nthis report is longer\n");
}

static void
text_is_taken_apart(void **state)
{
	struct arena *a = arena_new(MIB);
	struct details d;

	(void)state;
	assert_int_equal(details_parse(a, STR_LIT("  only text\n"), &d, NULL),
	    0);
	assert_true(str_is(d.user, "only text"));
	assert_false(d.has_header);
	assert_int_equal(details_parse(a,
			     STR_LIT(
				 "mine\n" HEADER
				 "\n## Source: b (2)\nline one\n\nline two\n"
				 "\n## Source: c (3)\n"),
			     &d, NULL),
	    0);
	assert_true(str_is(d.user, "mine"));
	assert_int_equal(d.n_sections, 2);
	assert_true(str_is(d.sections[0].source, "b"));
	assert_true(str_is(d.sections[0].sha256, "2"));
	assert_true(str_is(d.sections[0].text, "line one\n\nline two"));
	assert_int_equal(d.sections[1].text.n, 0);
	arena_free(a);
}

static void
broken_text_is_refused(void **state)
{
	struct arena *a = arena_new(MIB);
	struct details d;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(details_parse(a, STR_LIT(HEADER HEADER), &d, &err),
	    -EINVAL);
	assert_int_equal(details_parse(a, STR_LIT(HEADER "stray"), &d, &err),
	    -EINVAL);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_out_in_one_form),
		cmocka_unit_test(text_is_taken_apart),
		cmocka_unit_test(broken_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
