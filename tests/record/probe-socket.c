/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's sockets and descriptors. Nothing leaves loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/probe.h"

static struct sockaddr_in
loopback(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static int
port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);

	must(getsockname(fd, (struct sockaddr *)&a, &n) == 0, "getsockname");
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static unsigned long
inode_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0, "fstat");
	return st.st_ino;
}

/* A listening socket on a port that the kernel chose. */
static int
listener(void)
{
	struct sockaddr_in a = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	expect("socket_event op=bind fd=%d address=127.0.0.1 port=0 "
	       "local_port=%d result=0",
	    fd, port_of(fd));
	must(listen(fd, 5) == 0, "listen");
	expect("socket_event op=listen fd=%d local_port=%d family=2 type=1 "
	       "protocol=6 object=%lu",
	    fd, port_of(fd), inode_of(fd));
	return fd;
}

static void
tcp_cases(void)
{
	int server = listener(), fd, peer, port = port_of(server);
	struct sockaddr_in a = loopback(port);
	char data[1000] = "";

	fd = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	expect("socket_event op=connect fd=%d address=127.0.0.1 port=%d "
	       "local_address=127.0.0.1 local_port=%d object=%lu result=0",
	    fd, port, port_of(fd), inode_of(fd));
	peer = accept(server, NULL, NULL);
	must(peer >= 0, "accept");
	expect("socket_event op=accept fd=%d address=127.0.0.1 port=%d "
	       "local_port=%d",
	    peer, port_of(fd), port);
	must(write(fd, data, 1000) == 1000 && send(fd, data, 500, 0) == 500,
	    "send");
	expect("socket_event op=send fd=%d bytes=1500 port=%d local_port=%d",
	    fd, port, port_of(fd));
	must(recv(peer, data, 1000, MSG_WAITALL) == 1000 &&
		read(peer, data, 500) == 500,
	    "recv");
	expect("socket_event op=receive fd=%d bytes=1500 port=%d", peer,
	    port_of(fd));
	/* Non-blocking: in progress, but its port is known already. */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		must(errno == EINPROGRESS, "connect");
	expect("socket_event op=connect fd=%d port=%d local_port=%d", fd, port,
	    port_of(fd));
	/* Nobody listens there any more. */
	(void)close(server);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0, "refused");
	expect("socket_event op=connect fd=%d address=127.0.0.1 port=%d "
	       "result=%d",
	    fd, port, -ECONNREFUSED);
}

