/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another process that writes the documents of a large ingest, so that the
 * disk and the decisions take their time side by side. It holds the lock of
 * the database as well: when its parent dies, nobody else writes before it is
 * gone. What it was given is there once repo_settle() has returned; all that
 * reads a tree through repo.h does that first, and so does a commit.
 */
#ifndef REPORT_HAND_H
#define REPORT_HAND_H

#include <sys/types.h>

#include "report/repo.h"

/* Fewer documents are written in less time than a process takes to start. */
#define HAND_MIN_FILES 2000

/* In the other process: writes until the end of fd. */
int hand_serve(struct repo *r, int fd, struct error *err);
/* What of the database it needs: descriptors, -1 where there is none. */
#define HAND_FDS (REPO_TREE__MAX + 1)
void hand_fds(struct repo *r, int ret[HAND_FDS]);
/* In the writer: documents go to fd (taken) from now on, until hand_end(). */
void hand_use(struct repo *r, int fd);
/* Waits for what is on its way; then documents are written here again. */
int hand_end(struct repo *r, struct error *err);

#endif
