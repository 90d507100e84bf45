/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of an analysis (DESIGN §1). Runs in show. */
#include <stddef.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/str.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "verdict/report.h"
#include "verdict/rules.h"

int
report_prepare(struct reader *r, struct error *err)
{
	return rules_prepare(r, err);
}

static void
put_value(struct json *j, sqlite3_stmt *st, int column)
{
	switch (sqlite3_column_type(st, column)) {
	case SQLITE_INTEGER:
		json_int(j, sqlite3_column_int64(st, column));
		break;
	case SQLITE_FLOAT:
		json_double(j, sqlite3_column_double(st, column));
		break;
	default:
		json_str(j, reader_str(st, column)); /* absent: null */
	}
}

/* Members named as the columns are. */
static void
put_members(struct json *j, sqlite3_stmt *st, int from)
{
	for (int c = from; c < sqlite3_column_count(st); c++) {
		json_key(j, sqlite3_column_name(st, c));
		put_value(j, st, c);
	}
}

/* An array of objects, or of values when there is one column. */
static int
put_array(struct json *j, struct reader *r, const char *key, const char *sql,
    int64_t parameter, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = reader_prepare(r, sql, &st, err);

	if (rc != 0)
		return rc;
	if (sqlite3_bind_parameter_count(st) != 0)
		(void)sqlite3_bind_int64(st, 1, parameter);
	json_key(j, key);
	json_array_begin(j);
	while ((rc = reader_step(r, st, err)) == 1) {
		if (sqlite3_column_count(st) == 1) {
			put_value(j, st, 0);
			continue;
		}
		json_object_begin(j);
		put_members(j, st, 0);
		json_object_end(j);
	}
	json_array_end(j);
	return rc;
}

static int
put_verdict(struct json *j, struct reader *r, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc;

	json_key(j, "verdict");
	rc = reader_prepare(r,
	    "SELECT label, class, score, culprit FROM verdict", &st, err);
	if (rc == 0)
		rc = reader_step(r, st, err);
	if (rc == 0)
		json_null(j);
	if (rc != 1)
		return rc;
	json_object_begin(j);
	put_members(j, st, 0);
	rc = put_array(j, r, "reasons", "SELECT text FROM reason ORDER BY id",
	    0, err);
	json_object_end(j);
	return rc;
}

static int
put_findings(struct json *j, struct reader *r, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc, more;

	rc = reader_prepare(r,
	    "SELECT f.id, f.rule, f.title, f.severity, f.class, f.summary, "
	    "f.phase, f.process, coalesce(k.purl, k.path) AS package "
	    "FROM finding f LEFT JOIN package k ON k.id = f.package "
	    "ORDER BY f.id",
	    &st, err);
	if (rc != 0)
		return rc;
	json_key(j, "findings");
	json_array_begin(j);
	while ((more = reader_step(r, st, err)) == 1 && rc == 0) {
		json_object_begin(j);
		put_members(j, st, 1);
		rc = put_array(j, r, "evidence",
		    "SELECT evidence_table AS \"table\", evidence_row AS "
		    "rowid, phase, process FROM evidence WHERE finding = ? "
		    "ORDER BY id",
		    reader_int(st, 0), err);
		json_object_end(j);
	}
	json_array_end(j);
	return more < 0 ? more : rc;
}

static const char phases_sql[] =
    "SELECT f.id, f.trigger, f.persona, f.subject, f.status, f.reason, "
    "f.wall_ns, f.cpu_ns, f.memory_peak, f.exit_status, f.exit_signal, "
    "(SELECT sum(v.events) FROM phase_view v WHERE v.phase = f.id) AS events, "
    "(SELECT sum(v.dropped) FROM phase_view v WHERE v.phase = f.id) "
    "AS dropped FROM phase f WHERE f.baseline = 0 ORDER BY f.id";

static int
put_all(struct json *j, struct reader *r, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc;

	rc = reader_prepare(r, "SELECT purl, artifact_sha256 FROM run", &st,
	    err);
	if (rc == 0)
		rc = reader_step(r, st, err);
	if (rc == 0)
		return error_set(err, -EINVAL, "the run file has no run");
	if (rc < 0)
		return rc;
	put_members(j, st, 0);
	rc = put_verdict(j, r, err);
	if (rc == 0)
		rc = put_findings(j, r, err);
	if (rc == 0)
		rc = put_array(j, r, "phases", phases_sql, 0, err);
	if (rc == 0)
		rc = put_array(j, r, "not_exercised",
		    "SELECT trigger, subject, reason FROM not_exercised "
		    "ORDER BY id",
		    0, err);
	return rc;
}

int
report_json(struct reader *r, struct buf *out, struct error *err)
{
	struct json j;
	int rc;

	reader_budget(r, 0);
	json_init(&j, out, 2);
	json_object_begin(&j);
	rc = put_all(&j, r, err);
	if (rc != 0)
		return rc;
	json_object_end(&j);
	buf_putc(out, '\n');
	if (out->full)
		return error_set(err, -EFBIG, "the report is too large");
	return 0;
}

static int
word_index(const char *const *words, struct str s)
{
	for (int i = 0; words[i] != NULL; i++)
		if (str_is(s, words[i]))
			return i;
	return -1;
}

int
report_status(struct reader *r, const char *fail_on, int *ret,
    struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int threshold = word_index(fact_labels, str_of(fail_on)), label, rc;

	rc = reader_prepare(r, "SELECT label FROM verdict", &st, err);
	if (rc == 0)
		rc = reader_step(r, st, err);
	if (rc < 0)
		return rc;
	label = rc == 1 ? word_index(fact_labels, reader_str(st, 0)) :
			  word_index(fact_labels, STR_LIT("clean"));
	*ret = EXIT_NOTHING_FOUND;
	if (rc == 1 && label >= 0 && label <= threshold)
		*ret = EXIT_FOUND;
	else if (label == word_index(fact_labels, STR_LIT("incomplete")))
		*ret = EXIT_INCOMPLETE;
	return 0;
}
