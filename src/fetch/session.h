/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of role fetch. */
#ifndef FETCH_SESSION_H
#define FETCH_SESSION_H

struct error;
struct session;
struct str;

/* Takes the descriptors; reads FETCH_CONFIG and the user's configuration.
 * Nothing foreign has been read when it returns. */
int session_new(int control_fd, int reply_fd, int keep_fd, struct session **ret,
    struct error *err);
void session_free(struct session *s); /* accepts NULL */
/* Files that stay readable: the certificate bundle; NULL-terminated. */
const char *const *session_files(struct session *s);
/* CONTROL_READY, then until the supervisor says stop or is gone. */
int session_run(struct session *s, struct error *err);

#endif
