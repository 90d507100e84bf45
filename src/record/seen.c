/* SPDX-License-Identifier: Apache-2.0 */
/* fanotify with file ids and names: see seen.h. */
#include "record/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/safeguard.h"
#include "runfile/fact.h"

/* What changes names or content, and what runs; reading is not asked for: it
 * would cost every open. */
#define WANTED \
	(FAN_CREATE | FAN_CLOSE_WRITE | FAN_MOVED_FROM | FAN_MOVED_TO | \
	    FAN_DELETE | FAN_OPEN_EXEC | FAN_ONDIR)

#define MAX_HANDLE 128 /* MAX_HANDLE_SZ */

static const struct {
	uint64_t mask;
	const char *op;
} ops[] = {
	{ FAN_CREATE, "create" },
	{ FAN_CLOSE_WRITE, "write" },
	{ FAN_MOVED_FROM, "move-from" },
	{ FAN_MOVED_TO, "move-to" },
	{ FAN_DELETE, "delete" },
	{ FAN_OPEN_EXEC, "exec" },
};

struct seen {
	int fd, root; /* owned */
	struct map *folders; /* handle: path, owned */
	struct map *told; /* op + path: count, as a pointer */
	struct buf key; /* scratch */
	int64_t events, dropped;
};

static int
open_group(unsigned more)
{
	return fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
		FAN_REPORT_DFID_NAME | FAN_UNLIMITED_MARKS | more,
	    O_RDONLY | O_CLOEXEC);
}

int
seen_new(int root_fd, struct seen **ret, struct error *err)
{
	_cleanup_(closep) int root =
	    openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closep) int fd = SAFEGUARD(births) ?
	    open_group(FAN_REPORT_FID | FAN_REPORT_TARGET_FID) :
	    open_group(0);
	struct seen *s;

	if (fd < 0 && errno == EINVAL) /* before 5.17 */
		fd = open_group(0);

	if (root < 0 || fd < 0)
		return error_errno(err, "fanotify");
	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, WANTED, root,
		NULL) != 0)
		return error_errno(err, "fanotify_mark");
	s = mem_alloc(sizeof(*s));
	s->fd = steal_fd(&fd);
	s->root = steal_fd(&root);
	s->folders = map_new(LIMIT_SEEN_FOLDERS);
	s->told = map_new(LIMIT_SEEN_FILES);
	buf_init(&s->key, LIMIT_PATH_BYTES + 32);
	*ret = s;
	return 0;
}

static void
forget_folders(struct seen *s)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (map_next(s->folders, &at, &key, &value))
		free(value);
	map_free(s->folders);
	s->folders = map_new(LIMIT_SEEN_FOLDERS);
}

void
seen_free(struct seen *s)
{
	if (s == NULL)
		return;
	forget_folders(s);
	map_free(s->folders);
	map_free(s->told);
	buf_done(&s->key);
	(void)close(s->fd);
	(void)close(s->root);
	free(s);
}

int
seen_fd(const struct seen *s)
{
	return s->fd;
}

static const char *
remember(struct seen *s, struct str handle, const char *path)
{
	char *known = map_get(s->folders, handle);

	if (known != NULL)
		return known;
	known = mem_strdup(path);
	if (map_put(s->folders, handle, known) < 0) {
		forget_folders(s);
		(void)map_put(s->folders, handle, known);
	}
	return known;
}

/* The folder of a handle as the sandbox names it; NULL: gone since. */
static const char *
folder_of(struct seen *s, struct str handle)
{
	union {
		struct file_handle h;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE];
	} copy;
	char link[64], path[LIMIT_PATH_BYTES];
	_cleanup_(closep) int fd = -1;
	char *known = map_get(s->folders, handle);
	ssize_t n;

	if (known != NULL)
		return known;
	if (handle.n > sizeof(copy))
		return NULL;
	memcpy(&copy, handle.p, handle.n);
	fd = open_by_handle_at(s->root, &copy.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/')
		return NULL;
	path[n] = '\0';
	return remember(s, handle, path);
}

static void
note(struct seen *s, const char *op, const char *folder, const char *name)
{
	const char *const parts[] = { op, " ",
		strcmp(folder, "/") != 0 ? folder : "", "/", name };
	uintptr_t count;

	buf_reset(&s->key);
	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		buf_puts(&s->key, parts[i]);
	count = (uintptr_t)map_get(s->told, buf_str(&s->key));
	if (s->key.full ||
	    map_put(s->told, buf_str(&s->key), (void *)(count + 1)) < 0)
		s->dropped++;
}

