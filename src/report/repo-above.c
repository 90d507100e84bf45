/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders that packages' folders lie in (an ecosystem's, a scope's): each
 * is opened through no symbolic link once, and then what is in it is asked of
 * its descriptor, one name at a time. Runs in `lazaret report`.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "report/repo_priv.h"

/* Kept open at a time; a power of two, well below 1024 descriptors. */
#define N_SLOTS 256
#define ABSENT  (-2) /* in place of a descriptor: it was not there */
#define CLOSED  (-3) /* the same, and it may be there now */
#define FLAGS   (O_PATH | O_DIRECTORY | O_CLOEXEC)

struct slot {
	char *path; /* owned; NULL: free */
	enum repo_tree tree;
	int fd;
};

struct repo_above {
	struct slot slots[N_SLOTS];
	size_t n_absent;
	struct map *tops; /* owned; tree and ecosystem → OURS or THEIRS */
};

/* Far more ecosystems than there are; of others nothing is known. */
#define MAX_TOPS 1000

static char OURS[1], THEIRS[1];

static struct slot *
slot_of(struct repo *r, enum repo_tree tree, struct str path)
{
	uint32_t h = 2166136261u ^ (uint32_t)tree;

	for (size_t i = 0; i < path.n; i++)
		h = (h ^ (unsigned char)path.p[i]) * 16777619u;
	if (r->above == NULL) {
		r->above = mem_alloc(sizeof(*r->above));
		r->above->tops = map_new(MAX_TOPS);
	}
	return &r->above->slots[(h ^ h >> 16) % N_SLOTS];
}

static bool
holds(const struct slot *s, enum repo_tree tree, struct str path)
{
	return s->path != NULL && s->tree == tree && str_is(path, s->path);
}

static void
put_fd(struct repo_above *a, struct slot *s, int fd)
{
	a->n_absent -= s->fd == ABSENT;
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = fd;
	a->n_absent += fd == ABSENT;
}

static void
empty(struct repo_above *a, struct slot *s)
{
	if (s->path == NULL)
		return;
	put_fd(a, s, CLOSED);
	free(s->path);
	*s = (struct slot){ .path = NULL };
}

void
above_forget(struct repo *r)
{
	for (size_t i = 0; r->above != NULL && i < N_SLOTS; i++)
		empty(r->above, &r->above->slots[i]);
	if (r->above != NULL)
		map_free(r->above->tops);
	free(r->above);
	r->above = NULL;
}

void
above_made(struct repo *r, enum repo_tree tree)
{
	struct repo_above *a = r->above;

	for (size_t i = 0; a != NULL && a->n_absent != 0 && i < N_SLOTS; i++)
		if (a->slots[i].path != NULL && a->slots[i].fd == ABSENT &&
		    a->slots[i].tree == tree)
			put_fd(a, &a->slots[i], CLOSED);
}

/* "npm/@scope" → "npm"; n 0: there is none. */
static struct str
above_of(struct str path)
{
	ptrdiff_t slash = str_rchr(path, '/');

	return str_sub(path, 0, slash > 0 ? (size_t)slash : 0);
}

/* Nothing is in a folder that is not there. */
static bool
is_absent(struct repo *r, enum repo_tree tree, struct str path)
{
	for (; path.n != 0; path = above_of(path)) {
		const struct slot *s = slot_of(r, tree, path);

		if (holds(s, tree, path) && s->fd == ABSENT)
			return true;
	}
	return false;
}

int
above_open(struct repo *r, enum repo_tree tree, struct str path)
{
	struct slot *s = slot_of(r, tree, path);
	char *z;
	int fd;

	if (holds(s, tree, path) && s->fd >= 0)
		return s->fd;
	if (is_absent(r, tree, path))
		return -ENOENT;
	z = mem_strndup(path);
	fd = repo_open_below(r->trees[tree], z, FLAGS);
	if (fd < 0 && errno != ENOENT) {
		fd = -errno;
		free(z);
		return fd;
	}
	if (!holds(s, tree, path)) {
		empty(r->above, s);
		*s = (struct slot){ .path = z, .tree = tree, .fd = CLOSED };
	} else {
		free(z);
	}
	put_fd(r->above, s, fd >= 0 ? fd : ABSENT);
	return fd >= 0 ? fd : -ENOENT;
}

/* Looked for once in an opening. */
bool
above_is_ours(struct repo *r, enum repo_tree tree, struct str folder)
{
	ptrdiff_t slash = str_chr(folder, '/');
	char key[NAME_MAX + 2];
	const char *known;
	int fd;

	if (slash <= 0 || slash > NAME_MAX || r->trees[tree] < 0)
		return false;
	key[0] = (char)('0' + tree);
	memcpy(key + 1, folder.p, (size_t)slash);
	key[slash + 1] = '\0';
	(void)slot_of(r, tree, STR_LIT("")); /* so that there are some */
	known = map_get(r->above->tops, str_n(key, (size_t)slash + 1));
	if (known == NULL) {
		fd = above_open(r, tree, str_n(key + 1, (size_t)slash));
		known = fd == -ENOENT ? OURS : THEIRS;
		(void)map_put(r->above->tops, str_n(key, (size_t)slash + 1),
		    (void *)(uintptr_t)known);
	}
	return known == OURS;
}

/* "npm/@scope/name": what the name is in, and the name. false: it is no plain
 * name in a folder. */
static bool
split(struct str folder, struct str *ret_above, char name[NAME_MAX + 1])
{
	ptrdiff_t slash = str_rchr(folder, '/');
	struct str last;

	if (slash <= 0)
		return false;
	last = str_sub(folder, (size_t)slash + 1, folder.n);
	if (last.n == 0 || last.n > NAME_MAX || str_is(last, ".") ||
	    str_is(last, "..") || str_chr(last, '\0') >= 0)
		return false;
	memcpy(name, last.p, last.n);
	name[last.n] = '\0';
	*ret_above = str_sub(folder, 0, (size_t)slash);
	return true;
}

enum above_found
above_look(struct repo *r, enum repo_tree tree, struct str folder)
{
	char name[NAME_MAX + 1];
	struct str above;
	struct stat st;
	int fd;

	if (r->trees[tree] < 0 || !split(folder, &above, name))
		return ABOVE_UNKNOWN;
	(void)above_is_ours(r, tree, folder); /* so that it is asked once */
	fd = above_open(r, tree, above);
	if (fd < 0)
		return fd == -ENOENT ? ABOVE_NOTHING : ABOVE_UNKNOWN;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ABOVE_NOTHING : ABOVE_UNKNOWN;
	return S_ISDIR(st.st_mode) ? ABOVE_FOLDER : ABOVE_UNKNOWN;
}
