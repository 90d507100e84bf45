/* SPDX-License-Identifier: Apache-2.0 */
/* What show and query share: which run file, and how wide the terminal is. */
#ifndef CMD_RUN_FILE_H
#define CMD_RUN_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct error;

/* name NULL: the newest analysis that is kept. *ret_fd is the caller's; path
 * (LIMIT_PATH_BYTES) gets the name for sentences. */
int run_file_open(const char *name, const char *state, int *ret_fd, char *path,
    struct error *err);
/* Does this name a run file rather than SQL? */
bool run_file_is_name(const char *operand);
bool run_file_is_label(const char *word);
int run_file_columns(FILE *f); /* 0: not a terminal */

#endif
