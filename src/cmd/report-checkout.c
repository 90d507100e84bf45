/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that are git repositories: kept checked out beside the index. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cmd/report_priv.h"
#include "report/config.h"
#include "sys/fd.h"
#include "sys/sha256.h"
#include "sys/spawn.h"

int
report_checkout_update(const struct config_source *s, const char *dir,
    struct error *err)
{
	const char *const clone[] = { "git", "clone", "-q", "--no-checkout",
		"--single-branch", "--branch", s->branch.p, "--", s->place.p,
		dir, NULL };
	const char *const fetch[] = { "git", "-C", dir, "fetch", "-q", "origin",
		s->branch.p, NULL };
	const char *const checkout[] = { "git", "-C", dir, "-c",
		"core.symlinks=false", "-c", "core.hooksPath=/dev/null", "-c",
		"advice.detachedHead=false", "checkout", "-q", "--force",
		"--detach", "FETCH_HEAD", NULL };
	char *head = mem_printf("%s/.git/HEAD", dir);
	bool there = access(head, F_OK) == 0;
	int rc = 0;

	free(head);
	if (str_starts(s->branch, "-"))
		return error_set(err, -EINVAL, "no branch has the name %s",
		    s->branch.p);
	(void)setenv("GIT_TERMINAL_PROMPT", "0", 1);
	if (!there)
		rc = spawn_run(clone, err);
	if (rc == 0)
		rc = spawn_run(fetch, err);
	return rc == 0 ? spawn_run(checkout, err) : rc;
}

int
report_checkout_key(const char *dir, struct str yaml, struct buf *ret,
    struct error *err)
{
	char *head = mem_printf("%s/.git/HEAD", dir);
	_cleanup_(closep) int fd = open(head, O_RDONLY | O_CLOEXEC);
	uint8_t digest[SHA256_BYTES];
	int rc =
	    fd < 0 ? error_errno(err, "%s", head) : fd_read_all(fd, ret, err);

	free(head);
	sha256_of(yaml, digest);
	buf_put_hex(ret, digest, sizeof(digest));
	return rc;
}
