/* SPDX-License-Identifier: Apache-2.0 */
/* Writer and reader against each other, over a file without a name. */
#include "runfile/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "runfile/blank.h"
#include "runfile/database.h"
#include "runfile/reader.h"

struct file {
	int fd;
	sqlite3 *db;
	struct writer *w;
};

static void
make(struct file *f)
{
	f->fd = memfd_create("run", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(database_open(f->fd, true, &f->db, NULL), 0);
	assert_int_equal(writer_new(f->db, &f->w, NULL), 0);
}

static void
finish(struct file *f, struct reader **ret)
{
	struct error err = ERROR_INIT;

	assert_int_equal(writer_link(f->w, &err), 0);
	assert_int_equal(writer_commit(f->w, &err), 0);
	writer_free(f->w);
	database_close(f->db);
	if (reader_open(f->fd, "test.laz", ret, &err) != 0)
		fail_msg("%s", err.msg);
}

static void
add(struct file *f, enum fact_kind kind, const void *fact)
{
	assert_int_equal(writer_add(f->w, kind, fact, NULL), 0);
}

static const char *
answer(struct reader *r, const char *sql)
{
	static char text[512];
	struct error err = ERROR_INIT;
	sqlite3_stmt *st = NULL;
	int rc;

	(void)snprintf(text, sizeof(text), "(none)");
	rc = reader_prepare(r, sql, &st, &err);
	if (rc == 0)
		rc = reader_step(r, st, &err);
	if (rc < 0)
		(void)snprintf(text, sizeof(text), "error: %s", err.msg);
	else if (rc == 1)
		(void)snprintf(text, sizeof(text), "%.*s",
		    STR_ARG(reader_str(st, 0)));
	reader_finishp(&st);
	return text;
}

static void
add_run(struct file *f)
{
	struct fact_run run;
	struct fact_phase phase;

	fact_init(FACT_RUN, &run);
	run.tool_version = STR_LIT("1");
	run.ecosystem = STR_LIT("npm");
	run.name = STR_LIT("root");
	run.version = STR_LIT("1.0.0");
	run.purl = STR_LIT("pkg:npm/root@1.0.0");
	add(f, FACT_RUN, &run);
	fact_init(FACT_PHASE, &phase);
	phase.id = 1;
	phase.trigger = STR_LIT("install");
	add(f, FACT_PHASE, &phase);
}

static void
a_second_fact_fills_and_never_clears(void **state)
{
	struct file f;
	struct reader *r;
	struct fact_phase p;
	struct fact_run run;

	(void)state;
	make(&f);
	add_run(&f);
	fact_init(FACT_PHASE, &p);
	p.id = 1;
	p.trigger = STR_LIT("install");
	p.baseline = 1;
	add(&f, FACT_PHASE, &p);
	p.baseline = FACT_NONE;
	p.status = STR_LIT("completed");
	add(&f, FACT_PHASE, &p);
	fact_init(FACT_RUN, &run);
	run.tool_version = STR_LIT("2");
	add(&f, FACT_RUN, &run);
	finish(&f, &r);
	assert_string_equal(answer(r, "SELECT baseline || status FROM phase"),
	    "1completed");
	assert_string_equal(answer(r, "SELECT tool_version || purl FROM run"),
	    "2pkg:npm/root@1.0.0");
	reader_free(r);
	(void)close(f.fd);
}

static void
packages_get_names_and_purls(void **state)
{
	struct file f;
	struct reader *r;
	struct fact_process p;
	struct fact_dependency d;

	(void)state;
	make(&f);
	add_run(&f);
	fact_init(FACT_PROCESS, &p);
	p.phase = 1;
	p.package = STR_LIT("node_modules/a/node_modules/@s/b");
	add(&f, FACT_PROCESS, &p);
	p.package = STR_LIT("node_modules/root");
	add(&f, FACT_PROCESS, &p);
	p.package = STR_LIT("");
	add(&f, FACT_PROCESS, &p);
	fact_init(FACT_DEPENDENCY, &d);
	d.name = STR_LIT("@s/b");
	d.version = STR_LIT("2.0.0-rc+1");
	d.path = STR_LIT("node_modules/a/node_modules/@s/b");
	add(&f, FACT_DEPENDENCY, &d);
	finish(&f, &r);
	assert_string_equal(answer(r,
				"SELECT group_concat(CAST(path AS TEXT) "
				"|| '=' || coalesce(purl, '-'), ' ') FROM "
				"package"),
	    "node_modules/a/node_modules/@s/b=pkg:npm/%40s/b@2.0.0-rc%2B1 "
	    "node_modules/root=pkg:npm/root@1.0.0 =-");
	assert_string_equal(answer(r,
				"SELECT package_path FROM process_v "
				"WHERE id = 1"),
	    "node_modules/a/node_modules/@s/b");
	reader_free(r);
	(void)close(f.fd);
}

static void
connections_find_their_process(void **state)
{
	struct file f;
	struct reader *r;
	struct fact_process p;
	struct fact_socket_event s;
	struct fact_connection c;
	struct fact_dns_query q;
	struct fact_http_exchange h;

	(void)state;
	make(&f);
	add_run(&f);
	fact_init(FACT_PROCESS, &p);
	p.phase = 1;
	p.id = 7;
	p.package = STR_LIT("node_modules/x");
	add(&f, FACT_PROCESS, &p);
	p.id = 8;
	add(&f, FACT_PROCESS, &p);
	fact_init(FACT_SOCKET_EVENT, &s);
	s.phase = 1;
	s.op = STR_LIT("connect");
	s.family = 2;
	s.type = 1;
	s.local_port = 4000;
	s.process = 8;
	s.at = 10;
	add(&f, FACT_SOCKET_EVENT, &s);
	s.process = 7;
	s.at = 900;
	add(&f, FACT_SOCKET_EVENT, &s);
	s.type = 2; /* the same number, another protocol */
	s.process = 9;
	s.at = 1000;
	add(&f, FACT_SOCKET_EVENT, &s);
	fact_init(FACT_DNS_QUERY, &q);
	q.phase = 1;
	q.at = 5;
	q.name = STR_LIT("host.test");
	q.answer = STR_LIT("198.51.100.7");
	add(&f, FACT_DNS_QUERY, &q);
	fact_init(FACT_CONNECTION, &c);
	c.id = 3;
	c.phase = 1;
	c.at = 1000;
	c.protocol = STR_LIT("tcp");
	c.local_port = 4000;
	c.address = STR_LIT("198.51.100.7");
	add(&f, FACT_CONNECTION, &c);
	fact_init(FACT_HTTP_EXCHANGE, &h);
	h.phase = 1;
	h.connection = 3;
	h.at = 1100;
	add(&f, FACT_HTTP_EXCHANGE, &h);
	finish(&f, &r);
	assert_string_equal(answer(r,
				"SELECT process || ' ' || name || ' ' "
				"|| package FROM connection_v WHERE id = 3"),
	    "7 host.test 1");
	assert_string_equal(answer(r,
				"SELECT process || ' ' || package_path "
				"FROM http_exchange_v "
				"WHERE connection = 3"),
	    "7 node_modules/x");
	reader_free(r);
	(void)close(f.fd);
}

/* One process connects, another one sends over it: what was said is charged to
 * that one. */
static void
senders_are_found(void **state)
{
	struct fact_http_exchange h;
	struct fact_socket_event s;
	struct fact_connection c;
	struct fact_process p;
	struct file f;
	struct reader *r;

	(void)state;
	make(&f);
	add_run(&f);
	fact_init(FACT_PROCESS, &p);
	p.phase = 1;
	for (p.id = 7; p.id <= 9; p.id++)
		add(&f, FACT_PROCESS, &p);
	fact_init(FACT_HTTP_EXCHANGE, &h);
	h.phase = 1;
	h.connection = 4;
	h.at = 300000000;
	add(&f, FACT_HTTP_EXCHANGE, &h);
	fact_init(FACT_CONNECTION, &c);
	c.phase = 1;
	c.protocol = STR_LIT("tcp");
	c.id = 4;
	c.at = 2000;
	c.local_port = 5000;
	add(&f, FACT_CONNECTION, &c);
	fact_init(FACT_SOCKET_EVENT, &s);
	s.phase = 1;
	s.family = 2;
	s.type = 1;
	s.local_port = 5000;
	s.op = STR_LIT("connect");
	s.process = 7;
	s.at = 1990;
	add(&f, FACT_SOCKET_EVENT, &s);
	s.op = STR_LIT("send");
	s.process = 8;
	s.at = 200000000;
	add(&f, FACT_SOCKET_EVENT, &s);
	s.process = 9; /* after it */
	s.at = 500000000;
	add(&f, FACT_SOCKET_EVENT, &s);
	finish(&f, &r);
	assert_string_equal(answer(r,
				"SELECT c.process || ' ' || h.process "
				"FROM connection c JOIN http_exchange h "
				"ON h.connection = c.id WHERE c.id = 4"),
	    "7 8");
	reader_free(r);
	(void)close(f.fd);
}

static int
count_steps(void *steps)
{
	(*(int64_t *)steps)++;
	return 0;
}

/* Of everything that is linked with something else n rows: as alike as they
 * can be, half of them without what they are looked for. */
static void
add_crowd(struct file *f, int n)
{
	struct fact_socket_event s;
	struct fact_connection c;
	struct fact_http_exchange h;
	struct fact_dns_query q;
	struct fact_dependency d;
	struct fact_process p;
	char path[40];

	fact_init(FACT_PROCESS, &p);
	fact_init(FACT_SOCKET_EVENT, &s);
	fact_init(FACT_CONNECTION, &c);
	fact_init(FACT_HTTP_EXCHANGE, &h);
	fact_init(FACT_DNS_QUERY, &q);
	fact_init(FACT_DEPENDENCY, &d);
	p.phase = s.phase = c.phase = h.phase = q.phase = 1;
	s.family = 2;
	s.local_port = c.local_port = 5000;
	s.address = q.resolver = STR_LIT("198.51.100.1");
	c.address = q.answer = STR_LIT("198.51.100.7");
	c.port = 443;
	q.name = STR_LIT("a.test");
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "/p/node_modules/p%d", i);
		p.id = c.id = i + 1;
		p.package = str_of(path);
		add(f, FACT_PROCESS, &p);
		d.path = i % 2 == 0 ? p.package : STR_LIT("/elsewhere");
		d.name = str_of(strrchr(path, '/') + 1);
		d.version = STR_LIT("1");
		add(f, FACT_DEPENDENCY, &d);
		s.at = c.at = h.at = q.at = 1000 * i;
		s.process = i + 1;
		s.type = i % 3 == 0 ? FACT_NONE : 2;
		s.op = i < n / 2 ? STR_LIT("send") : STR_LIT("connect");
		s.port = 53;
		add(f, FACT_SOCKET_EVENT, &s);
		c.protocol = i % 2 == 0 ? STR_LIT("udp") : STR_LIT("tcp");
		add(f, FACT_CONNECTION, &c);
		h.connection = c.id;
		add(f, FACT_HTTP_EXCHANGE, &h);
		add(f, FACT_DNS_QUERY, &q);
	}
}

