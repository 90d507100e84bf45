/* SPDX-License-Identifier: Apache-2.0 */
/* Files as objects of a store. Runs in role listener. */
#include "serve/entity.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "serve/answer.h"
#include "serve/http.h"
#include "sys/clock.h"
#include "sys/crc32c.h"

struct entity_sums {
	EVP_MD_CTX *md5;
	uint32_t crc32c;
};

/* --- sums -------------------------------------------------------------------
 */

struct entity_sums *
entity_sums_new(void)
{
	struct entity_sums *s = mem_alloc(sizeof(*s));

	s->md5 = EVP_MD_CTX_new();
	/* A sum among sums, not security. */
	if (s->md5 == NULL || EVP_DigestInit_ex(s->md5, EVP_md5(), NULL) != 1)
		fatal("MD5 is not available");
	return s;
}

void
entity_sums_free(struct entity_sums *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->md5);
	free(s);
}

void
entity_sums_add(struct entity_sums *s, struct str bytes)
{
	s->crc32c = crc32c(s->crc32c, bytes.p, bytes.n);
	(void)EVP_DigestUpdate(s->md5, bytes.p, bytes.n);
}

void
entity_sums_end(struct entity_sums *s, int64_t size, int64_t modified_ns,
    struct entity *ret)
{
	unsigned n = 0;

	*ret = (struct entity){ .size = size,
		.modified_ns = modified_ns,
		.crc32c = s->crc32c };
	(void)EVP_DigestFinal_ex(s->md5, ret->md5, &n);
}

/* --- headers ----------------------------------------------------------------
 */

#define TAG_SIZE (2 * ENTITY_MD5_BYTES + 3) /* quotes and a NUL */

static void
tag_of(const struct entity *e, char ret[TAG_SIZE])
{
	struct buf b;

	buf_init(&b, TAG_SIZE);
	buf_putc(&b, '"');
	buf_put_hex(&b, e->md5, sizeof(e->md5));
	buf_putc(&b, '"');
	memcpy(ret, b.p, TAG_SIZE);
	buf_done(&b);
}

static void
put_headers(const struct entity *e, const char *tag, struct buf *out)
{
	uint32_t crc = htobe32(e->crc32c);
	char date[HTTP_DATE_SIZE];

	http_date(e->modified_ns / NS_PER_SEC, date);
	buf_printf(out,
	    "ETag: %s\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n"
	    "Cache-Control: public, max-age=60\r\nX-Goog-Hash: crc32c=",
	    tag, date);
	base64_write(str_n(&crc, sizeof(crc)), out);
	buf_puts(out, "\r\nX-Goog-Hash: md5=");
	base64_write(str_n(e->md5, sizeof(e->md5)), out);
	buf_printf(out,
	    "\r\nX-Goog-Generation: %lld\r\nX-Goog-Metageneration: 1\r\n"
	    "X-Goog-Stored-Content-Encoding: identity\r\n"
	    "X-Goog-Stored-Content-Length: %lld\r\n"
	    "X-Goog-Storage-Class: STANDARD\r\n",
	    (long long)(e->modified_ns / 1000), (long long)e->size);
}

/* --- conditions -------------------------------------------------------------
 */

/* One of a list of tags, weak ones included, or "*". */
static bool
tag_listed(struct str list, const char *tag)
{
	struct str one;

	while (str_cut(&list, ',', &one)) {
		one = str_trim(one);
		if (str_starts(one, "W/"))
			one = str_sub(one, 2, one.n);
		if (str_is(one, tag) || str_is(one, "*"))
			return true;
	}
	return false;
}

static bool
not_modified_since(const struct entity *e, struct str date)
{
	int64_t since;

	return http_date_parse(date, &since) == 0 &&
	    e->modified_ns / NS_PER_SEC <= since;
}

static bool
is_fresh(const struct entity *e, const struct http_request *r, const char *tag)
{
	struct str tags = r->headers[HTTP_HEADER_IF_NONE_MATCH];
	struct str since = r->headers[HTTP_HEADER_IF_MODIFIED_SINCE];

	if (tags.p != NULL)
		return tag_listed(tags, tag);
	return since.p != NULL && not_modified_since(e, since);
}

/* A part is only of use to who has the rest of this very file. */
static bool
range_holds(const struct entity *e, const struct http_request *r,
    const char *tag)
{
	struct str v = r->headers[HTTP_HEADER_IF_RANGE];
	int64_t at;

	if (v.p == NULL || str_is(v, tag))
		return true;
	return http_date_parse(v, &at) == 0 &&
	    at == e->modified_ns / NS_PER_SEC;
}

/* "bytes=A-B", "A-", "-N": 1 a part; 0 none, or several, or no range at all:
 * the whole; -ERANGE: beyond the end. */
static int
parse_range(struct str v, int64_t size, int64_t *ret_at, int64_t *ret_end)
{
	struct str first, last;
	uint64_t from, to;

	if (!str_starts(v, "bytes=") || str_chr(v, ',') >= 0)
		return 0;
	v = str_sub(v, 6, v.n);
	if (!str_cut(&v, '-', &first) || v.p == NULL)
		return 0;
	first = str_trim(first);
	last = str_trim(v);
	if (first.n == 0) {
		if (str_to_u64(last, &to) != 0)
			return 0;
		if (to == 0 || size == 0)
			return -ERANGE;
		*ret_at = to >= (uint64_t)size ? 0 : size - (int64_t)to;
		*ret_end = size;
		return 1;
	}
	to = UINT64_MAX - 1;
	if (str_to_u64(first, &from) != 0 ||
	    (last.n != 0 && str_to_u64(last, &to) != 0) || to < from)
		return 0;
	if (from >= (uint64_t)size)
		return -ERANGE;
	*ret_at = (int64_t)from;
	*ret_end = to >= (uint64_t)size ? size : (int64_t)to + 1;
	return 1;
}

static void
answer_range(const struct entity *e, struct str range, struct answer *ret)
{
	int rc = parse_range(range, e->size, &ret->file_at, &ret->file_end);

	if (rc < 0) {
		answer_error(ret, 416, 416,
		    STR_LIT("the range lies beyond the end"));
		buf_printf(&ret->headers, "Content-Range: bytes */%lld\r\n",
		    (long long)e->size);
		return;
	}
	if (rc == 0)
		return;
	ret->status = 206;
	buf_printf(&ret->headers, "Content-Range: bytes %lld-%lld/%lld\r\n",
	    (long long)ret->file_at, (long long)ret->file_end - 1,
	    (long long)e->size);
}

void
entity_answer(const struct entity *e, const struct http_request *r,
    struct answer *ret)
{
	struct str range = r->headers[HTTP_HEADER_RANGE];
	char tag[TAG_SIZE];

	tag_of(e, tag);
	put_headers(e, tag, &ret->headers);
	ret->file_at = 0;
	ret->file_end = e->size;
	if (is_fresh(e, r, tag)) {
		ret->status = 304;
		return;
	}
	if (range.p != NULL && r->method == HTTP_METHOD_GET &&
	    range_holds(e, r, tag))
		answer_range(e, range, ret);
	if (ret->status == 206 && ret->body.n != 0) {
		buf_consume(&ret->body, (size_t)ret->file_at);
		ret->body.n = (size_t)(ret->file_end - ret->file_at);
	}
}
