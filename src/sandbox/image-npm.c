/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The npm part of an image: a pinned Node.js with its headers, a pinned npm,
 * and node-gyp's cache in the skeleton of homes, so that native add-ons build
 * without a question to the network. The host's npm fetches both archives
 * (end point, credentials, proxy and certificates are then those of the
 * user's configuration); no script of a package is run, and bytes that are
 * not the pinned ones are refused. Runs in the supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
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
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/fd.h"
#include "sys/paths.h"

#define NODE_GYP \
	"usr/local/lib/node_modules/npm/node_modules/node-gyp/package.json"

static int
file_integrity(const char *path, struct buf *out, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char digest[EVP_MAX_MD_SIZE],
	    text[4 * EVP_MAX_MD_SIZE / 3 + 4];
	unsigned digest_n = 0;
	EVP_MD_CTX *c;
	char block[64 * KIB];
	ssize_t n;

	if (fd < 0)
		return error_errno(err, "%s", path);
	c = EVP_MD_CTX_new();
	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha512(), NULL) != 1)
		fatal("libcrypto has no SHA-512");
	while ((n = read(fd, block, sizeof(block))) > 0)
		if (EVP_DigestUpdate(c, block, (size_t)n) != 1)
			fatal("SHA-512 failed");
	if (EVP_DigestFinal_ex(c, digest, &digest_n) != 1)
		fatal("SHA-512 failed");
	EVP_MD_CTX_free(c);
	if (n < 0)
		return error_errno(err, "%s", path);
	(void)EVP_EncodeBlock(text, digest, (int)digest_n);
	buf_printf(out, "sha512-%s", (const char *)text);
	return 0;
}

/* 0 when the file has the pinned bytes, 1 when it is not there. */
static int
check_archive(const char *path, const struct image_pin *pin, struct error *err)
{
	struct buf integrity;
	int rc;

	if (access(path, R_OK) != 0)
		return 1;
	buf_init(&integrity, LIMIT_TEXT_BYTES);
	rc = file_integrity(path, &integrity, err);
	if (rc == 0 && !str_is(buf_str(&integrity), pin->integrity))
		rc = error_set(err, -EBADMSG,
		    "%s %s: the registry's archive is not the pinned one "
		    "(%.20s…)",
		    pin->name, pin->version, integrity.p);
	buf_done(&integrity);
	return rc;
}

static int
download(struct image_build *b, const struct image_pin *pin, const char *to,
    struct error *err)
{
	_cleanup_(freep) char *dir = mem_printf("%s/pack", b->tmp);
	_cleanup_(freep) char *from =
	    mem_printf("%s/%s-%s.tgz", dir, pin->name, pin->version);
	_cleanup_(freep) char *chdir = mem_printf("--chdir=%s", dir);
	_cleanup_(freep) char *what =
	    mem_printf("%s@%s", pin->name, pin->version);
	char path[LIMIT_PATH_BYTES];
	/* Not from the user's folder: a project's settings are not ours. */
	const char *const argv[] = { "env", chdir, "npm", "pack",
		"--ignore-scripts", "--loglevel=error", "--no-workspaces",
		"--pack-destination=.", what, NULL };
	const struct image_tool t = { .argv = argv, .name = "npm" };
	int rc = image_tool_find("npm", path, sizeof(path), err);

	if (rc == 0)
		rc = paths_make(dir, 0700, err);
	if (rc == 0)
		rc = image_tool_run(b, &t, err);
	if (rc != 0)
		return error_wrap(err, "%s", what);
	rc = check_archive(from, pin, err);
	if (rc == 1)
		rc = error_set(err, -EIO, "npm left no archive of %s", what);
	if (rc == 0 && rename(from, to) != 0)
		rc = error_errno(err, "%s", to);
	return rc;
}

/* The pinned archive in the cache, fetched when it is not there. */
static int
archive(struct image_build *b, const struct image_pin *pin, char **ret,
    struct error *err)
{
	_cleanup_(freep) char *path =
	    mem_printf("%s/%s-%s.tgz", b->cache, pin->name, pin->version);
	int rc = check_archive(path, pin, err);

	if (rc == -EBADMSG) {
		(void)unlink(path); /* of an older pin, or damaged */
		rc = 1;
	}
	if (rc == 1)
		rc = download(b, pin, path, err);
	if (rc == 0)
		*ret = steal(&path);
	return rc;
}

