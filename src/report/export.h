/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published form of the report database: a folder that can be served as
 * it is.
 *
 *	ecosystems.txt all.zip modified_id.csv all.ndjson.gz
 *	<Eco>/all.zip <Eco>/modified_id.csv <Eco>/<ID>.json
 *	osv-scanner/<Eco>/all.zip osv-scalibr/<Eco>/all.zip   (every ecosystem)
 *	renovate/osv-offline.zip                              (<eco>.nedb)
 *	changes.atom changes.json changes/ SHA256SUMS CRC32C
 *	.cache/         what was exported, and each report compressed, alone
 *	                and with others
 *
 * One process lists large folders while the last export's index is read, two
 * look at the files of the database, confined workers turn those that changed
 * into messages, the exporter writes, and a second process writes half of the
 * archives. All of them are confined: the index of the last export, the
 * database and its folders are what others may have left there. Every file is
 * renamed into place when whole, and so is a folder of documents that was not
 * there before; the cache is written last, so that a death leaves an export
 * that the next run completes.
 */
#ifndef REPORT_EXPORT_H
#define REPORT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf;
struct channel;
struct error;
struct exporter;
struct message;

/* Documents, from a multiple on, that a worker should have: they are compressed
 * together (export-groups.c). As many small ones as deflate can look back over.
 */
#define EXPORT_GROUP 16

struct export_counts {
	uint64_t reports, changed, removed, files; /* files: written anew */
	/* Changed ones with a range that nothing can order and nothing can
	 * take the place of. */
	uint64_t unordered;
};

/* fresh: what an earlier export left is not believed. Waits for another. */
int export_open(const char *dir, bool fresh, struct exporter **ret,
    struct error *err);
void export_free(struct exporter *x); /* accepts NULL */

/* What processes of the exporter's that read folders and nothing else do
 * first: they give the rest up. */
typedef int (*export_narrow_fn)(const void *arg, struct error *err);
void export_narrow(struct exporter *x, export_narrow_fn fn, const void *arg);

/* A report that is not as it was exported. */
struct export_file {
	char *path; /* owned; "malicious/<ecosystem>/<name>/MAL-….json" */
	uint64_t place; /* its document's, among all that were ever taken */
	int64_t folder_mtime_ns, folder_inode;
};

struct export_files {
	struct export_file *v; /* owned */
	size_t n, size;
};

/* A tree of documents that have an id; fd (borrowed) < 0: there is none. */
struct export_tree {
	int fd;
	const char *name;
};

/* Once, and before the rest: what is as it was is taken, the rest is listed.
 * Trees and files are in the order of their names. */
int export_walk(struct exporter *x, const struct export_tree *trees, size_t n,
    struct export_files *ret, struct error *err);
void export_files_done(struct export_files *files);
/* Everything that has to do with url is left out when it is NULL. */
int export_finish(struct exporter *x, const char *url,
    struct export_counts *ret, struct error *err);

/* The worker's half: one message for a document, or for why there is none.
 * path is below dir and of the form above. */
int export_work(struct channel *c, int64_t file, int dir, const char *path,
    struct buf *bytes, struct error *err);
/* And messages for all of the last EXPORT_GROUP files together. */
int export_work_groups(struct channel *c, struct error *err);

/* The exporter's half. 1: it cannot be exported, *ret_why (borrowed) says
 * why; -errno: the disk failed, or the message is none. */
int export_file_of(struct message *m, int64_t *ret_file);
bool export_is_group(const struct message *m);
int export_take_group(struct exporter *x, struct message *m,
    const struct export_files *files, struct error *err);
int export_take(struct exporter *x, struct message *m,
    const struct export_file *file, struct str *ret_why, struct error *err);

#endif
