/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An empty run file, made when this program was built (blank-make.c): writing
 * it takes a tenth of the time that its SQL takes, at each start of a sandbox.
 * Runs in scribe.
 */
#ifndef RUNFILE_BLANK_H
#define RUNFILE_BLANK_H

struct error;

/* Nothing to a file that has content already. */
int blank_write(int fd, struct error *err);

#endif
