/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and reading npm's configuration files. Runs in role fetch, before
 * lockdown: these are the user's own files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/npmrc_priv.h"
#include "sys/fd.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789+/";

static void
base64(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;

		if (i + 1 < s.n)
			v |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (i + 2 < s.n)
			v |= (unsigned char)s.p[i + 2];
		buf_putc(out, alphabet[v >> 18]);
		buf_putc(out, alphabet[v >> 12 & 63]);
		buf_putc(out, i + 1 < s.n ? alphabet[v >> 6 & 63] : '=');
		buf_putc(out, i + 2 < s.n ? alphabet[v & 63] : '=');
	}
}

static void
unbase64(struct str s, struct buf *out)
{
	uint32_t v = 0;
	int bits = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *at =
		    s.p[i] != '\0' ? strchr(alphabet, s.p[i]) : NULL;

		if (at == NULL)
			continue;
		v = (v << 6 | (uint32_t)(at - alphabet)) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_putc(out, (char)(v >> bits & 0xff));
		}
	}
}

void
npmrc_basic(struct str user, struct str password, struct buf *out)
{
	struct buf plain;

	buf_init(&plain, LIMIT_CONFIG_BYTES);
	buf_put_str(&plain, user);
	buf_putc(&plain, ':');
	unbase64(password, &plain);
	base64(buf_str(&plain), out);
	buf_done(&plain);
}

/* Missing is fine; unreadable is not: the user would wonder why a token is
 * not used. */
static int
load_file(struct npmrc *c, enum npmrc_layer layer, const char *path,
    struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf b;
	int rc;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return error_errno(err, "%s", path);
	buf_init(&b, LIMIT_CONFIG_BYTES);
	rc = fd_read_all(fd, &b, err);
	if (rc == -EISDIR)
		rc = 0;
	else if (rc == 0)
		rc = npmrc_parse(c, layer, path, buf_str(&b), c->env, err);
	else
		rc = error_wrap(err, "%s", path);
	buf_done(&b);
	return rc;
}

/* The folder that npm takes for the project: the nearest one from cwd up with
 * a package.json or node_modules, else cwd. Never the home folder's own file,
 * which is the user layer. */
static char *
project_file(struct npmrc *c, const char *cwd, const char *user_file)
{
	static const char *const marks[] = { "package.json", "node_modules" };
	char *dir = arena_strz(c->arena, str_of(cwd)), *file = NULL, *slash;

	while (dir[0] != '\0' && file == NULL) {
		for (size_t i = 0; i < N_ELEMENTS(marks); i++)
			if (access(arena_printf(c->arena, "%s/%s", dir,
				       marks[i]),
				F_OK) == 0)
				file = arena_printf(c->arena, "%s/.npmrc", dir);
		slash = strrchr(dir, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
	}
	if (file == NULL)
		file = arena_printf(c->arena, "%s/.npmrc", cwd);
	return user_file != NULL && strcmp(file, user_file) == 0 ? NULL : file;
}

static const char *
setting_path(struct npmrc *c, const char *key)
{
	struct str s = npmrc_get(c, str_of(key));

	return s.n != 0 ? arena_strz(c->arena, s) : NULL;
}

/* The client's executable tells its prefix: PREFIX/bin/node. */
static const char *
find_client(struct npmrc *c, const char *name)
{
	struct str path = npmrc_env(c->env, STR_LIT("PATH")), dir;
	char real[LIMIT_PATH_BYTES];

	while (str_cut(&path, ':', &dir)) {
		char *file =
		    arena_printf(c->arena, "%.*s/%s", STR_ARG(dir), name);

		if (dir.n != 0 && access(file, X_OK) == 0 &&
		    realpath(file, real) != NULL)
			return arena_strz(c->arena, str_of(real));
	}
	return NULL;
}

/* "/usr/lib/node_modules/npm/bin/npm-cli.js", 2 → "/usr/lib/…/npm". */
static const char *
parent(struct npmrc *c, const char *path, int levels)
{
	struct str s = str_of(path);

	for (; levels > 0 && s.n != 0; levels--) {
		ptrdiff_t slash = str_rchr(s, '/');

		s = str_sub(s, 0, slash < 0 ? 0 : (size_t)slash);
	}
	return arena_strz(c->arena, s);
}

static int
load_global(struct npmrc *c, struct error *err)
{
	const char *file = setting_path(c, "globalconfig");
	const char *prefix = setting_path(c, "prefix");
	const char *node = find_client(c, "node");
	int rc;

	if (file != NULL)
		return load_file(c, NPMRC_GLOBAL, file, err);
	if (prefix == NULL && node != NULL)
		prefix = parent(c, node, 2);
	/* /etc/npmrc first: the prefix's own file has the last word. */
	rc = load_file(c, NPMRC_GLOBAL, "/etc/npmrc", err);
	if (rc == 0 && prefix != NULL)
		rc = load_file(c, NPMRC_GLOBAL,
		    arena_printf(c->arena, "%s/etc/npmrc", prefix), err);
	return rc;
}

static int
load_builtin(struct npmrc *c, struct error *err)
{
	const char *npm = find_client(c, "npm");

	if (npm == NULL)
		return 0;
	return load_file(c, NPMRC_BUILTIN,
	    arena_printf(c->arena, "%s/npmrc", parent(c, npm, 2)), err);
}

int
npmrc_load(struct npmrc *c, const char *cwd, const char *const *env,
    struct error *err)
{
	const char *user = NULL, *project;
	struct str home;
	int rc = 0;

	npmrc_add_env(c, env);
	user = setting_path(c, "userconfig");
	home = npmrc_env(env, STR_LIT("HOME"));
	if (user == NULL && home.n != 0)
		user = arena_printf(c->arena, "%.*s/.npmrc", STR_ARG(home));
	project = project_file(c, cwd, user);
	if (project != NULL)
		rc = load_file(c, NPMRC_PROJECT, project, err);
	if (rc == 0 && user != NULL)
		rc = load_file(c, NPMRC_USER, user, err);
	if (rc == 0)
		rc = load_global(c, err);
	if (rc == 0)
		rc = load_builtin(c, err);
	return rc;
}
