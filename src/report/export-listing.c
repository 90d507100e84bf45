/* SPDX-License-Identifier: Apache-2.0 */
/* The names in folders of a database. Runs in `lazaret report export`, in its
 * lister and in both of its walkers. */
#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "report/export_walk_priv.h"
#include "sys/clock.h"

#define SPLIT_DEPTH   1 /* below a tree's folder of an ecosystem */
#define LISTING_BYTES (256 * KIB)
/* A change in the same tick of the file system's clock as the one before has
 * the same time: a folder must have been quiet before it is relied on. */
#define QUIET_NS (2 * NS_PER_SEC)

static int
by_name(const void *a, const void *b)
{
	const struct name *na = a, *nb = b;

	for (size_t i = 0; i < N_ELEMENTS(na->key); i++)
		if (na->key[i] != nb->key[i])
			return na->key[i] < nb->key[i] ? -1 : 1;
	return strcmp(na->text, nb->text);
}

/* Numbers in the order of the names, as far as they go. */
struct name
export_listing_name(struct str text, bool folder)
{
	struct name e = { .text = text.p, .n = text.n, .folder = folder };

	memcpy(e.key, text.p, MIN_OF(text.n, sizeof(e.key)));
	for (size_t i = 0; i < N_ELEMENTS(e.key); i++)
		e.key[i] = be64toh(e.key[i]);
	return e;
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

unsigned
export_listing_share(size_t depth, struct str name, bool folder)
{
	if (depth == SPLIT_DEPTH)
		return (unsigned)(str_hash(name) % WALK_SHARES);
	return depth > SPLIT_DEPTH || folder ? WALK_SHARES :
					       0; /* both, first */
}

static bool
is_mine(const struct walk *w, const struct name *e)
{
	unsigned share =
	    export_listing_share(w->depth - 1, str_n(e->text, e->n), e->folder);

	return share == w->share || share == WALK_SHARES;
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
			    export_listing_name(str_n(arena_strz(w->names,
							  name),
						    name.n),
				kind == 'd'));
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

int
export_listing_take(struct walk *w, struct level *l, struct error *err)
{
	struct list read = { .path = NULL };
	int rc = 0;

	if (w->depth - 1 > SPLIT_DEPTH || !export_lister_take(w, l)) {
		rc = read_folder(w, l->fd, &read, err);
		l->folder = read.folder;
		for (size_t i = 0; i < read.names.n; i++)
			if (is_mine(w, &read.names.v[i]))
				vec_push(&l->names, read.names.v[i]);
		vec_done(&read.names);
	}
	if (l->names.n > 1)
		qsort(l->names.v, l->names.n, sizeof(*l->names.v), by_name);
	return rc;
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

int
export_listing_shared(struct walk *w, const struct export_tree *trees, size_t n,
    struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct list top = { .path = NULL }, below;

		if (trees[i].fd < 0)
			continue;
		export_walk_set_path(w, trees[i].name, "");
		rc = list_one(w, trees[i].fd, ".", &top, err);
		for (size_t k = 0; k < top.names.n && rc == 0; k++) {
			if (!top.names.v[k].folder)
				continue;
			export_walk_set_path(w, trees[i].name,
			    top.names.v[k].text);
			rc = list_one(w, trees[i].fd, top.names.v[k].text,
			    &below, err);
		}
	}
	return rc;
}
