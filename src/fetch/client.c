/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's side of fetching: three roles, one request at a time. Runs
 * in subcommands. Roles live from fetch_open() to fetch_close().
 */
#include "fetch/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/pack.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "ecosystem/npm/manifest.h"
#include "fetch/keep.h"
#include "fetch/protocol.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/paths.h"
#include "sys/spawn.h"

/* fetch ends when it is told; the others when it has ended. keep may still
 * be syncing archives. */
#define END_TIMEOUT_MS 30000
/* One archive of 512 MB parsed and hashed. */
#define UNPACK_TIMEOUT_MS 120000

enum fetch_role {
	ROLE_FETCH,
	ROLE_REPLY,
	ROLE_KEEP,
	ROLE__MAX
};

struct fetch {
	struct channel control;
	struct child children[ROLE__MAX];
	struct keep keep; /* folders; owned here */
	int64_t next_request;
	bool ready, broken;
};

static int
open_folder(const char *path, int *ret_fd, struct error *err)
{
	int rc = paths_make(path, 0700, err);

	if (rc != 0)
		return rc;
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? error_errno(err, "%s", path) : 0;
}

static int
open_folders(struct fetch *f, const char *state, struct error *err)
{
	char path[LIMIT_PATH_BYTES - 16], cache[LIMIT_PATH_BYTES];
	int rc = paths_get(PATHS_BLOBS, state, path, sizeof(path), err);

	if (rc == 0)
		rc = open_folder(path, &f->keep.blobs, err);
	if (rc == 0)
		rc = paths_get(PATHS_STATE, state, path, sizeof(path), err);
	if (rc != 0)
		return rc;
	(void)snprintf(cache, sizeof(cache), "%s/cache", path);
	return open_folder(cache, &f->keep.cache, err);
}

static int
start_role(struct fetch *f, enum fetch_role role, const char *name,
    const int *fds, size_t n_fds, struct error *err)
{
	struct spawn s = SPAWN_INIT;
	const char *argv[] = { name, NULL };
	char path[LIMIT_PATH_BYTES];
	int rc = spawn_libexec_path(name, path, sizeof(path), err);

	s.path = path;
	s.argv = argv;
	s.fds = fds;
	s.n_fds = n_fds;
	s.die_with_parent = true;
	s.new_session = true;
	return rc == 0 ? spawn_start(&s, &f->children[role], err) : rc;
}

/* fetch's ends of three conversations; the other ends go to their roles. */
struct ends {
	int control[2], reply[2], keep[2], nothing;
};

static void
ends_close(struct ends *e)
{
	int *const all[] = { &e->control[0], &e->control[1], &e->reply[0],
		&e->reply[1], &e->keep[0], &e->keep[1], &e->nothing };

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		closep(all[i]);
}

static int
start_roles(struct fetch *f, struct ends *e, int facts_fd, struct error *err)
{
	int facts = facts_fd >= 0 ? facts_fd : e->nothing;
	int rc;

	rc = start_role(f, ROLE_FETCH, "fetch",
	    (const int[]){ e->control[1], e->nothing, e->reply[0], e->keep[0] },
	    4, err);
	if (rc == 0)
		rc = start_role(f, ROLE_REPLY, "reply",
		    (const int[]){ e->reply[1], facts }, 2, err);
	if (rc == 0)
		rc = start_role(f, ROLE_KEEP, "keep",
		    (const int[]){ e->keep[1], e->nothing, f->keep.blobs,
			f->keep.cache },
		    4, err);
	return rc;
}

static int
connect_roles(struct fetch *f, int facts_fd, struct error *err)
{
	struct ends e = { { -1, -1 }, { -1, -1 }, { -1, -1 }, -1 };
	int rc;

	e.nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (e.nothing < 0)
		return error_errno(err, "/dev/null");
	rc = fd_socketpair(e.control, err);
	if (rc == 0)
		rc = fd_socketpair(e.reply, err);
	if (rc == 0)
		rc = fd_socketpair(e.keep, err);
	if (rc == 0)
		rc = start_roles(f, &e, facts_fd, err);
	if (rc == 0)
		channel_init(&f->control, steal_fd(&e.control[0]));
	ends_close(&e);
	return rc;
}

