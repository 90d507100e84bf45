/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of role fetch, and who moves it:
 *
 *	session.c	configuration, loop, control messages
 *	ask.c		conversations with reply and keep
 *	document.c	documents: cache → network → reply → served
 *	artifact.c	archives: store → network → verified
 *	resolve.c	requests of the supervisor
 *	relay.c		requests of the sink
 *
 * Documents and archives are made once and stay for the run: what was
 * answered once is answered the same again.
 */
#ifndef FETCH_SESSION_PRIV_H
#define FETCH_SESSION_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "ecosystem/npm/npmrc.h"
#include "fetch/keep.h"
#include "fetch/session.h"
#include "fetch/verify.h"
#include "sys/message.h"

struct http;
struct map;

struct answer { /* of role reply */
	int code; /* 0 or negative errno */
	struct str sentence, version, tarball, integrity, shasum, deprecated,
	    platform;
	bool platform_mismatch;
	int document_fd, index_fd; /* owned until stolen; -1 */
};

typedef void (*answer_fn)(void *arg, struct answer *a);

struct question {
	int64_t id;
	answer_fn fn; /* NULL: answered */
	void *arg;
};

enum progress {
	PROGRESS_NEW,
	PROGRESS_UNDER_WAY,
	PROGRESS_DONE,
	PROGRESS_FAILED,
};

struct document;
typedef void (*document_fn)(void *arg, struct document *d);

struct document_waiter {
	bool served;
	document_fn fn;
	void *arg;
};

struct document {
	struct session *session;
	char *name, *base, *key, *what; /* owned */
	bool full; /* all members, or only what installing needs */
	enum progress raw, served;
	int code; /* of the failure */
	char sentence[400]; /* of the failure */
	char note[300]; /* where it came from, when that is worth a word */
	int fd; /* the registry's bytes */
	int64_t offset, size;
	int served_fd; /* what the relay answers */
	struct buf index; /* packument_write_index */
	struct keep_found cached; /* fd -1: none */
	VEC(struct document_waiter) waiters;
};

struct artifact;
typedef void (*artifact_fn)(void *arg, struct artifact *a);

struct artifact_waiter {
	artifact_fn fn;
	void *arg;
};

struct artifact {
	struct session *session;
	char *name, *version, *key, *what; /* owned */
	char *integrity, *shasum; /* promised; owned; "" */
	enum progress progress;
	bool served; /* by the relay */
	int code;
	char sentence[400];
	int fd;
	struct verified verified;
	VEC(struct artifact_waiter) waiters;
};

struct relay {
	struct session *session;
	struct channel channel;
	bool closed;
};

struct session {
	struct channel control, reply, keep;
	struct arena *arena;
	struct npmrc *npmrc;
	struct npmrc_trust trust;
	struct http *http;
	struct str registry; /* over the configuration; p NULL */
	struct str fallback_registry; /* the client's built-in; p NULL */
	struct str public_base, node_version;
	bool offline, stop;
	int timeout_ms;
	const char *files[4];

	struct map *documents; /* "base\nform\nname" → struct document */
	struct map *artifacts; /* "name@version" → struct artifact */
	struct map *roots; /* name → struct document of a root */
	struct map *allowed; /* names that the relay may ask for */
	VEC(struct question) questions;
	int64_t next_question;
	VEC(struct relay *) relays;
};

/* ask.c */
int ask_config(struct session *s, struct error *err);
/* actions: enum reply_action. The answer comes in a later turn of the loop. */
int ask_document(struct session *s, const struct document *d, int actions,
    struct str want, answer_fn fn, void *arg, struct error *err);
struct local {
	struct str name, version, manifest_json;
};
int ask_local(struct session *s, const struct local *l,
    const struct verified *v, answer_fn fn, void *arg, struct error *err);
int ask_dispatch(struct session *s, struct error *err); /* 1: reply is gone */
/* false: keep has none. */
bool keep_ask(struct session *s, enum keep_kind kind, struct str key,
    struct keep_found *ret);
void keep_tell(struct session *s, enum keep_kind kind, struct str key,
    struct str tag, int fd); /* fd -1: touch */

/* document.c */
/* The registry for a name; p NULL with an error. */
struct str document_base(struct session *s, struct str name, struct error *err);
struct document *document_get(struct session *s, struct str base,
    struct str name, bool full);
/* Calls fn once the document is there (served: as the relay serves it) or has
 * failed; at once when that is known. */
void document_want(struct document *d, bool served, document_fn fn, void *arg);
struct index_row {
	struct str tarball, integrity, shasum;
};
bool document_find(const struct document *d, struct str version,
    struct index_row *ret);
void document_allow_names(struct document *d);
/* A document that reply made from a package.json. */
void document_set_served(struct document *d, struct answer *a);
void document_free(struct document *d);

/* artifact.c */
struct artifact_source {
	struct str base, name, version;
	struct index_row row;
};
struct artifact *artifact_get(struct session *s,
    const struct artifact_source *src);
void artifact_want(struct artifact *a, const struct artifact_source *src,
    artifact_fn fn, void *arg);
/* One that is here already: a local package. */
struct artifact *artifact_set(struct session *s, struct str name,
    struct str version, int fd, const struct verified *v);
void artifact_free(struct artifact *a);

/* resolve.c */
int resolve_begin(struct session *s, struct message *m, struct error *err);
int resolve_local(struct session *s, struct message *m, struct error *err);
int resolve_served(struct session *s, struct message *m, struct error *err);

/* relay.c */
int relay_add(struct session *s, struct message *m, struct error *err);
/* Reads what the sink asks; closes the relay on its mistakes. */
void relay_dispatch(struct relay *r);
void relay_free(struct relay *r);

#endif
