/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake Internet of one run (DESIGN §4), from two sides: the supervisor's
 * calls (client.c, nothing but messages) and the entry of role sink (run.c).
 *
 * The sink's end of a veth pair lies in a network namespace of its own. Role
 * sink joins it, makes every address and port local there, opens its sockets,
 * gives up every right and then answers. Facts go to descriptor 4, requests
 * of the registry relay to descriptor 5 (ecosystem/relay.h).
 *
 * Life: started -> configured (SINK_CONFIG) -> ready -> phases, one after the
 * other -> stopped. What comes outside a phase is answered and counted, not
 * recorded: a row needs its phase.
 *
 * Messages on descriptor 3 besides those of runfile/control.h:
 *	supervisor  → SINK_CONFIG {members of struct sink_config in their
 *	                order; descriptors: those that are there, in order}
 *	supervisor  → SINK_PREBUILT {int mode}
 */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include <stdint.h>

#include "base/str.h"
#include "runfile/control.h"

struct child;
struct error;

#define SINK_RELAY_FD 5

enum sink_message {
	SINK_CONFIG = CONTROL_ROLE,
	SINK_PREBUILT,
};

/* What a request for a prebuilt artifact outside the relay gets. */
enum sink_prebuilt {
	SINK_PREBUILT_REFUSE, /* 404: the tool builds from source */
	SINK_PREBUILT_DECOY, /* a harmless program that says it was run */
	SINK_PREBUILT__MAX
};

/* Everything is borrowed for the time of sink_start(). */
struct sink_config {
	int64_t sandbox; /* ids of our rows are (sandbox << 32) + n */
	int64_t seed; /* drawn per run: which address a name gets */
	struct str interface; /* name of the sink's end of the veth */
	/* Base URLs that the sandbox's package manager has built in, as the
	 * image's manifest says, one per line; empty: no relay. */
	struct str registries;
	int64_t prebuilt; /* enum sink_prebuilt */
	/* Where decoys append one line when they are run: a path inside the
	 * sandbox that everybody may write to. Empty: they record nothing. */
	struct str decoy_mark;
	/* What cloud metadata gives away. These are canaries: the run file
	 * has them as such. Empty: drawn from the seed. */
	struct str cloud_key_id, cloud_secret, cloud_token;

	int netns_fd; /* the sink's network namespace */
	int ca_certificate_fd, ca_key_fd; /* PEM, the image's authority */
	int pcap_fd; /* regular file for the packet capture; -1: none */
	int keylog_fd; /* regular file for TLS keys; -1: none */
	int decoy_fd; /* static ELF for whom a script will not do; -1: none */
};

#define SINK_CONFIG_INIT \
	{ \
		.netns_fd = -1, .ca_certificate_fd = -1, .ca_key_fd = -1, \
		.pcap_fd = -1, .keylog_fd = -1, .decoy_fd = -1 \
	}

/* The supervisor's side. */
struct sink;

/* Starts the role and waits until it has given up its rights. facts_fd: a
 * facts channel to scribe (PRODUCER_SINK); relay_fd: a channel to fetch, -1:
 * every package is unknown to the registry. Both are borrowed. */
int sink_start(const struct sink_config *c, int facts_fd, int relay_fd,
    struct sink **ret, struct error *err);
int sink_phase_begin(struct sink *s, int64_t phase, int64_t started_ns,
    struct error *err);
/* Closes what is still open, waits until all facts of the phase are written. */
void sink_ask_end(struct sink *s, int64_t phase); /* then sink_phase_end() */
int sink_phase_end(struct sink *s, int64_t phase, int64_t *ret_events,
    int64_t *ret_dropped, struct error *err);
/* The same in three steps, for callers with something else to do between them:
 * the program is loaded, told what to do (c is borrowed for the call), has
 * given up its rights. */
int sink_spawn(int facts_fd, int relay_fd, struct sink **ret,
    struct error *err);
int sink_configure(struct sink *s, const struct sink_config *c,
    struct error *err);
int sink_ready(struct sink *s, struct error *err);
/* From the next request on. */
int sink_set_prebuilt(struct sink *s, enum sink_prebuilt mode,
    struct error *err);
/* Readable when the role has ended, which it should not do by itself. */
int sink_pidfd(const struct sink *s);
/* Lets it flush, at most 5 s; frees s. Its files are whole then, but the
 * process may still be giving back its sockets. Accepts NULL. */
void sink_ask_stop(struct sink *s); /* then sink_stop() */
int sink_stop(struct sink *s, struct error *err);
void sink_freep(struct sink **s); /* kills it */

/* Both directions of SINK_CONFIG. What sink_config_get gives borrows from the
 * message; its descriptors are the caller's, also when it fails. */
struct channel;
struct message;
int sink_config_put(const struct sink_config *c, struct channel *ch,
    struct error *err);
int sink_config_get(struct message *m, struct sink_config *ret,
    struct error *err);

/* Can this kernel bring every address and port to one socket, by the one means
 * or the other? Tried in the calling process's network namespace, which must
 * be a fresh one. */
int sink_host_has_tproxy(struct error *err);
int sink_host_has_lookup(struct error *err);

/* The role's side: from the first message to the end of the channel. lock is
 * called once, when every socket is open and no foreign byte was read. */
int sink_run(int control_fd, int facts_fd, int relay_fd,
    int (*lock)(struct error *err), struct error *err);

#endif
