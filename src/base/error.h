/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error value: a negative errno and one sentence for a person.
 * Owned by the caller, no heap. Functions that can fail take it as the last
 * parameter and return 0, a negative code, or a positive outcome that their
 * prototype documents.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <errno.h>

struct error {
	int code; /* negative errno; 0 when nothing was set */
	char msg[240]; /* NUL-terminated, without a full stop */
};

#define ERROR_INIT \
	{ \
		0, "" \
	}

/* Sets code and sentence; returns code, so that `return error_set(…)` works.
 * code must be negative. err may be NULL. */
int error_set(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set with -errno; appends ": strerror". */
int error_errno(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the sentence that is there; returns the code. */
int error_wrap(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The broken world (no memory, IPC framing): says so on stderr, exits 4. */
void fatal(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#endif