static int receive(struct fetch *f, struct message *m, struct error *err);

/* Sends what was begun; with now, it is on its way when this returns. Who is
 * gone may have said why. */
static int
say(struct fetch *f, bool now, struct error *err)
{
	struct message m;
	int rc = message_send(&f->control, err);

	if (rc == 0 && now)
		rc = channel_flush(&f->control, err);
	if (rc != -EPIPE)
		return rc;
	while ((rc = receive(f, &m, err)) == 0)
		; /* answers to earlier questions */
	return rc;
}

static int
send_config(struct fetch *f, const struct fetch_options *o, struct error *err)
{
	char data[LIMIT_PATH_BYTES];
	struct channel *c = &f->control;

	/* Without data the registry must be configured; fetch will say so. */
	if (paths_get(PATHS_DATA, o->state, data, sizeof(data), NULL) != 0)
		data[0] = '\0';
	message_begin(c, FETCH_CONFIG);
	message_put_int(c, o->offline);
	message_put_int(c, o->timeout_ms);
	message_put_str(c, str_of(o->registry));
	message_put_str(c, str_of(o->public_base));
	message_put_str(c, str_of(data));
	message_put_str(c, str_of(o->cwd));
	message_put_str(c, str_of(o->node_version));
	return say(f, true, err);
}

int
fetch_open(const struct fetch_options *o, struct fetch **ret, struct error *err)
{
	struct fetch *f = mem_alloc(sizeof(*f));
	int rc;

	f->keep.blobs = f->keep.cache = -1;
	for (int i = 0; i < ROLE__MAX; i++)
		f->children[i] = (struct child)CHILD_INIT;
	rc = open_folders(f, o->state, err);
	if (rc == 0)
		rc = connect_roles(f, o->facts_fd, err);
	if (rc == 0)
		rc = send_config(f, o, err);
	if (rc != 0) {
		f->broken = true;
		fetch_close(f);
		return rc;
	}
	*ret = f;
	return 0;
}

void
fetch_close(struct fetch *f)
{
	int status;

	if (f == NULL)
		return;
	channel_done(&f->control); /* end of file: fetch stops, then others */
	for (int i = 0; i < ROLE__MAX; i++) {
		if (!f->broken && f->children[i].pid != 0)
			(void)spawn_wait(&f->children[i], END_TIMEOUT_MS,
			    &status, NULL);
		spawn_kill(&f->children[i]);
	}
	closep(&f->keep.blobs);
	closep(&f->keep.cache);
	free(f);
}

void
fetch_closep(struct fetch **f)
{
	fetch_close(*f);
}

/* ---- results */

void
fetch_package_done(struct fetch_package *p)
{
	if (p->name == NULL)
		return;
	closep(&p->fd);
	free(p->name);
	free(p->version);
	free(p->purl);
	free(p->integrity);
	free(p->platform);
	free(p->deprecated);
	free(p->note);
	*p = (struct fetch_package){ .fd = -1 };
}

int
fetch_package_reopen(const struct fetch_package *p, int *ret_fd,
    struct error *err)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? error_errno(err, "the archive") : 0;
}

/* CONTROL_FAILED's sentence: the role is gone after it. */
static int
role_failed(struct fetch *f, struct message *m, struct error *err)
{
	int64_t code = message_get_int(m);
	struct str sentence = message_get_str(m);

	f->broken = true;
	if (message_end(m, err) != 0)
		return -EPROTO;
	return error_set(err, code < 0 && code > -4096 ? (int)code : -EIO,
	    "%.*s", STR_ARG(sentence));
}

/* The next message but CONTROL_READY. */
static int
receive(struct fetch *f, struct message *m, struct error *err)
{
	int rc;

	for (;;) {
		rc = channel_recv(&f->control, m, err);
		if (rc != 1)
			break;
		if (m->type == CONTROL_FAILED)
			return role_failed(f, m, err);
		if (m->type != CONTROL_READY)
			return 0;
		rc = message_end(m, err);
		if (rc != 0)
			return rc;
		f->ready = true;
	}
	f->broken = true;
	if (rc == 0)
		rc = error_set(err, -EPIPE, "the process that fetches ended%s",
		    f->ready ? " unexpectedly" : " before it began");
	return rc;
}

