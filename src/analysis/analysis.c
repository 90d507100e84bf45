/* SPDX-License-Identifier: Apache-2.0 */
/* One analysis, step by step. Runs in the supervisor. */
#include "analysis/analysis.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/analysis_priv.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "decoy/persona.h"
#include "record/record.h"
#include "runfile/scribe-client.h"
#include "sink/sink.h"
#include "sys/clock.h"
#include "sys/nameless.h"
#include "sys/paths.h"
#include "sys/term.h"

#define ANALYSIS_ARENA_BYTES (64u * MIB)

void
analysis_trace(const struct analysis *a, const char *what)
{
	if (a->o->trace)
		fprintf(stderr, "%7.1f ms  %s\n",
		    (double)(clock_ns() - a->begun_at) / NS_PER_MS, what);
}

static void
say(const struct analysis *a, const struct step *s)
{
	if (a->o->progress == NULL)
		return;
	progress_say(a->o->progress, "%s%s%s", s->trigger,
	    s->subject.p != NULL ? " " : "",
	    s->subject.p != NULL ? arena_strz(a->arena, s->subject) : "");
}

static const struct step *
step_of(const struct plan *p, enum plan_kind kind)
{
	for (size_t i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].kind == kind)
			return &p->steps.v[i];
	return NULL;
}

/* Whether what was installed can be imported. */
static bool
went_well(enum phase_end end, int status)
{
	return end == PHASE_DONE && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
}

static void
note_packages(struct analysis *a)
{
	struct error ignored = ERROR_INIT;
	int64_t n;

	(void)upper_lock(a->upper,
	    arena_printf(a->arena, "%s/node_modules/.package-lock.json",
		a->persona->project),
	    &n, &ignored);
}

static int
install(struct analysis *a, bool *ret_installed, struct error *err)
{
	const struct step *steps[2], *s = step_of(&a->plan, PLAN_ALLOW);
	enum phase_end end;
	size_t n = 0;
	int status, r;

	if (s != NULL)
		steps[n++] = s;
	steps[n++] = step_of(&a->plan, PLAN_INSTALL);
	say(a, steps[n - 1]);
	r = phase_run(a, steps, n, &end, &status, err);
	if (r == 0 && !went_well(end, status) && !a->interrupted &&
	    end != PHASE_BROKEN) {
		s = step_of(&a->plan, PLAN_INSTALL_QUIET);
		say(a, s);
		r = phase_run(a, &s, 1, &end, &status, err);
	}
	*ret_installed = r == 0 && went_well(end, status);
	/* Which packages lie where: from npm's own list. */
	if (r == 0 && a->upper != NULL)
		note_packages(a);
	analysis_trace(a, "install");
	return r;
}

/* Imports what there is to import; ret_n: how many steps there were. */
static int
import_all(struct analysis *a, size_t *ret_n, struct error *err)
{
	enum phase_end end;
	int status, r = 0;

	*ret_n = 0;
	for (size_t i = 0; i < a->plan.steps.n && r == 0; i++) {
		const struct step *s = &a->plan.steps.v[i];
		if (s->kind != PLAN_IMPORT || a->interrupted)
			continue;
		say(a, s);
		r = phase_run(a, &s, 1, &end, &status, err);
		analysis_trace(a, "import");
		(*ret_n)++;
	}
	return r;
}

/* A package for another platform: its files are all there is to see. */
static int
exercise_nothing(struct analysis *a, struct error *err)
{
	const char *why = a->package.platform != NULL ? a->package.platform :
							"not for this platform";
	int r = facts_skipped(a, "install", why, err);

	return r < 0 ? r : facts_skipped(a, "import", why, err);
}

static int
exercise(struct analysis *a, struct error *err)
{
	const struct plan_options o = { str_of(a->package.name),
		str_of(a->package.version),
		a->have_manifest ? &a->manifest : NULL,
		a->o->install_ms != 0 ? a->o->install_ms : LIMIT_INSTALL_MS,
		a->o->import_ms != 0 ? a->o->import_ms : LIMIT_IMPORT_MS };
	bool installed = false;
	size_t n;
	int r;

	plan_make(a->arena, &o, &a->plan);
	a->has_dependencies = plan_has_dependencies(o.manifest);
	if (a->sandbox == NULL)
		return exercise_nothing(a, err);
	r = install(a, &installed, err);
	if (r < 0 || a->interrupted)
		return r;
	if (!installed)
		return facts_skipped(a, "import", "it was not installed", err);
	r = import_all(a, &n, err);
	if (r == 0 && n == 0)
		r = facts_skipped(a, "import", "nothing to import", err);
	return r;
}

/* NAME-VERSION-DATE.laz in runs/. */
static int
name_run(const struct analysis *a, char *ret, size_t size, struct error *err)
{
	char runs[LIMIT_PATH_BYTES / 2], date[CLOCK_RFC3339_SIZE];
	int r = paths_get(PATHS_RUNS, a->o->state, runs, sizeof(runs), err);

	if (r < 0)
		return r;
	clock_rfc3339(clock_wall_ns(), date);
	if ((size_t)snprintf(ret, size, "%s/npm-%s-%s-%.19s-%d.laz", runs,
		a->package.name, a->package.version, date,
		(int)getpid()) >= size)
		return error_set(err, -ENAMETOOLONG, "%s is too long", runs);
	/* A scope is not a folder. */
	for (char *c = ret + strlen(runs) + 1; *c != '\0'; c++)
		if (*c == '/')
			*c = '+';
	return 0;
}

