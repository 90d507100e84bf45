/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest as members of a message: role unpack writes, the supervisor
 * reads and believes nothing. */
#include <errno.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/manifest.h"
#include "sys/message.h"

/* Text members in the order of the wire. */
#define TEXTS(m) \
	{ \
		&(m)->name, &(m)->version, &(m)->type, &(m)->os, &(m)->cpu, \
		    &(m)->libc, &(m)->engine_node, &(m)->json \
	}
#define N_TEXTS 8

static void
put_entries(struct channel *c, const struct manifest *m)
{
	const struct manifest_entry *e;

	message_put_int(c, (int64_t)m->entries.n);
	vec_foreach(e, &m->entries) {
		message_put_int(c, e->kind);
		message_put_str(c, e->specifier);
		message_put_str(c, e->path);
		message_put_str(c, e->condition);
		message_put_int(c, e->exists);
	}
}

static void
put_dependencies(struct channel *c, const struct manifest *m)
{
	const struct manifest_dependency *d;

	message_put_int(c, (int64_t)m->dependencies.n);
	vec_foreach(d, &m->dependencies) {
		message_put_int(c, d->kind);
		message_put_str(c, d->name);
		message_put_str(c, d->declared);
		message_put_str(c, d->source);
		message_put_int(c, d->line);
	}
}

void
manifest_put(struct channel *c, const struct manifest *m)
{
	const struct str *const texts[] = TEXTS(m);
	const struct manifest_script *s;

	for (size_t i = 0; i < N_TEXTS; i++)
		message_put_str(c, *texts[i]);
	message_put_int(c, m->gypfile);
	message_put_int(c, m->platform_mismatch);
	message_put_int(c, m->browser_only);
	message_put_int(c, m->cut);
	message_put_int(c, (int64_t)m->scripts.n);
	vec_foreach(s, &m->scripts) {
		message_put_str(c, s->name);
		message_put_str(c, s->command);
		message_put_int(c, s->line);
	}
	put_entries(c, m);
	put_dependencies(c, m);
}

/* Texts that end in sentences, arguments and paths: no NUL inside. */
static struct str
get_text(struct arena *a, struct message *m)
{
	struct str s = message_get_str(m);

	if (s.n != 0 && memchr(s.p, '\0', s.n) != NULL)
		m->bad = true;
	return arena_str(a, s);
}

static int64_t
get_count(struct message *m, int64_t max)
{
	int64_t n = message_get_int(m);

	if (n < 0 || n > max)
		m->bad = true;
	return m->bad ? 0 : n;
}

static void
get_scripts(struct arena *a, struct message *m, struct manifest *ret)
{
	int64_t n = get_count(m, MANIFEST_MAX_SCRIPTS);
	struct manifest_script *s;

	for (; n > 0 && !m->bad; n--) {
		s = vec_add(&ret->scripts);
		s->name = get_text(a, m);
		s->command = get_text(a, m);
		s->line = message_get_int(m);
	}
}

static void
get_entries(struct arena *a, struct message *m, struct manifest *ret)
{
	int64_t n = get_count(m, MANIFEST_MAX_ENTRIES), kind;
	struct manifest_entry *e;

	for (; n > 0 && !m->bad; n--) {
		e = vec_add(&ret->entries);
		kind = get_count(m, MANIFEST_ENTRY_KIND__MAX - 1);
		e->kind = (enum manifest_entry_kind)kind;
		e->specifier = get_text(a, m);
		e->path = get_text(a, m);
		e->condition = get_text(a, m);
		e->exists = message_get_int(m) != 0;
	}
}

static void
get_dependencies(struct arena *a, struct message *m, struct manifest *ret)
{
	int64_t n = get_count(m, MANIFEST_MAX_DEPENDENCIES), kind;
	struct manifest_dependency *d;

	for (; n > 0 && !m->bad; n--) {
		d = vec_add(&ret->dependencies);
		kind = get_count(m, MANIFEST_DEPENDENCY_KIND__MAX - 1);
		d->kind = (enum manifest_dependency_kind)kind;
		d->name = get_text(a, m);
		d->declared = get_text(a, m);
		d->source = get_text(a, m);
		d->line = message_get_int(m);
	}
}

int
manifest_get(struct arena *a, struct message *m, struct manifest *ret,
    struct error *err)
{
	struct manifest got = { 0 };
	struct str *const texts[] = TEXTS(&got);
	int rc;

	for (size_t i = 0; i < N_TEXTS; i++)
		*texts[i] = i + 1 < N_TEXTS ? get_text(a, m) :
					      arena_str(a, message_get_str(m));
	got.gypfile = message_get_int(m) != 0;
	got.platform_mismatch = message_get_int(m) != 0;
	got.browser_only = message_get_int(m) != 0;
	got.cut = message_get_int(m) != 0;
	get_scripts(a, m, &got);
	get_entries(a, m, &got);
	get_dependencies(a, m, &got);
	rc = message_end(m, err);
	if (rc != 0) {
		manifest_done(&got);
		(void)error_wrap(err, "the manifest of the package");
		return rc;
	}
	*ret = got;
	return 0;
}
