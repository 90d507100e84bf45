/* SPDX-License-Identifier: Apache-2.0 */
/* The export's sums, signed by role sign: this process never sees the key. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/report_priv.h"
#include "report/minisign.h"
#include "report/outfile.h"
#include "sys/fd.h"
#include "sys/role.h"

#define SUMS      "SHA256SUMS"
#define SIGNATURE "SHA256SUMS.minisig"

static int
ask(struct channel *c, const struct report_sign *s, struct str bytes,
    const char *comment, struct buf *ret, struct error *err)
{
	struct str text;
	struct message m;
	int64_t code = 0;
	int rc;

	message_begin(c, SIGN_REQUEST);
	message_put_str(c, str_of(s->key));
	message_put_str(c, str_of(s->password));
	message_put_str(c, bytes);
	message_put_str(c, str_of(comment));
	message_put_int(c, s->legacy);
	rc = message_send(c, err);
	if (rc == 0)
		rc = channel_flush(c, err);
	if (rc == 0)
		rc = channel_recv(c, &m, err);
	if (rc == 0)
		return error_set(err, -EPIPE, "the process that signs died");
	if (rc < 0)
		return rc;
	if (m.type == SIGN_FAILED)
		code = message_get_int(&m);
	else if (m.type != SIGN_DONE)
		m.bad = true;
	text = message_get_str(&m);
	if (!m.bad && code == 0)
		buf_put_str(ret, text);
	else if (!m.bad)
		return error_set(err, -EINVAL, "%.*s", STR_ARG(text));
	return message_end(&m, err);
}

static int
read_file(int dir, const char *name, struct buf *ret, struct stat *st,
    struct error *err)
{
	_cleanup_(closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) != 0)
		return error_errno(err, "%s", name);
	return fd_read_all(fd, ret, err);
}

/* The time is that of the sums, so that the same sums get the same signature
 * and nothing is written. */
static int
sign(int dir, const struct report_sign *s, struct channel *c, struct error *err)
{
	struct buf sums, old, signature;
	char comment[128];
	struct stat st;
	int rc;

	buf_init(&sums, 4 * MIB);
	buf_init(&old, MIB);
	buf_init(&signature, MIB);
	rc = read_file(dir, SUMS, &sums, &st, err);
	if (rc == 0) {
		(void)snprintf(comment, sizeof(comment),
		    "timestamp:%lld\tfile:" SUMS "%s", (long long)st.st_mtime,
		    s->legacy ? "" : "\thashed");
		rc = ask(c, s, buf_str(&sums), comment, &signature, err);
	}
	if (rc == 0 &&
	    (read_file(dir, SIGNATURE, &old, &st, NULL) != 0 ||
		!str_eq(buf_str(&old), buf_str(&signature))))
		rc = outfile_write(dir, SIGNATURE, buf_str(&signature), err);
	buf_done(&sums);
	buf_done(&old);
	buf_done(&signature);
	return rc;
}

int
report_sign(const char *dir, const struct report_sign *s, struct error *err)
{
	_cleanup_(closep) int fd =
	    open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct role role = ROLE_INIT;
	int rc;

	if (fd < 0)
		return error_errno(err, "%s", dir);
	rc = role_start("sign", NULL, 0, false, &role, err);
	if (rc == 0)
		rc = sign(fd, s, &role.channel, err);
	role_stop(&role, 0);
	return rc;
}
