/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of lazaret report, one file each. */
#ifndef CMD_REPORT_PRIV_H
#define CMD_REPORT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"

struct arena;
struct buf;
struct channel;
struct config;
struct config_source;
struct error;
struct message;
struct popular;
struct repo;
struct unfold;

/* yaml gets the file's bytes. */
int report_config_read(const char *path, struct arena *a, struct buf *yaml,
    struct config *ret, struct error *err);
/* A checkout beside the index, which git brings up to date; only what changed
 * gets new times, so the rest is not read again (report-checkout.c). */
int report_checkout_update(const struct config_source *s, const char *dir,
    struct error *err);
/* The commit that is checked out, and how the sources are configured. */
int report_checkout_key(const char *dir, struct str yaml, struct buf *ret,
    struct error *err);
/* The file at path, or the configuration's (both may be NULL). */
int report_popular_read(const char *path, const struct config *c,
    struct popular **ret, struct error *err);

/* The confined process that reads a source's files (report-worker.c). */
struct report_worker {
	pid_t pid; /* 0: none */
	struct unfold *unfold; /* owned */
};
int report_worker_start(const struct config_source *s,
    struct report_worker *ret, struct error *err);
void report_worker_stop(struct report_worker *w); /* accepts a zeroed one */

/* The process that writes the documents of a large ingest (report-hand.c). */
int report_hand_start(struct repo *r, pid_t *ret, struct error *err);
/* Waits for it; negative: not everything was written. */
int report_hand_end(struct repo *r, pid_t pid, struct error *err);

/* Confined processes that look at files and say what they find
 * (report-crew.c). What was set up before stays readable to them. */
struct report_crew {
	const char *name; /* of the command, for what they say when they fail */
	const char *noun; /* of what is counted: "files" */
	size_t n_files;
	const char *const *read_paths; /* NULL-terminated: all they may open */
	int dir; /* descriptor that they keep, above 0; otherwise none */
	/* In the worker: reads file i and sends about it. bytes: empty. */
	int (*work)(struct channel *c, const void *job, size_t i,
	    struct buf *bytes, struct error *err);
	/* In the caller. 1: that was all about one file. */
	int (*take)(void *job, struct message *m, struct error *err);
	/* The same about a file that ended the process that read it; NULL:
	 * then it is the end of all. */
	int (*lost)(void *job, size_t i, const char *why, struct error *err);
	void *job;
};
#define REPORT_CREW_SHARE 16 /* files that a worker takes at once */
int report_crew_run(const struct report_crew *w, struct error *err);
/* For work(): the bytes of a file; flags: O_NOFOLLOW or 0. */
int report_crew_read(int dir, const char *path, int flags, struct buf *ret,
    struct error *err);

/* Signs the sums of an export (report-sign.c). */
struct report_sign {
	const char *key, *password; /* files; password NULL: none */
	bool legacy; /* over the sums themselves, not their hash */
};
int report_sign(const char *dir, const struct report_sign *s,
    struct error *err);

int report_assign_main(int argc, char **argv);
int report_draft_main(int argc, char **argv);
int report_export_main(int argc, char **argv);
int report_held_main(int argc, char **argv);
int report_ingest_main(int argc, char **argv);
int report_merge_main(int argc, char **argv);
int report_snapshot_main(int argc, char **argv);
int report_stats_main(int argc, char **argv);
int report_unwithdraw_main(int argc, char **argv);
int report_withdraw_main(int argc, char **argv);
int report_validate_main(int argc, char **argv);

#endif
