/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as the kernel side of eBPF would tell them, read from outside: from
 * /proc, from the memory of a stopped thread, from a copy of its socket. Runs
 * in the watcher, which copies these bytes and takes nothing apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "record/calls.h"
#include "record/watch_priv.h"
#include "sys/clock.h"

#define STRING_BYTES 4096 /* as put.bpf.h */
#define PIECE_BYTES  8192
#define FD_FOLDER    "/dev/fd/" /* as the kernel names what is passed */

#define ADDRESS_BYTES sizeof(struct sockaddr_storage)
#define PAGE_BYTES    4096u

/* --- memory of others --- */

ssize_t
event_peek(pid_t pid, uint64_t at, void *ret, size_t n)
{
	struct iovec ours = { ret, n };
	struct iovec theirs = { (void *)(uintptr_t)at, n };

	return process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
}

/* Page by page: the next one may not be there. */
bool
event_peek_string(pid_t pid, uint64_t at, char ret[4096], size_t *ret_n)
{
	size_t have = 0;

	while (have < STRING_BYTES) {
		size_t n = PAGE_BYTES - (at + have) % PAGE_BYTES;
		const char *nul;
		ssize_t got;

		n = MIN_OF(n, STRING_BYTES - have);
		got = event_peek(pid, at + have, ret + have, n);
		if (got <= 0)
			return false;
		nul = memchr(ret + have, '\0', (size_t)got);
		if (nul != NULL) {
			*ret_n = (size_t)(nul - ret);
			return true;
		}
		have += (size_t)got;
	}
	*ret_n = STRING_BYTES - 1;
	return true;
}

/* --- sections --- */

void
event_section(struct watcher *w, unsigned type, uint32_t value, const void *p,
    size_t n)
{
	static const char padding[8];
	struct record_section s = { (uint16_t)type, (uint16_t)n, value };

	buf_put(&w->event, &s, sizeof(s));
	buf_put(&w->event, p, n);
	buf_put(&w->event, padding, (8 - n % 8) % 8);
}

void
event_open(struct watcher *w, unsigned kind, const struct watch_call *c)
{
	struct record_header h;

	memset(&h, 0, sizeof(h));
	h.at = (uint64_t)c->at;
	h.kind = (uint16_t)kind;
	h.call = (uint16_t)c->number;
	h.pid = (uint32_t)c->process->pid;
	h.tid = (uint32_t)c->tid;
	h.inner_pid = c->process->inner;
	h.result = c->result;
	h.flags = c->created ? RECORD_CREATED : 0;
	memcpy(h.args, c->args, sizeof(h.args));
	buf_reset(&w->event);
	buf_put(&w->event, &h, sizeof(h));
}

void
event_flags(struct watcher *w, uint32_t flags)
{
	struct record_header h;

	memcpy(&h, w->event.p, sizeof(h));
	h.flags |= flags;
	memcpy(w->event.p, &h, sizeof(h));
}

void
event_close(struct watcher *w)
{
	struct record_header h;

	memcpy(&h, w->event.p, sizeof(h));
	h.bytes = (uint32_t)w->event.n;
	memcpy(w->event.p, &h, sizeof(h));
	if (w->event.full || w->queue.n + w->event.n > w->queue.max) {
		w->dropped++;
		return;
	}
	buf_put_str(&w->queue, buf_str(&w->event));
}

void
event_simple(struct watcher *w, unsigned kind, struct watch_process *p,
    const uint64_t args[6], int64_t result)
{
	struct watch_call c = { .process = p, .tid = p->pid, .result = result };

	c.at = clock_ns();
	if (args != NULL)
		memcpy(c.args, args, sizeof(c.args));
	event_open(w, kind, &c);
	event_close(w);
}

/* --- paths --- */

/* A path as /proc shows it, as a walk: its names from the last to the first.
 * What has no mount is shown without a folder of its own. */
