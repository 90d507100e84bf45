/* SPDX-License-Identifier: Apache-2.0 */
/* Planted secrets, taken out of indicators and sentences. */
#include "cmd/report-redact.h"

#include <stdlib.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "decoy/canary-find.h"
#include "runfile/reader.h"

#define MARK STR_LIT("REDACTED")
/* A secret that was sent in pieces: each is as long as this, in whatever
 * letter case, and of a run of letters and digits that is too long for a
 * word. In hex, 8 digits turn up by chance. */
#define PIECE_BYTES 8
#define PIECE_HEX   16
#define MIN_RUN     16
/* Bytes looked at for one draft, decoded ones included; what comes after
 * counts as a secret. */
#define BUDGET (256 * (int64_t)MIB)
/* Pieces of all secrets: a few hundred of 40 bytes are planted, and some
 * keys. */
#define MAX_PIECES 400000
#define MAX_VALUE  (8 * KIB)
#define MAX_HOSTS  10000

struct redact {
	struct canary_finder *finder; /* owned */
	struct map *pieces; /* owned; of PIECE_BYTES and PIECE_HEX */
	struct map *hosts; /* owned; bases of names that got pieces */
};

static bool
is_run(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '+';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static void
add_pieces(struct redact *r, struct str value, size_t size)
{
	char folded[PIECE_HEX];
	size_t from = 0;

	for (size_t i = 0; i <= value.n; i++) {
		if (i < value.n && is_run(value.p[i]))
			continue;
		for (size_t k = from; i - from >= MIN_RUN && k + size <= i;
		     k++) {
			for (size_t c = 0; c < size; c++)
				folded[c] = lower(value.p[k + c]);
			(void)map_put(r->pieces, str_n(folded, size), r);
		}
		from = i + 1;
	}
}

/* As it is, backwards, in hex, and in base64 wherever a piece begins. */
static void
add_secret(struct redact *r, struct str value)
{
	struct buf b;

	value.n = MIN_OF(value.n, (size_t)MAX_VALUE);
	buf_init(&b, 64 * KIB);
	add_pieces(r, value, PIECE_BYTES);
	for (size_t i = value.n; i > 0; i--)
		buf_putc(&b, value.p[i - 1]);
	add_pieces(r, buf_str(&b), PIECE_BYTES);
	buf_reset(&b);
	buf_put_hex(&b, value.p, value.n);
	add_pieces(r, buf_str(&b), PIECE_HEX);
	for (size_t i = 0; i < 3 && i < value.n; i++) {
		buf_reset(&b);
		base64_write(str_sub(value, i, value.n), &b);
		add_pieces(r, buf_str(&b), PIECE_BYTES);
	}
	buf_done(&b);
}

/* The last two labels of a name: whoever sends secrets in names owns these. */
static struct str
base_of(struct str name)
{
	ptrdiff_t dot = str_rchr(name, '.');

	if (dot > 0)
		dot = str_rchr(str_sub(name, 0, (size_t)dot), '.');
	return dot < 0 ? name : str_sub(name, (size_t)dot + 1, name.n);
}

static const char canaries_sql[] =
    "SELECT id, strength, value FROM canary ORDER BY id";
static const char split_sql[] =
    "SELECT CAST(host AS TEXT) FROM http_exchange WHERE host IS NOT NULL"
    " AND id IN (SELECT evidence_row FROM canary_hit WHERE split > 0"
    " AND evidence_table = 'http_exchange')"
    " UNION SELECT CAST(name AS TEXT) FROM dns_query WHERE name IS NOT NULL"
    " AND id IN (SELECT evidence_row FROM canary_hit WHERE split > 0"
    " AND evidence_table = 'dns_query')";

static int
load_canaries(struct redact *r, struct reader *reader, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *q = NULL;
	int rc = reader_prepare(reader, canaries_sql, &q, err);

	while (rc == 0 && (rc = reader_step(reader, q, err)) == 1) {
		bool identity = str_is(reader_str(q, 1), "identity");
		struct str value = reader_str(q, 2);

		(void)canary_finder_add(r->finder, reader_int(q, 0), identity,
		    value);
		if (!identity)
			add_secret(r, value);
		rc = 0;
	}
	return rc;
}

static int
load_hosts(struct redact *r, struct reader *reader, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *q = NULL;
	int rc = reader_prepare(reader, split_sql, &q, err);

	while (rc == 0 && (rc = reader_step(reader, q, err)) == 1) {
		(void)map_put(r->hosts, base_of(reader_str(q, 0)), r);
		rc = 0;
	}
	return rc;
}

int
redact_new(struct reader *reader, struct redact **ret, struct error *err)
{
	struct redact *r = mem_alloc(sizeof(*r));
	int rc;

	r->finder = canary_finder_new(BUDGET);
	r->pieces = map_new(MAX_PIECES);
	r->hosts = map_new(MAX_HOSTS);
	rc = load_canaries(r, reader, err);
	if (rc == 0)
		rc = load_hosts(r, reader, err);
	if (rc != 0)
		redact_free(r);
	else
		*ret = r;
	return rc;
}

void
redact_free(struct redact *r)
{
	if (r == NULL)
		return;
	canary_finder_free(r->finder);
	map_free(r->pieces);
	map_free(r->hosts);
	free(r);
}

/* --- is there one? ----------------------------------------------------------
 */

static bool
has_canary(struct redact *r, struct str s, unsigned what)
{
	struct canary_matches m = { 0 };
	bool found;

	canary_find(r->finder, s, what, &m);
	found = m.list.n != 0 || canary_finder_spent(r->finder);
	canary_matches_done(&m);
	return found;
}

static bool
has_piece(const struct redact *r, struct str s)
{
	static const size_t sizes[] = { PIECE_BYTES, PIECE_HEX };
	char folded[PIECE_HEX];

	for (size_t i = 0; i + PIECE_BYTES <= s.n; i++) {
		for (size_t c = 0; c < PIECE_HEX && i + c < s.n; c++)
			folded[c] = lower(s.p[i + c]);
		for (size_t k = 0; k < N_ELEMENTS(sizes); k++)
			if (i + sizes[k] <= s.n &&
			    map_has(r->pieces, str_n(folded, sizes[k])))
				return true;
	}
	return false;
}

static bool
is_secret(struct redact *r, struct str s, unsigned what)
{
	return has_piece(r, s) || (s.n != 0 && has_canary(r, s, what));
}

/* --- texts ------------------------------------------------------------------
 */

/* Behind base64's own '=', which is part of it when nothing else follows. */
static size_t
padding_end(struct str s, size_t i)
{
	size_t end = i;

	while (end < s.n && s.p[end] == '=')
		end++;
	return end == s.n || strchr("&#;,/?", s.p[end]) != NULL ? end : i;
}

/* Parts between the delimiters, each as it is or the mark. */
static struct str
by_parts(struct redact *r, struct arena *a, struct str s,
    const char *delimiters, unsigned what)
{
	struct str out;
	size_t from = 0;
	struct buf b;

	buf_init(&b, 64 * KIB);
	for (size_t i = 0; i <= s.n; i++) {
		struct str part = str_sub(s, from, i);

		if (i < s.n &&
		    (s.p[i] == '\0' || strchr(delimiters, s.p[i]) == NULL))
			continue;
		if (is_secret(r, part, what)) {
			buf_put_str(&b, MARK);
			i = padding_end(s, i);
		} else {
			buf_put_str(&b, part);
		}
		if (i < s.n)
			buf_putc(&b, s.p[i]);
		from = i + 1;
	}
	out = arena_str(a, b.full ? MARK : buf_str(&b));
	buf_done(&b);
	return out;
}

/* A secret may begin in one label and end in another. */
static bool
is_joined_secret(struct redact *r, struct str name)
{
	struct str label;
	struct buf b;
	bool found;

	buf_init(&b, 4 * KIB);
	while (str_cut(&name, '.', &label))
		buf_put_str(&b, label);
	found = is_secret(r, buf_str(&b), CANARY_SECRETS);
	buf_done(&b);
	return found;
}

/* The end of a name, from behind the last label with a secret on. The last two
 * labels stay: they say whose it is, and a planted user may be named so. */
static struct str
domain(struct redact *r, struct str name)
{
	struct str base = base_of(name), kept = name, rest = name, label;

	if (map_has(r->hosts, base) || base.n == name.n)
		return base;
	while (rest.n > base.n && str_cut(&rest, '.', &label))
		if (is_secret(r, label, CANARY_ANY))
			kept = rest;
	return is_joined_secret(r, kept) ? base : kept;
}

/* "user:password@name:port". */
static void
put_authority(struct redact *r, struct arena *a, struct str s, struct buf *out)
{
	ptrdiff_t at = str_rchr(s, '@'), colon;
	struct str host = str_sub(s, (size_t)(at + 1), s.n);

	if (at >= 0) {
		buf_put_str(out,
		    by_parts(r, a, str_sub(s, 0, (size_t)at), ":", CANARY_ANY));
		buf_putc(out, '@');
	}
	colon = str_rchr(host, ':');
	if (str_starts(host, "[")) /* an address of the sixth version */
		buf_put_str(out, host);
	else
		buf_put_str(out,
		    domain(r,
			str_sub(host, 0, colon < 0 ? host.n : (size_t)colon)));
	if (colon >= 0 && !str_starts(host, "["))
		buf_put_str(out, str_sub(host, (size_t)colon, host.n));
}

static size_t
authority_end(struct str s, size_t from)
{
	while (from < s.n && strchr("/?#", s.p[from]) == NULL)
		from++;
	return from;
}

static struct str
url(struct redact *r, struct arena *a, struct str s)
{
	ptrdiff_t mark = str_find(s, STR_LIT("://"));
	size_t from = mark < 0 ? 0 : (size_t)mark + 3;
	size_t end = mark < 0 ? 0 : authority_end(s, from);
	struct str path = str_sub(s, end, s.n), out;
	struct buf b;
	bool split;

	buf_init(&b, 64 * KIB);
	buf_put_str(&b, str_sub(s, 0, from));
	put_authority(r, a, str_sub(s, from, end), &b);
	split = map_has(r->hosts,
	    base_of(str_sub(s, from, authority_end(s, from))));
	path = split && path.n > 1 ?
	    STR_LIT("/REDACTED") :
	    by_parts(r, a, path, "/?#&=;,", CANARY_ANY);
	/* One that lies over several parts, as base64 with a slash does. */
	if (is_secret(r, path, CANARY_SECRETS))
		path = STR_LIT("/REDACTED");
	buf_put_str(&b, path);
	out = arena_str(a, buf_str(&b));
	if (b.full || has_canary(r, out, CANARY_SECRETS))
		out = STR_NONE;
	buf_done(&b);
	return out;
}

static struct str
sentence(struct redact *r, struct arena *a, struct str s)
{
	struct str out, word;
	struct buf b;

	buf_init(&b, 64 * KIB);
	while (str_cut(&s, ' ', &word)) {
		if (b.n != 0)
			buf_putc(&b, ' ');
		if (str_find(word, STR_LIT("://")) > 0)
			word = url(r, a, word);
		else
			word = by_parts(r, a, word, "/?#&=;,\"'()",
			    CANARY_SECRETS);
		buf_put_str(&b, word.p != NULL ? word : MARK);
	}
	out = arena_str(a, buf_str(&b));
	if (b.full || is_secret(r, out, CANARY_SECRETS))
		out = STR_NONE;
	buf_done(&b);
	return out;
}

struct str
redact_say(void *arg, struct arena *a, enum draft_text what, struct str s)
{
	struct redact *r = arg;

	switch (what) {
	case DRAFT_DOMAIN:
		return domain(r, s);
	case DRAFT_URL:
		return url(r, a, s);
	case DRAFT_PATH:
		return by_parts(r, a, s, "/", CANARY_SECRETS);
	case DRAFT_SENTENCE:
		return sentence(r, a, s);
	case DRAFT_ADDRESS:
	case DRAFT_TEXT__MAX:
		break;
	}
	return s;
}
