/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor of `lazaret serve`: binds, opens, starts workers (role
 * listener), starts them again, tells them of a new snapshot, writes the log.
 * Parses nothing foreign.
 */
#ifndef SERVE_SUPERVISOR_H
#define SERVE_SUPERVISOR_H

#include <stdint.h>

#include "serve/server.h"

struct error;

struct supervisor_options {
	const char *snapshot; /* path */
	const char *listen; /* ADDRESS:PORT */
	const char *bucket; /* path of a folder; NULL: none */
	const char *access_log; /* path, "-": standard error; NULL: none */
	const char *tls_certificate, *tls_key; /* paths; NULL: no TLS */
	unsigned n_workers;
	struct server_options server;
};

/* -EINVAL with what is wrong with an address and port. */
int listen_check(const char *where, struct error *err);
/* Serves until SIGTERM or SIGINT, then waits for requests under way: 0. Where
 * it listens is printed on standard output when the first worker is ready. */
int supervisor_run(const struct supervisor_options *o, struct error *err);

#endif
