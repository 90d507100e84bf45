/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats share. */
#ifndef GATE_PRINT_PRIV_H
#define GATE_PRINT_PRIV_H

#include "gate/gate.h"
#include "gate/print.h"

struct arena;
struct buf;
struct json;

/* Longest chain of names from the root that is shown. */
#define PRINT_CHAIN 32

void print_table(const struct gate_result *r, const struct print *p);
void print_json(const struct gate_result *r, const struct print *p);
void print_sarif(const struct gate_result *r, const struct print *p);
void print_cyclonedx(const struct gate_result *r, const struct print *p);
void print_github(const struct gate_result *r, const struct print *p);
void print_junit(const struct gate_result *r, const struct print *p);

/* Escapes what acts on a terminal in the strings of a JSON text. */
void print_json_show(struct buf *out);

/* packages[] and errors[] of the object that is open. */
void print_json_packages(const struct gate_result *r, struct json *j);
/* "npm left-pad 1.3.0 is malicious (MAL-2026-1): …", safe for terminals. */
void print_sentence(const struct gate_result *r, const struct gate_finding *f,
    struct buf *out);
/* "app > foo > left-pad", safe for terminals; empty without a parent. */
void print_chain(const struct gate_result *r, const struct gate_finding *f,
    const char *arrow, struct buf *out);
/* "from the default registry", "from git …", safe for terminals. */
void print_origin(const struct lock_package *p, struct buf *out);

/* Incident steps, each a sentence; NULL-terminated. */
extern const char *const print_steps_malicious[];
/* One sentence of advice. */
const char *print_advice(enum gate_status s);

/* 32 hex digits that stay the same while the finding does: lines may move. */
#define PRINT_FINGERPRINT_SIZE 33
void print_fingerprint(const struct gate_result *r,
    const struct gate_finding *f, size_t nth, char *ret);

#endif