/* The packet capture and its keys lie beside the run file. */
static int
keep_capture(struct analysis *a, const char *run, struct error *err)
{
	char path[LIMIT_PATH_BYTES + 16];
	struct stat st;
	int r = 0;

	if (a->pcap_fd < 0 || fstat(a->pcap_fd, &st) < 0 || st.st_size == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s.pcap", run);
	r = nameless_keep(a->pcap_fd, path, err);
	(void)snprintf(path, sizeof(path), "%s.keys", run);
	return r < 0 ? r : nameless_keep(a->keys_fd, path, err);
}

static int
keep(struct analysis *a, struct analysis_result *ret, struct error *err)
{
	const char *baseline = a->o->baseline_path;
	int r = 0;

	if (baseline == NULL)
		r = name_run(a, ret->run_path, sizeof(ret->run_path), err);
	else
		(void)snprintf(ret->run_path, sizeof(ret->run_path), "%s",
		    baseline);
	if (r == 0)
		r = nameless_keep(a->run_fd, ret->run_path, err);
	if (r == -EEXIST && baseline != NULL)
		return 0; /* somebody was faster */
	return r < 0 || baseline != NULL ? r :
					   keep_capture(a, ret->run_path, err);
}

static int
copy_out(const struct analysis *a, struct error *err)
{
	_cleanup_(closep) int out = -1;

	if (a->o->output == NULL)
		return 0;
	out =
	    open(a->o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0)
		return error_errno(err, "cannot write %s", a->o->output);
	return nameless_copy(a->run_fd, out, a->o->output, err);
}

/* The sandbox is of no more use; everything it still has to say is asked
 * for. Failures here are lost views, which the phases have said. */
static void
stop_watchers(struct analysis *a)
{
	struct error ignored = ERROR_INIT;

	if (a->sandbox != NULL)
		sandbox_stop(a->sandbox);
	/* Nothing runs any more that they could miss. */
	if (a->record != NULL)
		record_ask_stop(a->record);
	if (a->upper != NULL)
		upper_ask_stop(a->upper);
	if (a->sink != NULL)
		sink_ask_stop(a->sink);
	if (a->record != NULL)
		(void)record_stop(a->record, &ignored);
	if (a->upper != NULL)
		(void)upper_stop(a->upper, &ignored);
	if (a->sink != NULL)
		(void)sink_stop(steal(&a->sink), &ignored);
	record_freep(&a->record);
	upper_freep(&a->upper);
}

static int
conclude(struct analysis *a, struct analysis_result *ret, struct error *err)
{
	const char *status = a->interrupted ? "interrupted" : "completed";
	int r = facts_left_out(a, err);

	if (r == 0)
		r = facts_run(a, status, NULL, err);
	if (r == 0 && a->o->baseline_path == NULL)
		r = verdict_reach(a, ret, err);
	analysis_trace(a, "judging");
	stop_watchers(a);
	analysis_trace(a, "stopping");
	if (r == 0)
		r = scribe_close(steal(&a->scribe), err);
	if (r == 0)
		r = keep(a, ret, err);
	if (r == 0 && copy_out(a, err) != 0)
		r = error_wrap(err, "kept in %s alone", ret->run_path);
	ret->interrupted = a->interrupted;
	ret->run_fd = steal_fd(&a->run_fd);
	analysis_trace(a, "keeping");
	return r;
}

int
analysis_run(const struct analysis_options *o,
    const struct analysis_subject *subject, struct analysis_result *ret,
    struct error *err)
{
	struct analysis a = { .o = o,
		.image = IMAGE_INIT,
		.run_fd = -1,
		.signal_fd = -1,
		.begun_at = clock_ns(),
		.empty = true };
	int r;

	ret->run_fd = -1;
	a.baseline_child = (struct child)CHILD_INIT;
	a.baseline_control.fd = -1;
	a.pcap_fd = a.keys_fd = -1;
	a.arena = arena_new(ANALYSIS_ARENA_BYTES);
	a.package.fd = -1;
	r = o->baseline_path == NULL ?
	    baseline_ensure(o, &a.recorder_failed, err) :
	    0;
	if (r == 0)
		r = prepare(&a, subject, err);
	if (r == 0)
		r = facts_run(&a, NULL, NULL, err);
	if (r == 0 && a.persona != NULL)
		r = facts_persona(&a, err);
	if (r == 0)
		r = exercise(&a, err);
	if (r == 0)
		r = conclude(&a, ret, err);
	ret->recorder_failed = r < 0 && a.recorder_failed;
	prepare_undo(&a);
	return r;
}

void
analysis_result_done(struct analysis_result *r)
{
	closep(&r->run_fd);
}
