/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the roles that watch a command, tells scribe what only the supervisor
 * knows, and hands the finished run file to role account. */
#include "cmd/sandbox-views.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/attend.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/sandbox-run.h"
#include "record/record.h"
#include "runfile/fact.h"
#include "runfile/scribe-client.h"
#include "sandbox/image.h"
#include "sink/sink.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/nameless.h"
#include "sys/paths.h"
#include "sys/spawn.h"

#define PHASE 1 /* the only one */

static bool
wants_record(const struct views *v)
{
	return strcmp(v->o->recorder, "off") != 0;
}

static bool
wants_sink(const struct views *v)
{
	return strcmp(v->o->network, "sink") == 0;
}

/* Without a recorder the command runs all the same, and the account says
 * what is missing. */
static void
lose_record(struct views *v, const struct error *why)
{
	record_freep(&v->record);
	(void)snprintf(v->lost, sizeof(v->lost), "%s", why->msg);
}

static int
spawn_record(struct views *v, struct error *err)
{
	const struct record_options options = { .means = v->means };
	struct error why = ERROR_INIT;
	int facts = -1;
	int rc = scribe_attach(v->scribe, PRODUCER_RECORD, &facts, err);

	if (rc == 0 && record_spawn(&options, facts, &v->record, &why) != 0)
		lose_record(v, &why);
	return rc;
}

static int
spawn_sink(struct views *v, struct error *err)
{
	_cleanup_(closep) int facts = -1;
	int rc = scribe_attach(v->scribe, PRODUCER_SINK, &facts, err);

	return rc == 0 ? sink_spawn(facts, -1, &v->sink, err) : rc;
}

/* With auto, a command runs without a recorder where none works. */
int
views_choose(struct views *v, const struct sandbox_options *o,
    struct sandbox_spec *spec, struct error *err)
{
	enum record_means wanted = RECORD_AUTO;
	int rc;

	*v = (struct views){ .o = o, .run_fd = -1, .means = RECORD_EBPF };
	if (!wants_record(v))
		return 0;
	(void)record_means_parse(o->recorder, &wanted);
	rc = record_choose(wanted, &v->means, v->why, sizeof(v->why), err);
	if (rc != 0 && wanted != RECORD_AUTO)
		return rc;
	if (rc != 0)
		v->means = RECORD_EBPF; /* which will say why not */
	attend_spec(v->means, &v->watch_program, spec);
	return 0;
}

static bool
is_auto(const struct views *v)
{
	return strcmp(v->o->recorder, record_means_word(RECORD_AUTO)) == 0;
}

/* What is put into a sandbox was read for the one before. */
static void
rewind_files(const struct sandbox_spec *spec)
{
	for (size_t i = 0; i < spec->n_files; i++)
		if (spec->files[i].kind == SANDBOX_FILE_FD)
			(void)lseek(spec->files[i].fd, 0, SEEK_SET);
}

int
views_choose_again(struct views *v, struct sandbox_spec *spec,
    const struct error *why)
{
	enum record_means means = v->means;
	struct error err = ERROR_INIT;
	struct views next = { .o = v->o, .run_fd = -1 };

	if (!v->failed || !is_auto(v))
		return 0;
	memcpy(next.why, v->why, sizeof(next.why));
	next.last = record_choose_weaker(means, why->msg, &means, next.why,
			sizeof(next.why), &err) != 0;
	next.means = means;
	fprintf(stderr, "lazaret sandbox: %s; %s%s\n", why->msg,
	    next.last ? "nothing records calls" : "recording by ",
	    next.last ? "" : record_means_word(means));
	views_done(v);
	*v = next;
	attend_spec(v->means, &v->watch_program, spec);
	rewind_files(spec);
	return 1;
}

int
views_open(struct views *v, const struct sandbox_options *o, struct error *err)
{
	char runs[LIMIT_PATH_BYTES];
	int rc;

	if (!wants_record(v) && !wants_sink(v))
		return 0;
	rc = paths_get(PATHS_RUNS, o->state, runs, sizeof(runs), err);
	if (rc != 0)
		return rc;
	rc = nameless_open(runs, &v->run_fd, err);
	if (rc != 0)
		return rc;
	rc = scribe_spawn(v->run_fd, true, &v->scribe, err);
	if (rc == 0 && wants_sink(v))
		rc = spawn_sink(v, err);
	return rc == 0 && wants_record(v) ? spawn_record(v, err) : rc;
}

