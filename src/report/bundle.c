/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives, lines, lists: documents one after the other. */
#include "report/bundle.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <archive.h>
#include <archive_entry.h>
#include <yyjson.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "report/table.h"

static const struct {
	const char *name, *suffix;
	enum bundle_format format;
} formats[] = {
	{ "json", ".json", BUNDLE_JSON },
	{ "ndjson", ".ndjson", BUNDLE_NDJSON },
	{ "ndjson", ".jsonl", BUNDLE_NDJSON },
	{ "csv", ".csv", BUNDLE_CSV },
	{ "zip", ".zip", BUNDLE_ZIP },
};

bool
bundle_format_parse(struct str s, enum bundle_format *ret)
{
	for (size_t i = 0; i < N_ELEMENTS(formats); i++)
		if (str_is(s, formats[i].name)) {
			*ret = formats[i].format;
			return true;
		}
	return false;
}

static int bundle_read_plain(const struct bundle *b, struct str bytes,
    struct str name, struct error *err);

static bool
is_gzip_name(struct str name)
{
	return str_ends(name, ".gz");
}

static enum bundle_format
format_of(struct str name, enum bundle_format otherwise)
{
	if (is_gzip_name(name))
		name = str_sub(name, 0, name.n - 3);
	for (size_t i = 0; i < N_ELEMENTS(formats); i++)
		if (str_ends(name, formats[i].suffix))
			return formats[i].format;
	return otherwise;
}

bool
bundle_name_known(struct str name)
{
	return format_of(name, BUNDLE_FORMAT__MAX) != BUNDLE_FORMAT__MAX &&
	    !str_ends(name, ".zip.gz");
}

bool
bundle_name_is_bundle(struct str name)
{
	enum bundle_format f = format_of(name, BUNDLE_FORMAT__MAX);

	return f == BUNDLE_NDJSON || f == BUNDLE_ZIP ||
	    (f == BUNDLE_JSON && is_gzip_name(name));
}

static int
too_large(const struct bundle *b, struct str name)
{
	return b->fn(b->arg, name, STR_NONE,
	    "is larger than a document may be");
}

/* --- JSON ------------------------------------------------------------------
 */

static int
read_list(const struct bundle *b, struct str bytes, struct str name,
    struct error *err)
{
	yyjson_read_err why;
	union {
		const char *in;
		char *out;
	} text = { .in = bytes.p };
	yyjson_doc *doc = yyjson_read_opts(text.out, bytes.n, 0, NULL, &why);
	yyjson_arr_iter it = yyjson_arr_iter_with(yyjson_doc_get_root(doc));
	yyjson_val *v;
	size_t i = 0, n;
	int rc = 0;

	if (doc == NULL)
		return error_set(err, -EINVAL, "is no JSON (%s at byte %zu)",
		    why.msg, why.pos);
	while (rc == 0 && (v = yyjson_arr_iter_next(&it)) != NULL) {
		char *one = yyjson_val_write(v, 0, &n);
		char *at = mem_printf("%.*s[%zu]", STR_ARG(name), i++);

		if (one == NULL)
			rc = b->fn(b->arg, str_of(at), STR_NONE,
			    "cannot be written");
		else if (n > LIMIT_BUNDLE_MEMBER_BYTES)
			rc = too_large(b, str_of(at));
		else
			rc = b->fn(b->arg, str_of(at), str_n(one, n), NULL);
		free(one);
		free(at);
	}
	yyjson_doc_free(doc);
	return rc;
}

static int
read_json(const struct bundle *b, struct str bytes, struct str name,
    struct error *err)
{
	struct str start = str_sub(bytes, 0, 4096);

	if (str_starts(str_trim(start), "["))
		return bytes.n > LIMIT_BUNDLE_LIST_BYTES ?
		    error_set(err, -EFBIG,
			"is a list of more than %u MB: lines of JSON can be "
			"longer",
			LIMIT_BUNDLE_LIST_BYTES / 1000000) :
		    read_list(b, bytes, name, err);
	if (bytes.n > LIMIT_BUNDLE_MEMBER_BYTES)
		return too_large(b, name);
	return b->fn(b->arg, name, bytes, NULL);
}

/* longer: it goes on behind what is given here. */
static int
read_line(const struct bundle *b, struct str line, bool longer, struct str name,
    size_t number)
{
	char *at;
	int rc;

	if (!longer && str_trim(line).n == 0)
		return 0;
	at = mem_printf("%.*s:%zu", STR_ARG(name), number);
	rc = longer || line.n > LIMIT_BUNDLE_MEMBER_BYTES ?
	    too_large(b, str_of(at)) :
	    b->fn(b->arg, str_of(at), line, NULL);
	free(at);
	return rc;
}

static int
read_lines(const struct bundle *b, struct str bytes, struct str name)
{
	struct str line;
	size_t number = 0;
	int rc = 0;

	while (rc == 0 && str_cut(&bytes, '\n', &line))
		rc = read_line(b, line, false, name, ++number);
	return rc;
}

