/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by packument.c and packument-write.c. */
#ifndef ECOSYSTEM_NPM_PACKUMENT_PRIV_H
#define ECOSYSTEM_NPM_PACKUMENT_PRIV_H

#include <yyjson.h>

#include "base/str.h"

struct arena;
struct buf;

struct packument {
	struct arena *arena;
	yyjson_doc *doc;
	yyjson_val *root, *versions, *times, *tags; /* objects or NULL */
	struct str name;
};

/* Member of an object as text; absent when it is none. */
struct str packument_text(yyjson_val *object, const char *key);
struct str packument_value_text(yyjson_val *v);
/* Member that is an object, or NULL. */
yyjson_val *packument_object(yyjson_val *object, const char *key);
/* "d NAME" lines for what one version depends on. */
void packument_write_names(yyjson_val *version, struct buf *out);

#endif
