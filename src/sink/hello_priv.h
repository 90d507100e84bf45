/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS ClientHello read by ourselves: whom the client wanted is recorded also
 * when the library refuses the rest of what it said.
 */
#ifndef SINK_HELLO_PRIV_H
#define SINK_HELLO_PRIV_H

#include <stdbool.h>

#include "base/str.h"

struct hello {
	struct str name; /* server name; absent: none */
	struct str alpn; /* the extension's list, each with a length byte */
};

/* From the first bytes of a connection, records and all. 1: read (members
 * borrow from bytes), 0: more is needed, -EBADMSG: no ClientHello. Only one
 * that lies in a single record is read. */
int hello_parse(struct str bytes, struct hello *ret);

#endif
