/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's half of changing documents: sends an order to role edit and
 * does what it asks for, as far as the order goes. Parses no document.
 * Runs in `lazaret report`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "report/consolidate.h"
#include "report/edit.h"
#include "report/name.h"
#include "report/repo_priv.h"
#include "sys/fd.h"
#include "sys/role.h"
#include "sys/term.h"

/* Packages that the role may die of before it is given up: more than a few
 * are no accident, and each costs another look at all of them. */
#define MAX_DEATHS 64

struct editor {
	struct role role;
	struct edit_page *page; /* mapped; NULL: not yet */
	struct buf pieces; /* of the document that is on its way */
	struct str scope; /* of the order: folder, n 0: everything */
	struct repo_was was; /* of the next file; inode 0: not known */
	struct map *own; /* tree and path → struct repo_was, as we wrote it */
	struct arena *arena; /* of these */
	char stale[LIMIT_PATH_BYTES]; /* whom somebody changed; "": none */
};

/* Files that were replaced; of others it is not known that they are ours. */
#define MAX_OWN     4000000
#define ARENA_BYTES ((size_t)1 << 30)

void
editor_free(struct editor *e)
{
	if (e == NULL)
		return;
	role_stop(&e->role, 0);
	if (e->page != NULL)
		(void)munmap(e->page, sizeof(*e->page));
	buf_done(&e->pieces);
	map_free(e->own);
	arena_free(e->arena);
	free(e);
}

