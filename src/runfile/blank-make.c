/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the empty run file that scribe begins with. Runs while the project is
 * built: blank-make FILE. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "runfile/database.h"
#include "runfile/writer.h"

static int
make(int fd, struct error *err)
{
	_cleanup_(database_closep) struct sqlite3 *db = NULL;
	int rc = database_open(fd, true, &db, err);

	if (rc == 0)
		rc = database_run(db, "PRAGMA journal_mode = OFF", err);
	return rc == 0 ? writer_make_tables(db, err) : rc;
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	_cleanup_(closep) int fd = -1;

	if (argc != 2)
		return EXIT_USAGE;
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		(void)error_errno(&err, "%s", argv[1]);
	else if (make(fd, &err) == 0)
		return EXIT_NOTHING_FOUND;
	(void)fprintf(stderr, "blank-make: %s\n", err.msg);
	return EXIT_TOOL_FAILED;
}
