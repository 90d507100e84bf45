/* SPDX-License-Identifier: Apache-2.0 */
/* One analysis while it runs. Shared by the files of this folder. */
#ifndef ANALYSIS_ANALYSIS_PRIV_H
#define ANALYSIS_ANALYSIS_PRIV_H

#include "analysis/analysis.h"
#include "analysis/plan.h"
#include "base/buf.h"
#include "ecosystem/npm/manifest.h"
#include "fetch/client.h"
#include "sandbox/image.h"
#include "sandbox/sandbox.h"
#include "sys/message.h"
#include "sys/spawn.h"

struct error;
struct persona;
struct record;
struct scribe;
struct sink;
struct upper;

/* One output of a command: kept up to a limit, counted whole. */
struct capture {
	int fd; /* our end of the pipe; -1: none */
	struct buf kept;
	int64_t total_bytes;
	bool line; /* a line has come */
};

enum phase_end {
	PHASE_RUNNING,
	PHASE_DONE, /* the command ended by itself */
	PHASE_TOLD, /* it has imported, and stays */
	PHASE_TIMEOUT,
	PHASE_LIMIT,
	PHASE_INTERRUPTED,
	PHASE_BROKEN, /* could not be started, or sandbox, sink or recorder died
		       */
};

struct phase {
	int64_t id, started_at; /* clock_ns() */
	int64_t cpu_before_ns;
	int64_t command; /* id of sandbox_exec() */
	int64_t deadline_at;
	int64_t held_ns; /* of record_held(), in deadline_at already */
	const struct step *step;
	enum phase_end end;
	bool exited, empty;
	int status; /* as of waitpid(2) */
	int exec_errno;
	enum sandbox_limit soft_limit; /* hit, and survived */
	char reason[160]; /* "" : none */
	struct capture out, err;
};

struct analysis {
	const struct analysis_options *o;
	struct arena *arena;
	struct image image;
	struct fetch *fetch;
	struct fetch_package package;
	struct unpack *unpack;
	struct manifest manifest;
	bool have_manifest, has_dependencies;
	struct persona *persona;
	struct scribe *scribe;
	struct sandbox *sandbox;
	struct record *record; /* NULL: lost */
	/* Of the recorder by eBPF: whose programs, "shared" or "own" (NULL: no
	 * eBPF), and why not the shared ones. In the arena. */
	const char *programs, *why_own_programs;
	bool recorder_failed; /* could not be started */
	struct buf watch_program; /* of its filter; empty: eBPF */
	struct upper *upper; /* NULL: lost */
	struct sink *sink; /* NULL: lost */
	struct plan plan;
	int run_fd; /* the run file, without a name yet */
	int pcap_fd, keys_fd; /* of the sink, without names; -1: none */
	int signal_fd; /* SIGINT, SIGTERM, SIGHUP; -1: not yet */
	int64_t n_phases;
	int64_t begun_at; /* clock_ns() */
	bool interrupted;
	const char
	    *died; /* "the sink died": nothing can be exercised any more */
	struct child baseline_child; /* role baseline, while it tells */
	struct channel baseline_control;
	bool empty; /* no process but init is left in the sandbox */
};

/* phase.c: one phase and its watch for children. steps: what runs in it, one
 * after the other; the last one's end is the phase's. */
int phase_run(struct analysis *a, const struct step *const *steps, size_t n,
    enum phase_end *ret_end, int *ret_status, struct error *err);

/* home.c */
struct home_files {
	struct sandbox_file *v; /* in the arena */
	size_t n;
};
int home_make(struct analysis *a, struct home_files *ret, struct error *err);

/* facts.c */
int facts_run(struct analysis *a, const char *status, const char *reason,
    struct error *err);
int facts_persona(struct analysis *a, struct error *err);
int facts_left_out(struct analysis *a, struct error *err);
int facts_phase(struct analysis *a, const struct phase *ph, struct error *err);
/* A phase that was not started. */
int facts_skipped(struct analysis *a, const char *trigger, const char *reason,
    struct error *err);
int facts_view(struct analysis *a, int64_t phase, const char *view,
    int64_t events, int64_t dropped, const char *lost, struct error *err);

/* prepare.c */
int prepare(struct analysis *a, const struct analysis_subject *subject,
    struct error *err);
void prepare_undo(struct analysis *a);

/* baseline.c */
int baseline_path(const struct analysis_options *o, const struct image *image,
    char *ret, size_t size, struct error *err);
int baseline_ensure(const struct analysis_options *o, bool *ret_recorder_failed,
    struct error *err);
int baseline_tell(struct analysis *a, struct error *err);
int baseline_wait(struct analysis *a, struct error *err);

/* conclude.c */
int verdict_reach(struct analysis *a, struct analysis_result *ret,
    struct error *err);

void analysis_trace(const struct analysis *a, const char *what);

#endif
