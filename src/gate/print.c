/* SPDX-License-Identifier: Apache-2.0 */
/* Formats by name, and the sentences that they share. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "gate/policy.h"
#include "gate/print_priv.h"
#include "lockfile/lockfile.h"
#include "sys/term.h"

struct format_row {
	const char *name;
	void (*print)(const struct gate_result *r, const struct print *p);
};

static const struct format_row formats[] = {
	[PRINT_TABLE] = { "table", print_table },
	[PRINT_JSON] = { "json", print_json },
	[PRINT_SARIF] = { "sarif", print_sarif },
	[PRINT_CYCLONEDX] = { "cyclonedx", print_cyclonedx },
	[PRINT_GITHUB] = { "github", print_github },
	[PRINT_JUNIT] = { "junit", print_junit },
};
static_assert(N_ELEMENTS(formats) == PRINT__MAX);

bool
print_format_parse(const char *name, enum print_format *ret)
{
	for (size_t i = 0; i < N_ELEMENTS(formats); i++) {
		if (strcmp(name, formats[i].name) == 0) {
			*ret = (enum print_format)i;
			return true;
		}
	}
	return false;
}

void
print_result(const struct gate_result *r, enum print_format format,
    const struct print *p)
{
	assert(format < PRINT__MAX);
	formats[format].print(r, p);
}

/* Upgrading does not help: what ran has run. */
const char *const print_steps_malicious[] = {
	"Stop: install, build and run nothing from this project; take machines "
	"that have done so since the package came in (developers', CI runners) "
	"off the network.",
	"Find out since when: the history of the file named above, and which "
	"machines, images and caches were made from it.",
	"Remove the package and all that was made with it: installed trees, "
	"caches of the package manager, images, builds; go back to what was "
	"used before it came in. An upgrade does not undo what has run.",
	"Rotate, from a clean machine, every secret that those machines could "
	"read: tokens, keys, passwords, cloud and signing credentials; end "
	"their sessions.",
	"Look for what it left: start-up entries, changed shell profiles, new "
	"keys, packages and commits published with your tokens.",
	NULL,
};

const char *
print_advice(enum gate_status s)
{
	static const char *const advice[] = {
		[GATE_MALICIOUS] =
		    "Treat it as an incident: stop, find out since when, "
		    "remove, rotate secrets. Upgrading does not undo it.",
		[GATE_CONFUSION] =
		    "Treat it as an incident until you know better: find out "
		    "who published this name, bind the name to your registry, "
		    "and resolve again.",
		[GATE_DENIED] = "Remove it, or change the policy.",
		[GATE_TOO_YOUNG] =
		    "Use the version before it, or wait: most malware is found "
		    "within days.",
		[GATE_UNVERIFIABLE] =
		    "Reports speak of the package of this name in the public "
		    "registry; this one came from elsewhere. Make sure that it "
		    "is yours. If its registry passes on the public one, add "
		    "it with --public-registry.",
	};
	static_assert(N_ELEMENTS(advice) == GATE_STATUS__MAX);

	assert(s < GATE_STATUS__MAX);
	return advice[s];
}

void
print_origin(const struct lock_package *p, struct buf *out)
{
	static const struct {
		const char *prefix, *words;
	} rows[] = {
		{ "registry:", "from the registry " },
		{ "git:", "from the repository " },
		{ "url:", "from " },
		{ "path:", "from the path " },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		if (!str_starts(p->origin, rows[i].prefix))
			continue;
		buf_puts(out, rows[i].words);
		term_safe(out,
		    str_sub(p->origin, strlen(rows[i].prefix), p->origin.n));
		return;
	}
	if (str_is(p->origin, "registry"))
		buf_puts(out, "from the default registry");
	else
		term_safe(out, p->origin);
}

void
print_sentence(const struct gate_result *r, const struct gate_finding *f,
    struct buf *out)
{
	const struct lock_package *p = gate_package(r, f);
	static const char *const words[] = {
		[GATE_MALICIOUS] = "is malicious",
		[GATE_CONFUSION] = "is an internal name from a public registry",
		[GATE_DENIED] = "is denied by policy",
		[GATE_TOO_YOUNG] = "is too young",
		[GATE_UNVERIFIABLE] =
		    "cannot be told from malware by its origin",
	};
	static_assert(N_ELEMENTS(words) == GATE_STATUS__MAX);

	term_safe(out, p->ecosystem);
	buf_putc(out, ' ');
	term_safe(out, p->name);
	if (p->version.p != NULL) {
		buf_putc(out, ' ');
		term_safe(out, p->version);
	}
	buf_printf(out, " %s", words[f->status]);
	if (f->n_records != 0) {
		buf_puts(out, " (");
		term_safe(out, f->id);
		buf_putc(out, ')');
	}
	if (f->why.n != 0) {
		buf_puts(out, ": ");
		term_safe(out, f->why);
	}
	if (f->summary.n != 0) {
		buf_puts(out, ". ");
		term_safe(out, f->summary);
	}
}

void
print_chain(const struct gate_result *r, const struct gate_finding *f,
    const char *arrow, struct buf *out)
{
	struct str names[PRINT_CHAIN];
	size_t n =
	    gate_chain(r->files[f->file].list, f->package, names, PRINT_CHAIN);

	for (size_t i = 0; i < n && n > 1; i++) {
		if (i != 0)
			buf_puts(out, arrow);
		term_safe(out, names[i]);
	}
}

/* Not against somebody who wants two findings to have one print: these are
 * told apart by where they are. */
void
print_fingerprint(const struct gate_result *r, const struct gate_finding *f,
    size_t nth, char *ret)
{
	const struct lock_package *p = gate_package(r, f);
	const struct str parts[] = { str_of(gate_status_name(f->status)), f->id,
		gate_path(r, f), p->ecosystem, p->name, p->version, p->origin };
	struct buf b;

	buf_init(&b, 256 * KIB);
	buf_printf(&b, "%zu", nth);
	for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
		buf_putc(&b, '\xff'); /* closes a part: in no UTF-8 */
		buf_put_str(&b, parts[i]);
	}
	(void)snprintf(ret, PRINT_FINGERPRINT_SIZE, "%016llx%016llx",
	    (unsigned long long)str_hash(buf_str(&b)),
	    (unsigned long long)str_hash(str_sub(buf_str(&b), 1, b.n)));
	buf_done(&b);
}
