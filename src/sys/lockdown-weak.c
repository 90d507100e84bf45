/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lockdown of sanitizer builds, whose runtimes open /proc at exit: no
 * seccomp filter. Chosen by the build, never at run time.
 */
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sys/lockdown-sets.h"
#include "sys/lockdown.h"
#include "sys/lockdown_priv.h"

int
lockdown(const struct lockdown *l, struct error *err)
{
	bool known = false;

	for (size_t i = 0; i < N_ELEMENTS(lockdown_sets); i++)
		known |= lockdown_sets[i] == LOCKDOWN_CALLS(l->rights);
	if (!known)
		return lockdown_unknown(l->rights, err);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_errno(err, "no_new_privs");
	return lockdown_caps(l->keep_caps, err);
}
