/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of a result that is made by hand, with names that bite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/exit.h"
#include "base/limits.h"
#include "gate/gate.h"
#include "gate/policy.h"
#include "gate/print.h"
#include "lockfile/lockfile.h"

/* Everything that a format could trip over. */
#define EVIL \
	"e\x1b[31mvil\"<&>'%,:\n::error::\xff\xe2\x80\xae\xc2\x9b\x7f" \
	"\xf3\xa0\x81\x81\x01"
#define EVIL_ID "MAL-2026-1"

struct made {
	struct arena *a;
	struct lock_list list;
	struct gate_file file;
	struct gate_result r;
	struct str records[2], aliases[1];
	struct policy_entry allow;
};

static struct lock_package *
add_package(struct made *m, const char *name, uint32_t line, uint32_t parent)
{
	struct lock_package *p =
	    lock_add(&m->list, "npm", str_of(name), STR_LIT("1.0.0"), line);

	p->parent = parent;
	return p;
}

static void
add_finding(struct made *m, enum gate_status s, uint32_t package)
{
	struct gate_finding f = { .status = s,
		.id = str_of(gate_status_id(s)),
		.package = package,
		.why = STR_LIT("because of\nwhat was seen") };

	if (s == GATE_MALICIOUS || s == GATE_UNVERIFIABLE) {
		f.id = STR_LIT(EVIL_ID);
		f.reach = GATE_REACH_VERSION;
		f.records = m->records;
		f.n_records = 2;
		f.aliases = m->aliases;
		f.n_aliases = 1;
		f.summary = STR_LIT("It sends <files> away");
	}
	vec_push(&m->r.findings, f);
}

static struct made *
make(void)
{
	struct arena *a = arena_new(64 * (size_t)MIB);
	struct made *m = arena_alloc(a, sizeof(*m));

	m->a = a;
	lock_list_init(&m->list, a);
	add_package(m, "app", 1, LOCK_NONE)->relation = LOCK_ROOT;
	add_package(m, "foo", 4, 0);
	add_package(m, EVIL, 7, 1);
	add_package(m, "@acme/core", 12, 0);
	add_package(m, "young", 15, 0);
	add_package(m, "twin", 20, 0)->origin =
	    STR_LIT("registry:https://npm.acme.test/");
	add_package(m, "twin", 30, 1)->origin =
	    STR_LIT("registry:https://npm.acme.test/");
	m->file = (struct gate_file){ STR_LIT("sub dir/package-lock.json"),
		&m->list };
	m->records[0] = STR_LIT(EVIL_ID);
	m->records[1] = STR_LIT("GHSA-aaaa-bbbb-cccc");
	m->aliases[0] = STR_LIT("PYSEC-2026-1");
	gate_result_init(&m->r, a);
	m->r.files = &m->file;
	m->r.n_files = 1;
	m->r.n_packages = m->list.packages.n;
	m->r.now_s = 1780000000;
	return m;
}

static struct made *
make_full(void)
{
	struct made *m = make();
	struct gate_finding allowed;

	add_finding(m, GATE_UNVERIFIABLE, 5);
	add_finding(m, GATE_UNVERIFIABLE, 6);
	add_finding(m, GATE_TOO_YOUNG, 4);
	add_finding(m, GATE_CONFUSION, 3);
	add_finding(m, GATE_MALICIOUS, 2);
	m->allow = (struct policy_entry){ .reason = STR_LIT("our <fork>"),
		.expires = STR_LIT("2026-12-31"),
		.file = STR_LIT("policy.yaml"),
		.line = 3 };
	add_finding(m, GATE_MALICIOUS, 1);
	allowed = m->r.findings.v[--m->r.findings.n];
	allowed.allowed = &m->allow;
	vec_push(&m->r.allowed, allowed);
	lock_error(&m->list, 99, "an entry ends too soon: %s", "\x1b[2J<");
	m->r.n_errors = 1;
	gate_note(&m->r, "worth a\nnote");
	gate_result_sort(&m->r);
	return m;
}

