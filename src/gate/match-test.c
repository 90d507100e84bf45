/* SPDX-License-Identifier: Apache-2.0 */
/* Argument: match.test. Real snapshots, made in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "gate/gate.h"
#include "gate/match.h"
#include "gate/pattern.h"
#include "gate/policy.h"
#include "lockfile/lockfile.h"
#include "osv/osv.h"
#include "snapshot/make.h"
#include "snapshot/snapshot.h"

#define N_SNAPSHOTS 3
#define MAX_ITEMS   8

static const char *table_path;

static const char *const registries[] = { "npm", "https://registry.test/",
	"PyPI", "https://pypi.test/simple/", NULL };

struct story {
	struct arena *a;
	struct str documents[N_SNAPSHOTS][MAX_ITEMS];
	size_t n_documents[N_SNAPSHOTS];
	struct snapshot *open[N_SNAPSHOTS];
	struct match_snapshot snapshots[N_SNAPSHOTS];
	struct lock_list list;
	struct gate_file file;
	struct policy policy;
	struct buf yaml;
	struct pattern internal[MAX_ITEMS];
	struct str public[MAX_ITEMS];
	struct match_input in;
};

/* What stands behind "key:", or p NULL. */
static struct str
after(struct str word, const char *key)
{
	size_t n = strlen(key);

	if (!str_starts(word, key) || word.n <= n || word.p[n] != ':')
		return STR_NONE;
	return str_sub(word, n + 1, word.n);
}

static struct str
spaced(struct story *y, struct str s)
{
	char *z = arena_strz(y->a, s);

	for (char *p = z; *p != '\0'; p++)
		*p = *p == '_' ? ' ' : *p;
	return str_of(z);
}

/* --- reports --------------------------------------------------------------
 */

static void
put_versions(struct buf *b, struct str v)
{
	ptrdiff_t dots = str_find(v, STR_LIT(".."));
	struct str one;

	if ((one = after(v, "commit")).p != NULL) {
		buf_printf(b,
		    "\"ranges\":[{\"type\":\"GIT\",\"repo\":"
		    "\"https://git.test/acme/x\",\"events\":[{"
		    "\"introduced\":\"%.*s\"}]}]",
		    STR_ARG(one));
	} else if (str_is(v, "*")) {
		buf_puts(b,
		    "\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{"
		    "\"introduced\":\"0\"}]}]");
	} else if (dots > 0) {
		buf_printf(b,
		    "\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{"
		    "\"introduced\":\"%.*s\"},{\"fixed\":\"%.*s\"}]}]",
		    (int)dots, v.p, (int)(v.n - (size_t)dots - 2),
		    v.p + dots + 2);
	} else {
		buf_puts(b, "\"versions\":[");
		for (bool first = true; str_cut(&v, ',', &one); first = false)
			buf_printf(b, "%s\"%.*s\"", first ? "" : ",",
			    STR_ARG(one));
		buf_putc(b, ']');
	}
}

