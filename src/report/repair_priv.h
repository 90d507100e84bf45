/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of repair share: repair.c, repair-lists.c, repair-iocs.c. */
#ifndef REPORT_REPAIR_PRIV_H
#define REPORT_REPAIR_PRIV_H

#include <yyjson.h>

#include "report/intake_priv.h"

struct repair {
	struct intake *in; /* hears what was done */
	yyjson_mut_doc *m; /* owner of values that are made */
};

/* p NULL: no string. */
struct str repair_text(yyjson_mut_val *v);
/* Sets a member to this text. */
void repair_put(struct repair *r, yyjson_mut_val *object, const char *key,
    struct str s);
/* Takes a member away that is of no use, and names it. */
void repair_drop(struct repair *r, yyjson_mut_val *object, const char *key,
    const char *why);
/* The items of a list, one after the other, each taken off its front: who
 * keeps one appends it again. (Removing through an iterator skips the item
 * after the removed one in some versions of yyjson.) NULL: the end. */
yyjson_mut_val *repair_take(yyjson_mut_val *list, size_t *left);
/* The member as an array: one value alone becomes a list of one when it is of
 * the items' kind ('s' string, 'o' object); of another kind, it is dropped.
 * NULL: there is none. */
yyjson_mut_val *repair_list(struct repair *r, yyjson_mut_val *object,
    const char *key, char kind);

void repair_references(struct repair *r, yyjson_mut_val *root);
void repair_credits(struct repair *r, yyjson_mut_val *root);
void repair_severity(struct repair *r, yyjson_mut_val *object);
/* Ids or versions: what is no text, is empty or stands twice goes. */
void repair_strings(struct repair *r, yyjson_mut_val *object, const char *key);
/* Indicators below one of the names that they have. */
void repair_indicators(struct repair *r, yyjson_mut_val *specific,
    const char *key);

#endif
