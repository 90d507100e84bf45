/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader-client SOCKET CGROUP [UID]: registers a control group as role record
 * would, as this user, says "watched" or why not, and stays until its standard
 * input ends. loader-client SOCKET -: sends what no client should;
 * loader-client SOCKET other: greets as a client of another version would;
 * both say what they were told. loader-client SOCKET greet: greets, asks for
 * nothing, and stays until the loader hangs up.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "record/loader.h"
#include "sys/message.h"

static int
talk_nonsense(const char *path, bool greets)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct error err = ERROR_INIT;
	struct channel c;
	struct message m;
	struct str said;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return 1;
	channel_init(&c, fd);
	message_begin(&c, greets ? LOADER_HELLO : LOADER_WATCH);
	if (greets)
		message_put_str(&c, STR_LIT("id_of_another"));
	else
		message_put_fd(&c, 0); /* before any greeting */
	if (message_send(&c, &err) != 0 || channel_flush(&c, &err) != 0 ||
	    channel_recv(&c, &m, &err) != 1 || m.type != CONTROL_FAILED)
		return 1;
	(void)message_get_int(&m);
	said = message_get_str(&m);
	(void)printf("%.*s\n", STR_ARG(said));
	channel_done(&c);
	return 0;
}

static int
greet(const char *path)
{
	struct error err = ERROR_INIT;
	struct loader *l = NULL;
	struct pollfd p = { .events = POLLIN };
	int rc = loader_open(path, &l, &err);

	(void)printf("%s\n", rc == 0 ? "let in" : err.msg);
	(void)fflush(stdout);
	if (rc == 0)
		p.fd = loader_fd(l);
	if (rc == 0)
		(void)poll(&p, 1, -1);
	loader_free(l);
	return rc == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct loader *l = NULL;
	int cgroup, fds[3], rc;
	char c;

	if (argc < 3)
		return 2;
	if (strcmp(argv[2], "-") == 0 || strcmp(argv[2], "other") == 0)
		return talk_nonsense(argv[1], argv[2][0] == 'o');
	if (strcmp(argv[2], "greet") == 0)
		return greet(argv[1]);
	cgroup = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (argc > 3 &&
	    (setgroups(0, NULL) != 0 ||
		setuid((uid_t)strtoul(argv[3], NULL, 10)) != 0))
		return 2;
	rc = loader_open(argv[1], &l, &err);
	if (rc == 0)
		rc = loader_watch(l, cgroup, fds, &err);
	(void)printf("%s\n", rc == 0 ? "watched" : err.msg);
	(void)fflush(stdout);
	while (rc == 0 && read(0, &c, 1) > 0)
		;
	loader_free(l);
	return rc == 0 ? 0 : 1;
}
