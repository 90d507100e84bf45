/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHello, RFC 8446 §4.1.2 and RFC 6066 §3. Runs in role sink. */
#include "sink/hello_priv.h"

#include <errno.h>

#define RECORD_HEADER_BYTES 5
#define RECORD_MAX_BYTES    (16384 + 256)
#define CONTENT_HANDSHAKE   22
#define CLIENT_HELLO        1
#define EXTENSION_NAME      0
#define EXTENSION_ALPN      16

/* Bytes not yet read; running over the end sets bad and gives 0. */
struct reader {
	struct str left;
	bool bad;
};

static struct str
take(struct reader *r, size_t n)
{
	struct str s;

	if (r->bad || r->left.n < n) {
		r->bad = true;
		return STR_NONE;
	}
	s = str_n(r->left.p, n);
	r->left = str_n(r->left.p + n, r->left.n - n);
	return s;
}

static size_t
take_number(struct reader *r, size_t n)
{
	struct str s = take(r, n);
	size_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | (unsigned char)s.p[i];
	return v;
}

/* A vector with a length of length_bytes before it. */
static struct reader
take_vector(struct reader *r, size_t length_bytes)
{
	size_t n = take_number(r, length_bytes);
	struct reader v = { .left = take(r, n) };

	v.bad = r->bad;
	return v;
}

static void
read_extension(struct hello *h, size_t type, struct reader data)
{
	struct reader list;

	if (type == EXTENSION_NAME) {
		list = take_vector(&data, 2);
		if (take_number(&list, 1) != 0)
			return; /* no host name */
		list = take_vector(&list, 2);
		if (!list.bad)
			h->name = list.left;
	} else if (type == EXTENSION_ALPN) {
		list = take_vector(&data, 2);
		if (!list.bad)
			h->alpn = list.left;
	}
}

static int
read_body(struct reader *r, struct hello *h)
{
	struct reader extensions;

	(void)take(r, 2 + 32); /* version, random */
	(void)take_vector(r, 1); /* session */
	(void)take_vector(r, 2); /* cipher suites */
	(void)take_vector(r, 1); /* compression */
	if (r->bad)
		return -EBADMSG;
	if (r->left.n == 0)
		return 1; /* no extensions: an old client */
	extensions = take_vector(r, 2);
	while (!extensions.bad && extensions.left.n != 0) {
		size_t type = take_number(&extensions, 2);
		struct reader data = take_vector(&extensions, 2);

		if (!extensions.bad)
			read_extension(h, type, data);
	}
	return extensions.bad ? -EBADMSG : 1;
}

int
hello_parse(struct str bytes, struct hello *ret)
{
	struct reader r = { .left = bytes };
	struct hello h = { STR_NONE, STR_NONE };
	size_t n;
	int rc;

	if (bytes.n >= 1 && bytes.p[0] != CONTENT_HANDSHAKE)
		return -EBADMSG;
	if (bytes.n >= 2 && bytes.p[1] != 3)
		return -EBADMSG;
	if (bytes.n < RECORD_HEADER_BYTES)
		return 0;
	(void)take(&r, 3);
	n = take_number(&r, 2);
	if (n < 4 || n > RECORD_MAX_BYTES)
		return -EBADMSG;
	if (r.left.n >= 1 && r.left.p[0] != CLIENT_HELLO)
		return -EBADMSG;
	if (r.left.n < n)
		return 0;
	r.left.n = n;
	(void)take(&r, 1);
	r = take_vector(&r, 3);
	if (r.bad)
		return -EBADMSG; /* goes on in the next record */
	rc = read_body(&r, &h);
	if (rc == 1)
		*ret = h;
	return rc;
}
