/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for a person, in DIR/held: reports that are not published until
 * somebody has looked (<ecosystem>/<name>/MAL-0000-….json and, beside it,
 * ….json.why with one line of reason), and questions about reports that lie
 * in osv/malicious (….json.why alone): one without an id gets none until the
 * question is answered, one with an id stays published. Nothing else looks
 * there: export and snapshots do not.
 */
#ifndef REPORT_HELD_H
#define REPORT_HELD_H

#include <stdbool.h>

#include "base/str.h"

struct error;
struct repo;

#define HELD_SUFFIX ".why"

/* path: of the report, relative to its tree. */
/* A question about a report in osv/malicious, or why one that is put into the
 * tree of held ones afterwards lies there. */
int held_ask(struct repo *r, const char *path, struct str why,
    struct error *err);
bool held_is_asked(struct repo *r, const char *path);
/* Takes a report and its reason away; -ENOENT when there is none. */
int held_remove(struct repo *r, const char *path, struct error *err);

/* why: one line, without its end. A non-zero answer ends the walk. */
typedef int (
    *held_fn)(void *data, const char *path, struct str why, bool question);
int held_walk(struct repo *r, held_fn fn, void *data, struct error *err);

/* what: path as the list gives it, or its last part. A held report becomes an
 * ordinary new one, and takes the place of what its source said before about
 * another package; a question is answered "it stays". -ENOENT, -EEXIST
 * (several). */
int held_release(struct repo *r, const char *what, struct error *err);
/* A held report is deleted; the report of a question is withdrawn, or deleted
 * when it has no id. */
int held_reject(struct repo *r, const char *what, const char *reason,
    struct error *err);

#endif
