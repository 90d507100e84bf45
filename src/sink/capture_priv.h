/* SPDX-License-Identifier: Apache-2.0 */
/* Packet capture on the veth: into a file, and rows for what is neither TCP
 * nor UDP. */
#ifndef SINK_CAPTURE_PRIV_H
#define SINK_CAPTURE_PRIV_H

#include <stdint.h>

struct capture;
struct error;
struct world;

/* file_fd: borrowed; -1: only the rows. */
int capture_open(const char *interface, int file_fd, struct capture **ret,
    struct error *err);
void capture_free(struct capture *c); /* accepts NULL */
int capture_fd(const struct capture *c); /* readable when packets are there */
void capture_ready(struct world *w);
/* Rows of this phase's conversations; the file is written out. */
void capture_phase_end(struct world *w);
/* What the file lacks, as a sentence; NULL: nothing. */
const char *capture_reason(struct capture *c);

#endif
