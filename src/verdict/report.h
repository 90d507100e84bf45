/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An analysis for people and for programs. Runs in `show`, confined; other
 * commands start `show` rather than read a run file themselves.
 */
#ifndef VERDICT_REPORT_H
#define VERDICT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

struct buf;
struct error;
struct reader;

struct report_style {
	bool colour;
	int columns; /* of the terminal; 0: as many as there are */
};

/* Makes what both need; once, before them. */
int report_prepare(struct reader *r, struct error *err);
int report_text(struct reader *r, const struct report_style *style, FILE *out,
    struct error *err);
/* The object of `analyze --json` (DESIGN §1), with a line break. */
int report_json(struct reader *r, struct buf *out, struct error *err);
/* The dynamic-analysis document of OpenSSF Package Analysis, one line. */
int report_ossf(struct reader *r, struct buf *out, struct error *err);
/* The label's exit status (base/exit.h) at a threshold of fact_labels;
 * EXIT_NOTHING_FOUND when nobody judged the run. */
int report_status(struct reader *r, const char *fail_on, int *ret,
    struct error *err);

#endif