/* --- the views --- */

static int
start_upper(struct views *v, struct sandbox *s, struct error *err)
{
	struct upper_start u = { .upper_fd = sandbox_upper_fd(s),
		.root_fd = sandbox_root_fd(s) };
	int facts = -1, rc;

	for (size_t i = 0; i < UPPER_MAX_LOWER; i++) {
		int fd = sandbox_lower_fd(s, i);

		if (fd >= 0)
			u.lower_fds[u.n_lower++] = fd;
	}
	rc = scribe_attach(v->scribe, PRODUCER_RECORD, &facts, err);
	return rc == 0 ? upper_spawn(&u, facts, &v->upper, err) : rc;
}

static void
note_programs(struct views *v)
{
	const char *why;

	if (v->means != RECORD_EBPF)
		return;
	v->programs = record_is_shared(v->record, &why) ? "shared" : "own";
	(void)snprintf(v->why_own, sizeof(v->why_own), "%s", why);
}

static int
start_record(struct views *v, struct sandbox *s, struct error *err)
{
	struct error why = ERROR_INIT;
	int rc;

	if (!wants_record(v))
		return 0;
	rc = start_upper(v, s, err);
	if (rc != 0 || v->record == NULL)
		return rc;
	rc = attend_start(v->means, v->record, s, &why);
	if (rc == 0) {
		note_programs(v);
		return 0;
	}
	lose_record(v, &why);
	v->failed = !v->last;
	/* Nothing runs under a filter that nobody answers. */
	return v->last && v->means == RECORD_EBPF ?
	    0 :
	    error_set(err, rc, "%s", why.msg);
}

static int
configure_sink(struct views *v, struct sandbox *s, const struct image *image,
    struct error *err)
{
	_cleanup_(closep) int certificate = -1;
	_cleanup_(closep) int key = -1;
	struct sink_config c = SINK_CONFIG_INIT;

	if (!wants_sink(v))
		return 0;
	if (image == NULL)
		return error_set(err, -EINVAL,
		    "--network=sink needs an image: its programs trust the "
		    "authority of the fake Internet");
	certificate = open(image->ca_cert_path, O_RDONLY | O_CLOEXEC);
	key = open(image->ca_key_path, O_RDONLY | O_CLOEXEC);
	if (certificate < 0 || key < 0)
		return error_errno(err, "%s", image->ca_key_path);
	if (getrandom(&c.seed, sizeof(c.seed), 0) != (ssize_t)sizeof(c.seed))
		return error_errno(err, "getrandom");
	c.seed &= INT64_MAX;
	c.interface = str_of(sandbox_network(s)->sink_interface);
	c.netns_fd = sandbox_sink_netns_fd(s);
	c.ca_certificate_fd = certificate;
	c.ca_key_fd = key;
	return sink_configure(v->sink, &c, err);
}

/* Everybody is ready: from now on what happens belongs to the command. */
static int
begin_phase(struct views *v, struct error *err)
{
	const struct record_command c = { "tool", NULL, NULL };
	struct error why = ERROR_INIT;
	int rc = 0;

	v->begun_at = clock_ns();
	v->started_at = clock_wall_ns();
	if (v->record != NULL)
		rc = record_phase_begin(v->record, PHASE, v->begun_at, &why);
	if (v->record != NULL && rc == 0)
		rc = record_command(v->record, &c, &why);
	if (rc != 0)
		lose_record(v, &why);
	if (v->sink == NULL)
		return 0;
	return sink_phase_begin(v->sink, PHASE, v->begun_at, err);
}

/* --- facts --- */

/* What the sandbox has, whose programs, and why it is not a better recorder. */
static struct str
host_json(const struct views *v, const struct sandbox *s, char *ret,
    size_t size)
{
	struct attend_host told = { 0 };
	struct buf b;

	if (wants_record(v))
		told = (struct attend_host){ v->why, v->programs, v->why_own };
	buf_init(&b, size - 1);
	attend_host_json(s, &told, &b);
	(void)snprintf(ret, size, "%s", b.p);
	buf_done(&b);
	return str_of(ret);
}

