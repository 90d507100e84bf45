/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the tools that a build needs: their words go to the build's log,
 * progress is shown meanwhile, and when one fails, the line of its log that
 * says why becomes the error. Runs in the supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/fd.h"
#include "sys/spawn.h"

#define TICK_MS 200

/* Beginnings of lines that say why a tool failed, the most telling first. */
static const char *const telling[] = {
	"E: Failed to fetch",
	"W: Failed to fetch",
	"Err:",
	"npm error network request",
	"npm error 404",
	"npm error code",
	"dpkg: error",
	"tar: ",
	"E: ",
	"npm error",
};

int
image_tool_find(const char *name, char *ret, size_t size, struct error *err)
{
	const char *path = getenv("PATH");
	struct str rest = str_of(path), dir;

	while (str_cut(&rest, ':', &dir)) {
		if (dir.n == 0 || dir.p[0] != '/')
			continue;
		(void)snprintf(ret, size, "%.*s/%s", STR_ARG(dir), name);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	/* What sudo and services leave out of PATH. */
	rest = STR_LIT("/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin");
	while (str_cut(&rest, ':', &dir)) {
		(void)snprintf(ret, size, "%.*s/%s", STR_ARG(dir), name);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return error_set(err, -ENOENT,
	    "%s is missing; install it with: "
	    "apt-get install %s",
	    name, name);
}

static bool
is_set(const char *const *env, const char *variable)
{
	size_t n = strcspn(variable, "=") + 1;

	for (size_t i = 0; env != NULL && env[i] != NULL; i++)
		if (strncmp(env[i], variable, n) == 0)
			return true;
	return false;
}

/* ours and t's, or t's alone; the array is owned, the strings are not */
static const char **
environment(const struct image_tool *t)
{
	VEC(const char *) env = { 0 };

	for (size_t i = 0; t->env != NULL && t->env[i] != NULL; i++)
		vec_push(&env, t->env[i]);
	for (size_t i = 0; !t->clean && environ[i] != NULL; i++)
		if (!is_set(t->env, environ[i]))
			vec_push(&env, environ[i]);
	vec_push(&env, NULL);
	return env.v;
}

static struct str
find_line(struct str log, const char *prefix)
{
	struct str line;

	while (str_cut(&log, '\n', &line))
		if (str_starts(line, prefix))
			return line;
	return STR_NONE;
}

static struct str
last_line(struct str log)
{
	struct str line, last = STR_NONE;

	while (str_cut(&log, '\n', &line))
		if (str_trim(line).n != 0)
			last = str_trim(line);
	return last;
}

/* The sentence of a failure, from what the tool wrote since `from`. */
static int
explain(struct image_build *b, const char *name, off_t from, struct error *err)
{
	struct buf said;
	struct str line = STR_NONE;
	ssize_t n = 0;
	char *at;

	buf_init(&said, 1 * MIB);
	while ((at = buf_reserve(&said, 32 * KIB)) != NULL &&
	    (n = pread(b->log_fd, at, 32 * KIB, from + (off_t)said.n)) > 0)
		buf_added(&said, (size_t)n);
	for (size_t i = 0; line.n == 0 && i < N_ELEMENTS(telling); i++)
		line = find_line(buf_str(&said), telling[i]);
	if (line.n == 0)
		line = last_line(buf_str(&said));
	if (str_find(buf_str(&said), STR_LIT("No space left on device")) >= 0)
		(void)error_set(err, -ENOSPC, "%s: the disk of %s is full",
		    name, b->home);
	else
		(void)error_set(err, -EIO, "%s failed: %.*s", name,
		    STR_ARG(line));
	buf_done(&said);
	return err != NULL ? err->code : -EIO;
}

static int
collect(int fd, struct buf *out, struct error *err)
{
	if (lseek(fd, 0, SEEK_SET) != 0)
		return error_errno(err, "lseek");
	return fd_read_all(fd, out, err);
}

static int
wait_for(struct image_build *b, struct child *c, int *ret_status,
    struct error *err)
{
	int rc;

	do {
		rc = image_build_tick(b, err);
		if (rc == 0)
			rc = spawn_wait(c, TICK_MS, ret_status, err);
		else
			spawn_kill(c);
	} while (rc == -ETIMEDOUT);
	return rc;
}

int
image_tool_run(struct image_build *b, const struct image_tool *t,
    struct error *err)
{
	_cleanup_(closep) int out = memfd_create("out", MFD_CLOEXEC);
	_cleanup_(freep) const char **env = NULL;
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	char path[LIMIT_PATH_BYTES];
	off_t from = lseek(b->log_fd, 0, SEEK_END);
	int status = 0, rc;

	if (out < 0)
		return error_errno(err, "memfd_create");
	rc = image_tool_find(t->argv[0], path, sizeof(path), err);
	if (rc != 0)
		return rc;
	env = environment(t);
	s.path = path;
	s.argv = t->argv;
	s.env = env;
	s.out_fd = t->out != NULL ? out : b->log_fd;
	s.err_fd = b->log_fd;
	s.die_with_parent = true;
	s.new_session = true; /* Ctrl-C is ours to handle */
	rc = spawn_start(&s, &c, err);
	if (rc == 0)
		rc = wait_for(b, &c, &status, err);
	if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		return explain(b, t->name != NULL ? t->name : t->argv[0], from,
		    err);
	if (rc == 0 && t->out != NULL)
		rc = collect(out, t->out, err);
	return rc;
}
