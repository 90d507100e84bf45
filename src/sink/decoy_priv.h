/* SPDX-License-Identifier: Apache-2.0 */
/* Harmless programs that record that they were run. */
#ifndef SINK_DECOY_PRIV_H
#define SINK_DECOY_PRIV_H

#include "sink/path_priv.h"

struct answer;
struct request;
struct world;

void decoy_program(const struct world *w, const struct request *r,
    enum path_kind kind, struct answer *a);
/* For an archive or a native module. */
void decoy_archive(const struct world *w, const struct request *r,
    struct answer *a);

#endif
