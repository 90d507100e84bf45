/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building an image: a table of steps in <home>/.tmp-<pid>, under the lock of
 * the folder; what is finished is renamed to its id. Whoever comes second
 * waits and then finds the image there. Ctrl-C is held back, noticed between
 * and during steps, and let through once all is cleaned up; after kill -9 the
 * next build sweeps. Runs in the supervisor.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/paths.h"
#include "sys/term.h"

/* What a build takes at its largest: the tree, the archives, and the copies
 * that apt and npm hold meanwhile. Measured: 1.0 GB. */
#define NEEDED_BYTES (1300ll * MIB)

#define WAIT_MS 200

struct step {
	const char *name;
	int (*run)(struct image_build *b, struct error *err);
};

static int step_begin(struct image_build *b, struct error *err);
static int step_authority(struct image_build *b, struct error *err);
static int step_finish(struct image_build *b, struct error *err);

static const struct step npm_steps[] = {
	{ "looking around", step_begin },
	{ "Debian packages", image_apt_install },
	{ "Node.js and npm", image_npm_install },
	{ "tidying up", image_apt_tidy },
	{ "asking npm", image_npm_ask },
	{ "certificate authority", step_authority },
	{ "writing to disk", step_finish },
};

static const struct {
	const char *ecosystem;
	const struct step *steps;
	size_t n;
} recipes[] = {
	{ "npm", npm_steps, N_ELEMENTS(npm_steps) },
};

/* Files below the image's folder that are checked at each use. */
static const char *const watched[] = {
	"rootfs/var/lib/dpkg/status",
	"rootfs/etc/passwd",
	"rootfs/usr/local/lib/node_modules/npm/package.json",
	"rootfs/usr/local/include/node/node.h",
};

/* --- progress and interruption ------------------------------------------ */

static bool
is_interrupted(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	    (sigismember(&pending, SIGINT) == 1 ||
		sigismember(&pending, SIGTERM) == 1 ||
		sigismember(&pending, SIGHUP) == 1);
}

/* Those that are ignored (nohup) stay so: held, they would count as pending. */
static void
hold_signals(sigset_t *ret_old)
{
	static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction now;
	sigset_t held;

	(void)sigemptyset(&held);
	for (size_t i = 0; i < N_ELEMENTS(stopping); i++)
		if (sigaction(stopping[i], NULL, &now) == 0 &&
		    now.sa_handler != SIG_IGN)
			(void)sigaddset(&held, stopping[i]);
	(void)sigprocmask(SIG_BLOCK, &held, ret_old);
}

/* mmdebstrap's last "I: …" says where it is. */
static struct str
last_note(const struct image_build *b, char *text, size_t size)
{
	off_t end = lseek(b->log_fd, 0, SEEK_END);
	ssize_t n = pread(b->log_fd, text, size,
	    end > (off_t)size ? end - (off_t)size : 0);
	struct str rest = str_n(text, n > 0 ? (size_t)n : 0), line,
		   note = STR_NONE;

	while (str_cut(&rest, '\n', &line))
		if (str_starts(line, "I: ") && str_chr(line, '/') < 0)
			note = str_sub(line, 3, line.n);
	return note;
}

int
image_build_tick(struct image_build *b, struct error *err)
{
	struct progress *p = b->request->progress;
	char text[2048];
	struct str note;

	if (is_interrupted())
		return error_set(err, -EINTR, "interrupted");
	if (p == NULL || b->step_name == NULL)
		return 0;
	note = last_note(b, text, sizeof(text));
	/* Plain lines, one per step, where there is no terminal. */
	if (!p->tty)
		progress_say(p, "%s image: %zu/%zu %s", b->request->ecosystem,
		    b->step, b->n_steps, b->step_name);
	else
		progress_say(p, "%s image: %zu/%zu %s, %lld s%s%.*s",
		    b->request->ecosystem, b->step, b->n_steps, b->step_name,
		    (long long)((clock_ns() - b->begun_at) / NS_PER_SEC),
		    note.n != 0 ? ": " : "", STR_ARG(note));
	return 0;
}

/* The lock of the folder; waits for whoever has it, and says so. */
static int
wait_for_lock(const struct image_request *r, const char *home, int *ret_fd,
    struct error *err)
{
	int64_t begun_at = clock_ns();
	int rc;

	while ((rc = image_store_lock(home, ret_fd, err)) == 1) {
		long long s = (clock_ns() - begun_at) / NS_PER_SEC;

		if (is_interrupted())
			return error_set(err, -EINTR, "interrupted");
		if (r->progress != NULL && r->progress->tty)
			progress_say(r->progress,
			    "%s image: another process builds it; waiting, "
			    "%lld s",
			    r->ecosystem, s);
		else if (r->progress != NULL)
			progress_say(r->progress,
			    "%s image: another process builds it; waiting",
			    r->ecosystem);
		(void)poll(NULL, 0, WAIT_MS);
	}
	return rc;
}

/* --- steps --------------------------------------------------------------- */

