/* SPDX-License-Identifier: Apache-2.0 */
/* What the door's files share: its clients (door-client.c), the slots that it
 * gives them (door-slot.c), and the loop over both (door.c). */
#ifndef RECORD_DOOR_PRIV_H
#define RECORD_DOOR_PRIV_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "record/door.h"
#include "record/event.h"
#include "record/programs.h"
#include "sys/message.h"

static_assert(LIMIT_LOADER_CLIENTS <= RECORD_SLOTS, "a slot for each client");

/* To whom comes, or waits, when it is told to end. */
#define DOOR_STOPPING "it is being stopped"

enum slot_state {
	SLOT_EMPTY,
	SLOT_FILLING,
	SLOT_STOCK,
	SLOT_TAKEN,
	SLOT_USED, /* its client has gone; still full */
	SLOT_EMPTYING,
};

struct slot {
	enum slot_state state;
	struct programs_part part; /* SLOT_STOCK */
};

enum client_state {
	CLIENT_NONE,
	CLIENT_NEW,
	CLIENT_GREETED, /* waits until the programs are attached */
	CLIENT_KNOWN,
	CLIENT_ASKED, /* waits for a slot */
	CLIENT_SERVED,
};

struct client {
	enum client_state state;
	struct channel c;
	uid_t uid;
	int64_t since; /* clock_ns(): he is expected to speak */
	int cgroup_fd; /* CLIENT_ASKED; -1 */
	unsigned slot; /* CLIENT_SERVED */
	/* The control group and those above it, by id. */
	uint64_t groups[LIMIT_LOADER_DEPTH];
	size_t n_groups;
};

struct serving {
	const struct door *d;
	struct channel holder;
	struct client clients[LIMIT_LOADER_CLIENTS];
	struct slot slots[RECORD_SLOTS];
	size_t n_clients;
	bool attaching, attached;
	bool unfilled; /* the last attempt failed: not again until asked */
	int64_t alone_since; /* clock_ns(); no client since then */
	int64_t drain_since; /* clock_ns(); 0: not told to end */
	bool over;
};

/* --- slots, and the holder who fills them --- */

/* slot: -1 for none. */
int door_slot_ask(struct serving *s, uint16_t type, int64_t slot,
    struct error *err);
/* -1: none is in this state. */
int door_slot_find(const struct serving *s, enum slot_state state);
/* Keeps the stock; what is used and not needed for it is given back. */
int door_slot_restock(struct serving *s, struct error *err);
/* The holder's answers. */
int door_slot_on_filled(struct serving *s, struct message *m,
    struct error *err);
int door_slot_on_emptied(struct serving *s, struct message *m,
    struct error *err);

/* --- clients --- */

void door_client_take(struct serving *s, int fd, uid_t uid);
void door_client_drop(struct serving *s, struct client *c);
/* Says why, then drops. */
void door_client_refuse(struct serving *s, struct client *c, int code,
    const char *why);
/* All who are in this state. */
void door_client_refuse_all(struct serving *s, enum client_state state,
    int code, const char *why);
/* What he has sent; errors are the holder's. */
int door_client_read(struct serving *s, struct client *c, struct error *err);
/* Goes on with those who wait for programs or slots. */
void door_client_serve_waiting(struct serving *s);

/* Which group c->cgroup_fd is, and which it lies in; refused (-errno) unless
 * it is his, and nobody watches any of them. */
int door_group_claim(const struct serving *s, struct client *c,
    struct error *err);

#endif
