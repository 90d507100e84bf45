/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the start of a sandbox takes in a supervisor that already runs, for
 * bench/run: PROGRAM, which prints the time when it begins (bench/first.c), and
 * LAYER…, uppermost first. Starts two sandboxes with isolation alone, one after
 * the other, and prints the nanoseconds from the first call for the second one
 * to the first instruction of its command. No part of the product.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sandbox/sandbox.h"
#include "sys/clock.h"
#include "sys/fd.h"

#define REST_MS 50

static int
wait_for_end(struct sandbox *s, struct error *err)
{
	struct pollfd p = { sandbox_fd(s), POLLIN, 0 };
	struct sandbox_event e;
	int rc;

	for (;;) {
		rc = sandbox_next(s, &e, err);
		if (rc < 0 || (rc == 1 && e.kind == SANDBOX_EMPTY))
			return rc < 0 ? rc : 0;
		if (rc == 1 && e.kind == SANDBOX_EXEC_FAILED)
			return error_set(err, -e.status, "it does not run");
		if (rc == 0)
			(void)poll(&p, 1, -1);
	}
}

/* Nanoseconds since 1970, as the command says it. */
static int
run(struct sandbox *s, int64_t *ret_at, struct error *err)
{
	static const char *const argv[] = { "/tmp/first", NULL };
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	char said[32] = "";
	int ends[2], rc;
	int64_t id;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_errno(err, "pipe");
	c.argv = argv;
	c.cwd = "/tmp";
	c.out_fd = ends[1];
	rc = sandbox_exec(s, &c, &id, err);
	(void)close(ends[1]);
	if (rc == 0)
		rc = wait_for_end(s, err);
	if (rc == 0 && read(ends[0], said, sizeof(said) - 1) < 1)
		rc = error_set(err, -EIO, "it says nothing");
	(void)close(ends[0]);
	*ret_at = strtoll(said, NULL, 10);
	return rc;
}

static int
start(int program, const struct sandbox_layer *layers, size_t n,
    int64_t *ret_ns, struct error *err)
{
	_cleanup_(sandbox_early_freep) struct sandbox_early *early = NULL;
	_cleanup_(sandbox_plan_freep) struct sandbox_plan *plan = NULL;
	_cleanup_(sandbox_freep) struct sandbox *s = NULL;
	struct sandbox_file file = { .path = "/tmp/first",
		.kind = SANDBOX_FILE_FD,
		.fd = program,
		.mode = 0755 };
	int64_t begin = clock_wall_ns(), end;
	struct sandbox_spec spec;
	int rc;

	sandbox_spec_init(&spec);
	spec.layers = layers;
	spec.n_layers = n;
	spec.files = &file;
	spec.n_files = 1;
	rc = sandbox_early_new(spec.network, &early, err);
	spec.early = early;
	if (rc == 0)
		rc = sandbox_plan(&spec, &plan, err);
	if (rc == 0)
		rc = sandbox_begin(plan, &s, err);
	if (rc == 0)
		rc = run(s, &end, err);
	if (rc == 0)
		*ret_ns = end - begin;
	return rc;
}

int
main(int argc, char **argv)
{
	struct sandbox_layer layers[LIMIT_SANDBOX_LAYERS];
	struct error err = ERROR_INIT;
	size_t n = 0;
	int64_t ns = 0;
	int program, rc = 0;

	if (argc < 3 || argc - 2 > LIMIT_SANDBOX_LAYERS) {
		fputs("usage: sandbox-start-bench PROGRAM LAYER...\n", stderr);
		return 2;
	}
	program = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (program < 0)
		rc = error_errno(&err, "%s", argv[1]);
	for (; argv[n + 2] != NULL; n++)
		layers[n] = (struct sandbox_layer){ argv[n + 2], -1 };
	for (int i = 0; i < 2 && rc == 0; i++) {
		(void)poll(NULL, 0, REST_MS);
		rc = start(program, layers, n, &ns, &err);
	}
	if (rc != 0) {
		fprintf(stderr, "sandbox-start-bench: %s\n", err.msg);
		return 1;
	}
	printf("%" PRId64 "\n", ns);
	return 0;
}
