/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of a report's items. Pure functions. */
#include "report/provenance.h"

#include <stdlib.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "report/report_priv.h"
#include "sys/sha256.h"

#define MAX_DEPTH 32
#define MAX_PATH  256

/* What an item is, in front of its text. */
#define KIND_ALIAS     'a'
#define KIND_RELATED   'r'
#define KIND_UPSTREAM  'u'
#define KIND_REFERENCE 'l'
#define KIND_CREDIT    'c'
#define KIND_CONTACT   'k'
#define KIND_DOCUMENT  'd'
#define KIND_PACKAGE   'p'

struct item {
	uint8_t bytes[PROVENANCE_BYTES];
};

static struct item
item_of(char kind, struct str a, struct str b)
{
	uint8_t digest[SHA256_BYTES];
	struct item item;
	struct buf text;

	buf_init(&text, 64 * (size_t)MIB);
	buf_putc(&text, kind);
	buf_put_str(&text, a);
	buf_putc(&text, '\n');
	buf_put_str(&text, b);
	sha256_of(buf_str(&text), digest);
	buf_done(&text);
	memcpy(item.bytes, digest, sizeof(item.bytes));
	return item;
}

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, PROVENANCE_BYTES);
}

static bool
has(struct str items, struct item i)
{
	return items.n != 0 &&
	    bsearch(&i, items.p, items.n / PROVENANCE_BYTES, PROVENANCE_BYTES,
		by_bytes) != NULL;
}

bool
provenance_valid(struct str items)
{
	if (items.n % PROVENANCE_BYTES != 0)
		return false;
	for (size_t i = PROVENANCE_BYTES; i < items.n; i += PROVENANCE_BYTES)
		if (by_bytes(items.p + i - PROVENANCE_BYTES, items.p + i) >= 0)
			return false;
	return true;
}

/* --- a walk over all items --------------------------------------------------
 */

/* Says of each item whether it stays. */
struct walk {
	struct report *report;
	struct buf *out; /* items are added here; NULL: taken away */
	struct str gone, kept;
};

static bool
stays(struct walk *w, char kind, struct str a, struct str b)
{
	struct item i = item_of(kind, a, b);

	if (w->out != NULL) {
		buf_put(w->out, i.bytes, sizeof(i.bytes));
		return true;
	}
	return !has(w->gone, i) || has(w->kept, i);
}

static void
walk_strings(struct walk *w, char kind, struct str *v, size_t *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (stays(w, kind, v[i], STR_NONE))
			v[kept++] = v[i];
	*n = kept;
}

static yyjson_mut_val *walk_value(struct walk *w, yyjson_mut_doc *m,
    yyjson_val *v, char kind, struct str path, int depth);

/* What a value stands for, however its members are ordered. */
static bool
value_stays(struct walk *w, yyjson_val *v, char kind, struct str path)
{
	struct json j;
	struct buf b;
	bool answer;

	buf_init(&b, 16 * MIB);
	json_init(&j, &b, 0);
	osv_value_write(&j, v);
	answer = stays(w, kind, path, buf_str(&b));
	buf_done(&b);
	return answer;
}

static yyjson_mut_val *
walk_array(struct walk *w, yyjson_mut_doc *m, yyjson_val *v, char kind,
    struct str path)
{
	yyjson_mut_val *copy = yyjson_mut_arr(m);
	yyjson_arr_iter it = yyjson_arr_iter_with(v);
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&it)) != NULL)
		if (value_stays(w, item, kind, path))
			(void)yyjson_mut_arr_append(copy,
			    yyjson_val_mut_copy(m, item));
	return yyjson_mut_arr_size(copy) != 0 || yyjson_arr_size(v) == 0 ?
	    copy :
	    NULL;
}

/* Of a member: a long one as its hash, as each member below it has it in front
 * of its own name. */
static struct str
path_below(struct arena *a, struct str path, struct str key)
{
	uint8_t digest[SHA256_BYTES];
	struct str below;
	struct buf b;

	buf_init(&b, 64 * (size_t)MIB);
	buf_put_str(&b, path);
	buf_putc(&b, '\x1f');
	buf_put_str(&b, key);
	if (b.n > MAX_PATH) {
		sha256_of(buf_str(&b), digest);
		buf_reset(&b);
		buf_put(&b, digest, sizeof(digest));
	}
	below = arena_str(a, buf_str(&b));
	buf_done(&b);
	return below;
}

