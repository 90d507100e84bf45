/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of `lazaret sandbox`. */
#ifndef CMD_SANDBOX_RUN_H
#define CMD_SANDBOX_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/sandbox.h"
#include "sys/opt.h"

struct arena;
struct error;
struct image;

struct sandbox_options {
	struct arena *arena; /* what lives as long as the process */
	const char *image, *output, *recorder, *network, *cwd, *hostname, *user,
	    *state;
	struct opt_list put, env;
	struct sandbox_limits limits;
	int64_t uid, time_ms, output_bytes;
	bool json, quiet, calls;
};

/* The root file system that --image names: an image, which the caller closes,
 * or a folder. */
int sandbox_run_layers(const struct sandbox_options *o, struct image *image,
    struct sandbox_layer *ret, size_t *ret_n, struct error *err);
/* Runs the command to its end; ret_status is what we exit with. */
int sandbox_run(const struct sandbox_options *o, struct sandbox_spec *spec,
    const struct image *image, char **argv, int *ret_status, struct error *err);

#endif
