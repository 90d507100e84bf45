/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret scan: configuration, snapshots, result. Starts no other program. */
#include "cmd/scan-gate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "gate/ages.h"
#include "gate/gate.h"
#include "gate/match.h"
#include "gate/pattern.h"
#include "gate/policy.h"
#include "gate/print.h"
#include "gate/settings.h"
#include "osv/osv.h"
#include "snapshot/snapshot.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/paths.h"
#include "sys/term.h"

/* Older data is no data: malware is reported by the hour. */
#define DEFAULT_MAX_DB_AGE_MS (7ll * 86400 * 1000)
/* A snapshot from the future says that a clock is wrong. */
#define MAX_SKEW_S     86400
#define MAX_SNAPSHOTS  64
#define SNAPSHOT_END   ".snapshot"
#define MAX_AGES_BYTES (256u * MIB)

struct gate_run {
	struct arena *arena;
	struct settings settings;
	struct policy policy;
	struct pattern *internal;
	size_t n_internal;
	struct ages *ages;
	struct match_snapshot snapshots[MAX_SNAPSHOTS];
	struct snapshot *open[MAX_SNAPSHOTS];
	size_t n_snapshots;
	enum print_format format;
	const char *output; /* NULL: standard output */
	char *temporary; /* in the arena; what is renamed to output */
	int fd;
	int64_t now_s, min_age_s, max_db_age_s;
};

static int
failed(const struct error *err)
{
	(void)fprintf(stderr, "lazaret scan: ");
	term_print(stderr, str_of(err->msg), sizeof(err->msg));
	(void)fputc('\n', stderr);
	return EXIT_TOOL_FAILED;
}

/* --- files of the user ----------------------------------------------------
 */

static int
read_file(struct arena *a, const char *path, size_t max, struct str *ret,
    struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct buf b;
	int rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_errno(err, "%s", path);
	buf_init(&b, max);
	rc = fd_read_all(fd, &b, err);
	if (rc == 0)
		*ret = arena_str(a, buf_str(&b));
	else
		(void)error_wrap(err, "%s", path);
	buf_done(&b);
	return rc;
}

static int
read_settings(struct gate_run *g, const char *path, struct error *err)
{
	struct str yaml;
	int rc;

	if (access(path, F_OK) != 0)
		return 0;
	rc = read_file(g->arena, path, LIMIT_CONFIG_BYTES, &yaml, err);
	if (rc == 0 && settings_parse(g->arena, yaml, &g->settings, err) != 0)
		rc = error_wrap(err, "%s", path);
	return rc;
}

static int
read_configuration(struct gate_run *g, struct error *err)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char path[LIMIT_PATH_BYTES];
	int rc = read_settings(g, "/etc/lazaret/lazaret.yaml", err);

	if (rc != 0)
		return rc;
	if (xdg != NULL && xdg[0] == '/')
		(void)snprintf(path, sizeof(path), "%s/lazaret/lazaret.yaml",
		    xdg);
	else if (home != NULL && home[0] == '/')
		(void)snprintf(path, sizeof(path),
		    "%s/.config/lazaret/lazaret.yaml", home);
	else
		return 0;
	return read_settings(g, path, err);
}

static void
add_strings(struct gate_run *g, struct conf_strings *to, const char *const *v,
    size_t n)
{
	for (size_t i = 0; i < n; i++)
		conf_strings_add(g->arena, to, str_of(v[i]));
}

/* LAZARET_SNAPSHOTS and its like: settings in capitals, as one YAML text. */
static int
read_environment(struct gate_run *g, struct error *err)
{
	static const char *const names[] = { "snapshots", "internal", "policy",
		"max-db-age", "min-age" };
	static const char *const variables[] = { "LAZARET_SNAPSHOTS",
		"LAZARET_INTERNAL", "LAZARET_POLICY", "LAZARET_MAX_DB_AGE",
		"LAZARET_MIN_AGE" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const char *value = getenv(variables[i]);
		struct buf b;
		int rc;

		if (value == NULL || value[0] == '\0')
			continue;
		buf_init(&b, LIMIT_CONFIG_BYTES);
		buf_printf(&b, "scan: {%s: %s}", names[i], value);
		if (i == 0)
			g->settings.snapshots.n = 0;
		rc = settings_parse(g->arena, buf_str(&b), &g->settings, err);
		buf_done(&b);
		if (rc != 0)
			return error_wrap(err, "%s", variables[i]);
	}
	return 0;
}

