/* SPDX-License-Identifier: Apache-2.0 */
/* Which rights commands have below which folder. Runs in supervisors. */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

struct error;
struct mounts;

/* With the overlay and /dev as they will be mounted. Leaves *ret alone where
 * there is no Landlock, or one too old to be of use. */
int landlock_make(const struct mounts *m, int *ret, struct error *err);

#endif
