/* SPDX-License-Identifier: Apache-2.0 */
/* The opener of a scan. Runs in lazaret scan, before and beside the reader;
 * it looks at names, never into files. */
#include "gate/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "gate/files.h"
#include "lockfile/lockfile.h"
#include "sys/message.h"

struct root {
	int fd; /* the folder that nothing leads out of */
	char *prefix; /* of shown paths: "" or "app/" */
	char *file; /* the one file below it; NULL: all that have a format */
	const char *format; /* of the file */
};

struct name {
	char *text;
	unsigned char type; /* DT_ */
};

struct level {
	int fd;
	VEC(struct name) names; /* in order of bytes */
	size_t at; /* next name */
	size_t path_n; /* bytes of the path down to here */
	bool installed;
};

struct walk {
	struct root *roots;
	size_t n_roots, root; /* root: the current one */
	bool begun; /* with the current root */
	struct level levels[LIMIT_SCAN_DEPTH];
	int depth;
	struct buf path; /* below the root, of the current level */
	struct buf shown;
	size_t n_entries;
};

/* --- opening ------------------------------------------------------------- */

static int
open_beneath(int dir, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static int
refuse(struct error *err, int code)
{
	if (code == EXDEV)
		return error_set(err, -EXDEV,
		    "leads out of the folder that is scanned: not followed");
	return error_set(err, -code, "cannot be opened: %s", strerror(code));
}

/* Looks before it opens: devices and FIFOs act when they are opened. */
static int
open_regular(int dir, const char *path, int *ret, struct error *err)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	_cleanup_(closep) int look = -1;
	_cleanup_(closep) int fd = -1;
	struct stat st;

	look = open_beneath(dir, path, O_PATH | O_CLOEXEC);
	if (look < 0)
		return refuse(err, errno);
	if (fstat(look, &st) != 0 || !S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "is no regular file");
	fd = open_beneath(dir, path, flags);
	if (fd < 0)
		return refuse(err, errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "is no regular file");
	*ret = steal_fd(&fd);
	return 0;
}

/* --- operands ------------------------------------------------------------ */

/* Lexically: no ".", no "..", no doubled slash. false: leads out. */
static bool
normalise(struct str path, struct buf *out)
{
	struct str rest = path, part;

	buf_reset(out);
	while (str_cut(&rest, '/', &part)) {
		if (part.n == 0 || str_is(part, "."))
			continue;
		if (str_is(part, "..")) {
			ptrdiff_t slash = str_rchr(buf_str(out), '/');

			if (out->n == 0)
				return false;
			out->n = slash < 0 ? 0 : (size_t)slash;
			continue;
		}
		if (out->n != 0)
			buf_putc(out, '/');
		buf_put_str(out, part);
	}
	buf_puts(out, ""); /* ends where n says */
	return !out->full && memchr(path.p, '\0', path.n) == NULL;
}

static char *
shown_prefix(struct str path)
{
	struct buf b;

	while (str_starts(path, "./"))
		path = str_sub(path, 2, path.n);
	while (path.n > 1 && str_ends(path, "/"))
		path.n--;
	buf_init(&b, LIMIT_PATH_BYTES);
	if (path.n != 0 && !str_is(path, ".")) {
		buf_put_str(&b, path);
		if (!str_ends(path, "/"))
			buf_putc(&b, '/');
	}
	buf_puts(&b, "");
	return b.p != NULL ? buf_steal(&b) : mem_strdup("");
}

static int
open_folder(struct root *r, const char *path, struct error *err)
{
	r->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return error_errno(err, "%s", path);
	return 0;
}

/* What the file includes may lie anywhere below the working directory, if the
 * file does; otherwise below the file's folder. */
static int
root_of_file(struct root *r, const struct walk_operand *o, struct buf *scratch,
    struct error *err)
{
	struct str path = str_of(o->path), folder;
	ptrdiff_t slash = str_rchr(path, '/');
	_cleanup_(freep) char *dir = NULL;

