/* SPDX-License-Identifier: Apache-2.0 */
/* TLS with OpenSSL. Runs in role listener. */
#include "serve/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/fd.h"

struct tls {
	SSL_CTX *context;
};

static int
openssl_error(struct error *err, const char *what)
{
	char text[160];

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return error_set(err, -EINVAL, "%s: %s", what, text);
}

static int
read_pem(int fd, BIO **ret, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b, LIMIT_CONFIG_BYTES);
	rc = fd_read_all(fd, &b, err);
	*ret = NULL;
	if (rc == 0) {
		*ret = BIO_new(BIO_s_mem());
		if (*ret == NULL || BIO_write(*ret, b.p, (int)b.n) != (int)b.n)
			rc = error_set(err, -ENOMEM, "BIO");
	}
	if (b.p != NULL)
		OPENSSL_cleanse(b.p, b.size);
	buf_done(&b);
	return rc;
}

/* The leaf first, then what leads to its root. */
static int
use_certificates(SSL_CTX *c, BIO *pem, struct error *err)
{
	X509 *x = PEM_read_bio_X509(pem, NULL, NULL, NULL);

	if (x == NULL || SSL_CTX_use_certificate(c, x) != 1) {
		X509_free(x);
		return openssl_error(err, "certificate");
	}
	X509_free(x);
	while ((x = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
		if (SSL_CTX_add0_chain_cert(c, x) != 1) {
			X509_free(x);
			return openssl_error(err, "certificate chain");
		}
	}
	ERR_clear_error(); /* the end of the file is one */
	return 0;
}

static int
no_password(char *p, int n, int writing, void *data)
{
	(void)p;
	(void)n;
	(void)writing;
	(void)data;
	return -1;
}

static int
use_key(SSL_CTX *c, BIO *pem, struct error *err)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL);
	int rc = 0;

	if (key == NULL || SSL_CTX_use_PrivateKey(c, key) != 1 ||
	    SSL_CTX_check_private_key(c) != 1)
		rc = openssl_error(err, "private key");
	EVP_PKEY_free(key);
	return rc;
}

static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n,
    const unsigned char *in, unsigned in_n, void *data)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)data;
	if (SSL_select_next_proto(&chosen, n, ours, sizeof(ours) - 1, in,
		in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void
configure(SSL_CTX *c)
{
	(void)SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	(void)SSL_CTX_set_options(c,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(c,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
}

int
tls_new(int certificate_fd, int key_fd, struct tls **ret, struct error *err)
{
	struct tls *t = mem_alloc(sizeof(*t));
	BIO *certificate = NULL, *key = NULL;
	int rc;

	t->context = SSL_CTX_new(TLS_server_method());
	if (t->context == NULL) {
		tls_free(t);
		return openssl_error(err, "TLS");
	}
	configure(t->context);
	rc = read_pem(certificate_fd, &certificate, err);
	if (rc == 0)
		rc = read_pem(key_fd, &key, err);
	if (rc == 0)
		rc = use_certificates(t->context, certificate, err);
	if (rc == 0)
		rc = use_key(t->context, key, err);
	BIO_free(certificate);
	BIO_free(key);
	if (rc != 0)
		tls_free(t);
	else
		*ret = t;
	return rc;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->context);
	free(t);
}

/* A session is OpenSSL's own object. */
static SSL *
ssl_of(const struct tls_session *s)
{
	return (SSL *)(uintptr_t)s;
}

struct tls_session *
tls_accept(struct tls *t, int fd)
{
	SSL *ssl = SSL_new(t->context);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_accept_state(ssl);
	return (struct tls_session *)ssl;
}

void
tls_session_free(struct tls_session *s)
{
	SSL_free(ssl_of(s));
}

static ssize_t
failed(SSL *ssl, int rc, int *ret_write)
{
	int e = SSL_get_error(ssl, rc);

	ERR_clear_error();
	*ret_write = e == SSL_ERROR_WANT_WRITE;
	if (e == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ)
		errno = EAGAIN;
	else if (e != SSL_ERROR_SYSCALL || errno == 0 || errno == EAGAIN)
		errno = EPROTO;
	return -1;
}

ssize_t
tls_read(struct tls_session *s, void *p, size_t n, int *ret_write)
{
	int rc;

	errno = 0;
	rc = SSL_read(ssl_of(s), p, n > INT_MAX ? INT_MAX : (int)n);
	return rc > 0 ? rc : failed(ssl_of(s), rc, ret_write);
}

ssize_t
tls_write(struct tls_session *s, const void *p, size_t n, int *ret_write)
{
	int rc;

	errno = 0;
	rc = SSL_write(ssl_of(s), p, n > INT_MAX ? INT_MAX : (int)n);
	return rc > 0 ? rc : failed(ssl_of(s), rc, ret_write);
}

int
tls_is_ready(const struct tls_session *s)
{
	return SSL_is_init_finished(ssl_of(s));
}

int
tls_has_more(const struct tls_session *s)
{
	return SSL_has_pending(ssl_of(s));
}

void
tls_shutdown(struct tls_session *s)
{
	if (SSL_is_init_finished(ssl_of(s)))
		(void)SSL_shutdown(ssl_of(s));
	ERR_clear_error();
}
