/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report snapshot: which registries count as public. What clients have
 * built in was asked at set-up (registries.json); what they are configured to
 * use is asked here. What they print is searched for addresses, nothing more.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cmd/report-snapshot.h"
#include "ecosystem/registries.h"
#include "snapshot/write.h"
#include "sys/clock.h"
#include "sys/paths.h"
#include "sys/spawn.h"

/* npm and composer take a second on a slow disk; more means it hangs. */
#define CLIENT_MS 10000
#define MAX_ARGS  6
/* Addresses of one client: more than anybody configures. */
#define MAX_ADDRESSES 20

struct client {
	enum ecosystem ecosystem;
	const char *argv[MAX_ARGS + 1];
};

static const struct client clients[] = {
	{ ECOSYSTEM_NPM, { "npm", "config", "get", "registry", NULL } },
	{ ECOSYSTEM_NPM, { "yarn", "config", "get", "registry", NULL } },
	{ ECOSYSTEM_NPM, { "pnpm", "config", "get", "registry", NULL } },
	{ ECOSYSTEM_PYPI,
	    { "pip", "config", "get", "global.index-url", NULL } },
	{ ECOSYSTEM_PYPI,
	    { "pip3", "config", "get", "global.index-url", NULL } },
	{ ECOSYSTEM_RUBYGEMS, { "gem", "sources", "--list", NULL } },
	{ ECOSYSTEM_CRATES,
	    { "cargo", "config", "get", "registry.default", NULL } },
	{ ECOSYSTEM_PACKAGIST,
	    { "composer", "config", "--global", "repositories", NULL } },
};

/* The program of that name in PATH; relative folders there are not used. */
static bool
find_program(const char *name, char *ret, size_t size)
{
	const char *path = getenv("PATH");
	struct str rest = str_of(path != NULL ? path : "/usr/bin:/bin"), dir;

	while (str_cut(&rest, ':', &dir)) {
		if (dir.n == 0 || dir.p[0] != '/')
			continue;
		(void)snprintf(ret, size, "%.*s/%s", STR_ARG(dir), name);
		if (access(ret, X_OK) == 0)
			return true;
	}
	return false;
}

/* Up to its end or the deadline. */
static void
read_output(int fd, int64_t deadline, struct buf *out)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char chunk[4096];
	int64_t left;
	ssize_t n;

	while (!out->full) {
		left = deadline - clock_ns();
		if (poll(&pfd, 1, left > 0 ? (int)(left / NS_PER_MS) + 1 : 0) <=
		    0) {
			if (left > 0)
				continue;
			return; /* what was there has been read */
		}
		n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return;
		buf_put(out, chunk, (size_t)n);
	}
}

/* A client that was asked. */
struct asked {
	struct child child;
	int fd; /* what it prints; -1: nothing */
};

static void
ask(const struct client *c, struct asked *ret)
{
	_cleanup_(closep) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct spawn s = SPAWN_INIT;
	struct error err = ERROR_INIT;
	char path[LIMIT_PATH_BYTES];
	int p[2];

	ret->child = (struct child)CHILD_INIT;
	ret->fd = -1;
	if (nothing < 0 || !find_program(c->argv[0], path, sizeof(path)) ||
	    pipe2(p, O_CLOEXEC) != 0)
		return;
	s.path = path;
	s.argv = c->argv;
	s.in_fd = nothing;
	s.out_fd = p[1];
	s.err_fd = nothing;
	s.die_with_parent = true;
	s.new_session = true;
	if (spawn_start(&s, &ret->child, &err) == 0)
		ret->fd = p[0];
	else
		(void)close(p[0]);
	(void)close(p[1]);
}

static bool
is_address_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || strchr("-._~:/@%+,=[]", c) != NULL;
}

/* Without a user and password: they are nobody else's business. */
static void
add_address(struct snapshot_writer *w, enum ecosystem e, struct str url)
{
	ptrdiff_t start = str_find(url, STR_LIT("://")) + 3, end, at;
	struct str host;
	struct buf b;

	host = str_sub(url, (size_t)start, url.n);
	end = str_chr(host, '/');
	host = str_sub(host, 0, end < 0 ? host.n : (size_t)end);
	at = str_rchr(host, '@');
	if (host.n == 0 || url.n > LIMIT_TEXT_BYTES)
		return;
	buf_init(&b, LIMIT_URL_BYTES);
	buf_put_str(&b, str_sub(url, 0, (size_t)start));
	buf_put_str(&b, str_sub(url, (size_t)(start + at + 1), url.n));
	snapshot_writer_registry(w, str_of(ecosystem_name(e, ECOSYSTEM_OSV)),
	    buf_str(&b));
	buf_done(&b);
}

static void
find_addresses(struct snapshot_writer *w, enum ecosystem e, struct str text)
{
	struct str url;
	size_t n;

	for (int i = 0; i < MAX_ADDRESSES; i++) {
		ptrdiff_t http = str_find(text, STR_LIT("http://"));
		ptrdiff_t https = str_find(text, STR_LIT("https://"));
		ptrdiff_t at =
		    http < 0 || (https >= 0 && https < http) ? https : http;

		if (at < 0)
			return;
		text = str_sub(text, (size_t)at, text.n);
		for (n = 0; n < text.n && is_address_byte(text.p[n]); n++)
			;
		url = str_sub(text, 0, n);
		add_address(w, e, url);
		text = str_sub(text, n, text.n);
	}
}

static void
take_defaults(struct snapshot_writer *w)
{
	struct arena *a = arena_new(16 * (size_t)MIB);
	struct error err = ERROR_INIT;
	char dir[LIMIT_PATH_BYTES];
	struct str url;

	if (paths_get(PATHS_DATA, NULL, dir, sizeof(dir), &err) == 0)
		for (int e = 0; e < ECOSYSTEM__MAX; e++)
			if (registries_default(a, dir, (enum ecosystem)e, &url,
				&err) == 0)
				add_address(w, (enum ecosystem)e, url);
	arena_free(a);
}

struct registries {
	struct asked asked[N_ELEMENTS(clients)];
	int64_t deadline; /* of all */
};

struct registries *
registries_begin(void)
{
	struct registries *r = mem_alloc(sizeof(*r));

	for (size_t i = 0; i < N_ELEMENTS(clients); i++)
		ask(&clients[i], &r->asked[i]);
	r->deadline = clock_ns() + CLIENT_MS * NS_PER_MS;
	return r;
}

void
registries_end(struct registries *r, struct snapshot_writer *w)
{
	struct buf out;

	if (r == NULL)
		return;
	take_defaults(w);
	for (size_t i = 0; i < N_ELEMENTS(clients); i++) {
		buf_init(&out, 64 * (size_t)KIB);
		if (r->asked[i].fd >= 0)
			read_output(r->asked[i].fd, r->deadline, &out);
		/* With whatever it started: it has a session of its own. */
		if (r->asked[i].child.pid > 0)
			(void)kill(-r->asked[i].child.pid, SIGKILL);
		spawn_kill(&r->asked[i].child);
		closep(&r->asked[i].fd);
		find_addresses(w, clients[i].ecosystem, buf_str(&out));
		buf_done(&out);
	}
	free(r);
}
