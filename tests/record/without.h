/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder does not tell without one of its safeguards: the cases of
 * the probe that then hide what they do (tests/without). */
#ifndef TESTS_RECORD_WITHOUT_H
#define TESTS_RECORD_WITHOUT_H

#include <stdbool.h>

#include "base/str.h"

/* Is this case one that needs the safeguard? */
bool without_concerns(const char *safeguard, struct str name);
/* May this expectation of that case fail? */
bool without_hides(const char *safeguard, const char *name, struct str fact);

#endif
