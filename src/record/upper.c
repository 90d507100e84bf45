/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the upper layer. Runs in role upper. Per walk: an explicit stack of
 * open folders, depth first; each entry is compared with what the last walk
 * saw, told when it differs, and marked; what was seen once and is not there
 * any more was deleted.
 */
#include "record/upper.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "runfile/fact.h"
#include "sys/message.h"
#include "sys/rootless.h"
#include "sys/sha256.h"

#define MAX_LOWER UPPER_MAX_LOWER
#define MAX_RULES 64

struct rule {
	char *prefix; /* owned */
	enum upper_keep keep;
};

/* One path of an earlier walk. */
struct seen {
	uint64_t ino;
	int64_t size, changed_s, changed_ns;
	uint32_t mode;
	unsigned walk; /* in which it was there last */
	bool was_lower; /* covers something of the image */
};

struct folder {
	DIR *dir; /* owned */
	size_t path_n; /* of the path before this folder's name */
	bool in_lower[MAX_LOWER]; /* that layer has a folder of this name */
};

struct upper_walker {
	/* Of the mount's own kind alone: under root, packages may set user.*.
	 */
	const char *opaque;
	int upper_fd, lower_fds[MAX_LOWER];
	size_t n_lower;
	VEC(struct rule) rules;
	struct map *seen; /* path: struct seen, owned */
	struct map *sent; /* hashes whose content was sent */
	struct channel *facts;
	int64_t kept_total, hashed; /* of the run; of this walk */
	unsigned walks;
	/* of the walk at hand */
	VEC(struct folder) stack;
	struct buf path, content;
	int64_t phase;
	struct upper_result result;
	struct error *err;
	int rc;
};

struct upper_walker *
upper_walker_new(int upper_fd, const int *lower_fds, size_t n_lower,
    struct channel *facts)
{
	struct upper_walker *w = mem_alloc(sizeof(*w));

	assert(n_lower <= MAX_LOWER);
	w->opaque =
	    rootless_is() ? "user.overlay.opaque" : "trusted.overlay.opaque";
	w->upper_fd = upper_fd;
	for (size_t i = 0; i < n_lower; i++)
		w->lower_fds[i] = lower_fds[i];
	w->n_lower = n_lower;
	w->seen = map_new(LIMIT_UPPER_FILES);
	w->sent = map_new(LIMIT_UPPER_FILES);
	w->facts = facts;
	buf_init(&w->path, LIMIT_PATH_BYTES);
	buf_init(&w->content, LIMIT_BLOB_BYTES);
	return w;
}

void
upper_walker_free(struct upper_walker *w)
{
	struct str key;
	void *value;
	size_t at = 0;

	if (w == NULL)
		return;
	while (map_next(w->seen, &at, &key, &value))
		free(value);
	map_free(w->seen);
	map_free(w->sent);
	for (size_t i = 0; i < w->rules.n; i++)
		free(w->rules.v[i].prefix);
	vec_done(&w->rules);
	vec_done(&w->stack);
	buf_done(&w->path);
	buf_done(&w->content);
	free(w);
}

