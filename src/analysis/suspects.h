/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of role suspects (src/role/suspects.c) to the supervisor. */
#ifndef ANALYSIS_SUSPECTS_H
#define ANALYSIS_SUSPECTS_H

#include "runfile/control.h"

#define SUSPECTS_RUN_FD 5

enum suspects_message {
	SUSPECTS_ONE = CONTROL_ROLE, /* {str folder} */
};

#endif
