/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: each a zstd frame of its own with the snapshot's dictionary, so
 * that any one is there in some microseconds. Runs in serve, scan, db. */
#include <stdlib.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "snapshot/snapshot_priv.h"

struct snapshot_documents {
	const struct snapshot *s;
	ZSTD_DCtx *context; /* owned */
	ZSTD_DDict *dictionary; /* owned; NULL: none */
};

int
snapshot_documents_new(const struct snapshot *s,
    struct snapshot_documents **ret, struct error *err)
{
	struct snapshot_documents *d;
	struct str dictionary;
	int rc = piece_get(s, SECTION_DICTIONARY, &dictionary, err);

	if (rc != 0)
		return rc;
	d = mem_alloc(sizeof(*d));
	d->s = s;
	d->context = ZSTD_createDCtx();
	if (dictionary.n != 0)
		d->dictionary = ZSTD_createDDict(dictionary.p, dictionary.n);
	if (d->context == NULL)
		fatal("out of memory");
	if (dictionary.n != 0 && d->dictionary == NULL) {
		snapshot_documents_free(d);
		return damaged(err, "its dictionary");
	}
	*ret = d;
	return 0;
}

void
snapshot_documents_free(struct snapshot_documents *d)
{
	if (d == NULL)
		return;
	(void)ZSTD_freeDCtx(d->context);
	(void)ZSTD_freeDDict(d->dictionary);
	free(d);
}

void
snapshot_documents_freep(struct snapshot_documents **d)
{
	snapshot_documents_free(*d);
}

/* What the frame holds: the summary, then the document. */
static int
unpack(struct snapshot_documents *d, uint32_t number, struct arena *a,
    struct take *ret, struct error *err)
{
	unsigned long long size;
	struct str frame;
	size_t n;
	char *p;
	int rc;

	if (number >= d->s->info.n_records)
		return error_set(err, -EINVAL, "there is no record %u", number);
	rc = chunk_get(d->s, SECTION_DOCUMENTS, number, &frame, err);
	if (rc != 0)
		return rc;
	size = ZSTD_getFrameContentSize(frame.p, frame.n);
	if (size > FORMAT_MAX_DOCUMENT + FORMAT_MAX_SUMMARY + 16)
		return damaged(err, "a document");
	p = arena_alloc(a, (size_t)size);
	if (d->dictionary != NULL)
		n = ZSTD_decompress_usingDDict(d->context, p, (size_t)size,
		    frame.p, frame.n, d->dictionary);
	else
		n = ZSTD_decompressDCtx(d->context, p, (size_t)size, frame.p,
		    frame.n);
	if (ZSTD_isError(n) || n != size)
		return damaged(err, "a document");
	ret->rest = str_n(p, n);
	ret->bad = false;
	return 0;
}

static int
parts(struct snapshot_documents *d, uint32_t number, struct arena *a,
    struct str *ret_summary, struct str *ret_document, struct error *err)
{
	struct take t;
	uint64_t n;
	int rc = unpack(d, number, a, &t, err);

	if (rc != 0)
		return rc;
	n = take_varint(&t); /* one more than its length; 0: none */
	*ret_summary = n == 0 ? STR_NONE : take_bytes(&t, n - 1);
	*ret_document = t.rest;
	return t.bad ? damaged(err, "a document") : 0;
}

int
snapshot_document(struct snapshot_documents *d, uint32_t number,
    struct arena *a, struct str *ret, struct error *err)
{
	struct str summary, document;
	int rc = parts(d, number, a, &summary, &document, err);

	if (rc == 0)
		*ret = document;
	return rc;
}

int
snapshot_summary(struct snapshot_documents *d, uint32_t number, struct arena *a,
    struct str *ret, struct error *err)
{
	struct str summary, document;
	int rc = parts(d, number, a, &summary, &document, err);

	if (rc == 0)
		*ret = summary;
	return rc;
}
