/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role gather: brings sources of the report database. It holds sockets and
 * the credentials of one source; what it brings it does not look at.
 */
#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "fetch/gather.h"
#include "runfile/control.h"
#include "sys/lockdown.h"

/* What the C library's resolver and OpenSSL open on their way. */
static const char *const resolver_files[] = { "/etc/resolv.conf", "/etc/hosts",
	"/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
	"/etc/services", "/etc/localtime", "/run/systemd/resolve",
	"/run/resolvconf", "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib",
	"/usr/lib64", "/etc/ssl", "/usr/share/zoneinfo" };

#define MAX_OWN_FILES 4

int
main(void)
{
	const char *files[N_ELEMENTS(resolver_files) + MAX_OWN_FILES + 1];
	/* libcurl resolves names in a thread of its own. */
	struct lockdown l = { .rights = LOCKDOWN_READ_FILES | LOCKDOWN_NETWORK |
		    LOCKDOWN_THREADS,
		.read_paths = files };
	struct gathering *g = NULL;
	const char *const *own;
	struct error err = ERROR_INIT;
	size_t n = 0;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	/* Errors of configuration went to the supervisor already. */
	if (gathering_new(CONTROL_FD, &g, &err) != 0)
		return 1;
	for (; n < N_ELEMENTS(resolver_files); n++)
		files[n] = resolver_files[n];
	own = gathering_files(g);
	for (size_t i = 0; own[i] != NULL && i < MAX_OWN_FILES; i++)
		files[n++] = own[i];
	files[n] = NULL;
	rc = lockdown(&l, &err);
	if (rc == 0)
		rc = gathering_run(g, &err);
	else
		(void)fprintf(stderr, "lazaret: gather: %s\n", err.msg);
	gathering_free(g);
	return rc != 0;
}
