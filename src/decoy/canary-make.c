/* SPDX-License-Identifier: Apache-2.0 */
/* Planted secrets in the formats of their issuers. Runs in the supervisor. */
#include "decoy/canary-make.h"

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "decoy/draw.h"

#define CHECKED_CHARS 30
#define KEY_BYTES     32

static uint32_t
crc32_of(const char *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint8_t)p[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	return ~crc;
}

struct str
canary_checked_token(struct arena *a, struct draw *d, const char *prefix)
{
	char body[CHECKED_CHARS + 1], check[7] = "000000";

	draw_chars(d, draw_base62, CHECKED_CHARS, body);
	uint32_t crc = crc32_of(body, CHECKED_CHARS);
	for (int i = 5; i >= 0; i--, crc /= 62)
		check[i] = draw_base62[crc % 62];
	return str_of(arena_printf(a, "%s%s%s", prefix, body, check));
}

/* The account number is inside the key id: 40 of the first 48 bits. */
struct str
canary_aws_key_id(struct arena *a, struct draw *d)
{
	static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint64_t account = 0;
	uint8_t raw[10];
	char id[17];

	for (int i = 0; i < 12; i++)
		account = account * 10 + draw_below(d, i == 0 ? 9 : 10);
	draw_bytes(d, raw, sizeof(raw));
	uint64_t head = 1ull << 47 | account << 7 | (raw[5] & 0x7fu);
	for (int i = 5; i >= 0; i--, head >>= 8)
		raw[i] = (uint8_t)head;
	for (size_t i = 0; i < 16; i++) {
		size_t bit = i * 5;
		unsigned two = (unsigned)raw[bit / 8] << 8;
		if (bit / 8 + 1 < sizeof(raw))
			two |= raw[bit / 8 + 1];
		id[i] = base32[two >> (11 - bit % 8) & 31];
	}
	id[16] = '\0';
	return str_of(arena_printf(a, "AKIA%s", id));
}

struct str
canary_aws_secret(struct arena *a, struct draw *d)
{
	char body[41];

	draw_chars(d, draw_base64, 40, body);
	return str_of(arena_printf(a, "%s", body));
}

struct str
canary_token(struct arena *a, struct draw *d, const char *prefix, size_t n)
{
	char body[129];

	n = n < sizeof(body) ? n : sizeof(body) - 1;
	draw_chars(d, draw_base62, n, body);
	return str_of(arena_printf(a, "%s%s", prefix, body));
}

struct str
canary_hex(struct arena *a, struct draw *d, size_t n)
{
	char body[129];

	n = n < sizeof(body) ? n : sizeof(body) - 1;
	draw_chars(d, draw_hex, n, body);
	return str_of(arena_printf(a, "%s", body));
}

struct str
canary_uuid(struct arena *a, struct draw *d)
{
	char h[32];

	draw_chars(d, draw_hex, 31, h);
	return str_of(arena_printf(a, "%.8s-%.4s-4%.3s-%c%.3s-%.12s", h, h + 8,
	    h + 12, "89ab"[draw_below(d, 4)], h + 15, h + 18));
}

struct str
canary_password(struct arena *a, struct draw *d)
{
	static const char *const words[] = { "Amber", "Birch", "Cobalt",
		"Drift", "Ember", "Falcon", "Gravel", "Harbor", "Indigo",
		"Juniper", "Kettle", "Lumen", "Meadow", "Nickel", "Orchid",
		"Pebble", "Quartz", "Raven", "Saddle", "Tundra" };
	char tail[7];

	draw_chars(d, draw_base62, 6, tail);
	const char *first = draw_one(d, words);
	const char *second = draw_one(d, words);
	return str_of(arena_printf(a, "%s%s%u%s", first, second,
	    10 + draw_below(d, 90), tail));
}

struct pair {
	uint8_t secret[KEY_BYTES], public[KEY_BYTES];
};

static int
make_pair(struct draw *d, struct pair *ret, struct error *err)
{
	size_t n = KEY_BYTES;

	draw_bytes(d, ret->secret, KEY_BYTES);
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
	    ret->secret, KEY_BYTES);
	int ok =
	    key != NULL && EVP_PKEY_get_raw_public_key(key, ret->public, &n);
	EVP_PKEY_free(key);
	if (!ok)
		return error_set(err, -EIO,
		    "libcrypto cannot make an Ed25519 key");
	return 0;
}

