/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp programs of a sandbox, made in the supervisor and loaded by
 * init. Every refusal is an errno, so that a recorder sees the call at its
 * exit; foreign architectures and x32 numbers kill.
 */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include "base/buf.h"

struct error;
struct json;
struct sandbox_spec; /* its test_omit */

/* Two programs (struct sock_filter arrays): the second refuses calls that are
 * newer than the list of the first. */
#define FILTER_PROGRAMS 2
int filter_make(const struct sandbox_spec *spec,
    struct buf ret[FILTER_PROGRAMS], struct error *err);
/* The first of them, by libseccomp: what the build keeps for filter_make(), and
 * what that takes where a test leaves something out. */
int filter_compile(const struct sandbox_spec *spec, struct buf *out,
    struct error *err);
/* The programs as one, for a recorder that stops processes: `first` runs before
 * them, and what they refuse is answered with `action`. */
void filter_watched(const struct buf programs[FILTER_PROGRAMS],
    struct str first, uint32_t action, struct buf *out);
/* What is refused, one line each: "bpf: EPERM". */
void filter_print(struct buf *out);
void filter_json(struct json *j); /* an array of objects */

#endif