static int
fact_of_run(struct views *v, const struct sandbox *s, const struct image *image,
    char **argv, const char *status, struct error *err)
{
	struct fact_run f;
	char host[1600];

	fact_init(FACT_RUN, &f);
	f.origin = STR_LIT("command");
	f.tool_version = STR_LIT(LAZARET_VERSION);
	f.isolation = STR_LIT("ns");
	f.recorder = v->record != NULL ? str_of(record_means_word(v->means)) :
					 STR_LIT("off");
	f.host = host_json(v, s, host, sizeof(host));
	if (argv != NULL)
		f.name = str_of(argv[0]);
	if (image != NULL)
		f.image = str_of(image->id);
	if (status == NULL)
		f.started_at = v->started_at;
	else
		f.ended_at = clock_wall_ns();
	f.status = str_of(status);
	return fact_send(scribe_facts(v->scribe), FACT_RUN, &f, err);
}

static int
fact_of_phase(struct views *v, struct sandbox *s, const struct views_end *e,
    struct error *err)
{
	struct sandbox_usage u;
	struct fact_phase f;

	fact_init(FACT_PHASE, &f);
	f.id = PHASE;
	f.trigger = STR_LIT("run");
	f.started_at = v->started_at;
	if (e != NULL) {
		sandbox_usage(s, &u);
		f.wall_ns = clock_ns() - v->begun_at;
		f.cpu_ns = u.cpu_ns >= 0 ? u.cpu_ns : FACT_NONE;
		f.memory_peak =
		    u.memory_peak_bytes >= 0 ? u.memory_peak_bytes : FACT_NONE;
		if (e->status >= 0 && WIFEXITED(e->status))
			f.exit_status = WEXITSTATUS(e->status);
		if (e->status >= 0 && WIFSIGNALED(e->status))
			f.exit_signal = WTERMSIG(e->status);
		f.status = str_of(e->word);
		f.reason = str_of(e->reason);
	}
	return fact_send(scribe_facts(v->scribe), FACT_PHASE, &f, err);
}

static int
fact_of_view(struct views *v, const char *view, int64_t events, int64_t dropped,
    const char *lost, struct error *err)
{
	struct fact_phase_view f;

	fact_init(FACT_PHASE_VIEW, &f);
	f.phase = PHASE;
	f.view = str_of(view);
	f.available = lost == NULL;
	f.events = events;
	f.dropped = dropped;
	f.reason = str_of(lost);
	return fact_send(scribe_facts(v->scribe), FACT_PHASE_VIEW, &f, err);
}

int
views_begin(struct views *v, struct sandbox *s, const struct image *image,
    char **argv, struct error *err)
{
	int rc;

	if (v->scribe == NULL)
		return 0;
	/* All of them set themselves up at the same time. */
	rc = configure_sink(v, s, image, err);
	if (rc == 0)
		rc = start_record(v, s, err);
	if (rc == 0 && v->upper != NULL)
		rc = upper_ready(v->upper, err);
	if (rc == 0 && v->sink != NULL)
		rc = sink_ready(v->sink, err);
	if (rc == 0)
		rc = scribe_ready(v->scribe, err);
	if (rc == 0)
		rc = begin_phase(v, err);
	if (rc == 0)
		rc = fact_of_run(v, s, image, argv, NULL, err);
	return rc == 0 ? fact_of_phase(v, s, NULL, err) : rc;
}

static int
end_record(struct views *v, struct error *err)
{
	struct error why = ERROR_INIT;
	struct upper_result up = { 0 };
	int64_t events = 0, dropped = 0;
	int rc;

	if (!wants_record(v))
		return 0;
	if (v->record != NULL &&
	    record_phase_end(v->record, PHASE, &events, &dropped, &why) != 0)
		lose_record(v, &why);
	rc = fact_of_view(v, record_means_word(v->means), events, dropped,
	    v->record != NULL ? NULL : v->lost, err);
	if (rc == 0 && upper_walk(v->upper, PHASE, &up, &why) != 0)
		upper_freep(&v->upper);
	if (rc == 0 && up.has_seen)
		rc = fact_of_view(v, "fanotify", up.seen, up.seen_dropped, NULL,
		    err);
	if (rc == 0)
		rc = fact_of_view(v, "upper", up.files, up.incomplete,
		    v->upper != NULL ? NULL : why.msg, err);
	return rc;
}

