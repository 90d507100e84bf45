/* SPDX-License-Identifier: Apache-2.0 */
/* All rules over one run file. Runs in judge and in `rules test`. */
#include "verdict/judge.h"

#include "base/arena.h"
#include "base/error.h"
#include "runfile/reader.h"

static int
run_one(struct reader *r, struct arena *a, const struct rule_text *text,
    struct findings *out, struct error *err)
{
	struct rule *rule = arena_alloc(a, sizeof(*rule));
	int rc = rule_parse(a, text->file, text->text, rule, err);

	return rc == 0 ? rule_run(rule, r, a, out, err) : rc;
}

int
judge_rules(struct reader *r, struct arena *a, const struct rule_text *rules,
    size_t n_rules, struct judgement *ret, struct error *err)
{
	struct judgement j = { 0 };
	int rc = rules_prepare(r, err);

	for (size_t i = 0; i < n_rules && rc == 0; i++) {
		struct error bad = ERROR_INIT;

		if (run_one(r, a, &rules[i], &j.findings, &bad) != 0)
			vec_push(&j.broken, arena_str(a, str_of(bad.msg)));
	}
	if (rc == 0)
		rc = verdict_decide(r, a, &j.findings, j.broken.v, j.broken.n,
		    &j.verdict, err);
	if (rc != 0)
		judgement_done(&j);
	else
		*ret = j;
	return rc;
}

static int
emit_finding(const struct finding *f, int64_t id,
    int (*emit)(void *, enum fact_kind, const void *, struct error *),
    void *arg, struct error *err)
{
	struct fact_finding out;
	int rc;

	fact_init(FACT_FINDING, &out);
	out.id = id;
	out.rule = f->rule->id;
	out.title = f->rule->title;
	out.severity = str_of(severity_names[f->severity]);
	out.class = f->class;
	out.phase = f->phase;
	out.process = f->process;
	out.package = f->package_path;
	out.summary = f->summary;
	rc = emit(arg, FACT_FINDING, &out, err);
	for (size_t i = 0; i < f->evidence.n && rc == 0; i++) {
		const struct evidence *e = &f->evidence.v[i];
		struct fact_evidence row = { .finding = id,
			.evidence_table = e->table,
			.evidence_row = e->row,
			.phase = e->phase,
			.process = e->process };

		rc = emit(arg, FACT_EVIDENCE, &row, err);
	}
	return rc;
}

int
judge_emit(const struct judgement *j,
    int (*emit)(void *arg, enum fact_kind kind, const void *fact,
	struct error *err),
    void *arg, struct error *err)
{
	struct fact_verdict v;
	int rc = 0;

	for (size_t i = 0; i < j->findings.list.n && rc == 0; i++)
		rc = emit_finding(&j->findings.list.v[i], (int64_t)i + 1, emit,
		    arg, err);
	for (size_t i = 0; i < j->verdict.reasons.n && rc == 0; i++) {
		const struct reason *reason = &j->verdict.reasons.v[i];
		struct fact_reason f = { .text = reason->text,
			.finding = reason->finding >= 0 ? reason->finding + 1 :
							  FACT_NONE };

		rc = emit(arg, FACT_REASON, &f, err);
	}
	fact_init(FACT_VERDICT, &v);
	v.label = str_of(label_names[j->verdict.label]);
	v.class = j->verdict.class;
	v.score = j->verdict.score;
	v.culprit = j->verdict.culprit;
	return rc == 0 ? emit(arg, FACT_VERDICT, &v, err) : rc;
}

void
judgement_done(struct judgement *j)
{
	findings_done(&j->findings);
	verdict_done(&j->verdict);
	vec_done(&j->broken);
}
