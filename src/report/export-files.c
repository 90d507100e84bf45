/* SPDX-License-Identifier: Apache-2.0 */
/* The archives of single documents of an export. Runs in `lazaret report
 * export`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/osv.h"
#include "report/export_priv.h"
#include "report/zip.h"

/* --- archives of single documents ------------------------------------------
 */

static struct zip_member
member_of(const struct export_entry *e, char name[LIMIT_TEXT_BYTES])
{
	memcpy(name, e->id.p, e->id.n);
	memcpy(name + e->id.n, ".json", 5);
	return (struct zip_member){ .name = str_n(name, e->id.n + 5),
		.modified_s = e->modified_s,
		.crc32 = e->crc32,
		.size = e->raw,
		.packed = e->packed + DEFLATE_END.n };
}

/* The first document that does not stay where it is. */
static size_t
first_after(const struct export_view *v, const struct export_plan *plan,
    uint64_t kept)
{
	size_t from = 0, to = v->n, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (plan->offsets[v->by_place[middle]->number] < kept)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Members in the order of their places, with gaps between them; the directory
 * in the order of ids. */
static int
write_zip(struct exporter *x, const struct export_view *v, const char *path,
    struct error *err)
{
	struct outfile *o = outfile_open(x->dir, path);
	struct export_plan plan;
	uint64_t kept;
	char name[LIMIT_TEXT_BYTES];
	struct zip_member m;
	struct zip z;
	int rc;

	export_gaps_plan(x, path, v, &plan);
	zip_begin(&z, o);
	kept = export_keep_bytes(x, o, path, plan.kept);
	if (kept == 0) /* all are written, so none lies there any more */
		export_gaps_close(v, &plan);
	for (size_t i = first_after(v, &plan, kept); i < v->n; i++) {
		const struct export_entry *e = v->by_place[i];

		m = member_of(e, name);
		zip_header(&z, &m);
		outfile_put_str(o, export_segment(x, e));
		outfile_put_str(o, DEFLATE_END);
	}
	zip_rows(&z);
	for (size_t i = 0; i < v->n; i++) {
		m = member_of(v->by_id[i], name);
		zip_listed(&z, &m, plan.offsets[v->by_id[i]->number]);
	}
	zip_end(&z);
	rc = export_close(x, o, path, err);
	if (rc == 0)
		export_sums_set_gaps(x, str_of(path), &plan.gaps);
	else
		free(plan.gaps.v);
	free(plan.offsets);
	return rc;
}

/* The same file under another name, without its bytes a second time. */
static int
link_file(struct exporter *x, const char *from, const char *to,
    struct error *err)
{
	static const char temporary[] = ".tmp-link";

	(void)unlinkat(x->dir, temporary, 0);
	if (outfile_make_folders(x->dir, to, err) != 0)
		return err->code;
	if (linkat(x->dir, from, x->dir, temporary, 0) != 0)
		return error_errno(err, "%s", to);
	/* Two names of one file: rename would leave both. */
	if (renameat(x->dir, temporary, x->dir, to) != 0)
		return error_errno(err, "%s", to);
	(void)unlinkat(x->dir, temporary, 0);
	export_sums_link(x, from, to);
	return 0;
}

/* Both trees of osv-scanner; a zip must be there for every ecosystem. */
static int
write_offline(struct exporter *x, const char *ecosystem, bool has_reports,
    struct error *err)
{
	static const char *const trees[] = { "osv-scanner", "osv-scalibr" };
	static const struct export_view nothing;
	char from[256], to[256];
	int rc = 0;

	(void)snprintf(from, sizeof(from), "%s/all.zip", ecosystem);
	for (size_t i = 0; i < N_ELEMENTS(trees) && rc == 0; i++) {
		(void)snprintf(to, sizeof(to), "%s/%s/all.zip", trees[i],
		    ecosystem);
		if (has_reports)
			rc = link_file(x, from, to, err);
		else if (x->all_changed)
			rc = write_zip(x, &nothing, to, err);
	}
	return rc;
}

static const struct export_dir *
changed_dir(const struct exporter *x, const char *name)
{
	for (size_t i = 0; i < x->dirs.n; i++)
		if (str_is(x->dirs.v[i].name, name))
			return x->dirs.v[i].changed ? &x->dirs.v[i] : NULL;
	return NULL;
}

int
export_zips_write(struct exporter *x, const char *url, struct error *err)
{
	char path[256];
	int rc = 0;

	(void)url;
	for (size_t i = 0; i < x->dirs.n && rc == 0; i++) {
		const struct export_dir *d = &x->dirs.v[i];

		(void)snprintf(path, sizeof(path), "%.*s/all.zip",
		    STR_ARG(d->name));
		if (d->changed)
			rc = write_zip(x, &d->view, path, err);
	}
	for (size_t i = 0; rc == 0 && osv_ecosystems[i] != NULL; i++)
		rc = write_offline(x, osv_ecosystems[i],
		    changed_dir(x, osv_ecosystems[i]) != NULL, err);
	return rc != 0 ?
	    rc :
	    write_offline(x, "GIT", changed_dir(x, "GIT") != NULL, err);
}

int
export_whole_zip_write(struct exporter *x, const char *url, struct error *err)
{
	(void)url;
	return write_zip(x, &x->whole, "all.zip", err);
}

/* --- lists
 * ---------------------------------------------------------------------
 */

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

int
export_ecosystems_write(struct exporter *x, struct error *err)
{
	struct str *v = mem_array(x->dirs.n + 1, sizeof(*v));
	struct buf b;
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < x->dirs.n; i++)
		if (x->dirs.v[i].view.n != 0)
			v[n++] = x->dirs.v[i].name;
	if (n > 1)
		qsort(v, n, sizeof(*v), by_text);
	buf_init(&b, 64 * KIB);
	for (size_t i = 0; i < n; i++) {
		buf_put_str(&b, v[i]);
		buf_putc(&b, '\n');
	}
	rc = export_put_file(x, "ecosystems.txt", buf_str(&b), err);
	buf_done(&b);
	free(v);
	return rc;
}
