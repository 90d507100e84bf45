/* SPDX-License-Identifier: Apache-2.0 */
/* What Python's lockfiles have in common: names, requirements (PEP 508), file
 * names of archives, and what the project itself asks for. */
#ifndef LOCKFILE_PY_PRIV_H
#define LOCKFILE_PY_PRIV_H

#include <stdbool.h>

#include "base/str.h"
#include "lockfile/lockfile.h"

struct lock_graph;
struct tree_node;

extern const struct lock_format lock_formats_python[];

#define PY_ECOSYSTEM "PyPI"

/* As PEP 503 and OSV spell it: lower case, one "-" for "-", "_" and ".". */
struct str py_name(struct lock_list *l, struct str name);
/* Of "==1.0", "===1.0", "== 1.0, >=0.9"; p NULL: no exact one. */
struct str py_exact(struct str specifiers);

struct py_requirement {
	struct str name; /* as written */
	struct str specifiers; /* "==1.0,<2"; may be empty */
	struct str url; /* after "@"; p NULL: none */
};

/* "name[extra] >=1.0; marker", "name @ URL ; marker". false: neither. */
bool py_requirement(struct str s, struct py_requirement *ret);

/* name-1.0-py3-none-any.whl, name-1.0.tar.gz: false when it is neither. */
bool py_archive_name(struct str file, struct str *ret_name,
    struct str *ret_version);

/* Sets the origin from "git+https://…", "https://…", "file:…"; a version that
 * the name of an archive gives is taken where there is none. */
void py_source(struct lock_list *l, struct lock_package *p, struct str url);

/* The names that the project asks for, from pyproject.toml and Pipfile beside
 * the lockfile, become direct. Keys of the graph are names. */
void py_mark_direct(const struct lock_input *in, struct lock_list *l,
    const struct lock_graph *g);

void requirements_read(const struct lock_input *in, struct lock_list *l);
void poetry_lock_read(const struct lock_input *in, struct lock_list *l);
void pdm_lock_read(const struct lock_input *in, struct lock_list *l);
void uv_lock_read(const struct lock_input *in, struct lock_list *l);
void pylock_read(const struct lock_input *in, struct lock_list *l);
void pipfile_lock_read(const struct lock_input *in, struct lock_list *l);

#endif
