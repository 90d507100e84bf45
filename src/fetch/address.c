/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and origins. Runs in role fetch. */
#include "fetch/address.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"

/* IANA's special-purpose registries; what is not globally reachable. */
static const struct {
	uint32_t net;
	int bits;
} private4[] = {
	{ 0x00000000, 8 }, /* this network */
	{ 0x0a000000, 8 }, /* RFC 1918 */
	{ 0x64400000, 10 }, /* carrier-grade NAT */
	{ 0x7f000000, 8 }, /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local, cloud metadata */
	{ 0xac100000, 12 }, /* RFC 1918 */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0000200, 24 }, /* documentation */
	{ 0xc0a80000, 16 }, /* RFC 1918 */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xc6336400, 24 }, /* documentation */
	{ 0xcb007100, 24 }, /* documentation */
	{ 0xe0000000, 4 }, /* multicast */
	{ 0xf0000000, 4 }, /* reserved, broadcast */
};

static bool
private_ipv4(uint32_t address)
{
	for (size_t i = 0; i < N_ELEMENTS(private4); i++)
		if ((address ^ private4[i].net) >> (32 - private4[i].bits) == 0)
			return true;
	return false;
}

/* n bits of IPv6, and where an IPv4 address inside begins (-1: the whole is
 * refused). */
static const struct {
	uint8_t net[16];
	int bits, ipv4_at;
} special6[] = {
	{ { 0 }, 128, -1 }, /* unspecified */
	{ { [15] = 1 }, 128, -1 }, /* loopback */
	{ { [10] = 0xff, [11] = 0xff }, 96, 12 }, /* mapped */
	{ { 0 }, 96, 12 }, /* compatible, deprecated */
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, 12 }, /* NAT64 */
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, -1 }, /* local NAT64 */
	{ { 0x01, 0x00 }, 64, -1 }, /* discard */
	{ { 0x20, 0x01, 0x00, 0x00 }, 23, -1 }, /* Teredo and the like */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, -1 }, /* documentation */
	{ { 0x20, 0x02 }, 16, 2 }, /* 6to4 */
	{ { 0xfc }, 7, -1 }, /* unique local */
	{ { 0xfe, 0x80 }, 10, -1 }, /* link-local */
	{ { 0xfe, 0xc0 }, 10, -1 }, /* site-local, deprecated */
	{ { 0xff }, 8, -1 }, /* multicast */
};

static bool
has_prefix(const uint8_t *a, const uint8_t *net, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	if (memcmp(a, net, (size_t)whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ net[whole]) >> (8 - rest) == 0;
}

static bool
private_ipv6(const uint8_t a[16])
{
	uint32_t inner;

	for (size_t i = 0; i < N_ELEMENTS(special6); i++) {
		if (!has_prefix(a, special6[i].net, special6[i].bits))
			continue;
		if (special6[i].ipv4_at < 0)
			return true;
		memcpy(&inner, a + special6[i].ipv4_at, sizeof(inner));
		if (private_ipv4(ntohl(inner)))
			return true;
	}
	return false;
}

bool
address_is_private(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return private_ipv4(ntohl(in.sin_addr.s_addr));
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		return private_ipv6(in6.sin6_addr.s6_addr);
	}
	return true;
}

bool
address_text_is_private(struct str host)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN + 1];

	if (host.n >= sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return private_ipv4(ntohl(in.sin_addr.s_addr));
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		return private_ipv6(in6.sin6_addr.s6_addr);
	return str_eq_nocase(host, STR_LIT("localhost"));
}

static struct str
take_part(CURLU *u, CURLUPart part, unsigned flags, struct buf *room)
{
	char *text = NULL;
	size_t at = room->n;

	if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
		return STR_NONE;
	for (const char *p = text; *p != '\0'; p++)
		if (*p != '[' && *p != ']')
			buf_putc(room,
			    *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') :
						     *p);
	curl_free(text);
	return str_n(room->p + at, room->n - at);
}

int
origin_parse(struct str url, struct buf *room, struct origin *ret,
    struct error *err)
{
	CURLU *u = curl_url();
	char *z = mem_strndup(url);
	struct origin o = { 0 };
	struct str port;
	uint64_t number = 0;
	int rc = 0;

	if (u == NULL)
		fatal("no memory");
	/* Once, so that the parts do not move. */
	buf_reset(room);
	(void)buf_reserve(room, url.n + 64);
	if (memchr(url.p, '\0', url.n) != NULL ||
	    curl_url_set(u, CURLUPART_URL, z, CURLU_DISALLOW_USER) != CURLUE_OK)
		rc = -EINVAL;
	o.scheme = take_part(u, CURLUPART_SCHEME, 0, room);
	o.host = take_part(u, CURLUPART_HOST, 0, room);
	port = take_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, room);
	if (str_to_u64(port, &number) != 0 || number > 65535 || o.host.n == 0 ||
	    (!str_is(o.scheme, "https") && !str_is(o.scheme, "http")))
		rc = -EINVAL;
	o.port = (unsigned)number;
	curl_url_cleanup(u);
	free(z);
	if (rc != 0)
		return error_set(err, rc, "\"%.*s\" is no web address",
		    STR_ARG(str_sub(url, 0, 120)));
	*ret = o;
	return 0;
}

bool
origin_eq(const struct origin *a, const struct origin *b)
{
	return a->port == b->port && str_eq(a->scheme, b->scheme) &&
	    str_eq(a->host, b->host);
}

bool
origin_in_list(const struct origin *o, struct str list)
{
	struct str item, tail;

	while (str_cut(&list, ',', &item)) {
		item = str_trim(item);
		if (item.n == 0)
			continue;
		if (str_is(item, "*") || str_eq_nocase(item, o->host))
			return true;
		if (item.p[0] == '.')
			item = str_sub(item, 1, item.n);
		if (o->host.n <= item.n)
			continue;
		tail = str_sub(o->host, o->host.n - item.n, o->host.n);
		if (str_eq_nocase(tail, item) &&
		    o->host.p[o->host.n - item.n - 1] == '.')
			return true;
	}
	return false;
}