void
upper_walker_rule(struct upper_walker *w, struct str prefix,
    enum upper_keep keep)
{
	while (prefix.n > 0 && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	if (w->rules.n >= MAX_RULES)
		return;
	vec_push(&w->rules, ((struct rule){ mem_strndup(prefix), keep }));
}

static bool
covers(struct str prefix, struct str path)
{
	return path.n >= prefix.n &&
	    str_eq(str_sub(path, 0, prefix.n), prefix) &&
	    (path.n == prefix.n || path.p[prefix.n] == '/');
}

static enum upper_keep
keep_of(const struct upper_walker *w, struct str path)
{
	enum upper_keep keep = UPPER_KEEP_CONTENT;
	size_t longest = 0;

	for (size_t i = 0; i < w->rules.n; i++) {
		struct str prefix = str_of(w->rules.v[i].prefix);

		if (covers(prefix, path) && prefix.n >= longest) {
			longest = prefix.n;
			keep = w->rules.v[i].keep;
		}
	}
	return keep;
}

/* A rule speaks about something below path. */
static bool
rule_below(const struct upper_walker *w, struct str path)
{
	for (size_t i = 0; i < w->rules.n; i++)
		if (covers(path, str_of(w->rules.v[i].prefix)))
			return true;
	return false;
}

static int
open_beneath(int dir_fd, const char *name, uint64_t flags)
{
	struct open_how how = { .flags =
				    flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
	int fd;

	if ((flags & O_PATH) != 0) /* takes no other flag */
		how.flags &= ~(uint64_t)O_NONBLOCK;
	fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	return fd >= 0 ? fd : -errno;
}

int
upper_open_file(int dir_fd, struct str path)
{
	char name[LIMIT_PATH_BYTES];
	struct stat st;
	int fd;

	if (path.n < 2 || path.p[0] != '/' || path.n > sizeof(name) ||
	    memchr(path.p, '\0', path.n) != NULL)
		return -ENOENT;
	memcpy(name, path.p + 1, path.n - 1);
	name[path.n - 1] = '\0';
	fd = open_beneath(dir_fd, name, O_RDONLY);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		closep(&fd);
		return -EISDIR;
	}
	return fd;
}

static void
send(struct upper_walker *w, enum fact_kind kind, const void *fact)
{
	if (w->rc == 0)
		w->rc = fact_send(w->facts, kind, fact, w->err);
}

/* Reads the file; its bytes stay in w->content when they fit and are wanted.
 * -EFBIG: larger than what is hashed. */
static int
read_file(struct upper_walker *w, int fd, bool want_content,
    char sha256[SHA256_HEX_SIZE])
{
	static char chunk[64 * KIB];
	struct sha256 *h = sha256_new();
	uint8_t digest[SHA256_BYTES];
	int64_t total = 0;
	ssize_t n;

	buf_reset(&w->content);
	w->content.full = !want_content;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		total += n;
		w->hashed += n;
		if (total > LIMIT_HASH_BYTES ||
		    w->hashed > LIMIT_UPPER_HASH_BYTES)
			break;
		sha256_add(h, chunk, (size_t)n);
		if (!w->content.full)
			buf_put(&w->content, chunk, (size_t)n);
	}
	if (n != 0) {
		sha256_free(h);
		return -EFBIG;
	}
	sha256_final(h, digest);
	sha256_hex(digest, sha256);
	return 0;
}

/* Content goes once per hash; 1 when it is (or was) kept. */
static bool
send_content(struct upper_walker *w, const char *sha256)
{
	struct fact_blob b;

	if (w->content.full)
		return false;
	if (map_has(w->sent, str_of(sha256)))
		return true;
	if (w->kept_total + (int64_t)w->content.n > LIMIT_RUN_BLOBS_BYTES ||
	    map_put(w->sent, str_of(sha256), w) < 0) {
		w->result.incomplete = true;
		return false;
	}
	fact_init(FACT_BLOB, &b);
	b.sha256 = str_of(sha256);
	b.bytes = w->content.n != 0 ? buf_str(&w->content) : STR_LIT("");
	send(w, FACT_BLOB, &b);
	w->kept_total += (int64_t)w->content.n;
	w->result.kept_bytes += (int64_t)w->content.n;
	return true;
}

static struct str
type_of(mode_t mode)
{
	static const struct {
		mode_t mode;
		const char *type;
	} types[] = { { S_IFREG, "file" }, { S_IFDIR, "directory" },
		{ S_IFLNK, "symlink" }, { S_IFIFO, "fifo" },
		{ S_IFSOCK, "socket" }, { S_IFCHR, "char-device" },
		{ S_IFBLK, "block-device" } };

	for (size_t i = 0; i < N_ELEMENTS(types); i++)
		if ((mode & S_IFMT) == types[i].mode)
			return str_of(types[i].type);
	return STR_LIT("other");
}

