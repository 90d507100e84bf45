/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot of the documents on standard input, one a line, written to OUT
 * and renamed there when whole: make-snapshot OUT. Not part of the product. */
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "snapshot/make.h"
#include "sys/clock.h"
#include "sys/fd.h"

static VEC(struct str) documents;

static void
read_documents(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		struct str s = str_trim(str_n(line, (size_t)n));

		if (s.n != 0)
			vec_push(&documents, str_of(mem_strndup(s)));
	}
	free(line);
}

static int
copy(int from, const char *path, struct error *err)
{
	_cleanup_(freep) char *temporary = mem_printf("%s.new", path);
	_cleanup_(closep) int to =
	    open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct buf b;
	int rc;

	if (to < 0)
		return error_errno(err, "%s", temporary);
	buf_init(&b, 1024 * (size_t)MIB);
	(void)lseek(from, 0, SEEK_SET);
	rc = fd_read_all(from, &b, err);
	if (rc == 0)
		rc = fd_write_all(to, b.p, b.n, err);
	buf_done(&b);
	if (rc == 0 && rename(temporary, path) != 0)
		rc = error_errno(err, "%s", path);
	return rc;
}

int
main(int argc, char **argv)
{
	struct make_input in = { .built_at_s = clock_wall_ns() / NS_PER_SEC };
	struct error err = ERROR_INIT;
	int fd = -1, rc;

	if (argc != 2)
		fatal("make-snapshot OUT < NDJSON");
	read_documents();
	in.documents = documents.v;
	in.n = documents.n;
	rc = snapshot_make(&in, &fd, &err);
	if (rc == 0)
		rc = copy(fd, argv[1], &err);
	closep(&fd);
	for (size_t i = 0; i < documents.n; i++)
		free((char *)(uintptr_t)documents.v[i].p);
	vec_done(&documents);
	if (rc != 0)
		fatal("%s", err.msg);
	return 0;
}
