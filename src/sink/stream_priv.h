/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP connection of the sandbox: socket, TLS where spoken, and what is
 * understood of the bytes. Life: sniffing (TLS? HTTP? DNS?) -> one of the
 * applications -> flushed -> dead (row written, freed after the round).
 */
#ifndef SINK_STREAM_PRIV_H
#define SINK_STREAM_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "sink/book_priv.h"
#include "sink/endpoint_priv.h"
#include "sink/world_priv.h"

struct http;
struct tls;

enum stream_app {
	STREAM_SNIFF, /* not known yet, or silent */
	STREAM_HTTP,
	STREAM_DNS,
	STREAM_RAW, /* unknown: recorded, not answered */
};

struct stream {
	struct source source; /* first: epoll gives its address */
	TAILQ_ENTRY(stream) link;
	struct world *world; /* borrowed */
	int fd; /* owned; -1 when dead */
	uint32_t events; /* asked of epoll */
	int64_t id; /* of the connection row */
	struct endpoint peer, target; /* the sandbox's end; whom it wants */
	int64_t phase; /* in which it was opened */
	int64_t opened_at; /* ns of the phase, for the row */
	int64_t opened_ns, last_ns; /* clock: opened, last byte either way */
	struct tls *tls; /* owned; NULL: plain */
	enum stream_app app;
	struct http *http; /* owned; NULL unless STREAM_HTTP */
	struct buf in; /* plain bytes that the application has not taken */
	struct buf out; /* bytes for the wire */
	int body_fd; /* owned; what follows `out`; -1: nothing */
	int64_t body_at, body_left;
	int64_t bytes_out, bytes_in; /* on the wire; out: from the sandbox */
	struct record record; /* of STREAM_RAW */
	struct buf heard; /* first bytes after the probe, for its answer */
	bool eof; /* the client sends no more */
	bool closing; /* close when `out` is sent */
	bool registry; /* spoke to the registry relay */
	bool probed, shell; /* sent a command; it answered as a shell does */
};

/* A connection that is waiting at the listener. False: none is. */
bool stream_accept(struct world *w, int listener_fd);
void stream_put(struct stream *s, struct str plain);
/* Sends the file after what was put; takes fd. */
void stream_put_file(struct stream *s, int fd, int64_t size);
/* After the application has got something to do outside an event. */
void stream_step(struct stream *s);
void stream_close(struct stream *s); /* writes its row; dead afterwards */
struct stream *stream_find(struct world *w, int64_t id);
/* Time-outs, silence, once in a while. */
void stream_tick(struct world *w, int64_t now_ns);
void stream_close_all(struct world *w);
void stream_bury(struct world *w); /* frees the dead */
struct str stream_name(const struct stream *s); /* resolved from; or absent */
struct place stream_place(const struct stream *s);

#endif
