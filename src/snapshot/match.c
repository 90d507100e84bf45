/* SPDX-License-Identifier: Apache-2.0 */
/* Does a row affect a version? The rules of osv.dev over src/osv/evaluate.
 * Runs in scan, guard, serve. */
#include <assert.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "ecosystem/version.h"
#include "snapshot/snapshot_priv.h"

/* A tag as it is compared; longer ones are compared by what fits. */
#define MAX_TAG_BYTES 4096

struct question {
	const struct snapshot_row *row;
	struct str version;
	version_compare *rule; /* NULL: no order, or none for this version */
	struct arena *arena;
	struct buf asked, listed; /* normalised tags */
	char *text; /* of the version at hand */
	size_t text_size;
};

/* --- tags that mean the same -----------------------------------------------
 */

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool
letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

/* A word that says what kind of version it is. */
static struct str
stage_at(struct str s)
{
	static const char *const stages[] = { "rc", "alpha", "beta",
		"preview" };

	for (size_t i = 0; i < N_ELEMENTS(stages); i++) {
		struct str word = str_sub(s, 0, strlen(stages[i]));

		if (str_eq_nocase(word, str_of(stages[i])))
			return word;
	}
	return STR_NONE;
}

/* "v1.2_RC3" is "1-2-rc3": groups of digits, and stages with theirs. */
static void
groups(struct str s, struct buf *out)
{
	size_t i = 0;

	while (i < s.n) {
		bool inside = i > 0 && letter(s.p[i - 1]);
		struct str stage =
		    inside ? STR_NONE : stage_at(str_sub(s, i, s.n));

		if (stage.n == 0 && !digit(s.p[i])) {
			i++;
			continue;
		}
		if (out->n != 0)
			buf_putc(out, '-');
		for (size_t k = 0; k < stage.n; k++)
			buf_putc(out, lower(s.p[i++]));
		while (i < s.n && digit(s.p[i]))
			buf_putc(out, s.p[i++]);
	}
}

static bool
separator(char c)
{
	return c == '-' || c == '_' || c == '.';
}

static void
dotted(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!separator(s.p[i]))
			buf_putc(out, lower(s.p[i]));
		else if (i == 0 || !separator(s.p[i - 1]))
			buf_putc(out, '.');
	}
}

/* Takes a word and the separators after it off the front, in any case. */
static struct str
without_word(struct str s, struct str word)
{
	struct str rest;

	if (word.n == 0 || s.n <= word.n ||
	    !str_eq_nocase(str_sub(s, 0, word.n), word))
		return s;
	rest = str_sub(s, word.n, s.n);
	if (!separator(rest.p[0]) && rest.p[0] != '/')
		return s;
	while (rest.n != 0 && (separator(rest.p[0]) || rest.p[0] == '/'))
		rest = str_sub(rest, 1, rest.n);
	return rest.n != 0 ? rest : s;
}

/* Tags of a repository: "name-1.2" and "owner/name-1.2" are "1.2". */
static struct str
plain_tag(const struct snapshot_row *row, struct str tag)
{
	struct str owner = row->name, name;
	ptrdiff_t slash = str_rchr(owner, '/');

	if (!str_is(row->ecosystem, "GIT") || slash < 0)
		return tag;
	name = str_sub(owner, (size_t)slash + 1, owner.n);
	owner = str_sub(owner, 0, (size_t)slash);
	slash = str_rchr(owner, '/');
	owner = str_sub(owner, (size_t)(slash + 1), owner.n);
	return without_word(without_word(tag, owner), name);
}

static bool
same_in(struct question *q, struct str tag,
    void (*normalise)(struct str s, struct buf *out))
{
	buf_reset(&q->asked);
	buf_reset(&q->listed);
	normalise(plain_tag(q->row, q->version), &q->asked);
	normalise(plain_tag(q->row, tag), &q->listed);
	return q->asked.n != 0 &&
	    str_eq(buf_str(&q->asked), buf_str(&q->listed));
}

static bool
same_version(struct question *q, struct str v)
{
	int d;

	if (str_eq(v, q->version))
		return true;
	if (q->rule != NULL)
		return q->rule(v, q->version, &d) && d == 0;
	return same_in(q, v, groups) || same_in(q, v, dotted);
}

/* --- the row ----------------------------------------------------------------
 */

static struct str
text_of(struct question *q, const struct version_text *v)
{
	if (!v->packed)
		return v->bytes;
	if (v->n > q->text_size) {
		q->text_size = (size_t)v->n + 256;
		q->text = arena_alloc(q->arena, q->text_size);
	}
	version_unpack(v, q->text);
	return str_n(q->text, (size_t)v->n);
}

