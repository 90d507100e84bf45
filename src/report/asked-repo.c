/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The repository as role edit sees it: reads the trees itself, asks the writer
 * for everything else (edit.h). Takes the place of repo.c, repo-index.c and
 * repo-said.c there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "report/edit.h"
#include "report/repo_priv.h"
#include "sys/fd.h"
#include "sys/message.h"

int
asked_repo_open(const char *dir, struct channel *c, int page, struct repo **ret,
    struct error *err)
{
	struct repo *r = mem_alloc(sizeof(*r));
	char path[LIMIT_PATH_BYTES];

	r->page = mmap(NULL, sizeof(*r->page), PROT_READ | PROT_WRITE,
	    MAP_SHARED, page, 0);
	(void)close(page);
	if (r->page == MAP_FAILED) {
		free(r);
		return error_errno(err, "the memory of the writer");
	}
	r->dir = mem_strdup(dir);
	r->lock = -1;
	r->writer = c;
	for (int i = 0; i < REPO_TREE__MAX; i++)
		r->trees[i] = -1;
	for (int i = 0; i < REPO_TREE__MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
		    repo_folders[i]);
		r->trees[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r->trees[i] >= 0)
			continue;
		(void)error_errno(err, "%s", path);
		asked_repo_free(r);
		return err->code;
	}
	*ret = r;
	return 0;
}

/* Of more than these the writer is told nothing. */
#define MAX_READ 100000

static void
forget_read(struct repo *r)
{
	struct str key;
	void *value;

	for (size_t at = 0;
	     r->read != NULL && map_next(r->read, &at, &key, &value);)
		free(value);
	map_free(r->read);
	r->read = NULL;
}

static char *
key_of(enum repo_tree tree, const char *path)
{
	return mem_printf("%d/%s", (int)tree, path);
}

/* A file as it is about to be read. */
static void
remember_read(struct repo *r, enum repo_tree tree, const char *path,
    const struct stat *st)
{
	_cleanup_(freep) char *key = key_of(tree, path);
	struct repo_was *was;

	if (r->read == NULL)
		r->read = map_new(MAX_READ);
	was = map_get(r->read, str_of(key));
	if (was == NULL) {
		was = mem_alloc(sizeof(*was));
		if (map_put(r->read, str_of(key), was) < 0) {
			free(was);
			return;
		}
	}
	*was = repo_was_of(st);
}

/* The writer looks whether that is still so. */
static int
say_read(struct repo *r, enum repo_tree tree, const char *path,
    struct error *err)
{
	_cleanup_(freep) char *key = key_of(tree, path);
	const struct repo_was *was =
	    r->read != NULL ? map_get(r->read, str_of(key)) : NULL;

	if (was == NULL)
		return 0;
	message_begin(r->writer, EDIT_WAS);
	message_put_int(r->writer, was->inode);
	message_put_int(r->writer, was->size);
	message_put_int(r->writer, was->mtime_ns);
	return message_send(r->writer, err);
}

void
asked_repo_free(struct repo *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < REPO_TREE__MAX; i++)
		closep(&r->trees[i]);
	(void)munmap(r->page, sizeof(*r->page));
	forget_read(r);
	free(r->dir);
	free(r);
}

void
repo_at(struct repo *r, const char *path)
{
	(void)snprintf(r->page->path, sizeof(r->page->path), "%s", path);
}

void
repo_did(struct repo *r, const struct consolidate_counts *counts)
{
	r->page->counts = *counts;
	/* The next folder has others. */
	if (r->read != NULL && map_count(r->read) >= MAX_READ / 100)
		forget_read(r);
}

int
repo_tree_fd(struct repo *r, enum repo_tree tree)
{
	return r->trees[tree];
}

/* The writer has, before it gave the order. */
int
repo_settle(struct repo *r, struct error *err)
{
	(void)r;
	(void)err;
	return 0;
}

int
repo_get(struct repo *r, enum repo_tree tree, const char *path, struct buf *ret,
    struct error *err)
{
	_cleanup_(closep) int fd = repo_open_below(r->trees[tree], path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return error_errno(err, "%s", path);
	remember_read(r, tree, path, &st);
	return fd_read_all(fd, ret, err);
}

static int
put_tree_path(struct repo *r, enum edit_message type, enum repo_tree tree,
    const char *path)
{
	message_begin(r->writer, (uint16_t)type);
	message_put_int(r->writer, tree);
	message_put_str(r->writer, str_of(path));
	return 0;
}

int
repo_put(struct repo *r, enum repo_tree tree, const char *path,
    struct str bytes, struct error *err)
{
	int rc = 0;

