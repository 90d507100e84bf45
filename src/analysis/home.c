/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The home of the persona as files of the sandbox: what the image has for
 * every new home (headers for native builds among it), and over it what was
 * drawn. Runs in the supervisor; the image is ours.
 */
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/analysis_priv.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "decoy/persona.h"
#include "sys/fd.h"

/* A skeleton is a handful of small files. */
#define MAX_SKELETON_FILES 256
#define MAX_SKELETON_BYTES (1 * MIB)

static void
ftsp(FTS **f)
{
	if (*f != NULL)
		(void)fts_close(*f);
}

static bool
persona_has(const struct persona *p, const char *path)
{
	for (size_t i = 0; i < p->n_files; i++)
		if (str_is(p->files[i].path, path))
			return true;
	return false;
}

static int
read_file(struct analysis *a, const char *path, struct str *ret,
    struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf b;
	int r;

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	buf_init(&b, MAX_SKELETON_BYTES);
	r = fd_read_all(fd, &b, err);
	*ret = arena_str(a->arena, buf_str(&b));
	buf_done(&b);
	return r;
}

/* 1: it became a file of the sandbox, 0: it is none. */
static int
take_entry(struct analysis *a, const FTSENT *e, const char *inside,
    struct sandbox_file *ret, struct error *err)
{
	char target[LIMIT_PATH_BYTES];
	ssize_t n;
	int r;

	*ret = (struct sandbox_file){ .path = inside,
		.fd = -1,
		.mode = e->fts_statp->st_mode & 0777,
		.uid = PERSONA_UID,
		.gid = PERSONA_GID,
		.mtime = e->fts_statp->st_mtime };
	switch (e->fts_info) {
	case FTS_D:
		ret->kind = SANDBOX_FILE_DIR;
		return 1;
	case FTS_SL:
	case FTS_SLNONE:
		n = readlink(e->fts_accpath, target, sizeof(target));
		if (n < 0)
			return error_errno(err, "cannot read %s", e->fts_path);
		ret->kind = SANDBOX_FILE_SYMLINK;
		ret->bytes = arena_str(a->arena, str_n(target, (size_t)n));
		return 1;
	case FTS_F:
		ret->kind = SANDBOX_FILE_BYTES;
		r = read_file(a, e->fts_accpath, &ret->bytes, err);
		return r < 0 ? r : 1;
	default:
		return 0;
	}
}

static int
add_skeleton(struct analysis *a, struct home_files *h, struct error *err)
{
	const struct persona *p = a->persona;
	size_t last = a->image.n_layers - 1; /* the root file system */
	char *top = arena_printf(a->arena, "%s%s", a->image.layers[last],
	    a->image.home_skeleton);
	char *const tops[] = { top, NULL };
	_cleanup_(ftsp) FTS *f =
	    fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	if (f == NULL)
		return error_errno(err, "cannot read %s", top);
	while ((e = fts_read(f)) != NULL && h->n < MAX_SKELETON_FILES) {
		const char *inside = arena_printf(a->arena, "%s%s", p->home,
		    e->fts_path + strlen(top));
		if (e->fts_level == 0 || e->fts_info == FTS_DP ||
		    persona_has(p, inside))
			continue;
		int r = take_entry(a, e, inside, &h->v[h->n], err);
		if (r < 0)
			return r;
		h->n += (size_t)r;
	}
	return 0;
}

int
home_make(struct analysis *a, struct home_files *ret, struct error *err)
{
	const struct persona *p = a->persona;

	ret->v = arena_array(a->arena, p->n_files + MAX_SKELETON_FILES,
	    sizeof(*ret->v));
	for (size_t i = 0; i < p->n_files; i++) {
		const struct persona_file *f = &p->files[i];
		ret->v[i] = (struct sandbox_file){ .path = arena_strz(a->arena,
						       f->path),
			.kind =
			    f->folder ? SANDBOX_FILE_DIR : SANDBOX_FILE_BYTES,
			.bytes = f->bytes,
			.fd = -1,
			.mode = f->mode,
			.uid = PERSONA_UID,
			.gid = PERSONA_GID,
			.mtime = f->changed_at };
	}
	ret->n = p->n_files;
	struct home_files rest = { ret->v + ret->n, 0 };
	int r = add_skeleton(a, &rest, err);
	ret->n += rest.n;
	return r;
}
