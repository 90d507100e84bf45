/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS conversation in memory: bytes of the wire in, plain bytes out, and
 * the other way round. Sockets are the stream's business.
 */
#ifndef SINK_TLS_PRIV_H
#define SINK_TLS_PRIV_H

#include <openssl/types.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct mint;

struct tls {
	struct mint *mint; /* borrowed */
	SSL *ssl; /* owned, with both BIOs */
	BIO *from_wire, *to_wire; /* ssl's */
	bool open; /* the handshake is done */
	char host[256]; /* certificate for a client that names nobody */
	struct buf first; /* of the wire, until the handshake is done */
	char name[256]; /* whom the client asked for; "": nobody */
	char alpn[256]; /* chosen, or all that it offered, by commas */
	char error[128]; /* why the handshake failed; "": it did not */
};

enum tls_result {
	TLS_MORE = 0, /* all taken in */
	TLS_CLOSED, /* the client said that it is done */
	TLS_FAILED, /* nothing more to be had; tls.error or a broken record */
};

struct tls *tls_new(struct mint *m, struct str host);
void tls_free(struct tls *t); /* accepts NULL */
/* raw: from the client. Plain bytes are appended to plain as far as there is
 * room (call again with nothing), answers to wire. */
enum tls_result tls_take(struct tls *t, struct str raw, struct buf *plain,
    struct buf *wire);
void tls_put(struct tls *t, struct str plain, struct buf *wire);
void tls_close(struct tls *t, struct buf *wire); /* close_notify */
/* The client has gone away during the handshake. */
void tls_cut_short(struct tls *t);
void tls_set_callbacks(SSL_CTX *ctx);

#endif