	if (o->format == NULL && lock_format_find(path) == NULL)
		return error_set(err, -EINVAL,
		    "%s: no lockfile or SBOM by its name; --lockfile "
		    "FORMAT:PATH says what it is",
		    o->path);
	r->format = o->format;
	if (!str_starts(path, "/") && normalise(path, scratch) &&
	    scratch->n != 0) {
		r->prefix = mem_strdup("");
		r->file = mem_strndup(buf_str(scratch));
		return open_folder(r, ".", err);
	}
	folder = slash < 0 ? STR_LIT(".") :
	    slash == 0     ? STR_LIT("/") :
			     str_sub(path, 0, (size_t)slash);
	dir = mem_strndup(folder);
	r->prefix = shown_prefix(folder);
	r->file = mem_strndup(str_sub(path, (size_t)(slash + 1), path.n));
	return open_folder(r, dir, err);
}

static int
root_open(struct root *r, const struct walk_operand *o, struct buf *scratch,
    struct error *err)
{
	struct stat st;

	r->fd = -1;
	if (stat(o->path, &st) != 0)
		return error_errno(err, "%s", o->path);
	if (!S_ISDIR(st.st_mode))
		return root_of_file(r, o, scratch, err);
	if (o->format != NULL)
		return error_set(err, -EINVAL,
		    "%s is a folder: --lockfile takes a file", o->path);
	r->prefix = shown_prefix(str_of(o->path));
	return open_folder(r, o->path, err);
}

int
walk_new(const struct walk_operand *operands, size_t n, struct walk **ret,
    struct error *err)
{
	struct walk *w = mem_alloc(sizeof(*w));
	int rc = 0;

	buf_init(&w->path, LIMIT_PATH_BYTES);
	buf_init(&w->shown, 2 * LIMIT_PATH_BYTES);
	w->roots = mem_array(n, sizeof(*w->roots));
	for (; w->n_roots < n && rc == 0; w->n_roots++)
		rc = root_open(&w->roots[w->n_roots], &operands[w->n_roots],
		    &w->path, err);
	buf_reset(&w->path);
	if (rc != 0) {
		walk_free(w);
		return rc;
	}
	*ret = w;
	return 0;
}

static void
level_done(struct level *l)
{
	for (size_t i = 0; i < l->names.n; i++)
		free(l->names.v[i].text);
	vec_done(&l->names);
	closep(&l->fd);
}

void
walk_free(struct walk *w)
{
	if (w == NULL)
		return;
	while (w->depth > 0)
		level_done(&w->levels[--w->depth]);
	for (size_t i = 0; i < w->n_roots; i++) {
		closep(&w->roots[i].fd);
		free(w->roots[i].prefix);
		free(w->roots[i].file);
	}
	free(w->roots);
	buf_done(&w->path);
	buf_done(&w->shown);
	free(w);
}

/* --- folders ------------------------------------------------------------- */

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text,
	    ((const struct name *)b)->text);
}