static int
check_space(const struct image_build *b, struct error *err)
{
	struct statvfs v;
	int64_t free_bytes;

	if (statvfs(b->home, &v) != 0)
		return error_errno(err, "%s", b->home);
	free_bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	if (free_bytes >= NEEDED_BYTES)
		return 0;
	return error_set(err, -ENOSPC,
	    "building the %s image needs %lld MB in %s, %lld MB are free",
	    b->request->ecosystem, (long long)(NEEDED_BYTES / 1000000), b->home,
	    (long long)(free_bytes / 1000000));
}

static int
step_begin(struct image_build *b, struct error *err)
{
	/* Both are asked for early: better now than after a minute. */
	static const char *const tools[] = { "mmdebstrap", "unshare", "npm",
		"apt-get", "dpkg-query", "tar" };
	char path[LIMIT_PATH_BYTES];
	int rc = check_space(b, err);

	for (size_t i = 0; rc == 0 && i < N_ELEMENTS(tools); i++)
		rc = image_tool_find(tools[i], path, sizeof(path), err);
	return rc;
}

static int
step_authority(struct image_build *b, struct error *err)
{
	_cleanup_(freep) char *runtime =
	    mem_printf("%s%s", b->rootfs, b->manifest.runtime_path);
	struct image_slots slots = { 0 };
	struct image_slot slot = { 0 };
	struct image_ca ca = { 0 };
	int rc = image_ca_read_slots(runtime, &slots, err);

	if (rc == 0)
		rc = image_ca_new(&slots, &ca, err);
	if (rc == 0)
		rc = image_ca_patch(runtime, &slots, str_of(ca.runtime_pem),
		    &slot, err);
	if (rc == 0)
		rc = image_npm_trust(b, ca.runtime_pem, slots.n, err);
	b->manifest.slot_offset = slot.offset;
	b->manifest.slot_bytes = slot.bytes;
	b->manifest.slot_line_bytes = slot.line_bytes;
	if (rc == 0)
		rc = image_layer_make(&b->manifest, b->tmp, &ca, runtime, err);
	image_ca_done(&ca);
	vec_done(&slots);
	return rc;
}

static int
step_finish(struct image_build *b, struct error *err)
{
	struct image_manifest *m = &b->manifest;
	_cleanup_(freep) char *sources = mem_printf("%s/sources.list", b->tmp);
	_cleanup_(freep) char *pack = mem_printf("%s/pack", b->tmp);
	char id[SHA256_HEX_SIZE];
	int rc = image_tree_remove(pack, err);

	(void)unlink(sources);
	for (size_t i = 0; rc == 0 && i < N_ELEMENTS(watched); i++)
		rc = image_manifest_add_file(m, b->tmp, watched[i], err);
	if (rc != 0)
		return rc;
	image_manifest_id(m, id);
	m->id = arena_strz(m->arena, str_of(id));
	m->size_bytes = image_tree_bytes(b->tmp);
	m->built_at = clock_wall_ns();
	m->build_ms = (clock_ns() - b->begun_at) / NS_PER_MS;
	return image_manifest_save(m, b->tmp, err);
}

/* --- the whole ----------------------------------------------------------- */

static int
run_steps(struct image_build *b, const struct step *steps, struct error *err)
{
	for (size_t i = 0; i < b->n_steps; i++) {
		int rc;

		b->step = i + 1;
		b->step_name = steps[i].name;
		rc = image_build_tick(b, err);
		if (rc == 0)
			rc = steps[i].run(b, err);
		if (rc == -EINTR)
			return rc;
		if (rc != 0)
			return error_wrap(err, "%s image, %s",
			    b->request->ecosystem, steps[i].name);
	}
	return 0;
}