/* One piece of an event: a handle, and a name after it or nothing. */
struct piece {
	struct str handle;
	const char *name; /* NULL: none */
};

/* The next piece of this type; none: its handle is empty. */
static struct piece
piece_of(struct str body, uint8_t type)
{
	const size_t at = sizeof(struct fanotify_event_info_fid);
	struct fanotify_event_info_fid info;
	struct file_handle h;
	struct piece p = { 0 };
	size_t end;

	for (; body.n >= at + sizeof(h);
	     body = str_sub(body, info.hdr.len, body.n)) {
		memcpy(&info, body.p, sizeof(info));
		memcpy(&h, body.p + at, sizeof(h));
		end = at + sizeof(h) + h.handle_bytes;
		if (info.hdr.len < end || info.hdr.len > body.n)
			return p;
		if (info.hdr.info_type != type)
			continue;
		p.handle = str_n(body.p + at, sizeof(h) + h.handle_bytes);
		if (memchr(body.p + end, '\0', info.hdr.len - end) != NULL)
			p.name = body.p + end;
		return p;
	}
	return p;
}

/* A folder is known from its birth on: it may be gone when it is looked for. */
static void
learn(struct seen *s, const char *parent, const char *name, struct str handle)
{
	char path[LIMIT_PATH_BYTES];
	int n = snprintf(path, sizeof(path), "%s/%s",
	    strcmp(parent, "/") != 0 ? parent : "", name);

	if (handle.n != 0 && n > 0 && (size_t)n < sizeof(path))
		(void)remember(s, handle, path);
}

/* One event: its folder's handle and a name, and what has that name. */
static void
take_one(struct seen *s, const struct fanotify_event_metadata *m,
    struct str body)
{
	struct piece in = piece_of(body, FAN_EVENT_INFO_TYPE_DFID_NAME);
	const char *folder;

	s->events++;
	s->dropped += (m->mask & FAN_Q_OVERFLOW) != 0;
	if (in.handle.n == 0 || in.name == NULL)
		return;
	folder = folder_of(s, in.handle);
	for (size_t i = 0; i < N_ELEMENTS(ops) && folder != NULL; i++)
		if ((m->mask & ops[i].mask) != 0)
			note(s, ops[i].op, folder, in.name);
	if ((m->mask & FAN_ONDIR) == 0 || folder == NULL)
		return;
	/* Paths through it are other ones now. */
	if ((m->mask & (FAN_MOVED_FROM | FAN_MOVED_TO)) != 0)
		forget_folders(s);
	else if ((m->mask & FAN_CREATE) != 0)
		learn(s, folder, in.name,
		    piece_of(body, FAN_EVENT_INFO_TYPE_FID).handle);
}

int64_t
seen_take(struct seen *s)
{
	static char bytes[64 * KIB]
	    __attribute__((aligned(__alignof__(uint64_t))));
	struct fanotify_event_metadata m;
	int64_t before = s->events;
	ssize_t n;

	while ((n = read(s->fd, bytes, sizeof(bytes))) > 0)
		for (size_t at = 0; (size_t)n - at >= sizeof(m);
		     at += m.event_len) {
			memcpy(&m, bytes + at, sizeof(m));
			if (m.event_len < sizeof(m) ||
			    m.event_len > (size_t)n - at)
				return s->events - before;
			take_one(s, &m,
			    str_n(bytes + at + m.metadata_len,
				m.event_len - m.metadata_len));
		}
	return s->events - before;
}

int
seen_tell(struct seen *s, int64_t phase, struct channel *facts,
    int64_t *ret_events, int64_t *ret_dropped, struct error *err)
{
	struct fact_file_seen f;
	struct str key;
	void *value;
	size_t at = 0;
	int rc = 0;

	(void)seen_take(s);
	while (rc == 0 && map_next(s->told, &at, &key, &value)) {
		fact_init(FACT_FILE_SEEN, &f);
		f.phase = phase;
		(void)str_cut(&key, ' ', &f.op);
		f.path = key;
		f.times = (int64_t)(uintptr_t)value;
		rc = fact_send(facts, FACT_FILE_SEEN, &f, err);
	}
	*ret_events = s->events;
	*ret_dropped = s->dropped;
	s->events = s->dropped = 0;
	map_free(s->told);
	s->told = map_new(LIMIT_SEEN_FILES);
	return rc;
}
