/* SPDX-License-Identifier: Apache-2.0 */
/* The archives, lists and sums of an export. */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zlib.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/osv.h"
#include "report/export_priv.h"
#include "report/zip.h"
#include "sys/fd.h"
#include "sys/message.h"

/* A newline as a deflate block of its own (stored, not the last). */
#define NEWLINE STR_LIT("\x00\x01\x00\xfe\xff\n")

/* Takes the states of sums. */
static void
remember(struct exporter *x, struct str name, const struct outfile_sums *sums)
{
	x->counts.files++;
	for (size_t i = 0; i < x->sums.n; i++)
		if (str_eq(x->sums.v[i].name, name)) {
			free(x->sums.v[i].sums.states);
			x->sums.v[i].sums = *sums;
			x->sums.v[i].written = true;
			return;
		}
	vec_push(&x->sums,
	    ((struct export_sum){ arena_str(x->arena, name), *sums, true }));
}

int
export_close(struct exporter *x, struct outfile *o, const char *name,
    struct error *err)
{
	struct outfile_sums sums;
	int rc = outfile_close(o, &sums, err);

	if (rc == 0)
		remember(x, str_of(name), &sums);
	return rc;
}

int
export_put_file(struct exporter *x, const char *name, struct str bytes,
    struct error *err)
{
	struct outfile *o = outfile_open(x->dir, name);

	outfile_put_str(o, bytes);
	return export_close(x, o, name, err);
}

/* --- archives of single documents ------------------------------------------
 */

/* How much of the file that is published may stay, of n bytes; 0: nothing. */
static uint64_t
keep_bytes(const struct exporter *x, struct outfile *o, const char *name,
    uint64_t n)
{
	for (size_t i = 0; i < x->sums.n; i++)
		if (str_is(x->sums.v[i].name, name))
			return outfile_keep(o, &x->sums.v[i].sums, n) ? n : 0;
	return 0;
}

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

/* Where each begins; how many bytes are as they were. */
static uint64_t
place_members(const struct export_view *v)
{
	uint64_t at = 0, kept = 0;

	for (size_t i = 0; i < v->n; i++) {
		struct export_entry *e = v->by_place[i];

		e->offset = at;
		at += ZIP_HEADER_BYTES + e->id.n + strlen(".json") + e->packed +
		    DEFLATE_END.n;
		if (e->at < v->keep)
			kept = at;
	}
	return kept;
}

/* Members in the order of the segments, the directory in the order of ids. */
static int
write_zip(struct exporter *x, const struct export_view *v, const char *path,
    struct error *err)
{
	struct outfile *o = outfile_open(x->dir, path);
	uint64_t kept = place_members(v);
	char name[LIMIT_TEXT_BYTES];
	struct zip_member m;
	struct zip z;

	zip_begin(&z, o);
	kept = keep_bytes(x, o, path, kept);
	for (size_t i = 0; i < v->n; i++) {
		const struct export_entry *e = v->by_place[i];

		if (e->offset < kept)
			continue;
		m = member_of(e, name);
		zip_header(&z, &m);
		outfile_put_str(o, export_segment(x, e));
		outfile_put_str(o, DEFLATE_END);
	}
	for (size_t i = 0; i < v->n; i++) {
		m = member_of(v->by_id[i], name);
		zip_listed(&z, &m, v->by_id[i]->offset);
	}
	zip_end(&z);
	return export_close(x, o, path, err);
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
	for (size_t i = 0; i < x->sums.n; i++)
		if (str_is(x->sums.v[i].name, from)) {
			struct outfile_sums sums = x->sums.v[i].sums;

			sums.states = NULL;
			sums.n_states = 0;
			remember(x, str_of(to), &sums);
			break;
		}
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

static int
write_zips(struct exporter *x, const char *url, struct error *err)
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

/* --- lines of JSON ----------------------------------------------------------
 */

#define LENGTHS 65536 /* of most documents */

struct lines {
	uint64_t raw, packed, kept; /* kept: of packed, as it was */
	uLong crc32;
};

/* The sum of two pieces behind each other; b has n bytes. What the length has
 * to do with it is worked out once for each length: lengths are alike. */
static uLong
join_crc32(uLong a, uLong b, uint32_t n)
{
	static uint32_t ops[LENGTHS];

	if (n >= LENGTHS)
		return crc32_combine(a, b, (z_off_t)n);
	if (ops[n] == 0)
		ops[n] = (uint32_t)crc32_combine_gen((z_off_t)n);
	return crc32_combine_op(a, b, ops[n]);
}

static struct lines
measure(const struct export_view *v)
{
	struct lines l = { .crc32 = crc32(0, NULL, 0) };

	for (size_t i = 0; i < v->n; i++) {
		const struct export_entry *e = v->by_place[i];

		l.crc32 = join_crc32(l.crc32, e->crc32, e->raw);
		l.crc32 = crc32(l.crc32, (const Bytef *)"\n", 1);
		l.raw += e->raw + 1;
		l.packed += e->packed + NEWLINE.n;
		if (e->at < v->keep)
			l.kept = l.packed;
	}
	l.packed += DEFLATE_END.n;
	return l;
}

/* All but the first `kept` bytes. */
static void
put_lines(struct exporter *x, struct outfile *o, const struct export_view *v,
    uint64_t kept)
{
	uint64_t at = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct export_entry *e = v->by_place[i];

		if (at >= kept) {
			outfile_put_str(o, export_segment(x, e));
			outfile_put_str(o, NEWLINE);
		}
		at += e->packed + NEWLINE.n;
	}
	outfile_put_str(o, DEFLATE_END);
}

