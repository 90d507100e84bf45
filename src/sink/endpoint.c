/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses. Runs in role sink. */
#include "sink/endpoint_priv.h"

#include <arpa/inet.h>
#include <string.h>

bool
endpoint_of(const struct sockaddr *sa, struct endpoint *ret)
{
	struct endpoint e = { 0 };
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		memcpy(e.address, &in.sin_addr, sizeof(in.sin_addr));
		e.port = ntohs(in.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		memcpy(e.address, &in6.sin6_addr, sizeof(in6.sin6_addr));
		e.port = ntohs(in6.sin6_port);
		e.v6 = true;
	} else {
		return false;
	}
	*ret = e;
	return true;
}

size_t
endpoint_text(const struct endpoint *e, char ret[ENDPOINT_TEXT_SIZE])
{
	if (inet_ntop(e->v6 ? AF_INET6 : AF_INET, e->address, ret,
		ENDPOINT_TEXT_SIZE) == NULL)
		ret[0] = '\0';
	return strlen(ret);
}