/* Options over the environment over the files; lists grow, except that named
 * snapshots are the only ones. */
static void
apply_options(struct gate_run *g, const struct gate_options *o)
{
	struct settings *s = &g->settings;

	if (o->snapshots.n != 0)
		s->snapshots.n = 0;
	add_strings(g, &s->snapshots, o->snapshots.v, o->snapshots.n);
	add_strings(g, &s->internal, o->internal.v, o->internal.n);
	add_strings(g, &s->policies, o->policies.v, o->policies.n);
	add_strings(g, &s->registries, o->registries.v, o->registries.n);
	if (o->max_db_age_ms >= 0)
		s->max_db_age_ms = o->max_db_age_ms;
	if (o->min_age_ms >= 0)
		s->min_age_ms = o->min_age_ms;
	g->max_db_age_s =
	    (s->max_db_age_ms >= 0 ? s->max_db_age_ms : DEFAULT_MAX_DB_AGE_MS) /
	    1000;
	g->min_age_s = s->min_age_ms > 0 ? s->min_age_ms / 1000 : 0;
}

static int
read_policies(struct gate_run *g, struct error *err)
{
	const struct conf_strings *files = &g->settings.policies;
	struct str yaml;
	int rc;

	for (size_t i = 0; i < files->n; i++) {
		rc = read_file(g->arena, files->v[i].p, LIMIT_CONFIG_BYTES,
		    &yaml, err);
		if (rc == 0)
			rc = policy_parse(g->arena, files->v[i], yaml,
			    &g->policy, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
read_patterns(struct gate_run *g, struct error *err)
{
	const struct conf_strings *from[] = { &g->settings.internal,
		&g->policy.internal };
	int rc = 0;

	g->internal = arena_array(g->arena, from[0]->n + from[1]->n + 1,
	    sizeof(*g->internal));
	for (size_t i = 0; i < N_ELEMENTS(from); i++)
		for (size_t k = 0; k < from[i]->n && rc == 0; k++)
			rc = pattern_parse(from[i]->v[k],
			    &g->internal[g->n_internal++], err);
	return rc;
}

static int
read_ages(struct gate_run *g, const char *path, struct error *err)
{
	struct str json;
	int rc;

	if (path == NULL)
		return 0;
	rc = read_file(g->arena, path, MAX_AGES_BYTES, &json, err);
	if (rc == 0 && ages_parse(g->arena, json, &g->ages, err) != 0)
		rc = error_wrap(err, "%s", path);
	return rc;
}

/* --- snapshots --------------------------------------------------------------
 */

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* All snapshots in the state folder. */
static int
default_snapshots(struct gate_run *g, const char *state, struct error *err)
{
	struct conf_strings *s = &g->settings.snapshots;
	char folder[LIMIT_PATH_BYTES];
	const struct dirent *e;
	const char *path;
	DIR *d;

	if (paths_get(PATHS_SNAPSHOTS, state, folder, sizeof(folder), err) != 0)
		return err->code;
	d = opendir(folder);
	if (d == NULL)
		return error_errno(err, "%s", folder);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    !str_ends(str_of(e->d_name), SNAPSHOT_END))
			continue;
		path = arena_printf(g->arena, "%s/%s", folder, e->d_name);
		add_strings(g, s, &path, 1);
	}
	(void)closedir(d);
	if (s->n == 0)
		return error_set(err, -ENOENT,
		    "there is no data about packages in %s: get a snapshot "
		    "with lazaret db update, or name one with --snapshot",
		    folder);
	qsort(s->v, s->n, sizeof(*s->v), by_text);
	return 0;
}

static int
check_time(const struct gate_run *g, const struct snapshot *s, const char *path,
    struct error *err)
{
	struct snapshot_info info;
	char built[CLOCK_RFC3339_SIZE];

	snapshot_info(s, &info);
	clock_rfc3339(info.built_at_s * NS_PER_SEC, built);
	if (info.built_at_s > g->now_s + MAX_SKEW_S)
		return error_set(err, -EINVAL,
		    "%s was built %s, which is yet to come: a clock is wrong, "
		    "so its age cannot be told",
		    path, built);
	if (g->now_s - info.built_at_s >= g->max_db_age_s)
		return error_set(err, -ESTALE,
		    "%s is too old (built %s, at most %" PRId64 " h are "
		    "allowed): get a newer one with lazaret db update, or "
		    "allow more with --max-db-age",
		    path, built, g->max_db_age_s / 3600);
	return 0;
}

static int
open_snapshots(struct gate_run *g, const char *state, struct error *err)
{
	const struct conf_strings *s = &g->settings.snapshots;
	int rc = s->n == 0 ? default_snapshots(g, state, err) : 0;

	if (rc == 0 && s->n > MAX_SNAPSHOTS)
		rc = error_set(err, -E2BIG, "more than %d snapshots",
		    MAX_SNAPSHOTS);
	for (size_t i = 0; i < s->n && rc == 0; i++) {
		rc = snapshot_open_path(s->v[i].p, &g->open[i], err);
		if (rc != 0)
			break;
		g->n_snapshots = i + 1;
		g->snapshots[i] =
		    (struct match_snapshot){ s->v[i], g->open[i] };
		rc = check_time(g, g->open[i], s->v[i].p, err);
	}
	return rc;
}

/* --- the result -------------------------------------------------------------
 */

static int
open_output(struct gate_run *g, struct error *err)
{
	struct stat st;

	g->fd = STDOUT_FILENO;
	if (g->output == NULL)
		return 0;
	/* What is no file (/dev/null, a pipe) must stay what it is. */
	if (stat(g->output, &st) == 0 && !S_ISREG(st.st_mode)) {
		g->fd = open(g->output, O_WRONLY | O_CLOEXEC);
		return g->fd < 0 ? error_errno(err, "%s", g->output) : 0;
	}
	g->temporary =
	    arena_printf(g->arena, "%s.%d.tmp", g->output, (int)getpid());
	g->fd = open(g->temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (g->fd < 0) {
		g->temporary = NULL;
		return error_errno(err, "%s", g->output);
	}
	return 0;
}

static int
put_output(struct gate_run *g, const struct buf *b, struct error *err)
{
	if (b->full)
		return error_set(err, -EFBIG, "the result is too large");
	if (fd_write_all(g->fd, b->p, b->n, err) != 0)
		return error_wrap(err, "%s",
		    g->output != NULL ? g->output : "standard output");
	return 0;
}

static void
say_counts(const struct gate_result *r, const char *output)
{
	(void)fprintf(stderr, "lazaret scan: %zu packages", r->n_packages);
	for (size_t s = 0; s < GATE_STATUS__MAX; s++)
		if (gate_count(r, (enum gate_status)s) != 0)
			(void)fprintf(stderr, ", %zu %s",
			    gate_count(r, (enum gate_status)s),
			    gate_status_name((enum gate_status)s));
	if (r->n_errors != 0)
		(void)fprintf(stderr, ", %zu not read", r->n_errors);
	(void)fprintf(stderr, "; see %s\n", output);
}

/* Longest result: a thousand bytes for each of 500,000 packages. */
#define MAX_RESULT_BYTES (512u * MIB)

int
gate_judge(struct gate_run *g, const struct gate_file *files, size_t n_files)
{
	const struct match_input in = {
		.snapshots = g->snapshots,
		.n_snapshots = g->n_snapshots,
		.policy = &g->policy,
		.internal = g->internal,
		.n_internal = g->n_internal,
		.registries = g->settings.registries.v,
		.n_registries = g->settings.registries.n,
		.ages = g->ages,
		.min_age_s = g->min_age_s,
		.now_s = g->now_s,
	};
	struct error err = ERROR_INIT;
	struct print p = { .colour = g->output == NULL && term_colour(stdout) };
	struct gate_result r;
	struct buf b;
	int status;

	gate_result_init(&r, g->arena);
	r.files = files;
	r.n_files = n_files;
	buf_init(&b, MAX_RESULT_BYTES);
	p.out = &b;
	if (match_run(&in, &r, &err) != 0) {
		status = failed(&err);
	} else {
		print_result(&r, g->format, &p);
		status = gate_exit_status(&r);
		if (put_output(g, &b, &err) != 0)
			status = failed(&err);
		else if (g->output != NULL)
			say_counts(&r, g->output);
	}
	buf_done(&b);
	gate_result_done(&r);
	return status;
}

/* --- opening ----------------------------------------------------------------
 */

static void
take_format(const struct opt_command *command, const struct gate_options *o,
    struct gate_run *g)
{
	if (o->json)
		g->format = PRINT_JSON;
	if (o->format != NULL && !print_format_parse(o->format, &g->format))
		opt_usage_error(command,
		    "--format %s: there are table, json, sarif, cyclonedx, "
		    "github and junit",
		    o->format);
	if (o->json && g->format != PRINT_JSON)
		opt_usage_error(command, "--json and --format %s", o->format);
	for (size_t i = 0; i < o->internal.n; i++) {
		struct error err = ERROR_INIT;
		struct pattern p;

		if (pattern_parse(str_of(o->internal.v[i]), &p, &err) != 0)
			opt_usage_error(command, "--internal %s", err.msg);
	}
	for (size_t i = 0; i < o->registries.n; i++)
		if (strchr(o->registries.v[i], '=') == NULL)
			opt_usage_error(command,
			    "--public-registry %s: ECOSYSTEM=URL is wanted",
			    o->registries.v[i]);
	g->now_s = clock_wall_ns() / NS_PER_SEC;
	if (o->now != NULL && osv_time_parse(str_of(o->now), &g->now_s) != 0)
		opt_usage_error(command,
		    "--now %s: a time in UTC such as 2026-01-31T12:00:00Z",
		    o->now);
	g->output = o->output;
}

int
gate_open(const struct opt_command *command, const struct gate_options *o,
    struct gate_run **ret)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct gate_run *g = arena_alloc(a, sizeof(*g));
	struct error err = ERROR_INIT;
	int rc;

	*g = (struct gate_run){ .arena = a,
		.fd = -1,
		.settings = SETTINGS_INIT };
	take_format(command, o, g);
	rc = read_configuration(g, &err);
	if (rc == 0)
		rc = read_environment(g, &err);
	if (rc == 0)
		apply_options(g, o);
	if (rc == 0)
		rc = read_policies(g, &err);
	if (rc == 0)
		rc = read_patterns(g, &err);
	if (rc == 0)
		rc = read_ages(g, o->ages, &err);
	if (rc == 0)
		rc = open_snapshots(g, o->state, &err);
	if (rc == 0)
		rc = open_output(g, &err);
	if (rc == 0) {
		*ret = g;
		return 0;
	}
	(void)gate_close(g, EXIT_TOOL_FAILED);
	return failed(&err);
}

int
gate_close(struct gate_run *g, int status)
{
	bool whole = status >= 0 && status != EXIT_TOOL_FAILED;
	struct error err = ERROR_INIT;

	if (g->fd > STDERR_FILENO && close(g->fd) != 0)
		whole = false;
	if (whole && g->temporary != NULL &&
	    rename(g->temporary, g->output) != 0) {
		(void)error_errno(&err, "%s", g->output);
		status = failed(&err);
		whole = false;
	}
	if (!whole && g->temporary != NULL)
		(void)unlink(g->temporary);
	for (size_t i = 0; i < g->n_snapshots; i++)
		snapshot_close(g->open[i]);
	ages_free(g->ages);
	policy_done(&g->policy);
	arena_free(g->arena);
	return status;
}

void
gate_options_done(struct gate_options *o)
{
	free(o->snapshots.v);
	free(o->registries.v);
	free(o->internal.v);
	free(o->policies.v);
}
