/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes read, written, sent and received: the kernel side counts them per
 * process and file or peer and tells the first of each (RECORD_IO). The fact
 * follows when the process or the phase ends, with the total. Runs in the
 * decoder of role record.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "record/recorder_priv.h"

void
recorder_io_begin(struct recorder *r, const struct recorder_event *x)
{
	const struct decode_event *e = x->e;
	struct process_io *io;
	struct buf *text = recorder_text(r, 0);
	int port = -1, family = -1;

	if (!e->has_key || e->n_files == 0)
		return;
	io = mem_alloc(sizeof(*io));
	io->key = e->key;
	io->fd = (int)e->h.args[0];
	io->file = e->files[0].file;
	io->is_socket = e->files[0].has_socket;
	io->socket = e->files[0].socket;
	if (!io->is_socket && e->files[0].path.names.p != NULL) {
		decode_put_walk(text, &e->files[0].path);
		io->path = mem_strndup(buf_str(text));
	} else if (e->address.p != NULL) {
		decode_put_address(text, e->address, &port, &family);
		io->address = text->n != 0 ? mem_strndup(buf_str(text)) : NULL;
	}
	io->port = port;
	io->next = x->process->ios;
	x->process->ios = io;
}

#define MAX_NAMELESS 65536 /* entries of the kernel's table */

static void
tell_file(struct recorder *r, const struct process *p,
    const struct process_io *io, const struct record_io *total)
{
	struct fact_file_event f;

	fact_init(FACT_FILE_EVENT, &f);
	f.phase = r->phase;
	f.process = p->id;
	f.package = p->attribution.package;
	f.at = recorder_at(r, (int64_t)total->first_at);
	f.op = io->key.writing ? STR_LIT("write") : STR_LIT("read");
	f.path = str_of(io->path);
	f.result = 0;
	f.bytes = (int64_t)total->bytes;
	recorder_send(r, FACT_FILE_EVENT, &f);
}

static void
tell_socket(struct recorder *r, const struct process *p,
    const struct process_io *io, const struct record_io *total)
{
	const struct record_socket *s = &io->socket;
	bool inet = s->family == AF_INET || s->family == AF_INET6;
	struct buf *local = recorder_text(r, 0), *peer = recorder_text(r, 1);
	struct fact_socket_event f;

	fact_init(FACT_SOCKET_EVENT, &f);
	f.phase = r->phase;
	f.process = p->id;
	f.package = p->attribution.package;
	f.at = recorder_at(r, (int64_t)total->first_at);
	f.op = io->key.writing ? STR_LIT("send") : STR_LIT("receive");
	f.family = s->family;
	f.type = s->type;
	f.protocol = s->protocol;
	f.fd = io->fd;
	f.object = (int64_t)io->file.ino;
	f.bytes = (int64_t)total->bytes;
	f.result = 0;
	if (inet) {
		decode_put_inet(local, s->family, s->local_address);
		f.local_address = buf_str(local);
		f.local_port = s->local_port;
	}
	if (io->address != NULL) {
		f.address = str_of(io->address);
		f.port = io->port >= 0 ? io->port : FACT_NONE;
	} else if (inet && s->port != 0) {
		decode_put_inet(peer, s->family, s->address);
		f.address = buf_str(peer);
		f.port = s->port;
	}
	recorder_send(r, FACT_SOCKET_EVENT, &f);
}

static void
flush_one(struct recorder *r, const struct process *p,
    const struct process_io *io)
{
	struct record_io total;

	if (r->outside->take_total(r->outside->context, &io->key, &total) != 0)
		return;
	if (io->is_socket)
		tell_socket(r, p, io, &total);
	else
		tell_file(r, p, io, &total);
}

void
recorder_io_flush(struct recorder *r, struct process *p)
{
	while (p->ios != NULL) {
		struct process_io *io = p->ios;

		p->ios = io->next;
		flush_one(r, p, io);
		process_io_free(io);
	}
}

/* Totals whose first event was dropped: bytes without a name. */
static void
flush_nameless(struct recorder *r)
{
	struct process_io nameless;
	struct record_io_key key;

	/* Bounded: who still runs may add new ones all the time. */
	for (int i = 0; i < MAX_NAMELESS; i++) {
		struct record_io total;
		struct process *p;

		if (r->outside->any_total(r->outside->context, &key) != 0)
			return;
		p = process_find(r->processes, key.pid);
		memset(&nameless, 0, sizeof(nameless));
		nameless.key = key;
		if (r->outside->take_total(r->outside->context, &key, &total) !=
		    0)
			return;
		if (p != NULL)
			tell_file(r, p, &nameless, &total);
		else
			r->dropped++;
	}
}

void
recorder_io_flush_all(struct recorder *r)
{
	struct process *p;
	size_t at = 0;

	while ((p = process_next(r->processes, &at)) != NULL)
		recorder_io_flush(r, p);
	flush_nameless(r);
}
