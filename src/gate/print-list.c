/* SPDX-License-Identifier: Apache-2.0 */
/* What `scan --list` prints: packages by file, and what could not be read. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "gate/print_priv.h"
#include "lockfile/lockfile.h"
#include "sys/term.h"

#define MAX_COLUMN 44 /* longer ones push the rest of their line aside */

enum column {
	COLUMN_LINE,
	COLUMN_ECOSYSTEM,
	COLUMN_NAME,
	COLUMN_VERSION,
	COLUMN_ORIGIN,
	COLUMN__MAX
};

static void
put_name(const struct lock_package *p, struct buf *out)
{
	term_safe(out, p->name);
	if (p->alias.p == NULL)
		return;
	buf_puts(out, " (as ");
	term_safe(out, p->alias);
	buf_putc(out, ')');
}

static void
put_origin(const struct lock_package *p, struct buf *out)
{
	static const char *const relations[] = {
		[LOCK_UNKNOWN] = NULL,
		[LOCK_DIRECT] = "direct",
		[LOCK_TRANSITIVE] = NULL,
		[LOCK_ROOT] = NULL,
	};

	term_safe(out, p->origin);
	if (relations[p->relation] != NULL)
		buf_printf(out, ", %s", relations[p->relation]);
	if (p->group.p != NULL) {
		buf_puts(out, ", ");
		term_safe(out, p->group);
	}
}

static void
put_cell(const struct lock_package *p, enum column c, struct buf *out)
{
	switch (c) {
	case COLUMN_LINE:
		if (p->line != 0)
			buf_printf(out, "%u", p->line);
		return;
	case COLUMN_ECOSYSTEM:
		term_safe(out, p->ecosystem);
		return;
	case COLUMN_NAME:
		put_name(p, out);
		return;
	case COLUMN_VERSION:
		if (p->version.p == NULL)
			buf_putc(out, '-');
		term_safe(out, p->version);
		return;
	case COLUMN_ORIGIN:
		put_origin(p, out);
		return;
	case COLUMN__MAX:
		return;
	}
}

/* Bytes, which is near enough for names. */
static void
measure(const struct lock_list *l, struct buf *cell, size_t *widths)
{
	for (int c = 0; c < COLUMN__MAX; c++) {
		widths[c] = 1;
		for (size_t i = 0; i < l->packages.n; i++) {
			buf_reset(cell);
			put_cell(&l->packages.v[i], (enum column)c, cell);
			widths[c] =
			    MAX_OF(widths[c], MIN_OF(cell->n, MAX_COLUMN));
		}
	}
}

static void
put_row(const struct lock_package *p, const size_t *widths, struct buf *cell,
    struct buf *out)
{
	for (int c = 0; c < COLUMN__MAX; c++) {
		buf_reset(cell);
		put_cell(p, (enum column)c, cell);
		buf_puts(out, "  ");
		buf_put_str(out, buf_str(cell));
		for (size_t n = cell->n; n < widths[c] && c + 1 < COLUMN__MAX;
		     n++)
			buf_putc(out, ' ');
	}
	buf_putc(out, '\n');
}

static void
put_errors(const struct gate_file *f, struct buf *out)
{
	const struct lock_error *e;

	vec_foreach(e, &f->list->errors) {
		term_safe(out, f->path);
		if (e->line != 0)
			buf_printf(out, ":%u", e->line);
		buf_puts(out, ": cannot be read whole: ");
		term_safe(out, e->message);
		buf_putc(out, '\n');
	}
}

static void
put_table(const struct gate_result *r, struct buf *out)
{
	size_t widths[COLUMN__MAX];
	struct buf cell;

	buf_init(&cell, 1024 * (size_t)1024);
	for (size_t i = 0; i < r->n_files; i++) {
		const struct gate_file *f = &r->files[i];
		const struct lock_package *p;

		lock_relate(f->list);
		term_safe(out, f->path);
		buf_putc(out, '\n');
		measure(f->list, &cell, widths);
		vec_foreach(p, &f->list->packages)
			put_row(p, widths, &cell, out);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < r->n_files; i++)
		put_errors(&r->files[i], out);
	buf_printf(out, "%zu package%s in %zu file%s", r->n_packages,
	    r->n_packages == 1 ? "" : "s", r->n_files,
	    r->n_files == 1 ? "" : "s");
	if (r->n_errors != 0)
		buf_printf(out, ", %zu error%s", r->n_errors,
		    r->n_errors == 1 ? "" : "s");
	buf_putc(out, '\n');
	buf_done(&cell);
}

void
print_packages(const struct gate_result *r, bool json, const struct print *p)
{
	struct json j;

	if (!json) {
		put_table(r, p->out);
		return;
	}
	json_init(&j, p->out, 1);
	json_object_begin(&j);
	print_json_packages(r, &j);
	json_object_end(&j);
	buf_putc(p->out, '\n');
	print_json_show(p->out);
}