static char *
copy(struct str s)
{
	return s.n != 0 ? mem_strndup(s) : NULL;
}

static char *
purl_of(const struct fetch_package *p)
{
	struct arena *a = arena_new(LIMIT_CONFIG_BYTES);
	struct purl purl = { .ecosystem = ECOSYSTEM_NPM,
		.name = str_of(p->name),
		.version = str_of(p->version) };
	char *z = mem_strdup(purl_print(a, &purl));

	arena_free(a);
	return z;
}

static int
read_result(struct message *m, int64_t request, struct fetch_package *ret,
    struct error *err)
{
	struct fetch_package p = { .fd = -1 };
	int64_t id = message_get_int(m), code = message_get_int(m);
	struct str sentence = message_get_str(m), sha256;

	if (m->type != FETCH_RESULT || id != request || code > 0 ||
	    code < -4095)
		m->bad = true;
	p.name = copy(message_get_str(m));
	p.version = copy(message_get_str(m));
	p.integrity = copy(message_get_str(m));
	sha256 = message_get_str(m);
	p.size = message_get_int(m);
	p.platform_mismatch = message_get_int(m) != 0;
	p.platform = copy(message_get_str(m));
	p.deprecated = copy(message_get_str(m));
	p.note = copy(message_get_str(m));
	if (m->n_fds != 0)
		p.fd = message_get_fd(m);
	if (sha256.n < sizeof(p.sha256))
		(void)snprintf(p.sha256, sizeof(p.sha256), "%.*s",
		    STR_ARG(sha256));
	if (code == 0 && (p.name == NULL || p.version == NULL || p.fd < 0))
		m->bad = true;
	if (code != 0)
		(void)error_set(err, (int)code, "%.*s", STR_ARG(sentence));
	if (message_end(m, code != 0 ? NULL : err) != 0 || code != 0) {
		if (p.name == NULL)
			p.name = mem_strdup("");
		fetch_package_done(&p);
		return code != 0 ? (int)code : -EPROTO;
	}
	p.purl = purl_of(&p);
	*ret = p;
	return 0;
}

static int
wait_result(struct fetch *f, int64_t request, struct fetch_package *ret,
    struct error *err)
{
	struct message m;
	int rc = channel_flush(&f->control, err);

	if (rc == 0 || rc == -EPIPE) /* it may have said why */
		rc = receive(f, &m, err);
	return rc == 0 ? read_result(&m, request, ret, err) : rc;
}

int
fetch_resolve(struct fetch *f, const struct fetch_spec *spec,
    struct fetch_package *ret, struct error *err)
{
	struct channel *c = &f->control;
	int64_t request = ++f->next_request;
	int rc;

	message_begin(c, FETCH_RESOLVE);
	message_put_int(c, request);
	message_put_int(c, spec->is_root);
	message_put_str(c, spec->name);
	message_put_str(c, spec->want);
	message_put_str(c, spec->integrity);
	message_put_str(c, spec->registry);
	rc = say(f, false, err);
	return rc == 0 ? wait_result(f, request, ret, err) : rc;
}

int
fetch_archive(struct fetch *f, const char *name, const char *version,
    const char *integrity, struct fetch_package *ret, struct error *err)
{
	struct fetch_spec spec = { .name = str_of(name),
		.want = str_of(version),
		.integrity = str_of(integrity) };

	return fetch_resolve(f, &spec, ret, err);
}

/* ---- local packages */

static int
open_local(const char *path, int *ret_fd, struct error *err)
{
	struct stat st;

	if (strncmp(path, "file:", 5) == 0)
		path += 5;
	if (stat(path, &st) != 0)
		return error_errno(err, "%s", path);
	if (S_ISDIR(st.st_mode))
		return pack_folder(path, ret_fd, err);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL,
		    "%s is neither an archive nor a folder", path);
	if (st.st_size > LIMIT_ARCHIVE_BYTES)
		return error_set(err, -EFBIG, "%s is larger than %lld MiB",
		    path, LIMIT_ARCHIVE_BYTES / MIB);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? error_errno(err, "%s", path) : 0;
}

