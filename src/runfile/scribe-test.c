/* SPDX-License-Identifier: Apache-2.0 */
/* A real role scribe, with honest and dishonest producers. */
#include "runfile/scribe-client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "runfile/database.h"
#include "runfile/fact.h"
#include "sys/message.h"

static int
number(int fd, const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int n;

	assert_int_equal(database_open(fd, false, &db, NULL), 0);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st);
	database_close(db);
	return n;
}

static void
facts_become_rows(void **state)
{
	struct error err = ERROR_INIT;
	struct scribe_synced synced;
	struct fact_process p;
	struct fact_verdict v;
	struct fact_run run;
	struct channel c;
	struct scribe *s;
	int fd = memfd_create("run", MFD_CLOEXEC), record;

	(void)state;
	if (scribe_start(fd, &s, &err) != 0)
		fail_msg("%s", err.msg);
	fact_init(FACT_RUN, &run);
	run.tool_version = STR_LIT("1");
	assert_int_equal(fact_send(scribe_facts(s), FACT_RUN, &run, NULL), 0);
	assert_int_equal(scribe_attach(s, PRODUCER_RECORD, &record, NULL), 0);
	channel_init(&c, record);
	fact_init(FACT_PROCESS, &p);
	p.phase = 1;
	for (int i = 0; i < 20000; i++) {
		p.id = i + 1;
		assert_int_equal(fact_send(&c, FACT_PROCESS, &p, NULL), 0);
	}
	/* The recorder gives no verdict, and a role is one of four words. */
	fact_init(FACT_VERDICT, &v);
	v.label = STR_LIT("clean");
	assert_int_equal(fact_send(&c, FACT_VERDICT, &v, NULL), 0);
	p.role = STR_LIT("king");
	assert_int_equal(fact_send(&c, FACT_PROCESS, &p, NULL), 0);
	assert_int_equal(channel_flush(&c, NULL), 0);
	if (scribe_sync(s, &synced, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(synced.facts, 20001 + 0);
	assert_int_equal(synced.refused, 2);
	assert_string_equal(synced.refusal,
	    "fact verdict: not from producer 1");
	assert_int_equal(number(fd, "SELECT count(*) FROM process"), 20000);
	/* It goes on after a sync. */
	p.role = STR_LIT("tool");
	p.id = 1;
	assert_int_equal(fact_send(&c, FACT_PROCESS, &p, NULL), 0);
	assert_int_equal(channel_flush(&c, NULL), 0);
	assert_int_equal(write(c.fd, "\xff\xff\xff\xffgarbage", 11), 11);
	channel_done(&c);
	if (scribe_close(s, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(number(fd,
			     "SELECT id FROM process WHERE role = 'tool'"),
	    1);
	assert_int_equal(number(fd,
			     "SELECT CAST(value AS INTEGER) "
			     "FROM metadata WHERE key = 'scribe.refused'"),
	    3);
	(void)close(fd);
}

static void
a_file_that_is_not_empty_fails_by_name(void **state)
{
	struct error err = ERROR_INIT;
	struct scribe *s;
	int fd = memfd_create("run", MFD_CLOEXEC);
	char bytes[4096] = "this was somebody's";

	(void)state;
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(scribe_start(fd, &s, &err), -EIO);
	assert_true(str_starts(str_of(err.msg), "run file: "));
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_become_rows),
		cmocka_unit_test(a_file_that_is_not_empty_fails_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
