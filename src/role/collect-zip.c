/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of documents, from strangers. libarchive reads them in memory; one
 * member is unpacked at a time, and none that is larger than a document. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "role/collect_priv.h"

/* One byte more than a document has at most, so that it is refused. */
#define MAX_MEMBER (16 * (size_t)MIB)
/* Bombs: what all members together may be, over the archive's size. Documents
 * that differ in a name alone reach 30. */
#define MAX_RATIO 200
#define MIN_BYTES (64ll * MIB)
/* An archive inside one: that of all ecosystems has 1 GiB. */
#define MAX_NESTED (2048 * (size_t)MIB)

static int
cannot(struct archive *a, struct error *err)
{
	const char *why = archive_error_string(a);

	return error_set(err, -EBADMSG, "the archive cannot be read: %s",
	    why != NULL ? why : "it is no zip file");
}

/* 0; 1: the member is damaged or larger than max; -EFBIG: a bomb. */
static int
unpack(struct zip_walk *w, struct archive *a, size_t max, struct buf *out,
    struct error *err)
{
	la_ssize_t n;
	size_t room;
	char *p;

	buf_init(out, max + 1);
	for (;;) {
		room = MIN_OF(64 * (size_t)KIB, max + 1 - out->n);
		if (room == 0) {
			(void)error_set(err, -EFBIG,
			    "larger than it may be (%zu bytes)", max);
			return 1;
		}
		p = buf_reserve(out, room);
		n = archive_read_data(a, p, room);
		if (n == 0)
			return 0;
		if (n < 0) {
			(void)cannot(a, err);
			return 1;
		}
		buf_added(out, (size_t)n);
		w->total_bytes += n;
		if (w->total_bytes > MIN_BYTES &&
		    w->total_bytes / MAX_RATIO > w->packed_bytes)
			return error_set(err, -EFBIG,
			    "the archive unpacks to more than %d times its "
			    "size",
			    MAX_RATIO);
	}
}

static int
on_document(struct zip_walk *w, struct archive *a, const struct zip_member *m,
    struct error *err)
{
	struct error why = ERROR_INIT;
	struct buf b;
	int rc = unpack(w, a, MAX_MEMBER, &b, &why);

	if (rc < 0)
		rc = error_set(err, rc, "%s", why.msg);
	else if (rc == 1)
		rc = w->document(w->data, m, STR_NONE, why.msg, err);
	else
		rc = w->document(w->data, m,
		    b.n != 0 ? buf_str(&b) : STR_LIT(""), NULL, err);
	buf_done(&b);
	return rc;
}

static int
on_archive(struct zip_walk *w, struct archive *a, const struct zip_member *m,
    struct error *err)
{
	struct error why = ERROR_INIT;
	struct buf b;
	int rc;

	if (w->depth >= 1)
		return error_set(err, -EFBIG,
		    "archives lie in an archive in an archive");
	rc = unpack(w, a, MAX_NESTED, &b, &why);
	if (rc != 0) {
		rc = error_set(err, -EBADMSG, "%.*s: %s",
		    (int)MIN_OF(m->name.n, (size_t)100), m->name.p, why.msg);
	} else {
		w->depth++;
		rc = zip_walk(w, buf_str(&b), err);
		w->depth--;
	}
	buf_done(&b);
	return rc;
}

static int
on_member(struct zip_walk *w, struct archive *a, struct archive_entry *e,
    struct error *err)
{
	const char *name = archive_entry_pathname_utf8(e);
	struct zip_member m = { .number = w->number++ };

	if (name == NULL)
		name = archive_entry_pathname(e);
	m.name = str_of(name);
	if (archive_entry_filetype(e) != AE_IFREG || name == NULL)
		return 0;
	if (str_ends(m.name, ".zip"))
		return on_archive(w, a, &m, err);
	if (!str_ends(m.name, ".json") || !w->wants(w->data, m.name))
		return 0;
	return on_document(w, a, &m, err);
}

int
zip_walk(struct zip_walk *w, struct str bytes, struct error *err)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int64_t total = w->total_bytes, packed = w->packed_bytes;
	int rc = 0, got;

	if (a == NULL)
		fatal("out of memory");
	w->total_bytes = 0;
	w->packed_bytes = (int64_t)bytes.n;
	(void)archive_read_support_format_zip_seekable(a);
	if (archive_read_open_memory(a, bytes.p, bytes.n) != ARCHIVE_OK)
		rc = cannot(a, err);
	while (
	    rc == 0 && (got = archive_read_next_header(a, &e)) != ARCHIVE_EOF) {
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			rc = cannot(a, err);
		else
			rc = on_member(w, a, e, err);
	}
	(void)archive_read_free(a);
	w->total_bytes = total;
	w->packed_bytes = packed;
	return rc;
}
