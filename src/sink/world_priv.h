/* SPDX-License-Identifier: Apache-2.0 */
/* All that role sink holds: one of these per process. */
#ifndef SINK_WORLD_PRIV_H
#define SINK_WORLD_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"
#include "base/vec.h"
#include "sink/book_priv.h"
#include "sink/net_priv.h"
#include "sink/relay_priv.h"
#include "sink/sink.h"

struct capture;
struct mint;
struct names;
struct stream;
struct udp;

/* A registry that the sandbox's package manager has built in. */
struct registry {
	char *host; /* owned, lower case, without port */
	char *path; /* owned, of the base URL, with a slash at the end */
};

/* What epoll gives back. */
struct source {
	void (*ready)(struct source *s, uint32_t events);
};

TAILQ_HEAD(stream_list, stream);

struct world {
	int epoll_fd;
	struct net net;
	struct book book;
	struct relay relay;
	struct names *names;
	struct mint *mint;
	struct udp *udp;
	struct capture *capture; /* NULL: none */
	struct stream_list streams, dead; /* dead: freed after this round */
	size_t n_streams;
	VEC(struct registry) registries;
	/* Configuration, owned. */
	char *decoy_mark, *cloud_key_id, *cloud_secret, *cloud_token;
	struct buf decoy; /* static ELF; empty: none */
	int64_t seed;
	enum sink_prebuilt prebuilt;
	struct error failed; /* code 0: it works */
};

#endif