static void
put_walk(struct watcher *w, unsigned type, struct str path, bool deleted)
{
	char names[STRING_BYTES + 512];
	uint32_t flags = RECORD_WALK_ROOT;
	size_t n = 0;

	if (deleted && str_ends(path, " (deleted)"))
		path = str_sub(path, 0, path.n - 10);
	if (str_starts(path, "/memfd:"))
		flags = RECORD_WALK_DETACHED;
	if (deleted)
		flags |= RECORD_WALK_DELETED;
	while (path.n > 1) {
		ptrdiff_t slash = str_rchr(path, '/');
		struct str name = str_sub(path, (size_t)(slash + 1), path.n);

		if (n + name.n + 1 > sizeof(names)) {
			flags |= RECORD_WALK_CUT;
			break;
		}
		memcpy(names + n, name.p, name.n);
		names[n + name.n] = '\0';
		n += name.n + 1;
		path.n = slash < 0 ? 0 : (size_t)slash;
	}
	event_section(w, type, flags, names, n);
}

static bool
read_link(const char *proc, char ret[STRING_BYTES + 1], struct str *ret_path)
{
	ssize_t n = readlink(proc, ret, STRING_BYTES);

	*ret_path = str_n(ret, n > 0 ? (size_t)n : 0);
	return n > 0 && ret[0] == '/';
}

static void
put_walk_of(struct watcher *w, unsigned type, const char *proc)
{
	char text[STRING_BYTES + 1];
	struct str path;
	struct stat st;

	if (read_link(proc, text, &path))
		put_walk(w, type, path,
		    str_ends(path, " (deleted)") && stat(proc, &st) == 0 &&
			st.st_nlink == 0);
}

static void
put_cwd(struct watcher *w, pid_t tid, unsigned type)
{
	char proc[64];

	(void)snprintf(proc, sizeof(proc), "/proc/%d/cwd", (int)tid);
	put_walk_of(w, type, proc);
}

static void
put_path_argument(struct watcher *w, const struct watch_call *c, unsigned path,
    unsigned base, unsigned string_type, unsigned base_type)
{
	char text[STRING_BYTES] = "", proc[64];
	size_t n = 0;
	int fd = base != 0 ? (int)c->args[base - 1] : -1;

	if (event_peek_string(c->tid, c->args[path - 1], text, &n)) {
		if (c->number == SYS_memfd_create &&
		    c->result == RECORD_UNKNOWN) {
			/* As its file will be called. */
			n = MIN_OF(n, sizeof(text) - 7);
			memmove(text + 6, text, n);
			memcpy(text, "memfd:", 6);
			n += 6;
		}
		event_section(w, string_type, 0, text, n);
	} else
		event_section(w, string_type, RECORD_UNREADABLE, text, 0);
	if (text[0] == '/')
		return;
	if (fd < 0) {
		put_cwd(w, c->tid, base_type);
		return;
	}
	(void)snprintf(proc, sizeof(proc), "/proc/%d/fd/%d", (int)c->tid, fd);
	put_walk_of(w, base_type, proc);
}

static void
put_path_arguments(struct watcher *w, const struct watch_call *c,
    const struct record_call *call)
{
	if (call->path != 0)
		put_path_argument(w, c, call->path, call->base, RECORD_STRING1,
		    RECORD_BASE1);
	if (call->path2 != 0)
		put_path_argument(w, c, call->path2, call->base2,
		    RECORD_STRING2, RECORD_BASE2);
}

/* --- descriptors --- */

/* "flags:\t0100002" of fdinfo. */
static uint32_t
flags_of(pid_t tid, int fd)
{
	char path[64], text[512], *line;
	_cleanup_(closep) int f = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, fd);
	f = open(path, O_RDONLY | O_CLOEXEC);
	n = f >= 0 ? read(f, text, sizeof(text) - 1) : -1;
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "flags:\t");
	return line != NULL ? (uint32_t)strtoul(line + 7, NULL, 8) : 0;
}

uint32_t
event_dev(dev_t d)
{
	return (uint32_t)(major(d) << 20 | minor(d));
}

