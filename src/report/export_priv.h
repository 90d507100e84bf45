/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an export: export.c (state), export-cache.c, export-sums.c,
 * export-work.c, export-deflate.c, export-walk.c (see export_walk_priv.h),
 * export-order.c, export-groups.c, export-dirs.c, export-changes.c,
 * export-jobs.c with export-files.c, export-gaps.c and export-lines.c
 * (archives), feed.c. */
#ifndef REPORT_EXPORT_PRIV_H
#define REPORT_EXPORT_PRIV_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/vec.h"
#include "report/export.h"
#include "report/outfile.h"

struct arena;

/* Ecosystems of one report; more is no report about a package. */
#define EXPORT_MAX_DIRS 8
/* All databases together have two million. */
#define EXPORT_MAX_REPORTS 20000000
/* Gaps of one archive: their list is one message. */
#define EXPORT_MAX_GAPS 200000
/* A worker sends it, and as it lies in segments, in one message. */
#define EXPORT_MAX_DOCUMENT LIMIT_MESSAGE_BYTES
/* Documents with places in the same row may be compressed together. */
#define EXPORT_ROW(place) ((place) / EXPORT_GROUP)
/* An empty, final deflate block: ends what was flushed in full. */
#define DEFLATE_END STR_LIT("\x03\x00")

/* A report as it was exported. Strings live in the exporter's arena. */
struct export_entry {
	struct str path, id, modified, summary;
	int64_t size, mtime_ns, inode; /* of the file it came from */
	/* Of the file's folder when that was read and had no folders in it: as
	 * long as they stay, it has the same files. 0: not to be relied on. */
	int64_t folder_mtime_ns, folder_inode;
	int64_t modified_s;
	uint64_t at; /* in .cache/segments */
	/* Archives have them in this order: that of the paths within one
	 * export, however fast each worker was, and later ones behind. */
	uint64_t place;
	uint32_t crc32, raw; /* of the published document */
	uint32_t packed;
	uint32_t number; /* in x->whole.by_place */
	uint8_t dirs[EXPORT_MAX_DIRS], n_dirs; /* in exporter.dirs */
	bool withdrawn;
	/* Not kept: taken in this run; of the last export, and its file is as
	 * it was; not published, another file has its id. */
	bool fresh, claimed, dropped;
};

enum export_order {
	EXPORT_BY_ID,
	EXPORT_BY_PLACE,
	EXPORT_NEWEST, /* first; then by id */
	EXPORT_BY_PATH, /* as a walk meets them: a folder before its siblings
			   whose names are longer */
	EXPORT_ORDER__MAX
};
#define EXPORT_ORDERS_KEPT 3 /* in the index, whose entries are by path */

/* Bytes in an archive that are no document's any more. */
struct export_gap {
	uint64_t place; /* of the one that lay there */
	uint64_t bytes;
};

struct export_gaps {
	struct export_gap *v; /* owned; by place */
	size_t n;
	uint64_t end; /* of all documents, and gaps, in the archive */
};

/* What an archive has. Documents lie in it in the order of their places, so
 * what was written before the first change stays, and most of an archive is
 * copied by the kernel and not summed again. */
struct export_view {
	struct export_entry **by_id, **by_place; /* owned */
	size_t n;
	uint64_t keep; /* documents below this place are as they were, and
			* none is gone */
	VEC(struct export_gap) gone; /* since the last export, by place */
	bool erase; /* one of them was taken back */
};

/* A folder of documents, and its archive. */
struct export_dir {
	struct str name;
	int fd; /* where its documents are written; -1: nowhere yet */
	/* There was none: its documents are written into one beside it that
	 * becomes it when they are all there. */
	bool staged;
	bool changed; /* its lists and archives are to be written anew */
	struct export_view view;
};

/* Documents of one row and the same folders, a line each (export-groups.c). */
struct export_group {
	uint64_t place; /* of its first document */
	uint64_t at, packed, raw; /* at: in .cache/segments */
	uint32_t crc32, n;
	/* Not kept, and only of this export: */
	const struct export_entry *first;
	bool past; /* it was in the last one */
};

/* Lines that are being compressed. Zeroed, or done. */
struct export_pack {
	struct buf chunk, out; /* chunk: not yet compressed */
	uint64_t raw;
	uint32_t crc32, n;
	bool failed;
};

