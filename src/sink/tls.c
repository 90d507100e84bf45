/* SPDX-License-Identifier: Apache-2.0 */
/* TLS over memory. Runs in role sink. HTTP/2 is not offered: what speaks it
 * alone ends up as unknown bytes. */
#include "sink/tls_priv.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sink/hello_priv.h"
#include "sink/mint_priv.h"

#define CHUNK_BYTES 16384u /* a TLS record */
#define HTTP1       "http/1.1"
#define ALPN_HTTP2  "h2"

static struct str
next_protocol(struct str *list)
{
	size_t n;
	struct str s;

	if (list->n == 0)
		return STR_NONE;
	n = (unsigned char)list->p[0];
	if (n == 0 || n > list->n - 1)
		return STR_NONE;
	s = str_n(list->p + 1, n);
	*list = str_n(list->p + 1 + n, list->n - 1 - n);
	return s;
}

/* HTTP/1.1 where it is offered; otherwise the first protocol that is not a
 * version of HTTP that we do not speak: its client then says more. */
static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	struct tls *t = SSL_get_app_data(ssl);
	struct str list = str_n(in, inlen), s, chosen = STR_NONE;

	(void)arg;
	while ((s = next_protocol(&list)).p != NULL) {
		if (str_is(s, HTTP1)) {
			chosen = s;
			break;
		}
		if (chosen.p == NULL && !str_is(s, ALPN_HTTP2) &&
		    !str_starts(s, "h3"))
			chosen = s;
	}
	if (chosen.p == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	*out = (const unsigned char *)chosen.p;
	*outlen = (unsigned char)chosen.n;
	(void)snprintf(t->alpn, sizeof(t->alpn), "%.*s", STR_ARG(chosen));
	return SSL_TLSEXT_ERR_OK;
}

/* The client's name for us is known here, its certificate not yet chosen. */
static int
choose_certificate(SSL *ssl, void *arg)
{
	struct tls *t = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)arg;
	if (name != NULL && mint_use(t->mint, ssl, str_of(name)))
		return 1;
	return mint_use(t->mint, ssl, str_of(t->host)) ? 1 : 0;
}

void
tls_set_callbacks(SSL_CTX *ctx)
{
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	SSL_CTX_set_cert_cb(ctx, choose_certificate, NULL);
}

struct tls *
tls_new(struct mint *m, struct str host)
{
	struct tls *t = mem_alloc(sizeof(*t));

	t->mint = m;
	t->ssl = mint_session(m);
	t->from_wire = BIO_new(BIO_s_mem());
	t->to_wire = BIO_new(BIO_s_mem());
	(void)snprintf(t->host, sizeof(t->host), "%.*s", STR_ARG(host));
	buf_init(&t->first, LIMIT_SINK_HEAD_BYTES);
	SSL_set_bio(t->ssl, t->from_wire, t->to_wire);
	(void)SSL_set_app_data(t->ssl, t);
	SSL_set_accept_state(t->ssl);
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	buf_done(&t->first);
	free(t);
}

/* What it wanted, from its own words; said once enough of them are here. */
static void
read_hello(struct tls *t)
{
	struct hello h;
	struct str s;
	size_t n = 0;

	if (t->name[0] != '\0' || hello_parse(buf_str(&t->first), &h) != 1)
		return;
	(void)snprintf(t->name, sizeof(t->name), "%.*s", STR_ARG(h.name));
	if (t->alpn[0] != '\0')
		return;
	while ((s = next_protocol(&h.alpn)).p != NULL && n < sizeof(t->alpn)) {
		int w = snprintf(t->alpn + n, sizeof(t->alpn) - n, "%s%.*s",
		    n != 0 ? "," : "", STR_ARG(s));

		n += w > 0 ? (size_t)w : 0;
	}
}

static void
drain(struct tls *t, struct buf *wire)
{
	char *p = NULL;
	long n = BIO_get_mem_data(t->to_wire, &p);

	if (n > 0)
		buf_put(wire, p, (size_t)n);
	(void)BIO_reset(t->to_wire);
}

/* The library's reason, which for an alert names what the client objects to. */
static void
set_error(struct tls *t)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e != 0 ? ERR_reason_error_string(e) : NULL;

	if (t->error[0] == '\0')
		(void)snprintf(t->error, sizeof(t->error), "%s",
		    reason != NULL ? reason : "handshake failed");
	ERR_clear_error();
}

void
tls_cut_short(struct tls *t)
{
	if (!t->open && t->error[0] == '\0')
		(void)snprintf(t->error, sizeof(t->error),
		    "closed by the client during the handshake");
}

static enum tls_result
shake_hands(struct tls *t)
{
	int rc = SSL_accept(t->ssl);

	read_hello(t);
	if (rc == 1) {
		t->open = true;
		buf_done(&t->first);
		buf_init(&t->first, LIMIT_SINK_HEAD_BYTES);
		return TLS_MORE;
	}
	if (SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_READ)
		return TLS_MORE;
	set_error(t);
	return TLS_FAILED;
}

static enum tls_result
read_plain(struct tls *t, struct buf *plain)
{
	size_t got = 0;
	char *at;
	int rc;

	for (;;) {
		at = buf_reserve(plain, CHUNK_BYTES);
		if (at == NULL)
			return TLS_MORE;
		rc = SSL_read_ex(t->ssl, at, CHUNK_BYTES, &got);
		if (rc == 1) {
			buf_added(plain, got);
			continue;
		}
		rc = SSL_get_error(t->ssl, rc);
		if (rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE)
			return TLS_MORE;
		if (rc == SSL_ERROR_ZERO_RETURN)
			return TLS_CLOSED;
		/* A client may object to the certificate only now. */
		if (SSL_get_shutdown(t->ssl) != 0)
			set_error(t);
		ERR_clear_error();
		return TLS_FAILED;
	}
}

enum tls_result
tls_take(struct tls *t, struct str raw, struct buf *plain, struct buf *wire)
{
	enum tls_result r = TLS_MORE;

	ERR_clear_error();
	if (raw.n != 0 &&
	    BIO_write(t->from_wire, raw.p, (int)raw.n) != (int)raw.n)
		return TLS_FAILED;
	if (!t->open) {
		buf_put_str(&t->first, raw);
		r = shake_hands(t);
	}
	if (r == TLS_MORE && t->open)
		r = read_plain(t, plain);
	drain(t, wire);
	return r;
}

void
tls_put(struct tls *t, struct str plain, struct buf *wire)
{
	size_t done = 0;

	ERR_clear_error();
	if (plain.n == 0 || !t->open)
		return;
	(void)SSL_write_ex(t->ssl, plain.p, plain.n, &done);
	drain(t, wire);
}

void
tls_close(struct tls *t, struct buf *wire)
{
	ERR_clear_error();
	if (t->open)
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
	drain(t, wire);
}
