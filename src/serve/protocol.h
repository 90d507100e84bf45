/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor of serve and its workers (role listener) say to each
 * other. The supervisor opens, the worker parses.
 *
 * Descriptors of a worker: 3 the listening socket, 4 this channel, 5 the
 * memory of shared.h, 6 the pipe of the access log (non-blocking).
 */
#ifndef SERVE_PROTOCOL_H
#define SERVE_PROTOCOL_H

enum serve_fd {
	SERVE_FD_LISTEN = 3,
	SERVE_FD_CHANNEL,
	SERVE_FD_SHARED,
	SERVE_FD_LOG,
};

enum serve_message {
	/* To the worker. First of all: which worker it is, and the options,
	 * in the order of struct server_options. */
	SERVE_CONFIGURE = 1,
	/* A certificate chain and its key (two descriptors): answered with
	 * READY or REFUSED, the old ones stay with open connections. */
	SERVE_TLS,
	/* A snapshot (one descriptor): answered with READY or REFUSED; when
	 * refused the old one stays. The first READY starts the service. */
	SERVE_SNAPSHOT,
	/* id, and a descriptor when the file was there. */
	SERVE_FILE,
	/* No new connections; ends when the last request is answered. */
	SERVE_DRAIN,

	/* Of the worker. */
	SERVE_READY,
	SERVE_REFUSED, /* why */
	SERVE_OPEN, /* id, path below the bucket */
};

#endif
