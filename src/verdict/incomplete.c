/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What could not be seen (DESIGN §1): events dropped, a required view lost,
 * install or import not exercised, facts or rules that did not work. Each
 * query gives one sentence per row. Runs in judge.
 */
#include <stddef.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "runfile/reader.h"
#include "runfile/writer.h"
#include "verdict/score.h"
#include "verdict/score_priv.h"

#define EXERCISED "f.baseline = 0 AND f.trigger IN ('install', 'import')"

static const char *const queries[] = {
	"SELECT f.trigger || ': the view ' || v.view || ' dropped ' || "
	"sum(v.dropped) || ' events' FROM phase_view v "
	"JOIN phase f ON f.id = v.phase "
	"WHERE f.baseline = 0 AND v.dropped > 0 "
	"GROUP BY f.trigger, v.view ORDER BY min(f.id), v.view",

	"SELECT f.trigger || ': the view ' || v.view || ' was lost' || "
	"coalesce(' (' || min(v.reason) || ')', '') FROM phase_view v "
	"JOIN phase f ON f.id = v.phase "
	"WHERE f.baseline = 0 AND v.available = 0 "
	"GROUP BY f.trigger, v.view ORDER BY min(f.id), v.view",

	"SELECT f.trigger || ': nothing recorded what it did' FROM phase f "
	"WHERE " EXERCISED " AND f.status IN ('completed', 'failed') "
	"AND coalesce(f.reason, '') NOT LIKE '" PHASE_NOTHING_TO "%' "
	"AND NOT EXISTS (SELECT 1 FROM phase_view v WHERE v.phase = f.id "
	"AND v.view IN ('ebpf', 'notify', 'ptrace')) GROUP BY f.trigger ORDER "
	"BY min(f.id)",

	"SELECT f.trigger || CASE f.status WHEN 'timeout' "
	"THEN ' did not end in time' WHEN 'limit' THEN ' reached a limit' "
	"ELSE ' was not started' END || coalesce(' (' || min(f.reason) || "
	"')', '') FROM phase f WHERE " EXERCISED " "
	"AND (f.status IS NULL OR f.status IN ('timeout', 'limit') "
	"OR (f.status = 'skipped' AND coalesce(f.reason, '') "
	"NOT LIKE '" PHASE_NOTHING_TO "%')) "
	"GROUP BY f.trigger, f.status ORDER BY min(f.id)",

	"SELECT n.t || ' was not started' FROM (SELECT 'install' AS t "
	"UNION ALL SELECT 'import') n, run r "
	"WHERE r.origin IS NOT 'command' AND NOT EXISTS "
	"(SELECT 1 FROM phase f WHERE f.baseline = 0 AND f.trigger = n.t)",

	"SELECT 'the analysis was ' || CASE r.status WHEN 'failed' "
	"THEN 'not finished' ELSE r.status END || "
	"coalesce(' (' || r.reason || ')', '') FROM run r "
	"WHERE r.status IN ('failed', 'interrupted')",

	"SELECT 'facts were refused: ' || CAST(m.value AS TEXT) "
	"FROM metadata m WHERE m.key = '" WRITER_REFUSED_KEY "'",

	"SELECT 'the search for planted secrets was ' || "
	"CAST(m.value AS TEXT) FROM metadata m "
	"WHERE m.key = 'judge.canaries'",
};

static int
ask(struct reader *r, struct arena *a, const char *sql, struct verdict *v,
    int *ret_n, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = reader_prepare(r, sql, &st, err);

	while (rc == 0 && (rc = reader_step(r, st, err)) == 1) {
		verdict_reason(v, arena_str(a, reader_str(st, 0)));
		(*ret_n)++;
		rc = 0;
		if (*ret_n >= 50)
			break;
	}
	return rc;
}

int
incomplete_find(struct reader *r, struct arena *a, const struct str *broken,
    size_t n_broken, struct verdict *v, struct error *err)
{
	int n = 0, rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(queries) && rc == 0; i++)
		rc = ask(r, a, queries[i], v, &n, err);
	for (size_t i = 0; i < n_broken && rc == 0; i++, n++)
		verdict_reason(v,
		    str_of(arena_printf(a, "a rule could not be applied: %.*s",
			STR_ARG(broken[i]))));
	if (n != 0 && v->label == LABEL_CLEAN)
		v->label = LABEL_INCOMPLETE;
	return rc;
}