static int
write_ndjson(struct exporter *x, const char *url, struct error *err)
{
	static const unsigned char head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0,
		3 };
	static const char path[] = "all.ndjson.gz";
	struct outfile *o = outfile_open(x->dir, path);
	struct lines l = measure(&x->whole);
	unsigned char tail[8];

	(void)url;
	for (int i = 0; i < 4; i++) {
		tail[i] = (unsigned char)(l.crc32 >> (8 * i));
		tail[4 + i] = (unsigned char)(l.raw >> (8 * i));
	}
	if (l.kept == 0 || keep_bytes(x, o, path, sizeof(head) + l.kept) == 0) {
		outfile_put(o, head, sizeof(head));
		l.kept = 0;
	}
	put_lines(x, o, &x->whole, l.kept);
	outfile_put(o, tail, sizeof(tail));
	return export_close(x, o, path, err);
}

/* The ecosystems that Renovate looks for. The largest is the first, and its
 * sizes stand behind it: so what is new comes late in the file. */
static const char *const renovate[] = { "npm", "PyPI", "NuGet", "RubyGems",
	"crates.io", "Go", "Hackage", "Hex", "Maven", "Packagist", "Pub" };

/* Of an ecosystem; only the first one's bytes are at the same place again. */
static struct export_view
renovate_view(const struct exporter *x, size_t i)
{
	struct export_view v = { .n = 0 };

	for (size_t k = 0; k < x->dirs.n; k++)
		if (str_is(x->dirs.v[k].name, renovate[i]))
			v = x->dirs.v[k].view;
	if (i != 0)
		v.keep = 0;
	return v;
}

static void
put_renovate(struct exporter *x, struct zip *z, size_t i, const char *path)
{
	struct export_view v = renovate_view(x, i);
	struct lines l = measure(&v);
	struct zip_member m = { .crc32 = (uint32_t)l.crc32,
		.size = l.raw,
		.packed = l.packed,
		.late = true };
	uint64_t at = outfile_at(z->out), head;
	char name[64];

	(void)snprintf(name, sizeof(name), "%s.nedb", renovate[i]);
	for (char *p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	m.name = str_of(name);
	head = ZIP_HEADER_BYTES + m.name.n;
	/* More than such a reader can hold in memory. */
	if (l.raw >= UINT32_MAX)
		return;
	if (i != 0 || l.kept == 0 ||
	    keep_bytes(x, z->out, path, head + l.kept) == 0) {
		zip_header(z, &m);
		l.kept = 0;
	}
	put_lines(x, z->out, &v, l.kept);
	zip_sizes(z, &m);
	zip_listed(z, &m, at);
}

static int
write_renovate(struct exporter *x, const char *url, struct error *err)
{
	static const char path[] = "renovate/osv-offline.zip";
	struct outfile *o = outfile_open(x->dir, path);
	struct zip z;

	(void)url;
	zip_begin(&z, o);
	for (size_t i = 0; i < N_ELEMENTS(renovate); i++)
		put_renovate(x, &z, i, path);
	zip_end(&z);
	return export_close(x, o, path, err);
}

/* --- lists and sums ----------------------------------------------------------
 */

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int
write_ecosystems(struct exporter *x, struct error *err)
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

static int
by_name(const void *a, const void *b)
{
	return str_cmp(((const struct export_sum *)a)->name,
	    ((const struct export_sum *)b)->name);
}

/* The four bytes in network order, as the X-Goog-Hash header has them. */
static void
put_base64(struct buf *b, uint32_t v)
{
	uint32_t bytes = htobe32(v);

	base64_write(str_n(&bytes, sizeof(bytes)), b);
}

static int
write_sums(struct exporter *x, struct error *err)
{
	struct buf sha, crc;
	int rc;

	qsort(x->sums.v, x->sums.n, sizeof(*x->sums.v), by_name);
	buf_init(&sha, MIB);
	buf_init(&crc, MIB);
	for (size_t i = 0; i < x->sums.n; i++) {
		const struct export_sum *s = &x->sums.v[i];

		buf_printf(&sha, "%s  %.*s\n", s->sums.sha256,
		    STR_ARG(s->name));
		put_base64(&crc, s->sums.crc32c);
		buf_printf(&crc, "  %.*s\n", STR_ARG(s->name));
	}
	rc = outfile_write(x->dir, "SHA256SUMS", buf_str(&sha), err);
	if (rc == 0)
		rc = outfile_write(x->dir, "CRC32C", buf_str(&crc), err);
	buf_done(&sha);
	buf_done(&crc);
	return rc;
}

/* --- two at a time ----------------------------------------------------------
 */

#define MESSAGE_SUMS 1

static int
write_all_zip(struct exporter *x, const char *url, struct error *err)
{
	(void)url;
	return write_zip(x, &x->whole, "all.zip", err);
}

/* The dearest first: whoever is free takes the next. */
static int (*const jobs[])(struct exporter *, const char *url,
    struct error *) = { write_zips, write_all_zip, write_ndjson, write_renovate,
	export_news_write };

static int
do_jobs(struct exporter *x, const char *url, unsigned *next, struct error *err)
{
	int rc = 0;

	while (rc == 0) {
		unsigned i = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);

		if (i >= N_ELEMENTS(jobs))
			break;
		rc = jobs[i](x, url, err);
	}
	return rc;
}

