/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of a scan as text: for people, and in the formats that other
 * programs read. Bytes from files are escaped as each format wants it; what
 * would act on a terminal is shown, not sent, in every one of them.
 */
#ifndef GATE_PRINT_H
#define GATE_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct buf;
struct gate_result;
struct json;
struct lock_package;
struct lock_list;

enum print_format {
	PRINT_TABLE, /* for people */
	PRINT_JSON,
	PRINT_SARIF, /* 2.1.0 */
	PRINT_CYCLONEDX, /* 1.6 JSON: components, and VEX in vulnerabilities */
	PRINT_GITHUB, /* workflow commands: annotations */
	PRINT_JUNIT, /* XML */
	PRINT__MAX
};

struct print {
	struct buf *out;
	bool colour; /* PRINT_TABLE: a terminal reads it */
};

/* false: there is none of this name. */
bool print_format_parse(const char *name, enum print_format *ret);
void print_result(const struct gate_result *r, enum print_format format,
    const struct print *p);
/* What `scan --list` prints: the packages, without findings. */
void print_packages(const struct gate_result *r, bool json,
    const struct print *p);

#endif
