/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the supervisor, fetch, reply, keep and unpack. Numbers of
 * one conversation start at CONTROL_ROLE or after the other's, so that a
 * message in the wrong place is refused.
 *
 * Who holds what:
 *	fetch	sockets to registries; 3 control, 4 nothing, 5 reply, 6 keep
 *	reply	3 fetch (its control), 4 facts to scribe
 *	keep	3 fetch (its control), 4 nothing, 5 folder of blobs, 6 of cache
 *	unpack	3 control, 4 facts to scribe, 5 the archive
 */
#ifndef FETCH_PROTOCOL_H
#define FETCH_PROTOCOL_H

#include "runfile/control.h"

#define FETCH_REPLY_FD    5
#define FETCH_KEEP_FD     6
#define KEEP_BLOBS_FD     5
#define KEEP_CACHE_FD     6
#define UNPACK_ARCHIVE_FD 5

enum fetch_message {
	/* First of all; fetch locks down and answers CONTROL_READY.
	 * {int offline, int timeout_ms, str registry, str public_base,
	 *  str data_dir, str cwd, str node_version} */
	FETCH_CONFIG = CONTROL_ROLE,
	/* {int request, int is_root, str name, str want, str integrity,
	 *  str registry} */
	FETCH_RESOLVE,
	/* {int request, str name, str version, str manifest_json} fd archive */
	FETCH_LOCAL,
	/* {} fd: one more relay connection */
	FETCH_RELAY,
	/* {int request}: rows, then a result */
	FETCH_SERVED,
	/* {int request, str name, str version, str sha256} */
	FETCH_SERVED_ROW,
	/* {int request, int code, str sentence, str name, str version,
	 *  str integrity, str sha256, int size, int platform_mismatch,
	 *  str platform, str deprecated, str note}
	 * with a descriptor of the archive when code is 0 and there is one */
	FETCH_RESULT,
};

enum reply_message {
	/* {str public_base, str os, str cpu, str libc, str node} */
	REPLY_CONFIG = CONTROL_ROLE + 32,
	/* {int request, int actions, str name, str want, str registry,
	 *  int offset, int size} fd document */
	REPLY_DOCUMENT,
	/* {int request, str name, str version, str integrity, str shasum,
	 *  str manifest_json} */
	REPLY_LOCAL,
	/* {int request, int code, str sentence, str version, str tarball,
	 *  str integrity, str shasum, str deprecated, str platform,
	 *  int platform_mismatch} with descriptors of the document to serve
	 * and its index when REPLY_SERVE was asked for and code is 0 */
	REPLY_ANSWER,
};

enum reply_action {
	REPLY_SERVE = 1 << 0, /* make the served document and its index */
	REPLY_PICK = 1 << 1, /* choose a version */
	REPLY_FACTS = 1 << 2, /* tell scribe about the chosen version */
};

enum keep_message {
	/* {int kind, str key} */
	KEEP_GET = CONTROL_ROLE + 96,
	/* {int found, int age_ms, str tag, int offset, int size} fd when found;
	 * tag: the ETag of a document, the SHA-256 of an archive */
	KEEP_GOT,
	/* {int kind, str key, str tag} fd: no answer */
	KEEP_PUT,
	/* {int kind, str key}: still as the registry has it; no answer */
	KEEP_TOUCH,
};

enum keep_kind {
	KEEP_PACKAGE_DOCUMENT,
	KEEP_ARCHIVE,
	KEEP_KIND__MAX
};

enum unpack_message {
	/* manifest_put() of package.json */
	UNPACK_MANIFEST = CONTROL_ROLE + 128,
	/* {int files, int anomalies, str problem}: the end; problem says why
	 * the archive was not read whole, absent when it was */
	UNPACK_DONE,
};

#endif