static int
unpack(struct image_build *b, const struct image_pin *pin, const char *below,
    struct error *err)
{
	_cleanup_(freep) char *file = NULL;
	_cleanup_(freep) char *dir = mem_printf("%s/%s", b->rootfs, below);
	VEC(const char *) argv = { 0 };
	struct arena *a = arena_new(LIMIT_CONFIG_BYTES);
	struct image_tool t = { 0 };
	int rc = archive(b, pin, &file, err);

	if (rc == 0)
		rc = paths_make(dir, 0755, err);
	if (rc == 0) {
		vec_push(&argv, "tar");
		vec_push(&argv, "--extract");
		vec_push(&argv, "--gzip");
		vec_push(&argv, "--no-same-owner");
		vec_push(&argv, "--no-same-permissions");
		vec_push(&argv, "--strip-components=1");
		vec_push(&argv, arena_printf(a, "--file=%s", file));
		vec_push(&argv, arena_printf(a, "--directory=%s", dir));
		for (size_t i = 0; i < b->recipe.excludes.n; i++)
			if (strcmp(b->recipe.excludes.v[i].kind, pin->name) ==
			    0)
				vec_push(&argv,
				    arena_printf(a, "--exclude=%s",
					b->recipe.excludes.v[i].pattern));
		vec_push(&argv, NULL);
		t.argv = argv.v;
		rc = image_tool_run(b, &t, err);
	}
	vec_done(&argv);
	arena_free(a);
	return rc;
}

static int
link_program(struct image_build *b, const char *name, const char *target,
    struct error *err)
{
	_cleanup_(freep) char *path =
	    mem_printf("%s/usr/local/bin/%s", b->rootfs, name);
	_cleanup_(freep) char *file =
	    mem_printf("%s/usr/local/bin/%s", b->rootfs, target);

	(void)unlink(path);
	if (symlink(target, path) != 0 || chmod(file, 0755) != 0)
		return error_errno(err, "%s", path);
	return 0;
}

/* "installVersion" of npm's node-gyp: what its cache must say to be used. */
static int
gyp_version(struct image_build *b, uint64_t *ret, struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s", b->rootfs, NODE_GYP);
	yyjson_doc *doc = yyjson_read_file(path, 0, NULL, NULL);
	yyjson_val *v =
	    yyjson_obj_get(yyjson_doc_get_root(doc), "installVersion");
	bool there = yyjson_is_uint(v);

	*ret = there ? yyjson_get_uint(v) : 0;
	yyjson_doc_free(doc);
	return there ? 0 :
		       error_set(err, -EINVAL,
			   "npm's node-gyp does not say its installVersion");
}

/* ~/.cache/node-gyp/<version> as node-gyp leaves it after it has downloaded
 * the headers once; they lie where Node's own archive puts them. */
static int
make_skeleton(struct image_build *b, const char *version, struct error *err)
{
	_cleanup_(freep) char *dir =
	    mem_printf("%s/etc/skel/.cache/node-gyp/%s", b->rootfs, version);
	_cleanup_(freep) char *include = mem_printf("%s/include", dir);
	_cleanup_(freep) char *file = mem_printf("%s/installVersion", dir);
	_cleanup_(closep) int fd = -1;
	char text[32];
	uint64_t number;
	int rc = gyp_version(b, &number, err);

	if (rc == 0)
		rc = paths_make(dir, 0755, err);
	if (rc != 0)
		return rc;
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || symlink("/usr/local/include", include) != 0)
		return error_errno(err, "%s", dir);
	(void)snprintf(text, sizeof(text), "%llu\n",
	    (unsigned long long)number);
	return fd_write_all(fd, text, strlen(text), err);
}

int
image_npm_install(struct image_build *b, struct error *err)
{
	const struct image_pin *node = image_recipe_pin(&b->recipe, "node-");
	const struct image_pin *npm = image_recipe_pin(&b->recipe, "npm");
	struct image_manifest *m = &b->manifest;
	int rc;

	if (node == NULL || npm == NULL)
		return error_set(err, -EINVAL,
		    "images/npm/pins must name node-… and npm");
	rc = unpack(b, node, "usr/local", err);
	if (rc == 0)
		rc = unpack(b, npm, "usr/local/lib/node_modules/npm", err);
	if (rc == 0)
		rc = link_program(b, "npm",
		    "../lib/node_modules/npm/bin/npm-cli.js", err);
	if (rc == 0)
		rc = link_program(b, "npx",
		    "../lib/node_modules/npm/bin/npx-cli.js", err);
	if (rc == 0)
		rc = make_skeleton(b, node->version, err);
	m->runtime_version = arena_strz(m->arena, str_of(node->version));
	m->runtime_path = arena_strz(m->arena, STR_LIT("/usr/local/bin/node"));
	m->client_version = arena_strz(m->arena, str_of(npm->version));
	m->home_skeleton = arena_strz(m->arena, STR_LIT("/etc/skel"));
	return rc;
}