/* History, not what is installed or asked for. */
static bool
is_skipped(const char *name)
{
	static const char *const names[] = { ".", "..", ".git", ".hg", ".svn" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static unsigned char
type_of(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type;
	if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_UNKNOWN;
	return S_ISDIR(st.st_mode) ? DT_DIR :
	    S_ISREG(st.st_mode)    ? DT_REG :
	    S_ISLNK(st.st_mode)    ? DT_LNK :
				     DT_UNKNOWN;
}

static int
read_names(struct walk *w, struct level *l, struct error *err)
{
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		closep(&fd);
		return refuse(err, errno);
	}
	for (errno = 0; (e = readdir(d)) != NULL; errno = 0) {
		struct name n = { NULL, type_of(l->fd, e) };

		if (is_skipped(e->d_name))
			continue;
		if (++w->n_entries > LIMIT_SCAN_ENTRIES) {
			(void)closedir(d);
			return error_set(err, -E2BIG,
			    "more than %d entries: the rest is left out",
			    LIMIT_SCAN_ENTRIES);
		}
		n.text = mem_strdup(e->d_name);
		vec_push(&l->names, n);
	}
	if (l->names.n > 1)
		qsort(l->names.v, l->names.n, sizeof(*l->names.v), by_bytes);
	(void)closedir(d);
	return 0;
}

/* Folders that package managers fill. */
static bool
is_installed_name(struct str name)
{
	return str_is(name, "node_modules") || str_is(name, "site-packages") ||
	    str_is(name, "dist-packages");
}

static bool
is_installed_tree(int parent, const char *name)
{
	/* A folder of gems has one of their specifications beside it. */
	return is_installed_name(str_of(name)) ||
	    (strcmp(name, "gems") == 0 &&
		faccessat(parent, "specifications", F_OK,
		    AT_SYMLINK_NOFOLLOW) == 0);
}

/* Whether an operand lies in such a folder, by its own words. */
static bool
is_within_installed(const char *prefix)
{
	struct str rest = str_of(prefix), part;

	while (str_cut(&rest, '/', &part))
		if (is_installed_name(part))
			return true;
	return false;
}

static int
descend(struct walk *w, int parent, const char *name, struct error *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct level *l;
	int fd;

	if (w->depth == LIMIT_SCAN_DEPTH)
		return error_set(err, -ELOOP,
		    "deeper than %d folders: not scanned", LIMIT_SCAN_DEPTH);
	fd = openat(parent, name, flags);
	if (fd < 0)
		return refuse(err, errno);
	l = &w->levels[w->depth];
	*l = (struct level){ .fd = fd, .path_n = w->path.n };
	if (w->depth > 0)
		l->installed = w->levels[w->depth - 1].installed ||
		    is_installed_tree(parent, name);
	else
		l->installed = is_within_installed(w->roots[w->root].prefix);
	w->depth++;
	return read_names(w, l, err);
}

/* --- answers ------------------------------------------------------------- */

static const char *
shown(struct walk *w, struct str path)
{
	buf_reset(&w->shown);
	buf_puts(&w->shown, w->roots[w->root].prefix);
	buf_put_str(&w->shown, path);
	return w->shown.p;
}

static int
give_error(struct channel *c, const char *path, const char *message,
    struct error *err)
{
	message_begin(c, FILES_ERROR);
	message_put_str(c, str_of(path));
	message_put_str(c, str_of(message));
	return message_send(c, err) == 0 ? channel_flush(c, err) : err->code;
}

static int
give_none(struct channel *c, struct error *err)
{
	message_begin(c, FILES_NONE);
	return message_send(c, err) == 0 ? channel_flush(c, err) : err->code;
}

static int
give(struct walk *w, struct channel *c, const char *path, const char *format,
    struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct error why = ERROR_INIT;

	if (open_regular(w->roots[w->root].fd, path, &fd, &why) != 0)
		return give_error(c, shown(w, str_of(path)), why.msg, err);
	message_begin(c, FILES_FILE);
	message_put_str(c, str_of(shown(w, str_of(path))));
	message_put_str(c, str_of(format));
	message_put_fd(c, fd);
	return message_send(c, err) == 0 ? channel_flush(c, err) : err->code;
}

/* 1: answered. 0: nothing in this entry. */
static int
visit(struct walk *w, struct channel *c, const struct level *l,
    const struct name *n, struct error *err)
{
	const struct lock_format *f;
	struct error why = ERROR_INIT;
	int rc;

	buf_puts(&w->path, l->path_n != 0 ? "/" : "");
	buf_puts(&w->path, n->text);
	if (w->path.full) {
		rc = give_error(c, shown(w, buf_str(&w->path)),
		    "its path is too long", err);
		return rc < 0 ? rc : 1;
	}
	if (n->type == DT_DIR) {
		if (descend(w, l->fd, n->text, &why) == 0)
			return 0;
		rc = give_error(c, shown(w, buf_str(&w->path)), why.msg, err);
		return rc < 0 ? rc : 1;
	}
	(void)shown(w, buf_str(&w->path));
	f = l->installed ? lock_format_find_installed(buf_str(&w->shown)) :
			   lock_format_find(buf_str(&w->shown));
	if (f == NULL)
		return 0;
	rc = give(w, c, w->path.p, f->name, err);
	return rc < 0 ? rc : 1;
}

/* The next entry of the innermost folder: 1 answered, 0 not yet. */
static int
step(struct walk *w, struct channel *c, struct error *err)
{
	struct level *l = &w->levels[w->depth - 1];
	struct name n;
	int rc;

	w->path.n = l->path_n;
	w->path.full = false;
	if (l->at == l->names.n) {
		level_done(l);
		w->depth--;
		return 0;
	}
	n = l->names.v[l->at];
	l->names.v[l->at++].text = NULL;
	rc = visit(w, c, l, &n, err);
	free(n.text);
	return rc;
}

/* The file, or the top folder, of the next operand. */
static int
begin_root(struct walk *w, struct channel *c, struct error *err)
{
	const struct root *r = &w->roots[w->root];
	struct error why = ERROR_INIT;
	const char *format = r->format;
	int rc = 0;

	w->begun = true;
	w->path.n = 0;
	if (r->file != NULL) {
		if (format == NULL) {
			(void)shown(w, str_of(r->file));
			format = lock_format_find(buf_str(&w->shown))->name;
		}
		rc = give(w, c, r->file, format, err);
		return rc < 0 ? rc : 1;
	}
	if (descend(w, r->fd, ".", &why) != 0)
		rc = give_error(c, shown(w, STR_LIT(".")), why.msg, err);
	return rc < 0 ? rc : why.code != 0;
}

static int
next(struct walk *w, struct channel *c, struct error *err)
{
	int rc = 0;

	while (rc == 0) {
		if (w->depth > 0) {
			rc = step(w, c, err);
		} else if (w->root < w->n_roots && !w->begun) {
			rc = begin_root(w, c, err);
		} else if (w->root + 1 < w->n_roots) {
			w->root++;
			w->begun = false;
		} else {
			rc = give_none(c, err);
			return rc;
		}
	}
	return rc < 0 ? rc : 0;
}

/* A file that another one names. `from` is what the reader says it reads; a
 * lie gains it nothing, since nothing leads out of the root. */
static int
beside(struct walk *w, struct channel *c, struct message *m, bool include,
    struct error *err)
{
	struct str from = message_get_str(m), relative = message_get_str(m);
	struct str prefix = str_of(w->roots[w->root].prefix);
	ptrdiff_t slash = str_rchr(from, '/');
	const struct lock_format *f;
	struct buf joined, path;
	int rc;

	if (message_end(m, err) != 0)
		return err->code;
	buf_init(&joined, LIMIT_PATH_BYTES);
	buf_init(&path, LIMIT_PATH_BYTES);
	if (from.n > prefix.n)
		buf_put_str(&joined,
		    str_sub(from, prefix.n, (size_t)(slash + 1)));
	buf_put_str(&joined, relative);
	f = include ? lock_format_find(from) : NULL;
	if (str_starts(relative, "/") || joined.n == 0 ||
	    !normalise(buf_str(&joined), &path) || path.n == 0 ||
	    faccessat(w->roots[w->root].fd, path.p, F_OK,
		AT_SYMLINK_NOFOLLOW) != 0)
		rc = give_none(c, err);
	else
		rc = give(w, c, path.p, f != NULL ? f->name : "", err);
	buf_done(&joined);
	buf_done(&path);
	return rc;
}

int
walk_serve(struct walk *w, struct channel *c, struct error *err)
{
	struct message m;
	int rc;

	while ((rc = channel_recv(c, &m, err)) == 1) {
		if (m.type == FILES_OPEN || m.type == FILES_INCLUDE) {
			rc = beside(w, c, &m, m.type == FILES_INCLUDE, err);
		} else {
			rc = message_end(&m, err);
			if (rc == 0)
				rc = next(w, c, err);
		}
		if (rc < 0)
			return rc;
	}
	return rc;
}
