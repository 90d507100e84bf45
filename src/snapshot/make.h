/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot from documents in memory, in one process: for tests of what
 * reads snapshots. Programs make them in confined workers. */
#ifndef SNAPSHOT_MAKE_H
#define SNAPSHOT_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct error;

struct make_input {
	const struct str *documents;
	size_t n;
	struct str dictionary; /* n 0: none */
	/* Pairs of ecosystem and URL, NULL-terminated; NULL: none. */
	const char *const *registries;
	int64_t built_at_s;
};

/* *ret_fd is a file without a name (memfd). -EINVAL: a document is refused. */
int snapshot_make(const struct make_input *in, int *ret_fd, struct error *err);

#endif
