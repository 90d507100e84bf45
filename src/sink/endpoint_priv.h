/* SPDX-License-Identifier: Apache-2.0 */
/* An address and port of either family, as the kernel gives it. */
#ifndef SINK_ENDPOINT_PRIV_H
#define SINK_ENDPOINT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

struct endpoint {
	uint8_t address[16]; /* IPv4: the first 4; the rest zero */
	uint16_t port; /* host order */
	bool v6;
};

#define ENDPOINT_TEXT_SIZE 48

/* False for other families. */
bool endpoint_of(const struct sockaddr *sa, struct endpoint *ret);
size_t endpoint_text(const struct endpoint *e, char ret[ENDPOINT_TEXT_SIZE]);

#endif
