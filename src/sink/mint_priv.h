/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of the fake Internet: one leaf per host, signed by the image's
 * authority, made when a client asks for the host. */
#ifndef SINK_MINT_PRIV_H
#define SINK_MINT_PRIV_H

#include <openssl/types.h>

#include "base/str.h"

struct error;
struct mint;

/* keylog_fd: borrowed, -1 for none. Reads nothing yet: the library and the
 * authority take longer than all else in the start of a sandbox, and most have
 * nobody who speaks TLS. */
struct mint *mint_new(struct str certificate_pem, struct str key_pem,
    int keylog_fd);
/* Before the first session; nothing when it was called already. */
int mint_begin(struct mint *m, struct error *err);
void mint_free(struct mint *m); /* accepts NULL */
/* A server session without a certificate; arg is what mint_use gets. */
SSL *mint_session(struct mint *m);
/* Gives the session the certificate of this host name or address (text).
 * False when there is none to be made. */
bool mint_use(struct mint *m, SSL *ssl, struct str host);

#endif