static void
fill_name(const struct sockaddr_storage *a, __u16 *port, __u8 address[16])
{
	const struct sockaddr_in *a4 = (const void *)a;
	const struct sockaddr_in6 *a6 = (const void *)a;

	if (a->ss_family == AF_INET) {
		*port = ntohs(a4->sin_port);
		memcpy(address, &a4->sin_addr, 4);
	} else if (a->ss_family == AF_INET6) {
		*port = ntohs(a6->sin6_port);
		memcpy(address, &a6->sin6_addr, 16);
	}
}

static __u16
option(int fd, int name)
{
	int value = 0;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) == 0 ?
	    (__u16)value :
	    0;
}

/*
 * A socket that is about to reach somebody gets its port now, as the kernel
 * would give it one in a moment: by that port the sink's log finds the process,
 * whatever becomes of the address in the process's memory.
 */
static void
give_port(int fd, __u16 family)
{
	struct sockaddr_storage a = { .ss_family = family };

	(void)bind(fd, (const struct sockaddr *)&a,
	    family == AF_INET ? sizeof(struct sockaddr_in) :
				sizeof(struct sockaddr_in6));
}

static void
put_socket(struct watcher *w, const struct watch_process *p, int fd,
    bool reaches)
{
	_cleanup_(closep) int copy = -1;
	struct sockaddr_storage a = { 0 };
	struct record_socket s;
	socklen_t n = sizeof(a);

	copy = (int)syscall(SYS_pidfd_getfd, p->pidfd, fd, 0);
	if (copy < 0)
		return;
	memset(&s, 0, sizeof(s));
	s.family = option(copy, SO_DOMAIN);
	s.type = option(copy, SO_TYPE);
	s.protocol = option(copy, SO_PROTOCOL);
	if (s.family == AF_INET || s.family == AF_INET6) {
		if (getsockname(copy, (struct sockaddr *)&a, &n) == 0)
			fill_name(&a, &s.local_port, s.local_address);
		if (reaches && s.local_port == 0) {
			give_port(copy, s.family);
			n = sizeof(a);
			if (getsockname(copy, (struct sockaddr *)&a, &n) == 0)
				fill_name(&a, &s.local_port, s.local_address);
		}
		n = sizeof(a);
		if (getpeername(copy, (struct sockaddr *)&a, &n) == 0)
			fill_name(&a, &s.port, s.address);
	}
	event_section(w, RECORD_SOCKET, (uint32_t)fd, &s, sizeof(s));
}

/* The file of a descriptor; of the program for -1. */
bool
event_file(struct watcher *w, const struct watch_process *p, pid_t tid, int fd,
    unsigned want)
{
	struct record_file r;
	struct stat st;
	char proc[64];

	if (fd >= 0)
		(void)snprintf(proc, sizeof(proc), "/proc/%d/fd/%d", (int)tid,
		    fd);
	else
		(void)snprintf(proc, sizeof(proc), "/proc/%d/exe", (int)tid);
	if (stat(proc, &st) != 0)
		return false;
	memset(&r, 0, sizeof(r));
	r.ino = st.st_ino;
	r.dev = event_dev(st.st_dev);
	r.rdev = event_dev(st.st_rdev);
	r.mode = st.st_mode;
	r.links = (uint32_t)st.st_nlink;
	r.flags = (want & EVENT_FLAGS) != 0 ? flags_of(tid, fd) : 0;
	event_section(w, RECORD_FILE, (uint32_t)fd, &r, sizeof(r));
	if (S_ISSOCK(st.st_mode))
		put_socket(w, p, fd, (want & EVENT_REACHES) != 0);
	else if ((want & EVENT_PATH) != 0)
		put_walk_of(w, RECORD_PATH, proc);
	return true;
}

void
event_fd(struct watcher *w, const struct watch_call *c, int fd, unsigned want)
{
	if (c->result == RECORD_UNKNOWN && c->number == SYS_connect)
		want |= EVENT_REACHES;
	(void)event_file(w, c->process, c->tid, fd, want);
}

void
event_address(struct watcher *w, pid_t tid, uint64_t at, uint64_t n)
{
	char bytes[ADDRESS_BYTES];

	n = MIN_OF(n, sizeof(bytes));
	if (at != 0 && n != 0 && event_peek(tid, at, bytes, n) == (ssize_t)n)
		event_section(w, RECORD_ADDRESS, 0, bytes, n);
}

