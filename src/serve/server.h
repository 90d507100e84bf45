/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker: an epoll loop over its connections, the supervisor's channel
 * and the listening socket. Everything it may touch came as a descriptor.
 */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct message;
struct channel;

struct server_options {
	unsigned worker; /* its number */
	bool strict, bucket, log, tls;
	uint32_t rate; /* requests per second and client; 0: any number */
	uint32_t max_connections; /* of this worker */
	uint32_t max_client_connections; /* of all workers; 0: any number */
	int64_t head_ms, body_ms, write_ms, idle_ms;
};

void server_options_default(struct server_options *o);
/* As the message CONFIGURE, both ways. */
void server_options_put(const struct server_options *o, struct channel *c);
int server_options_get(struct message *m, struct server_options *ret,
    struct error *err);

/* Serves until told to drain or the supervisor is gone (0 then). */
int server_run(struct error *err);

#endif
