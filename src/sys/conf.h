/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML files of the user as tables of keys, through libyaml. An unknown key is
 * an error that names it; every error begins with its line.
 */
#ifndef SYS_CONF_H
#define SYS_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct error;
struct conf;
struct conf_node;

struct conf_key {
	const char *name;
	int (*read)(struct conf *c, const struct conf_node *n, void *to);
	void *to;
};

struct conf_strings {
	struct str *v;
	size_t n;
	size_t size; /* of v: there is room for so many */
};

/* Parses and reads the top mapping; strings are copied into the arena. An
 * empty file has no keys. */
int conf_parse(struct arena *a, struct str yaml, const struct conf_key *keys,
    size_t n_keys, struct error *err);

/* Readers, for rows of a table: */
int conf_text(struct conf *c, const struct conf_node *n, void *to); /* str */
/* conf_strings: one text or a list of them, added to what is there. */
int conf_strings(struct conf *c, const struct conf_node *n, void *to);
/* The same for a text of another place; it is borrowed. */
void conf_strings_add(struct arena *a, struct conf_strings *s, struct str one);
int conf_bool(struct conf *c, const struct conf_node *n, void *to);
int conf_number(struct conf *c, const struct conf_node *n, void *to); /* u64 */
/* int64_t, milliseconds: "7d", "90s", as on the command line. */
int conf_duration(struct conf *c, const struct conf_node *n, void *to);
int conf_skip(struct conf *c, const struct conf_node *n, void *to);

/* For readers of one's own: */
int conf_mapping(struct conf *c, const struct conf_node *n,
    const struct conf_key *keys, size_t n_keys);
/* Calls item for each element of a list. */
int conf_list(struct conf *c, const struct conf_node *n,
    int (*item)(struct conf *c, const struct conf_node *n, void *to), void *to);
/* Calls value for each "name: value". */
int conf_pairs(struct conf *c, const struct conf_node *n,
    int (*pair)(struct conf *c, struct str name, const struct conf_node *n,
	void *to),
    void *to);
bool conf_is_list(const struct conf_node *n);
bool conf_is_mapping(const struct conf_node *n);
int conf_fail(struct conf *c, const struct conf_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
uint32_t conf_line(const struct conf_node *n); /* from 1 */
struct arena *conf_arena(struct conf *c);

#endif
