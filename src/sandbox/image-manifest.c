/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.json: what an image is made of. It is written last, so an image
 * without one is none; and it is read with the same mistrust as any file.
 * Runs in the supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"

#define MAX_FILES    1000
#define MAX_PACKAGES 5000
/* Files up to this size are hashed at every use of the image. */
#define HASH_BYTES (1 * MIB)
/* Times of files are those of the last tick: a change within this of another
 * may show the same time. So long is waited before a file is noted: one
 * without a time is hashed at every use, which takes a millisecond for the
 * bundle of authorities. */
#define TICK_NS (50 * NS_PER_MS)

enum check {
	CHECK_TEXT, /* not empty, no control characters */
	CHECK_ID, /* 64 hexadecimal digits */
	CHECK_NAME, /* one part of a path */
	CHECK_PATH, /* absolute, no "..", for inside the image */
	CHECK__MAX
};

struct text_row {
	const char *key;
	size_t offset;
	enum check check;
};

struct int_row {
	const char *key;
	size_t offset;
};

#define M(field) offsetof(struct image_manifest, field)

static const struct text_row text_rows[] = {
	{ "ecosystem", M(ecosystem), CHECK_NAME },
	{ "id", M(id), CHECK_ID },
	{ "recipe", M(recipe), CHECK_ID },
	{ "suite", M(suite), CHECK_NAME },
	{ "runtime_version", M(runtime_version), CHECK_NAME },
	{ "runtime_path", M(runtime_path), CHECK_PATH },
	{ "client_version", M(client_version), CHECK_NAME },
	{ "registry", M(registry), CHECK_TEXT },
	{ "home_skeleton", M(home_skeleton), CHECK_PATH },
	{ "ca_name", M(ca_name), CHECK_NAME },
};

static const struct int_row int_rows[] = {
	{ "built_at_ns", M(built_at) },
	{ "build_ms", M(build_ms) },
	{ "size_bytes", M(size_bytes) },
	{ "ca_made_at_ns", M(ca_made_at) },
	{ "slot_offset", M(slot_offset) },
	{ "slot_bytes", M(slot_bytes) },
	{ "slot_line_bytes", M(slot_line_bytes) },
};

static char **
text_at(const struct image_manifest *m, size_t offset)
{
	return (char **)((uintptr_t)m + offset);
}

static int64_t *
int_at(const struct image_manifest *m, size_t offset)
{
	return (int64_t *)((uintptr_t)m + offset);
}

void
image_manifest_init(struct image_manifest *m)
{
	*m = (struct image_manifest){ .arena =
					  arena_new(8 * LIMIT_CONFIG_BYTES) };
}

void
image_manifest_done(struct image_manifest *m)
{
	vec_done(&m->files);
	vec_done(&m->packages);
	arena_free(m->arena);
	*m = (struct image_manifest){ 0 };
}

/* A path without empty, "." and ".." parts. */
static bool
is_clean_path(struct str s)
{
	struct str part;

	while (str_cut(&s, '/', &part))
		if (part.n == 0 || str_is(part, ".") || str_is(part, ".."))
			return false;
	return true;
}

static bool
is_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n != 0 && s.n <= LIMIT_TEXT_BYTES;
}

static bool
passes(enum check check, struct str s)
{
	if (!is_text(s))
		return false;
	switch (check) {
	case CHECK_TEXT:
		return true;
	case CHECK_ID:
		return strlen(s.p) == s.n && image_is_id(s.p);
	case CHECK_NAME:
		return str_chr(s, '/') < 0 && s.p[0] != '.';
	case CHECK_PATH:
		return s.p[0] == '/' && is_clean_path(str_sub(s, 1, s.n));
	case CHECK__MAX:
		break;
	}
	return false;
}

static struct str
json_text(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	return str_n(yyjson_get_str(v), yyjson_get_len(v));
}

