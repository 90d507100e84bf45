/* SPDX-License-Identifier: Apache-2.0 */
/* Exit statuses of every subcommand (docs/exit-codes in lazaret(1)). */
#ifndef BASE_EXIT_H
#define BASE_EXIT_H

enum exit_status {
	EXIT_NOTHING_FOUND = 0,
	EXIT_FOUND = 1, /* something at or above the threshold */
	EXIT_USAGE = 2,
	EXIT_INCOMPLETE = 3, /* nothing found, but not everything was seen */
	EXIT_TOOL_FAILED = 4, /* no network, no data, no rights */
};

#endif
