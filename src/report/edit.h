/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing documents that are in the tree already. Others edit the tree too
 * (git pull), so they are foreign bytes: role edit alone parses and rewrites
 * them. It may read the trees and change nothing; what is to be written it
 * asks the writer for, who looks at every path again (editor.c). Requests
 * without an answer are not waited for: when one fails, the order fails.
 */
#ifndef REPORT_EDIT_H
#define REPORT_EDIT_H

#include <stdint.h>

#include "base/limits.h"
#include "base/str.h"
#include "report/consolidate.h"

struct channel;
struct error;
struct repo;

enum edit_verb {
	EDIT_MERGE,
	EDIT_ASSIGN,
	EDIT_WITHDRAW,
	EDIT_UNWITHDRAW,
	EDIT_RETRACT,
	EDIT_STANDS, /* changes nothing */
	EDIT_VERB__MAX
};

#define EDIT_MAX_VERSIONS 100000 /* named in one withdrawal */
/* Larger documents travel in pieces. */
#define EDIT_PIECE_BYTES (4u * 1024 * 1024)
#define EDIT_MAX_BYTES   (64u * 1024 * 1024)

/* Memory that both see (the role's descriptor 4): what is in it when the role
 * dies says of which document. A role that was taken over may write anything
 * there, as it may in its answers. */
struct edit_page {
	struct consolidate_counts counts; /* of the order, until now */
	char path[LIMIT_PATH_BYTES]; /* in its tree; "": none */
};

enum edit_message {
	/* Writer to role. */
	EDIT_OPEN = 1, /* {str folder of the database}: once, before lockdown */
	/* {int verb, str path, reason, source, id, int n, n str}: versions, or,
	 * where there is no path, folders that are left alone. */
	EDIT_ORDER,
	EDIT_ANSWER, /* {int number, str} */
	/* Role to writer: requests without an answer. Trees are numbers. */
	EDIT_PIECE, /* {str}: the beginning of what the next PUT puts */
	EDIT_PUT, /* {int tree, str path, str bytes} */
	EDIT_MOVE, /* {int from, str path, int to, str path} */
	EDIT_REMOVE, /* {int tree, str path} */
	EDIT_REMOVE_LATER, /* {int tree, str path} */
	EDIT_RENAMED, /* {str from, str to} */
	EDIT_SAW_ID, /* {str path} */
	/* With one, unless a number was given: that one is expected. */
	EDIT_NEXT_ID, /* {int year, int number or 0} → {number, } */
	EDIT_SAID, /* {str source, sha256, folder} → {1 when known, items} */
	/* The end of an order. */
	EDIT_DONE, /* {int 0 or -errno, str sentence, 6 int: the counts} */
	/* Role to writer, with and without an answer. */
	EDIT_PART, /* {str source, sha256, folder} → {1 when known, text} */
	EDIT_PART_PUT, /* {str source, sha256, folder, text} */
	EDIT_PART_DROP, /* {str source, sha256, folder} */
	/* {int inode, size, time}: of the file that the next PUT replaces or
	 * REMOVE_LATER removes, as the role has read it. */
	EDIT_WAS,
};

/* One order; strings are borrowed. path: of the report in its tree, and only
 * its folder is then changed; p NULL: all of them. */
struct edit_order {
	enum edit_verb verb;
	struct str path, reason;
	struct str source, id; /* of EDIT_RETRACT, EDIT_STANDS */
	const struct str *versions; /* of EDIT_WITHDRAW */
	size_t n_versions;
};

/* --- the writer's half (editor.c) ----------------------------------------- */

struct editor;

/* Starts the role when there is none yet. What the role says of the report
 * comes back as its error; counts may be NULL. Does not commit. -EPIPE: the
 * role died of the one report, -ESTALE: somebody changed it meanwhile; of many,
 * those of the same package are left alone, said so on standard error, and the
 * others are done. */
int editor_run(struct repo *r, const struct edit_order *o,
    struct consolidate_counts *counts, struct error *err);
void editor_free(struct editor *e); /* accepts NULL */

/* --- the role's half (asked-repo.c): a struct repo that asks ---------------
 */

/* c: borrowed; dir: of the database; page: a descriptor, taken. */
int asked_repo_open(const char *dir, struct channel *c, int page,
    struct repo **ret, struct error *err);
void asked_repo_free(struct repo *r); /* accepts NULL */

#endif
