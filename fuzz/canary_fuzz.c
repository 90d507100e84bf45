/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads in which secrets are looked for; whole and in pieces. */
#include <stdint.h>

#include "decoy/canary-find.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct canary_finder *f = canary_finder_new(1 << 26);
	struct canary_matches m = { 0 };
	struct canary_split *s;
	struct str in = str_n(data, size), piece;

	(void)canary_finder_add(f, 1, false,
	    STR_LIT("npm_Zx81kQpLw93NfTbVcY72hGdJrM5sAe0uKo4i"));
	(void)canary_finder_add(f, 2, true, STR_LIT("kestrel-4417"));
	(void)canary_finder_add(f, 3, false, str_sub(in, 0, 64));
	canary_find(f, in, CANARY_ANY, &m);
	s = canary_split_new(f);
	for (int64_t row = 1; str_cut(&in, '\n', &piece); row++)
		canary_split_add(s, row, piece);
	canary_split_end(s, &m);
	canary_matches_done(&m);
	canary_finder_free(f);
	return 0;
}
