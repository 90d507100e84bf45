/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority's key, one P-256 key for all leaves of the run, and the leaves
 * made so far. Runs in role sink.
 */
#include "sink/mint_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "sink/tls_priv.h"
#include "sys/fd.h"

/* A shifted clock of the sandbox must find it valid. */
#define VALID_BEFORE_DAYS 365
#define VALID_AFTER_DAYS  (3 * 365)
#define DAY_SECONDS       (24 * 3600l)
#define HOST_MAX_BYTES    253
#define COMMON_NAME_MAX   64 /* RFC 5280, ub-common-name */
#define SERIAL_BYTES      16

struct mint {
	struct buf certificate_pem, key_pem; /* until they are read */
	X509 *authority;
	EVP_PKEY *authority_key, *leaf_key;
	SSL_CTX *ctx;
	struct map *leaves; /* host -> X509 */
	int keylog_fd; /* borrowed; -1: none */
};

static void
log_keys(const SSL *ssl, const char *line)
{
	const struct mint *m = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (m->keylog_fd < 0)
		return;
	if (fd_write_all(m->keylog_fd, line, strlen(line), NULL) == 0)
		(void)fd_write_all(m->keylog_fd, "\n", 1, NULL);
}

static int
make_context(struct mint *m, struct error *err)
{
	m->ctx = SSL_CTX_new(TLS_server_method());
	if (m->ctx == NULL)
		return error_set(err, -ENOMEM, "sink: TLS context");
	/* Whatever a client speaks is worth hearing, old versions too. */
	SSL_CTX_set_security_level(m->ctx, 0);
	(void)SSL_CTX_set_min_proto_version(m->ctx, TLS1_VERSION);
	(void)SSL_CTX_set_options(m->ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
		SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_mode(m->ctx, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(m->ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_app_data(m->ctx, m);
	SSL_CTX_set_keylog_callback(m->ctx, log_keys);
	tls_set_callbacks(m->ctx);
	return 0;
}

static void
forget_pem(struct mint *m)
{
	if (m->key_pem.p != NULL)
		explicit_bzero(m->key_pem.p, m->key_pem.n);
	buf_done(&m->certificate_pem);
	buf_done(&m->key_pem);
}

static int
read_authority(struct mint *m, struct error *err)
{
	BIO *b =
	    BIO_new_mem_buf(m->certificate_pem.p, (int)m->certificate_pem.n);

	m->authority = PEM_read_bio_X509(b, NULL, NULL, NULL);
	(void)BIO_free(b);
	b = BIO_new_mem_buf(m->key_pem.p, (int)m->key_pem.n);
	m->authority_key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	(void)BIO_free(b);
	forget_pem(m);
	ERR_clear_error();
	if (m->authority == NULL || m->authority_key == NULL)
		return error_set(err, -EINVAL,
		    "sink: the image's certificate authority is not PEM; "
		    "rebuild the image");
	if (X509_check_private_key(m->authority, m->authority_key) != 1) {
		ERR_clear_error();
		return error_set(err, -EINVAL,
		    "sink: the authority's key is not that of its "
		    "certificate; rebuild the image");
	}
	return 0;
}

struct mint *
mint_new(struct str certificate_pem, struct str key_pem, int keylog_fd)
{
	struct mint *m = mem_alloc(sizeof(*m));

	m->keylog_fd = keylog_fd;
	m->leaves = map_new(LIMIT_SINK_CERTIFICATES);
	buf_init(&m->certificate_pem, LIMIT_CONFIG_BYTES);
	buf_init(&m->key_pem, LIMIT_CONFIG_BYTES);
	buf_put_str(&m->certificate_pem, certificate_pem);
	buf_put_str(&m->key_pem, key_pem);
	return m;
}

int
mint_begin(struct mint *m, struct error *err)
{
	int rc;

	if (m->ctx != NULL)
		return 0;
	/* There are no files any more; nor would those of the host matter. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return error_set(err, -ENOMEM, "sink: TLS library");
	rc = read_authority(m, err);
	if (rc != 0)
		return rc;
	m->leaf_key = EVP_EC_gen("P-256");
	if (m->leaf_key == NULL)
		return error_set(err, -EIO, "sink: making a P-256 key");
	return make_context(m, err);
}

void
mint_free(struct mint *m)
{
	struct str key;
	void *leaf;
	size_t at = 0;

	if (m == NULL)
		return;
	while (map_next(m->leaves, &at, &key, &leaf))
		X509_free(leaf);
	map_free(m->leaves);
	forget_pem(m);
	X509_free(m->authority);
	EVP_PKEY_free(m->authority_key);
	EVP_PKEY_free(m->leaf_key);
	SSL_CTX_free(m->ctx);
	free(m);
}

SSL *
mint_session(struct mint *m)
{
	return SSL_new(m->ctx);
}

static bool
is_address(const char *host)
{
	uint8_t bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 ||
	    inet_pton(AF_INET6, host, bytes) == 1;
}

static bool
add_extension(X509 *x, const X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e != NULL && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static bool
set_names(X509 *x, const X509 *issuer, const char *host)
{
	X509_NAME *subject = X509_get_subject_name(x);
	char value[HOST_MAX_BYTES + 16];

	/* A name too long for it stands in the alternative names alone. */
	if (strlen(host) <= COMMON_NAME_MAX &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		(const unsigned char *)host, -1, -1, 0) != 1)
		return false;
	(void)snprintf(value, sizeof(value), "%s:%s",
	    is_address(host) ? "IP" : "DNS", host);
	return add_extension(x, issuer, NID_subject_alt_name, value);
}

static X509 *
make_leaf(const struct mint *m, const char *host)
{
	unsigned char serial[SERIAL_BYTES];
	X509 *x = X509_new();
	BIGNUM *n;
	bool ok;

	if (x == NULL || RAND_bytes(serial, sizeof(serial)) != 1) {
		X509_free(x);
		return NULL;
	}
	serial[0] &= 0x7f; /* positive */
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	ok = n != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL &&
	    X509_gmtime_adj(X509_getm_notBefore(x),
		-VALID_BEFORE_DAYS * DAY_SECONDS) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x),
		VALID_AFTER_DAYS * DAY_SECONDS) != NULL &&
	    X509_set_issuer_name(x, X509_get_subject_name(m->authority)) == 1 &&
	    X509_set_pubkey(x, m->leaf_key) == 1 &&
	    set_names(x, m->authority, host) &&
	    add_extension(x, m->authority, NID_basic_constraints,
		"critical,CA:FALSE") &&
	    add_extension(x, m->authority, NID_key_usage,
		"critical,digitalSignature") &&
	    add_extension(x, m->authority, NID_ext_key_usage,
		"serverAuth,clientAuth") &&
	    add_extension(x, m->authority, NID_subject_key_identifier,
		"hash") &&
	    add_extension(x, m->authority, NID_authority_key_identifier,
		"keyid") &&
	    X509_sign(x, m->authority_key, EVP_sha256()) != 0;
	BN_free(n);
	if (ok)
		return x;
	ERR_clear_error();
	X509_free(x);
	return NULL;
}

/* Letters, digits and what names and addresses have besides: nothing that
 * means something to the extension's text form. */
static bool
is_plain_host(struct str host)
{
	for (size_t i = 0; i < host.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:*",
			host.p[i]) == NULL ||
		    host.p[i] == '\0')
			return false;
	return host.n != 0 && host.n <= HOST_MAX_BYTES;
}

bool
mint_use(struct mint *m, SSL *ssl, struct str host)
{
	char text[HOST_MAX_BYTES + 1];
	X509 *leaf;
	bool ok;

	if (!is_plain_host(host))
		return false;
	leaf = map_get(m->leaves, host);
	if (leaf != NULL) {
		(void)X509_up_ref(leaf);
	} else {
		(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
		leaf = make_leaf(m, text);
		if (leaf == NULL)
			return false;
		if (map_put(m->leaves, host, leaf) == 0)
			(void)X509_up_ref(leaf);
	}
	ok = SSL_use_certificate(ssl, leaf) == 1 &&
	    SSL_use_PrivateKey(ssl, m->leaf_key) == 1;
	X509_free(leaf);
	return ok;
}
