/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts as lines for tests: "table name=value name=value", absent members
 * left out; in values, bytes that are not printable ASCII, spaces and '%' are
 * written %XX.
 */
#ifndef TESTS_RECORD_FACTS_H
#define TESTS_RECORD_FACTS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/str.h"

#define FLOOD_CALLS     24000 /* mkdir of a very long path: probe --flood */
#define FLOOD_PROCESSES 24

void facts_escape(struct buf *out, struct str s);
/* Reads the facts channel to its end and writes the lines. */
int facts_print(int fd, FILE *out);
/* Every word of `wanted` ("table", "name=value", "name~part") is in line. */
bool facts_match(struct str line, struct str wanted);

#endif
