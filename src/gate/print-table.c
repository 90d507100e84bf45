/* SPDX-License-Identifier: Apache-2.0 */
/* The result for people: the worst first, and what to do now. */
#include <assert.h>
#include <inttypes.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "gate/policy.h"
#include "gate/print_priv.h"
#include "lockfile/lockfile.h"
#include "sys/clock.h"
#include "sys/term.h"

/* Column where the text of a finding begins. */
#define INDENT "              "

enum colour {
	PLAIN,
	BOLD,
	DIM,
	RED,
	YELLOW,
	COLOUR__MAX
};

static void
colour(const struct print *p, enum colour c)
{
	static const char *const codes[] = { "\x1b[0m", "\x1b[1m", "\x1b[2m",
		"\x1b[31;1m", "\x1b[33;1m" };
	static_assert(N_ELEMENTS(codes) == COLOUR__MAX);

	if (p->colour)
		buf_puts(p->out, codes[c]);
}

struct label {
	const char *word;
	enum colour colour;
};

static const struct label labels[] = {
	[GATE_MALICIOUS] = { "MALICIOUS     ", RED },
	[GATE_CONFUSION] = { "CONFUSION     ", RED },
	[GATE_DENIED] = { "DENIED        ", RED },
	[GATE_TOO_YOUNG] = { "TOO YOUNG     ", YELLOW },
	[GATE_UNVERIFIABLE] = { "UNVERIFIABLE  ", YELLOW },
};
static_assert(N_ELEMENTS(labels) == GATE_STATUS__MAX);

static void
print_place(const struct gate_result *r, const struct gate_finding *f,
    struct buf *out)
{
	const struct lock_package *k = gate_package(r, f);

	term_safe(out, gate_path(r, f));
	if (k->line != 0)
		buf_printf(out, ":%" PRIu32, k->line);
}

/* "MAL-2026-1, GHSA-… (also CVE-…): every version" */
static void
print_reports(const struct gate_finding *f, struct buf *out)
{
	for (size_t i = 0; i < f->n_records; i++) {
		if (i != 0)
			buf_puts(out, ", ");
		term_safe(out, f->records[i]);
	}
	for (size_t i = 0; i < f->n_aliases; i++) {
		buf_puts(out, i == 0 ? " (also " : ", ");
		term_safe(out, f->aliases[i]);
	}
	if (f->n_aliases != 0)
		buf_putc(out, ')');
	if (f->reach != GATE_REACH_NONE)
		buf_printf(out, ": reported for %s",
		    gate_reach_words(f->reach));
}

static void
print_finding(const struct gate_result *r, const struct gate_finding *f,
    const struct print *p)
{
	const struct lock_package *k = gate_package(r, f);
	struct buf *out = p->out;
	size_t before;

	colour(p, labels[f->status].colour);
	buf_puts(out, labels[f->status].word);
	colour(p, BOLD);
	term_safe(out, k->ecosystem);
	buf_putc(out, ' ');
	term_safe(out, k->name);
	buf_putc(out, ' ');
	if (k->version.p != NULL)
		term_safe(out, k->version);
	colour(p, PLAIN);
	if (k->alias.p != NULL) {
		buf_puts(out, " (as ");
		term_safe(out, k->alias);
		buf_putc(out, ')');
	}
	buf_puts(out, "\n" INDENT);
	print_place(r, f, out);
	buf_puts(out, ", ");
	print_origin(k, out);
	buf_puts(out, "\n" INDENT);
	before = out->n;
	print_chain(r, f, " > ", out);
	if (out->n != before)
		buf_puts(out, "\n" INDENT);
	if (f->n_records != 0) {
		print_reports(f, out);
		buf_puts(out, "\n" INDENT);
	}
	if (f->summary.n != 0) {
		term_safe(out, f->summary);
		buf_puts(out, "\n" INDENT);
	}
	term_safe(out, f->why);
	buf_putc(out, '\n');
}

static void
print_allowed(const struct gate_result *r, const struct print *p)
{
	for (size_t i = 0; i < r->allowed.n; i++) {
		const struct gate_finding *f = &r->allowed.v[i];
		const struct lock_package *k = gate_package(r, f);

		buf_printf(p->out, "%sallowed       ", i == 0 ? "\n" : "");
		term_safe(p->out, k->name);
		buf_putc(p->out, ' ');
		term_safe(p->out, k->version);
		buf_puts(p->out, " (");
		term_safe(p->out, f->id);
		buf_puts(p->out, ") until ");
		term_safe(p->out, f->allowed->expires);
		buf_puts(p->out, ": ");
		term_safe(p->out, f->allowed->reason);
		buf_putc(p->out, '\n');
	}
}

