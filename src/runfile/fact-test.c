/* SPDX-License-Identifier: Apache-2.0 */
/* Argument: schema.sql. The tables of fact.c must be those of the schema. */
#include "runfile/fact.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "sys/fd.h"
#include "sys/message.h"

static const char *schema_path;

static sqlite3 *
open_schema(void)
{
	static char sql[64 * 1024];
	sqlite3 *db;
	FILE *f = fopen(schema_path, "r");

	assert_non_null(f);
	sql[fread(sql, 1, sizeof(sql) - 1, f)] = '\0';
	(void)fclose(f);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void
every_column_is_in_the_schema(void **state)
{
	sqlite3 *db = open_schema();
	char sql[256];

	(void)state;
	for (int k = 0; k < FACT_BLOB; k++) {
		const struct fact_table *t = fact_table((enum fact_kind)k);
		const struct fact_column *c;
		sqlite3_stmt *st;
		int n = 0;

		for (c = t->columns; c->name != NULL; c++, n++) {
			(void)snprintf(sql, sizeof(sql), "SELECT %s FROM %s",
			    c->name, t->name);
			if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) !=
			    SQLITE_OK)
				fail_msg("%s", sql);
			(void)sqlite3_finalize(st);
		}
		(void)snprintf(sql, sizeof(sql),
		    "SELECT count(*) FROM pragma_table_info('%s') "
		    "WHERE name <> 'id'",
		    t->name);
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL),
		    SQLITE_OK);
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		for (c = t->columns; c->name != NULL; c++)
			if (str_is(str_of(c->name), "id"))
				n--;
		if (sqlite3_column_int(st, 0) != n)
			fail_msg("%s: %d columns, %d in the fact", t->name,
			    sqlite3_column_int(st, 0), n);
		(void)sqlite3_finalize(st);
	}
	(void)sqlite3_close(db);
}

static void
structs_have_no_forgotten_member(void **state)
{
	(void)state;
	for (int k = 0; k < FACT__MAX; k++) {
		const struct fact_table *t = fact_table((enum fact_kind)k);
		size_t sum = 0;

		assert_true(t->size <= sizeof(union fact));
		for (const struct fact_column *c = t->columns; c->name != NULL;
		     c++) {
			assert_int_equal(c->offset, sum);
			sum += c->type == FACT_INT || c->type == FACT_REAL ?
			    sizeof(int64_t) :
			    sizeof(struct str);
		}
		assert_int_equal(sum, t->size);
	}
}

static int
round_trip(enum fact_kind kind, const void *fact, enum fact_kind *ret_kind,
    union fact *ret, struct channel *b, struct error *err)
{
	struct channel a;
	struct message m;
	int fds[2];

	assert_int_equal(fd_socketpair(fds, NULL), 0);
	channel_init(&a, fds[0]);
	channel_init(b, fds[1]);
	assert_int_equal(fact_send(&a, kind, fact, NULL), 0);
	assert_int_equal(channel_flush(&a, NULL), 0);
	assert_int_equal(channel_recv(b, &m, NULL), 1);
	channel_done(&a);
	return fact_receive(&m, ret_kind, ret, err);
}

static void
a_fact_comes_back_as_it_was(void **state)
{
	struct fact_process p;
	struct channel b;
	enum fact_kind kind;
	union fact f;

	(void)state;
	fact_init(FACT_PROCESS, &p);
	p.id = 3;
	p.phase = 1;
	p.exe = STR_LIT("/bin/\xff");
	p.role = STR_LIT("hook");
	assert_int_equal(round_trip(FACT_PROCESS, &p, &kind, &f, &b, NULL), 0);
	assert_int_equal(kind, FACT_PROCESS);
	assert_int_equal(f.process.id, 3);
	assert_true(f.process.parent == FACT_NONE);
	assert_true(str_is(f.process.exe, "/bin/\xff"));
	assert_null(f.process.argv.p);
	channel_done(&b);
}

static void
what_does_not_fit_is_refused_by_name(void **state)
{
	struct fact_process p;
	struct channel b;
	struct error err = ERROR_INIT;
	enum fact_kind kind;
	union fact f;

	(void)state;
	fact_init(FACT_PROCESS, &p);
	p.id = 3;
	p.phase = 1;
	p.role = STR_LIT("king");
	assert_int_equal(round_trip(FACT_PROCESS, &p, &kind, &f, &b, &err),
	    -EPROTO);
	assert_string_equal(err.msg,
	    "fact process: role is not in the vocabulary");
	channel_done(&b);
	p.role = STR_NONE;
	p.phase = FACT_NONE;
	assert_int_equal(round_trip(FACT_PROCESS, &p, &kind, &f, &b, &err),
	    -EPROTO);
	assert_string_equal(err.msg, "fact process: phase must be there");
	channel_done(&b);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_column_is_in_the_schema),
		cmocka_unit_test(structs_have_no_forgotten_member),
		cmocka_unit_test(a_fact_comes_back_as_it_was),
		cmocka_unit_test(what_does_not_fit_is_refused_by_name),
	};

	assert_int_equal(argc, 2);
	schema_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
