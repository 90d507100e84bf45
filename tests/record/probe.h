/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the probe share. See probe.c. */
#ifndef TESTS_RECORD_PROBE_H
#define TESTS_RECORD_PROBE_H

#include <stdbool.h>

/* "+ fact" / "- fact" on the descriptor of the harness. */
void expect(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void reject(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Ends the probe when a call that must work does not. */
void must(bool ok, const char *what);
/* The absolute path of a name in the case's own folder; static, a few in
 * turn. */
const char *here(const char *name);
void wait_for(int pid);

/* Makes many files whose names another thread changes meanwhile. */
int probe_flip(void);
/* Run alone as well: folders made, filled and removed at once. */
int probe_vanish(void);

extern int probe_argc;
extern char **probe_argv;

struct probe_case {
	const char *name;
	void (*run)(void);
};

/* Ended by a NULL name. */
extern const struct probe_case probe_file_cases[];
extern const struct probe_case probe_socket_cases[];
extern const struct probe_case probe_process_cases[];

#endif
