/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role fetch: the only process that talks to registries. It reads resolver
 * files and the certificate bundle, and writes to nothing but memory and the
 * descriptors it was given.
 */
#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "fetch/protocol.h"
#include "fetch/session.h"
#include "sys/lockdown.h"

/* What the C library's resolver and OpenSSL open on their way. */
static const char *const resolver_files[] = { "/etc/resolv.conf", "/etc/hosts",
	"/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
	"/etc/services", "/etc/localtime", "/run/systemd/resolve",
	"/run/resolvconf", "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib",
	"/usr/lib64", "/etc/ssl", "/usr/share/zoneinfo" };

#define MAX_OWN_FILES 8

static void
list_files(struct session *s, const char **ret)
{
	const char *const *own = session_files(s);
	size_t n = 0;

	for (; n < N_ELEMENTS(resolver_files); n++)
		ret[n] = resolver_files[n];
	for (size_t i = 0; own[i] != NULL && i < MAX_OWN_FILES; i++)
		ret[n++] = own[i];
	ret[n] = NULL;
}

int
main(void)
{
	const char *files[N_ELEMENTS(resolver_files) + MAX_OWN_FILES + 1];
	/* libcurl resolves names in a thread of its own. */
	struct lockdown l = { .rights = LOCKDOWN_READ_FILES | LOCKDOWN_NETWORK |
		    LOCKDOWN_THREADS,
		.read_paths = files };
	struct session *s = NULL;
	struct error err = ERROR_INIT;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	/* Errors of configuration went to the supervisor already. */
	if (session_new(CONTROL_FD, FETCH_REPLY_FD, FETCH_KEEP_FD, &s, &err) !=
	    0)
		return 1;
	list_files(s, files);
	rc = lockdown(&l, &err);
	if (rc == 0)
		rc = session_run(s, &err);
	else
		(void)fprintf(stderr, "lazaret: fetch: %s\n", err.msg);
	session_free(s);
	return rc != 0;
}
