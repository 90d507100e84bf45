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
	struct str dirs[EXPORT_MAX_DIRS];
	size_t n_dirs;
	int64_t size, mtime_ns, inode; /* of the file it came from */
	int64_t modified_s;
	bool withdrawn;
	bool fresh; /* taken in this run; not kept */
	uint32_t crc32, raw; /* of the published document */
	uint64_t at; /* in .cache/segments */
	uint64_t offset; /* of its header in the archive being written */
	uint32_t packed;
};

/* A folder that is to be written anew. Archives hold documents in the order
 * of the segments, so what was written before the first change stays, and
 * most of an archive is copied by the kernel and not summed again. */
struct export_change {
	uint64_t keep; /* documents below this place are as they were */
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
	struct export_entry **by_place; /* owned; as entries, by `at` */
	VEC(struct export_sum) sums;
	struct map *changed; /* name of a folder → struct export_change */
	struct export_change everything; /* of the archives of all folders */
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

bool export_dir_valid(struct str name);
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
