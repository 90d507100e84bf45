/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of the server, over non-blocking sockets. */
#ifndef SERVE_TLS_H
#define SERVE_TLS_H

#include <stddef.h>
#include <sys/types.h>

struct error;
struct tls;
struct tls_session;

/* PEM files, borrowed. -EINVAL: not a certificate and its key. */
int tls_new(int certificate_fd, int key_fd, struct tls **ret,
    struct error *err);
void tls_free(struct tls *t); /* accepts NULL; sessions live on */

/* NULL: no memory. The socket is borrowed. */
struct tls_session *tls_accept(struct tls *t, int fd);
void tls_session_free(struct tls_session *s); /* accepts NULL */
/* Like recv and send: -1 with errno, EAGAIN when it has to wait; then
 * *ret_write says for which way. EPROTO: no TLS. */
ssize_t tls_read(struct tls_session *s, void *p, size_t n, int *ret_write);
ssize_t tls_write(struct tls_session *s, const void *p, size_t n,
    int *ret_write);
/* The handshake is done. */
int tls_is_ready(const struct tls_session *s);
/* There are bytes that the socket no longer has. */
int tls_has_more(const struct tls_session *s);
void tls_shutdown(struct tls_session *s);

#endif
