/* SPDX-License-Identifier: Apache-2.0 */
/* What CI systems read: GitHub's workflow commands, JUnit's XML. */
#include <inttypes.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "gate/policy.h"
#include "gate/print_priv.h"
#include "lockfile/lockfile.h"
#include "sys/term.h"

/* --- GitHub --------------------------------------------------------------- */

/* The rest of a workflow command ends at a line's end, a property also at a
 * comma or a colon; what acts on a terminal is shown first. */
static void
put_github(struct buf *out, struct str s, bool property)
{
	struct buf safe;

	buf_init(&safe, 1 * MIB);
	term_safe(&safe, s);
	for (size_t i = 0; i < safe.n; i++) {
		char c = safe.p[i];

		if (c == '%' || (property && (c == ',' || c == ':')))
			buf_printf(out, "%%%02X", (unsigned char)c);
		else
			buf_putc(out, c);
	}
	buf_done(&safe);
}

static void
github_line(struct buf *out, const char *command, struct str path,
    uint32_t line, const char *title)
{
	buf_printf(out, "::%s ", command);
	if (path.p != NULL) {
		buf_puts(out, "file=");
		put_github(out, path, true);
		if (line != 0)
			buf_printf(out, ",line=%" PRIu32, line);
		buf_putc(out, ',');
	}
	buf_puts(out, "title=");
	put_github(out, str_of(title), true);
	buf_puts(out, "::");
}

static void
github_finding(const struct gate_result *r, const struct gate_finding *f,
    struct buf *out)
{
	static const char *const titles[] = {
		[GATE_MALICIOUS] = "Malicious package",
		[GATE_CONFUSION] = "Dependency confusion",
		[GATE_DENIED] = "Package denied by policy",
		[GATE_TOO_YOUNG] = "Package version too young",
		[GATE_UNVERIFIABLE] = "Package of unverifiable origin",
	};
	const char *command = f->allowed != NULL ? "notice" :
	    gate_status_fails(f->status)         ? "error" :
						   "warning";
	struct buf text;

	buf_init(&text, 64 * KIB);
	print_sentence(r, f, &text);
	if (f->allowed != NULL) {
		buf_puts(&text, ". Allowed: ");
		buf_put_str(&text, f->allowed->reason);
	} else {
		buf_printf(&text, ". %s", print_advice(f->status));
	}
	github_line(out, command, gate_path(r, f), gate_package(r, f)->line,
	    titles[f->status]);
	put_github(out, buf_str(&text), false);
	buf_putc(out, '\n');
	buf_done(&text);
}

void
print_github(const struct gate_result *r, const struct print *p)
{
	for (size_t i = 0; i < r->findings.n; i++)
		github_finding(r, &r->findings.v[i], p->out);
	for (size_t i = 0; i < r->n_files; i++) {
		const struct lock_list *l = r->files[i].list;

		for (size_t k = 0; k < l->errors.n; k++) {
			github_line(p->out, "error", r->files[i].path,
			    l->errors.v[k].line, "File not read");
			put_github(p->out, l->errors.v[k].message, false);
			buf_putc(p->out, '\n');
		}
	}
	for (size_t i = 0; i < r->allowed.n; i++)
		github_finding(r, &r->allowed.v[i], p->out);
	for (size_t i = 0; i < r->notes.n; i++) {
		github_line(p->out, "notice", r->notes.v[i].path,
		    r->notes.v[i].line, "Lazaret");
		put_github(p->out, r->notes.v[i].message, false);
		buf_putc(p->out, '\n');
	}
}

/* --- JUnit ---------------------------------------------------------------- */

/* Text or attribute. XML 1.0 has no way to write most control characters and
 * two others: they are shown as \u{N}. */
