/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing through libcrypto, all kinds in one pass. Runs in role fetch. */
#include "fetch/verify.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"

enum kind { /* strongest first */
	SHA512,
	SHA384,
	SHA256,
	SHA1,
	KIND__MAX
};

static const struct {
	const char *prefix;
	const EVP_MD *(*md)(void);
} kinds[KIND__MAX] = {
	[SHA512] = { "sha512-", EVP_sha512 },
	[SHA384] = { "sha384-", EVP_sha384 },
	[SHA256] = { "sha256-", EVP_sha256 },
	[SHA1] = { "sha1-", EVP_sha1 },
};

struct hashes {
	EVP_MD_CTX *ctx[KIND__MAX];
	unsigned char digest[KIND__MAX][EVP_MAX_MD_SIZE];
	unsigned n[KIND__MAX];
	int64_t size;
};

static void
hashes_done(struct hashes *h)
{
	for (int k = 0; k < KIND__MAX; k++)
		EVP_MD_CTX_free(h->ctx[k]);
}

static void
hashes_begin(struct hashes *h)
{
	for (int k = 0; k < KIND__MAX; k++) {
		h->ctx[k] = EVP_MD_CTX_new();
		if (h->ctx[k] == NULL ||
		    EVP_DigestInit_ex(h->ctx[k], kinds[k].md(), NULL) != 1)
			fatal("libcrypto has no %s", kinds[k].prefix);
	}
}

/* SHA-384 only where it is asked for: it costs as much as SHA-512. */
static int
hashes_read(struct hashes *h, int fd, bool with_384, struct error *err)
{
	unsigned char bytes[64 * KIB];
	ssize_t n;

	for (;;) {
		n = pread(fd, bytes, sizeof(bytes), h->size);
		if (n < 0)
			return error_errno(err, "reading an archive");
		if (n == 0)
			break;
		for (int k = 0; k < KIND__MAX; k++)
			if (k != SHA384 || with_384)
				(void)EVP_DigestUpdate(h->ctx[k], bytes,
				    (size_t)n);
		h->size += n;
	}
	for (int k = 0; k < KIND__MAX; k++)
		(void)EVP_DigestFinal_ex(h->ctx[k], h->digest[k], &h->n[k]);
	return 0;
}

static void
to_base64(const struct hashes *h, int kind, char *ret, size_t size)
{
	unsigned char text[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];

	(void)EVP_EncodeBlock(text, h->digest[kind], (int)h->n[kind]);
	(void)snprintf(ret, size, "%s%s", kinds[kind].prefix,
	    (const char *)text);
}

static void
to_hex(const struct hashes *h, int kind, char *ret)
{
	for (unsigned i = 0; i < h->n[kind]; i++)
		(void)snprintf(ret + (size_t)i * 2, 3, "%02x",
		    (unsigned)h->digest[kind][i]);
}

/* Takes the word after the options ("?…") off: what is compared. */
static struct str
bare(struct str word)
{
	ptrdiff_t at = str_chr(word, '?');

	return at < 0 ? word : str_sub(word, 0, (size_t)at);
}

/* The strongest kind that the list has, and whether one of that kind fits. */
static int
check_integrity(const struct hashes *h, struct str list, bool *ret_fits)
{
	char ours[INTEGRITY_SIZE + 32];
	struct str rest, word;
	bool seen, fits;

	for (int k = 0; k < KIND__MAX; k++) {
		seen = fits = false;
		to_base64(h, k, ours, sizeof(ours));
		rest = list;
		while (str_cut(&rest, ' ', &word)) {
			if (!str_starts(word, kinds[k].prefix))
				continue;
			seen = true;
			fits = fits || str_is(bare(word), ours);
		}
		if (seen) {
			*ret_fits = fits;
			return k;
		}
	}
	return KIND__MAX;
}

static int
compare(const struct hashes *h, struct str integrity, struct str shasum,
    const struct verified *v, struct error *err)
{
	char ours[INTEGRITY_SIZE + 32];
	bool fits = false;
	int kind = check_integrity(h, integrity, &fits);

	if (kind < KIND__MAX) {
		to_base64(h, kind, ours, sizeof(ours));
		if (fits)
			return 0;
		return error_set(err, -EBADMSG,
		    "the archive is not the one that was promised: its hash "
		    "is %.40s…, not %.*s…",
		    ours, STR_ARG(str_sub(integrity, 0, 40)));
	}
	if (integrity.n != 0)
		return error_set(err, -EBADMSG,
		    "the integrity \"%.*s\" is of no known kind",
		    STR_ARG(str_sub(integrity, 0, 60)));
	if (shasum.n == 0 || str_eq_nocase(shasum, str_of(v->shasum)))
		return 0;
	return error_set(err, -EBADMSG,
	    "the archive is not the one that was promised: its SHA-1 is %s, "
	    "not %.*s",
	    v->shasum, STR_ARG(str_sub(shasum, 0, 40)));
}

int
verify(int fd, struct str integrity, struct str shasum, struct verified *ret,
    struct error *err)
{
	struct hashes h = { 0 };
	struct verified v = { 0 };
	int rc;

	hashes_begin(&h);
	rc = hashes_read(&h, fd, str_find(integrity, STR_LIT("sha384-")) >= 0,
	    err);
	hashes_done(&h);
	if (rc != 0)
		return rc;
	to_hex(&h, SHA256, v.sha256);
	to_hex(&h, SHA1, v.shasum);
	to_base64(&h, SHA512, v.integrity, sizeof(v.integrity));
	v.size = h.size;
	rc = compare(&h, integrity, shasum, &v, err);
	if (rc == 0)
		*ret = v;
	return rc;
}
