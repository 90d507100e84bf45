/* SPDX-License-Identifier: Apache-2.0 */
/* The families of readers, each a table ended by a NULL name. */
#ifndef LOCKFILE_LOCKFILE_PRIV_H
#define LOCKFILE_LOCKFILE_PRIV_H

#include "lockfile/lockfile.h"

#endif
