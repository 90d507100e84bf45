/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which reports are as they were exported and which are not. Two processes
 * have half of the packages each: a database has a quarter of a million, and a
 * folder for each. All changes of a database are made by renaming, so a folder
 * whose time and number are those of the last export has the same files;
 * but each file is looked at, because a person may have written into it.
 *
 * Runs in `lazaret report export`. Nothing is opened here but folders.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "report/export_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/message.h"

#define SHARES        2
#define SPLIT_DEPTH   1 /* below a tree's folder of an ecosystem */
#define MAX_DEPTH     32 /* names have two or three parts */
#define LISTING_BYTES (256 * KIB)
#define NAMES_MAX_BYTES \
	((size_t)4 << 30) /* of the most reports that there are */
#define MESSAGE_FILE 1
/* A change in the same tick of the file system's clock as the one before has
 * the same time: a folder must have been quiet before it is relied on. */
#define QUIET_NS (2 * NS_PER_SEC)

enum {
	UNSEEN,
	SAME,
	SAME_IN_NEW_FOLDER
};

struct folder {
	int64_t mtime_ns, inode; /* 0: not to be relied on */
};

/* Of the entries of the last export, in memory that both processes have. */
struct claims {
	uint8_t *state;
	struct folder *folders; /* with SAME_IN_NEW_FOLDER */
};

struct name {
	const char *text; /* n bytes and a NUL */
	size_t n;
	bool folder;
};

struct list {
	const char *path; /* as walk.path, with a slash at its end */
	VEC(struct name) names; /* as the folder has them */
	struct folder folder;
};

struct level {
	int fd; /* owned */
	VEC(struct name) names; /* of this process, in order */
	size_t next, path_bytes; /* of the folder, with its slash */
	struct folder folder;
};

struct walk {
	const struct exporter *x;
	struct claims claims;
	struct export_files *files;
	struct arena *names; /* that both read, and what each reads alone */
	VEC(struct list) lists; /* down to SPLIT_DEPTH, from before the fork */
	unsigned share;
	int64_t begin_ns;
	size_t at; /* in x->past: those before have been passed */
	char path[LIMIT_PATH_BYTES];
	size_t path_bytes;
	struct level levels[MAX_DEPTH];
	size_t depth;
};

/* --- names ------------------------------------------------------------------
 */

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text,
	    ((const struct name *)b)->text);
}

