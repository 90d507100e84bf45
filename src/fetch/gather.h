/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing the sources of the report database over the network. Role gather
 * holds the sockets and one source's credentials, and hands bodies on as
 * descriptors; it parses none of them. The supervisor asks, and sees sizes,
 * validators and sentences.
 *
 *	gather_open(&o, &g, err)
 *	gather_ask(g, &request, err)         as many as GATHER_MAX_ASKED
 *	gather_next(g, &got, err)            one answer for each, in any order
 *	gather_close(g)
 *
 * The role: 3 control. It reads the credentials that the configuration names,
 * then gives up everything but the network and the resolver's files.
 */
#ifndef FETCH_GATHER_H
#define FETCH_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct error;
struct gather;

/* Requests under way at once: enough to hide a slow store. */
#define GATHER_MAX_ASKED 16

enum gather_credentials {
	GATHER_DEFAULT, /* of the environment where set, otherwise none */
	GATHER_ANONYMOUS,
	GATHER_ENVIRONMENT, /* AWS_ACCESS_KEY_ID and its like; must be set */
	GATHER_FILE,
	GATHER_CREDENTIALS__MAX
};

struct gather_options {
	struct str base; /* its origin may be private, or http */
	struct str region; /* n 0: not signed for an object store */
	enum gather_credentials credentials;
	struct str file; /* of credentials; profiles as the AWS tools write */
	struct str profile; /* n 0: "default" */
	int timeout_ms; /* without progress; 0: the default */
};

int gather_open(const struct gather_options *o, struct gather **ret,
    struct error *err);
void gather_close(struct gather *g); /* accepts NULL */

struct gather_request {
	int64_t id; /* the caller's */
	struct str url, etag, modified;
	int64_t max_bytes;
	bool pages; /* one page of many: limits are told, and what is next */
};

struct gather_got {
	int64_t id;
	int code; /* 0, or negative with a sentence */
	struct str sentence; /* borrowed until the next call, as the others */
	bool unchanged; /* 304 */
	int fd; /* the body; owned by the receiver; -1 */
	int64_t size;
	struct str etag, modified;
	struct str next; /* of pages: the next one's address; n 0: none */
	int64_t wait_s; /* of pages with code -EAGAIN: ask again then */
};

int gather_ask(struct gather *g, const struct gather_request *r,
    struct error *err);
int gather_next(struct gather *g, struct gather_got *ret, struct error *err);

/* The role's side. Files that it will need after lockdown are returned. */
struct gathering;
int gathering_new(int control_fd, struct gathering **ret, struct error *err);
const char *const *gathering_files(struct gathering *g);
int gathering_run(struct gathering *g, struct error *err);
void gathering_free(struct gathering *g); /* accepts NULL */

#endif