static void
print_advices(const struct gate_result *r, const struct print *p)
{
	struct buf *out = p->out;

	if (gate_count(r, GATE_MALICIOUS) != 0) {
		colour(p, BOLD);
		buf_puts(out, "\nWhat to do now\n");
		colour(p, PLAIN);
		for (size_t i = 0; print_steps_malicious[i] != NULL; i++)
			buf_printf(out, "  %zu. %s\n", i + 1,
			    print_steps_malicious[i]);
	}
	for (size_t s = GATE_CONFUSION; s < GATE_STATUS__MAX; s++)
		if (gate_count(r, (enum gate_status)s) != 0)
			buf_printf(out, "\n%s: %s\n",
			    gate_status_name((enum gate_status)s),
			    print_advice((enum gate_status)s));
}

static void
print_errors(const struct gate_result *r, const struct print *p)
{
	for (size_t i = 0; i < r->n_files; i++) {
		const struct lock_list *l = r->files[i].list;

		for (size_t k = 0; k < l->errors.n; k++) {
			colour(p, YELLOW);
			buf_puts(p->out, "NOT READ      ");
			colour(p, PLAIN);
			term_safe(p->out, r->files[i].path);
			if (l->errors.v[k].line != 0)
				buf_printf(p->out, ":%" PRIu32,
				    l->errors.v[k].line);
			buf_puts(p->out, ": ");
			term_safe(p->out, l->errors.v[k].message);
			buf_putc(p->out, '\n');
		}
	}
}

static void
print_notes(const struct gate_result *r, const struct print *p)
{
	for (size_t i = 0; i < r->notes.n; i++) {
		buf_puts(p->out, i == 0 ? "\nnote: " : "note: ");
		if (r->notes.v[i].path.p != NULL) {
			term_safe(p->out, r->notes.v[i].path);
			if (r->notes.v[i].line != 0)
				buf_printf(p->out, ":%" PRIu32,
				    r->notes.v[i].line);
			buf_puts(p->out, ": ");
		}
		term_safe(p->out, r->notes.v[i].message);
		buf_putc(p->out, '\n');
	}
}

static void
print_counts(const struct gate_result *r, struct buf *out)
{
	size_t n;
	bool any = false;

	for (size_t s = 0; s < GATE_STATUS__MAX; s++) {
		n = gate_count(r, (enum gate_status)s);
		if (n == 0)
			continue;
		buf_printf(out, "%s%zu %s", any ? ", " : "", n,
		    gate_status_name((enum gate_status)s));
		any = true;
	}
	if (!any)
		buf_puts(out,
		    r->n_errors != 0 ? "nothing found, but not all was read" :
				       "no known malware");
}

static void
print_summary(const struct gate_result *r, const struct print *p)
{
	struct buf *out = p->out;
	char built[CLOCK_RFC3339_SIZE];

	if (out->n != 0)
		buf_putc(out, '\n');
	colour(p, BOLD);
	print_counts(r, out);
	colour(p, PLAIN);
	buf_printf(out, ": %zu package%s in %zu file%s", r->n_packages,
	    r->n_packages == 1 ? "" : "s", r->n_files,
	    r->n_files == 1 ? "" : "s");
	if (r->n_unversioned != 0)
		buf_printf(out, ", %zu without an exact version",
		    r->n_unversioned);
	if (r->n_unknown_age != 0)
		buf_printf(out, ", %zu of unknown age", r->n_unknown_age);
	buf_putc(out, '\n');
	for (size_t i = 0; i < r->snapshots.n; i++) {
		const struct gate_snapshot *s = &r->snapshots.v[i];

		clock_rfc3339(s->built_s * NS_PER_SEC, built);
		colour(p, DIM);
		buf_printf(out, "%" PRIu64 " reports, built %s, ", s->n_records,
		    built);
		term_safe(out, s->path);
		colour(p, PLAIN);
		buf_putc(out, '\n');
	}
}

void
print_table(const struct gate_result *r, const struct print *p)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		if (i != 0)
			buf_putc(p->out, '\n');
		print_finding(r, &r->findings.v[i], p);
	}
	print_advices(r, p);
	print_allowed(r, p);
	print_errors(r, p);
	print_notes(r, p);
	print_summary(r, p);
}
