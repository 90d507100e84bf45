/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by report-text.c and report-tree.c. */
#ifndef VERDICT_REPORT_PRIV_H
#define VERDICT_REPORT_PRIV_H

#include <stdio.h>

#include "sys/term.h"

struct error;
struct reader;
struct report_style;

struct report {
	struct reader *r;
	const struct report_style *style;
	FILE *out;
};

void report_head(struct report *p, const char *title);
void report_line(struct report *p, enum term_style s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Processes as a tree, phase by phase. */
int report_processes(struct report *p, struct error *err);

#endif
