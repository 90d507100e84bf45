/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role listener: answers clients of the Internet, for `lazaret serve`. Holds a
 * listening socket, a mapped snapshot, its supervisor's channel and the pipe
 * of the log; opens nothing, connects nowhere, writes no file.
 */
#include <openssl/ssl.h>

#include "base/error.h"
#include "base/exit.h"
#include "serve/server.h"
#include "sys/lockdown.h"

int
main(void)
{
	const struct lockdown l = { .rights = LOCKDOWN_ACCEPT };
	struct error err = ERROR_INIT;

	/* Reads its configuration file, if it has one: before the door shuts.
	 */
	if (OPENSSL_init_ssl(0, NULL) != 1)
		fatal("listener: OpenSSL does not start");
	if (lockdown(&l, &err) != 0 || server_run(&err) != 0)
		fatal("listener: %s", err.msg);
	return EXIT_NOTHING_FOUND;
}
