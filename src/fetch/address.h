/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses a registry's answer may send us to. Pure. */
#ifndef FETCH_ADDRESS_H
#define FETCH_ADDRESS_H

#include <stdbool.h>

#include "base/str.h"

struct buf;
struct error;
struct sockaddr;

/* Loopback, link-local, private, shared, multicast, reserved, and IPv6 forms
 * that contain such an address. Families other than inet: true. */
bool address_is_private(const struct sockaddr *sa);
/* The same for a host that is written as an address; false for names. */
bool address_text_is_private(struct str host);

struct origin {
	struct str scheme, host; /* lower case; host without brackets */
	unsigned port;
};

/* Taken apart by the HTTP library itself, so that both read it alike; strings
 * are owned by room. -EINVAL: no http(s) address, or one with a user name. */
int origin_parse(struct str url, struct buf *room, struct origin *ret,
    struct error *err);
bool origin_eq(const struct origin *a, const struct origin *b);
/* noproxy's list: names, ".suffix", "*". */
bool origin_in_list(const struct origin *o, struct str list);

#endif
