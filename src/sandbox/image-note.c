/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note-*: that an image was verified as a whole, with time of change, inode
 * and size of every file that was read for it. Nobody can set that time: where
 * all of them are as noted, so is the image, and a start need not read
 * recipe and manifest again. Lines of text, in a fixed order. Read in
 * supervisors, written by `lazaret image`.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/paths.h"

/* Raise it when the lines below change. */
#define VERSION 1
/* A file of which this is younger may change again at the same time. */
#define TICK_NS (50 * NS_PER_MS)

#define OFFSET(field) offsetof(struct image, field)

static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "ecosystem", OFFSET(ecosystem) },
	{ "suite", OFFSET(suite) },
	{ "runtime-version", OFFSET(runtime_version) },
	{ "runtime-path", OFFSET(runtime_path) },
	{ "client-version", OFFSET(client_version) },
	{ "registry", OFFSET(registry) },
	{ "home-skeleton", OFFSET(home_skeleton) },
};

static const struct {
	const char *key;
	size_t offset, size;
} words[] = {
	{ "id", OFFSET(id), SHA256_HEX_SIZE },
	{ "recipe", OFFSET(recipe), SHA256_HEX_SIZE },
	{ "ca-name", OFFSET(ca_name), sizeof(((struct image *)0)->ca_name) },
};

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "ca-made-at", OFFSET(ca_made_at) },
	{ "built-at", OFFSET(built_at) },
	{ "build-ms", OFFSET(build_ms) },
	{ "size-bytes", OFFSET(size_bytes) },
	{ "n-packages", OFFSET(n_packages) },
};

static void *
at(const struct image *i, size_t offset)
{
	return (void *)((uintptr_t)i + offset);
}

/* Another version, another installation: another note. */
static void
put_head(struct buf *out, const char *data)
{
	buf_printf(out, "lazaret image note %d %d %d %s\n", VERSION,
	    IMAGE_FORMAT, IMAGE_RECIPE_VERSION, data);
}

static void
note_name(const char *data, char ret[32])
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a: names need no more */

	for (const char *p = data; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	(void)snprintf(ret, 32, "note-%016" PRIx64, h);
}

/* --- writing --- */

