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

static int
add_popular(struct popular *p, const struct popular_file *f, struct error *err)
{
	_cleanup_(closep) int fd = open(f->path.p, O_RDONLY | O_CLOEXEC);
	struct buf b;
	int rc = 0;

	buf_init(&b, LIMIT_POPULAR_BYTES);
	if (fd < 0)
		rc = error_errno(err, "cannot be opened");
	if (rc == 0)
		rc = fd_read_all(fd, &b, err);
	if (rc == 0)
		rc = popular_add(p, f, buf_str(&b), err);
	buf_done(&b);
	return rc != 0 ? error_wrap(err, "%s", f->path.p) : 0;
}

int
report_popular_read(const char *path, const struct config *c,
    struct popular **ret, struct error *err)
{
	const struct popular_file one = { .path = str_of(path) };
	const struct popular_file *files = path != NULL ? &one : NULL;
	size_t n = path != NULL;
	struct popular *p;
	int rc = 0;

	if (path == NULL && c != NULL) {
		files = c->popular;
		n = c->n_popular;
	}
	if (n == 0)
		return 0;
	p = popular_new();
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_popular(p, &files[i], err);
	if (rc != 0)
		popular_free(p);
	else
		*ret = p;
	return rc;
}