static void
linking_is_not_rows_times_rows(void **state)
{
	int64_t steps[2] = { 0, 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct file f;
		struct reader *r;

		make(&f);
		add_run(&f);
		add_crowd(&f, 1000 << i);
		sqlite3_progress_handler(f.db, 100, count_steps, &steps[i]);
		finish(&f, &r);
		assert_string_equal(answer(r,
					"SELECT count(*) FROM connection "
					"WHERE process IS NULL"),
		    "0");
		assert_string_equal(answer(r,
					"SELECT count(*) FROM dns_query "
					"WHERE process IS NOT id"),
		    "0");
		reader_free(r);
		(void)close(f.fd);
	}
	if (steps[1] > 5 * steps[0] / 2)
		fail_msg("%lld steps for so many rows, %lld for twice",
		    (long long)steps[0], (long long)steps[1]);
}

static void
text_views_are_safe(void **state)
{
	const struct {
		struct str path;
		const char *shown;
	} rows[] = {
		{ STR_LIT("/plain file"), "/plain file" },
		{ STR_LIT("/caf\xc3\xa9"), "/caf\xc3\xa9" },
		{ STR_LIT("/a\x1b[2J"), "x'2F611B5B324A'" },
		{ STR_LIT("/a\xff"), "x'2F61FF'" },
		{ STR_LIT("/a\0b"), "x'2F610062'" },
		{ STR_LIT("/\xe2\x80\xae"
			  "gpj.sh"),
		    "x'2FE280AE67706A2E7368'" },
	};
	struct file f;
	struct reader *r;
	struct fact_process p;
	char sql[80];

	(void)state;
	make(&f);
	add_run(&f);
	fact_init(FACT_PROCESS, &p);
	p.phase = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p.id = (int64_t)i + 1;
		p.exe = rows[i].path;
		p.argv = STR_LIT("sh\0-c\0echo  \x1b x\0\0");
		add(&f, FACT_PROCESS, &p);
	}
	finish(&f, &r);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(sql, sizeof(sql),
		    "SELECT exe FROM process_v WHERE id = %zu", i + 1);
		assert_string_equal(answer(r, sql), rows[i].shown);
	}
	assert_string_equal(answer(r, "SELECT argv FROM process_v"),
	    "sh -c x'6563686F20201B2078' ");
	reader_free(r);
	(void)close(f.fd);
}

