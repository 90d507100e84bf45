/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where recorders may differ on the same test programs, and why: the whole
 * list. What is not here must be told alike by each of them.
 */
#ifndef TESTS_RECORD_DIFFERENCES_H
#define TESTS_RECORD_DIFFERENCES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "record/record.h"

/* What this recorder must tell instead of `wanted` ("table name=value …") of
 * a case; false: nothing. */
bool differences_apply(enum record_means means, const char *name, bool want,
    struct str wanted, struct buf *out);
/* A row that changed nothing is no difference: prints those, how many. */
int differences_unused(enum record_means means);

#endif
