/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between sink and fetch: the registry relay (DESIGN §4). The only
 * things that travel towards the network are a package name and a version,
 * checked against the set that is allowed in this run; no header, query or
 * path of the sandboxed package ever does.
 *
 *	sink  → RELAY_METADATA {int request, str name}
 *	sink  → RELAY_ARCHIVE {int request, str name, str version}
 *	fetch → RELAY_ANSWER {int request, int status, str media_type,
 *	          str sha256, str error} with a descriptor of the body when
 *	          status is 200; other statuses are HTTP's (404 not allowed or
 *	          unknown, 502 the registry failed)
 * fetch allows name N when N is the root of the run or a dependency that a
 * document served in this run lists; it pins what it served: the same answer
 * for the rest of the run.
 */
#ifndef ECOSYSTEM_RELAY_H
#define ECOSYSTEM_RELAY_H

enum relay_type {
	/* Not less than CONTROL_ROLE, and apart from what sink and fetch call
	 * their own; control.h lies above this folder. */
	RELAY_METADATA = 128,
	RELAY_ARCHIVE,
	RELAY_ANSWER,
};

#endif