static yyjson_mut_val *
walk_object(struct walk *w, yyjson_mut_doc *m, yyjson_val *v, char kind,
    struct str path, int depth)
{
	yyjson_mut_val *copy = yyjson_mut_obj(m), *member;
	yyjson_obj_iter it = yyjson_obj_iter_with(v);
	yyjson_val *key;

	while ((key = yyjson_obj_iter_next(&it)) != NULL) {
		struct str name =
		    str_n(yyjson_get_str(key), yyjson_get_len(key));

		member = walk_value(w, m, yyjson_obj_iter_get_val(key), kind,
		    path_below(w->report->arena, path, name), depth + 1);
		if (member != NULL)
			(void)yyjson_mut_obj_add(copy,
			    yyjson_val_mut_copy(m, key), member);
	}
	return yyjson_mut_obj_size(copy) != 0 || yyjson_obj_size(v) == 0 ?
	    copy :
	    NULL;
}

/* A copy without what goes; NULL when nothing is left. */
static yyjson_mut_val *
walk_value(struct walk *w, yyjson_mut_doc *m, yyjson_val *v, char kind,
    struct str path, int depth)
{
	if (yyjson_is_arr(v))
		return walk_array(w, m, v, kind, path);
	if (yyjson_is_obj(v) && depth < MAX_DEPTH)
		return walk_object(w, m, v, kind, path, depth);
	return value_stays(w, v, kind, path) ? yyjson_val_mut_copy(m, v) : NULL;
}

static yyjson_val *
walk_map(struct walk *w, char kind, yyjson_val *map)
{
	yyjson_mut_doc *m;
	yyjson_mut_val *copy;

	if (map == NULL)
		return NULL;
	m = yyjson_mut_doc_new(NULL);
	copy = walk_value(w, m, map, kind, STR_LIT(""), 0);
	if (w->out != NULL || copy == NULL) {
		yyjson_mut_doc_free(m);
		return w->out != NULL ? map : NULL;
	}
	yyjson_mut_doc_set_root(m, copy);
	return report_keep(w->report, m);
}

/* With the addresses that are left; one of these keeps it as well. */
static bool
walk_credit(struct walk *w, struct osv_credit *c)
{
	char *who = arena_printf(w->report->arena, "%.*s\x1f%.*s",
	    STR_ARG(c->type), STR_ARG(c->name));
	size_t n = 0;

	for (size_t i = 0; i < c->n_contacts; i++)
		if (stays(w, KIND_CONTACT, str_of(who), c->contacts[i]))
			c->contacts[n++] = c->contacts[i];
	c->n_contacts = n;
	return stays(w, KIND_CREDIT, c->type, c->name) || n != 0;
}

static void
walk_all(struct walk *w)
{
	struct osv_document *d = &w->report->d;
	size_t n = 0;

	walk_strings(w, KIND_ALIAS, d->aliases, &d->n_aliases);
	walk_strings(w, KIND_RELATED, d->related, &d->n_related);
	walk_strings(w, KIND_UPSTREAM, d->upstream, &d->n_upstream);
	for (size_t i = 0; i < d->n_references; i++)
		if (stays(w, KIND_REFERENCE, d->references[i].type,
			d->references[i].url))
			d->references[n++] = d->references[i];
	d->n_references = n;
	n = 0;
	for (size_t i = 0; i < d->n_credits; i++)
		if (walk_credit(w, &d->credits[i]))
			d->credits[n++] = d->credits[i];
	d->n_credits = n;
	d->database_specific = walk_map(w, KIND_DOCUMENT, d->database_specific);
	for (size_t i = 0; i < d->n_affected; i++)
		d->affected[i].database_specific =
		    walk_map(w, KIND_PACKAGE, d->affected[i].database_specific);
}

void
provenance_of(struct report *r, struct buf *out)
{
	struct walk w = { .report = r, .out = out };
	size_t kept = 0, n;

	walk_all(&w);
	n = out->n / PROVENANCE_BYTES;
	if (n > 1)
		qsort(out->p, n, PROVENANCE_BYTES, by_bytes);
	for (size_t i = 0; i < n; i++) {
		const char *item = out->p + i * PROVENANCE_BYTES;
		char *to = out->p + kept * PROVENANCE_BYTES;

		if (kept != 0 && by_bytes(to - PROVENANCE_BYTES, item) == 0)
			continue;
		memmove(to, item, PROVENANCE_BYTES);
		kept++;
	}
	out->n = kept * PROVENANCE_BYTES;
}

void
provenance_take_away(struct report *r, struct str gone, struct str kept)
{
	struct walk w = { .report = r, .gone = gone, .kept = kept };

	if (gone.n != 0)
		walk_all(&w);
}
