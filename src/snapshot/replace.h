/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is replaced as a whole: written beside it under another name,
 * synced, renamed. Who has the old one open or mapped goes on with it; a death
 * at any moment leaves the old one. One writer at a time.
 */
#ifndef SNAPSHOT_REPLACE_H
#define SNAPSHOT_REPLACE_H

struct error;

struct replace {
	char *path, *temporary; /* owned */
	int fd; /* owned; open for reading and writing, empty */
};

#define REPLACE_INIT \
	{ \
		NULL, NULL, -1 \
	}

/* -EBUSY: another process is at it. */
int replace_begin(const char *path, struct replace *ret, struct error *err);
int replace_commit(struct replace *r, struct error *err);
/* Removes what was not committed; accepts REPLACE_INIT. */
void replace_done(struct replace *r);
/* A nameless file in the folder of path; owned by the caller. */
int replace_spool(const char *path, int *ret_fd, struct error *err);

#endif
