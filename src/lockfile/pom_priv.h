/* SPDX-License-Identifier: Apache-2.0 */
/* Maven's project model, as far as the files at hand tell it. */
#ifndef LOCKFILE_POM_PRIV_H
#define LOCKFILE_POM_PRIV_H

#include "lockfile/lockfile.h"

void pom_read(const struct lock_input *in, struct lock_list *l);

#endif
