/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role sign: holds the signing key for as long as one signature takes. It
 * reads the key that the supervisor names, gives up everything, signs the
 * bytes it was sent, and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "report/minisign.h"
#include "runfile/control.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"

static int
read_file(const char *path, struct buf *ret, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc =
	    fd < 0 ? error_errno(err, "%s", path) : fd_read_all(fd, ret, err);

	return rc;
}

static int
read_key(const char *key_path, const char *password_path,
    struct minisign_key *ret, struct error *err)
{
	struct str secret = STR_NONE;
	struct buf key, password;
	int rc;

	buf_init(&key, MIB);
	buf_init(&password, MIB);
	rc = read_file(key_path, &key, err);
	if (rc == 0 && password_path != NULL) {
		rc = read_file(password_path, &password, err);
		secret = buf_str(&password);
		while (str_ends(secret, "\n") || str_ends(secret, "\r"))
			secret.n--;
		/* An empty password is one. */
		if (secret.p == NULL)
			secret = STR_LIT("");
	}
	if (rc == 0 && minisign_key_read(buf_str(&key), secret, ret, err) != 0)
		rc = error_wrap(err, "%s", key_path);
	if (key.n != 0)
		explicit_bzero(key.p, key.n);
	if (password.n != 0)
		explicit_bzero(password.p, password.n);
	buf_done(&key);
	buf_done(&password);
	return rc;
}

static int
serve(struct channel *c, struct buf *signature, struct error *err)
{
	const struct lockdown l = { .rights = LOCKDOWN_PURE };
	_cleanup_(freep) char *key_path = NULL;
	_cleanup_(freep) char *password_path = NULL;
	struct minisign_key key = { .number = { 0 } };
	struct str bytes, comment, password;
	struct message m;
	bool legacy;
	int rc = channel_recv(c, &m, err);

	if (rc <= 0)
		return rc < 0 ? rc : error_set(err, -ECANCELED, "stopped");
	if (m.type != SIGN_REQUEST)
		m.bad = true;
	key_path = mem_strndup(message_get_str(&m));
	password = message_get_str(&m);
	password_path = password.p != NULL ? mem_strndup(password) : NULL;
	bytes = message_get_str(&m);
	comment = message_get_str(&m);
	legacy = message_get_int(&m) != 0;
	rc = message_end(&m, err);
	if (rc == 0)
		rc = read_key(key_path, password_path, &key, err);
	if (rc == 0)
		rc = lockdown(&l, err);
	if (rc == 0)
		rc =
		    minisign_sign(&key, bytes, comment, legacy, signature, err);
	minisign_key_wipe(&key);
	return rc;
}

int
main(void)
{
	struct error err = ERROR_INIT;
	struct channel c;
	struct buf signature;
	int rc;

	channel_init(&c, CONTROL_FD);
	buf_init(&signature, 64 * KIB);
	rc = serve(&c, &signature, &err);
	message_begin(&c, rc == 0 ? SIGN_DONE : SIGN_FAILED);
	if (rc != 0)
		message_put_int(&c, rc);
	message_put_str(&c, rc == 0 ? buf_str(&signature) : str_of(err.msg));
	if (message_send(&c, NULL) == 0)
		(void)channel_flush(&c, NULL);
	buf_done(&signature);
	channel_done(&c);
	return rc != 0;
}
