/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role baseline: tells scribe what the empty package does, from a run file
 * that was recorded with it. One per run, done in milliseconds. Descriptors:
 * 3 control, 4 facts, 5 the recorded run file.
 *
 * Only what can tell something: folders of the system itself never decide
 * anything, and would be most of the rows.
 */
#include <signal.h>

#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "runfile/control.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "verdict/functions.h"

#define RECORDED_FD 5

#define HOME \
	"(SELECT CAST(env(e.env, 'HOME') AS TEXT) FROM exec_event e " \
	"WHERE env(e.env, 'HOME') LIKE '/_%' LIMIT 1)"

static const char *const queries[] = {
	"SELECT DISTINCT f.trigger, p.role, 'file', tilde(v.path, " HOME ") "
	"FROM file_event v JOIN phase f ON f.id = v.phase "
	"JOIN process p ON p.id = v.process "
	"WHERE f.baseline = 1 AND v.path IS NOT NULL "
	"AND CAST(v.path AS TEXT) NOT LIKE '/usr/%' "
	"AND CAST(v.path AS TEXT) NOT LIKE '/lib%' "
	"AND CAST(v.path AS TEXT) NOT LIKE '/proc/%' "
	"AND CAST(v.path AS TEXT) NOT LIKE '/sys/%' "
	"AND CAST(v.path AS TEXT) NOT LIKE '/dev/%' ORDER BY 1, 2, 4",

	"SELECT DISTINCT f.trigger, p.role, 'dns', CAST(q.name AS TEXT) "
	"FROM dns_query q JOIN phase f ON f.id = q.phase "
	"JOIN process p ON p.id = q.process "
	"WHERE f.baseline = 1 ORDER BY 1, 2, 4",
};

static int
tell(struct reader *r, const char *sql, struct channel *facts,
    struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = reader_prepare(r, sql, &st, err);

	while (rc == 0 && (rc = reader_step(r, st, err)) == 1) {
		struct fact_baseline f;
		fact_init(FACT_BASELINE, &f);
		f.trigger = reader_str(st, 0);
		f.role = reader_str(st, 1);
		f.kind = reader_str(st, 2);
		f.value = reader_str(st, 3);
		rc = fact_send(facts, FACT_BASELINE, &f, err);
	}
	return rc;
}

static int
run(struct channel *facts, struct error *err)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	_cleanup_(reader_freep) struct reader *r = NULL;
	int rc = lockdown(&pure, err);

	if (rc == 0)
		rc = reader_open(RECORDED_FD, "baseline", &r, err);
	if (rc == 0)
		rc = functions_add(r, err);
	for (size_t i = 0; i < N_ELEMENTS(queries) && rc == 0; i++)
		rc = tell(r, queries[i], facts, err);
	return rc == 0 ? channel_flush(facts, err) : rc;
}

/* Ready: everything is told. */
static int
answer(struct channel *control, int rc, const struct error *failure)
{
	message_begin(control, rc == 0 ? CONTROL_READY : CONTROL_FAILED);
	if (rc != 0) {
		message_put_int(control, rc);
		message_put_str(control, str_of(failure->msg));
	}
	rc = message_send(control, NULL);
	return rc == 0 ? channel_flush(control, NULL) : rc;
}

int
main(void)
{
	struct channel control, facts;
	struct error err = ERROR_INIT;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	channel_init(&control, CONTROL_FD);
	channel_init(&facts, FACTS_FD);
	rc = run(&facts, &err);
	channel_done(&facts);
	if (answer(&control, rc, &err) != 0 && rc == 0)
		rc = -EPIPE;
	channel_done(&control);
	return rc == 0 ? 0 : EXIT_TOOL_FAILED;
}
