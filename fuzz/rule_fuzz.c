/* SPDX-License-Identifier: Apache-2.0 */
/* Header of a rule, and its statement over an empty run. */
#include <stdint.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/limits.h"
#include "runfile/database.h"
#include "runfile/reader.h"
#include "runfile/writer.h"
#include "verdict/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reader *
empty_run(void)
{
	struct reader *r = NULL;
	struct writer *w = NULL;
	sqlite3 *db = NULL;
	struct error err = ERROR_INIT;

	if (database_memory(&db, &err) != 0 || writer_new(db, &w, &err) != 0 ||
	    writer_commit(w, &err) != 0)
		fatal("%s", err.msg);
	writer_free(w);
	if (reader_take(db, &r, &err) != 0 || rules_prepare(r, &err) != 0)
		fatal("%s", err.msg);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reader *r;
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct findings f = { 0 };
	struct error err = ERROR_INIT;
	struct rule rule;

	if (r == NULL)
		r = empty_run();
	if (rule_parse(a, "x.sql", str_n(data, size), &rule, &err) == 0) {
		/* What a hostile statement may cost is tested elsewhere. */
		(void)rule_run(&rule, r, a, &f, &err);
	}
	findings_done(&f);
	arena_free(a);
	return 0;
}
