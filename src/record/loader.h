/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation between role record (the client) and role loader, over a
 * socket with a place in the file system. The programs of the kernel side are
 * loaded once, by role loader; a client registers one control group that it
 * owns, and gets what its events come through.
 *
 *	client → LOADER_HELLO {str id}: whose programs it can read
 *	loader → LOADER_HERE: attached; or CONTROL_FAILED {int, str}
 *	client → LOADER_WATCH {} with the folder of a v2 cgroup
 *	loader → LOADER_WATCHED {} with ring, totals and control; or
 *	         CONTROL_FAILED
 *
 * One registration per connection. It is gone when the connection ends, on
 * whichever side; so both keep it open.
 */
#ifndef RECORD_LOADER_H
#define RECORD_LOADER_H

#include <stdbool.h>

#include "runfile/control.h"

struct error;
struct loader;
struct message;

#define LOADER_SOCKET "/run/lazaret/recorder.sock"

enum loader_type {
	LOADER_HELLO = CONTROL_ROLE + 64,
	LOADER_HERE,
	LOADER_WATCH,
	LOADER_WATCHED,
	/* Between the loader's two halves; see role/loader.c. */
	LOADER_ATTACH,
	LOADER_ATTACHED,
	LOADER_DETACH,
	LOADER_FILL,
	LOADER_FILLED,
	LOADER_EMPTY,
	LOADER_EMPTIED,
};

/* The client's end. path NULL or "": -ENOENT. Other errors: it cannot be
 * reached, belongs to somebody who is not trusted (neither root nor we), has
 * other programs (-ESTALE), or is full (-EBUSY). */
int loader_open(const char *path, struct loader **ret, struct error *err);
/* ret_fds: ring, totals, control; owned by the caller. */
int loader_watch(struct loader *l, int cgroup_fd, int ret_fds[3],
    struct error *err);
/* Readable when the loader is gone. */
int loader_fd(const struct loader *l);
void loader_free(struct loader *l); /* accepts NULL */

/* The loader's end: what a client has sent. */
struct loader_request {
	int type; /* LOADER_HELLO, LOADER_WATCH */
	bool fits; /* LOADER_HELLO: it can read our programs */
	int cgroup_fd; /* LOADER_WATCH: owned by the caller; -1 otherwise */
};

/* -EPROTO for anything else; closes what came with it. */
int loader_parse(struct message *m, struct loader_request *ret,
    struct error *err);

#endif
