/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that does things and says so: each case prints the facts that a
 * recorder must have of it ("+ fact") and must not have ("- fact"), in the
 * words of facts.h. Every recorder has to agree with it.
 *
 *	probe --list	names of the cases
 *	probe CASE	runs it, in a folder of its own below the current one
 */
#include "record/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/facts.h"

int probe_argc;
char **probe_argv;

static FILE *harness;
static char folder[2048];

static void
say(char sign, const char *fmt, va_list ap)
{
	char text[64 * 1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	(void)fprintf(harness, "%c %s\n", sign, text);
	(void)fflush(harness);
}

void
expect(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say('+', fmt, ap);
	va_end(ap);
}

void
reject(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say('-', fmt, ap);
	va_end(ap);
}

void
must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

const char *
here(const char *name)
{
	static char paths[8][4096];
	static unsigned turn;
	char *p = paths[turn++ % 8];

	(void)snprintf(p, sizeof(paths[0]), "%s%s%s", folder,
	    name[0] != '\0' ? "/" : "", name);
	return p;
}

void
wait_for(int pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid, "waitpid");
}

static const struct probe_case *const all[] = { probe_file_cases,
	probe_socket_cases, probe_process_cases, NULL };

static void
list(void)
{
	for (const struct probe_case *const *part = all; *part != NULL; part++)
		for (const struct probe_case *c = *part; c->name != NULL; c++)
			(void)printf("%s\n", c->name);
}

static int
run(const struct probe_case *c)
{
	/* Out of the way of cases that play with 0, 1 and 2. */
	int fd = fcntl(1, F_DUPFD_CLOEXEC, 100);

	harness = fd >= 0 ? fdopen(fd, "we") : NULL;
	must(harness != NULL, "standard output");
	must(mkdir(c->name, 0755) == 0 && chdir(c->name) == 0, c->name);
	must(getcwd(folder, sizeof(folder)) != NULL, "getcwd");
	c->run();
	return 0;
}

static void
flood_one(int n)
{
	char path[4096];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (int i = 0; i < n; i++)
		(void)mkdir(path, 0700);
}

/* Much more than a small ring holds: paths as long as they may be, from many
 * processes at once. */
static int
flood(void)
{
	for (int i = 0; i < FLOOD_PROCESSES; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			flood_one(FLOOD_CALLS / FLOOD_PROCESSES);
			_exit(0);
		}
		if (pid < 0)
			return 1;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

static void
on_call(int unused)
{
	(void)unused;
	(void)mkdir("lone", 0700);
}

/* One call when it is told to, and none before or after. */
static int
lone(void)
{
	(void)signal(SIGUSR1, on_call);
	while (pause() != 0)
		continue;
	return 0;
}

int
main(int argc, char **argv)
{
	probe_argc = argc;
	probe_argv = argv;
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "--list") == 0) {
		list();
		return 0;
	}
	if (strcmp(argv[1], "--flip") == 0)
		return probe_flip();
	if (strcmp(argv[1], "--lone") == 0)
		return lone();
	if (strcmp(argv[1], "--vanish") == 0)
		return probe_vanish();
	if (strcmp(argv[1], "--flood") == 0)
		return flood();
	for (const struct probe_case *const *part = all; *part != NULL; part++)
		for (const struct probe_case *c = *part; c->name != NULL; c++)
			if (strcmp(c->name, argv[1]) == 0)
				return run(c);
	return 2;
}
