/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of a scan. Runs in a child of lazaret scan that can open
 * nothing. */
#include "gate/collect.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "gate/files.h"
#include "sys/message.h"

/* What the opener answered. */
struct answer {
	uint16_t type; /* FILES_FILE, FILES_ERROR, FILES_NONE */
	struct str path, message; /* in the arena */
	const struct lock_format *format;
	struct str bytes;
	struct str context; /* of an included file */
};

void
collect_init(struct collect *c, struct arena *a, struct channel *channel)
{
	*c = (struct collect){ .arena = a,
		.channel = channel,
		.seen = map_new(LIMIT_SCAN_ENTRIES) };
}

void
collect_done(struct collect *c)
{
	for (size_t i = 0; i < c->files.n; i++)
		lock_list_done(&c->files.v[i]->list);
	vec_done(&c->files);
	vec_done(&c->includes);
	map_free(c->seen);
}

/* --- files --------------------------------------------------------------- */

static struct collect_file *
add_file(struct collect *c, struct str path)
{
	struct collect_file *f = arena_alloc(c->arena, sizeof(*f));

	f->path = path;
	lock_list_init(&f->list, c->arena);
	vec_push(&c->files, f);
	return f;
}

/* Whole, into the arena; a file that shrinks or grows meanwhile is as long as
 * it was when it was opened, at most. */
static int
read_whole(struct collect *c, int fd, struct str *ret, struct error *err)
{
	struct stat st;
	size_t n = 0;
	char *p;

	if (fstat(fd, &st) != 0)
		return error_errno(err, "cannot be read");
	if (st.st_size > (off_t)LIMIT_LOCKFILE_BYTES)
		return error_set(err, -EFBIG, "larger than %u MiB",
		    LIMIT_LOCKFILE_BYTES / MIB);
	if (c->n_bytes + (size_t)st.st_size > LIMIT_SCAN_BYTES)
		return error_set(err, -EFBIG,
		    "left out: the files before it have %u MiB; scan folders "
		    "one by one",
		    LIMIT_SCAN_BYTES / MIB);
	c->n_bytes += (size_t)st.st_size;
	p = arena_alloc(c->arena, (size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(err, "cannot be read");
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret = str_n(p, n);
	return 0;
}

static int
take_answer(struct collect *c, struct message *m, struct answer *ret,
    struct error *err)
{
	struct error why = ERROR_INIT;
	_cleanup_(closep) int fd = -1;
	struct str format;

	*ret = (struct answer){ .type = m->type };
	if (m->type == FILES_NONE)
		return message_end(m, err);
	ret->path = arena_str(c->arena, message_get_str(m));
	if (m->type == FILES_ERROR) {
		ret->message = arena_str(c->arena, message_get_str(m));
		return message_end(m, err);
	}
	format = arena_str(c->arena, message_get_str(m));
	fd = message_get_fd(m);
	if (message_end(m, err) != 0)
		return err->code;
	if (format.n != 0)
		ret->format = lock_format_named(arena_strz(c->arena, format));
	if (read_whole(c, fd, &ret->bytes, &why) != 0) {
		ret->type = FILES_ERROR;
		ret->message = arena_str(c->arena, str_of(why.msg));
	}
	return 0;
}

static int
ask(struct collect *c, enum files_message what, struct str relative,
    struct answer *ret, struct error *err)
{
	struct message m;
	int rc;

	message_begin(c->channel, what);
	if (what != FILES_NEXT) {
		message_put_str(c->channel, c->current->path);
		message_put_str(c->channel, relative);
	}
	if (message_send(c->channel, err) != 0 ||
	    channel_flush(c->channel, err) != 0)
		return err->code;
	rc = channel_recv(c->channel, &m, err);
	if (rc == 0)
		return error_set(err, -EPIPE, "the opener of files is gone");
	return rc < 0 ? rc : take_answer(c, &m, ret, err);
}

/* --- what readers ask for ------------------------------------------------ */

static bool
open_beside(void *data, struct str relative, struct str *ret)
{
	struct collect *c = data;
	struct error err = ERROR_INIT;
	struct answer a;

	if (ask(c, FILES_OPEN, relative, &a, &err) != 0)
		fatal("scan: %s", err.msg);
	if (a.type != FILES_FILE)
		return false;
	*ret = a.bytes;
	return true;
}

static bool
include_beside(void *data, struct str relative, struct str context)
{
	struct collect *c = data;
	struct error err = ERROR_INIT;
	struct answer *a;

	if (c->n_includes >= LIMIT_LOCK_INCLUDES)
		return false;
	a = arena_alloc(c->arena, sizeof(*a));
	if (ask(c, FILES_INCLUDE, relative, a, &err) != 0)
		fatal("scan: %s", err.msg);
	if (a->type == FILES_NONE)
		return false;
	c->n_includes++;
	if (map_has(c->seen, a->path))
		return true;
	a->format = c->format;
	a->context = context;
	vec_push(&c->includes, a);
	return true;
}

/* Clients that take the registry of a scope from the project's .npmrc. */
static bool
has_npmrc(const struct lock_format *f)
{
	static const char *const names[] = { "package-lock.json",
		"npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml",
		"bun.lock" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (strcmp(f->name, names[i]) == 0)
			return true;
	return false;
}

static int
read_file(struct collect *c, const struct answer *a)
{
	struct lock_input in = { .path = a->path,
		.bytes = a->bytes,
		.open = open_beside,
		.include = include_beside,
		.data = c,
		.context = a->context };
	struct collect_file *f;

	if (map_put(c->seen, a->path, c) == 1)
		return 0; /* an operand within an operand, or included */
	f = add_file(c, a->path);
	if (a->type == FILES_ERROR) {
		lock_error(&f->list, 0, "%.*s", STR_ARG(a->message));
		return 0;
	}
	if (a->format == NULL)
		return -EPROTO;
	c->current = f;
	c->format = a->format;
	a->format->read(&in, &f->list);
	if (has_npmrc(a->format))
		(void)open_beside(c, STR_LIT(".npmrc"), &f->npmrc);
	c->current = NULL;
	return 0;
}

int
collect_run(struct collect *c, struct error *err)
{
	struct answer a;
	int rc;

	for (;;) {
		while (c->includes.n != 0) {
			a = *c->includes.v[0];
			c->includes.n--;
			memmove(c->includes.v, c->includes.v + 1,
			    c->includes.n * sizeof(*c->includes.v));
			if (read_file(c, &a) != 0)
				return error_set(err, -EPROTO, "no format");
		}
		rc = ask(c, FILES_NEXT, STR_NONE, &a, err);
		if (rc != 0 || a.type == FILES_NONE)
			return rc;
		if (read_file(c, &a) != 0)
			return error_set(err, -EPROTO, "%.*s has no format",
			    STR_ARG(a.path));
	}
}