static void
tell_file(struct upper_walker *w, int dir_fd, const char *name,
    const struct stat *st, bool covered)
{
	enum upper_keep keep = keep_of(w, buf_str(&w->path));
	char sha256[SHA256_HEX_SIZE], target[LIMIT_PATH_BYTES];
	_cleanup_(closep) int fd = -1;
	struct fact_written_file f;
	ssize_t n;

	fact_init(FACT_WRITTEN_FILE, &f);
	f.phase = w->phase;
	f.path = buf_str(&w->path);
	f.change = covered ? STR_LIT("modified") : STR_LIT("created");
	f.type = type_of(st->st_mode);
	f.mode = st->st_mode & 07777;
	f.size = st->st_size;
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir_fd, name, target, sizeof(target));
		if (n >= 0)
			f.target = str_n(target, (size_t)n);
	}
	if (S_ISREG(st->st_mode)) {
		w->result.bytes += st->st_size;
		fd = open_beneath(dir_fd, name, O_RDONLY);
		if (fd >= 0 && st->st_size <= LIMIT_HASH_BYTES &&
		    read_file(w, fd,
			keep == UPPER_KEEP_CONTENT &&
			    st->st_size <= (int64_t)LIMIT_BLOB_BYTES,
			sha256) == 0) {
			f.sha256 = str_of(sha256);
			f.kept = send_content(w, sha256);
		} else {
			w->result.incomplete = true;
			f.kept = 0;
		}
	}
	send(w, FACT_WRITTEN_FILE, &f);
}

static void
tell_deleted(struct upper_walker *w, struct str path)
{
	struct fact_written_file f;

	if (keep_of(w, path) == UPPER_KEEP_NOTHING)
		return;
	fact_init(FACT_WRITTEN_FILE, &f);
	f.phase = w->phase;
	f.path = path;
	f.change = STR_LIT("deleted");
	send(w, FACT_WRITTEN_FILE, &f);
}

/* Notes that path is there; true when it is new or has changed. */
static bool
note(struct upper_walker *w, const struct stat *st, bool covered)
{
	struct str path = buf_str(&w->path);
	struct seen *s = map_get(w->seen, path),
		    now = { st->st_ino, st->st_size, st->st_ctim.tv_sec,
			    st->st_ctim.tv_nsec, st->st_mode, w->walks,
			    covered };
	bool same;

	/* A folder changes with each name in it: only its being counts. */
	if (S_ISDIR(st->st_mode))
		now.size = now.changed_s = now.changed_ns = 0;
	if (s == NULL) {
		s = mem_alloc(sizeof(*s));
		*s = now;
		if (map_put(w->seen, path, s) < 0) {
			free(s);
			w->result.incomplete = true;
		}
		return true;
	}
	same = s->ino == now.ino && s->size == now.size &&
	    s->changed_s == now.changed_s && s->changed_ns == now.changed_ns &&
	    s->mode == now.mode;
	*s = now;
	return !same;
}

static bool
is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* Whether one of the lower layers has this path. */
static bool
in_lower(const struct upper_walker *w, const struct folder *in,
    bool ret_each[MAX_LOWER])
{
	const char *relative = w->path.p + 1;
	bool any = false;

	for (size_t i = 0; i < w->n_lower; i++) {
		int fd = -1;

		ret_each[i] = false;
		if (in->in_lower[i])
			fd = open_beneath(w->lower_fds[i], relative, O_PATH);
		if (fd < 0)
			continue;
		(void)close(fd);
		ret_each[i] = any = true;
	}
	return any;
}

static DIR *
open_folder(int dir_fd, const char *name)
{
	int fd = open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d == NULL && fd >= 0)
		(void)close(fd);
	return d;
}

/* An opaque folder hides what the image has there: each name of the image
 * that is not in it any more was deleted. */
