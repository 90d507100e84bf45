/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For whom a process acts: its role (fact_roles) and the install folder of
 * its package. Decided at exec, inherited at fork. Pure.
 */
#ifndef RECORD_ATTRIBUTE_H
#define RECORD_ATTRIBUTE_H

#include "base/str.h"

struct attribution {
	const char *role; /* a constant; NULL: none */
	struct str package; /* p NULL: none; "": the project */
};

struct attribute_exec {
	struct str project; /* folder, absolute; p NULL: unknown */
	struct str path; /* of the file executed */
	struct str script; /* that the interpreter was given; p NULL: none */
	struct str env; /* NUL after each */
	struct str cwd;
};

/* before: of the process until now. The package borrows from x or before. */
struct attribution attribute_exec(const struct attribute_exec *x,
    struct attribution before);
/* The install folder that path lies in ("node_modules/@s/a"), p NULL: in
 * none. */
struct str attribute_folder(struct str project, struct str path);
/* The script file an interpreter was given by this command line, as it stands
 * there; p NULL when the program is no interpreter that we know or gets its
 * code elsewhere. */
struct str attribute_script(struct str exe, struct str argv);

#endif