static void
unmake(struct made *m)
{
	struct arena *a = m->a;

	gate_result_done(&m->r);
	lock_list_done(&m->list);
	arena_free(a);
}

static void
print(struct made *m, enum print_format format, struct buf *ret)
{
	struct print p = { .out = ret };

	buf_init(ret, 16 * (size_t)MIB);
	print_result(&m->r, format, &p);
	assert_false(ret->full);
}

/* No byte that acts on a terminal, and well-formed text. */
static void
assert_harmless(struct str s)
{
	assert_true(str_is_utf8(s));
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\n')
			fail_msg("byte %02x at %zu", (unsigned)s.p[i], i);
	assert_true(str_find(s, STR_LIT("\xe2\x80\xae")) < 0);
}

static yyjson_doc *
parse(const struct buf *b)
{
	yyjson_read_err e;
	yyjson_doc *d = yyjson_read_opts(b->p, b->n, 0, NULL, &e);

	if (d == NULL)
		fail_msg("%s at %zu", e.msg, e.pos);
	return d;
}

static yyjson_val *
at(yyjson_doc *d, const char *pointer)
{
	yyjson_val *v = yyjson_doc_ptr_get(d, pointer);

	if (v == NULL)
		fail_msg("%s is missing", pointer);
	return v;
}

static void
assert_text(yyjson_doc *d, const char *pointer, const char *want)
{
	assert_string_equal(yyjson_get_str(at(d, pointer)), want);
}

static void
the_worst_comes_first(void **state)
{
	struct made *m = make_full();

	(void)state;
	assert_int_equal(m->r.findings.v[0].status, GATE_MALICIOUS);
	assert_int_equal(m->r.findings.v[1].status, GATE_CONFUSION);
	assert_int_equal(m->r.findings.v[4].package, 6);
	unmake(m);
}

static void
the_exit_status_follows_the_findings(void **state)
{
	static const struct {
		enum gate_status status;
		int want;
	} rows[] = {
		{ GATE_MALICIOUS, EXIT_FOUND },
		{ GATE_CONFUSION, EXIT_FOUND },
		{ GATE_DENIED, EXIT_FOUND },
		{ GATE_TOO_YOUNG, EXIT_FOUND },
		{ GATE_UNVERIFIABLE, EXIT_NOTHING_FOUND },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct made *m = make();

		assert_int_equal(gate_exit_status(&m->r), EXIT_NOTHING_FOUND);
		m->r.n_errors = 1;
		assert_int_equal(gate_exit_status(&m->r), EXIT_INCOMPLETE);
		add_finding(m, rows[i].status, 1);
		assert_int_equal(gate_exit_status(&m->r),
		    rows[i].want == EXIT_FOUND ? EXIT_FOUND : EXIT_INCOMPLETE);
		m->r.n_errors = 0;
		assert_int_equal(gate_exit_status(&m->r), rows[i].want);
		unmake(m);
	}
}

static void
json_has_the_same_package_in_both_places(void **state)
{
	struct made *m = make_full();
	yyjson_doc *d;
	struct buf b;

	(void)state;
	print(m, PRINT_JSON, &b);
	d = parse(&b);
	assert_true(
	    yyjson_equals(at(d, "/findings/0/package"), at(d, "/packages/2")));
	assert_text(d, "/findings/0/id", EVIL_ID);
	assert_text(d, "/findings/0/status", "malicious");
	assert_text(d, "/findings/0/match", "version");
	assert_text(d, "/findings/0/records/1", "GHSA-aaaa-bbbb-cccc");
	assert_text(d, "/findings/0/package/path/1", "foo");
	assert_text(d, "/findings/4/status", "unverifiable");
	assert_text(d, "/allowed/0/allowed/reason", "our <fork>");
	assert_int_equal(yyjson_get_int(at(d, "/errors/0/line")), 99);
	assert_int_equal(yyjson_get_int(at(d, "/summary/unverifiable")), 2);
	yyjson_doc_free(d);
	buf_done(&b);
	unmake(m);
}