static void
tell_hidden(struct upper_walker *w, DIR *upper, size_t layer)
{
	DIR *lower = open_folder(w->lower_fds[layer], w->path.p + 1);
	size_t path_n = w->path.n;
	struct dirent *e;
	struct stat st;

	while (lower != NULL && (e = readdir(lower)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(upper), e->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		buf_printf(&w->path, "/%s", e->d_name);
		tell_deleted(w, buf_str(&w->path));
		w->path.n = path_n;
		w->path.p[path_n] = '\0';
	}
	if (lower != NULL)
		(void)closedir(lower);
}

static bool
is_opaque(const struct upper_walker *w, int fd)
{
	char value[2];

	return fgetxattr(fd, w->opaque, value, 1) == 1 && value[0] == 'y';
}

static void
push_folder(struct upper_walker *w, int dir_fd, const char *name, size_t path_n,
    const bool lower[MAX_LOWER], bool is_new)
{
	struct folder f = { .path_n = path_n };
	bool opaque;

	if (w->stack.n >= LIMIT_UPPER_DEPTH) {
		w->result.incomplete = true;
		return;
	}
	f.dir = open_folder(dir_fd, name);
	if (f.dir == NULL) {
		w->result.incomplete = true;
		return;
	}
	opaque = is_opaque(w, dirfd(f.dir));
	for (size_t i = 0; i < w->n_lower; i++) {
		f.in_lower[i] = lower[i] && !opaque;
		if (opaque && is_new && lower[i])
			tell_hidden(w, f.dir, i);
	}
	vec_push(&w->stack, f);
}

/* One name of a folder; w->path is its path. */
static void
visit(struct upper_walker *w, const struct folder *in, const char *name,
    size_t path_n)
{
	bool lower[MAX_LOWER] = { false }, covered, changed;
	enum upper_keep keep = keep_of(w, buf_str(&w->path));
	int dir_fd = dirfd(in->dir);
	struct stat st;

	if (w->path.full || ++w->result.files > LIMIT_UPPER_FILES ||
	    fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		w->result.incomplete = true;
		w->path.full = false;
		return;
	}
	if (keep == UPPER_KEEP_NOTHING && !S_ISDIR(st.st_mode))
		return;
	if (keep == UPPER_KEEP_NOTHING && !rule_below(w, buf_str(&w->path)))
		return;
	covered = in_lower(w, in, lower);
	changed = note(w, &st, covered);
	if (is_whiteout(&st)) {
		if (changed)
			tell_deleted(w, buf_str(&w->path));
		return;
	}
	/* A folder that the image has too is there because of what is in it. */
	if (changed && keep != UPPER_KEEP_NOTHING &&
	    !(S_ISDIR(st.st_mode) && covered))
		tell_file(w, dir_fd, name, &st, covered);
	if (S_ISDIR(st.st_mode))
		push_folder(w, dir_fd, name, path_n, lower, changed);
}

static void
walk_folders(struct upper_walker *w)
{
	while (w->stack.n != 0 && w->rc == 0) {
		struct folder *top = &w->stack.v[w->stack.n - 1];
		struct folder in = *top;
		struct dirent *e = readdir(top->dir);
		size_t path_n = w->path.n, depth = w->stack.n;

		if (e == NULL) {
			(void)closedir(top->dir);
			w->stack.n--;
			w->path.n = in.path_n;
			w->path.p[w->path.n] = '\0';
			continue;
		}
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		buf_printf(&w->path, "/%s", e->d_name);
		visit(w, &in, e->d_name, path_n);
		if (w->stack.n == depth) { /* nothing to go down into */
			w->path.n = path_n;
			w->path.p[path_n] = '\0';
		}
	}
	while (w->stack.n != 0)
		(void)closedir(w->stack.v[--w->stack.n].dir);
}

/* What an earlier walk saw and this one did not. */
static void
tell_gone(struct upper_walker *w)
{
	struct str path;
	void *value;
	size_t at = 0;

	while (map_next(w->seen, &at, &path, &value)) {
		struct seen *s = value;

		if (s->walk + 1 != w->walks)
			continue;
		tell_deleted(w, path);
	}
}

int
upper_walker_walk(struct upper_walker *w, int64_t phase,
    struct upper_result *ret, struct error *err)
{
	struct folder root = { 0 };

	w->phase = phase;
	w->err = err;
	w->rc = 0;
	w->walks++;
	w->hashed = 0;
	memset(&w->result, 0, sizeof(w->result));
	buf_reset(&w->path);
	buf_puts(&w->path, "");
	root.dir = open_folder(w->upper_fd, ".");
	if (root.dir == NULL)
		return error_errno(err, "cannot read the upper layer");
	for (size_t i = 0; i < w->n_lower; i++)
		root.in_lower[i] = true;
	vec_push(&w->stack, root);
	walk_folders(w);
	if (w->rc == 0 && !w->result.incomplete)
		tell_gone(w);
	if (w->rc == 0)
		w->rc = channel_flush(w->facts, err);
	*ret = w->result;
	return w->rc;
}
