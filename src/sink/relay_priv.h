/* SPDX-License-Identifier: Apache-2.0 */
/* The sink's end of the registry relay: questions to fetch, and who waits. */
#ifndef SINK_RELAY_PRIV_H
#define SINK_RELAY_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "sys/message.h"

struct stream;
struct world;

struct relay_wait {
	int64_t request, stream; /* stream: its id */
	int64_t since_ns;
	bool archive;
};

struct relay {
	struct channel channel;
	int64_t last_request;
	VEC(struct relay_wait) waiting;
	bool gone; /* nobody at the other end */
};

void relay_init(struct relay *r, int fd);
void relay_done(struct relay *r);
/* version absent: the document about the package. False: nobody to ask. */
bool relay_ask(struct stream *s, struct str name, struct str version);
/* fetch has written something. */
void relay_ready(struct world *w);
void relay_tick(struct world *w, int64_t now_ns);

#endif
