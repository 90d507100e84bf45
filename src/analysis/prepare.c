/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that must be there before the first command: the package, the
 * persona, the sandbox, and whoever watches it. What takes long is started
 * first and waited for last: while the recorder loads its programs, the
 * package is resolved; while the sandbox is made, its archive is read.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "analysis/analysis_priv.h"
#include "analysis/attend.h"
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

/* A manifest is read in milliseconds; an archive of 100,000 members takes
 * some seconds. */
#define UNPACK_MS (120 * 1000)

/* A file without a name in runs/: nothing to clean up until it is whole. */
static int
open_nameless(const struct analysis *a, int *ret, struct error *err)
{
	char runs[LIMIT_PATH_BYTES];
	int r = paths_get(PATHS_RUNS, a->o->state, runs, sizeof(runs), err);

	return r < 0 ? r : nameless_open(runs, ret, err);
}

static int
open_run_file(struct analysis *a, struct error *err)
{
	int r = open_nameless(a, &a->run_fd, err);

	if (r == 0)
		r = open_nameless(a, &a->pcap_fd, err);
	if (r == 0)
		r = open_nameless(a, &a->keys_fd, err);
	if (r < 0)
		return r;
	return scribe_spawn(a->run_fd, false, &a->scribe, err);
}

static int
spawn_record(struct analysis *a, struct error *err)
{
	const struct record_options o = { .means = a->o->recorder };
	int facts = -1;
	int r = scribe_attach(a->scribe, PRODUCER_RECORD, &facts, err);

	return r < 0 ? r : record_spawn(&o, facts, &a->record, err);
}

static int
open_image(struct analysis *a, struct error *err)
{
	const struct image_request q = { .ecosystem = "npm",
		.state = a->o->state,
		.build = true };

	return image_open(&q, &a->image, err);
}

static int
resolve(struct analysis *a, const struct analysis_subject *s, struct error *err)
{
	_cleanup_(closep) int facts = -1;
	struct fetch_options o = FETCH_OPTIONS_INIT;
	struct fetch_spec spec = { .name = s->name,
		.want = s->version,
		.registry = s->registry,
		.is_root = true };
	int r = scribe_attach(a->scribe, PRODUCER_REPLY, &facts, err);

	o.state = a->o->state;
	o.public_base = a->image.registry;
	o.node_version = a->image.runtime_version;
	o.facts_fd = facts;
	o.offline = a->o->offline;
	if (r == 0)
		r = fetch_open(&o, &a->fetch, err);
	if (r < 0)
		return r;
	if (s->path != NULL)
		return fetch_local(a->fetch, s->path, &a->package, err);
	return fetch_resolve(a->fetch, &spec, &a->package, err);
}

static int
start_unpack(struct analysis *a, struct error *err)
{
	_cleanup_(closep) int facts = -1;
	int r = scribe_attach(a->scribe, PRODUCER_UNPACK, &facts, err);

	return r < 0 ? r : unpack_start(a->package.fd, facts, &a->unpack, err);
}

static int
finish_unpack(struct analysis *a, struct error *err)
{
	int r = unpack_finish(steal(&a->unpack), UNPACK_MS, a->arena,
	    &a->manifest, err);

	a->have_manifest = r == 0;
	return r < 0 ? r : 0;
}

static int
make_persona(struct analysis *a, struct error *err)
{
	const struct persona_options o = { .kind = PERSONA_LAPTOP,
		.registry = str_of(a->image.registry),
		.depends_on = str_of(a->package.name),
		.depends_version = str_of(a->package.version),
		.now = clock_wall_ns() / NS_PER_SEC };

	return persona_new(&o, &a->persona, err);
}

/* --- the sandbox --- */