static int
end_sink(struct views *v, struct error *err)
{
	struct error why = ERROR_INIT;
	int64_t events = 0, dropped = 0;

	if (v->sink == NULL)
		return 0;
	if (sink_phase_end(v->sink, PHASE, &events, &dropped, &why) != 0)
		sink_freep(&v->sink);
	return fact_of_view(v, "sink", events, dropped,
	    v->sink != NULL ? NULL : why.msg, err);
}

/* Each ends its phase while the others do. */
static void
ask_ends(struct views *v)
{
	if (v->sink != NULL)
		sink_ask_end(v->sink, PHASE);
	if (v->record != NULL)
		record_ask_end(v->record, PHASE);
	if (v->upper != NULL)
		upper_ask_walk(v->upper, PHASE);
}

static void
ask_stops(struct views *v)
{
	if (v->record != NULL)
		record_ask_stop(v->record);
	if (v->upper != NULL)
		upper_ask_stop(v->upper);
	if (v->sink != NULL)
		sink_ask_stop(v->sink);
}

int
views_end(struct views *v, struct sandbox *s, const struct views_end *e,
    struct error *err)
{
	int rc;

	if (v->scribe == NULL)
		return 0;
	ask_ends(v);
	rc = end_record(v, err);
	if (rc == 0)
		rc = end_sink(v, err);
	if (rc == 0)
		rc = fact_of_phase(v, s, e, err);
	if (rc == 0)
		rc = fact_of_run(v, s, NULL, NULL, "completed", err);
	ask_stops(v); /* views_account() waits for them */
	return rc;
}

/* --- the account --- */

static int
copy_file(int from, int to, struct error *err)
{
	char block[64 * KIB];
	off_t at = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = pread(from, block, sizeof(block), at)) > 0) {
		rc = fd_write_all(to, block, (size_t)n, err);
		at += n;
	}
	if (rc == 0 && (n < 0 || fsync(to) != 0))
		rc = error_errno(err, "copying the run file");
	return rc;
}

/* Whole or not at all. */
static int
keep(const struct views *v, struct error *err)
{
	char path[LIMIT_PATH_BYTES];
	_cleanup_(closep) int fd = -1;
	int rc;

	if ((size_t)snprintf(path, sizeof(path), "%s.tmp-%d", v->o->output,
		(int)getpid()) >= sizeof(path))
		return error_set(err, -ENAMETOOLONG, "%s", v->o->output);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(err, "cannot make %s", path);
	rc = copy_file(v->run_fd, fd, err);
	if (rc == 0 && rename(path, v->o->output) != 0)
		rc = error_errno(err, "cannot make %s", v->o->output);
	if (rc != 0)
		(void)unlink(path);
	return rc;
}

/* Facts are the package's words: another process reads them. */
static int
print_account(const struct views *v, struct error *err)
{
	const char *argv[] = { "account", v->o->json ? "--json" : NULL, NULL };
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	char path[LIMIT_PATH_BYTES];
	int status = 0, rc;

	rc = spawn_libexec_path("account", path, sizeof(path), err);
	if (rc != 0)
		return rc;
	s.path = path;
	s.argv = argv;
	s.fds = &v->run_fd;
	s.n_fds = 1;
	s.die_with_parent = true;
	rc = spawn_start(&s, &c, err);
	if (rc == 0)
		rc = spawn_wait(&c, -1, &status, err);
	if (rc == 0 && status != 0)
		rc = error_set(err, -EIO, "the account could not be printed");
	return rc;
}

int
views_account(struct views *v, struct error *err)
{
	struct error ignored;
	int rc;

	if (v->scribe == NULL)
		return 0;
	if (v->record != NULL)
		(void)record_stop(v->record, &ignored);
	if (v->upper != NULL)
		(void)upper_stop(v->upper, &ignored);
	if (v->sink != NULL)
		(void)sink_stop(v->sink, &ignored);
	record_freep(&v->record);
	upper_freep(&v->upper);
	v->sink = NULL; /* stopped is freed */
	rc = scribe_close(v->scribe, err);
	v->scribe = NULL;
	if (rc == 0 && v->o->output != NULL)
		rc = keep(v, err);
	if (rc == 0 && !v->o->quiet)
		rc = print_account(v, err);
	return rc;
}

void
views_done(struct views *v)
{
	record_freep(&v->record);
	upper_freep(&v->upper);
	sink_freep(&v->sink);
	scribe_freep(&v->scribe);
	closep(&v->run_fd);
	buf_done(&v->watch_program);
}
