/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate authority of an image's fake Internet, and how programs come
 * to trust it: by the bundle that most of them read, and by one of the root
 * certificates that a runtime carries in its binary, overwritten in place. No
 * environment variable betrays it, and the number of roots stays what it was.
 * Runs in the supervisor, when an image is built or its authority changes.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----"

/* Longer than any root certificate in use (RSA 4096 takes 2 KB). */
#define MAX_PEM_BYTES (8 * KIB)
/* Names that are drawn until one fits a slot exactly; each takes under 1 ms. */
#define MAX_DRAWS 200

#define DAY_SECONDS (24l * 60 * 60)

/* --- a name -------------------------------------------------------------- */

static const char *const first_parts[] = { "Nord", "Vest", "Alta", "Civi",
	"Fida", "Veri", "Aqui", "Lumen", "Terra", "Halv", "Custo", "Probi",
	"Solid", "Clavis", "Arx", "Tessera" };
static const char *const second_parts[] = { "lund", "via", "gate", "mark",
	"dom", "line", "port", "tec", "vakt", "net", "berg", "sign" };
static const char *const companies[] = { "", " AB", " GmbH", " Ltd.", " B.V.",
	" Inc.", " Oy", " S.A.", " Limited", " Corporation" };
static const char *const kinds[] = { " Root CA", " ECC Root CA", " Global Root",
	" Root Certification Authority", " Trust Root", " Primary Root CA" };
static const char *const generations[] = { "", " 1", " 2", " G2", " G3", " R2",
	" 2017", " - G2" };
static const char *const countries[] = { "US", "DE", "SE", "NL", "FI", "CH",
	"GB", "ES" };

static size_t
draw(size_t n)
{
	uint32_t v = 0;

	if (RAND_bytes((unsigned char *)&v, sizeof(v)) != 1)
		fatal("libcrypto has no random numbers");
	return v % n;
}

#define DRAW(table) ((table)[draw(N_ELEMENTS(table))])

struct name {
	char country[3], organisation[64], common[96];
};

static struct name
name_draw(void)
{
	char stem[32];
	struct name n;

	(void)snprintf(stem, sizeof(stem), "%s%s", DRAW(first_parts),
	    DRAW(second_parts));
	(void)snprintf(n.country, sizeof(n.country), "%s", DRAW(countries));
	(void)snprintf(n.organisation, sizeof(n.organisation), "%s%s", stem,
	    DRAW(companies));
	(void)snprintf(n.common, sizeof(n.common), "%s%s%s", stem, DRAW(kinds),
	    DRAW(generations));
	return n;
}

/* --- a certificate ------------------------------------------------------- */

static bool
set_name(X509 *x, const struct name *n)
{
	const struct {
		const char *key, *value;
	} rows[] = { { "C", n->country }, { "O", n->organisation },
		{ "CN", n->common } };
	X509_NAME *subject = X509_NAME_new();
	bool ok = subject != NULL;

	for (size_t i = 0; ok && i < N_ELEMENTS(rows); i++)
		ok = X509_NAME_add_entry_by_txt(subject, rows[i].key,
			 i == 0 ? MBSTRING_ASC : MBSTRING_UTF8,
			 (const unsigned char *)rows[i].value, -1, -1, 0) == 1;
	ok = ok && X509_set_subject_name(x, subject) == 1 &&
	    X509_set_issuer_name(x, subject) == 1;
	X509_NAME_free(subject);
	return ok;
}

static bool
add_extensions(X509 *x)
{
	static const struct {
		int nid;
		const char *value;
	} rows[] = { { NID_basic_constraints, "critical,CA:TRUE" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" } };
	X509V3_CTX ctx;
	bool ok = true;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	for (size_t i = 0; ok && i < N_ELEMENTS(rows); i++) {
		X509_EXTENSION *e =
		    X509V3_EXT_conf_nid(NULL, &ctx, rows[i].nid, rows[i].value);

		ok = e != NULL && X509_add_ext(x, e, -1) == 1;
		X509_EXTENSION_free(e);
	}
	return ok;
}

/* Valid from a day between 2014 and 2021 for 25 years, as real roots are:
 * runs with a shifted clock stay inside. */
static bool
set_dates(X509 *x)
{
	time_t from = 1388534400 + (time_t)draw(7 * 365) * DAY_SECONDS;
	time_t to = from + 25l * 365 * DAY_SECONDS;

	return ASN1_TIME_set(X509_getm_notBefore(x), from) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(x), to) != NULL;
}

static bool
set_serial(X509 *x)
{
	unsigned char bytes[16];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n != NULL &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return ok;
}

static X509 *
certificate(EVP_PKEY *key, const struct name *n)
{
	X509 *x = X509_new();

	if (x == NULL || X509_set_version(x, X509_VERSION_3) != 1 ||
	    !set_serial(x) || !set_dates(x) || !set_name(x, n) ||
	    X509_set_pubkey(x, key) != 1 || !add_extensions(x) ||
	    X509_sign(x, key, EVP_sha256()) == 0)
		fatal("libcrypto cannot make a certificate");
	return x;
}

static char *
bio_text(BIO *bio)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);

	return mem_strndup(str_trim(str_n(p, (size_t)n)));
}

