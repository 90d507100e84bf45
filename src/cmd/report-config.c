/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file of sources, and the list of popular packages. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/report_priv.h"
#include "report/config.h"
#include "report/popular.h"
#include "sys/fd.h"

int
report_config_read(const char *path, struct arena *a, struct buf *yaml,
    struct config *ret, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *slash = strrchr(path, '/');
	struct str folder = STR_LIT(".");
	int rc = 0;

	if (slash == path)
		folder = STR_LIT("/");
	else if (slash != NULL)
		folder = str_n(path, (size_t)(slash - path));
	if (fd < 0)
		rc = error_errno(err, "cannot be opened");
	if (rc == 0)
		rc = fd_read_all(fd, yaml, err);
	if (rc == 0)
		rc = config_parse(a, buf_str(yaml), folder, ret, err);
	return rc != 0 ? error_wrap(err, "%s", path) : 0;
}

int
report_popular_read(const char *path, struct popular **ret, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct buf b;
	int rc = 0;

	if (path == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	buf_init(&b, LIMIT_POPULAR_BYTES);
	if (fd < 0)
		rc = error_errno(err, "cannot be opened");
	if (rc == 0)
		rc = fd_read_all(fd, &b, err);
	if (rc == 0)
		rc = popular_parse(buf_str(&b), ret, err);
	buf_done(&b);
	return rc != 0 ? error_wrap(err, "%s", path) : 0;
}
