/* SPDX-License-Identifier: Apache-2.0 */
/* DNS: every name resolves. One message in, one message out. */
#ifndef SINK_DNS_PRIV_H
#define SINK_DNS_PRIV_H

#include <stdbool.h>

#include "base/str.h"

struct buf;
struct names;

/* Called for each question. name: labels as they came, joined by dots; type:
 * "A", "TYPE65280"; answer: addresses or text; absent: no data. */
struct dns_seen {
	void (*question)(void *arg, struct str name, struct str type,
	    struct str answer);
	void *arg;
};

/* True: it is a query, its answer is in out, and each question was seen.
 * *ret_extra: it carries more than questions and the usual options.
 * False: it is none, nothing was seen. */
bool dns_answer(struct names *names, struct str message,
    const struct dns_seen *seen, struct buf *out, bool *ret_extra);

#endif
