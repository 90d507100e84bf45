/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recipe of an image: tables in share/lazaret/images/<ecosystem>/, and the
 * suite of the host, whose packages are taken. Runs in the supervisor.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/fd.h"
#include "sys/paths.h"

#define MAX_ROWS 1000

typedef int (*row_fn)(struct image_recipe *r, struct str *words, size_t n);

static int
read_file(const char *path, struct buf *out, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	return fd_read_all(fd, out, err);
}

/* Words of a line up to a #; how many. */
static size_t
split(struct str line, struct str *words, size_t max)
{
	size_t n = 0, i = 0;

	while (n < max) {
		size_t from;

		while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
			i++;
		from = i;
		while (i < line.n && line.p[i] != ' ' && line.p[i] != '\t')
			i++;
		if (i == from || line.p[from] == '#')
			break;
		words[n++] = str_sub(line, from, i);
	}
	return n;
}

static int
add_package(struct image_recipe *r, struct str *words, size_t n)
{
	if (n != 2)
		return -EINVAL;
	if (str_is(words[0], "*") || str_is(words[0], r->suite))
		vec_push(&r->packages, arena_strz(r->arena, words[1]));
	return 0;
}

static int
add_pin(struct image_recipe *r, struct str *words, size_t n)
{
	if (n != 3 || !str_starts(words[2], "sha512-"))
		return -EINVAL;
	vec_push(&r->pins,
	    ((struct image_pin){ arena_strz(r->arena, words[0]),
		arena_strz(r->arena, words[1]),
		arena_strz(r->arena, words[2]) }));
	return 0;
}

static int
add_exclude(struct image_recipe *r, struct str *words, size_t n)
{
	if (n != 2)
		return -EINVAL;
	vec_push(&r->excludes,
	    ((struct image_exclude){ arena_strz(r->arena, words[0]),
		arena_strz(r->arena, words[1]) }));
	return 0;
}

static const char *const tables[] = IMAGE_RECIPE_TABLES;
static const row_fn adders[] = { add_package, add_pin, add_exclude };

static_assert(N_ELEMENTS(tables) == N_ELEMENTS(adders), "tables");

static int
read_rows(struct image_recipe *r, const char *path, row_fn add,
    struct error *err)
{
	struct str words[4], rest, line;
	struct buf text;
	unsigned at = 0;
	int rc;

	buf_init(&text, LIMIT_CONFIG_BYTES);
	rc = read_file(path, &text, err);
	rest = buf_str(&text);
	while (rc == 0 && str_cut(&rest, '\n', &line)) {
		size_t n = split(line, words, N_ELEMENTS(words));

		at++;
		if (n != 0 && (at > MAX_ROWS || add(r, words, n) != 0))
			rc = error_set(err, -EINVAL,
			    "%s:%u: not a row of this table", path, at);
	}
	buf_done(&text);
	return rc;
}

/* VERSION_CODENAME of a Debian; anything else has other packages. */
static int
find_suite(struct image_recipe *r, struct error *err)
{
	struct str rest, line, key, id = STR_NONE, suite = STR_NONE;
	struct buf text;
	int rc;

	buf_init(&text, LIMIT_CONFIG_BYTES);
	rc = read_file(IMAGE_RECIPE_SUITE, &text, err);
	rest = buf_str(&text);
	while (rc == 0 && str_cut(&rest, '\n', &line)) {
		if (!str_cut(&line, '=', &key) || line.p == NULL)
			continue;
		if (line.n >= 2 && line.p[0] == '"')
			line = str_sub(line, 1, line.n - 1);
		if (str_is(key, "ID"))
			id = line;
		if (str_is(key, "VERSION_CODENAME"))
			suite = line;
	}
	if (rc == 0 && (!str_is(id, "debian") || suite.n == 0))
		rc = error_set(err, -ENOTSUP,
		    "this is %.*s: images are made from the host's own Debian "
		    "packages (Debian 12 or 13)",
		    STR_ARG(id));
	if (rc == 0)
		r->suite = arena_strz(r->arena, suite);
	buf_done(&text);
	return rc;
}

static int
find_arch(struct image_recipe *r, struct error *err)
{
	struct utsname u;

	if (uname(&u) != 0)
		return error_errno(err, "uname");
	if (strcmp(u.machine, "x86_64") != 0)
		return error_set(err, -ENOTSUP,
		    "no image for %s yet: the pinned runtime is for x86_64",
		    u.machine);
	r->arch = arena_strz(r->arena, str_of("amd64"));
	return 0;
}

/* Comments and order of columns aside, everything that was read counts. */
static void
hash_recipe(struct image_recipe *r)
{
	uint8_t digest[SHA256_BYTES];
	struct buf text;

	buf_init(&text, LIMIT_CONFIG_BYTES * 4);
	buf_printf(&text, "%d %d %s %s %s\n", IMAGE_RECIPE_VERSION,
	    IMAGE_FORMAT, r->ecosystem, r->suite, r->arch);
	for (size_t i = 0; i < r->packages.n; i++)
		buf_printf(&text, "package %s\n", r->packages.v[i]);
	for (size_t i = 0; i < r->pins.n; i++)
		buf_printf(&text, "pin %s %s %s\n", r->pins.v[i].name,
		    r->pins.v[i].version, r->pins.v[i].integrity);
	for (size_t i = 0; i < r->excludes.n; i++)
		buf_printf(&text, "exclude %s %s\n", r->excludes.v[i].kind,
		    r->excludes.v[i].pattern);
	sha256_of(buf_str(&text), digest);
	sha256_hex(digest, r->id);
	buf_done(&text);
}

int
image_recipe_read(const char *ecosystem, struct image_recipe *ret,
    struct error *err)
{
	struct image_recipe r = { .arena = arena_new(4 * LIMIT_CONFIG_BYTES) };
	char data[LIMIT_PATH_BYTES], path[LIMIT_PATH_BYTES + 64];
	int rc = paths_get(PATHS_DATA, NULL, data, sizeof(data), err);

	r.ecosystem = arena_strz(r.arena, str_of(ecosystem));
	if (rc == 0) {
		(void)snprintf(path, sizeof(path), "%s/images/%s", data,
		    ecosystem);
		if (strchr(ecosystem, '/') != NULL || access(path, X_OK) != 0)
			rc = error_set(err, -ENOENT, "no image for %s",
			    ecosystem);
	}
	if (rc == 0)
		rc = find_suite(&r, err);
	if (rc == 0)
		rc = find_arch(&r, err);
	for (size_t i = 0; rc == 0 && i < N_ELEMENTS(tables); i++) {
		(void)snprintf(path, sizeof(path), "%s/images/%s/%s", data,
		    ecosystem, tables[i]);
		rc = read_rows(&r, path, adders[i], err);
	}
	if (rc != 0) {
		image_recipe_done(&r);
		return rc;
	}
	hash_recipe(&r);
	*ret = r;
	return 0;
}

void
image_recipe_done(struct image_recipe *r)
{
	vec_done(&r->packages);
	vec_done(&r->pins);
	vec_done(&r->excludes);
	arena_free(r->arena);
	*r = (struct image_recipe){ 0 };
}

const struct image_pin *
image_recipe_pin(const struct image_recipe *r, const char *prefix)
{
	for (size_t i = 0; i < r->pins.n; i++)
		if (str_starts(str_of(r->pins.v[i].name), prefix))
			return &r->pins.v[i];
	return NULL;
}
