/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the empty package does: recorded once per image, drivers and version of
 * this program, kept below the state folder, told to scribe at each run by
 * role baseline. Runs in the supervisor.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/analysis_priv.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "decoy/drivers.h"
#include "runfile/scribe-client.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/paths.h"
#include "sys/sha256.h"
#include "sys/spawn.h"

/* Everything that decides what the empty package does. */
static void
key_of(const struct image *image, enum record_means recorder,
    char ret[SHA256_HEX_SIZE])
{
	struct sha256 *h = sha256_new();
	uint8_t digest[SHA256_BYTES];
	const char *const parts[] = { "1", LAZARET_VERSION, image->id,
		driver_npm_allow, driver_npm_import,
		record_means_word(recorder) };

	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		sha256_add(h, parts[i], strlen(parts[i]) + 1);
	sha256_final(h, digest);
	sha256_hex(digest, ret);
}

int
baseline_path(const struct analysis_options *o, const struct image *image,
    char *ret, size_t size, struct error *err)
{
	char state[LIMIT_PATH_BYTES / 2], key[SHA256_HEX_SIZE];
	int r = paths_get(PATHS_STATE, o->state, state, sizeof(state), err);

	if (r < 0)
		return r;
	key_of(image, o->recorder, key);
	if ((size_t)snprintf(ret, size, "%s/baseline", state) >= size)
		return error_set(err, -ENAMETOOLONG, "%s is too long", state);
	r = paths_make(ret, 0700, err);
	(void)snprintf(ret, size, "%s/baseline/npm-%.32s.laz", state, key);
	return r;
}

static int
make_image(const struct analysis_options *o, char *ret, size_t size,
    struct error *err)
{
	struct image image = IMAGE_INIT;
	const struct image_request q = { .ecosystem = "npm",
		.state = o->state,
		.build = true };
	int r = image_open(&q, &image, err);

	if (r == 0)
		r = baseline_path(o, &image, ret, size, err);
	image_done(&image);
	return r;
}

/* Recorded under another name, then renamed: who comes at the same time does
 * it twice, and never sees half of it. */
int
baseline_ensure(const struct analysis_options *o, bool *ret_recorder_failed,
    struct error *err)
{
	char path[LIMIT_PATH_BYTES], data[LIMIT_PATH_BYTES / 2];
	char folder[LIMIT_PATH_BYTES];
	struct analysis_options quiet = { .state = o->state,
		.progress = o->progress,
		.recorder = o->recorder };
	struct analysis_subject subject = { .path = folder };
	struct analysis_result result = { .run_fd = -1 };
	int r = make_image(o, path, sizeof(path), err);

	if (r < 0 || access(path, R_OK) == 0)
		return r;
	r = paths_get(PATHS_DATA, o->state, data, sizeof(data), err);
	if (r < 0)
		return r;
	(void)snprintf(folder, sizeof(folder), "%s/baseline", data);
	quiet.baseline_path = path;
	r = analysis_run(&quiet, &subject, &result, err);
	*ret_recorder_failed = result.recorder_failed;
	analysis_result_done(&result);
	return r < 0 ? error_wrap(err, "recording the empty package") : 0;
}

static int
start_role(int control, int facts, int recorded, struct child *ret,
    struct error *err)
{
	static const char *const argv[] = { "lazaret-baseline", NULL };
	const int fds[] = { control, facts, recorded };
	struct spawn sp = SPAWN_INIT;
	char path[LIMIT_PATH_BYTES];
	int r = spawn_libexec_path("baseline", path, sizeof(path), err);

	sp.path = path;
	sp.argv = argv;
	sp.fds = fds;
	sp.n_fds = N_ELEMENTS(fds);
	sp.die_with_parent = sp.new_session = true;
	return r < 0 ? r : spawn_start(&sp, ret, err);
}

/* Starts telling; baseline_wait() waits for its end. */
int
baseline_tell(struct analysis *a, struct error *err)
{
	_cleanup_(closep) int recorded = -1, facts = -1, theirs = -1;
	char path[LIMIT_PATH_BYTES];
	int pair[2];
	int r = baseline_path(a->o, &a->image, path, sizeof(path), err);

	if (r < 0)
		return r;
	recorded = open(path, O_RDONLY | O_CLOEXEC);
	if (recorded < 0)
		return error_errno(err, "cannot open %s", path);
	r = scribe_attach(a->scribe, PRODUCER_JUDGE, &facts, err);
	if (r == 0)
		r = fd_socketpair(pair, err);
	if (r < 0)
		return r;
	channel_init(&a->baseline_control, pair[0]);
	theirs = pair[1];
	return start_role(theirs, facts, recorded, &a->baseline_child, err);
}

int
baseline_wait(struct analysis *a, struct error *err)
{
	struct message m;
	int r;

	if (a->baseline_child.pid == 0)
		return 0;
	r = channel_recv(&a->baseline_control, &m, err);
	if (r == 0)
		return error_set(err, -EPIPE, "role baseline has died");
	if (r == 1 && m.type == CONTROL_FAILED) {
		(void)message_get_int(&m);
		struct str why = message_get_str(&m);
		return error_set(err, -EIO, "baseline: %.*s", STR_ARG(why));
	}
	if (r == 1)
		r = message_end(&m, err);
	spawn_kill(&a->baseline_child);
	return r;
}
