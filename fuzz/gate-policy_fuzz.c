/* SPDX-License-Identifier: Apache-2.0 */
/* What users bring to a scan: policy, configuration, dates. The first byte
 * says which. */
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/limits.h"
#include "gate/ages.h"
#include "gate/pattern.h"
#include "gate/policy.h"
#include "gate/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_policy(struct arena *a, struct str s, struct error *err)
{
	struct policy p = { 0 };
	struct pattern w;

	if (policy_parse(a, STR_LIT("p"), s, &p, err) == 0) {
		for (size_t i = 0; i < p.entries.n; i++)
			(void)policy_covers(&p.entries.v[i], STR_LIT("npm"),
			    STR_LIT("x"), STR_LIT("1.0.0"));
		for (size_t i = 0; i < p.internal.n; i++)
			if (pattern_parse(p.internal.v[i], &w, err) == 0)
				(void)pattern_match(&w, STR_LIT("npm"),
				    STR_LIT("acme-core"));
	}
	policy_done(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s = SETTINGS_INIT;
	struct error err = ERROR_INIT;
	struct ages *ages = NULL;
	struct arena *a;
	struct str text;

	if (size == 0)
		return 0;
	a = arena_new(LIMIT_ARENA_BYTES);
	text = str_n(data + 1, size - 1);
	if (data[0] == 's')
		(void)settings_parse(a, text, &s, &err);
	else if (data[0] == 'a')
		(void)ages_parse(a, text, &ages, &err);
	else
		read_policy(a, text, &err);
	ages_free(ages);
	arena_free(a);
	return 0;
}