	while (rc == 0 && bytes.n > EDIT_PIECE_BYTES) {
		message_begin(r->writer, EDIT_PIECE);
		message_put_str(r->writer, str_sub(bytes, 0, EDIT_PIECE_BYTES));
		rc = message_send(r->writer, err);
		bytes = str_sub(bytes, EDIT_PIECE_BYTES, bytes.n);
	}
	if (rc == 0)
		rc = say_read(r, tree, path, err);
	if (rc != 0)
		return rc;
	put_tree_path(r, EDIT_PUT, tree, path);
	message_put_str(r->writer, bytes);
	return message_send(r->writer, err);
}

int
repo_move(struct repo *r, enum repo_tree from, const char *from_path,
    enum repo_tree to, const char *to_path, struct error *err)
{
	put_tree_path(r, EDIT_MOVE, from, from_path);
	message_put_int(r->writer, to);
	message_put_str(r->writer, str_of(to_path));
	return message_send(r->writer, err);
}

/* Here is seen already whether it is there: that is an outcome, not a
 * failure. */
int
repo_remove(struct repo *r, enum repo_tree tree, const char *path,
    struct error *err)
{
	struct stat st;

	if (fstatat(r->trees[tree], path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_errno(err, "%s", path);
	put_tree_path(r, EDIT_REMOVE, tree, path);
	return message_send(r->writer, err);
}

void
repo_remove_later(struct repo *r, enum repo_tree tree, const char *path)
{
	struct error err = ERROR_INIT;
	int rc = say_read(r, tree, path, &err);

	put_tree_path(r, EDIT_REMOVE_LATER, tree, path);
	if (rc != 0 || message_send(r->writer, &err) != 0)
		fatal("edit: %s", err.msg);
}

int
repo_renamed(struct repo *r, const char *from, const char *to,
    struct error *err)
{
	message_begin(r->writer, EDIT_RENAMED);
	message_put_str(r->writer, str_of(from));
	message_put_str(r->writer, str_of(to));
	return message_send(r->writer, err);
}

int
repo_saw_id(struct repo *r, const char *path, struct error *err)
{
	message_begin(r->writer, EDIT_SAW_ID);
	message_put_str(r->writer, str_of(path));
	return message_send(r->writer, err);
}

/* The answer stays valid until the next message. */
static int
ask(struct repo *r, int64_t *ret_number, struct str *ret, struct error *err)
{
	struct message m;
	int rc = message_send(r->writer, err);

	if (rc == 0)
		rc = channel_flush(r->writer, err);
	if (rc == 0)
		rc = channel_recv(r->writer, &m, err);
	if (rc == 0)
		rc = error_set(err, -EPIPE, "the writer died");
	if (rc < 0)
		return rc;
	if (m.type != EDIT_ANSWER)
		m.bad = true;
	*ret_number = message_get_int(&m);
	*ret = message_get_str(&m);
	return message_end(&m, err);
}

static void
put_key(struct repo *r, enum edit_message type, const struct repo_said *s)
{
	message_begin(r->writer, (uint16_t)type);
	message_put_str(r->writer, s->source);
	message_put_str(r->writer, s->sha256);
	message_put_str(r->writer, s->package);
}

static bool
ask_said(struct repo *r, enum edit_message type, const struct repo_said *s,
    struct buf *ret)
{
	struct error err = ERROR_INIT;
	struct str value;
	int64_t known;

	put_key(r, type, s);
	if (ask(r, &known, &value, &err) != 0)
		fatal("edit: %s", err.msg);
	if (known)
		buf_put_str(ret, value);
	return known != 0;
}

bool
repo_said_get(struct repo *r, const struct repo_said *s, struct buf *ret_items)
{
	return ask_said(r, EDIT_SAID, s, ret_items);
}

bool
repo_part_get(struct repo *r, const struct repo_said *s, struct buf *ret_text)
{
	return ask_said(r, EDIT_PART, s, ret_text);
}

/* One that is too large for an answer is not kept. */
int
repo_part_put(struct repo *r, const struct repo_said *s, struct str text,
    struct error *err)
{
	if (text.n > EDIT_PIECE_BYTES)
		return 0;
	put_key(r, EDIT_PART_PUT, s);
	message_put_str(r->writer, text);
	return message_send(r->writer, err);
}

int
repo_part_drop(struct repo *r, const struct repo_said *s, struct error *err)
{
	put_key(r, EDIT_PART_DROP, s);
	return message_send(r->writer, err);
}

/* Asked for once a year; the others follow, and the writer looks whether they
 * do. */
int
repo_next_id(struct repo *r, int year, uint64_t *ret_number, struct error *err)
{
	struct repo_turn *t = &r->turns[year % REPO_YEARS];
	struct str none;
	int64_t number;
	int rc;

	message_begin(r->writer, EDIT_NEXT_ID);
	message_put_int(r->writer, year);
	if (t->year == year) {
		message_put_int(r->writer, (int64_t)++t->number);
		*ret_number = t->number;
		return message_send(r->writer, err);
	}
	message_put_int(r->writer, 0);
	rc = ask(r, &number, &none, err);
	if (rc != 0)
		return rc;
	*t = (struct repo_turn){ .year = year, .number = (uint64_t)number };
	*ret_number = t->number;
	return 0;
}
