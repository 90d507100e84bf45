/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of lazaret report snapshot. */
#ifndef CMD_REPORT_SNAPSHOT_H
#define CMD_REPORT_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "snapshot/collect.h"

struct buf;
struct error;
struct snapshot_writer;

struct input {
	char *path; /* owned */
	enum collect_kind kind;
};

struct inputs {
	VEC(struct input) v;
};

/* Documents and archives below the operands, in one order. */
int inputs_find(struct inputs *in, char **operands, struct error *err);
void inputs_done(struct inputs *in);

#define COLLECT_WORKERS 2

struct collecting {
	const struct inputs *inputs;
	char **operands; /* all that may be read */
	int64_t now_s;
	int spools[COLLECT_WORKERS]; /* owned by the caller */
	size_t n_refused; /* documents left out; each was named */
};

/* A dictionary from some of the documents; *ret as snapshot_train gives it. */
int collect_dictionary(struct collecting *c, struct buf *ret,
    struct error *err);
int collect_all(struct collecting *c, struct str dictionary,
    struct snapshot_writer *w, struct error *err);

/* What an old snapshot says, and a delta from it: looked at in a confined child
 * (report-snapshot-read.c). ret gets its dictionary and is the caller's. */
int old_built_at(int fd, int64_t *ret_at_s, struct error *err);
int old_dictionary(const char *path, struct buf *ret, struct error *err);
/* fds: readable, readable, writable. */
int old_delta(int from, int to, int out, struct error *err);

/* What the clients have built in (registries.json) and what they are
 * configured to use: asked at the beginning, taken at the end. A client that is
 * not here, fails or takes too long says nothing. */
struct registries;
struct registries *registries_begin(void);
void registries_end(struct registries *r, struct snapshot_writer *w);

/* A delta that makes the snapshot `to` out of `from`. */
int publish_delta(const char *from, const char *to, const char *output,
    struct error *err);
/* A folder for `lazaret db update`: where the new snapshot goes, and the one
 * before it ("" when it is the first). */
int publish_begin(const char *dir, int64_t built_at_s, char *ret_output,
    size_t output_size, char *ret_from, size_t from_size, struct error *err);
/* Deltas from those before, and latest.json; what it leaves out goes. */
int publish_end(const char *dir, const char *output, struct error *err);

#endif
