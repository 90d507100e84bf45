/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that run under root and, started by tests/as-user, without it. */
#ifndef TESTS_SANDBOX_BECOME_H
#define TESTS_SANDBOX_BECOME_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/rootless.h"

/* False, and says why: neither root nor able to do without. */
static bool
become_root(void)
{
	struct error err = ERROR_INIT;

	if (rootless_enter(&err) == 0)
		return true;
	printf("skipped: %s\n", err.msg);
	return false;
}

static int
give_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)kind;
	(void)at;
	if (lchown(path, ROOTLESS_FIRST, ROOTLESS_FIRST) != 0)
		return -1;
	return S_ISLNK(st->st_mode) ? 0 : chmod(path, st->st_mode & 07777);
}

/* A layer made by this process, to the ids that it must have without root. */
static int
give_layer(const char *path)
{
	return rootless_is() ? nftw(path, give_one, 8, FTW_PHYS) : 0;
}

#endif