/* The sums of a published file. */
struct export_sum {
	struct str name;
	struct outfile_sums sums;
	struct export_gaps gaps;
	bool written; /* in this run; not kept */
};

struct exporter {
	struct arena *arena;
	int dir, lock, segments; /* descriptors */
	uint64_t segments_end, dead; /* bytes; dead: no entry's any more */
	uint64_t segments_inode;
	uint64_t places; /* the next one */
	uint32_t stage; /* drawn; in the names of folders that are filled */
	uint64_t index_number; /* drawn anew for each index */
	/* The last export: its index (mapped; texts lie in it), its entries by
	 * path, and these in all orders (owned). */
	void *index;
	size_t index_bytes;
	struct export_entry *past;
	size_t n_past;
	struct export_entry **past_orders[EXPORT_ORDER__MAX];
	VEC(struct export_entry *) fresh; /* in the order of their arrival */
	/* Of the last export, and what workers sent; and all of this one, in
	 * the order in which they are published. */
	VEC(struct export_group) known, groups;
	size_t n_read; /* of past: its folder had to be read, but is quiet */
	VEC(struct str)
	distrusted; /* folders that have more than entries say */
	struct export_entry **newest; /* owned; all entries of this export */
	VEC(struct export_sum) sums;
	VEC(struct export_dir) dirs; /* as many as there are ecosystems */
	struct export_view whole; /* of the archives of all folders */
	struct buf waiting; /* segments not yet written */
	bool all_changed; /* every archive and list is written anew */
	bool base; /* and nothing is known of the last export */
	export_narrow_fn narrow; /* NULL: nothing */
	const void *narrow_arg; /* borrowed */
	struct export_counts counts;
	const char *map; /* of segments, while archives are written */
};

/* What the last export left. */
void export_load(struct exporter *x);
/* A missing or damaged cache is an empty one. */
void export_cache_load(struct exporter *x);
/* bytes: of the index, aligned as malloc(3) does, and to be kept as long as x.
 * False: it is none, and half of it may have been read. */
bool export_cache_parse(struct exporter *x, struct str bytes);
void export_cache_forget(struct exporter *x);
/* It waits, and takes the place of the last one when it is published. */
int export_cache_write(struct exporter *x, struct error *err);
int export_cache_publish(struct exporter *x, struct error *err);
/* Most of the segments is no entry's any more; what is gets a new file, and
 * the index is written as well. */
bool export_cache_is_sparse(const struct exporter *x);
int export_cache_compact(struct exporter *x, struct error *err);

/* False: there are none, or they are not of this index and of what is
 * published. */
bool export_sums_load(struct exporter *x);
void export_sums_forget(struct exporter *x);
/* From now on, and after a death, nothing is known of what is published. */
void export_sums_drop(struct exporter *x);
int export_sums_save(struct exporter *x, struct error *err);
/* Takes the states of sums. */
void export_sums_add(struct exporter *x, struct str name,
    const struct outfile_sums *sums);
/* Archives that have no spare get one. False: none was made. */
bool export_sums_prepare(struct exporter *x);
/* The same file under another name. */
void export_sums_link(struct exporter *x, const char *from, const char *to);
/* SHA256SUMS and CRC32C. */
int export_sums_publish(struct exporter *x, struct error *err);
/* How much of the file that is published may stay, of n bytes; 0: nothing. */
uint64_t export_keep_bytes(const struct exporter *x, struct outfile *o,
    const char *name, uint64_t n);

/* NULL: nothing is known of it. */
const struct export_gaps *export_gaps_of(const struct exporter *x,
    const char *name);
/* Of a file whose sums are there; takes gaps->v. */
void export_sums_set_gaps(struct exporter *x, struct str name,
    const struct export_gaps *gaps);

/* At x->segments_end. */
int export_segments_put(struct exporter *x, struct str bytes,
    struct error *err);
int export_segments_flush(struct exporter *x, struct error *err);

/* Raw deflate, flushed in full: pieces can be put one after the other, and
 * depend on the bytes alone. False: `out` is full. */