static void
blobs_come_back_and_lies_are_refused(void **state)
{
	struct file f;
	struct reader *r;
	struct fact_blob b;
	struct fact_payload p;
	struct buf out;

	(void)state;
	make(&f);
	add_run(&f);
	fact_init(FACT_BLOB, &b);
	b.bytes = STR_LIT("some bytes some bytes some bytes");
	add(&f, FACT_BLOB, &b);
	add(&f, FACT_BLOB, &b);
	b.sha256 = STR_LIT("0000000000000000000000000000000000000000"
			   "000000000000000000000000");
	assert_int_equal(writer_add(f.w, FACT_BLOB, &b, NULL), 1);
	fact_init(FACT_PAYLOAD, &p);
	assert_int_equal(writer_refused(f.w), 1);
	finish(&f, &r);
	assert_string_equal(answer(r, "SELECT count(*) FROM blob"), "1");
	assert_string_equal(answer(r, "SELECT value FROM metadata"),
	    "1: blob: sha256 is not that of its bytes");
	buf_init(&out, 1000);
	assert_int_equal(reader_blob(r,
			     str_of(answer(r, "SELECT sha256 FROM blob")), &out,
			     NULL),
	    0);
	assert_string_equal(buf_str(&out).p, b.bytes.p);
	assert_int_equal(reader_blob(r, b.sha256, &out, NULL), 1);
	buf_done(&out);
	buf_init(&out, 5); /* a bomb is cut */
	assert_int_equal(reader_blob(r,
			     str_of(answer(r, "SELECT sha256 FROM blob")), &out,
			     NULL),
	    0);
	assert_true(out.full);
	buf_done(&out);
	reader_free(r);
	(void)close(f.fd);
}