/* --- calls --- */

/* The path argument of a call from the process's root. What /proc calls
 * "self" would be us. */
static bool
whole_path(const struct watch_call *c, const struct calls_row *row,
    char ret[3 * STRING_BYTES])
{
	char text[STRING_BYTES], proc[64], *rest;
	size_t n, at = 0;
	ssize_t k;
	int fd;

	if (!event_peek_string(c->tid, c->args[row->call.path - 1], text, &n))
		return false;
	text[MIN_OF(n, sizeof(text) - 1)] = '\0';
	if (str_starts(str_of(text), "/proc/self/")) {
		rest = text + 10;
		(void)snprintf(ret, 3 * (size_t)STRING_BYTES, "/proc/%u%s",
		    c->process->inner, rest);
		return true;
	}
	if (text[0] != '/') {
		fd =
		    row->call.base != 0 ? (int)c->args[row->call.base - 1] : -1;
		(void)snprintf(proc, sizeof(proc),
		    fd < 0 ? "/proc/%d/cwd" : "/proc/%d/fd/%d", (int)c->tid,
		    fd);
		k = readlink(proc, ret, STRING_BYTES);
		if (k <= 0 || ret[0] != '/')
			return false;
		at = (size_t)k;
		ret[at++] = '/';
	}
	memcpy(ret + at, text, strlen(text) + 1);
	return true;
}

/* The root directory of a thread; ret_own: to close. Opened once where nobody
 * can have another. */
static int
root_of(struct watcher *w, pid_t tid, int *ret_own)
{
	char proc[64];
	int root;

	if (w->root >= 0)
		return w->root;
	(void)snprintf(proc, sizeof(proc), "/proc/%d/root", (int)tid);
	root = open(proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->root_is_fixed)
		w->root = root;
	else
		*ret_own = root;
	return root;
}

/* What an open would find now: a descriptor of it, -ENOENT when there is
 * nothing (not even a link that leads nowhere), -EAGAIN when unknown. */
static int
look_up(struct watcher *w, const struct watch_call *c,
    const struct calls_row *row, bool follow)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT };
	char path[3 * STRING_BYTES];
	_cleanup_(closep) int own = -1;
	_cleanup_(closep) int link = -1;
	int found, root;

	if (!whole_path(c, row, path))
		return -EAGAIN;
	root = root_of(w, c->tid, &own);
	if (root < 0)
		return -EAGAIN;
	if (!follow)
		how.flags |= O_NOFOLLOW;
	found = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (found >= 0)
		return found;
	if (errno != ENOENT && errno != ENOTDIR)
		return -EAGAIN;
	how.flags |= O_NOFOLLOW;
	link = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return link >= 0 || str_starts(str_of(path), "/proc/") ? -EAGAIN :
								 -ENOENT;
}

bool
event_finds_nothing(struct watcher *w, const struct watch_call *c)
{
	const struct calls_row *row = calls_get(c->number);
	int fd = row != NULL && row->call.path != 0 ? look_up(w, c, row, true) :
						      -EAGAIN;

	if (fd >= 0)
		(void)close(fd);
	return fd == -ENOENT;
}

/* At its begin: the object that the name leads to now, as the end would tell
 * it. */
void
event_of_open(struct watcher *w, struct watch_call *c, uint64_t flags)
{
	const struct calls_row *row = calls_get(c->number);
	_cleanup_(closep) int fd =
	    look_up(w, c, row, (flags & O_NOFOLLOW) == 0);
	struct record_file r;
	struct stat st;
	char proc[64];

	c->created = fd == -ENOENT && (flags & O_CREAT) != 0;
	if (fd == -ENOENT && !c->created)
		c->result = -ENOENT;
	if (fd < 0 || fstat(fd, &st) != 0) {
		event_of_call(w, c, RECORD_CALL);
		return;
	}
	memset(&r, 0, sizeof(r));
	r.ino = st.st_ino;
	r.dev = event_dev(st.st_dev);
	r.rdev = event_dev(st.st_rdev);
	r.mode = st.st_mode;
	r.links = (uint32_t)st.st_nlink;
	r.flags = (uint32_t)flags;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	event_open(w, RECORD_CALL, c);
	event_section(w, RECORD_FILE, UINT32_MAX, &r, sizeof(r));
	put_walk_of(w, RECORD_PATH, proc);
	event_close(w);
}

