/* SPDX-License-Identifier: Apache-2.0 */
/* What the first bytes of a connection say about the rest. */
#ifndef SINK_SNIFF_PRIV_H
#define SINK_SNIFF_PRIV_H

#include <stdbool.h>

#include "base/str.h"

enum sniff {
	SNIFF_MORE, /* cannot be told yet */
	SNIFF_TLS,
	SNIFF_HTTP,
	SNIFF_UNKNOWN,
};

/* tls: whether TLS may begin here. */
enum sniff sniff_bytes(struct str s, bool tls);
/* "uid=0(root) gid=": the answer to `id`, somewhere in s. */
bool sniff_is_shell_answer(struct str s);

#endif
