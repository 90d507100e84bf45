/* SPDX-License-Identifier: Apache-2.0 */
/* Where state lies: root below /var/lib/lazaret and /run/lazaret, users below
 * XDG folders; --state DIR (or LAZARET_STATE) over both. */
#ifndef SYS_PATHS_H
#define SYS_PATHS_H

#include <stddef.h>

struct error;

enum paths_place {
	PATHS_STATE, /* store.db, and the rest below it */
	PATHS_BLOBS,
	PATHS_IMAGES, /* users: $XDG_CACHE_HOME/lazaret/images */
	PATHS_RUNS,
	PATHS_REPORTS,
	PATHS_SNAPSHOTS,
	PATHS_RUNTIME, /* /run/lazaret: what a reboot may forget */
	PATHS_DATA, /* installed rules, drivers, registries.json */
	PATHS__MAX
};

/* state: value of --state, NULL for the default. The folder is made (0700)
 * except for PATHS_DATA, which must exist. */
int paths_get(enum paths_place place, const char *state, char *ret, size_t size,
    struct error *err);
/* mkdir -p with mode for what is missing. */
int paths_make(const char *path, unsigned mode, struct error *err);

#endif