static void
put_u32(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_putc(b, (char)(v >> shift));
}

static void
put_string(struct buf *b, struct str s)
{
	put_u32(b, (uint32_t)s.n);
	buf_put_str(b, s);
}

static struct str
base64(struct arena *a, struct str raw)
{
	char *out = arena_alloc(a, (raw.n + 2) / 3 * 4 + 1);
	int n = EVP_EncodeBlock((unsigned char *)out,
	    (const unsigned char *)raw.p, (int)raw.n);

	return str_n(out, (size_t)n);
}

/* The blob of a public key: its type and its bytes. */
static struct str
public_blob(struct arena *a, const struct pair *p)
{
	struct buf b;

	buf_init(&b, 256);
	put_string(&b, STR_LIT("ssh-ed25519"));
	put_string(&b, str_n(p->public, KEY_BYTES));
	struct str blob = arena_str(a, buf_str(&b));
	buf_done(&b);
	return blob;
}

/* PROTOCOL.key of OpenSSH, without a passphrase. */
static void
put_secret_blob(struct buf *b, struct draw *d, const struct pair *p,
    struct str public, struct str comment)
{
	struct buf in;
	uint32_t check;

	draw_bytes(d, &check, sizeof(check));
	buf_init(&in, 1024);
	put_u32(&in, check);
	put_u32(&in, check);
	buf_put_str(&in, public);
	put_u32(&in, 2 * KEY_BYTES);
	buf_put(&in, p->secret, KEY_BYTES);
	buf_put(&in, p->public, KEY_BYTES);
	put_string(&in, comment);
	for (char pad = 1; in.n % 8 != 0; pad++)
		buf_putc(&in, pad);

	buf_put(b, "openssh-key-v1", 15);
	put_string(b, STR_LIT("none"));
	put_string(b, STR_LIT("none"));
	put_u32(b, 0);
	put_u32(b, 1);
	put_string(b, public);
	put_string(b, buf_str(&in));
	buf_done(&in);
}

#define PEM_COLUMNS 70
/* The secret half lies in bytes 161 to 192 of the blob: the fourth line. */
#define PEM_SECRET_LINE 3

int
canary_ssh_key(struct arena *a, struct draw *d, struct str comment,
    struct canary_key *ret, struct error *err)
{
	struct pair p;
	struct buf b;
	int r = make_pair(d, &p, err);

	if (r < 0)
		return r;
	struct str public = public_blob(a, &p);
	buf_init(&b, 8192);
	put_secret_blob(&b, d, &p, public, comment);
	struct str body = base64(a, buf_str(&b));
	buf_reset(&b);
	buf_puts(&b,
	    "-----BEGIN OPENSSH "
	    "PRIVATE KEY-----\n");
	for (size_t i = 0; i < body.n; i += PEM_COLUMNS) {
		buf_put_str(&b, str_sub(body, i, i + PEM_COLUMNS));
		buf_putc(&b, '\n');
	}
	buf_puts(&b,
	    "-----END OPENSSH "
	    "PRIVATE KEY-----\n");
	ret->secret_file = arena_str(a, buf_str(&b));
	buf_done(&b);
	ret->secret = str_sub(body, PEM_SECRET_LINE * PEM_COLUMNS,
	    (PEM_SECRET_LINE + 1) * PEM_COLUMNS);
	struct str line = base64(a, public);
	ret->public_file = str_of(arena_printf(a, "ssh-ed25519 %.*s %.*s\n",
	    STR_ARG(line), STR_ARG(comment)));
	return 0;
}

int
canary_wallet(struct arena *a, struct draw *d, struct str *ret_file,
    struct str *ret_secret, struct error *err)
{
	struct pair p;
	struct buf b;
	size_t half = 0;
	int r = make_pair(d, &p, err);

	if (r < 0)
		return r;
	buf_init(&b, 1024);
	buf_putc(&b, '[');
	for (size_t i = 0; i < KEY_BYTES; i++)
		buf_printf(&b, "%s%u", i > 0 ? "," : "", p.secret[i]);
	half = b.n;
	for (size_t i = 0; i < KEY_BYTES; i++)
		buf_printf(&b, ",%u", p.public[i]);
	buf_putc(&b, ']');
	*ret_file = arena_str(a, buf_str(&b));
	*ret_secret = str_sub(*ret_file, 1, half);
	buf_done(&b);
	return 0;
}
