/* SPDX-License-Identifier: Apache-2.0 */
/* A document becomes its published form: one line of JSON with a purl, and
 * that compressed. Runs in the confined workers of `lazaret report export`. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libdeflate.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/packageurl.h"
#include "ecosystem/version.h"
#include "osv/osv.h"
#include "report/export_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/message.h"

#define MESSAGE_DOCUMENT 1
#define MESSAGE_GROUP    2
/* A larger group the exporter makes itself. */
#define GROUP_MAX MIB
#define ONCE_MAX  (16 * (size_t)KIB) /* longer ones are read as they come */
#define KEEP_MAX  (256 * (size_t)KIB) /* memory that is used again */

static int
say_failed(struct channel *c, int64_t file, const char *why, struct error *err)
{
	message_begin(c, MESSAGE_DOCUMENT);
	message_put_int(c, file);
	message_put_str(c, str_of(why));
	return message_send(c, err);
}

static void
add_dir(struct str *dirs, size_t *n, struct str name)
{
	for (size_t i = 0; i < *n; i++)
		if (str_eq(dirs[i], name))
			return;
	if (*n < EXPORT_MAX_DIRS)
		dirs[(*n)++] = name;
}

/* Published documents have the canonical purl: readers match by it. */
static void
add_purl(struct arena *a, struct osv_affected *v)
{
	struct packageurl *p = arena_alloc(a, sizeof(*p));
	struct buf b;

	if (!v->has_package ||
	    packageurl_of_osv(a, v->ecosystem, v->name, p, NULL) != 0)
		return;
	buf_init(&b, LIMIT_PURL_BYTES);
	packageurl_write(p, &b);
	if (!b.full)
		v->purl = arena_str(a, buf_str(&b));
	buf_done(&b);
}

static size_t
folders_of(struct arena *a, struct osv_document *d,
    struct str dirs[EXPORT_MAX_DIRS])
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_affected; i++) {
		struct osv_affected *v = &d->affected[i];

		add_purl(a, v);
		if (v->has_package)
			add_dir(dirs, &n, osv_ecosystem_base(v->ecosystem));
		for (size_t k = 0; k < v->n_ranges; k++)
			if (v->ranges[k].type == OSV_GIT)
				add_dir(dirs, &n, STR_LIT("GIT"));
	}
	if (n == 0)
		add_dir(dirs, &n, STR_LIT("[EMPTY]"));
	return n;
}

static void
add_version(struct str *v, size_t *n, struct str version)
{
	for (size_t i = 0; i < *n; i++)
		if (str_eq(v[i], version))
			return;
	v[(*n)++] = version;
}

/* Where no order of versions is known, a range tells a reader nothing, and
 * some offline readers die of it: the versions that it names are listed in its
 * place. Of "every version" nothing can be listed: such a range stays, unless
 * there are versions beside it. 1: one stays. */
static int
list_versions(struct arena *a, struct osv_affected *v)
{
	struct str *all;
	size_t n = 0, most = v->n_versions, kept = 0;

	if (!v->has_package || version_rule(v->ecosystem) != NULL)
		return 0;
	for (size_t i = 0; i < v->n_ranges; i++)
		most += v->ranges[i].n_events;
	all = arena_array(a, most + 1, sizeof(*all));
	for (size_t i = 0; i < v->n_versions; i++)
		add_version(all, &n, v->versions[i]);
	for (size_t i = 0; i < v->n_ranges; i++)
		for (size_t k = 0; k < v->ranges[i].n_events; k++) {
			const struct osv_event *e = &v->ranges[i].events[k];

			if (v->ranges[i].type != OSV_GIT &&
			    (e->kind == OSV_INTRODUCED ||
				e->kind == OSV_LAST_AFFECTED) &&
			    !str_is(e->value, "0"))
				add_version(all, &n, e->value);
		}
	for (size_t i = 0; i < v->n_ranges; i++)
		if (n == 0 || v->ranges[i].type == OSV_GIT)
			v->ranges[kept++] = v->ranges[i];
	v->n_ranges = kept;
	v->versions = all;
	v->n_versions = n;
	return n == 0 && kept != 0;
}

/* Most documents are small and use the same memory one after the other. */
static void
empty(struct buf *b)
{
	if (b->size > KEEP_MAX)
		buf_done(b);
	b->max = 32 * (size_t)MIB;
	buf_reset(b);
}

/* --- groups -----------------------------------------------------------------
 */

/* What has been sent of a row, for each set of folders. */
static struct {
	int64_t row;
	size_t n;
	struct {
		int64_t first; /* file */
		struct buf dirs;
		struct export_pack pack;
	} v[EXPORT_GROUP];
} row;

static void
put_dirs(struct buf *b, const struct str *dirs, size_t n)
{
	buf_reset(b);
	for (size_t i = 0; i < n; i++) {
		buf_put_str(b, dirs[i]);
		buf_putc(b, '\n');
	}
}

static void
add_to_group(int64_t file, const struct str *dirs, size_t n_dirs,
    struct str json)
{
	static struct buf name = { .max = 4 * KIB };
	size_t i = 0;