/* Runs a program of the image in it: no network, nobody's rights, nothing of
 * our environment. */
static int
run_inside(struct image_build *b, const char *const *argv, struct buf *out,
    struct error *err)
{
	static const char *const env[] = { "HOME=/tmp", "LC_ALL=C",
		"PATH=/usr/local/bin:/usr/bin:/bin", NULL };
	_cleanup_(freep) char *root = mem_printf("--root=%s", b->rootfs);
	VEC(const char *) all = { 0 };
	struct image_tool t = { .name = argv[0],
		.env = env,
		.clean = true,
		.out = out };
	int rc;

	vec_push(&all, "unshare");
	vec_push(&all, "--mount");
	vec_push(&all, "--net");
	vec_push(&all, "--pid");
	vec_push(&all, "--ipc");
	vec_push(&all, "--uts");
	vec_push(&all, "--fork");
	vec_push(&all, "--kill-child");
	vec_push(&all, root);
	vec_push(&all, "--wd=/");
	vec_push(&all, "--setgid=65534");
	vec_push(&all, "--setuid=65534");
	for (size_t i = 0; argv[i] != NULL; i++)
		vec_push(&all, argv[i]);
	vec_push(&all, NULL);
	t.argv = all.v;
	rc = image_tool_run(b, &t, err);
	vec_done(&all);
	return rc == 0 ? 0 : error_wrap(err, "in the image");
}

int
image_npm_ask(struct image_build *b, struct error *err)
{
	static const char *const version[] = { "/usr/local/bin/node",
		"--version", NULL };
	static const char *const registry[] = { "/usr/local/bin/npm", "config",
		"get", "registry", "--logs-max=0", NULL };
	struct image_manifest *m = &b->manifest;
	struct buf out;
	struct str s;
	int rc;

	buf_init(&out, LIMIT_CONFIG_BYTES);
	rc = run_inside(b, version, &out, err);
	s = str_trim(buf_str(&out));
	if (rc == 0 && !str_is(str_sub(s, 1, s.n), m->runtime_version))
		rc = error_set(err, -EINVAL,
		    "Node.js says that it is %.*s, the pin says %s", STR_ARG(s),
		    m->runtime_version);
	buf_reset(&out);
	if (rc == 0)
		rc = run_inside(b, registry, &out, err);
	s = str_trim(buf_str(&out));
	if (rc == 0 && !str_starts(s, "http"))
		rc = error_set(err, -EINVAL,
		    "npm in the image does not name its registry: %.*s",
		    STR_ARG(s));
	if (rc == 0)
		m->registry = arena_strz(m->arena, s);
	buf_done(&out);
	return rc;
}

/* How many roots node has, and how many of them are the one that is given;
 * throws when that does not parse as a certificate. */
static const char trust_script[] =
    "const t = require('tls').rootCertificates;"
    "const ours = t.filter((c) => c.trimEnd() === process.argv[1]);"
    "new (require('crypto').X509Certificate)(ours[0]);"
    "console.log(t.length, ours.length)";

int
image_npm_trust(struct image_build *b, const char *pem, size_t n_roots,
    struct error *err)
{
	const char *const argv[] = { "/usr/local/bin/node", "-e", trust_script,
		"--", pem, NULL };
	_cleanup_(freep) char *wanted = mem_printf("%zu 1", n_roots);
	struct buf out;
	int rc;

	buf_init(&out, LIMIT_CONFIG_BYTES);
	rc = run_inside(b, argv, &out, err);
	if (rc == 0 && !str_is(str_trim(buf_str(&out)), wanted))
		rc = error_set(err, -EINVAL,
		    "the image's Node.js does not trust its authority: "
		    "\"%.*s\" instead of \"%s\"",
		    STR_ARG(str_trim(buf_str(&out))), wanted);
	buf_done(&out);
	return rc;
}
