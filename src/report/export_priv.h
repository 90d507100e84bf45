/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an export: export.c (state), export-cache.c, export-work.c,
 * export-changes.c, export-files.c (archives and lists), feed.c. */
#ifndef REPORT_EXPORT_PRIV_H
#define REPORT_EXPORT_PRIV_H

#include "base/buf.h"
#include "base/vec.h"
#include "report/export.h"
#include "report/outfile.h"

struct arena;
struct map;

/* Ecosystems of one report; more is no report about a package. */
#define EXPORT_MAX_DIRS 8
/* All databases together have two million. */
#define EXPORT_MAX_REPORTS 20000000
/* An empty, final deflate block: ends what was flushed in full. */
#define DEFLATE_END STR_LIT("\x03\x00")

/* A report as it was exported. Strings live in the exporter's arena. */
struct export_entry {
	struct str path, id, modified, summary;
	int64_t size, mtime_ns, inode; /* of the file it came from */
	int64_t modified_s;
	uint64_t at; /* in .cache/segments */
	uint64_t offset; /* of its header in the archive being written */
	uint32_t crc32, raw; /* of the published document */
	uint32_t packed;
	uint8_t dirs[EXPORT_MAX_DIRS], n_dirs; /* in exporter.dirs */
	bool withdrawn;
	bool fresh; /* taken in this run; not kept */
};

/* What an archive has. Documents lie in it in the order of the segments, so
 * what was written before the first change stays, and most of an archive is
 * copied by the kernel and not summed again. */
struct export_view {
	struct export_entry **by_id, **by_place; /* owned */
	size_t n;
	uint64_t keep; /* documents below this place are as they were */
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

/* The sums of a published file that was not written in this run. */
struct export_sum {
	struct str name;
	struct outfile_sums sums;
};

struct exporter {
	struct arena *arena;
	int dir, lock, segments; /* descriptors */
	uint64_t segments_end, dead; /* bytes; dead: no entry's any more */
	struct map *old; /* path → entry of the last export */
	VEC(struct export_entry *) entries; /* of this export; then by id */
	VEC(struct export_sum) sums;
	VEC(struct export_dir) dirs; /* as many as there are ecosystems */
	struct export_view whole; /* of the archives of all folders */
	struct buf waiting; /* segments not yet written */
	bool all_changed;
	struct export_counts counts;
	const char *map; /* of segments, while archives are written */
};

/* A missing or damaged cache is an empty one. */
void export_cache_load(struct exporter *x);
int export_cache_save(struct exporter *x, struct error *err);
/* Moves what is still used to a new file when most is not. */
int export_cache_compact(struct exporter *x, struct error *err);

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
/* The views of all folders, out of x->whole. */
void export_dirs_view(struct exporter *x);
void export_dirs_free(struct exporter *x);
struct str export_segment(const struct exporter *x,
    const struct export_entry *e);
int export_changes_write(struct exporter *x, struct error *err);
int export_files_write(struct exporter *x, struct error *err);
/* Opened, and its sums remembered when it is closed. */
int export_close(struct exporter *x, struct outfile *o, const char *name,
    struct error *err);
int export_put_file(struct exporter *x, const char *name, struct str bytes,
    struct error *err);
/* entries: newest first. */
int feed_write(struct exporter *x, struct export_entry *const *entries,
    size_t n, const char *url, struct error *err);

#endif
