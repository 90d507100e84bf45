/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret db: files of a folder, or of a web server through role download. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/db.h"
#include "fetch/download.h"
#include "sys/fd.h"

void
db_source_init(struct db_source *s, const char *from)
{
	*s = (struct db_source){ .from = from, .role = CHILD_INIT };
	s->is_url = str_starts(str_of(from), "http://") ||
	    str_starts(str_of(from), "https://");
}

void
db_source_done(struct db_source *s)
{
	channel_done(&s->channel);
	spawn_kill(&s->role);
}

static int
start(struct db_source *s, struct error *err)
{
	const char *const argv[] = { "download", NULL };
	char path[LIMIT_PATH_BYTES];
	struct spawn p = SPAWN_INIT;
	int pair[2], rc;

	rc = spawn_libexec_path("download", path, sizeof(path), err);
	if (rc == 0)
		rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	p.path = path;
	p.argv = argv;
	p.fds = &pair[1];
	p.n_fds = 1;
	p.die_with_parent = true;
	rc = spawn_start(&p, &s->role, err);
	(void)close(pair[1]);
	channel_init(&s->channel, pair[0]);
	return rc;
}

static int
receive(struct db_source *s, int *ret_fd, struct error *err)
{
	struct str sentence;
	struct message m;
	int64_t code;
	int rc = channel_recv(&s->channel, &m, err), fd = -1;

	if (rc == 0)
		rc = -EPIPE;
	if (rc != 1)
		return error_set(err, rc, "the download ended before its time");
	code = message_get_int(&m);
	sentence = message_get_str(&m);
	(void)message_get_int(&m);
	if (code == 0)
		fd = message_get_fd(&m);
	else
		(void)error_set(err,
		    code < 0 && code > -4096 ? (int)code : -EIO, "%.*s",
		    STR_ARG(sentence));
	if (message_end(&m, code == 0 ? err : NULL) != 0 && code == 0) {
		closep(&fd);
		return -EPROTO;
	}
	if (code != 0)
		return err->code;
	*ret_fd = fd;
	return 0;
}

static int
get_url(struct db_source *s, struct str name, uint64_t max_bytes, int *ret_fd,
    struct error *err)
{
	struct str from = str_of(s->from);
	char url[LIMIT_URL_BYTES];
	int n, rc = 0;

	n = snprintf(url, sizeof(url), "%.*s%s%.*s", STR_ARG(from),
	    name.n != 0 && !str_ends(from, "/") ? "/" : "", STR_ARG(name));
	if (n < 0 || (size_t)n >= sizeof(url))
		return error_set(err, -ENAMETOOLONG, "the URL is too long");
	if (s->role.pid == 0)
		rc = start(s, err);
	if (rc != 0)
		return rc;
	message_begin(&s->channel, DOWNLOAD_GET);
	message_put_str(&s->channel, str_of(url));
	message_put_int(&s->channel, (int64_t)max_bytes);
	message_put_str(&s->channel, name.n != 0 ? name : STR_LIT("the file"));
	rc = message_send(&s->channel, err);
	if (rc == 0)
		rc = channel_flush(&s->channel, err);
	return rc == 0 ? receive(s, ret_fd, err) : rc;
}

int
db_source_get(struct db_source *s, struct str name, uint64_t max_bytes,
    int *ret_fd, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	char path[LIMIT_PATH_BYTES];
	struct stat st;

	if (s->is_url)
		return get_url(s, name, max_bytes, ret_fd, err);
	(void)snprintf(path, sizeof(path), "%s%s%.*s", s->from,
	    name.n != 0 ? "/" : "", STR_ARG(name));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		return error_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max_bytes)
		return error_set(err, -EFBIG,
		    "%s: no file, or larger than latest.json says", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}
