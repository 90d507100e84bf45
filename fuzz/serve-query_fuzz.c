/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of clients of lazaret serve. */
#include <stdint.h>
#include <stdlib.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "serve/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A token that was taken comes back the same. */
static void
check_token(const struct question *q, struct arena *a)
{
	struct question again = { .resumed = false };
	struct error err = ERROR_INIT;
	struct buf b;

	buf_init(&b, LIMIT_TEXT_BYTES);
	query_token_write(q->after, &b);
	if (query_token_read(buf_str(&b), a, &again, &err) != 0 ||
	    !str_eq(again.after, q->after))
		abort();
	buf_done(&b);
}

static void
resolve(yyjson_val *v, bool strict, struct arena *a)
{
	struct error err = ERROR_INIT;
	struct question question;
	struct query q;

	if (query_parse(v, strict, &q, &err) != 0 ||
	    query_resolve(&q, strict, a, &question, &err) != 0) {
		if (err.code != -EINVAL || err.msg[0] == '\0')
			abort();
		return;
	}
	if (question.kind == QUERY_PACKAGE && question.package.name.n == 0)
		abort();
	if (question.resumed)
		check_token(&question, a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	yyjson_doc *doc = NULL;
	struct arena *a;

	if (size > 256 * KIB || query_json(str_n(data, size), &doc, &err) != 0)
		return 0;
	a = arena_new(LIMIT_ARENA_BYTES);
	resolve(yyjson_doc_get_root(doc), false, a);
	resolve(yyjson_doc_get_root(doc), true, a);
	arena_free(a);
	query_json_free(doc);
	return 0;
}
