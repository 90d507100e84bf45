/* SPDX-License-Identifier: Apache-2.0 */
/* Insides of one worker, shared by server.c, connection.c, route.c, bucket.c
 * and access.c. */
#ifndef SERVE_SERVER_PRIV_H
#define SERVE_SERVER_PRIV_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "serve/answer.h"
#include "serve/api.h"
#include "serve/db.h"
#include "serve/http.h"
#include "serve/server.h"
#include "serve/shared.h"
#include "sys/message.h"

struct tls;
struct tls_session;
struct hashes; /* of files, bucket.c */

/* What a connection is waited for, each with a time-out of its own. */
enum connection_wait {
	WAIT_HEAD, /* a whole head; also the handshake of TLS */
	WAIT_BODY,
	WAIT_WRITE, /* the client takes bytes */
	WAIT_IDLE, /* the next request */
	WAIT_OURS, /* for a file: our own work */
	WAIT_LINGER, /* the client reads and hangs up */
	WAIT__MAX
};

struct connection {
	struct server *server;
	int fd;
	struct tls_session *tls; /* NULL: none */
	struct http *http;
	struct buf in; /* read, not yet fed: only while it cannot be */
	struct buf out;
	size_t out_at; /* of out: written */
	int file; /* sent after out; -1: none */
	int64_t file_at, file_end;
	uint32_t client; /* shared.h */
	struct sockaddr_storage address;
	uint32_t events; /* of epoll, as registered */
	enum connection_wait wait;
	int64_t since; /* clock: of wait */
	bool closing; /* after the last byte */
	bool eof; /* the client sends no more */
	bool dead; /* to be freed at the end of the turn */
	bool answered; /* had at least one */
	bool ready; /* in the queue of those with work left */
	bool tls_wants_write;
	size_t held_bytes; /* as counted in the server's */
	struct connection *prev, *next, *next_ready, *next_dead;

	/* The request under way. */
	int64_t begun_at; /* clock */
	enum shared_route route;
	/* A file that is being opened or hashed. */
	struct {
		int64_t id; /* of the question; 0: none */
		struct connection *next; /* waiting for a turn to ask */
		bool queued;
		int fd; /* owned; -1: none */
		void *job; /* of bucket.c */
		char *path; /* owned; below the bucket */
	} opening;
};

struct server {
	struct server_options options;
	int epoll;
	struct channel supervisor;
	struct shared *shared; /* owned mapping */
	struct tls *tls; /* NULL: none */
	struct db db;
	struct api api;
	struct answer answer; /* of the request being answered */
	struct buf scratch; /* what was just read */
	struct buf log;
	struct hashes *hashes;
	struct connection *connections, *ready, *dead;
	struct connection *askers, **askers_end; /* wait to ask for a file */
	uint32_t n_connections;
	size_t n_opening;
	int64_t last_id;
	size_t held_bytes; /* in all buffers of connections */
	int64_t now, swept_at, drain_at; /* clock */
	int64_t date_s;
	char date[HTTP_DATE_SIZE];
	bool started, draining, accepting, stop;
};

/* --- connection.c ------------------------------------------------------------
 */

/* Takes fd. */
void connection_new(struct server *s, int fd,
    const struct sockaddr_storage *address, uint32_t client);
void connection_free(struct connection *c); /* out of all lists */
void connection_event(struct connection *c, uint32_t events);
/* Goes on with what is there. */
void connection_run(struct connection *c);
/* Its turn in the queue of those with work left has come. */
void connection_turn(struct connection *c);
/* The answer of s->answer becomes bytes; the request is over. */
void connection_answer(struct connection *c);
/* Looks at the clock. */
void connection_check(struct connection *c);
/* No request under way: nothing is lost by closing it. */
bool connection_is_idle(const struct connection *c);
void connection_end(struct connection *c);

/* --- route.c -----------------------------------------------------------------
 */

/* Answers into s->answer: 0; 1: later, by connection_answer(). */
int route_request(struct connection *c, const struct http_request *r);

/* --- bucket.c ----------------------------------------------------------------
 */

/* As route_request; path: behind the slash, not decoded. */
int bucket_request(struct connection *c, const struct http_request *r,
    struct str path);
/* The supervisor's answer; takes fd (-1: not found). */
void bucket_file(struct server *s, int64_t id, int fd);
/* The connection goes: what was asked for it is forgotten. */
void bucket_forget(struct connection *c);
/* Hashes a piece of what waits; false: nothing waits. */
bool bucket_work(struct server *s);
void bucket_done(struct server *s);

/* --- access.c ----------------------------------------------------------------
 */

void access_line(struct connection *c, int status, int64_t bytes,
    int64_t took_ns);
void access_flush(struct server *s);

#endif