static int
start_sandbox(struct analysis *a, struct error *err)
{
	_cleanup_(sandbox_plan_freep) struct sandbox_plan *plan = NULL;
	struct sandbox_layer layers[IMAGE_MAX_LAYERS];
	struct home_files home = { 0 };
	struct sandbox_spec spec;
	int r = home_make(a, &home, err);

	if (r < 0)
		return r;
	sandbox_spec_init(&spec);
	for (size_t i = 0; i < a->image.n_layers; i++)
		layers[i] = (struct sandbox_layer){ a->image.layers[i], -1 };
	spec.layers = layers;
	spec.n_layers = a->image.n_layers;
	spec.files = home.v;
	spec.n_files = home.n;
	spec.network = SANDBOX_NETWORK_SINK;
	spec.hostname = a->persona->host;
	spec.user = a->persona->user;
	spec.home = a->persona->home;
	spec.uid = PERSONA_UID;
	spec.gid = PERSONA_GID;
	spec.limits.memory_bytes = a->o->memory_bytes;
	spec.state = a->o->state;
	spec.progress = a->o->progress;
	attend_spec(a->o->recorder, &a->watch_program, &spec);
	r = sandbox_plan(&spec, &plan, err);
	return r < 0 ? r : sandbox_start(plan, &a->sandbox, err);
}

static struct str
secret_of(const struct persona *p, const char *kind)
{
	for (size_t i = 0; i < p->n_canaries; i++)
		if (strcmp(p->canaries[i].kind, kind) == 0)
			return p->canaries[i].value;
	return STR_NONE;
}

static int
open_read(const char *path, int *ret, struct error *err)
{
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? error_errno(err, "cannot open %s", path) : 0;
}

/* Loads its libraries while the sandbox is made. */
static int
spawn_sink(struct analysis *a, struct error *err)
{
	_cleanup_(closep) int facts = -1, relay = -1;
	int r = fetch_relay(a->fetch, &relay, err);

	if (r == 0)
		r = scribe_attach(a->scribe, PRODUCER_SINK, &facts, err);
	return r < 0 ? r : sink_spawn(facts, relay, &a->sink, err);
}

static int
configure_sink(struct analysis *a, struct error *err)
{
	_cleanup_(closep) int cert = -1, key = -1;
	struct sink_config c = SINK_CONFIG_INIT;
	uint32_t drawn[3];

	if (getrandom(drawn, sizeof(drawn), 0) != sizeof(drawn))
		return error_errno(err, "getrandom");
	c.seed = (int64_t)drawn[0] << 16 ^ drawn[1];
	c.interface = str_of(sandbox_network(a->sandbox)->sink_interface);
	c.registries = str_of(a->image.registry);
	c.prebuilt = SINK_PREBUILT_REFUSE;
	c.decoy_mark =
	    str_of(arena_printf(a->arena, "/var/tmp/.%08x", drawn[2]));
	c.cloud_key_id = secret_of(a->persona, "cloud-key-id");
	c.cloud_secret = secret_of(a->persona, "cloud-secret");
	c.cloud_token = secret_of(a->persona, "cloud-token");
	c.pcap_fd = a->pcap_fd;
	c.keylog_fd = a->keys_fd;
	c.netns_fd = sandbox_sink_netns_fd(a->sandbox);
	int r = open_read(a->image.ca_cert_path, &cert, err);
	if (r == 0)
		r = open_read(a->image.ca_key_path, &key, err);
	c.ca_certificate_fd = cert;
	c.ca_key_fd = key;
	return r < 0 ? r : sink_configure(a->sink, &c, err);
}

static int
start_record(struct analysis *a, struct error *err)
{
	const char *why;
	int r = attend_start(a->o->recorder, a->record, a->sandbox, err);

	a->recorder_failed = r < 0;
	if (r < 0 || a->o->recorder != RECORD_EBPF)
		return r;
	a->programs = record_is_shared(a->record, &why) ? "shared" : "own";
	if (*why != '\0')
		a->why_own_programs = arena_printf(a->arena, "%s", why);
	return 0;
}

/* They have set themselves up at the same time. */
static int
wait_for_watchers(struct analysis *a, struct error *err)
{
	int r = upper_ready(a->upper, err);

	if (r == 0)
		r = sink_ready(a->sink, err);
	return r == 0 ? scribe_ready(a->scribe, err) : r;
}