static void __attribute__((noreturn))
jobs_child(struct exporter *x, const char *url, unsigned *next, int fd)
{
	struct error err = ERROR_INIT;
	struct channel c;
	int rc;

	for (size_t i = 0; i < x->sums.n; i++)
		x->sums.v[i].written = false;
	rc = do_jobs(x, url, next, &err);
	channel_init(&c, fd);
	for (size_t i = 0; i <= x->sums.n && rc == 0; i++) {
		bool end = i == x->sums.n; /* a death says less than this */
		struct export_sum s = { .name = STR_NONE };

		if (!end)
			s = x->sums.v[i];
		if (!end && !s.written)
			continue;
		message_begin(&c, MESSAGE_SUMS);
		message_put_str(&c, s.name);
		message_put_str(&c, str_n(&s.sums, sizeof(s.sums)));
		message_put_str(&c,
		    str_n(s.sums.states,
			s.sums.n_states * sizeof(*s.sums.states)));
		rc = message_send(&c, &err);
	}
	if (rc == 0)
		rc = channel_flush(&c, &err);
	if (rc != 0)
		fatal("report export: %s", err.msg);
	_exit(0);
}

/* The child is this program at this place: its structs are ours. */
static int
take_sums(struct exporter *x, int fd, struct error *err)
{
	struct outfile_sums sums;
	struct channel c;
	struct message m;
	bool ended = false;
	int rc;

	channel_init(&c, fd);
	while (!ended && (rc = channel_recv(&c, &m, err)) == 1) {
		struct str name = message_get_str(&m);
		struct str whole = message_get_str(&m);
		struct str states = message_get_str(&m);

		rc = message_end(&m, err);
		if (rc != 0 || whole.n != sizeof(sums))
			break;
		ended = name.p == NULL;
		if (ended)
			break;
		memcpy(&sums, whole.p, sizeof(sums));
		sums.states = NULL;
		if (states.n != 0) {
			sums.states = mem_array(states.n, 1);
			memcpy(sums.states, states.p, states.n);
		}
		remember(x, name, &sums);
	}
	channel_done(&c);
	if (rc == 0 && !ended)
		rc = error_set(err, -EPIPE,
		    "half of the archives could not be written");
	return rc;
}

/* Summing and copying are most of the work. */
static int
write_archives(struct exporter *x, const char *url, struct error *err)
{
	unsigned *next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pair[2], rc, rc_other;
	pid_t pid;

	if (next == MAP_FAILED)
		return error_errno(err, "memory for two processes");
	if (fd_socketpair(pair, err) != 0)
		return err->code;
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		return error_errno(err, "fork");
	if (pid == 0) {
		(void)close(pair[0]);
		jobs_child(x, url, next, pair[1]);
	}
	(void)close(pair[1]);
	rc = do_jobs(x, url, next, err);
	rc_other = take_sums(x, pair[0], rc == 0 ? err : NULL);
	(void)waitpid(pid, NULL, 0);
	(void)munmap(next, sizeof(*next));
	return rc != 0 ? rc : rc_other;
}

int
export_files_write(struct exporter *x, const char *url, struct error *err)
{
	int rc = write_archives(x, url, err);

	if (rc == 0)
		rc = write_ecosystems(x, err);
	return rc == 0 ? write_sums(x, err) : rc;
}