	if (EXPORT_ROW(file) != row.row)
		row.n = 0;
	row.row = EXPORT_ROW(file);
	put_dirs(&name, dirs, n_dirs);
	while (i < row.n && !str_eq(buf_str(&row.v[i].dirs), buf_str(&name)))
		i++;
	if (i == N_ELEMENTS(row.v))
		return;
	if (i == row.n) {
		row.n++;
		row.v[i].first = file;
		row.v[i].dirs.max = name.max;
		put_dirs(&row.v[i].dirs, dirs, n_dirs);
		export_pack_begin(&row.v[i].pack, GROUP_MAX);
	}
	export_pack_add(&row.v[i].pack, json);
}

int
export_work_groups(struct channel *c, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < row.n && rc == 0; i++) {
		struct export_pack *p = &row.v[i].pack;

		if (!export_pack_end(p))
			continue;
		message_begin(c, MESSAGE_GROUP);
		message_put_int(c, row.v[i].first);
		message_put_int(c, p->n);
		message_put_int(c, p->crc32);
		message_put_int(c, (int64_t)p->raw);
		message_put_str(c, buf_str(&p->out));
		rc = message_send(c, err);
	}
	row.n = 0;
	return rc;
}

bool
export_is_group(const struct message *m)
{
	return m->type == MESSAGE_GROUP;
}

/* --- documents --------------------------------------------------------------
 */

static int
send(struct channel *c, int64_t file, const struct stat *st, struct arena *a,
    struct osv_document *d, struct error *err)
{
	static struct buf json, packed;
	struct str dirs[EXPORT_MAX_DIRS];
	size_t n = folders_of(a, d, dirs);
	int rc, unordered = 0;

	for (size_t i = 0; i < d->n_affected; i++)
		unordered |= list_versions(a, &d->affected[i]);

	empty(&json);
	empty(&packed);
	osv_write(d, 0, &json);
	if (json.full || !export_deflate(buf_str(&json), &packed) ||
	    json.n + packed.n > LIMIT_MESSAGE_BYTES - 64 * KIB) {
		rc = say_failed(c, file, "is too large", err);
	} else {
		message_begin(c, MESSAGE_DOCUMENT);
		message_put_int(c, file);
		message_put_str(c, STR_NONE);
		message_put_int(c, st->st_size);
		message_put_int(c, outfile_mtime_ns(st));
		message_put_int(c, (int64_t)st->st_ino);
		message_put_str(c, d->id);
		message_put_str(c, d->modified);
		message_put_str(c, str_sub(d->summary, 0, 200));
		message_put_int(c, d->withdrawn.p != NULL);
		message_put_int(c, unordered);
		message_put_int(c,
		    (int64_t)libdeflate_crc32(0, json.p, json.n));
		message_put_int(c, (int64_t)n);
		for (size_t i = 0; i < n; i++)
			message_put_str(c, dirs[i]);
		message_put_str(c, buf_str(&json));
		message_put_str(c, buf_str(&packed));
		rc = message_send(c, err);
		add_to_group(file, dirs, n, buf_str(&json));
	}
	return rc;
}

static int
work(struct channel *c, int64_t file, struct str path, const struct stat *st,
    struct str bytes, struct error *err)
{
	struct osv_input in = { .bytes = bytes,
		.profile = OSV_PROFILE_SCHEMA,
		.now_s = clock_wall_ns() / NS_PER_SEC };
	static struct arena *a;
	struct osv_findings f;
	struct osv_document d;
	struct yyjson_doc *json = NULL;
	struct str name =
	    str_sub(path, (size_t)(str_rchr(path, '/') + 1), path.n - 5);
	int rc;

	if (a == NULL)
		a = arena_new(LIMIT_ARENA_BYTES);
	osv_findings_init(&f, a);
	if (osv_validate(a, &in, &f, &d, &json) != 0)
		rc = say_failed(c, file,
		    f.n != 0 ? f.v[0].message : "is no OSV document", err);
	else if (!str_eq(d.id, name))
		rc = say_failed(c, file, "its id is not its name", err);
	else
		rc = send(c, file, st, a, &d, err);
	osv_findings_done(&f);
	osv_json_free(json);
	arena_reset(a);
	return rc;
}

/* Of a file of this size: one call, unless it is growing. */
static int
read_file(int fd, off_t size, struct buf *bytes, struct error *err)
{
	size_t n = size < (off_t)ONCE_MAX ? (size_t)size + 1 : 0;
	char *p = n != 0 ? buf_reserve(bytes, n) : NULL;
	ssize_t k = p != NULL ? read(fd, p, n) : -1;

	if (k > 0)
		buf_added(bytes, (size_t)k);
	if (k >= 0 && (size_t)k < n)
		return 0;
	return fd_read_all(fd, bytes, err);
}

/* Size and times are those of the bytes that were read, whatever the name
 * stands for a moment later. */
int
export_work(struct channel *c, int64_t file, int dir, const char *path,
    struct buf *bytes, struct error *err)
{
	_cleanup_(closep) int fd =
	    openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct error why = ERROR_INIT;
	struct stat st;

	buf_reset(bytes);
	if (fd < 0 || fstat(fd, &st) != 0)
		return say_failed(c, file, "cannot be opened", err);
	if (!S_ISREG(st.st_mode))
		return say_failed(c, file, "is no file", err);
	if (read_file(fd, st.st_size, bytes, &why) != 0)
		return say_failed(c, file, why.msg, err);
	return work(c, file, str_of(path), &st, buf_str(bytes), err);
}
