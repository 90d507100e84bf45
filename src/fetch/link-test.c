/* SPDX-License-Identifier: Apache-2.0 */
/* Link headers: a page's address, the header, the next page or "". */
#include "fetch/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"

#define PAGE "https://api.test/list?a=1"

static const struct {
	const char *header, *next;
} vectors[] = {
	{ "<https://api.test/list?after=x>; rel=\"next\"",
	    "https://api.test/list?after=x" },
	{ "<https://api.test/1>; rel=\"prev\", <https://api.test/3>; "
	  "rel=\"next\"",
	    "https://api.test/3" },
	{ "<https://api.test/2>;rel=next", "https://api.test/2" },
	{ "<https://api.test/2>; title=\"a, <b>; rel=next\"; rel=\"last next\"",
	    "https://api.test/2" },
	{ "<https://api.test/2>; REL=NEXT", "https://api.test/2" },
	{ "<https://api.test/a,b;c>; rel=next", "https://api.test/a,b;c" },
	/* Relative to the page. */
	{ "</list?page=2>; rel=next", "https://api.test/list?page=2" },
	{ "<?page=2>; rel=next", "https://api.test/list?page=2" },
	/* For the caller to refuse. */
	{ "<ftp://api.test/1>; rel=next", "ftp://api.test/1" },
	{ "<https://api.test:x/1>; rel=next", "https://api.test:x/1" },
	/* No next page. */
	{ "", "" },
	{ "<https://api.test/1>; rel=prev", "" },
	{ "<https://api.test/1>; title=\"rel=next\"", "" },
	{ "<https://api.test/1>; rel=nextish", "" },
	{ "https://api.test/1; rel=next", "" },
	{ "<https://api.test/1; rel=next", "" },
	{ "<", "" },
	{ "<>; rel=next", "" },
	{ "<x>; rel=\"next", "" },
};

static void
next(void **state)
{
	struct buf b;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(vectors); i++) {
		buf_init(&b, LIMIT_URL_BYTES);
		link_next(STR_LIT(PAGE), str_of(vectors[i].header), &b);
		assert_string_equal(b.n != 0 ? b.p : "", vectors[i].next);
		buf_done(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(next) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
