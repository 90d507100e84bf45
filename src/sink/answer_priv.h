/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP request is answered with: the order of DESIGN §4. */
#ifndef SINK_ANSWER_PRIV_H
#define SINK_ANSWER_PRIV_H

#include <stdbool.h>

struct answer;
struct request;
struct stream;

/* 0: it is in a; 1: the relay was asked, http_resume() follows. */
int answer_make(struct stream *s, const struct request *r, bool upgrade,
    struct answer *a);
/* A body of JSON text with this status. */
void answer_json(struct answer *a, int status, const char *json);

#endif