/* The user's npm cache is copies of archives: their hashes say enough. */
static int
start_upper(struct analysis *a, struct error *err)
{
	const struct upper_rule rules[] = {
		{ arena_printf(a->arena, "%s/.npm/_cacache", a->persona->home),
		    UPPER_KEEP_HASH },
	};
	struct upper_start s = { .upper_fd = sandbox_upper_fd(a->sandbox),
		.root_fd = sandbox_root_fd(a->sandbox),
		.rules = rules,
		.n_rules = N_ELEMENTS(rules) };
	int facts = -1, fd;

	for (size_t i = 0; i < UPPER_MAX_LOWER; i++) {
		fd = sandbox_lower_fd(a->sandbox, i);
		if (fd >= 0)
			s.lower_fds[s.n_lower++] = fd;
	}
	int r = scribe_attach(a->scribe, PRODUCER_RECORD, &facts, err);
	return r < 0 ? r : upper_spawn(&s, facts, &a->upper, err);
}

/* From now on signals are read, not obeyed: what was recorded is kept. */
static int
catch_signals(struct analysis *a, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return error_errno(err, "sigprocmask");
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return a->signal_fd < 0 ? error_errno(err, "signalfd") : 0;
}

static int
tell_baseline(struct analysis *a, struct error *err)
{
	return a->o->baseline_path == NULL ? baseline_tell(a, err) : 0;
}

struct stage {
	const char *what; /* for the progress line and the trace */
	int (*run)(struct analysis *a, struct error *err);
};

static int
run_stages(struct analysis *a, const struct stage *stages, size_t n,
    struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (a->o->progress != NULL)
			progress_say(a->o->progress, "%s", stages[i].what);
		r = stages[i].run(a, err);
		analysis_trace(a, stages[i].what);
	}
	return r;
}

static const struct stage before_package[] = {
	{ "opening a run file", open_run_file },
	{ "loading the recorder", spawn_record },
	{ "opening the image", open_image },
	{ "telling what is usual", tell_baseline },
};

static const struct stage after_package[] = {
	{ "reading the archive", start_unpack },
	{ "drawing a persona", make_persona },
	{ "starting the fake Internet", spawn_sink },
	{ "making the sandbox", start_sandbox },
	{ "catching signals", catch_signals },
	{ "setting up the fake Internet", configure_sink },
	{ "watching the files", start_upper },
	{ "starting the recorder", start_record },
	{ "waiting for all of them", wait_for_watchers },
	{ "reading the manifest", finish_unpack },
};

static const struct stage static_only[] = {
	{ "reading the archive", start_unpack },
	{ "reading the manifest", finish_unpack },
};

int
prepare(struct analysis *a, const struct analysis_subject *subject,
    struct error *err)
{
	int r = run_stages(a, before_package, N_ELEMENTS(before_package), err);

	if (r == 0) {
		r = resolve(a, subject, err);
		analysis_trace(a, "resolving the package");
	}
	if (r < 0)
		return r;
	if (a->package.platform_mismatch)
		return run_stages(a, static_only, N_ELEMENTS(static_only), err);
	return run_stages(a, after_package, N_ELEMENTS(after_package), err);
}

/* Everything that runs, in the order in which it may go. */
void
prepare_undo(struct analysis *a)
{
	unpack_cancel(steal(&a->unpack));
	if (a->baseline_child.pid != 0)
		spawn_kill(&a->baseline_child);
	channel_done(&a->baseline_control);
	sandbox_freep(&a->sandbox);
	sink_freep(&a->sink);
	record_freep(&a->record);
	upper_freep(&a->upper);
	fetch_closep(&a->fetch);
	scribe_freep(&a->scribe);
	image_done(&a->image);
	fetch_package_done(&a->package);
	manifest_done(&a->manifest);
	persona_freep(&a->persona);
	plan_done(&a->plan);
	closep(&a->run_fd);
	closep(&a->pcap_fd);
	closep(&a->keys_fd);
	closep(&a->signal_fd);
	buf_done(&a->watch_program);
	arena_freep(&a->arena);
}
