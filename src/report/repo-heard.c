/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which version of a source's document was the latest in this opening of the
 * database. Workers read files side by side, so what comes later is not what
 * is later. Runs in `lazaret report`.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "report/repo_priv.h"

/* Of one opening; more are taken in the order in which they come. */
#define MAX_HEARD 4000000

#define HASH_BITS 30

/* By time; of one time by content, so that any order has one answer. */
static uint64_t
stamp_of(const struct repo_seen *s, int64_t modified_s)
{
	uint64_t time = modified_s > 0 ? (uint64_t)modified_s : 0, hash = 0;

	for (size_t i = 0; i < 4; i++)
		hash = hash << 8 | s->canonical[i];
	return (time << HASH_BITS | hash >> 2) + 1; /* 0: nothing was heard */
}

/* Where nothing was known of a source, what was heard is all that is. */
static void
begin_source(struct repo *r, struct str source)
{
	if (r->fresh.source != NULL && str_is(source, r->fresh.source))
		return;
	free(r->fresh.source);
	r->fresh.source = mem_strndup(source);
	r->fresh.all_heard = !repo_knows_source(r, source);
}

bool
repo_is_fresh(const struct repo *r, const struct repo_seen *s)
{
	return s->id.p != NULL && r->fresh.source != NULL &&
	    str_is(s->source, r->fresh.source) && r->fresh.all_heard &&
	    r->fresh.first;
}

static void
key_of(struct buf *key, const struct repo_seen *s)
{
	buf_init(key, LIMIT_TEXT_BYTES);
	buf_put_str(key, s->source);
	buf_putc(key, '\n');
	buf_put_str(key, s->id);
}

/* FNV-1a: what tells two packages of one id apart. */
static uint32_t
short_hash(struct str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

bool
repo_heard_elsewhere(struct repo *r, const struct repo_seen *s,
    struct str folder, int64_t modified_s)
{
	uint64_t time = (uint32_t)modified_s, package = short_hash(folder);
	uint64_t first;
	struct buf key;

	if (s->id.p == NULL)
		return false;
	if (r->heard_at == NULL)
		r->heard_at = map_new(MAX_HEARD);
	key_of(&key, s);
	first = (uint64_t)(uintptr_t)map_get(r->heard_at, buf_str(&key));
	if (first == 0 || first >> 32 != time)
		(void)map_put(r->heard_at, buf_str(&key),
		    (void *)(uintptr_t)(time << 32 | package));
	buf_done(&key);
	return first >> 32 == time && first != 0 && (uint32_t)first != package;
}

bool
repo_heard_later(struct repo *r, const struct repo_seen *s, int64_t modified_s)
{
	uint64_t stamp = stamp_of(s, modified_s), last;
	struct buf key;

	if (s->id.p == NULL)
		return false;
	begin_source(r, s->source);
	if (r->heard == NULL)
		r->heard = map_new(MAX_HEARD);
	key_of(&key, s);
	last = (uint64_t)(uintptr_t)map_get(r->heard, buf_str(&key));
	r->fresh.first = last == 0;
	if (stamp > last &&
	    map_put(r->heard, buf_str(&key), (void *)(uintptr_t)stamp) < 0)
		r->fresh.all_heard = false;
	buf_done(&key);
	return stamp < last;
}