static int
prepare(struct image_build *b, struct error *err)
{
	int rc = image_store_sweep(b->home, err);

	b->tmp = mem_printf("%s/.tmp-%d", b->home, (int)getpid());
	b->rootfs = mem_printf("%s/rootfs", b->tmp);
	b->cache = mem_printf("%s/.cache", b->home);
	b->log_path = mem_printf("%s/log", b->home);
	if (rc == 0)
		rc = paths_make(b->tmp, 0700, err);
	if (rc == 0)
		rc = paths_make(b->cache, 0700, err);
	if (rc != 0)
		return rc;
	b->log_fd = open(b->log_path,
	    O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	return b->log_fd >= 0 ? 0 : error_errno(err, "%s", b->log_path);
}

static int
publish(struct image_build *b, char **ret_id, struct error *err)
{
	_cleanup_(freep) char *debs = mem_printf("%s/debs", b->cache);
	const char *id = b->manifest.id;
	int rc = image_store_publish(b->home, b->tmp, id, err);

	if (rc >= 0)
		rc = image_store_set_current(b->home, id, err);
	if (rc == 0)
		*ret_id = mem_strdup(id);
	/* Kept for a second try; there is none now. */
	return rc == 0 ? image_tree_remove(debs, err) : rc;
}

static void
build_done(struct image_build *b)
{
	struct error ignored = ERROR_INIT;

	if (b->tmp != NULL && b->lock_fd >= 0)
		(void)image_tree_remove(b->tmp, &ignored);
	image_manifest_done(&b->manifest);
	image_recipe_done(&b->recipe);
	free(b->home);
	free(b->tmp);
	free(b->rootfs);
	free(b->cache);
	free(b->log_path);
	closep(&b->log_fd);
	closep(&b->lock_fd);
}

static int
build_locked(struct image_build *b, char **ret_id, struct error *err)
{
	int rc = image_recipe_read(b->request->ecosystem, &b->recipe, err);

	for (size_t i = 0; rc == 0 && i < N_ELEMENTS(recipes); i++) {
		if (strcmp(recipes[i].ecosystem, b->request->ecosystem) != 0)
			continue;
		image_manifest_init(&b->manifest);
		b->manifest.ecosystem = b->recipe.ecosystem;
		b->manifest.recipe = b->recipe.id;
		b->manifest.suite = b->recipe.suite;
		b->n_steps = recipes[i].n;
		rc = prepare(b, err);
		if (rc == 0)
			rc = run_steps(b, recipes[i].steps, err);
		return rc == 0 ? publish(b, ret_id, err) : rc;
	}
	return rc == 0 ?
	    error_set(err, -ENOENT, "no image for %s", b->request->ecosystem) :
	    rc;
}

/* Is there one of this recipe already? Made by the process that we waited for,
 * or before another version of the program made its own the current one. */
static bool
is_made(const struct image_request *r, const char *home, char **ret_id)
{
	struct image_recipe recipe = { 0 };
	struct image_list l = { 0 };
	struct error ignored = ERROR_INIT;
	bool made = false;

	if (r->rebuild ||
	    image_recipe_read(r->ecosystem, &recipe, &ignored) != 0)
		return false;
	(void)image_list(r->ecosystem, r->state, &l, &ignored);
	for (size_t i = 0; !made && i < l.n; i++) {
		const struct image_entry *e = &l.v[i];

		made = e->broken[0] == '\0' &&
		    strcmp(e->image.recipe, recipe.id) == 0 &&
		    image_store_set_current(home, e->image.id, &ignored) == 0;
		if (made)
			*ret_id = mem_strdup(e->image.id);
	}
	image_list_done(&l);
	image_recipe_done(&recipe);
	return made;
}

int
image_build(const struct image_request *r, const char *home, char **ret_id,
    struct error *err)
{
	struct image_build b = { .request = r, .log_fd = -1, .lock_fd = -1 };
	mode_t mask = umask(022);
	sigset_t old;
	int rc;

	hold_signals(&old);
	b.begun_at = clock_ns();
	b.home = mem_strdup(home);
	rc = wait_for_lock(r, home, &b.lock_fd, err);
	if (rc == 0 && !is_made(r, home, ret_id))
		rc = build_locked(&b, ret_id, err);
	build_done(&b);
	(void)umask(mask);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}

/* --- a new authority ----------------------------------------------------- */

/* Copies the runtime and puts the new certificate where the old one lies. */
static int
copy_runtime(const struct image *i, const char *to, struct error *err)
{
	_cleanup_(freep) char *from =
	    mem_printf("%s%s", i->layers[0], i->runtime_path);
	_cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int out =
	    open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t n;

	if (in < 0 || out < 0)
		return error_errno(err, "cannot copy %s", from);
	do
		n = copy_file_range(in, NULL, out, NULL, 256 * MIB, 0);
	while (n > 0);
	return n == 0 ? 0 : error_errno(err, "cannot copy %s", from);
}

static int
rotate_locked(struct image *i, struct image_manifest *m, struct error *err)
{
	_cleanup_(freep) char *runtime = mem_printf("%s/.runtime", i->dir);
	struct image_slot slot = { m->slot_offset, m->slot_bytes,
		m->slot_line_bytes };
	const struct image_slots slots = { &slot, 1, 1 };
	struct image_slot used;
	struct image_ca ca = { 0 };
	int rc = image_ca_new(&slots, &ca, err);

	if (rc == 0)
		rc = copy_runtime(i, runtime, err);
	if (rc == 0)
		rc = image_ca_patch(runtime, &slots, str_of(ca.runtime_pem),
		    &used, err);
	if (rc == 0)
		rc = image_layer_make(m, i->dir, &ca, runtime, err);
	image_ca_done(&ca);
	return rc == 0 ? image_manifest_save(m, i->dir, err) : rc;
}

int
image_build_rotate(const struct image_request *r, const char *home,
    const char *id, struct error *err)
{
	_cleanup_(closep) int lock = -1;
	struct image_manifest m = { 0 };
	struct image i = IMAGE_INIT;
	mode_t mask = umask(022);
	sigset_t old;
	int rc;

	hold_signals(&old);
	rc = wait_for_lock(r, home, &lock, err);
	if (rc == 0)
		rc = image_store_open(home, id, &i, &m, err);
	if (rc == 0 && (r->new_ca || image_ca_is_old(m.ca_made_at)))
		rc = rotate_locked(&i, &m, err);
	closep(&i.lock_fd);
	if (rc == 0)
		rc = image_store_drop_authorities(i.dir, m.ca_name, err);
	image_done(&i);
	image_manifest_done(&m);
	(void)umask(mask);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}
