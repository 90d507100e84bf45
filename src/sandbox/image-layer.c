/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer above an image's tree that makes its programs trust the image's
 * authority: the bundle, the folder of certificates by hash, Debian's list of
 * trusted ones, and the patched runtime. Runs in the supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/paths.h"

#define BUNDLE "etc/ssl/certs/ca-certificates.crt"
#define LIST   "etc/ca-certificates.conf"
/* Where Debian's package has the roots, one file each. */
#define ROOTS "usr/share/ca-certificates/mozilla"

#define BUNDLE_BYTES (4 * MIB)

struct layer {
	const struct image_ca *ca;
	char *top; /* <dir>/ca-<name> */
	char *tree; /* <top>/layer */
	const char *rootfs;
};

static int
put_file(const char *folder, const char *name, unsigned mode, struct str bytes,
    struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s", folder, name);
	_cleanup_(freep) char *parent = mem_strdup(path);
	_cleanup_(closep) int fd = -1;
	int rc;

	*strrchr(parent, '/') = '\0';
	rc = paths_make(parent, 0755, err);
	if (rc != 0)
		return rc;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return error_errno(err, "cannot write %s", path);
	return fd_write_all(fd, bytes.p, bytes.n, err);
}

static int
get_file(const char *folder, const char *name, struct buf *out,
    struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s", folder, name);
	_cleanup_(closep) int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return error_errno(err, "%s", path);
	return fd_read_all(fd, out, err);
}

static int
put_link(const char *folder, const char *name, const char *target,
    struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/%s", folder, name);

	if (symlink(target, path) != 0)
		return error_errno(err, "cannot make %s", path);
	return 0;
}

static int
put_bundle(struct layer *l, struct error *err)
{
	struct buf old, new;
	int rc;

	buf_init(&old, BUNDLE_BYTES);
	buf_init(&new, 2 * BUNDLE_BYTES);
	rc = get_file(l->rootfs, BUNDLE, &old, err);
	if (rc == 0)
		rc = image_ca_bundle(buf_str(&old), str_of(l->ca->cert_pem),
		    &new, err);
	if (rc == 0)
		rc = put_file(l->tree, BUNDLE, 0644, buf_str(&new), err);
	buf_done(&old);
	buf_done(&new);
	return rc;
}

/* update-ca-certificates run inside makes the same bundle again. */
static int
put_list(struct layer *l, struct error *err)
{
	struct buf list;
	int rc;

	buf_init(&list, BUNDLE_BYTES);
	rc = get_file(l->rootfs, LIST, &list, err);
	buf_printf(&list, "mozilla/%s.crt\n", l->ca->label);
	if (rc == 0)
		rc = put_file(l->tree, LIST, 0644, buf_str(&list), err);
	buf_done(&list);
	return rc;
}

/* The files that Debian has for each root: OpenSSL looks for the hash. */
static int
put_root(struct layer *l, struct error *err)
{
	_cleanup_(freep) char *file = mem_printf(ROOTS "/%s.crt", l->ca->label);
	_cleanup_(freep) char *link =
	    mem_printf("etc/ssl/certs/%s.pem", l->ca->label);
	_cleanup_(freep) char *target = mem_printf("/%s", file);
	_cleanup_(freep) char *hash =
	    mem_printf("etc/ssl/certs/%08x.0", l->ca->name_hash);
	_cleanup_(freep) char *name = mem_printf("%s.pem", l->ca->label);
	_cleanup_(freep) char *pem = mem_printf("%s\n", l->ca->cert_pem);
	int rc = put_file(l->tree, file, 0644, str_of(pem), err);

	if (rc == 0)
		rc = put_link(l->tree, link, target, err);
	if (rc == 0)
		rc = put_link(l->tree, hash, name, err);
	return rc;
}

static int
put_runtime(struct layer *l, const char *runtime, const char *path,
    struct error *err)
{
	_cleanup_(freep) char *to = mem_printf("%s%s", l->tree, path);
	_cleanup_(freep) char *parent = mem_strdup(to);
	int rc;

	*strrchr(parent, '/') = '\0';
	rc = paths_make(parent, 0755, err);
	if (rc == 0 && (rename(runtime, to) != 0 || chmod(to, 0755) != 0))
		rc = error_errno(err, "%s", to);
	return rc;
}

static int
put_authority(struct layer *l, struct error *err)
{
	_cleanup_(freep) char *pem = mem_printf("%s\n", l->ca->cert_pem);
	_cleanup_(freep) char *key = mem_printf("%s\n", l->ca->key_pem);
	int rc = put_file(l->top, "cert.pem", 0644, str_of(pem), err);

	if (rc == 0)
		rc = put_file(l->top, "key.pem", 0600, str_of(key), err);
	explicit_bzero(key, strlen(key));
	return rc;
}

/* The files of the layer that are checked at each use; those of an older one
 * are forgotten. */
static int
note_files(struct image_manifest *m, const char *dir, struct error *err)
{
	const char *const names[] = { "cert.pem", "key.pem", "layer/" BUNDLE };
	_cleanup_(freep) char *runtime =
	    mem_printf("ca-%s/layer%s", m->ca_name, m->runtime_path);
	size_t kept = 0;
	int rc;

	for (size_t i = 0; i < m->files.n; i++)
		if (!str_starts(str_of(m->files.v[i].path), "ca-"))
			m->files.v[kept++] = m->files.v[i];
	m->files.n = kept;
	rc = image_manifest_renew(m, dir, err);
	if (rc == 0)
		rc = image_manifest_add_file(m, dir, runtime, err);
	for (size_t i = 0; rc == 0 && i < N_ELEMENTS(names); i++) {
		_cleanup_(freep) char *path =
		    mem_printf("ca-%s/%s", m->ca_name, names[i]);

		rc = image_manifest_add_file(m, dir, path, err);
	}
	return rc;
}

int
image_layer_make(struct image_manifest *m, const char *dir,
    const struct image_ca *ca, const char *runtime, struct error *err)
{
	_cleanup_(freep) char *top = mem_printf("%s/ca-%s", dir, ca->name);
	_cleanup_(freep) char *tree = mem_printf("%s/layer", top);
	_cleanup_(freep) char *rootfs = mem_printf("%s/rootfs", dir);
	struct layer l = { ca, top, tree, rootfs };
	int rc = paths_make(tree, 0755, err);

	if (rc == 0)
		rc = put_bundle(&l, err);
	if (rc == 0)
		rc = put_list(&l, err);
	if (rc == 0)
		rc = put_root(&l, err);
	if (rc == 0)
		rc = put_runtime(&l, runtime, m->runtime_path, err);
	if (rc == 0)
		rc = image_ids_give(tree, true, err);
	if (rc == 0)
		rc = put_authority(&l, err);
	if (rc != 0)
		return rc;
	m->ca_name = arena_strz(m->arena, str_of(ca->name));
	m->ca_made_at = clock_wall_ns();
	return note_files(m, dir, err);
}
