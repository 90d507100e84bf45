/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands in GYP files: "<!(…)" and its kin run a shell while node-gyp
 * configures, before anything is compiled. Pure; runs in role unpack.
 */
#ifndef STATIC_GYP_H
#define STATIC_GYP_H

#include <stdint.h>

#include "base/str.h"

typedef void (*gyp_command_fn)(void *arg, struct str command, int64_t line);

/* At most a few thousand commands are told. */
void gyp_commands(struct str text, gyp_command_fn fn, void *arg);

#endif
