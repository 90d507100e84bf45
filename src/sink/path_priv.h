/* SPDX-License-Identifier: Apache-2.0 */
/* What the path of a URL says about what lies there. */
#ifndef SINK_PATH_PRIV_H
#define SINK_PATH_PRIV_H

#include <stdbool.h>

#include "base/str.h"

enum path_kind {
	PATH_OTHER,
	PATH_ARCHIVE,
	PATH_NATIVE, /* a module or library that is loaded */
	PATH_SCRIPT,
	PATH_PROGRAM,
	PATH_BARE, /* a last part without an extension */
	PATH__MAX
};

enum path_kind path_kind(struct str path);
/* An archive or native module with a version or a platform in its path. */
bool path_is_prebuilt(struct str path);
/* The last part, without an extension that we know. */
struct str path_stem(struct str path);

#endif