static int
json_number(yyjson_val *object, const char *key, int64_t *ret)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	if (!yyjson_is_int(v) || yyjson_get_uint(v) > INT64_MAX)
		return -EINVAL;
	*ret = (int64_t)yyjson_get_uint(v);
	return 0;
}

static int
parse_scalars(yyjson_val *root, struct image_manifest *m, struct error *err)
{
	int64_t format;

	if (json_number(root, "format", &format) != 0)
		return error_set(err, -EINVAL,
		    "manifest.json is not the manifest of an image");
	if (format != IMAGE_FORMAT)
		return error_set(err, -EINVAL,
		    "the image has format %lld, this program knows %d",
		    (long long)format, IMAGE_FORMAT);
	for (size_t i = 0; i < N_ELEMENTS(text_rows); i++) {
		const struct text_row *row = &text_rows[i];
		struct str s = json_text(root, row->key);

		if (s.p == NULL || !passes(row->check, s))
			return error_set(err, -EINVAL,
			    "manifest.json: %s is not right", row->key);
		*text_at(m, row->offset) = arena_strz(m->arena, s);
	}
	for (size_t i = 0; i < N_ELEMENTS(int_rows); i++)
		if (json_number(root, int_rows[i].key,
			int_at(m, int_rows[i].offset)) != 0)
			return error_set(err, -EINVAL,
			    "manifest.json: %s is not right", int_rows[i].key);
	return 0;
}

static int
parse_file(yyjson_val *v, struct image_manifest *m)
{
	struct str path = json_text(v, "path"), hash = json_text(v, "sha256");
	struct image_file f = { 0 };

	if (path.p == NULL || !is_text(path) || !is_clean_path(path) ||
	    json_number(v, "size", &f.size_bytes) != 0 ||
	    json_number(v, "mtime_ns", &f.mtime_ns) != 0)
		return -EINVAL;
	if (json_number(v, "changed_ns", &f.changed_ns) != 0)
		f.changed_ns = 0;
	if (hash.p != NULL) {
		if (!passes(CHECK_ID, hash))
			return -EINVAL;
		memcpy(f.sha256, hash.p, hash.n);
	}
	f.path = arena_strz(m->arena, path);
	vec_push(&m->files, f);
	return 0;
}

static int
parse_package(yyjson_val *v, struct image_manifest *m)
{
	struct str name = json_text(v, "name"),
		   version = json_text(v, "version");

	if (name.p == NULL || version.p == NULL || !is_text(name) ||
	    !is_text(version))
		return -EINVAL;
	vec_push(&m->packages,
	    ((struct image_package){ arena_strz(m->arena, name),
		arena_strz(m->arena, version) }));
	return 0;
}

static int
parse_array(yyjson_val *root, const char *key, size_t max,
    int (*parse)(yyjson_val *v, struct image_manifest *m),
    struct image_manifest *m, struct error *err)
{
	yyjson_val *a = yyjson_obj_get(root, key), *v;
	size_t i, n;

	if (!yyjson_is_arr(a) || yyjson_arr_size(a) > max)
		return error_set(err, -EINVAL, "manifest.json: %s is not right",
		    key);
	yyjson_arr_foreach(a, i, n,
	    v) if (parse(v, m) != 0) return error_set(err, -EINVAL,
	    "manifest.json: %s[%zu] is not right", key, i);
	return 0;
}

int
image_manifest_parse(struct str json, struct image_manifest *ret,
    struct error *err)
{
	struct image_manifest m;
	yyjson_doc *doc;
	yyjson_val *root;
	int rc;

	doc = yyjson_read(json.p != NULL ? json.p : "", json.n, 0);
	if (doc == NULL)
		return error_set(err, -EINVAL, "manifest.json is not JSON");
	image_manifest_init(&m);
	root = yyjson_doc_get_root(doc);
	rc = parse_scalars(root, &m, err);
	if (rc == 0)
		rc = parse_array(root, "files", MAX_FILES, parse_file, &m, err);
	if (rc == 0)
		rc = parse_array(root, "packages", MAX_PACKAGES, parse_package,
		    &m, err);
	yyjson_doc_free(doc);
	if (rc == 0)
		*ret = m;
	else
		image_manifest_done(&m);
	return rc;
}