static void
add_report(struct story *y, struct str s)
{
	struct str id, ecosystem, name, versions, word, day, v, alias, cwe;
	bool withdrawn = false;
	size_t in = 0;
	struct buf b;

	assert_true(str_cut(&s, ' ', &id));
	assert_true(str_cut(&s, ' ', &ecosystem));
	assert_true(str_cut(&s, ' ', &name));
	assert_true(str_cut(&s, ' ', &versions));
	day = STR_LIT("2026-01-01");
	alias = cwe = STR_NONE;
	while (str_cut(&s, ' ', &word)) {
		if (str_is(word, "withdrawn"))
			withdrawn = true;
		if ((v = after(word, "alias")).p != NULL)
			alias = v;
		if ((v = after(word, "cwe")).p != NULL)
			cwe = v;
		if ((v = after(word, "at")).p != NULL)
			day = v;
		if ((v = after(word, "in")).p != NULL)
			in = (size_t)(v.p[0] - '0');
	}
	assert_true(in < N_SNAPSHOTS);
	buf_init(&b, MIB);
	buf_printf(&b,
	    "{\"schema_version\":\"1.7.5\",\"id\":\"%.*s\",\"modified\":"
	    "\"%.*sT00:00:00Z\",%s\"summary\":\"Sends files away\",",
	    STR_ARG(id), STR_ARG(day),
	    withdrawn ? "\"withdrawn\":\"2026-05-01T00:00:00Z\"," : "");
	if (alias.p != NULL)
		buf_printf(&b, "\"aliases\":[\"%.*s\"],", STR_ARG(alias));
	if (cwe.p != NULL)
		buf_printf(&b,
		    "\"database_specific\":{\"cwe_ids\":[\"CWE-%.*s\"]},",
		    STR_ARG(cwe));
	buf_puts(&b, "\"affected\":[{");
	if (!str_is(ecosystem, "-"))
		buf_printf(&b,
		    "\"package\":{\"ecosystem\":\"%s\",\"name\":\"%.*s\"},",
		    spaced(y, ecosystem).p, STR_ARG(name));
	put_versions(&b, versions);
	buf_puts(&b, "}]}");
	y->documents[in][y->n_documents[in]++] = arena_str(y->a, buf_str(&b));
	assert_true(y->n_documents[in] < MAX_ITEMS);
	buf_done(&b);
}

static void
open_snapshots(struct story *y, struct str reports)
{
	ptrdiff_t at;

	/* Something is known of npm in every story. */
	add_report(y, STR_LIT("MAL-2020-1 npm filler 0.0.1"));
	while ((at = str_find(reports, STR_LIT(" ; "))) >= 0) {
		add_report(y, str_sub(reports, 0, (size_t)at));
		reports = str_sub(reports, (size_t)at + 3, reports.n);
	}
	add_report(y, reports);
	for (size_t i = 0; i < N_SNAPSHOTS; i++) {
		struct make_input in = { .documents = y->documents[i],
			.n = y->n_documents[i],
			.registries = registries,
			.built_at_s = 1700000000 };
		struct error err = ERROR_INIT;
		int fd;

		if (snapshot_make(&in, &fd, &err) != 0)
			fail_msg("%s", err.msg);
		assert_int_equal(snapshot_open(fd, &y->open[i], &err), 0);
		(void)close(fd);
		y->snapshots[i] = (struct match_snapshot){
			str_of(arena_printf(y->a, "%zu", i)), y->open[i]
		};
	}
}

/* --- the package ------------------------------------------------------------
 */

static void
put_entry(struct story *y, const char *list, const char *key, struct str what)
{
	buf_printf(&y->yaml,
	    "%s: [{%s: \"%.*s\", reason: r, expires: 2026-12-31}]\n", list, key,
	    STR_ARG(what));
}

static void
take_word(struct story *y, struct lock_package *p, struct str word)
{
	struct str v;

	if ((v = after(word, "internal")).p != NULL)
		assert_int_equal(pattern_parse(v,
				     &y->internal[y->in.n_internal++], NULL),
		    0);
	if ((v = after(word, "public")).p != NULL)
		y->public[y->in.n_registries++] = v;
	if ((v = after(word, "allow")).p != NULL)
		put_entry(y, "allow", "package", v);
	if ((v = after(word, "allow-id")).p != NULL)
		put_entry(y, "allow", "id", v);
	if ((v = after(word, "deny")).p != NULL)
		put_entry(y, "deny", "package", v);
	if ((v = after(word, "deny-id")).p != NULL)
		put_entry(y, "deny", "id", v);
	if ((v = after(word, "young")).p != NULL) {
		y->in.min_age_s = 3 * 86400;
		if (!str_is(v, "?"))
			p->published = str_of(arena_printf(y->a,
			    "%.*sT00:00:00+00:00", STR_ARG(v)));
	}
}