static char *
certificate_pem(X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	if (bio == NULL || PEM_write_bio_X509(bio, x) != 1)
		fatal("libcrypto cannot write a certificate");
	text = bio_text(bio);
	BIO_free(bio);
	return text;
}

/* The same certificate in lines of another length. */
static char *
rewrap(const char *pem, size_t line_bytes)
{
	struct str body = str_sub(str_of(pem), sizeof(BEGIN) - 1,
	    strlen(pem) - (sizeof(END) - 1));
	size_t column = 0;
	struct buf out;

	buf_init(&out, MAX_PEM_BYTES);
	buf_puts(&out, BEGIN);
	for (size_t i = 0; i < body.n; i++) {
		if (body.p[i] == '\n')
			continue;
		if (column == line_bytes) {
			buf_putc(&out, '\n');
			column = 0;
		}
		buf_putc(&out, body.p[i]);
		column++;
	}
	buf_puts(&out, "\n" END);
	return buf_steal(&out);
}

static char *
key_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	if (bio == NULL ||
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		fatal("libcrypto cannot write a key");
	text = bio_text(bio);
	BIO_free(bio);
	return text;
}

static void
fill(struct image_ca *ca, EVP_PKEY *key, X509 *x, const struct name *n)
{
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_SIZE];

	ca->key_pem = key_pem(key);
	ca->name_hash = (uint32_t)X509_NAME_hash_ex(X509_get_subject_name(x),
	    NULL, NULL, NULL);
	ca->label = mem_strdup(n->common);
	for (char *p = ca->label; *p != '\0'; p++)
		if (*p == ' ')
			*p = '_'; /* as Debian names its files */
	sha256_of(str_of(ca->cert_pem), digest);
	sha256_hex(digest, hex);
	(void)snprintf(ca->name, sizeof(ca->name), "%.16s", hex);
}

void
image_ca_done(struct image_ca *ca)
{
	if (ca->key_pem != NULL)
		explicit_bzero(ca->key_pem, strlen(ca->key_pem));
	free(ca->cert_pem);
	free(ca->runtime_pem);
	free(ca->key_pem);
	free(ca->label);
	*ca = (struct image_ca){ 0 };
}

/* The smallest slot that n bytes fit in; NULL: none. */
static const struct image_slot *
best_slot(const struct image_slots *slots, size_t n)
{
	const struct image_slot *best = NULL;

	for (size_t i = 0; i < slots->n; i++)
		if (slots->v[i].bytes >= (int64_t)n &&
		    (best == NULL || slots->v[i].bytes < best->bytes))
			best = &slots->v[i];
	return best;
}

/* Draws one authority; keeps it when it leaves less of a slot unused. */
static void
draw_better(EVP_PKEY *key, const struct image_slots *slots,
    struct image_ca *best, int64_t *waste)
{
	struct name n = name_draw();
	X509 *x = certificate(key, &n);
	_cleanup_(freep) char *pem = certificate_pem(x);
	_cleanup_(freep) char *wrapped =
	    rewrap(pem, (size_t)slots->v[0].line_bytes);
	const struct image_slot *slot = best_slot(slots, strlen(wrapped));
	int64_t left =
	    slot != NULL ? slot->bytes - (int64_t)strlen(wrapped) : INT64_MAX;

	if (left < *waste) {
		*waste = left;
		image_ca_done(best);
		best->cert_pem = steal(&pem);
		best->runtime_pem = steal(&wrapped);
		fill(best, key, x, &n);
	}
	X509_free(x);
}

int
image_ca_new(const struct image_slots *slots, struct image_ca *ret,
    struct error *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct image_ca ca = { 0 };
	int64_t waste = INT64_MAX;

	if (key == NULL)
		fatal("libcrypto has no P-256");
	for (int i = 0; slots->n != 0 && waste != 0 && i < MAX_DRAWS; i++)
		draw_better(key, slots, &ca, &waste);
	EVP_PKEY_free(key);
	if (ca.cert_pem == NULL)
		return error_set(err, -ENOENT,
		    "the runtime has no root certificate that ours fits in "
		    "(%zu found)",
		    slots->n);
	*ret = ca;
	return 0;
}

