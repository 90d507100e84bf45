/* SPDX-License-Identifier: Apache-2.0 */
/* Versions: compare(a, b) = -compare(b, a), and a version equals itself. The
 * first line names the ecosystem, the next two are versions. */
#include <assert.h>
#include <stdint.h>

#include "ecosystem/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_n(data, size), ecosystem, a, b;
	version_compare *compare;
	int forth = 0, back = 0, same = 1;
	bool can;

	if (!str_cut(&rest, '\n', &ecosystem) || !str_cut(&rest, '\n', &a) ||
	    !str_cut(&rest, '\n', &b))
		return 0;
	compare = version_rule(ecosystem);
	if (compare == NULL)
		return 0;
	can = compare(a, b, &forth);
	assert(can == compare(b, a, &back));
	if (can)
		assert((forth > 0) == (back < 0) && (forth < 0) == (back > 0));
	if (compare(a, a, &same))
		assert(same == 0);
	return 0;
}