/* The user may change his file while we work: the store's copy is used. */
static int
store_local(struct fetch *f, int fd, int *ret_fd, struct error *err)
{
	char name[SHA256_HEX_SIZE], path[SHA256_HEX_SIZE + 8];
	int64_t size;
	int rc = keep_blob(&f->keep, fd, name, &size, err);

	if (rc != 0)
		return rc;
	(void)snprintf(path, sizeof(path), "%.2s/%s", name, name);
	*ret_fd = openat(f->keep.blobs, path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? error_errno(err, "%s", path) : 0;
}

static int
send_local(struct fetch *f, int fd, const struct manifest *m, int64_t request,
    struct error *err)
{
	struct channel *c = &f->control;

	message_begin(c, FETCH_LOCAL);
	message_put_int(c, request);
	message_put_str(c, m->name);
	message_put_str(c, m->version);
	message_put_str(c, m->json);
	message_put_fd(c, fd);
	return say(f, false, err);
}

static int
read_manifest(int fd, const char *path, struct arena *a, struct manifest *ret,
    struct error *err)
{
	struct unpack *u;
	int rc = unpack_start(fd, -1, &u, err);

	if (rc == 0)
		rc = unpack_finish(u, UNPACK_TIMEOUT_MS, a, ret, err);
	if (rc == 1)
		return error_set(err, -EINVAL,
		    "%s: no package.json that can be read", path);
	if (rc == 0 && (ret->name.n == 0 || ret->version.n == 0)) {
		rc = error_set(err, -EINVAL,
		    "%s: package.json has no name or no version", path);
		manifest_done(ret);
	}
	return rc;
}

static int
send_stored(struct fetch *f, int stored, const char *path,
    struct fetch_package *ret, struct error *err)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct manifest m = { 0 };
	int64_t request = ++f->next_request;
	int rc = read_manifest(stored, path, a, &m, err);

	if (rc == 0) {
		rc = send_local(f, stored, &m, request, err);
		if (rc == 0)
			rc = wait_result(f, request, ret, err);
		if (rc == 0) {
			ret->is_local = true;
			ret->platform_mismatch = m.platform_mismatch;
		}
		manifest_done(&m);
	}
	arena_free(a);
	return rc;
}

int
fetch_local(struct fetch *f, const char *path, struct fetch_package *ret,
    struct error *err)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(closep) int stored = -1;
	int rc;

	rc = open_local(path, &fd, err);
	if (rc == 0)
		rc = store_local(f, fd, &stored, err);
	return rc == 0 ? send_stored(f, stored, path, ret, err) : rc;
}

/* ---- relay */

int
fetch_relay(struct fetch *f, int *ret_fd, struct error *err)
{
	_cleanup_(closep) int ours = -1;
	_cleanup_(closep) int theirs = -1;
	int pair[2], rc = fd_socketpair(pair, err);

	if (rc != 0)
		return rc;
	ours = pair[0];
	theirs = pair[1];
	message_begin(&f->control, FETCH_RELAY);
	message_put_fd(&f->control, theirs);
	rc = say(f, false, err);
	if (rc == 0)
		*ret_fd = steal_fd(&ours);
	return rc;
}

int
fetch_served(struct fetch *f, fetch_served_fn fn, void *arg, struct error *err)
{
	struct str name, version, sha256;
	struct message m;
	int64_t request = ++f->next_request;
	int rc;

	message_begin(&f->control, FETCH_SERVED);
	message_put_int(&f->control, request);
	rc = say(f, true, err);
	while (rc == 0) {
		rc = receive(f, &m, err);
		if (rc != 0 || m.type == FETCH_RESULT)
			break;
		if (m.type != FETCH_SERVED_ROW ||
		    message_get_int(&m) != request)
			m.bad = true;
		name = message_get_str(&m);
		version = message_get_str(&m);
		sha256 = message_get_str(&m);
		rc = message_end(&m, err);
		if (rc == 0)
			fn(arg, name, version, sha256);
	}
	if (rc == 0) { /* the result has nothing but its number */
		m.at = m.payload.n;
		rc = message_end(&m, err);
	}
	return rc;
}
