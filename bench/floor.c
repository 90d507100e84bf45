/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor for bench/serve: two processes that read whatever comes and answer
 * a fixed `{}`, one receive and one send a request. What this machine's kernel
 * and the load generator leave to a server that does nothing. It believes that
 * a request comes in one piece, as the generator's do. Not part of the product.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"

#define PROCESSES 2
#define EVENTS    256

static const char answer[] =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Type: application/json\r\nContent-Length: 2\r\n"
    "Connection: keep-alive\r\n\r\n{}";

static int
listen_on(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 4096) != 0)
		fatal("cannot listen on port %u", port);
	return fd;
}

static void
watch(int loop, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	(void)epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e);
}

static void
serve_one(int fd)
{
	static char bytes[64 * KIB];

	if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
		(void)close(fd);
	else if (send(fd, answer, sizeof(answer) - 1,
		     MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		(void)close(fd);
}

static void __attribute__((noreturn)) serve(int listener)
{
	struct epoll_event events[EVENTS];
	int loop = epoll_create1(0), fd, one = 1;

	watch(loop, listener);
	for (;;) {
		int n = epoll_wait(loop, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != listener) {
				serve_one(events[i].data.fd);
				continue;
			}
			fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			if (fd < 0)
				continue;
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
			    sizeof(one));
			watch(loop, fd);
		}
	}
}

int
main(int argc, char **argv)
{
	uint16_t port;

	if (argc != 2)
		fatal("usage: floor PORT");
	port = (uint16_t)strtoul(argv[1], NULL, 10);
	for (int i = 0; i < PROCESSES; i++) {
		int fd = listen_on(port);

		if (i + 1 == PROCESSES)
			serve(fd);
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(fd);
		}
		(void)close(fd);
	}
	return 0;
}
