/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role suspects: which dependencies may have done what an import was blamed
 * for. Reads a judged run file and names the installed packages whose files
 * were opened in the phases that findings point to; the supervisor then
 * imports each of them alone. Descriptors: 3 control, 5 the run file.
 *
 *	suspects → SUSPECTS_ONE {str folder}*, then CONTROL_READY
 */
#include <signal.h>

#include <sqlite3.h>

#include "analysis/suspects.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "runfile/control.h"
#include "runfile/reader.h"
#include "sys/lockdown.h"
#include "sys/message.h"

static const char query[] =
    "SELECT d.path FROM dependency d, run r "
    "WHERE d.path IS NOT NULL "
    "AND CAST(d.path AS TEXT) <> 'node_modules/' || CAST(r.name AS TEXT) "
    "AND EXISTS (SELECT 1 FROM finding n JOIN phase f ON f.id = n.phase "
    "JOIN file_event v ON v.phase = f.id "
    "WHERE f.trigger = 'import' AND n.severity IN ('proof', 'high') "
    "AND v.op IN ('open', 'read') "
    "AND instr(v.path, CAST('/' || CAST(d.path AS TEXT) || '/' AS BLOB)) > 0)"
    " ORDER BY length(d.path), d.path LIMIT 32";

static int
tell(struct channel *control, struct error *err)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	_cleanup_(reader_freep) struct reader *r = NULL;
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = lockdown(&pure, err);

	if (rc == 0)
		rc = reader_open(SUSPECTS_RUN_FD, "run file", &r, err);
	if (rc == 0)
		rc = reader_prepare(r, query, &st, err);
	while (rc == 0 && (rc = reader_step(r, st, err)) == 1) {
		message_begin(control, SUSPECTS_ONE);
		message_put_str(control, reader_str(st, 0));
		rc = message_send(control, err);
	}
	return rc;
}

int
main(void)
{
	struct channel control;
	struct error err = ERROR_INIT;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	channel_init(&control, CONTROL_FD);
	rc = tell(&control, &err);
	message_begin(&control, rc == 0 ? CONTROL_READY : CONTROL_FAILED);
	if (rc != 0) {
		message_put_int(&control, rc);
		message_put_str(&control, str_of(err.msg));
	}
	if (message_send(&control, NULL) != 0 ||
	    channel_flush(&control, NULL) != 0)
		rc = -EPIPE;
	channel_done(&control);
	return rc == 0 ? 0 : EXIT_TOOL_FAILED;
}