static void
sarif_has_a_result_for_each_entry(void **state)
{
	struct made *m = make_full();
	yyjson_doc *d;
	struct buf b;

	(void)state;
	print(m, PRINT_SARIF, &b);
	assert_harmless(buf_str(&b));
	d = parse(&b);
	assert_int_equal(yyjson_arr_size(at(d, "/runs/0/results")), 6);
	assert_text(d, "/runs/0/results/0/ruleId", EVIL_ID);
	assert_text(d, "/runs/0/results/0/level", "error");
	assert_text(d, "/runs/0/results/3/level", "warning");
	assert_text(d,
	    "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/"
	    "uri",
	    "sub%20dir/package-lock.json");
	assert_int_equal(yyjson_get_int(at(d,
			     "/runs/0/results/0/locations/0/physicalLocation/"
			     "region/"
			     "startLine")),
	    7);
	assert_text(d,
	    "/runs/0/tool/driver/rules/0/properties/security-severity", "10.0");
	/* Two entries of one package and version have two prints. */
	assert_string_not_equal(yyjson_get_str(at(d,
				    "/runs/0/results/3/partialFingerprints/"
				    "lazaretFinding~1v1")),
	    yyjson_get_str(at(d,
		"/runs/0/results/4/partialFingerprints/lazaretFinding~1v1")));
	assert_text(d, "/runs/0/results/5/suppressions/0/justification",
	    "our <fork>");
	yyjson_doc_free(d);
	buf_done(&b);
	unmake(m);
}

static void
sarif_prints_stay_when_lines_move(void **state)
{
	char first[80] = "";

	(void)state;
	for (uint32_t moved = 0; moved < 200; moved += 100) {
		struct made *m = make_full();
		const char *got;
		yyjson_doc *d;
		struct buf b;

		for (size_t i = 0; i < m->list.packages.n; i++)
			m->list.packages.v[i].line += moved;
		print(m, PRINT_SARIF, &b);
		d = parse(&b);
		got = yyjson_get_str(at(d,
		    "/runs/0/results/0/partialFingerprints/"
		    "lazaretFinding~1v1"));
		if (moved == 0)
			(void)snprintf(first, sizeof(first), "%s", got);
		assert_string_equal(got, first);
		yyjson_doc_free(d);
		buf_done(&b);
		unmake(m);
	}
}

static void
cyclonedx_refers_to_its_components(void **state)
{
	struct made *m = make_full();
	yyjson_doc *d;
	struct buf b;

	(void)state;
	print(m, PRINT_CYCLONEDX, &b);
	assert_harmless(buf_str(&b));
	d = parse(&b);
	assert_int_equal(yyjson_arr_size(at(d, "/components")), 7);
	assert_text(d, "/vulnerabilities/0/id", EVIL_ID);
	assert_text(d, "/vulnerabilities/0/analysis/state", "exploitable");
	assert_text(d, "/vulnerabilities/3/analysis/state", "in_triage");
	assert_text(d, "/vulnerabilities/5/analysis/state", "not_affected");
	assert_text(d, "/vulnerabilities/0/affects/0/ref",
	    yyjson_get_str(at(d, "/components/2/bom-ref")));
	yyjson_doc_free(d);
	buf_done(&b);
	unmake(m);
}

