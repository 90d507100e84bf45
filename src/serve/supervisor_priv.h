/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by supervisor.c, worker.c, listen.c and accesslog.c. */
#ifndef SERVE_SUPERVISOR_PRIV_H
#define SERVE_SUPERVISOR_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "serve/shared.h"
#include "serve/supervisor.h"
#include "sys/message.h"
#include "sys/spawn.h"

#define EXPECTED_MAX 16

/* What a worker has been sent and has not answered yet. */
enum expected {
	EXPECT_TLS,
	EXPECT_OFFERED, /* a snapshot that nobody has taken yet */
	EXPECT_SNAPSHOT, /* one that others have */
};

struct worker {
	struct child child;
	struct channel channel;
	int listen_fd; /* owned; outlives the process */
	enum expected expected[EXPECTED_MAX]; /* in order */
	size_t n_expected;
	bool running;
	int64_t start_at; /* clock: when it may be started again */
	unsigned failures; /* without ever getting ready */
};

struct supervisor {
	const struct supervisor_options *o;
	struct worker workers[LIMIT_SERVE_WORKERS];
	struct shared *shared; /* owned */
	int shared_fd, signal_fd, bucket_fd;
	int snapshot_fd; /* the last that a worker took; -1: none yet */
	int offered_fd; /* being tried; -1: none */
	struct stat tried; /* of the file that was tried last */
	int log_out; /* the log; -1: none */
	int log_pipe[2];
	bool log_waits; /* for log_out to take more */
	bool serving, draining;
	int64_t drain_at; /* clock */
	size_t n_drained;
};

/* --- listen.c: ADDRESS:PORT --------------------------------------------------
 */

/* n sockets on one port (SO_REUSEPORT); *ret_url as printed ("http://…"). */
int listen_bind(const char *where, unsigned n, int *ret_fds, char *ret_url,
    size_t url_size, struct error *err);

/* --- accesslog.c -------------------------------------------------------------
 */

int accesslog_open(struct supervisor *s, struct error *err);
void accesslog_copy(struct supervisor *s);

/* --- worker.c ----------------------------------------------------------------
 */

int worker_start(struct supervisor *s, unsigned i, struct error *err);
int worker_send_snapshot(struct worker *w, int fd, enum expected e,
    struct error *err);
int worker_send_tls(struct worker *w, const struct supervisor_options *o,
    struct error *err);
int worker_send_drain(struct worker *w, struct error *err);
/* Opens the file that the worker asked for, if it may. */
int worker_open(struct supervisor *s, struct worker *w, struct message *m,
    struct error *err);

#endif
