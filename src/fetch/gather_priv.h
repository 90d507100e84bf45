/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between gather-client.c (supervisor) and gather.c (role). */
#ifndef FETCH_GATHER_PRIV_H
#define FETCH_GATHER_PRIV_H

#include "fetch/gather.h"
#include "runfile/control.h"

enum gather_message {
	GATHER_CONFIG = CONTROL_ROLE, /* base, region, credentials … */
	GATHER_GET, /* id, url, etag, modified, max_bytes, pages */
	/* id, code, sentence, status, size, etag, modified, next, wait_s, fd */
	GATHER_GOT,
};

#endif
