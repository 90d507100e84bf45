/* SPDX-License-Identifier: Apache-2.0 */
/* What client.c and upper-client.c share. */
#ifndef RECORD_CLIENT_PRIV_H
#define RECORD_CLIENT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;
struct child;
struct error;
struct message;

/* A role told to stop has nothing left to do but to flush. */
#define CLIENT_STOP_MS (10 * 1000)

struct client_role {
	const char *name; /* of the program */
	const char *arguments[5]; /* NULL-terminated */
	int facts_fd; /* borrowed; becomes 4 */
	const int *fds; /* borrowed; become 5, 6, … */
	size_t n_fds;
};

int client_spawn(const struct client_role *role, struct child *ret_child,
    struct channel *ret_control, struct error *err);
/* Waits for a message of this type; CONTROL_FAILED becomes the error. */
int client_expect(struct channel *c, const char *name, uint16_t type,
    struct message *ret, struct error *err);
/* Ends the message and writes it. */
int client_send(struct channel *c, struct error *err);
/* Asks the role to stop; others may stop meanwhile. */
void client_ask_stop(struct channel *c, bool *ret_asked);
/* Asks it unless that is_asked, and waits until it has said all and hung up. */
int client_stop(struct child *child, struct channel *c, const char *name,
    bool is_asked, struct error *err);

#endif
