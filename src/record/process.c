/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes. Runs in the decoder of role record. */
#include "record/process.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "runfile/fact.h"

struct process_table {
	struct map *living; /* host pid: process */
	struct map *inner; /* the sandbox's pid: its last process */
	VEC(struct process *) all; /* owned */
	int64_t sandbox;
};

void
process_set_exe(struct process *p, struct str exe)
{
	free(p->exe);
	p->exe = exe.p != NULL ? mem_strndup(exe) : NULL;
}

static struct str
key_of(const uint32_t *pid)
{
	return str_n(pid, sizeof(*pid));
}

struct process_table *
process_table_new(int64_t sandbox)
{
	struct process_table *t = mem_alloc(sizeof(*t));

	t->living = map_new(LIMIT_RECORD_PROCESSES);
	t->inner = map_new(LIMIT_RECORD_PROCESSES);
	t->sandbox = sandbox;
	return t;
}

void
process_io_free(struct process_io *io)
{
	if (io == NULL)
		return;
	free(io->path);
	free(io->address);
	free(io);
}

static void
empty(struct process *p)
{
	while (p->ios != NULL) {
		struct process_io *io = p->ios;

		p->ios = io->next;
		process_io_free(io);
	}
	buf_done(&p->argv);
	buf_done(&p->env);
	process_set_exe(p, STR_NONE);
}

void
process_table_free(struct process_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->all.n; i++) {
		empty(t->all.v[i]);
		free((void *)(uintptr_t)t->all.v[i]->attribution.package.p);
		free(t->all.v[i]);
	}
	vec_done(&t->all);
	map_free(t->living);
	map_free(t->inner);
	free(t);
}

struct process *
process_find(const struct process_table *t, uint32_t host_pid)
{
	return map_get(t->living, key_of(&host_pid));
}

struct process *
process_find_inner(const struct process_table *t, uint32_t inner_pid)
{
	return map_get(t->inner, key_of(&inner_pid));
}

void
process_set_package(struct process *p, struct str package)
{
	char *copy = package.p != NULL ? mem_strndup(package) : NULL;

	free((void *)(uintptr_t)p->attribution.package.p);
	p->attribution.package = (struct str){ copy, package.n };
}

struct process *
process_add(struct process_table *t, uint32_t host_pid, uint32_t inner_pid,
    struct process *parent)
{
	struct process *p;

	if (t->all.n >= LIMIT_RECORD_PROCESSES)
		return NULL;
	p = mem_alloc(sizeof(*p));
	vec_push(&t->all, p);
	p->id = (t->sandbox << 32) + (int64_t)t->all.n;
	p->host_pid = host_pid;
	p->inner_pid = inner_pid;
	p->parent = parent;
	p->phase = FACT_NONE;
	buf_init(&p->argv, LIMIT_ARGV_BYTES);
	buf_init(&p->env, LIMIT_ENV_BYTES);
	if (parent != NULL) {
		p->attribution.role = parent->attribution.role;
		process_set_package(p, parent->attribution.package);
		process_set_exe(p, str_of(parent->exe));
	}
	(void)map_put(t->living, key_of(&host_pid), p);
	(void)map_put(t->inner, key_of(&inner_pid), p);
	return p;
}

void
process_remove(struct process_table *t, struct process *p)
{
	if (process_find(t, p->host_pid) == p)
		(void)map_remove(t->living, key_of(&p->host_pid));
	empty(p);
}

struct process *
process_next(const struct process_table *t, size_t *at)
{
	struct str key;
	void *value;

	return map_next(t->living, at, &key, &value) ? value : NULL;
}

bool
process_descends(const struct process *p, const struct process *ancestor)
{
	for (; p != NULL; p = p->parent)
		if (p == ancestor)
			return true;
	return false;
}