/* 1: it is listed, 0: it is not. */
static int
listed(struct question *q, struct error *err)
{
	struct take t = { .rest = q->row->versions };
	struct version_text v;

	/* The very version first: no list is so long that this takes time. */
	for (uint32_t i = 0; i < q->row->n_versions && !t.bad; i++) {
		v = take_version(&t);
		if (!t.bad && version_is(&v, q->version))
			return 1;
	}
	if (t.bad)
		return damaged(err, "a row");
	t.rest = q->row->versions;
	for (uint32_t i = 0; i < q->row->n_versions; i++) {
		v = take_version(&t);
		if (same_version(q, text_of(q, &v)))
			return 1;
	}
	return 0;
}

static struct str
keep_version(struct arena *a, struct take *t)
{
	struct version_text v = take_version(t);
	char *p;

	if (!v.packed || t->bad)
		return v.bytes;
	p = arena_alloc(a, (size_t)v.n);
	version_unpack(&v, p);
	return str_n(p, (size_t)v.n);
}

static void
take_range(struct arena *a, struct take *t, struct osv_range *ret)
{
	uint8_t type = take_byte(t), kind;

	ret->n_events = take_count(t);
	/* An event takes two bytes at least. */
	if (t->bad || type >= OSV_RANGE_TYPE__MAX ||
	    ret->n_events > t->rest.n / 2) {
		t->bad = true;
		return;
	}
	ret->type = (enum osv_range_type)type;
	ret->events = arena_array(a, ret->n_events, sizeof(*ret->events));
	for (size_t i = 0; i < ret->n_events; i++) {
		kind = take_byte(t);
		ret->events[i].value = keep_version(a, t);
		if (kind >= OSV_EVENT_KIND__MAX)
			t->bad = true;
		else
			ret->events[i].kind = (enum osv_event_kind)kind;
	}
}

static bool
is_whole(const struct osv_range *r)
{
	return r->type != OSV_GIT && r->n_events == 1 &&
	    r->events[0].kind == OSV_INTRODUCED &&
	    str_is(r->events[0].value, "0");
}

static int
in_ranges(struct question *q, struct snapshot_hit *h, struct error *err)
{
	const struct snapshot_row *row = q->row;
	struct take t = { .rest = row->ranges };
	struct osv_affected entry = { .has_package = true,
		.ecosystem = row->ecosystem,
		.name = row->name };

	/* A range takes two bytes at least. */
	if (row->n_ranges > t.rest.n / 2)
		return damaged(err, "a row");
	entry.n_ranges = row->n_ranges;
	entry.ranges =
	    arena_array(q->arena, entry.n_ranges, sizeof(*entry.ranges));
	h->kind = SNAPSHOT_RANGE;
	for (size_t i = 0; i < entry.n_ranges && !t.bad; i++) {
		take_range(q->arena, &t, &entry.ranges[i]);
		if (!t.bad && is_whole(&entry.ranges[i]))
			h->kind = SNAPSHOT_WHOLE;
	}
	if (t.bad)
		return damaged(err, "a row");
	h->answer = osv_entry_affects(q->arena, &entry, q->version, &h->why);
	return 0;
}

/* Ubuntu and Alpine number versions anew in each release: without one, only
 * lists say anything. */
static bool
needs_release(struct str asked)
{
	return str_is(asked, "Alpine") || str_is(asked, "Ubuntu");
}

int
snapshot_match(const struct snapshot_row *row, struct str version,
    struct arena *a, struct snapshot_hit *ret, struct error *err)
{
	struct question q = { .row = row, .version = version, .arena = a };
	struct snapshot_hit h = { .answer = OSV_NOT_AFFECTED,
		.why = "the version is neither listed nor in a range" };
	int d, rc;

	q.rule = version_rule(row->ecosystem);
	if (q.rule != NULL && !q.rule(version, version, &d))
		q.rule = NULL;
	buf_init(&q.asked, MAX_TAG_BYTES);
	buf_init(&q.listed, MAX_TAG_BYTES);
	rc = listed(&q, err);
	buf_done(&q.asked);
	buf_done(&q.listed);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		h.answer = OSV_AFFECTED;
		h.kind = SNAPSHOT_LISTED;
		h.why = "the version is listed";
	} else if (row->n_ranges != 0 && needs_release(row->asked)) {
		h.answer = OSV_UNKNOWN;
		h.kind = SNAPSHOT_RANGE;
		h.why = "ranges mean nothing without the release";
	} else if (row->n_ranges != 0) {
		rc = in_ranges(&q, &h, err);
	}
	if (rc >= 0)
		*ret = h;
	return rc < 0 ? rc : 0;
}