/* A connection without connect(), and one that only looks like TCP. */
static void
other_ways_cases(void)
{
	int server = listener(), port = port_of(server);
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (sendto(fd, "hello", 5, MSG_FASTOPEN, (struct sockaddr *)&a,
		sizeof(a)) == 5)
		expect("socket_event op=send fd=%d address=127.0.0.1 port=%d "
		       "local_port=%d bytes=5",
		    fd, port, port_of(fd));
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (fd < 0)
		return;
	must(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	expect("socket_event op=connect fd=%d address=127.0.0.1 port=%d "
	       "local_port=%d protocol=%d result=0",
	    fd, port, port_of(fd), IPPROTO_MPTCP);
}

static void
udp_cases(void)
{
	struct sockaddr_in one = loopback(4444), two = loopback(5555);
	struct iovec piece = { (char[]){ "hello" }, 5 };
	struct mmsghdr many[2] = {
		{ .msg_hdr = { &one, sizeof(one), &piece, 1, NULL, 0, 0 } },
		{ .msg_hdr = { &two, sizeof(two), &piece, 1, NULL, 0, 0 } },
	};
	struct msghdr message = { &two, sizeof(two), &piece, 1, NULL, 0, 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	must(sendto(fd, "hello", 5, 0, (struct sockaddr *)&one, sizeof(one)) ==
		5,
	    "sendto");
	expect("socket_event op=send fd=%d family=2 type=2 protocol=17 "
	       "address=127.0.0.1 port=4444 local_port=%d bytes=5 object=%lu",
	    fd, port_of(fd), inode_of(fd));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(sendmsg(fd, &message, 0) == 5, "sendmsg");
	expect("socket_event op=send fd=%d port=5555 local_port=%d bytes=5", fd,
	    port_of(fd));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(sendmmsg(fd, many, 2, 0) == 2, "sendmmsg");
	expect("socket_event op=send fd=%d port=4444 local_port=%d bytes=5", fd,
	    port_of(fd));
	expect("socket_event op=send fd=%d port=5555 local_port=%d bytes=5", fd,
	    port_of(fd));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(connect(fd, (struct sockaddr *)&one, sizeof(one)) == 0, "connect");
	expect("socket_event op=connect fd=%d protocol=17 port=4444 "
	       "local_port=%d result=0",
	    fd, port_of(fd));
}

static void
inet6_cases(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
		.sin6_port = htons(7777),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), rc;

	rc = (int)sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
	if (rc == 1)
		expect("socket_event op=send family=10 address=::1 port=7777 "
		       "local_port=%d",
		    port_of(fd));
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	expect("socket_event op=connect family=10 address=::1 port=7777 "
	       "result=%d",
	    rc == 0 ? 0 : -errno);
}

static void
unix_cases(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "sock" };
	struct sockaddr_un b = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	must(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
		listen(fd, 1) == 0,
	    "bind");
	expect("socket_event op=bind family=1 address=sock object=%lu",
	    inode_of(fd));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	must(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	expect("socket_event op=connect family=1 address=sock result=0");
	memcpy(b.sun_path, "\0hidden", 7);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	must(connect(fd, (struct sockaddr *)&b, 9) != 0, "abstract");
	expect("socket_event op=connect family=1 address=@hidden result=%d",
	    -ECONNREFUSED);
	(void)socket(AF_PACKET, SOCK_RAW, 0);
	expect("socket_event op=socket family=17 type=3");
	(void)socket(40 /* AF_VSOCK */, SOCK_STREAM, 0);
	expect("socket_event op=socket family=40 type=1");
	(void)close(socket(AF_INET, SOCK_STREAM, 0));
	reject("socket_event op=socket family=2 type=1");
}

static void
descriptor_cases(void)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec piece = { (char[]){ "x" }, 1 };
	struct msghdr m = { NULL, 0, &piece, 1, &control, sizeof(control), 0 };
	int p[2], s[2], fd, passed[2];

	must(pipe(p) == 0, "pipe");
	expect("descriptor_event op=pipe fd=%d fd2=%d kind=pipe object=%lu",
	    p[0], p[1], inode_of(p[0]));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair");
	expect("descriptor_event op=socketpair fd=%d fd2=%d kind=unix "
	       "object=%lu object2=%lu",
	    s[0], s[1], inode_of(s[0]), inode_of(s[1]));
	must(dup2(s[0], 0) == 0, "dup2");
	expect("descriptor_event op=dup fd=%d fd2=0 kind=unix object=%lu", s[0],
	    inode_of(s[0]));
	must(dup3(p[0], 0, O_CLOEXEC) == 0, "dup3");
	expect("descriptor_event op=dup fd=%d fd2=0 kind=pipe", p[0]);
	(void)close(0);
	fd = open("file", O_RDWR | O_CREAT, 0600);
	must(fd == 0, "lowest descriptor");
	fd = dup(0);
	(void)close(0);
	must(fcntl(fd, F_DUPFD, 0) == 0, "fcntl");
	expect("descriptor_event op=dup fd=%d fd2=0 kind=file object=%lu", fd,
	    inode_of(fd));
	reject("descriptor_event op=dup fd2=%d", fd);
	control.header = (struct cmsghdr){ CMSG_LEN(2 * sizeof(int)),
		SOL_SOCKET, SCM_RIGHTS };
	passed[0] = p[1];
	passed[1] = fd;
	memcpy(CMSG_DATA(&control.header), passed, sizeof(passed));
	must(sendmsg(s[1], &m, 0) == 1, "sendmsg");
	expect("descriptor_event op=pass fd=%d fd2=%d kind=pipe object=%lu "
	       "object2=%lu",
	    s[1], p[1], inode_of(p[1]), inode_of(s[1]));
	expect("descriptor_event op=pass fd=%d fd2=%d kind=file", s[1], fd);
}

