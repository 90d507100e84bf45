/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. Runs in `lazaret serve`. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "serve/supervisor_priv.h"

#define BACKLOG 4096 /* the kernel's limit may be lower */

static void
free_addresses(struct addrinfo **a)
{
	if (*a != NULL)
		freeaddrinfo(*a);
}

/* "127.0.0.1:8080", "[::1]:8080", ":8080". Numbers alone: a server does not
 * depend on what a name means today. */
static int
parse(const char *where, struct addrinfo **ret, struct error *err)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	_cleanup_(freep) char *copy = mem_strdup(where);
	char *colon = strrchr(copy, ':'), *host = copy;
	uint64_t port;

	/* getaddrinfo would take 99999 for 34463. */
	if (colon == NULL || str_to_u64(str_of(colon + 1), &port) != 0 ||
	    port > UINT16_MAX)
		return error_set(err, -EINVAL,
		    "say ADDRESS:PORT, as 127.0.0.1:8080");
	*colon = '\0';
	if (host[0] == '[' && colon > host && colon[-1] == ']') {
		colon[-1] = '\0';
		host++;
	} else if (strchr(host, ':') != NULL) {
		return error_set(err, -EINVAL,
		    "an IPv6 address stands in brackets");
	}
	if (strcmp(host, "localhost") == 0)
		host = memcpy(host, "127.0.0.1", 10);
	if (getaddrinfo(host[0] != '\0' ? host : NULL, colon + 1, &hints,
		ret) != 0)
		return error_set(err, -EINVAL,
		    "not a numeric address and port");
	return 0;
}

static int
bind_one(const struct sockaddr_storage *address, socklen_t n, int *ret_fd,
    struct error *err)
{
	_cleanup_(closep) int fd = socket(address->ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return error_errno(err, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
	    bind(fd, (const struct sockaddr *)address, n) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return error_errno(err, "cannot listen");
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* Where the first socket is: the others take the same port. */
static int
name_of(int fd, struct sockaddr_storage *ret, socklen_t *ret_n, char *url,
    size_t size, struct error *err)
{
	char host[64], port[16];

	*ret_n = sizeof(*ret);
	if (getsockname(fd, (struct sockaddr *)ret, ret_n) != 0 ||
	    getnameinfo((struct sockaddr *)ret, *ret_n, host, sizeof(host),
		port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return error_errno(err, "getsockname");
	(void)snprintf(url, size,
	    ret->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

/* Without SO_REUSEPORT's own check: somebody else of the same user may have
 * the port already, and would share our clients. */
static int
check_free(const struct addrinfo *a, struct error *err)
{
	_cleanup_(closep) int fd =
	    socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return error_errno(err, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, a->ai_addr, a->ai_addrlen) != 0)
		return error_errno(err, "cannot listen");
	return 0;
}

int
listen_check(const char *where, struct error *err)
{
	_cleanup_(free_addresses) struct addrinfo *a = NULL;

	return parse(where, &a, err);
}

int
listen_bind(const char *where, unsigned n, int *ret_fds, char *ret_url,
    size_t url_size, struct error *err)
{
	_cleanup_(free_addresses) struct addrinfo *a = NULL;
	struct sockaddr_storage address = { .ss_family = 0 };
	socklen_t size;
	int rc = parse(where, &a, err);

	if (rc == 0)
		rc = check_free(a, err);
	if (rc == 0) {
		size = a->ai_addrlen;
		memcpy(&address, a->ai_addr, size);
	}
	for (unsigned i = 0; i < n && rc == 0; i++) {
		rc = bind_one(&address, size, &ret_fds[i], err);
		if (rc == 0 && i == 0)
			rc = name_of(ret_fds[0], &address, &size, ret_url,
			    url_size, err);
	}
	return rc == 0 ? 0 : error_wrap(err, "--listen %s", where);
}