static void
add_package(struct story *y, struct str s)
{
	struct str ecosystem, name, version, origin, word;
	struct lock_package *p;

	assert_true(str_cut(&s, ' ', &ecosystem));
	assert_true(str_cut(&s, ' ', &name));
	assert_true(str_cut(&s, ' ', &version));
	assert_true(str_cut(&s, ' ', &origin));
	if (str_is(version, "?"))
		version = STR_NONE;
	p = lock_add(&y->list, spaced(y, ecosystem).p, name, version, 3);
	p->origin = origin;
	while (str_cut(&s, ' ', &word))
		take_word(y, p, word);
}

/* --- what is found ----------------------------------------------------------
 */

static void
put_found(const struct gate_result *r, struct buf *out)
{
	static const char *const reaches[] = {
		[GATE_REACH_NONE] = "-",
		[GATE_REACH_VERSION] = "version",
		[GATE_REACH_RANGE] = "range",
		[GATE_REACH_PACKAGE] = "package",
	};
	const struct gate_finding *f = r->findings.v;

	if (r->findings.n == 0) {
		if (r->allowed.n != 0)
			buf_printf(out, "allowed %.*s",
			    STR_ARG(r->allowed.v[0].id));
		else if (r->n_unknown_age != 0)
			buf_puts(out, "unknown-age");
		else
			buf_puts(out, r->notes.n != 0 ? "note" : "none");
		return;
	}
	assert_int_equal(r->findings.n, 1);
	assert_true(f->why.n != 0);
	assert_int_equal(f->summary.n != 0, f->n_records != 0);
	buf_printf(out, "%s %.*s %s %s", gate_status_name(f->status),
	    STR_ARG(f->id), reaches[f->reach], f->n_records == 0 ? "-" : "");
	for (size_t i = 0; i < f->n_records; i++)
		buf_printf(out, "%s%.*s", i == 0 ? "" : ",",
		    STR_ARG(f->records[i]));
}

static void
check(const char *reports, const char *package, const char *want)
{
	struct arena *a = arena_new(256 * (size_t)MIB);
	struct story *y = arena_alloc(a, sizeof(*y));
	struct error err = ERROR_INIT;
	struct gate_result r;
	struct buf got;

	y->a = a;
	buf_init(&y->yaml, MIB);
	buf_init(&got, MIB);
	lock_list_init(&y->list, a);
	open_snapshots(y, str_of(reports));
	add_package(y, str_of(package));
	if (policy_parse(a, STR_LIT("p"), buf_str(&y->yaml), &y->policy,
		&err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(osv_time_parse(STR_LIT("2026-06-10T00:00:00Z"),
			     &y->in.now_s),
	    0);
	y->in.snapshots = y->snapshots;
	y->in.n_snapshots = N_SNAPSHOTS;
	y->in.policy = &y->policy;
	y->in.internal = y->internal;
	y->in.registries = y->public;
	y->file = (struct gate_file){ STR_LIT("lock"), &y->list };
	gate_result_init(&r, a);
	r.files = &y->file;
	r.n_files = 1;
	if (match_run(&y->in, &r, &err) != 0)
		fail_msg("%s", err.msg);
	put_found(&r, &got);
	if (!str_is(buf_str(&got), want))
		fail_msg("%s\n%s: %s, wanted %s", reports, package, got.p,
		    want);
	gate_result_done(&r);
	buf_done(&got);
	buf_done(&y->yaml);
	policy_done(&y->policy);
	lock_list_done(&y->list);
	for (size_t i = 0; i < N_SNAPSHOTS; i++)
		snapshot_close(y->open[i]);
	arena_free(a);
}

static void
the_table_holds(void **state)
{
	FILE *f = fopen(table_path, "r");
	char lines[3][1024];
	int n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(lines[0], sizeof(lines[0]), f) != NULL) {
		if (lines[0][0] == '#' || lines[0][0] == '\n')
			continue;
		for (int i = 1; i < 3; i++)
			assert_non_null(fgets(lines[i], sizeof(lines[i]), f));
		for (int i = 0; i < 3; i++)
			lines[i][strcspn(lines[i], "\n")] = '\0';
		check(lines[0], lines[1], lines[2]);
		n++;
	}
	(void)fclose(f);
	assert_true(n >= 60);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
	};

	assert_int_equal(argc, 2);
	table_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