void
image_manifest_write(const struct image_manifest *m, struct buf *out)
{
	struct json j;

	json_init(&j, out, 2);
	json_object_begin(&j);
	json_key(&j, "format");
	json_int(&j, IMAGE_FORMAT);
	for (size_t i = 0; i < N_ELEMENTS(text_rows); i++) {
		json_key(&j, text_rows[i].key);
		json_strz(&j, *text_at(m, text_rows[i].offset));
	}
	for (size_t i = 0; i < N_ELEMENTS(int_rows); i++) {
		json_key(&j, int_rows[i].key);
		json_int(&j, *int_at(m, int_rows[i].offset));
	}
	json_key(&j, "files");
	json_array_begin(&j);
	for (size_t i = 0; i < m->files.n; i++) {
		const struct image_file *f = &m->files.v[i];

		json_object_begin(&j);
		json_key(&j, "path");
		json_strz(&j, f->path);
		json_key(&j, "size");
		json_int(&j, f->size_bytes);
		json_key(&j, "mtime_ns");
		json_int(&j, f->mtime_ns);
		json_key(&j, "changed_ns");
		json_int(&j, f->changed_ns);
		json_key(&j, "sha256");
		json_strz(&j, f->sha256[0] != '\0' ? f->sha256 : NULL);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_key(&j, "packages");
	json_array_begin(&j);
	for (size_t i = 0; i < m->packages.n; i++) {
		json_object_begin(&j);
		json_key(&j, "name");
		json_strz(&j, m->packages.v[i].name);
		json_key(&j, "version");
		json_strz(&j, m->packages.v[i].version);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	buf_putc(out, '\n');
}

int
image_manifest_read(const char *dir, struct image_manifest *ret,
    struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/manifest.json", dir);
	_cleanup_(closep) int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct buf text;
	int rc;

	if (fd < 0)
		return error_errno(err, "%s", path);
	buf_init(&text, LIMIT_CONFIG_BYTES);
	rc = fd_read_all(fd, &text, err);
	if (rc == 0)
		rc = image_manifest_parse(buf_str(&text), ret, err);
	buf_done(&text);
	return rc;
}

int
image_manifest_save(const struct image_manifest *m, const char *dir,
    struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/manifest.json", dir);
	_cleanup_(freep) char *tmp = mem_printf("%s/.manifest.json", dir);
	_cleanup_(closep) int fd =
	    open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct buf text;
	int rc;

	if (fd < 0)
		return error_errno(err, "cannot write %s", tmp);
	buf_init(&text, LIMIT_CONFIG_BYTES);
	image_manifest_write(m, &text);
	if (text.full)
		rc = error_set(err, -EFBIG, "%s would be too large", path);
	else
		rc = fd_write_all(fd, text.p, text.n, err);
	buf_done(&text);
	/* All that it vouches for first, then the manifest itself. */
	if (rc == 0 &&
	    (syncfs(fd) != 0 || rename(tmp, path) != 0 || syncfs(fd) != 0))
		rc = error_errno(err, "cannot write %s", path);
	return rc;
}

static int
file_hash(int fd, int64_t size, char ret[SHA256_HEX_SIZE], struct error *err)
{
	uint8_t digest[SHA256_BYTES];
	struct buf bytes;
	int rc;

	ret[0] = '\0';
	if (size > (int64_t)HASH_BYTES)
		return 0;
	buf_init(&bytes, 2 * HASH_BYTES);
	rc = fd_read_all(fd, &bytes, err);
	if (rc == 0) {
		sha256_of(buf_str(&bytes), digest);
		sha256_hex(digest, ret);
	}
	buf_done(&bytes);
	return rc;
}

static int64_t
stat_ns(struct timespec t)
{
	return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

static int
file_open(const char *dir, const char *path, int *ret_fd,
    struct image_file *ret, struct error *err)
{
	_cleanup_(freep) char *whole = mem_printf("%s/%s", dir, path);
	_cleanup_(closep) int fd =
	    open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return error_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s is not a file", path);
	ret->size_bytes = st.st_size;
	ret->mtime_ns = stat_ns(st.st_mtim);
	ret->changed_ns = stat_ns(st.st_ctim);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static bool
is_fresh(const struct image_file *f)
{
	return clock_wall_ns() - f->changed_ns < TICK_NS;
}

int
image_manifest_add_file(struct image_manifest *m, const char *dir,
    const char *path, struct error *err)
{
	static const struct timespec tick = { .tv_nsec = TICK_NS };
	_cleanup_(closep) int fd = -1;
	struct image_file f = { 0 };
	int rc = file_open(dir, path, &fd, &f, err);

	if (rc == 0 && is_fresh(&f)) {
		(void)nanosleep(&tick, NULL);
		closep(&fd);
		rc = file_open(dir, path, &fd, &f, err);
	}
	if (rc == 0)
		rc = file_hash(fd, f.size_bytes, f.sha256, err);
	if (rc != 0)
		return rc;
	if (is_fresh(&f))
		f.changed_ns = 0;
	f.path = arena_strz(m->arena, str_of(path));
	vec_push(&m->files, f);
	return 0;
}

static int
renew(struct image_manifest *m, size_t i, const char *dir, struct error *err)
{
	const char *path = m->files.v[i].path;
	struct image_file *old, now;
	int rc = image_manifest_add_file(m, dir, path, err);

	if (rc != 0)
		return rc;
	now = m->files.v[--m->files.n];
	old = &m->files.v[i];
	if (now.size_bytes != old->size_bytes ||
	    strcmp(now.sha256, old->sha256) != 0 ||
	    (old->sha256[0] == '\0' && now.mtime_ns != old->mtime_ns))
		return error_set(err, -EUCLEAN, "%s was changed", path);
	*old = now;
	return 0;
}

int
image_manifest_renew(struct image_manifest *m, const char *dir,
    struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->files.n; i++)
		if (m->files.v[i].changed_ns == 0)
			rc = renew(m, i, dir, err);
	return rc;
}

/* Nobody can set the time of change: where it is the noted one, so is the
 * content. Without it (a copied image) the content decides. */
static int
file_verify(const struct image_file *f, const char *dir, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct image_file now = { 0 };
	int rc = file_open(dir, f->path, &fd, &now, err);

	if (rc != 0)
		return rc;
	if (now.size_bytes != f->size_bytes)
		return error_set(err, -EUCLEAN, "%s was changed", f->path);
	if (f->changed_ns != 0 && now.changed_ns == f->changed_ns)
		return 0;
	rc = file_hash(fd, now.size_bytes, now.sha256, err);
	if (rc != 0)
		return rc;
	if (strcmp(now.sha256, f->sha256) != 0 ||
	    (f->sha256[0] == '\0' && now.mtime_ns != f->mtime_ns))
		return error_set(err, -EUCLEAN, "%s was changed", f->path);
	return 0;
}

int
image_manifest_verify(const struct image_manifest *m, const char *dir,
    struct error *err)
{
	for (size_t i = 0; i < m->files.n; i++) {
		int rc = file_verify(&m->files.v[i], dir, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

void
image_manifest_id(const struct image_manifest *m, char ret[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_BYTES];
	struct buf text;

	buf_init(&text, LIMIT_CONFIG_BYTES);
	buf_printf(&text, "%d %s\n", IMAGE_FORMAT, m->recipe);
	for (size_t i = 0; i < m->packages.n; i++)
		buf_printf(&text, "%s %s\n", m->packages.v[i].name,
		    m->packages.v[i].version);
	sha256_of(buf_str(&text), digest);
	sha256_hex(digest, ret);
	buf_done(&text);
}