/* --- in a program -------------------------------------------------------- */

/* The length of the certificate that s begins with; 0: it is none. */
static size_t
pem_length(struct str s)
{
	struct str head = str_sub(s, 0, MAX_PEM_BYTES);
	ptrdiff_t end = str_find(head, STR_LIT(END));
	size_t n;

	if (end < 0)
		return 0;
	for (size_t i = sizeof(BEGIN) - 1; i < (size_t)end; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"
			   "z"
			   "0123456789+/=\n",
			s.p[i]) == NULL ||
		    s.p[i] == '\0')
			return 0;
	n = (size_t)end + sizeof(END) - 1;
	while (n < head.n && s.p[n] == '\n')
		n++;
	/* A constant of the program, not part of a longer text. */
	return n < head.n && s.p[n] == '\0' ? n : 0;
}

static int64_t
line_length(struct str pem)
{
	struct str body = str_sub(pem, sizeof(BEGIN) - 1, pem.n);

	return MAX_OF(str_chr(body, '\n'), 1);
}

void
image_ca_find_slots(struct str program, struct image_slots *ret)
{
	struct str rest = program;

	*ret = (struct image_slots){ 0 };
	while (rest.n != 0) {
		const char *at =
		    memmem(rest.p, rest.n, BEGIN, sizeof(BEGIN) - 1);
		size_t n;

		if (at == NULL)
			break;
		rest = str_sub(program, (size_t)(at - program.p), program.n);
		n = pem_length(rest);
		if (n != 0)
			vec_push(ret,
			    ((struct image_slot){ at - program.p, (int64_t)n,
				line_length(rest) }));
		rest = str_sub(rest, n != 0 ? n : 1, rest.n);
	}
}

int
image_ca_read_slots(const char *path, struct image_slots *ret,
    struct error *err)
{
	_cleanup_(closep) int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) != 0)
		return error_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return error_set(err, -EINVAL, "%s is no program", path);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return error_errno(err, "%s", path);
	image_ca_find_slots(str_n(map, (size_t)st.st_size), ret);
	(void)munmap(map, (size_t)st.st_size);
	return 0;
}

int
image_ca_patch(const char *path, const struct image_slots *slots,
    struct str pem, struct image_slot *ret, struct error *err)
{
	_cleanup_(closep) int fd =
	    open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	const struct image_slot *slot = best_slot(slots, pem.n);
	_cleanup_(freep) char *bytes = NULL;

	if (fd < 0)
		return error_errno(err, "%s", path);
	if (slot == NULL)
		return error_set(err, -ENOSPC,
		    "%s: no root certificate of %zu bytes or more", path,
		    pem.n);
	bytes = mem_alloc((size_t)slot->bytes);
	memset(bytes, '\n', (size_t)slot->bytes);
	memcpy(bytes, pem.p, pem.n);
	if (pwrite(fd, bytes, (size_t)slot->bytes, slot->offset) !=
	    (ssize_t)slot->bytes)
		return error_errno(err, "cannot write %s", path);
	*ret = *slot;
	return 0;
}

/* --- in a bundle --------------------------------------------------------- */

int
image_ca_bundle(struct str bundle, struct str pem, struct buf *out,
    struct error *err)
{
	struct str rest = bundle;
	size_t n = 0, at, skip;
	ptrdiff_t begin;

	while ((begin = str_find(rest, STR_LIT(BEGIN))) >= 0) {
		rest = str_sub(rest, (size_t)begin + 1, rest.n);
		n++;
	}
	if (n == 0)
		return error_set(err, -EINVAL,
		    "the image's bundle has no certificate");
	/* Not the last one, where people look: a place that follows from it. */
	skip = (size_t)(str_hash(pem) % n);
	rest = bundle;
	for (size_t i = 0; i <= skip; i++) {
		begin = str_find(rest, STR_LIT(BEGIN));
		assert(begin >= 0);
		rest = str_sub(rest, (size_t)begin + 1, rest.n);
	}
	at = bundle.n - rest.n - 1;
	buf_put_str(out, str_sub(bundle, 0, at));
	buf_put_str(out, pem);
	buf_putc(out, '\n');
	buf_put_str(out, str_sub(bundle, at, bundle.n));
	return 0;
}
