/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "osv/osv.h"

static void
rewrite(const char *text, struct buf *out)
{
	struct arena *a = arena_new(MIB);
	struct osv_findings f;
	struct osv_document d;
	struct yyjson_doc *json = NULL;
	struct osv_input in = { .bytes = str_of(text),
		.profile = OSV_PROFILE_SCHEMA };

	osv_findings_init(&f, a);
	assert_int_equal(osv_validate(a, &in, &f, &d, &json), 0);
	osv_write(&d, 2, out);
	osv_findings_done(&f);
	osv_json_free(json);
	arena_free(a);
}

static const char scrambled[] =
    "{\"modified\":\"2026-01-02T03:04:05Z\",\"id\":\"MAL-2026-1\","
    "\"database_specific\":{\"z\":[1.50,-3,true,null],\"a\":{\"y\":\"\\n\","
    "\"b\":12345678901234567890}},\"affected\":[{\"versions\":[\"1\",\"2\"],"
    "\"ranges\":[{\"events\":[{\"introduced\":\"0\"}],\"type\":\"SEMVER\"}],"
    "\"package\":{\"name\":\"x\",\"ecosystem\":\"npm\"}}],\"aliases\":[],"
    "\"credits\":[{\"type\":\"TOOL\",\"contact\":[\"c\"],\"name\":\"n\"}]}";

static const char stable[] = "{\n"
			     "  \"id\": \"MAL-2026-1\",\n"
			     "  \"modified\": \"2026-01-02T03:04:05Z\",\n"
			     "  \"affected\": [\n"
			     "    {\n"
			     "      \"package\": {\n"
			     "        \"ecosystem\": \"npm\",\n"
			     "        \"name\": \"x\"\n"
			     "      },\n"
			     "      \"ranges\": [\n"
			     "        {\n"
			     "          \"type\": \"SEMVER\",\n"
			     "          \"events\": [\n"
			     "            {\n"
			     "              \"introduced\": \"0\"\n"
			     "            }\n"
			     "          ]\n"
			     "        }\n"
			     "      ],\n"
			     "      \"versions\": [\n"
			     "        \"1\",\n"
			     "        \"2\"\n"
			     "      ]\n"
			     "    }\n"
			     "  ],\n"
			     "  \"credits\": [\n"
			     "    {\n"
			     "      \"name\": \"n\",\n"
			     "      \"contact\": [\n"
			     "        \"c\"\n"
			     "      ],\n"
			     "      \"type\": \"TOOL\"\n"
			     "    }\n"
			     "  ],\n"
			     "  \"database_specific\": {\n"
			     "    \"a\": {\n"
			     "      \"b\": 12345678901234567890,\n"
			     "      \"y\": \"\\n\"\n"
			     "    },\n"
			     "    \"z\": [\n"
			     "      1.5,\n"
			     "      -3,\n"
			     "      true,\n"
			     "      null\n"
			     "    ]\n"
			     "  }\n"
			     "}\n";

static void
order_and_spacing_are_fixed(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, MIB);
	rewrite(scrambled, &b);
	assert_string_equal(b.p, stable);
	buf_done(&b);
}

static void
writing_twice_changes_nothing(void **state)
{
	struct buf once, twice;

	(void)state;
	buf_init(&once, MIB);
	buf_init(&twice, MIB);
	rewrite(scrambled, &once);
	rewrite(once.p, &twice);
	assert_string_equal(once.p, twice.p);
	buf_done(&once);
	buf_done(&twice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_spacing_are_fixed),
		cmocka_unit_test(writing_twice_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