static void
github_commands_are_one_line_each(void **state)
{
	struct made *m = make_full();
	struct str rest, line;
	size_t n = 0;
	struct buf b;

	(void)state;
	print(m, PRINT_GITHUB, &b);
	assert_harmless(buf_str(&b));
	rest = buf_str(&b);
	while (str_cut(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		assert_true(str_starts(line, "::error ") ||
		    str_starts(line, "::warning ") ||
		    str_starts(line, "::notice "));
		n++;
	}
	assert_int_equal(n, 8);
	assert_true(str_starts(buf_str(&b),
	    "::error file=sub dir/package-lock.json,line=7,"
	    "title=Malicious package::npm e\\u{1b}[31mvil\"<&>'%25,:\\u{a}"));
	buf_done(&b);
	unmake(m);
}

static void
junit_escapes_everything(void **state)
{
	struct made *m = make_full();
	struct buf b;

	(void)state;
	print(m, PRINT_JUNIT, &b);
	assert_harmless(buf_str(&b));
	assert_true(str_find(buf_str(&b),
			STR_LIT("name=\"e\\u{1b}[31mvil&quot;&lt;&amp;&gt;"
				"&apos;%,:\\u{a}")) > 0);
	assert_true(str_find(buf_str(&b),
			STR_LIT("tests=\"8\" failures=\"3\" errors=\"1\" "
				"skipped=\"1\"")) > 0);
	buf_done(&b);
	unmake(m);
}

static void
the_table_is_safe_and_says_what_to_do(void **state)
{
	struct made *m = make_full();
	struct buf b;

	(void)state;
	print(m, PRINT_TABLE, &b);
	assert_harmless(buf_str(&b));
	assert_true(str_starts(buf_str(&b), "MALICIOUS     npm e\\u{1b}"));
	assert_true(str_find(buf_str(&b), STR_LIT("package-lock.json:7")) > 0);
	assert_true(str_find(buf_str(&b), STR_LIT("app > foo > e\\u")) > 0);
	assert_true(str_find(buf_str(&b), STR_LIT("Rotate")) > 0);
	assert_true(str_find(buf_str(&b), STR_LIT("until 2026-12-31")) > 0);
	buf_done(&b);
	unmake(m);
}

static void
purls_are_canonical(void **state)
{
	static const struct {
		const char *ecosystem, *name, *version, *want;
	} rows[] = {
		{ "npm", "left-pad", "1.3.0", "pkg:npm/left-pad@1.3.0" },
		{ "npm", "@a/b", "1.0.0-rc.1", "pkg:npm/%40a/b@1.0.0-rc.1" },
		{ "npm", "Upper", "1.0.0+x", "pkg:npm/Upper@1.0.0%2Bx" },
		{ "npm", "@a b/c", "1.0.0", "pkg:npm/%40a%20b/c@1.0.0" },
		{ "npm", "a%b", "1.0.0", "pkg:npm/a%25b@1.0.0" },
		{ "npm", "left-pad", NULL, "pkg:npm/left-pad" },
		{ "PyPI", "foo-bar", "1.0", "pkg:pypi/foo-bar@1.0" },
	};
	struct made *m = make();

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct lock_package p = {
			.ecosystem = str_of(rows[i].ecosystem),
			.name = str_of(rows[i].name),
			.version = str_of(rows[i].version),
		};
		struct str got = gate_purl(m->a, &p);

		if (!str_is(got, rows[i].want))
			fail_msg("%.*s, wanted %s", STR_ARG(got), rows[i].want);
	}
	unmake(m);
}

static void
colour_is_for_terminals(void **state)
{
	struct made *m = make_full();
	struct print p = { .colour = true };
	struct buf b;

	(void)state;
	buf_init(&b, MIB);
	p.out = &b;
	print_result(&m->r, PRINT_TABLE, &p);
	assert_true(str_starts(buf_str(&b), "\x1b[31;1mMALICIOUS"));
	buf_done(&b);
	unmake(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_comes_first),
		cmocka_unit_test(the_exit_status_follows_the_findings),
		cmocka_unit_test(json_has_the_same_package_in_both_places),
		cmocka_unit_test(sarif_has_a_result_for_each_entry),
		cmocka_unit_test(sarif_prints_stay_when_lines_move),
		cmocka_unit_test(cyclonedx_refers_to_its_components),
		cmocka_unit_test(github_commands_are_one_line_each),
		cmocka_unit_test(junit_escapes_everything),
		cmocka_unit_test(the_table_is_safe_and_says_what_to_do),
		cmocka_unit_test(colour_is_for_terminals),
		cmocka_unit_test(purls_are_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
