/* SPDX-License-Identifier: Apache-2.0 */
/* npm's configuration files. */
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "ecosystem/npm/npmrc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const env[] = { "A=value", "B=${A}", NULL };
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct npmrc *c = npmrc_new(a);
	struct npmrc_trust t;
	struct buf b;

	buf_init(&b, MIB);
	npmrc_add_env(c, env);
	if (npmrc_parse(c, NPMRC_USER, "x", str_n(data, size), env, NULL) ==
	    0) {
		(void)npmrc_registry(c, str_n("@s/x", 4));
		npmrc_authorization(c, str_n("https://a.test/x/y", 18), &b);
		npmrc_trust(c, &t);
	}
	buf_done(&b);
	arena_free(a);
	return 0;
}
