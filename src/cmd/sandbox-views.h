/* SPDX-License-Identifier: Apache-2.0 */
/* What watches one command of `lazaret sandbox run`: scribe, the recorder's
 * views, the sink; and the account at the end. */
#ifndef CMD_SANDBOX_VIEWS_H
#define CMD_SANDBOX_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "record/record.h"

struct error;
struct image;
struct record;
struct sandbox;
struct sandbox_options;
struct sandbox_spec;
struct scribe;
struct sink;
struct upper;

struct views {
	const struct sandbox_options *o;
	int run_fd; /* the run file, without a name; owned; -1: none */
	struct scribe *scribe; /* NULL: nothing is kept */
	struct record *record; /* NULL: off, or lost */
	struct upper *upper;
	struct sink *sink;
	enum record_means means; /* never RECORD_AUTO */
	char why[480]; /* "": no better one was refused */
	bool failed; /* the recorder was there, and could not be started */
	bool last; /* there is no weaker one left to try */
	const char *programs; /* eBPF: "shared", "own"; NULL: not known */
	char why_own[200]; /* "": there is no loader */
	struct buf watch_program;
	char lost[240]; /* why there is no recorder; "" : there is */
	int64_t begun_at, started_at; /* ns: monotonic, since 1970 */
};

/* How the command ended, for the phase's row. */
struct views_end {
	int status; /* as of waitpid(2); -1: it was not executed */
	const char *word; /* completed, failed, timeout, limit */
	const char *reason; /* NULL: none */
};

/* Before the plan: which recorder, and what the sandbox must have for it. */
int views_choose(struct views *v, const struct sandbox_options *o,
    struct sandbox_spec *spec, struct error *err);
/* After a later step failed: 1 when it was the recorder, which auto replaces
 * by a weaker one. Then everything is to be made again, from the plan on. */
int views_choose_again(struct views *v, struct sandbox_spec *spec,
    const struct error *why);
/* Before the sandbox: programs load while it is made. */
int views_open(struct views *v, const struct sandbox_options *o,
    struct error *err);
/* In the sandbox, before the command. image: NULL for a folder. */
int views_begin(struct views *v, struct sandbox *s, const struct image *image,
    char **argv, struct error *err);
/* When all has ended; the sandbox is still there. */
int views_end(struct views *v, struct sandbox *s, const struct views_end *e,
    struct error *err);
/* Closes the run file, keeps and prints it as the options say. */
int views_account(struct views *v, struct error *err);
void views_done(struct views *v);

#endif