static int
stamp(int dir, const char *path, struct image_stamp *ret)
{
	struct stat st;

	/* Of the host, a link may be meant; below the folder, none is. */
	if (fstatat(dir, path, &st, path[0] == '/' ? 0 : AT_SYMLINK_NOFOLLOW) !=
	    0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	ret->size_bytes = st.st_size;
	ret->inode = (int64_t)st.st_ino;
	ret->changed_ns = st.st_ctim.tv_sec * NS_PER_SEC + st.st_ctim.tv_nsec;
	return 0;
}

int
image_note_add(struct image_note *n, const char *dir, const char *path,
    struct error *err)
{
	_cleanup_(closep) int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct image_stamp s = { 0 };
	int rc = fd >= 0 ? stamp(fd, path, &s) : -errno;

	if (rc != 0)
		return error_set(err, rc, "%s: %s", path, strerror(-rc));
	if (clock_wall_ns() - s.changed_ns < TICK_NS)
		n->fresh = true;
	s.path = mem_strdup(path);
	vec_push(&n->stamps, s);
	return 0;
}

int
image_note_begin(struct image_note *n, const char *ecosystem, struct error *err)
{
	static const char *const tables[] = IMAGE_RECIPE_TABLES;
	char data[LIMIT_PATH_BYTES];
	int rc = paths_get(PATHS_DATA, NULL, data, sizeof(data), err);

	if (rc != 0)
		return rc;
	n->data = mem_strdup(data);
	rc = image_note_add(n, "/", IMAGE_RECIPE_SUITE, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < N_ELEMENTS(tables) && rc == 0; i++) {
		_cleanup_(freep) char *path =
		    mem_printf("%s/images/%s/%s", data, ecosystem, tables[i]);

		rc = image_note_add(n, "/", path, err);
	}
	return rc == -ENOENT ?
	    error_set(err, rc, "no image for %s", ecosystem) :
	    rc;
}

static void
put_rows(const struct image_note *n, const struct image *i, struct buf *out)
{
	put_head(out, n->data);
	for (size_t k = 0; k < N_ELEMENTS(words); k++)
		buf_printf(out, "%s %s\n", words[k].key,
		    (const char *)at(i, words[k].offset));
	for (size_t k = 0; k < N_ELEMENTS(texts); k++)
		buf_printf(out, "%s %s\n", texts[k].key,
		    *(char **)at(i, texts[k].offset));
	for (size_t k = 0; k < N_ELEMENTS(numbers); k++)
		buf_printf(out, "%s %" PRId64 "\n", numbers[k].key,
		    *(int64_t *)at(i, numbers[k].offset));
	for (size_t k = 0; k < n->stamps.n; k++) {
		const struct image_stamp *s = &n->stamps.v[k];

		buf_printf(out, "file %" PRId64 " %" PRId64 " %" PRId64 " %s\n",
		    s->size_bytes, s->changed_ns, s->inode, s->path);
	}
	buf_puts(out, "end\n");
}

/* Where it cannot be, the image is looked at each time. */
static void
save(const struct image_note *n, const struct image *i, struct str text)
{
	_cleanup_(closep) int dir =
	    open(i->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closep) int fd = -1;
	struct error ignored = ERROR_INIT;
	char name[32], tmp[64];

	note_name(n->data, name);
	(void)snprintf(tmp, sizeof(tmp), ".%s-%d", name, (int)getpid());
	fd = openat(dir, tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (fd_write_all(fd, text.p, text.n, &ignored) != 0 ||
	    renameat(dir, tmp, dir, name) != 0)
		(void)unlinkat(dir, tmp, 0);
}

void
image_note_write(const struct image_note *n, const struct image *i,
    struct buf *out)
{
	size_t begin = out->n;

	put_rows(n, i, out);
	if (!n->fresh && !out->full)
		save(n, i, str_sub(buf_str(out), begin, out->n));
}

void
image_note_done(struct image_note *n)
{
	for (size_t i = 0; i < n->stamps.n; i++)
		free(n->stamps.v[i].path);
	vec_done(&n->stamps);
	free(n->data);
	*n = (struct image_note){ 0 };
}

/* --- reading --- */

/* The rest of the next line, which must begin with the key. */
static bool
take(struct str *rest, const char *key, struct str *ret)
{
	struct str line;
	size_t n = strlen(key);

	if (!str_cut(rest, '\n', &line) || !str_starts(line, key) ||
	    line.n <= n || line.p[n] != ' ')
		return false;
	*ret = str_sub(line, n + 1, line.n);
	return true;
}

static bool
take_number(struct str *s, int64_t *ret)
{
	struct str word;
	int64_t v = 0;

	if (!str_cut(s, ' ', &word) || word.n == 0 || word.n > 19)
		return false;
	for (size_t i = 0; i < word.n; i++) {
		int digit = word.p[i] - '0';

		if (digit < 0 || digit > 9 || v > (INT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

static bool
take_image(struct str *rest, struct image *i)
{
	struct str v;

	for (size_t k = 0; k < N_ELEMENTS(words); k++) {
		if (!take(rest, words[k].key, &v) || v.n >= words[k].size ||
		    str_chr(v, '/') >= 0)
			return false;
		memcpy(at(i, words[k].offset), v.p, v.n);
	}
	for (size_t k = 0; k < N_ELEMENTS(texts); k++) {
		if (!take(rest, texts[k].key, &v))
			return false;
		*(char **)at(i, texts[k].offset) = mem_strndup(v);
	}
	for (size_t k = 0; k < N_ELEMENTS(numbers); k++)
		if (!take(rest, numbers[k].key, &v) ||
		    !take_number(&v, at(i, numbers[k].offset)))
			return false;
	return true;
}

static bool
is_as_noted(int dir, struct str row)
{
	struct image_stamp noted = { 0 }, now = { 0 };
	char path[LIMIT_PATH_BYTES];

	if (!take_number(&row, &noted.size_bytes) ||
	    !take_number(&row, &noted.changed_ns) ||
	    !take_number(&row, &noted.inode) || row.n == 0 ||
	    row.n >= sizeof(path))
		return false;
	memcpy(path, row.p, row.n);
	path[row.n] = '\0';
	return stamp(dir, path, &now) == 0 &&
	    now.size_bytes == noted.size_bytes &&
	    now.changed_ns == noted.changed_ns && now.inode == noted.inode;
}

/* All of the note, down to its end: a piece of one proves nothing. */
static bool
holds(struct str rest, const char *ecosystem, int dir, struct image *i)
{
	struct str row;
	size_t n = 0;

	if (!take_image(&rest, i) || strcmp(i->ecosystem, ecosystem) != 0)
		return false;
	for (; !str_is(rest, "end\n"); n++)
		if (!take(&rest, "file", &row) || !is_as_noted(dir, row))
			return false;
	return n != 0;
}

static bool
is_ours(struct str *note)
{
	char data[LIMIT_PATH_BYTES];
	struct error ignored = ERROR_INIT;
	struct buf head;
	bool same;

	if (paths_get(PATHS_DATA, NULL, data, sizeof(data), &ignored) != 0)
		return false;
	buf_init(&head, sizeof(data) + 64);
	put_head(&head, data);
	same = str_starts(*note, head.p);
	if (same)
		*note = str_sub(*note, head.n, note->n);
	buf_done(&head);
	return same;
}

static int
take_note(const char *dir, int *lock, const char *ecosystem, struct str note,
    struct image *ret)
{
	struct image i = IMAGE_INIT;

	if (!is_ours(&note) || !holds(note, ecosystem, *lock, &i) ||
	    strcmp(i.id, strrchr(dir, '/') + 1) != 0) {
		image_done(&i);
		return 1;
	}
	image_lies_in(&i, dir);
	i.lock_fd = steal_fd(lock);
	*ret = i;
	return 0;
}

static int
read_note(int dir, struct buf *out)
{
	char data[LIMIT_PATH_BYTES], name[32];
	struct error ignored = ERROR_INIT;
	_cleanup_(closep) int fd = -1;

	if (paths_get(PATHS_DATA, NULL, data, sizeof(data), &ignored) != 0)
		return 1;
	note_name(data, name);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && fd_read_all(fd, out, &ignored) == 0 ? 0 : 1;
}

int
image_note_open(const char *home, const char *id, const char *ecosystem,
    struct image *ret)
{
	_cleanup_(freep) char *dir = mem_printf("%s/%s", home, id);
	_cleanup_(closep) int lock = -1;
	struct error ignored = ERROR_INIT;
	struct buf note;
	int rc;

	if (image_store_hold(dir, LOCK_SH, &lock, &ignored) != 0)
		return 1;
	buf_init(&note, LIMIT_CONFIG_BYTES);
	rc = read_note(lock, &note);
	if (rc == 0)
		rc = take_note(dir, &lock, ecosystem, buf_str(&note), ret);
	buf_done(&note);
	return rc;
}

int
image_note_take(const char *home, const char *ecosystem, struct str note,
    struct image *ret)
{
	_cleanup_(freep) char *dir = NULL;
	_cleanup_(freep) char *id = NULL;
	_cleanup_(closep) int lock = -1;
	struct error ignored = ERROR_INIT;
	struct str rest = note, head, word;

	if (!str_cut(&rest, '\n', &head) || !take(&rest, words[0].key, &word))
		return 1;
	id = mem_strndup(word);
	if (!image_is_id(id))
		return 1;
	dir = mem_printf("%s/%s", home, id);
	if (image_store_hold(dir, LOCK_SH, &lock, &ignored) != 0)
		return 1;
	return take_note(dir, &lock, ecosystem, note, ret);
}