bool export_deflate(struct str bytes, struct buf *out);
/* max: of all that comes out. */
void export_pack_begin(struct export_pack *p, size_t max);
void export_pack_add(struct export_pack *p, struct str document);
/* False: it is too much. */
bool export_pack_end(struct export_pack *p);
void export_pack_done(struct export_pack *p);

/* Missing or damaged: none is known. x->index_number is that of the index. */
void export_groups_load(struct exporter *x);
bool export_groups_parse(struct exporter *x, struct str bytes);
int export_groups_save(struct exporter *x, struct error *err);
/* All documents in groups; x->whole.by_place is complete. -EBADMSG: of
 * segments. */
int export_groups_make(struct exporter *x, struct error *err);

/* What has left the archives since the last export; x->whole.by_id is
 * complete. */
void export_gaps_find(struct exporter *x);
/* Where the documents of an archive begin, by their numbers. Not in entries:
 * two processes write archives, and would copy the memory of all of them. */
struct export_plan {
	uint64_t *offsets; /* owned */
	struct export_gaps gaps;
	uint64_t kept; /* bytes that stay */
};

void export_gaps_plan(const struct exporter *x, const char *name,
    const struct export_view *v, struct export_plan *ret);
/* The same without any gaps. */
void export_gaps_close(const struct export_view *v, struct export_plan *plan);
uint64_t export_member_bytes(const struct export_entry *e);

/* For qsort(3), of pointers to entries; no two entries are equal. */
typedef int (*export_cmp)(const void *a, const void *b);
extern const export_cmp export_orders[EXPORT_ORDER__MAX];
int export_path_cmp(struct str a, struct str b);
/* "malicious/<ecosystem>/…/<file>.json", and no part that leads elsewhere. */
bool export_path_valid(struct str path);
/* What this export has (claimed or fresh, and not dropped), then NULL. The
 * array is the caller's. */
struct export_entry **export_sorted(const struct exporter *x,
    enum export_order order);
struct str export_folder_of(struct str path); /* with its slash */
/* The file is no entry: the next walk must read its folder. */
void export_distrust(struct exporter *x, struct str path);

/* The number of a folder: -EINVAL when its name is not an ecosystem's. */
int export_dir_of(struct exporter *x, struct str name);
struct str export_dir_name(const struct exporter *x,
    const struct export_entry *e, size_t i);
/* Entries from this place on are no longer where, or what, they were. */
void export_dirs_mark(struct exporter *x, const struct export_entry *e,
    uint64_t place);
bool export_dirs_changed(const struct exporter *x);
/* The document of e, in all its folders; new folders appear when published. */
int export_dirs_write(struct exporter *x, const struct export_entry *e,
    struct str json, struct error *err);
int export_dirs_publish(struct exporter *x, struct error *err);
/* Nothing is known of what lies there: documents that are not of this export
 * are removed, and every folder that is there gets its archive and lists. */
void export_dirs_sweep(struct exporter *x);
/* The entry with this id; NULL: none. x->whole.by_id is complete. */
const struct export_entry *export_published(const struct exporter *x,
    struct str id);
/* It lies in the folder. */
bool export_is_published(const struct exporter *x, struct str id, size_t dir);
/* The views of all folders, out of x->whole. */
void export_dirs_view(struct exporter *x);
void export_dirs_free(struct exporter *x);
struct str export_segment(const struct exporter *x,
    const struct export_entry *e);
int export_changes_write(struct exporter *x, struct error *err);
/* All that follows, by two processes. */
int export_jobs_run(struct exporter *x, const char *url, struct error *err);
int export_zips_write(struct exporter *x, const char *url, struct error *err);
int export_whole_zip_write(struct exporter *x, const char *url,
    struct error *err);
int export_ndjson_write(struct exporter *x, const char *url, struct error *err);
int export_renovate_write(struct exporter *x, const char *url,
    struct error *err);
int export_news_write(struct exporter *x, const char *url, struct error *err);
int export_ecosystems_write(struct exporter *x, struct error *err);
/* Its sums are remembered. */
int export_close(struct exporter *x, struct outfile *o, const char *name,
    struct error *err);
int export_put_file(struct exporter *x, const char *name, struct str bytes,
    struct error *err);
/* entries: newest first. */
int feed_write(struct exporter *x, struct export_entry *const *entries,
    size_t n, const char *url, struct error *err);

#endif