/* Behind other control messages, in two lists, and in many messages at once. */
static void
rights_cases(void)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred)) +
		    2 * CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	const struct ucred own = { getpid(), getuid(), getgid() };
	struct iovec piece = { (char[]){ "x" }, 1 };
	struct mmsghdr many = { .msg_hdr = { NULL, 0, &piece, 1, &control,
				    CMSG_SPACE(sizeof(int)), 0 } };
	struct msghdr m = { NULL, 0, &piece, 1, &control, sizeof(control), 0 };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int s[2], fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair");
	*c = (struct cmsghdr){ CMSG_LEN(sizeof(own)), SOL_SOCKET,
		SCM_CREDENTIALS };
	memcpy(CMSG_DATA(c), &own, sizeof(own));
	for (int i = 0; i < 2; i++) {
		fds[i] = open("passed", O_RDWR | O_CREAT, 0600);
		c = (void *)((char *)c +
		    (i == 0 ? CMSG_SPACE(sizeof(own)) :
			      CMSG_SPACE(sizeof(int))));
		*c = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET,
			SCM_RIGHTS };
		memcpy(CMSG_DATA(c), &fds[i], sizeof(int));
	}
	must(sendmsg(s[0], &m, 0) == 1, "sendmsg");
	for (int i = 0; i < 2; i++)
		expect("descriptor_event op=pass fd=%d fd2=%d kind=file", s[0],
		    fds[i]);
	fds[0] = open("in-many", O_RDWR | O_CREAT, 0600);
	control.header =
	    (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), fds, sizeof(int));
	must(sendmmsg(s[0], &many, 1, 0) == 1, "sendmmsg");
	expect("descriptor_event op=pass fd=%d fd2=%d kind=file", s[0], fds[0]);
}

static int
receive(int from)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec piece = { &byte, 1 };
	struct msghdr m = { NULL, 0, &piece, 1, &control, sizeof(control), 0 };
	int fd;

	must(recvmsg(from, &m, 0) == 1, "recvmsg");
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

/* One process connects, another one sends: it is told of the other. */
static void
passed_cases(void)
{
	int server = listener(), fd, s[2], pid, status;
	struct sockaddr_in a = loopback(port_of(server));
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec piece = { (char[]){ "x" }, 1 };
	struct msghdr m = { NULL, 0, &piece, 1, &control, sizeof(control), 0 };

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair");
	pid = fork();
	if (pid == 0) {
		fd = fcntl(receive(s[1]), F_DUPFD, 77);
		_exit(fd != 77 || send(fd, "secret", 6, 0) != 6);
	}
	fd = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	control.header =
	    (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	must(sendmsg(s[0], &m, 0) == 1, "sendmsg");
	expect("descriptor_event op=pass fd=%d fd2=%d kind=inet object=%lu",
	    s[0], fd, inode_of(fd));
	must(waitpid(pid, &status, 0) == pid && status == 0, "send");
	expect("socket_event op=send fd=77 bytes=6 local_port=%d object=%lu",
	    port_of(fd), inode_of(fd));
	reject("socket_event op=send fd=%d local_port=%d", fd, port_of(fd));
}

const struct probe_case probe_socket_cases[] = {
	{ "tcp", tcp_cases },
	{ "other-ways", other_ways_cases },
	{ "udp", udp_cases },
	{ "inet6", inet6_cases },
	{ "unix", unix_cases },
	{ "descriptors", descriptor_cases },
	{ "rights", rights_cases },
	{ "passed", passed_cases },
	{ NULL, NULL },
};