static bool
passes(const struct watch_call *c, unsigned filter)
{
	const uint64_t *a = c->args;

	switch (filter) {
	case RECORD_IF_EXECUTABLE:
		return (a[2] & PROT_EXEC) != 0 && (a[3] & MAP_ANONYMOUS) == 0;
	case RECORD_IF_UNUSUAL:
		return (a[0] != AF_UNIX && a[0] != AF_INET &&
			   a[0] != AF_INET6 && a[0] != AF_NETLINK) ||
		    (a[1] & 0xf) == SOCK_RAW;
	case RECORD_IF_STANDARD:
		return c->result >= 0 && c->result <= 2;
	case RECORD_IF_DUPLICATES:
		return (a[1] == F_DUPFD || a[1] == F_DUPFD_CLOEXEC) &&
		    c->result >= 0 && c->result <= 2;
	default:
		return true;
	}
}

static bool
is_wanted(const struct watch_call *c, const struct calls_row *row)
{
	bool unknown = c->result == RECORD_UNKNOWN;

	/* What may have happened is told. */
	if ((row->call.flags & RECORD_FAILURE_ONLY) != 0 && c->result >= 0)
		return false;
	if ((row->call.flags & RECORD_SUCCESS_ONLY) != 0 && c->result < 0 &&
	    !unknown)
		return false;
	return passes(c, row->call.filter);
}

void
event_of_call(struct watcher *w, const struct watch_call *c, unsigned kind)
{
	const struct calls_row *row = calls_get(c->number);
	const struct record_call *call;
	int pair[2];

	if (row == NULL || (kind == RECORD_CALL && !is_wanted(c, row)))
		return;
	call = &row->call;
	event_open(w, kind, c);
	if (kind != RECORD_ENTRY && (call->flags & RECORD_RESULT_FD) != 0 &&
	    c->result >= 0)
		event_fd(w, c, (int)c->result, EVENT_PATH | EVENT_FLAGS);
	else
		put_path_arguments(w, c, call);
	if (kind == RECORD_ENTRY) {
		event_close(w);
		return;
	}
	if (call->fd != 0 && (int)c->args[call->fd - 1] >= 0)
		event_fd(w, c, (int)c->args[call->fd - 1], EVENT_PATH);
	if (call->address != 0)
		event_address(w, c->tid, c->args[call->address - 1],
		    (uint32_t)c->args[call->address]);
	if (call->pair != 0 && c->result >= 0 &&
	    event_peek(c->tid, c->args[call->pair - 1], pair, sizeof(pair)) ==
		sizeof(pair)) {
		event_fd(w, c, pair[0], 0);
		event_fd(w, c, pair[1], 0);
	}
	event_close(w);
}

/* --- programs --- */

static void
put_pieces(struct watcher *w, struct watch_call *c, unsigned kind,
    uint64_t from, uint64_t to, size_t max)
{
	char bytes[PIECE_BYTES];

	for (uint64_t at = 0; from + at < to && at < max;) {
		size_t n = MIN_OF(to - from - at, sizeof(bytes));

		if (event_peek(c->process->pid, from + at, bytes, n) !=
		    (ssize_t)n)
			return;
		c->args[0] = at;
		event_open(w, kind, c);
		event_section(w, RECORD_PIECE, 0, bytes, n);
		event_close(w);
		at += n;
	}
}

void
event_exec_name(const struct watch_call *c, const struct calls_row *row,
    struct buf *out)
{
	char path[STRING_BYTES];
	size_t n = 0;