/* The kind of an entry: 'd', 'f', or something that is neither. */
static char
kind_of(int fd, const struct dirent64 *e)
{
	struct stat st;

	if (e->d_type == DT_UNKNOWN &&
	    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? 'd' :
		    S_ISREG(st.st_mode)    ? 'f' :
					     '-';
	return e->d_type == DT_DIR ? 'd' : e->d_type == DT_REG ? 'f' : '-';
}

/* By the name alone: both processes must agree, whatever is added meanwhile. */
static bool
is_mine(const struct walk *w, const char *name, bool folder)
{
	size_t depth = w->depth - 1;

	if (depth == SPLIT_DEPTH)
		return str_hash(str_of(name)) % SHARES == w->share;
	return depth > SPLIT_DEPTH || folder || w->share == 0;
}

static void
add_names(struct walk *w, int fd, struct list *l, const char *bytes, size_t n)
{
	const struct dirent64 *e;
	char kind;

	for (size_t at = 0; at < n; at += e->d_reclen) {
		struct str name;

		e = (const struct dirent64 *)(const void *)(bytes + at);
		name = str_of(e->d_name);
		if (str_is(name, ".") || str_is(name, ".."))
			continue;
		kind = kind_of(fd, e);
		if (kind == 'd') /* it changes without its parent */
			l->folder.mtime_ns = 0;
		if (kind == 'f' &&
		    (e->d_name[0] == '.' || !str_ends(name, ".json") ||
			str_starts(name, "MAL-0000-")))
			kind = '-';
		if (kind != '-')
			vec_push(&l->names,
			    ((struct name){ arena_strz(w->names, name), name.n,
				kind == 'd' }));
	}
}

static struct folder
folder_of(const struct walk *w, const struct stat *st)
{
	struct folder f = { outfile_mtime_ns(st), (int64_t)st->st_ino };

	if (f.mtime_ns > w->begin_ns - QUIET_NS)
		f.mtime_ns = 0;
	return f;
}

/* The time is taken first: what is added meanwhile makes it another. */
static int
read_folder(struct walk *w, int fd, struct list *l, struct error *err)
{
	static _Alignas(16) char listing[LISTING_BYTES];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return error_errno(err, "%s", w->path);
	l->folder = folder_of(w, &st);
	while ((n = getdents64(fd, listing, sizeof(listing))) > 0)
		add_names(w, fd, l, listing, (size_t)n);
	return n < 0 ? error_errno(err, "%s", w->path) : 0;
}

static const struct list *
list_of(const struct walk *w)
{
	for (size_t i = 0; i < w->lists.n; i++)
		if (strcmp(w->lists.v[i].path, w->path) == 0)
			return &w->lists.v[i];
	return NULL;
}

/* What the process has to visit, of the folder at w->path. */
static int
take_names(struct walk *w, struct level *l, struct error *err)
{
	const struct list *known =
	    w->depth - 1 <= SPLIT_DEPTH ? list_of(w) : NULL;
	struct list read = { .path = NULL };
	int rc = 0;

	if (known == NULL) {
		rc = read_folder(w, l->fd, &read, err);
		known = &read;
	}
	l->folder = known->folder;
	for (size_t i = 0; i < known->names.n; i++)
		if (is_mine(w, known->names.v[i].text,
			known->names.v[i].folder))
			vec_push(&l->names, known->names.v[i]);
	if (l->names.n > 1)
		qsort(l->names.v, l->names.n, sizeof(*l->names.v), by_name);
	vec_done(&read.names);
	return rc;
}

/* The folder at w->path becomes the lowest level. What is gone is empty. */
static int
enter(struct walk *w, int parent, const char *name, struct error *err)
{
	struct level *l = &w->levels[w->depth];
	int fd;

	if (w->depth == MAX_DEPTH)
		return error_set(err, -ELOOP, "%s: too deep", w->path);
	fd = openat(parent, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_errno(err, "%s", w->path);
	*l = (struct level){ .fd = fd, .path_bytes = w->path_bytes };
	w->depth++;
	return take_names(w, l, err);
}

static void
leave(struct walk *w)
{
	struct level *l = &w->levels[--w->depth];

	vec_done(&l->names);
	closep(&l->fd);
}

/* --- files ------------------------------------------------------------------
 */

static void
add_file(struct walk *w, const char *path, struct folder folder)
{
	vec_push(w->files,
	    ((struct export_file){ .path = mem_strdup(path),
		.folder_mtime_ns = folder.mtime_ns,
		.folder_inode = folder.inode }));
}

static bool
is_same(const struct export_entry *e, const struct stat *st)
{
	return S_ISREG(st->st_mode) && e->size == st->st_size &&
	    e->mtime_ns == outfile_mtime_ns(st) &&
	    e->inode == (int64_t)st->st_ino;
}

/* The first entry of the last export that is not before the path. */
static const struct export_entry *
seek(struct walk *w, struct str path)
{
	while (w->at < w->x->n_past &&
	    export_path_cmp(w->x->past[w->at].path, path) < 0)
		w->at++;
	return w->at < w->x->n_past ? &w->x->past[w->at] : NULL;
}

static int
visit_file(struct walk *w, const struct level *l, const char *name,
    struct error *err)
{
	struct str path = str_n(w->path, w->path_bytes);
	const struct export_entry *e = seek(w, path);
	struct stat st;

	if (e != NULL && str_eq(e->path, path)) {
		if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return errno == ENOENT ?
			    0 :
			    error_errno(err, "%s", w->path);
		if (is_same(e, &st)) {
			w->claims.state[w->at] = SAME_IN_NEW_FOLDER;
			w->claims.folders[w->at] = l->folder;
			return 0;
		}
	}
	add_file(w, w->path, l->folder);
	return 0;
}

static bool
lies_in(const struct export_entry *e, struct str folder)
{
	return e->path.n > folder.n &&
	    memcmp(e->path.p, folder.p, folder.n) == 0;
}

/* The folder at w->path has the files of the last export and no others: they
 * are looked at without reading it. False: it must be read. */
static bool
visit_known(struct walk *w, const struct level *l, const char *name)
{
	struct str path = str_n(w->path, w->path_bytes);
	const struct export_entry *e = seek(w, path);
	struct folder folder;
	struct stat st;

	if (e == NULL || e->folder_mtime_ns == 0 || !lies_in(e, path) ||
	    fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    outfile_mtime_ns(&st) != e->folder_mtime_ns ||
	    (int64_t)st.st_ino != e->folder_inode)
		return false;
	folder = (struct folder){ e->folder_mtime_ns, e->folder_inode };
	for (; w->at < w->x->n_past; w->at++) {
		e = &w->x->past[w->at];
		if (!lies_in(e, path))
			break;
		/* Gone this moment, or as it was, or not. */
		if (fstatat(l->fd, e->path.p + l->path_bytes, &st,
			AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (is_same(e, &st))
			w->claims.state[w->at] = SAME;
		else
			add_file(w, e->path.p, folder);
	}
	return true;
}

/* The next name of the lowest level, or its end. */
static int
step(struct walk *w, struct error *err)
{
	struct level *l = &w->levels[w->depth - 1];
	const struct name *e;

	if (l->next == l->names.n) {
		leave(w);
		return 0;
	}
	e = &l->names.v[l->next++];
	if (e->n + 2 > sizeof(w->path) - l->path_bytes)
		return error_set(err, -ENAMETOOLONG, "%.*s%s",
		    (int)l->path_bytes, w->path, e->text);
	memcpy(w->path + l->path_bytes, e->text, e->n + 1);
	w->path_bytes = l->path_bytes + e->n;
	if (!e->folder)
		return visit_file(w, l, e->text, err);
	memcpy(w->path + w->path_bytes++, "/", 2);
	if (visit_known(w, l, e->text))
		return 0;
	return enter(w, l->fd, e->text, err);
}

static void
set_path(struct walk *w, const char *tree, const char *folder)
{
	w->path_bytes = (size_t)snprintf(w->path, sizeof(w->path), "%s/%s%s",
	    tree, folder, folder[0] != '\0' ? "/" : "");
	assert(w->path_bytes < sizeof(w->path));
}

/* A large folder is read once for both: two that read the same one wait for
 * each other at every name. Its folders' names are added to `ret`. */
static int
list_one(struct walk *w, int parent, const char *name, struct list *ret,
    struct error *err)
{
	_cleanup_(closep) int fd = openat(parent, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) /* for who enters it to say */
		return 0;
	*ret = (struct list){ .path = arena_strz(w->names,
				  str_n(w->path, w->path_bytes)) };
	if (read_folder(w, fd, ret, err) != 0)
		return err->code;
	vec_push(&w->lists, *ret);
	return 0;
}

static int
list_shared(struct walk *w, const struct export_tree *trees, size_t n,
    struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct list top = { .path = NULL }, below;

		if (trees[i].fd < 0)
			continue;
		set_path(w, trees[i].name, "");
		rc = list_one(w, trees[i].fd, ".", &top, err);
		for (size_t k = 0; k < top.names.n && rc == 0; k++) {
			if (!top.names.v[k].folder)
				continue;
			set_path(w, trees[i].name, top.names.v[k].text);
			rc = list_one(w, trees[i].fd, top.names.v[k].text,
			    &below, err);
		}
	}
	return rc;
}

static int
walk_share(struct walk *w, const struct export_tree *trees, size_t n,
    struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		if (trees[i].fd < 0)
			continue;
		set_path(w, trees[i].name, "");
		rc = enter(w, trees[i].fd, ".", err);
		while (rc == 0 && w->depth != 0)
			rc = step(w, err);
	}
	while (w->depth != 0)
		leave(w);
	return rc;
}

/* --- two at a time ----------------------------------------------------------
 */

static void __attribute__((noreturn))
child(struct walk *w, const struct export_tree *trees, size_t n, int fd)
{
	struct error err = ERROR_INIT;
	struct channel c;
	int rc;

	w->share = 1;
	rc = walk_share(w, trees, n, &err);
	channel_init(&c, fd);
	for (size_t i = 0; i <= w->files->n && rc == 0; i++) {
		bool end = i == w->files->n; /* a death says less than this */
		struct export_file f = { .path = NULL };

		if (!end)
			f = w->files->v[i];
		message_begin(&c, MESSAGE_FILE);
		message_put_str(&c, end ? STR_NONE : str_of(f.path));
		message_put_int(&c, f.folder_mtime_ns);
		message_put_int(&c, f.folder_inode);
		rc = message_send(&c, &err);
	}
	if (rc == 0)
		rc = channel_flush(&c, &err);
	if (rc != 0)
		fatal("report export: %s", err.msg);
	_exit(0);
}

static int
receive(int fd, struct export_files *files, struct error *err)
{
	struct channel c;
	struct message m;
	bool ended = false;
	int rc;

	channel_init(&c, fd);
	while (!ended && (rc = channel_recv(&c, &m, err)) == 1) {
		struct str path = message_get_str(&m);
		struct export_file f = { .path = NULL };

		f.folder_mtime_ns = message_get_int(&m);
		f.folder_inode = message_get_int(&m);
		rc = message_end(&m, err);
		if (rc != 0)
			break;
		ended = path.p == NULL;
		if (ended)
			break;
		f.path = mem_array(path.n + 1, 1);
		memcpy(f.path, path.p, path.n);
		vec_push(files, f);
	}
	channel_done(&c);
	if (!ended && rc == 0)
		rc = error_set(err, -EPIPE, "half of the reports was not read");
	return rc;
}

/* Both halves are in order; `all` becomes the caller's. */
static void
merge(struct export_files *a, struct export_files *b, struct export_files *all)
{
	size_t i = 0, k = 0;

	while (i < a->n || k < b->n) {
		bool first = k == b->n ||
		    (i < a->n &&
			export_path_cmp(str_of(a->v[i].path),
			    str_of(b->v[k].path)) < 0);

		vec_push(all, first ? a->v[i++] : b->v[k++]);
	}
	vec_done(a);
	vec_done(b);
}

static void
take_claims(struct exporter *x, const struct claims *c)
{
	for (size_t i = 0; i < x->n_past; i++) {
		struct export_entry *e = &x->past[i];

		e->claimed = c->state[i] != UNSEEN;
		if (c->state[i] != SAME_IN_NEW_FOLDER)
			continue;
		e->folder_mtime_ns = c->folders[i].mtime_ns;
		e->folder_inode = c->folders[i].inode;
		x->n_read += e->folder_mtime_ns != 0;
	}
}

/* --- doubles ----------------------------------------------------------------
 */

static struct str
id_of(const char *path)
{
	struct str s = str_of(path);

	return str_sub(s, (size_t)(str_rchr(s, '/') + 1), s.n - 5);
}

/* A later file that is as it was has the name of this one. */
static bool
is_taken(const struct exporter *x, const char *path)
{
	struct export_entry key = { .path = str_of(path), .id = id_of(path) };
	struct export_entry *const *v = x->past_orders[EXPORT_BY_ID],
				   *at = &key;
	size_t from = 0, to = x->n_past, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (export_orders[EXPORT_BY_ID](&v[middle], &at) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < x->n_past && str_eq(v[from]->id, key.id); from++)
		if (v[from]->claimed && !str_eq(v[from]->path, key.path))
			return true;
	return false;
}

/* One id, one document: of two files with it (a person copied one) the last
 * stands, and the first is not even read. */
static void
drop_doubles(struct exporter *x, struct export_files *files)
{
	struct map *last = map_new(EXPORT_MAX_REPORTS);
	size_t n = 0;

	for (size_t i = 0; i < files->n; i++)
		(void)map_put(last, id_of(files->v[i].path), &files->v[i]);
	for (size_t i = 0; i < files->n; i++) {
		struct export_file f = files->v[i];

		if (map_get(last, id_of(f.path)) == &files->v[i] &&
		    !is_taken(x, f.path)) {
			files->v[n++] = f;
			continue;
		}
		export_distrust(x, str_of(f.path));
		free(f.path);
	}
	files->n = n;
	map_free(last);
}

static void *
shared(size_t bytes)
{
	void *p = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fatal("no memory for %zu bytes", bytes);
	return p;
}

static int
walk_both(struct walk *w, const struct export_tree *trees, size_t n,
    struct export_files *ret, struct error *err)
{
	struct export_files mine = { .n = 0 }, others = { .n = 0 };
	int pair[2], rc, rc_other;
	pid_t pid;

	if (list_shared(w, trees, n, err) != 0 || fd_socketpair(pair, err) != 0)
		return err->code;
	(void)fflush(stdout);
	w->files = &mine;
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		child(w, trees, n, pair[1]);
	}
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return error_errno(err, "fork");
	}
	rc = walk_share(w, trees, n, err);
	rc_other = receive(pair[0], &others, rc == 0 ? err : NULL);
	(void)waitpid(pid, NULL, 0);
	merge(&mine, &others, ret);
	return rc != 0 ? rc : rc_other;
}

int
export_walk(struct exporter *x, const struct export_tree *trees, size_t n,
    struct export_files *ret, struct error *err)
{
	size_t n_state = x->n_past * sizeof(uint8_t);
	size_t n_folders = x->n_past * sizeof(struct folder);
	struct walk *w = mem_alloc(sizeof(*w));
	int rc;

	w->x = x;
	w->begin_ns = clock_wall_ns();
	w->names = arena_new(NAMES_MAX_BYTES);
	w->claims = (struct claims){ .state = shared(n_state),
		.folders = shared(n_folders) };
	rc = walk_both(w, trees, n, ret, err);
	if (rc == 0) {
		take_claims(x, &w->claims);
		drop_doubles(x, ret);
		for (size_t i = 0; i < ret->n; i++)
			ret->v[i].place = x->places++;
	}
	for (size_t i = 0; i < w->lists.n; i++)
		vec_done(&w->lists.v[i].names);
	vec_done(&w->lists);
	arena_free(w->names);
	(void)munmap(w->claims.state, n_state + 1);
	(void)munmap(w->claims.folders, n_folders + 1);
	free(w);
	return rc;
}

void
export_files_done(struct export_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->v[i].path);
	vec_done(files);
}