/* --- gzip ------------------------------------------------------------------
 */

struct gzip {
	const struct bundle *b;
	struct str name; /* of the file */
	enum bundle_format format;
	struct buf kept; /* a line, or all of it */
	size_t n_lines;
	uint64_t total; /* bytes inflated so far */
};

static int
end_line(struct gzip *g)
{
	int rc = read_line(g->b, buf_str(&g->kept), g->kept.full, g->name,
	    ++g->n_lines);

	buf_reset(&g->kept);
	g->kept.full = false;
	return rc;
}

/* Lines are read as they come: all of them need not fit into memory. */
static int
take_lines(struct gzip *g, struct str s)
{
	int rc = 0;

	while (rc == 0) {
		ptrdiff_t end = str_chr(s, '\n');

		buf_put_str(&g->kept,
		    str_sub(s, 0, end < 0 ? s.n : (size_t)end));
		if (end < 0)
			break;
		rc = end_line(g);
		s = str_sub(s, (size_t)end + 1, s.n);
	}
	return rc;
}

static int
take_inflated(struct gzip *g, struct str s, struct error *err)
{
	g->total += s.n;
	if (g->total > LIMIT_BUNDLE_TOTAL_BYTES)
		return error_set(err, -EFBIG,
		    "inflates to more than %llu MB: the rest is not read",
		    LIMIT_BUNDLE_TOTAL_BYTES / 1000000);
	if (g->format == BUNDLE_NDJSON)
		return take_lines(g, s);
	buf_put_str(&g->kept, s);
	return g->kept.full ?
	    error_set(err, -EFBIG, "inflates to more than %u MB",
		LIMIT_BUNDLE_LIST_BYTES / 1000000) :
	    0;
}

/* One member after the other, as gzip itself reads them. */
static int
inflate_all(struct gzip *g, struct str bytes, struct error *err)
{
	union {
		const char *in;
		Bytef *out;
	} at = { .in = bytes.p };
	z_stream z = { .next_in = at.out, .avail_in = (uInt)bytes.n };
	unsigned char chunk[64 * KIB];
	int rc = 0, end = Z_OK;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		fatal("no memory for an archive");
	while (rc == 0 && (end == Z_OK || z.avail_in != 0)) {
		if (end == Z_STREAM_END && inflateReset(&z) != Z_OK)
			break;
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		end = inflate(&z, Z_NO_FLUSH);
		if (end != Z_OK && end != Z_STREAM_END)
			break;
		rc = take_inflated(g, str_n(chunk, sizeof(chunk) - z.avail_out),
		    err);
	}
	(void)inflateEnd(&z);
	return rc != 0 || end == Z_STREAM_END ?
	    rc :
	    error_set(err, -EINVAL, "is damaged, or cut short");
}

static int
read_gzip(const struct bundle *b, struct str bytes, struct str name,
    struct error *err)
{
	struct gzip g = { .b = b, .name = name, .format = b->format };
	struct bundle inner = *b;
	int rc;

	if (g.format == BUNDLE_BY_NAME)
		g.format = format_of(name, BUNDLE_JSON);
	if (g.format == BUNDLE_ZIP)
		return error_set(err, -EINVAL,
		    "is a zip in another archive, which is not looked into");
	buf_init(&g.kept,
	    g.format == BUNDLE_NDJSON ? LIMIT_BUNDLE_MEMBER_BYTES :
					LIMIT_BUNDLE_LIST_BYTES);
	rc = inflate_all(&g, bytes, err);
	inner.format = g.format;
	if (rc == 0)
		rc = g.format == BUNDLE_NDJSON ?
		    end_line(&g) :
		    bundle_read_plain(&inner, buf_str(&g.kept), name, err);
	buf_done(&g.kept);
	return rc;
}

/* --- zip -------------------------------------------------------------------
 */

struct zip {
	const struct bundle *b;
	struct archive *a;
	struct buf member;
	uint64_t total; /* bytes inflated so far */
};

/* 1: the member is too large or damaged, *ret_why says so. */
static int
inflate_member(struct zip *z, const char **ret_why, struct error *err)
{
	char chunk[64 * KIB];
	la_ssize_t n;

	buf_reset(&z->member);
	z->member.full = false;
	while ((n = archive_read_data(z->a, chunk, sizeof(chunk))) > 0) {
		z->total += (uint64_t)n;
		if (z->total > LIMIT_BUNDLE_TOTAL_BYTES)
			return error_set(err, -EFBIG,
			    "inflates to more than %llu MB: the rest is not "
			    "read",
			    LIMIT_BUNDLE_TOTAL_BYTES / 1000000);
		buf_put(&z->member, chunk, (size_t)n);
		if (z->member.full) {
			*ret_why = "inflates to more than a document may have";
			return 1;
		}
	}
	if (n == ARCHIVE_FATAL)
		return error_set(err, -EINVAL, "is damaged: %s",
		    archive_error_string(z->a));
	if (n < 0) {
		*ret_why = "is damaged";
		return 1;
	}
	return 0;
}