static int
make_page(struct editor *e, int *ret_fd, struct error *err)
{
	_cleanup_(closep) int fd = memfd_create("edit", MFD_CLOEXEC);
	void *p;

	if (fd < 0 || ftruncate(fd, (off_t)sizeof(*e->page)) != 0)
		return error_errno(err, "memory for role edit");
	p = mmap(NULL, sizeof(*e->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	if (p == MAP_FAILED)
		return error_errno(err, "memory for role edit");
	e->page = p;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int
start(struct repo *r, struct error *err)
{
	struct editor *e = mem_alloc(sizeof(*e));
	struct channel *c = &e->role.channel;
	_cleanup_(closep) int page = -1;
	int rc;

	e->role = (struct role)ROLE_INIT;
	buf_init(&e->pieces, EDIT_MAX_BYTES);
	e->own = map_new(MAX_OWN);
	e->arena = arena_new(ARENA_BYTES);
	rc = make_page(e, &page, err);
	if (rc == 0)
		rc = role_start("edit", &page, 1, false, &e->role, err);
	if (rc == 0) {
		message_begin(c, EDIT_OPEN);
		message_put_str(c, str_of(r->dir));
		rc = message_send(c, err);
	}
	if (rc != 0) {
		editor_free(e);
		return rc;
	}
	r->editor = e;
	return 0;
}

/* --- requests ----------------------------------------------------------------
 */

static int
bad(struct error *err, const char *what)
{
	return error_set(err, -EPROTO, "role edit asks for what it may not: %s",
	    what);
}

static int
get_tree(struct message *m, enum repo_tree *ret, struct error *err)
{
	int64_t v = message_get_int(m);

	if (v < 0 || v >= REPO_TREE__MAX)
		return bad(err, "a tree that is none");
	*ret = (enum repo_tree)v;
	return 0;
}

/* A path that the order covers; owned by the caller. */
static int
get_path(const struct editor *e, struct message *m, char **ret,
    struct error *err)
{
	struct str s = message_get_str(m);

	if (!repo_path_valid(s))
		return bad(err, "a path that is none of a tree");
	if (e->scope.n != 0 &&
	    !(s.n > e->scope.n + 1 &&
		str_eq(str_sub(s, 0, e->scope.n), e->scope) &&
		s.p[e->scope.n] == '/' &&
		str_chr(str_sub(s, e->scope.n + 1, s.n), '/') < 0))
		return bad(err, "another package's folder");
	*ret = mem_strndup(s);
	return 0;
}

static int
do_piece(struct repo *r, struct message *m, struct error *err)
{
	struct str s = message_get_str(m);

	buf_put_str(&r->editor->pieces, s);
	if (s.n > EDIT_PIECE_BYTES || r->editor->pieces.full)
		return bad(err, "a document that is too large");
	return message_end(m, err);
}

static int
do_was(struct repo *r, struct message *m, struct error *err)
{
	struct repo_was *was = &r->editor->was;

	was->inode = message_get_int(m);
	was->size = message_get_int(m);
	was->mtime_ns = message_get_int(m);
	return message_end(m, err);
}

/* Of a file that the role has read: what we wrote there since. */
static struct repo_was *
own_of(struct editor *e, enum repo_tree tree, const char *path)
{
	char *key = mem_printf("%d/%s", (int)tree, path);
	struct repo_was *own = map_get(e->own, str_of(key));

	if (own == NULL) {
		own = arena_alloc(e->arena, sizeof(*own));
		(void)map_put(e->own, str_of(key), own);
	}
	free(key);
	return own;
}

/* As the role has read it, if it has. */
static int
put_read(struct repo *r, enum repo_tree tree, const char *path,
    struct str bytes, struct error *err)
{
	struct editor *e = r->editor;
	struct repo_was was = e->was;
	struct repo_put p = { .tree = tree, .path = path, .bytes = bytes };
	int rc;

	e->was.inode = 0;
	if (was.inode == 0)
		return repo_put(r, tree, path, bytes, err);
	p.was = &was;
	p.own = own_of(e, tree, path);
	r->dirty = true;
	rc = repo_put_here(r, &p, err);
	if (rc == -ESTALE)
		(void)snprintf(e->stale, sizeof(e->stale), "%s", path);
	return rc;
}

static int
do_put(struct repo *r, struct message *m, struct error *err)
{
	struct buf *pieces = &r->editor->pieces;
	_cleanup_(freep) char *path = NULL;
	enum repo_tree tree;
	struct str bytes;
	int rc = get_tree(m, &tree, err);

	if (rc == 0)
		rc = get_path(r->editor, m, &path, err);
	if (rc != 0)
		return rc;
	bytes = message_get_str(m);
	if (pieces->n != 0) {
		buf_put_str(pieces, bytes);
		bytes = buf_str(pieces);
	}
	if (pieces->full || bytes.n == 0)
		return bad(err, "a document that is too large, or empty");
	rc = message_end(m, err);
	if (rc == 0)
		rc = put_read(r, tree, path, bytes, err);
	buf_reset(pieces);
	return rc < 0 ? rc : 0;
}

static int
do_move(struct repo *r, struct message *m, struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(freep) char *to_path = NULL;
	enum repo_tree from = 0, to = 0;
	int rc = get_tree(m, &from, err);

	if (rc == 0)
		rc = get_path(r->editor, m, &path, err);
	if (rc == 0)
		rc = get_tree(m, &to, err);
	if (rc == 0)
		rc = get_path(r->editor, m, &to_path, err);
	if (rc == 0)
		rc = message_end(m, err);
	return rc == 0 ? repo_move(r, from, path, to, to_path, err) : rc;
}

static int
do_remove(struct repo *r, struct message *m, struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	enum repo_tree tree = 0;
	bool later = m->type == EDIT_REMOVE_LATER;
	int rc = get_tree(m, &tree, err);

	if (rc == 0)
		rc = get_path(r->editor, m, &path, err);
	if (rc == 0)
		rc = message_end(m, err);
	if (rc != 0)
		return rc;
	if (!later)
		return repo_remove(r, tree, path, err);
	if (r->editor->was.inode == 0)
		repo_remove_later(r, tree, path);
	else
		repo_remove_if(r, tree, path, &r->editor->was,
		    own_of(r->editor, tree, path));
	r->editor->was.inode = 0;
	return 0;
}

static int
do_renamed(struct repo *r, struct message *m, struct error *err)
{
	_cleanup_(freep) char *from = NULL;
	_cleanup_(freep) char *to = NULL;
	int rc = get_path(r->editor, m, &from, err);

	if (rc == 0)
		rc = get_path(r->editor, m, &to, err);
	if (rc == 0)
		rc = message_end(m, err);
	return rc == 0 ? repo_renamed(r, from, to, err) : rc;
}

static int
do_saw_id(struct repo *r, struct message *m, struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	int rc = get_path(r->editor, m, &path, err);

	if (rc == 0)
		rc = message_end(m, err);
	return rc == 0 ? repo_saw_id(r, path, err) : rc;
}

static int
answer(struct repo *r, int64_t number, struct str s, struct error *err)
{
	struct channel *c = &r->editor->role.channel;
	int rc;

	message_begin(c, EDIT_ANSWER);
	message_put_int(c, number);
	message_put_str(c, s);
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

static int
do_next_id(struct repo *r, struct message *m, struct error *err)
{
	int64_t year = message_get_int(m), expected = message_get_int(m);
	uint64_t number = 0;
	int rc = message_end(m, err);

	if (rc == 0 && (year < 1 || year > 9999))
		rc = bad(err, "an id of a year that is none");
	if (rc == 0)
		rc = repo_next_id(r, (int)year, &number, err);
	if (rc != 0)
		return rc;
	if (expected == 0)
		return answer(r, (int64_t)number, STR_NONE, err);
	return number == (uint64_t)expected ? 0 :
					      bad(err, "an id that is not due");
}

/* Of a package in a folder that the order covers. */
static int
get_key(const struct editor *e, struct message *m, struct repo_said *ret,
    struct error *err)
{
	struct str folder;
	ptrdiff_t newline;

	ret->source = message_get_str(m);
	ret->sha256 = message_get_str(m);
	ret->package = folder = message_get_str(m);
	newline = str_rchr(folder, '\n');
	if (newline > 0 && !str_eq(e->scope, folder))
		folder.n = (size_t)newline;
	if (e->scope.n != 0 && !str_eq(e->scope, folder))
		return bad(err, "what was said of another package");
	return 0;
}

static int
do_said(struct repo *r, struct message *m, struct error *err)
{
	bool part = m->type == EDIT_PART, known;
	struct repo_said s;
	struct buf b;
	int rc = get_key(r->editor, m, &s, err);

	if (rc == 0)
		rc = message_end(m, err);
	if (rc != 0)
		return rc;
	buf_init(&b, EDIT_PIECE_BYTES);
	known = part ? repo_part_get(r, &s, &b) : repo_said_get(r, &s, &b);
	known = known && !b.full;
	rc = answer(r, known, known ? buf_str(&b) : STR_NONE, err);
	buf_done(&b);
	return rc;
}

static int
do_part_put(struct repo *r, struct message *m, struct error *err)
{
	struct repo_said s;
	int rc = get_key(r->editor, m, &s, err);
	struct str text = message_get_str(m);

	if (rc == 0)
		rc = message_end(m, err);
	return rc == 0 ? repo_part_put(r, &s, text, err) : rc;
}

static int
do_part_drop(struct repo *r, struct message *m, struct error *err)
{
	struct repo_said s;
	int rc = get_key(r->editor, m, &s, err);

	if (rc == 0)
		rc = message_end(m, err);
	return rc == 0 ? repo_part_drop(r, &s, err) : rc;
}

/* What the role may ask for, and nothing else. */
static const struct request {
	enum edit_message type;
	int (*fn)(struct repo *r, struct message *m, struct error *err);
} requests[] = {
	{ EDIT_PIECE, do_piece },
	{ EDIT_PUT, do_put },
	{ EDIT_MOVE, do_move },
	{ EDIT_REMOVE, do_remove },
	{ EDIT_REMOVE_LATER, do_remove },
	{ EDIT_RENAMED, do_renamed },
	{ EDIT_SAW_ID, do_saw_id },
	{ EDIT_NEXT_ID, do_next_id },
	{ EDIT_SAID, do_said },
	{ EDIT_PART, do_said },
	{ EDIT_PART_PUT, do_part_put },
	{ EDIT_PART_DROP, do_part_drop },
	{ EDIT_WAS, do_was },
};

static int
serve(struct repo *r, struct message *m, struct error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(requests); i++)
		if ((int)requests[i].type == m->type)
			return requests[i].fn(r, m, err);
	return bad(err, "something unknown");
}

/* --- orders ------------------------------------------------------------------
 */

static int
send_order(struct repo *r, const struct edit_order *o, struct error *err)
{
	struct channel *c = &r->editor->role.channel;
	int rc;

	message_begin(c, EDIT_ORDER);
	message_put_int(c, o->verb);
	message_put_str(c, o->path);
	message_put_str(c, o->reason);
	message_put_str(c, o->source);
	message_put_str(c, o->id);
	message_put_int(c, (int64_t)o->n_versions);
	for (size_t i = 0; i < o->n_versions; i++)
		message_put_str(c, o->versions[i]);
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

/* ret_done: what came of the order; otherwise the order could not be done. */
static int
take_done(struct message *m, struct consolidate_counts *counts, int *ret_done,
    struct error *err)
{
	struct consolidate_counts n;
	int64_t code = message_get_int(m);
	struct str sentence = message_get_str(m);

	n.merged = (uint64_t)message_get_int(m);
	n.assigned = (uint64_t)message_get_int(m);
	n.unmergable = (uint64_t)message_get_int(m);
	n.held = (uint64_t)message_get_int(m);
	n.waiting = (uint64_t)message_get_int(m);
	n.left_alone = (uint64_t)message_get_int(m);
	if (code > 0 || code < -4095)
		m->bad = true;
	if (!m->bad && code != 0)
		(void)error_set(err, (int)code, "%.*s", STR_ARG(sentence));
	if (message_end(m, m->bad ? err : NULL) != 0)
		return -EPROTO;
	if (counts != NULL)
		*counts = n;
	*ret_done = (int)code;
	return 0;
}

static int
do_order(struct repo *r, const struct edit_order *o,
    struct consolidate_counts *counts, int *ret_done, struct error *err)
{
	struct message m;
	int rc = send_order(r, o, err);

	while (rc == 0) {
		rc = channel_recv(&r->editor->role.channel, &m, err);
		if (rc == 0)
			rc = -EPIPE;
		if (rc == 1 && m.type == EDIT_DONE)
			return take_done(&m, counts, ret_done, err);
		if (rc == 1)
			rc = serve(r, &m, err);
	}
	if (rc == -EPIPE || rc == -ECONNRESET)
		return error_set(err, -EPIPE,
		    "the process that changes reports died");
	return rc;
}

/* Starts it where need be; afterwards there is none when it failed. */
static int
run_once(struct repo *r, const struct edit_order *o,
    struct consolidate_counts *counts, int *ret_done, struct edit_page *ret,
    struct error *err)
{
	ptrdiff_t slash = o->path.p != NULL ? str_rchr(o->path, '/') : 0;
	struct edit_page *page;
	int rc = r->editor == NULL ? start(r, err) : 0;

	if (rc != 0)
		return rc;
	page = r->editor->page;
	memset(page, 0, sizeof(*page));
	r->editor->scope =
	    o->path.p != NULL ? str_sub(o->path, 0, (size_t)slash) : STR_NONE;
	rc = do_order(r, o, counts, ret_done, err);
	if (rc == 0)
		return 0;
	memcpy(ret, page, sizeof(*ret));
	ret->path[sizeof(ret->path) - 1] = '\0';
	/* The role is ahead of us: what it counted was not all done. */
	if (rc == -ESTALE)
		*ret = (struct edit_page){ .counts = { 0 } };
	if (rc == -ESTALE)
		memcpy(ret->path, r->editor->stale, sizeof(ret->path));
	/* It may be anywhere: the next order begins with another one. It does
	 * not hear first that we are gone, of which it would complain. */
	spawn_kill(&r->editor->role.child);
	editor_free(r->editor);
	r->editor = NULL;
	return rc;
}

static void
add_counts(struct consolidate_counts *to, const struct consolidate_counts *n)
{
	to->merged += n->merged;
	to->assigned += n->assigned;
	to->unmergable += n->unmergable;
	to->held += n->held;
	to->waiting += n->waiting;
	to->left_alone += n->left_alone;
}

static void
say_left_alone(const char *path, int rc)
{
	term_print(stderr, str_of(path), LIMIT_PATH_BYTES);
	(void)fprintf(stderr, ": %s; its package is left as it is\n",
	    rc == -ESTALE ? "somebody has changed it at this moment" :
			    "the process that changes reports died of it");
}

/* Over all packages, those left alone that it died of. */
static int
run_all(struct repo *r, const struct edit_order *o,
    struct consolidate_counts *counts, int *ret_done, struct error *err)
{
	struct consolidate_counts sum = { 0 }, n = { 0 };
	struct str skip[MAX_DEATHS] = { STR_NONE };
	struct edit_order again = *o;
	struct edit_page page;
	size_t deaths = 0;
	int rc;

	again.versions = skip;
	for (;;) {
		const char *slash;

		again.n_versions = deaths;
		rc = run_once(r, &again, &n, ret_done, &page, err);
		slash = strrchr(page.path, '/');
		if ((rc != -EPIPE && rc != -ESTALE) || deaths == MAX_DEATHS ||
		    slash == NULL || !repo_path_valid(str_of(page.path)))
			break;
		say_left_alone(page.path, rc);
		skip[deaths] = str_n(page.path, (size_t)(slash - page.path));
		skip[deaths].p = mem_strndup(skip[deaths]);
		/* The others are met again, and counted then. */
		page.counts.left_alone = 1;
		page.counts.waiting = 0;
		add_counts(&sum, &page.counts);
		deaths++;
	}
	add_counts(&sum, &n);
	if (counts != NULL)
		*counts = sum;
	for (size_t i = 0; i < deaths; i++)
		free((void *)(uintptr_t)skip[i].p);
	return rc;
}

int
editor_run(struct repo *r, const struct edit_order *o,
    struct consolidate_counts *counts, struct error *err)
{
	struct edit_page page;
	int rc, done = 0;

	if ((o->path.p != NULL && str_rchr(o->path, '/') < 0) ||
	    o->n_versions > EDIT_MAX_VERSIONS)
		return error_set(err, -EINVAL, "%.*s: no report of a tree",
		    STR_ARG(o->path));
	rc = repo_settle(r, err);
	if (rc != 0)
		return rc;
	if (o->path.p == NULL)
		rc = run_all(r, o, counts, &done, err);
	else
		rc = run_once(r, o, counts, &done, &page, err);
	if (rc == -EPIPE && o->path.p != NULL)
		(void)error_wrap(err, "%.*s", STR_ARG(o->path));
	return rc == 0 ? done : rc;
}

int
repo_retract_origin(struct repo *r, const char *path, struct str source,
    struct str source_id, struct error *err)
{
	const struct edit_order o = { .verb = EDIT_RETRACT,
		.path = str_of(path),
		.source = source,
		.id = source_id };

	return editor_run(r, &o, NULL, err);
}

bool
repo_stands_withdrawn(struct repo *r, const char *path, struct str source)
{
	const struct edit_order o = { .verb = EDIT_STANDS,
		.path = str_of(path),
		.source = source };
	struct error ignored = ERROR_INIT;

	return editor_run(r, &o, NULL, &ignored) == 0;
}