static void
put_xml(struct buf *out, struct str s)
{
	static const char *const entities[128] = {
		['<'] = "&lt;",
		['>'] = "&gt;",
		['&'] = "&amp;",
		['"'] = "&quot;",
		['\''] = "&apos;",
	};
	struct buf safe;
	unsigned char c;

	buf_init(&safe, 1 * MIB);
	term_safe(&safe, s);
	for (size_t i = 0; i < safe.n; i++) {
		c = (unsigned char)safe.p[i];
		if (c == 0xef && i + 2 < safe.n &&
		    (unsigned char)safe.p[i + 1] == 0xbf &&
		    (unsigned char)safe.p[i + 2] >= 0xbe) {
			buf_puts(out, "\\u{fffe}");
			i += 2;
		} else if (c < 128 && entities[c] != NULL) {
			buf_puts(out, entities[c]);
		} else {
			buf_putc(out, (char)c);
		}
	}
	buf_done(&safe);
}

static void
junit_failure(const struct gate_result *r, const struct gate_finding *f,
    struct buf *out)
{
	struct buf text;

	buf_init(&text, 64 * KIB);
	print_sentence(r, f, &text);
	if (f->allowed != NULL) {
		buf_puts(out, "><skipped message=\"allowed: ");
		put_xml(out, f->allowed->reason);
		buf_puts(out, "\"/></testcase>\n");
	} else if (gate_status_fails(f->status)) {
		buf_printf(out, "><failure type=\"%s\" message=\"",
		    gate_status_name(f->status));
		put_xml(out, buf_str(&text));
		buf_puts(out, "\">");
		put_xml(out, str_of(print_advice(f->status)));
		buf_puts(out, "</failure></testcase>\n");
	} else {
		buf_puts(out, "><system-out>");
		put_xml(out, buf_str(&text));
		buf_puts(out, "</system-out></testcase>\n");
	}
	buf_done(&text);
}

static void
junit_case(const struct gate_result *r, size_t file, size_t package,
    const struct gate_finding *f, struct buf *out)
{
	const struct lock_package *k =
	    &r->files[file].list->packages.v[package];

	buf_puts(out, "  <testcase classname=\"");
	put_xml(out, k->ecosystem);
	buf_puts(out, "\" name=\"");
	put_xml(out, k->name);
	if (k->version.p != NULL) {
		buf_putc(out, ' ');
		put_xml(out, k->version);
	}
	buf_puts(out, "\" file=\"");
	put_xml(out, r->files[file].path);
	buf_printf(out, "\" line=\"%" PRIu32 "\"", k->line);
	if (f != NULL)
		junit_failure(r, f, out);
	else
		buf_puts(out, "/>\n");
}

static void
junit_suite(const struct gate_result *r, size_t file, struct buf *out)
{
	const struct lock_list *l = r->files[file].list;
	/* The finding of each entry; NULL: none. */
	_cleanup_(freep) const struct gate_finding **of =
	    mem_array(l->packages.n + 1, sizeof(*of));
	size_t failures = 0, skipped = 0;

	for (size_t i = 0; i < r->findings.n; i++) {
		if (r->findings.v[i].file != file)
			continue;
		of[r->findings.v[i].package] = &r->findings.v[i];
		failures += gate_status_fails(r->findings.v[i].status);
	}
	for (size_t i = 0; i < r->allowed.n; i++) {
		if (r->allowed.v[i].file != file)
			continue;
		of[r->allowed.v[i].package] = &r->allowed.v[i];
		skipped++;
	}
	buf_puts(out, " <testsuite name=\"");
	put_xml(out, r->files[file].path);
	buf_printf(out,
	    "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
	    "skipped=\"%zu\">\n",
	    l->packages.n + l->errors.n, failures, l->errors.n, skipped);
	for (size_t i = 0; i < l->packages.n; i++)
		junit_case(r, file, i, of[i], out);
	for (size_t i = 0; i < l->errors.n; i++) {
		buf_printf(out,
		    "  <testcase classname=\"file\" name=\"read line "
		    "%" PRIu32 "\"><error message=\"",
		    l->errors.v[i].line);
		put_xml(out, l->errors.v[i].message);
		buf_puts(out, "\"/></testcase>\n");
	}
	buf_puts(out, " </testsuite>\n");
}

void
print_junit(const struct gate_result *r, const struct print *p)
{
	buf_puts(p->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	buf_puts(p->out, "<testsuites name=\"lazaret scan\">\n");
	for (size_t i = 0; i < r->n_files; i++)
		junit_suite(r, i, p->out);
	buf_puts(p->out, "</testsuites>\n");
}
