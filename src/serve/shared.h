/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all workers of one server count together, in memory they share:
 * figures for /metrics and the limits of clients. Each worker writes its own
 * figures; a dead one's connections are taken back by the supervisor. Without
 * locks: a worker that dies holds none.
 */
#ifndef SERVE_SHARED_H
#define SERVE_SHARED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/limits.h"

struct buf;
struct error;
struct shared;
struct snapshot_info;

enum shared_route {
	SHARED_QUERY,
	SHARED_QUERYBATCH,
	SHARED_VULNS,
	SHARED_EXPERIMENTAL,
	SHARED_BUCKET,
	SHARED_OTHER, /* health, metrics, description, unknown paths */
	SHARED_ROUTE__MAX
};

enum shared_figure {
	SHARED_CONNECTIONS, /* opened */
	SHARED_CONNECTIONS_REFUSED, /* over a limit */
	SHARED_RATE_REFUSED, /* requests */
	SHARED_BAD_REQUESTS, /* no HTTP */
	SHARED_TIMEOUTS,
	SHARED_TLS_FAILURES,
	SHARED_BYTES_IN,
	SHARED_BYTES_OUT,
	SHARED_LOG_DROPPED, /* lines */
	SHARED_RELOADS,
	SHARED_RESTARTS, /* of this worker, by the supervisor */
	SHARED_FIGURE__MAX
};

/* Of the supervisor: makes the memory; *ret_fd is for the workers. */
int shared_new(struct shared **ret, int *ret_fd, struct error *err);
int shared_map(int fd, struct shared **ret, struct error *err);
void shared_free(struct shared *s); /* accepts NULL */
/* The worker is gone: its connections no longer count. */
void shared_forget(struct shared *s, unsigned worker);

void shared_add(struct shared *s, unsigned worker, enum shared_figure figure,
    uint64_t n);
void shared_request(struct shared *s, unsigned worker, enum shared_route route,
    int status, int64_t took_ns);
void shared_set_snapshot(struct shared *s, unsigned worker,
    const struct snapshot_info *info);
/* Prometheus' text format. */
void shared_print(const struct shared *s, struct buf *out);

/* A client is an address; of IPv6, its /64. The slot is where it is counted:
 * keyed, so that nobody can choose to share another's. */
uint32_t shared_client(const struct shared *s, const struct sockaddr *a);
/* False: it has max_connections already (0: no limit); then nothing counts. */
bool shared_connect(struct shared *s, unsigned worker, uint32_t client,
    uint32_t max_connections);
void shared_disconnect(struct shared *s, unsigned worker, uint32_t client);
/* False: more than rate requests in this second (0: no limit). */
bool shared_allow(struct shared *s, uint32_t client, int64_t now_ns,
    uint32_t rate);

#endif
