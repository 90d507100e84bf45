/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large folders of a database are read by a process of its own, while the one
 * that began reads the index of the last export: each takes as long as the
 * other, and neither needs the other. Who visits the names sorts them. Runs in
 * `lazaret report export`; it may open the database's folders and nothing else.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/export_walk_priv.h"
#include "sys/fd.h"

#define ALIGN(n) (((n) + 7) & ~(size_t)7)

static void
put_padded(struct buf *b, const void *p, size_t n)
{
	static const char zeros[8];

	buf_put(b, p, n);
	buf_put(b, zeros, ALIGN(n) - n);
}

/* Of a tree's folder 0, of one in it 1. */
static size_t
depth_of(const char *path)
{
	size_t n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n - 1;
}

static void
put_list(struct buf *b, const struct list *l)
{
	size_t depth = depth_of(l->path), n_path = strlen(l->path) + 1;
	struct listed head = { .folder = l->folder,
		.n_names = (uint32_t)l->names.n,
		.n_path = (uint32_t)n_path };

	for (size_t i = 0; i < l->names.n; i++)
		head.n_text += (uint32_t)l->names.v[i].n + 1;
	buf_put(b, &head, sizeof(head));
	put_padded(b, l->path, n_path);
	head.n_text = 0;
	for (size_t i = 0; i < l->names.n; i++) {
		const struct name *e = &l->names.v[i];
		struct listed_name n = { .at = head.n_text,
			.n = (uint16_t)e->n,
			.folder = e->folder,
			.share = (uint8_t)export_listing_share(depth,
			    str_n(e->text, e->n), e->folder) };

		buf_put(b, &n, sizeof(n));
		head.n_text += (uint32_t)e->n + 1;
	}
	for (size_t i = 0; i < l->names.n; i++)
		buf_put(b, l->names.v[i].text, l->names.v[i].n + 1);
	while (b->n % 8 != 0)
		buf_putc(b, '\0');
}

static void __attribute__((noreturn))
lister(struct walk *w, const struct export_tree *trees, size_t n)
{
	struct error err = ERROR_INIT;
	int rc = export_walk_narrow(w, &err);
	struct buf b;

	if (rc == 0)
		rc = export_listing_shared(w, trees, n, &err);
	for (size_t i = 0; i < w->lists.n && rc == 0; i++) {
		struct list *l = &w->lists.v[i];

		buf_init(&b, (size_t)4 << 30);
		put_list(&b, l);
		rc = fd_write_all(w->lister.fd, b.p, b.n, &err);
		buf_done(&b);
	}
	if (rc != 0)
		fatal("report export: %s", err.msg);
	_exit(0);
}

int
export_lister_start(struct walk *w, const struct export_tree *trees, size_t n,
    struct error *err)
{
	w->lister.fd = memfd_create("folders", MFD_CLOEXEC);
	if (w->lister.fd < 0)
		return error_errno(err, "memory for names of folders");
	(void)fflush(stdout);
	w->lister.pid = fork();
	if (w->lister.pid < 0)
		return error_errno(err, "fork");
	if (w->lister.pid == 0)
		lister(w, trees, n);
	return 0;
}

/* --- what it left: it has read what others named ----------------------------
 */

static bool
is_name(const char *text, const struct listed_name *n)
{
	struct str s = str_n(text + n->at, n->n);

	return n->n != 0 && s.p[s.n] == '\0' && str_chr(s, '\0') < 0 &&
	    str_chr(s, '/') < 0 && !str_is(s, ".") && !str_is(s, "..") &&
	    n->share <= WALK_SHARES;
}

/* The list at the beginning of bytes; 0: it is none, otherwise its length. */
static size_t
check_list(struct str bytes)
{
	const struct listed *h = (const void *)bytes.p;
	const char *path = bytes.p + sizeof(*h), *text;
	const struct listed_name *names;
	uint64_t end;

	if (bytes.n < sizeof(*h) || h->n_path == 0)
		return 0;
	end = sizeof(*h) + (uint64_t)ALIGN((size_t)h->n_path) +
	    (uint64_t)h->n_names * sizeof(*names) + h->n_text;
	if (end > bytes.n || path[h->n_path - 1] != '\0')
		return 0;
	names = (const void *)(path + ALIGN((size_t)h->n_path));
	text = (const char *)(names + h->n_names);
	for (size_t i = 0; i < h->n_names; i++)
		if ((uint64_t)names[i].at + names[i].n >= h->n_text ||
		    !is_name(text, &names[i]))
			return 0;
	return ALIGN((size_t)end);
}

bool
export_lister_valid(struct str bytes)
{
	size_t at = 0, n;

	while (at < bytes.n) {
		n = check_list(str_sub(bytes, at, bytes.n));
		if (n == 0 || n > bytes.n - at)
			return false;
		at += n;
	}
	return true;
}

int
export_lister_wait(struct walk *w, struct error *err)
{
	int status = -1;
	struct stat st;
	void *p;

	if (waitpid(w->lister.pid, &status, 0) < 0 || status != 0)
		return error_set(err, -EPIPE,
		    "the database's folders could not be read");
	if (fstat(w->lister.fd, &st) != 0)
		return error_errno(err, "names of folders");
	if (st.st_size == 0)
		return 0;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, w->lister.fd,
	    0);
	if (p == MAP_FAILED)
		return error_errno(err, "names of folders");
	w->lister.map = p;
	w->lister.bytes = (size_t)st.st_size;
	if (!export_lister_valid(str_n(p, w->lister.bytes)))
		return error_set(err, -EPROTO, "bad list of folders");
	return 0;
}

bool
export_lister_take(const struct walk *w, struct level *l)
{
	const struct listed *h;

	for (size_t at = 0, n; at < w->lister.bytes; at += n) {
		const char *path = w->lister.map + at + sizeof(*h), *text;
		const struct listed_name *names;

		h = (const void *)(w->lister.map + at);
		names = (const void *)(path + ALIGN((size_t)h->n_path));
		text = (const char *)(names + h->n_names);
		n = ALIGN((size_t)(text + h->n_text - (w->lister.map + at)));
		if (strcmp(path, w->path) != 0)
			continue;
		l->folder = h->folder;
		for (size_t i = 0; i < h->n_names; i++)
			if (names[i].share == w->share ||
			    names[i].share == WALK_SHARES)
				vec_push(&l->names,
				    export_listing_name(str_n(text +
								names[i].at,
							    names[i].n),
					names[i].folder != 0));
		return true;
	}
	return false;
}

void
export_lister_done(struct walk *w)
{
	if (w->lister.map != NULL)
		(void)munmap((void *)(uintptr_t)w->lister.map, w->lister.bytes);
	closep(&w->lister.fd);
}
