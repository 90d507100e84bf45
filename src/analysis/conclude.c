/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From facts to a verdict. Where an import is blamed and the package has
 * dependencies, a rehearsal comes first: a copy of the run file is judged, and
 * the packages that were loaded are imported alone, so that the verdict knows
 * which of them it was. Runs in the supervisor.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/analysis_priv.h"
#include "analysis/suspects.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/name.h"
#include "runfile/scribe-client.h"
#include "sys/fd.h"
#include "verdict/judge-client.h"

/* Imported alone, at most; each in both formats. */
#define MAX_SUSPECTS 16

static int
judge(struct scribe *s, int fd, struct judge_result *ret, struct error *err)
{
	_cleanup_(freep) char(*room)[4096] = NULL;
	const char *dirs[JUDGE_RULE_DIRS];
	int r;

	room = mem_array(JUDGE_RULE_DIRS, sizeof(*room));
	r = judge_rule_dirs(room, dirs, err);
	return r < 0 ? r : judge_client_run(s, fd, dirs, ret, err);
}

static int
copy_run(int from, int *ret, struct error *err)
{
	_cleanup_(closep) int to = memfd_create("rehearsal", MFD_CLOEXEC);
	char room[64 * KIB];
	off_t at = 0;
	ssize_t n;
	int r = 0;

	if (to < 0)
		return error_errno(err, "memfd_create");
	while (r == 0 && (n = pread(from, room, sizeof(room), at)) > 0) {
		r = fd_write_all(to, room, (size_t)n, err);
		at += n;
	}
	*ret = steal_fd(&to);
	return r;
}

static int
start_role(int control, int run, struct child *ret, struct error *err)
{
	static const char *const argv[] = { "lazaret-suspects", NULL };
	_cleanup_(closep) int none = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[] = { control, none, run };
	struct spawn sp = SPAWN_INIT;
	char path[LIMIT_PATH_BYTES];
	int r = spawn_libexec_path("suspects", path, sizeof(path), err);

	sp.path = path;
	sp.argv = argv;
	sp.fds = fds;
	sp.n_fds = N_ELEMENTS(fds);
	sp.die_with_parent = sp.new_session = true;
	return r < 0 ? r : spawn_start(&sp, ret, err);
}

/* Only what lies at the top can be imported by its name; that name becomes
 * part of a command line. */
static bool
is_importable(struct str folder, struct str *ret_name)
{
	*ret_name = str_sub(folder, strlen("node_modules/"), folder.n);
	return str_starts(folder, "node_modules/") && npm_name_valid(*ret_name);
}

static int
take_suspects(struct analysis *a, struct channel *c, size_t *ret_n,
    struct error *err)
{
	struct message m;
	int r;

	while ((r = channel_recv(c, &m, err)) == 1) {
		if (m.type != SUSPECTS_ONE) {
			bool ok = m.type == CONTROL_READY;
			m.at = m.payload.n;
			(void)message_end(&m, NULL);
			return ok ?
			    0 :
			    error_set(err, -EIO, "role suspects has failed");
		}
		struct str name, folder = message_get_str(&m);
		if (message_end(&m, err) != 0)
			return -EPROTO;
		if (*ret_n >= MAX_SUSPECTS || !is_importable(folder, &name))
			continue;
		plan_dependency(a->arena, &a->plan, name, folder,
		    a->o->import_ms != 0 ? a->o->import_ms : LIMIT_IMPORT_MS);
		(*ret_n)++;
	}
	return r < 0 ? r : error_set(err, -EPIPE, "role suspects has died");
}

static int
find_suspects(struct analysis *a, int run, size_t *ret_n, struct error *err)
{
	struct child child = CHILD_INIT;
	struct channel control = { .fd = -1 };
	int pair[2], r = fd_socketpair(pair, err);

	if (r < 0)
		return r;
	channel_init(&control, pair[0]);
	r = start_role(pair[1], run, &child, err);
	(void)close(pair[1]);
	if (r == 0)
		r = take_suspects(a, &control, ret_n, err);
	channel_done(&control);
	spawn_kill(&child);
	return r;
}

/* Whether the copy's verdict blames anybody, and an import could have loaded
 * others. */
static int
rehearse(struct analysis *a, size_t *ret_n, struct error *err)
{
	_cleanup_(scribe_freep) struct scribe *s = NULL;
	_cleanup_(closep) int copy = -1;
	struct judge_result result;
	struct scribe_synced synced;
	int r = scribe_sync(a->scribe, &synced, err);

	if (r == 0)
		r = copy_run(a->run_fd, &copy, err);
	if (r == 0)
		r = scribe_start(copy, &s, err);
	if (r == 0)
		r = judge(s, copy, &result, err);
	if (r < 0 ||
	    (strcmp(result.label, "malicious") != 0 &&
		strcmp(result.label, "suspicious") != 0))
		return r;
	return find_suspects(a, copy, ret_n, err);
}

static int
confirm(struct analysis *a, struct error *err)
{
	size_t begin = a->plan.steps.n, n = 0;
	enum phase_end end;
	int status, r;

	if (!a->has_dependencies || a->sandbox == NULL || a->interrupted)
		return 0;
	r = rehearse(a, &n, err);
	for (size_t i = begin; i < a->plan.steps.n && r == 0; i++) {
		const struct step *s = &a->plan.steps.v[i];
		if (!a->interrupted)
			r = phase_run(a, &s, 1, &end, &status, err);
	}
	analysis_trace(a, "suspects alone");
	return r;
}

int
verdict_reach(struct analysis *a, struct analysis_result *ret,
    struct error *err)
{
	struct judge_result result;
	int r = baseline_wait(a, err);

	if (r == 0)
		r = confirm(a, err);
	if (r == 0)
		r = judge(a->scribe, a->run_fd, &result, err);
	if (r < 0)
		return r;
	(void)snprintf(ret->label, sizeof(ret->label), "%s", result.label);
	return 0;
}
