/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets and descriptors as facts. Runs in the decoder of role record. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "record/calls.h"
#include "record/recorder_priv.h"

/* The kernel's device numbers: 12 bits of major over 20 of minor. */
#define KERNEL_MAJOR(dev) ((dev) >> 20)
#define TTY_MAJOR         4
#define TTYAUX_MAJOR      5
#define UNIX98_MASTER     128
#define UNIX98_LAST       143

static bool
is_tty(const struct record_file *f)
{
	uint32_t major = KERNEL_MAJOR(f->rdev);

	return S_ISCHR(f->mode) &&
	    (major == TTY_MAJOR || major == TTYAUX_MAJOR ||
		(major >= UNIX98_MASTER && major <= UNIX98_LAST));
}

const char *
recorder_kind_of(const struct decode_file *f)
{
	if (f->has_socket &&
	    (f->socket.family == AF_INET || f->socket.family == AF_INET6))
		return "inet";
	if (f->has_socket && f->socket.family == AF_UNIX)
		return "unix";
	if (f->has_socket && f->socket.family == AF_NETLINK)
		return "netlink";
	if (f->has_socket || S_ISSOCK(f->file.mode))
		return "socket";
	if (S_ISFIFO(f->file.mode))
		return "pipe";
	if (is_tty(&f->file))
		return "tty";
	if (S_ISREG(f->file.mode) && str_starts(f->path.names, "memfd:"))
		return "memfd";
	return S_ISREG(f->file.mode) ? "file" : "other";
}

static void
fill_socket(struct recorder *r, struct fact_socket_event *f,
    const struct decode_file *file)
{
	const struct record_socket *s = &file->socket;
	struct buf *local = recorder_text(r, 0), *peer = recorder_text(r, 1);

	f->object = (int64_t)file->file.ino;
	f->family = s->family;
	f->type = s->type;
	f->protocol = s->protocol;
	if (s->family != AF_INET && s->family != AF_INET6)
		return;
	decode_put_inet(local, s->family, s->local_address);
	f->local_address = buf_str(local);
	f->local_port = s->local_port;
	if (s->port == 0)
		return;
	decode_put_inet(peer, s->family, s->address);
	f->address = buf_str(peer);
	f->port = s->port;
}

void
recorder_socket(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	const struct decode_event *e = x->e;
	struct buf *given = recorder_text(r, 2);
	int port = -1, family = -1;
	struct fact_socket_event f;
	bool taken;

	fact_init(FACT_SOCKET_EVENT, &f);
	f.phase = r->phase;
	f.process = x->process->id;
	f.package = x->process->attribution.package;
	f.at = x->at;
	f.op = str_of(row->op);
	f.result = e->h.result;
	if (row->fact == CALLS_SOCKET && str_is(f.op, "socket")) {
		f.family = (int64_t)e->h.args[0];
		f.type = (int64_t)(e->h.args[1] & 0xf);
		f.protocol = (int64_t)e->h.args[2];
	} else if (row->call.fd != 0) {
		f.fd = (int64_t)(int)e->h.args[row->call.fd - 1];
	}
	if (e->n_files != 0 && e->files[0].has_socket) {
		fill_socket(r, &f, &e->files[0]);
		f.fd = e->files[0].fd;
	}
	/* Once the kernel took an address, its own copy is the truth; what
	 * the process's memory says now may have been changed. */
	taken = str_is(f.op, "connect") && f.address.p != NULL &&
	    (f.result == 0 || f.result == -EINPROGRESS);
	if (e->address.p != NULL && !taken) {
		decode_put_address(given, e->address, &port, &family);
		f.address = given->n != 0 ? buf_str(given) : STR_NONE;
		f.port = port >= 0 ? port : FACT_NONE;
	}
	recorder_send(r, FACT_SOCKET_EVENT, &f);
}

static void
descriptor_begin(struct fact_descriptor_event *f, const struct recorder *r,
    const struct recorder_event *x, const char *op)
{
	fact_init(FACT_DESCRIPTOR_EVENT, f);
	f->phase = r->phase;
	f->process = x->process->id;
	f->package = x->process->attribution.package;
	f->at = x->at;
	f->op = str_of(op);
}

void
recorder_pair(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	const struct decode_file *files = x->e->files;
	struct fact_descriptor_event f;

	if (x->e->n_files < 2)
		return;
	descriptor_begin(&f, r, x, row->op);
	f.fd = files[0].fd;
	f.fd2 = files[1].fd;
	f.kind = str_of(recorder_kind_of(&files[0]));
	f.object = (int64_t)files[0].file.ino;
	f.object2 = (int64_t)files[1].file.ino;
	recorder_send(r, FACT_DESCRIPTOR_EVENT, &f);
}

void
recorder_dup(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	struct fact_descriptor_event f;

	if (x->e->n_files == 0)
		return;
	descriptor_begin(&f, r, x, row->op);
	f.fd = x->e->files[0].fd;
	f.fd2 = x->e->h.result;
	f.kind = str_of(recorder_kind_of(&x->e->files[0]));
	f.object = (int64_t)x->e->files[0].file.ino;
	recorder_send(r, FACT_DESCRIPTOR_EVENT, &f);
}

void
recorder_pass(struct recorder *r, const struct recorder_event *x)
{
	struct fact_descriptor_event f;

	for (size_t i = 1; i < x->e->n_files; i++) {
		const struct decode_file *passed = &x->e->files[i];

		descriptor_begin(&f, r, x, "pass");
		f.fd = x->e->files[0].fd;
		f.fd2 = passed->fd;
		f.kind = str_of(recorder_kind_of(passed));
		f.object = (int64_t)passed->file.ino;
		f.object2 = (int64_t)x->e->files[0].file.ino;
		recorder_send(r, FACT_DESCRIPTOR_EVENT, &f);
	}
}
