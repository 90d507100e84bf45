/* SPDX-License-Identifier: Apache-2.0 */
/* What a test leaves out of a sandbox. Runs in supervisors. */
#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "sandbox/sandbox_priv.h"

bool
sandbox_omits(const struct sandbox_spec *spec, const char *name,
    const char *about)
{
	struct str left = str_of(spec->test_omit), word;
	size_t n = strlen(name);

	while (left.p != NULL && str_cut(&left, ',', &word)) {
		if (!str_starts(word, name))
			continue;
		word = str_sub(word, n, word.n);
		if (word.n == 0 ||
		    (about != NULL && word.p[0] == ':' &&
			str_is(str_sub(word, 1, word.n), about)))
			return true;
	}
	return false;
}
