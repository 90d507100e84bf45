/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret recorder serve: makes the socket, or takes the one that systemd
 * passes, and becomes role loader.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/str.h"
#include "record/loader.h"
#include "sys/fd.h"
#include "sys/opt.h"
#include "sys/paths.h"
#include "sys/spawn.h"

#define LISTEN_FD 3

static struct {
	const char *socket;
	int64_t idle_ms, drain_ms;
} o = { .socket = LOADER_SOCKET, .drain_ms = LIMIT_LOADER_DRAIN_MS };

static const struct opt options[] = {
	{ "socket", 0, OPT_STRING, &o.socket, "PATH",
	    "listen there (" LOADER_SOCKET ")" },
	{ "idle", 0, OPT_DURATION, &o.idle_ms, "TIME",
	    "end after so long without a client (never)" },
	{ "drain", 0, OPT_DURATION, &o.drain_ms, "TIME",
	    "told to end, wait so long for sandboxes to end (10m)" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "recorder serve",
	.operands = "",
	.summary = "Loads the recorder's programs once, for every analysis on "
		   "this machine: each then starts in milliseconds.",
	.options = options,
	.examples = "  lazaret recorder serve\n"
		    "  systemctl enable --now lazaret-record.socket\n",
};

/* As sd_listen_fds(3) has it. */
static bool
has_passed_socket(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	uint64_t number;

	return pid != NULL && n != NULL && strcmp(n, "1") == 0 &&
	    str_to_u64(str_of(pid), &number) == 0 &&
	    number == (uint64_t)getpid();
}

static int
make_folder(const char *socket_path, struct error *err)
{
	char folder[LIMIT_PATH_BYTES];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", socket_path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return 0;
	*slash = '\0';
	return paths_make(folder, 0755, err);
}

/* A socket that nobody listens on is what a dead one has left. */
static int
remove_stale(const struct sockaddr_un *a, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (lstat(a->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST, "%s is there and is no socket",
		    a->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const void *)a, sizeof(*a)) == 0)
		return error_set(err, -EADDRINUSE,
		    "%s: somebody listens there already", a->sun_path);
	return unlink(a->sun_path) == 0 ? 0 :
					  error_errno(err, "%s", a->sun_path);
}

static int
make_socket(const char *path, int *ret, struct error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = -1;
	mode_t before;
	int rc;

	if (strlen(path) >= sizeof(a.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s is too long", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	rc = make_folder(path, err);
	if (rc == 0)
		rc = remove_stale(&a, err);
	if (rc != 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	before = umask(0177); /* root alone */
	rc = fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, LIMIT_LOADER_CLIENTS) != 0;
	(void)umask(before);
	if (rc != 0)
		return error_errno(err, "%s", path);
	*ret = steal_fd(&fd);
	return 0;
}

/* Becomes the role; returns when that failed. */
static int
become_loader(int fd, struct error *err)
{
	char path[LIMIT_PATH_BYTES], idle[32], drain[32];
	int rc = spawn_libexec_path("loader", path, sizeof(path), err);

	if (rc != 0)
		return rc;
	if (fd != LISTEN_FD && dup2(fd, LISTEN_FD) < 0)
		return error_errno(err, "dup2");
	if (fd == LISTEN_FD)
		rc = fd_set_cloexec(fd, false, err);
	(void)snprintf(idle, sizeof(idle), "%lld",
	    (long long)((o.idle_ms + 999) / 1000));
	(void)snprintf(drain, sizeof(drain), "%lld",
	    (long long)((o.drain_ms + 999) / 1000));
	if (rc == 0)
		(void)execl(path, "lazaret-loader", idle, drain, (char *)NULL);
	return rc != 0 ? rc : error_errno(err, "%s", path);
}

static int
serve(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	int fd = LISTEN_FD, rc = 0;

	if (opt_parse(&command, argc, argv) != argc)
		opt_usage_error(&command, "there are no operands");
	if (!has_passed_socket())
		rc = make_socket(o.socket, &fd, &err);
	if (rc == 0)
		rc = become_loader(fd, &err);
	fprintf(stderr, "lazaret recorder: %s\n", err.msg);
	return EXIT_TOOL_FAILED;
}

static const struct opt_verb verbs[] = {
	{ "serve", serve, "load the recorder once, for all analyses" },
	{ NULL, NULL, NULL },
};

int
main(int argc, char **argv)
{
	return opt_run_verb("recorder", "[OPTION…]",
	    "The recorder's programs, as a service of this machine.", verbs,
	    argc, argv);
}