static void
a_reader_only_reads(void **state)
{
	static const char *const bad[] = {
		"DELETE FROM run",
		"UPDATE run SET purl = 'x'",
		"INSERT INTO reason(text) VALUES('x')",
		"DROP TABLE run",
		"CREATE TABLE t(a)",
		"CREATE TEMP TABLE t(a)",
		"ATTACH '/etc/passwd' AS x",
		"PRAGMA writable_schema = ON",
		"PRAGMA query_only = OFF",
		"PRAGMA application_id = 3",
		"VACUUM INTO '/tmp/x'",
		"SELECT load_extension('x')",
		"BEGIN",
	};
	struct file f;
	struct reader *r;

	(void)state;
	make(&f);
	add_run(&f);
	finish(&f, &r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (str_starts(str_of(answer(r, bad[i])), "error: ") == false)
			fail_msg("allowed: %s", bad[i]);
	assert_string_equal(answer(r, "SELECT count(*) FROM run"), "1");
	reader_budget(r, 100000);
	assert_string_equal(answer(r,
				"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
				"SELECT i + 1 FROM "
				"n) SELECT count(*) FROM n"),
	    "error: more work than a query is allowed; narrow it");
	assert_true(reader_spent(r));
	reader_free(r);
	(void)close(f.fd);
}

static void
what_is_no_run_file_is_said(void **state)
{
	struct error err = ERROR_INIT;
	struct reader *r;
	struct file f;
	int fd = memfd_create("x", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(reader_open(fd, "a.laz", &r, &err), -EINVAL);
	assert_string_equal(err.msg, "a.laz is not a run file (*.laz)");
	(void)close(fd);

	make(&f);
	add_run(&f);
	finish(&f, &r);
	reader_free(r);
	assert_int_equal(pwrite(f.fd, "\0\0\0\x07", 4, 60), 4);
	assert_int_equal(reader_open(f.fd, "b.laz", &r, &err), -EINVAL);
	assert_string_equal(err.msg,
	    "b.laz is a run file of version 7; this "
	    "lazaret reads up to 1: use a newer one");
	assert_int_equal(pwrite(f.fd, "\0\0\0\x01", 4, 60), 4);
	for (int at = 100; at < 4000; at += 4)
		assert_int_equal(pwrite(f.fd, "\xff\xff\xff\xff", 4, at), 4);
	assert_int_equal(reader_open(f.fd, "c.laz", &r, &err), -EINVAL);
	assert_true(str_starts(str_of(err.msg), "c.laz is damaged: "));
	(void)close(f.fd);
}

static char *
schema_of(sqlite3 *db)
{
	static const char sql[] =
	    "SELECT group_concat(type || name || tbl_name || "
	    "coalesce(sql, ''), char(10)) || (SELECT user_version FROM "
	    "pragma_user_version) || (SELECT application_id FROM "
	    "pragma_application_id) FROM sqlite_schema";
	sqlite3_stmt *st = NULL;
	char *text;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	text = mem_strdup((const char *)sqlite3_column_text(st, 0));
	(void)sqlite3_finalize(st);
	return text;
}

/* What was made when this was built is what its SQL makes now; a file with
 * facts in it stays as it is. */
static void
the_blank_file_is_the_schema(void **state)
{
	_cleanup_(freep) char *made = NULL;
	_cleanup_(freep) char *blank = NULL;
	struct reader *r;
	struct file f, made_now;

	(void)state;
	make(&made_now);
	assert_int_equal(writer_commit(made_now.w, NULL), 0);
	made = schema_of(made_now.db);
	finish(&made_now, &r);
	reader_free(r);
	(void)close(made_now.fd);

	f.fd = memfd_create("run", MFD_CLOEXEC);
	assert_int_equal(blank_write(f.fd, NULL), 0);
	assert_int_equal(database_open(f.fd, true, &f.db, NULL), 0);
	assert_int_equal(writer_new(f.db, &f.w, NULL), 0);
	assert_int_equal(writer_commit(f.w, NULL), 0);
	blank = schema_of(f.db);
	assert_string_equal(blank, made);
	add_run(&f);
	finish(&f, &r);
	reader_free(r);
	assert_int_equal(blank_write(f.fd, NULL), 0);
	if (reader_open(f.fd, "test.laz", &r, NULL) != 0)
		fail_msg("the file was written over");
	assert_string_equal(answer(r, "SELECT count(*) FROM run"), "1");
	reader_free(r);
	(void)close(f.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_fact_fills_and_never_clears),
		cmocka_unit_test(packages_get_names_and_purls),
		cmocka_unit_test(connections_find_their_process),
		cmocka_unit_test(senders_are_found),
		cmocka_unit_test(linking_is_not_rows_times_rows),
		cmocka_unit_test(text_views_are_safe),
		cmocka_unit_test(blobs_come_back_and_lies_are_refused),
		cmocka_unit_test(a_reader_only_reads),
		cmocka_unit_test(what_is_no_run_file_is_said),
		cmocka_unit_test(the_blank_file_is_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
