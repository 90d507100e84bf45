/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a worker, and how they travel. Runs in role listener and in its
 * supervisor. */
#include "base/error.h"
#include "base/limits.h"
#include "serve/server.h"
#include "sys/message.h"

void
server_options_default(struct server_options *o)
{
	*o = (struct server_options){
		.max_connections = LIMIT_SERVE_CONNECTIONS,
		.max_client_connections = LIMIT_SERVE_CLIENT_CONNECTIONS,
		.head_ms = LIMIT_SERVE_HEAD_MS,
		.body_ms = LIMIT_SERVE_BODY_MS,
		.write_ms = LIMIT_SERVE_WRITE_MS,
		.idle_ms = LIMIT_SERVE_IDLE_MS,
	};
}

void
server_options_put(const struct server_options *o, struct channel *c)
{
	message_put_int(c, o->worker);
	message_put_int(c, o->strict);
	message_put_int(c, o->bucket);
	message_put_int(c, o->log);
	message_put_int(c, o->tls);
	message_put_int(c, o->rate);
	message_put_int(c, o->max_connections);
	message_put_int(c, o->max_client_connections);
	message_put_int(c, o->head_ms);
	message_put_int(c, o->body_ms);
	message_put_int(c, o->write_ms);
	message_put_int(c, o->idle_ms);
}

int
server_options_get(struct message *m, struct server_options *ret,
    struct error *err)
{
	ret->worker = (unsigned)message_get_int(m);
	ret->strict = message_get_int(m) != 0;
	ret->bucket = message_get_int(m) != 0;
	ret->log = message_get_int(m) != 0;
	ret->tls = message_get_int(m) != 0;
	ret->rate = (uint32_t)message_get_int(m);
	ret->max_connections = (uint32_t)message_get_int(m);
	ret->max_client_connections = (uint32_t)message_get_int(m);
	ret->head_ms = message_get_int(m);
	ret->body_ms = message_get_int(m);
	ret->write_ms = message_get_int(m);
	ret->idle_ms = message_get_int(m);
	if (ret->worker >= LIMIT_SERVE_WORKERS)
		m->bad = true;
	return message_end(m, err);
}
