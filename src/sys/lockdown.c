/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp, Landlock, capabilities. Runs in every confined role, once. The
 * filters were made when this was built (lockdown-make.c): a start of all roles
 * of a sandbox would spend more on making them than on anything else.
 * lockdown-weak.c takes its place in sanitizer builds, whose runtimes open
 * /proc and map shadow memory when they please.
 */
#include "sys/lockdown.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/error.h"
#include "sys/lockdown_priv.h"

static int
filter(unsigned rights, struct error *err)
{
	const struct lockdown_filter *f = NULL;
	struct sock_fprog program;

	for (size_t i = 0; i < lockdown_n_filters && f == NULL; i++)
		if (lockdown_filters[i].rights == LOCKDOWN_CALLS(rights))
			f = &lockdown_filters[i];
	if (f == NULL)
		return lockdown_unknown(rights, err);
	program = (struct sock_fprog){ f->n,
		(struct sock_filter *)(uintptr_t)f->program };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return error_errno(err, "cannot load the seccomp filter");
	return 0;
}

int
lockdown(const struct lockdown *l, struct error *err)
{
	static const struct rlimit no_core = { 0, 0 };
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) != 0)
		return error_errno(err, "no_new_privs");
	rc = (l->rights & LOCKDOWN_FOREIGN_FILES) != 0 ?
	    0 :
	    lockdown_landlock(l, err);
	if (rc == 0)
		rc = lockdown_caps(l->keep_caps, err);
	if (rc == 0)
		rc = filter(l->rights, err);
	return rc;
}