	buf_reset(out);
	if (!event_peek_string(c->tid, c->args[row->call.path - 1], path, &n))
		return;
	if (c->number == SYS_execveat && (n == 0 || path[0] != '/') &&
	    (int)c->args[0] >= 0)
		buf_printf(out, FD_FOLDER "%d%s", (int)c->args[0],
		    n != 0 ? "/" : "");
	buf_put(out, path, n);
}

/* Whether what was asked for is what runs; if not, it was interpreted. */
static bool
is_other(const struct watch_process *p, int fd)
{
	struct stat asked, runs;
	char proc[64];

	(void)snprintf(proc, sizeof(proc), "/proc/%d/exe", (int)p->pid);
	return fd >= 0 && fstat(fd, &asked) == 0 && stat(proc, &runs) == 0 &&
	    (asked.st_dev != runs.st_dev || asked.st_ino != runs.st_ino);
}

/* What was executed by descriptor: there still, or no interpreter finds it. */
static bool
is_passed_script(const struct watch_process *p, struct str filename)
{
	_cleanup_(closep) int fd = -1;
	char proc[64];
	uint64_t n;

	if (str_to_u64(str_sub(filename, strlen(FD_FOLDER), filename.n), &n) !=
		0 ||
	    n > INT32_MAX)
		return false;
	(void)snprintf(proc, sizeof(proc), "/proc/%d/fd/%u", (int)p->pid,
	    (unsigned)n);
	fd = open(proc, O_PATH | O_CLOEXEC);
	return is_other(p, fd);
}

static bool
is_script(const struct watch_process *p, struct str filename)
{
	char path[2 * STRING_BYTES + 2], proc[64];
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT };
	_cleanup_(closep) int root = -1;
	_cleanup_(closep) int fd = -1;
	ssize_t k = 0;

	if (filename.n == 0 || filename.n > STRING_BYTES)
		return false;
	if (str_starts(filename, FD_FOLDER))
		return is_passed_script(p, filename);
	(void)snprintf(proc, sizeof(proc), "/proc/%d/cwd", (int)p->pid);
	if (filename.p[0] != '/')
		k = readlink(proc, path, STRING_BYTES);
	if (k < 0)
		return false;
	path[k] = '/';
	memcpy(path + k + 1, filename.p, filename.n);
	path[(size_t)k + 1 + filename.n] = '\0';
	(void)snprintf(proc, sizeof(proc), "/proc/%d/root", (int)p->pid);
	root = open(proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ?
	    -1 :
	    (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return is_other(p, fd);
}

void
event_of_exec(struct watcher *w, struct watch_process *p, int64_t at,
    struct str filename)
{
	struct watch_call c = { .process = p, .tid = p->pid, .at = at };
	struct watch_image image;
	struct stat st;
	char proc[64];

	if (watch_image_of(p->pid, &image) == 0) {
		put_pieces(w, &c, RECORD_ARGV, image.arg_start, image.arg_end,
		    LIMIT_ARGV_BYTES);
		put_pieces(w, &c, RECORD_ENV, image.env_start, image.env_end,
		    LIMIT_ENV_BYTES);
		c.args[0] = image.arg_end - image.arg_start;
		c.args[1] = image.env_end - image.env_start;
	}
	(void)snprintf(proc, sizeof(proc), "/proc/%d/exe", (int)p->pid);
	event_open(w, RECORD_EXEC, &c);
	if (is_script(p, filename))
		event_flags(w, RECORD_SCRIPT | RECORD_STOPPED);
	else if (stat(proc, &st) == 0 &&
	    (st.st_nlink == 0 || st.st_ctim.tv_sec >= w->since))
		event_flags(w, RECORD_STOPPED);
	(void)event_file(w, p, p->pid, -1, EVENT_PATH);
	put_cwd(w, p->pid, RECORD_CWD);
	event_section(w, RECORD_STRING1, 0, filename.p, filename.n);
	for (int fd = 0; fd <= 2; fd++)
		(void)event_file(w, p, p->pid, fd, 0);
	p->held =
	    (((const struct record_header *)(const void *)w->event.p)->flags &
		RECORD_STOPPED) != 0;
	w->urgent |= p->held;
	event_close(w);
}