static int
read_member(struct zip *z, struct str path, struct error *err)
{
	struct bundle inner = *z->b;
	const char *why = NULL;
	struct error bad = ERROR_INIT;
	int rc = inflate_member(z, &why, err);

	if (rc < 0)
		return rc;
	if (rc == 1)
		return z->b->fn(z->b->arg, path, STR_NONE, why);
	inner.format = format_of(path, BUNDLE_JSON);
	rc = bundle_read_bytes(&inner, buf_str(&z->member), path, &bad);
	return rc == -EINVAL || rc == -EFBIG ?
	    z->b->fn(z->b->arg, path, STR_NONE, bad.msg) :
	    rc;
}

/* Nothing is written under these names; who makes such an archive is not to be
 * trusted with the rest of the member either. */
static bool
leads_away(struct str path)
{
	struct str part;

	if (str_starts(path, "/") || str_chr(path, '\\') >= 0)
		return true;
	while (str_cut(&path, '/', &part))
		if (str_is(part, ".."))
			return true;
	return false;
}

static int
read_members(struct zip *z, struct str name, struct error *err)
{
	struct archive_entry *e;
	uint64_t n_members = 0;
	int rc, end;

	while ((end = archive_read_next_header(z->a, &e)) == ARCHIVE_OK ||
	    end == ARCHIVE_WARN) {
		const char *path = archive_entry_pathname(e);
		char *at;

		if (++n_members > LIMIT_BUNDLE_MEMBERS)
			return error_set(err, -EFBIG,
			    "has more than %u members: the rest is not read",
			    LIMIT_BUNDLE_MEMBERS);
		/* An archive in a zip is not looked into. */
		if (archive_entry_filetype(e) != AE_IFREG || path == NULL ||
		    !bundle_name_known(str_of(path)) ||
		    str_ends(str_of(path), ".zip") ||
		    is_gzip_name(str_of(path)))
			continue;
		at = mem_printf("%.*s/%.512s", STR_ARG(name), path);
		rc = leads_away(str_of(path)) ?
		    z->b->fn(z->b->arg, str_of(at), STR_NONE,
			"has a name that leads out of the archive") :
		    read_member(z, str_of(at), err);
		free(at);
		if (rc != 0)
			return rc;
	}
	if (end != ARCHIVE_EOF)
		return error_set(err, -EINVAL, "is damaged: %s",
		    archive_error_string(z->a));
	if (n_members == 0)
		return error_set(err, -EINVAL, "is no zip, or an empty one");
	return 0;
}

static int
read_zip(const struct bundle *b, struct str bytes, struct str name,
    struct error *err)
{
	struct zip z = { .b = b, .a = archive_read_new() };
	int rc;

	if (z.a == NULL)
		fatal("no memory for an archive");
	buf_init(&z.member, LIMIT_BUNDLE_MEMBER_BYTES);
	(void)archive_read_support_format_zip(z.a);
	rc = archive_read_open_memory(z.a, bytes.p, bytes.n) == ARCHIVE_OK ?
	    read_members(&z, name, err) :
	    error_set(err, -EINVAL, "is no zip: %s", archive_error_string(z.a));
	(void)archive_read_free(z.a);
	buf_done(&z.member);
	return rc;
}

/* --- the whole --------------------------------------------------------------
 */

int
bundle_read_bytes(const struct bundle *b, struct str bytes, struct str name,
    struct error *err)
{
	return str_starts(bytes, "\x1f\x8b") ?
	    read_gzip(b, bytes, name, err) :
	    bundle_read_plain(b, bytes, name, err);
}

static int
bundle_read_plain(const struct bundle *b, struct str bytes, struct str name,
    struct error *err)
{
	enum bundle_format f = b->format;

	if (f == BUNDLE_BY_NAME)
		f = format_of(name, BUNDLE_JSON);
	switch (f) {
	case BUNDLE_NDJSON:
		return read_lines(b, bytes, name);
	case BUNDLE_CSV:
		return table_read(b, bytes, name, err);
	case BUNDLE_ZIP:
		return read_zip(b, bytes, name, err);
	case BUNDLE_BY_NAME:
	case BUNDLE_JSON:
	case BUNDLE_FORMAT__MAX:
		break;
	}
	return read_json(b, bytes, name, err);
}

int
bundle_read(const struct bundle *b, int fd, struct str name, struct error *err)
{
	struct stat st;
	void *p;
	int rc;

	if (fstat(fd, &st) != 0)
		return error_errno(err, "cannot be read");
	if (st.st_size > LIMIT_BUNDLE_BYTES)
		return error_set(err, -EFBIG, "is larger than %lld MB",
		    LIMIT_BUNDLE_BYTES / 1000000);
	if (st.st_size == 0)
		return bundle_read_bytes(b, STR_LIT(""), name, err);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return error_errno(err, "cannot be read");
	rc = bundle_read_bytes(b, str_n(p, (size_t)st.st_size), name, err);
	(void)munmap(p, (size_t)st.st_size);
	return rc;
}
