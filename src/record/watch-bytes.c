/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that a call moves, and descriptors that travel with them, as events.
 * Runs in the watcher.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "record/calls.h"
#include "record/watch_priv.h"

#define MAX_MESSAGES 64 /* as put.bpf.h */
#define MAX_RIGHTS   4
#define MAX_CONTROLS 4
#define MAX_PIECES   64 /* of one message that is about to be sent */

struct name {
	uint64_t at;
	uint32_t n;
};

static void
account(struct watcher *w, const struct watch_call *c, int fd, int64_t bytes,
    bool writing, struct name name)
{
	struct watch_call told = *c;
	struct record_io_key key;
	struct stat st;
	char proc[64];
	__u8 a[28] = { 0 };

	(void)snprintf(proc, sizeof(proc), "/proc/%d/fd/%d", (int)c->tid, fd);
	if (fd < 0 || stat(proc, &st) != 0 ||
	    (!S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return;
	memset(&key, 0, sizeof(key));
	key.pid = (uint32_t)c->process->pid;
	key.writing = writing;
	key.ino = st.st_ino;
	key.dev = event_dev(st.st_dev);
	if (name.at != 0 && name.n >= 8) {
		(void)event_peek(c->tid, name.at, a, name.n >= 28 ? 28 : 8);
		key.port = (uint32_t)(a[2] << 8 | a[3]);
		memcpy(key.address, name.n >= 28 ? a + 8 : a + 4,
		    name.n >= 28 ? 16 : 4);
	}
	told.args[0] = (uint64_t)fd;
	told.result = bytes;
	event_open(w, RECORD_IO, &told);
	if (writing)
		event_flags(w, RECORD_WRITING);
	event_section(w, RECORD_KEY, 0, &key, sizeof(key));
	if (!event_file(w, c->process, c->tid, fd,
		c->result == RECORD_UNKNOWN ? EVENT_PATH | EVENT_REACHES :
					      EVENT_PATH))
		return;
	event_address(w, c->tid, name.at, name.n);
	event_close(w);
}

struct user_message {
	uint64_t name;
	uint32_t name_bytes, pad;
	uint64_t pieces, n_pieces, control, control_bytes;
	uint32_t flags, pad2;
};

struct user_rights {
	uint64_t bytes;
	uint32_t level, type;
};

static void
tell_passed(struct watcher *w, const struct watch_call *c, uint64_t control,
    uint64_t bytes)
{
	uint64_t at = sizeof(struct user_rights);
	int passed;

	event_open(w, RECORD_PASS, c);
	event_fd(w, c, (int)c->args[0], 0);
	for (int i = 0; i < MAX_RIGHTS; i++, at += sizeof(passed)) {
		if (bytes < at + sizeof(passed) ||
		    event_peek(c->tid, control + at, &passed, sizeof(passed)) !=
			sizeof(passed))
			break;
		event_fd(w, c, passed, 0);
	}
	event_close(w);
}

/* Descriptors need not come first, nor in one list. */
static void
tell_rights(struct watcher *w, const struct watch_call *c,
    const struct user_message *m)
{
	uint64_t at = m->control, left = m->control_bytes;
	struct user_rights rights;

	for (int i = 0; i < MAX_CONTROLS; i++) {
		uint64_t step;

		if (left < sizeof(rights) ||
		    event_peek(c->tid, at, &rights, sizeof(rights)) !=
			sizeof(rights) ||
		    rights.bytes < sizeof(rights) || rights.bytes > left)
			return;
		if (rights.level == SOL_SOCKET && rights.type == SCM_RIGHTS)
			tell_passed(w, c, at, rights.bytes);
		step = (rights.bytes + 7) & ~7ull;
		if (step >= left)
			return;
		at += step;
		left -= step;
	}
}

/* At the begin of a send: what it wants to send. */
static int64_t
pieces_bytes(const struct watch_call *c, const struct user_message *m)
{
	struct iovec pieces[MAX_PIECES];
	uint64_t n = MIN_OF(m->n_pieces, N_ELEMENTS(pieces));
	int64_t bytes = 0;

	if (n == 0 ||
	    event_peek(c->tid, m->pieces, pieces, n * sizeof(pieces[0])) !=
		(ssize_t)(n * sizeof(pieces[0])))
		return 0;
	for (uint64_t i = 0; i < n; i++)
		if (pieces[i].iov_len < INT32_MAX)
			bytes += (int64_t)pieces[i].iov_len;
	return bytes;
}

static void
tell_message(struct watcher *w, const struct watch_call *c, uint64_t at,
    int64_t bytes, bool writing)
{
	struct user_message m;

	if (event_peek(c->tid, at, &m, sizeof(m)) != sizeof(m))
		return;
	account(w, c, (int)c->args[0],
	    bytes == RECORD_UNKNOWN ? pieces_bytes(c, &m) : bytes, writing,
	    (struct name){ m.name, m.name_bytes });
	if (writing && m.control_bytes != 0)
		tell_rights(w, c, &m);
}

static void
tell_messages(struct watcher *w, const struct watch_call *c, bool writing)
{
	bool known = c->result != RECORD_UNKNOWN;
	int64_t n = known ? c->result : (int64_t)(uint32_t)c->args[2];
	uint64_t at = c->args[1];
	uint32_t bytes = 0;

	for (int64_t i = 0; i < n && i < MAX_MESSAGES; i++) {
		if (event_peek(c->tid, at + sizeof(struct user_message), &bytes,
			sizeof(bytes)) != sizeof(bytes))
			return;
		tell_message(w, c, at, known ? (int64_t)bytes : RECORD_UNKNOWN,
		    writing);
		at += sizeof(struct user_message) + 8;
	}
}

void
event_of_bytes(struct watcher *w, const struct watch_call *c)
{
	const struct calls_row *row = calls_get(c->number);
	const struct record_call *call = &row->call;
	bool unknown = c->result == RECORD_UNKNOWN;
	struct name name = { 0, 0 };
	int64_t bytes = c->result;

	if (call->filter == RECORD_IF_MESSAGE && (unknown || bytes >= 0))
		tell_message(w, c, c->args[1], bytes, true);
	if (call->filter == RECORD_IF_MESSAGES)
		tell_messages(w, c, true);
	if (call->filter == RECORD_IF_RECEIVED)
		tell_messages(w, c, false);
	if (unknown && c->number == SYS_sendto)
		bytes = (int64_t)MIN_OF(c->args[2], (uint64_t)INT32_MAX);
	if (bytes <= 0)
		return;
	if (call->in_fd != 0)
		account(w, c, (int)c->args[call->in_fd - 1], bytes, false,
		    name);
	if (call->address != 0)
		name = (struct name){ c->args[4], (uint32_t)c->args[5] };
	if (call->out_fd != 0)
		account(w, c, (int)c->args[call->out_fd - 1], bytes, true,
		    name);
}
