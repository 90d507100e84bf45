/* SPDX-License-Identifier: Apache-2.0 */
/* Facts as text. Runs in `rules test`. */
#include "verdict/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "runfile/database.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "runfile/writer.h"
#include "sys/sha256.h"
#include "verdict/judge.h"

struct loader {
	struct arena *arena;
	int (*emit)(void *, enum fact_kind, const void *, struct error *);
	void *arg;
	struct fixture *fixture;
	const char *file;
	int line;
};

/* What every analysis has, unless the fixture says otherwise. */
static const char *const defaults[] = {
	"{\"table\": \"run\", \"purl\": \"pkg:npm/fixture@1.0.0\", "
	"\"ecosystem\": \"npm\", \"name\": \"fixture\", "
	"\"version\": \"1.0.0\", \"origin\": \"local\", "
	"\"tool_version\": \"0\", \"recorder\": \"ebpf\", "
	"\"status\": \"completed\"}",
	"{\"table\": \"phase\", \"id\": 1, \"trigger\": \"install\", "
	"\"persona\": \"laptop\", \"status\": \"completed\"}",
	"{\"table\": \"phase\", \"id\": 2, \"trigger\": \"import\", "
	"\"persona\": \"laptop\", \"status\": \"completed\"}",
	"{\"table\": \"phase_view\", \"phase\": 1, \"view\": \"ebpf\", "
	"\"available\": 1, \"events\": 9, \"dropped\": 0}",
	"{\"table\": \"phase_view\", \"phase\": 2, \"view\": \"ebpf\", "
	"\"available\": 1, \"events\": 9, \"dropped\": 0}",
};

static int
bad(const struct loader *l, struct error *err, const char *what,
    const char *name)
{
	return error_set(err, -EINVAL, "%s:%d: %s %s", l->file, l->line, what,
	    name);
}

static int
find_kind(struct str table, enum fact_kind *ret)
{
	for (int k = 0; k < FACT__MAX; k++)
		if (str_is(table, fact_table((enum fact_kind)k)->name)) {
			*ret = (enum fact_kind)k;
			return 0;
		}
	return -EINVAL;
}

static struct str
json_text(yyjson_val *v)
{
	return yyjson_is_str(v) ? str_n(yyjson_get_str(v), yyjson_get_len(v)) :
				  STR_NONE;
}

/* ["sh", "-c"]: NUL after each. */
static struct str
words(struct arena *a, yyjson_val *list)
{
	yyjson_arr_iter it = yyjson_arr_iter_with(list);
	yyjson_val *v;
	struct buf b;
	struct str s;

	buf_init(&b, LIMIT_ARGV_BYTES);
	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		buf_put_str(&b, json_text(v));
		buf_putc(&b, '\0');
	}
	s = arena_str(a, buf_str(&b));
	buf_done(&b);
	return s;
}

/* {"content": "…"}: its hash; the bytes become a blob. */
static struct str
content(const struct loader *l, yyjson_val *v, struct error *err)
{
	struct fact_blob f = { STR_NONE,
		json_text(yyjson_obj_get(v, "content")) };
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_SIZE];

	if (f.bytes.p == NULL || l->emit(l->arg, FACT_BLOB, &f, err) != 0)
		return STR_NONE;
	sha256_of(f.bytes, digest);
	sha256_hex(digest, hex);
	return arena_str(l->arena, str_of(hex));
}

static int
put_member(const struct loader *l, const struct fact_column *c, yyjson_val *v,
    char *fact, struct error *err)
{
	struct str s = STR_NONE;
	int64_t n;

	if (c->type == FACT_INT || c->type == FACT_REAL) {
		if (!yyjson_is_int(v))
			return bad(l, err, "an integer belongs in", c->name);
		n = yyjson_get_sint(v);
		memcpy(fact + c->offset, &n, sizeof(n));
		return 0;
	}
	if (yyjson_is_str(v))
		s = json_text(v);
	else if (yyjson_is_arr(v))
		s = words(l->arena, v);
	else if (yyjson_is_obj(v))
		s = content(l, v, err);
	if (s.p == NULL)
		return bad(l, err, "text belongs in", c->name);
	memcpy(fact + c->offset, &s, sizeof(s));
	return 0;
}

/* Phase 1, and a time that grows with the lines. */
static void
put_default(const struct loader *l, const struct fact_column *c, char *fact)
{
	int64_t v = FACT_NONE;

	if (c->type != FACT_INT)
		return;
	memcpy(&v, fact + c->offset, sizeof(v));
	if (v != FACT_NONE || !c->required)
		return;
	if (str_is(str_of(c->name), "phase"))
		v = 1;
	else if (str_is(str_of(c->name), "at"))
		v = l->line * 1000000ll;
	memcpy(fact + c->offset, &v, sizeof(v));
}

static bool
is_missing(const struct fact_column *c, const char *fact)
{
	struct str s = STR_NONE;
	int64_t v = 0;

	if (c->type == FACT_INT || c->type == FACT_REAL) {
		memcpy(&v, fact + c->offset, sizeof(v));
		return v == FACT_NONE;
	}
	memcpy(&s, fact + c->offset, sizeof(s));
	return s.p == NULL;
}

static int
load_fact(struct loader *l, yyjson_val *object, struct error *err)
{
	const struct fact_column *c;
	enum fact_kind kind;
	union fact f;
	yyjson_obj_iter it;
	yyjson_val *key;
	int rc = 0;

	if (find_kind(json_text(yyjson_obj_get(object, "table")), &kind) != 0)
		return bad(l, err, "\"table\" names", "no table");
	fact_init(kind, &f);
	it = yyjson_obj_iter_with(object);
	while ((key = yyjson_obj_iter_next(&it)) != NULL && rc == 0) {
		struct str name = json_text(key);

		if (str_is(name, "table"))
			continue;
		for (c = fact_table(kind)->columns; c->name != NULL; c++)
			if (str_is(name, c->name))
				break;
		if (c->name == NULL)
			return bad(l, err, "no such column:", name.p);
		rc = put_member(l, c, yyjson_obj_iter_get_val(key), f.bytes,
		    err);
	}
	for (c = fact_table(kind)->columns; c->name != NULL && rc == 0; c++) {
		put_default(l, c, f.bytes);
		if (c->required && is_missing(c, f.bytes))
			rc = bad(l, err, "missing:", c->name);
	}
	if (rc == 0 && l->emit(l->arg, kind, &f, err) != 0)
		rc = error_wrap(err, "%s:%d", l->file, l->line);
	return rc;
}

static int
load_expectation(struct loader *l, yyjson_val *object)
{
	struct fixture *f = l->fixture;

	f->severity =
	    arena_str(l->arena, json_text(yyjson_obj_get(object, "severity")));
	f->label =
	    arena_str(l->arena, json_text(yyjson_obj_get(object, "label")));
	f->culprit =
	    arena_str(l->arena, json_text(yyjson_obj_get(object, "culprit")));
	f->class =
	    arena_str(l->arena, json_text(yyjson_obj_get(object, "class")));
	return 0;
}

static int
load_line(struct loader *l, struct str line, struct error *err)
{
	yyjson_doc *doc;
	yyjson_val *root, *expect;
	int rc;

	line = str_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	doc = yyjson_read(line.p, line.n, 0);
	root = yyjson_doc_get_root(doc);
	expect = yyjson_obj_get(root, "expect");
	if (!yyjson_is_obj(root))
		rc = bad(l, err, "is not", "a JSON object");
	else if (expect != NULL)
		rc = load_expectation(l, expect);
	else
		rc = load_fact(l, root, err);
	yyjson_doc_free(doc);
	return rc;
}

int
fixture_load(struct arena *a, const char *file, struct str text,
    struct fixture *ret,
    int (*emit)(void *arg, enum fact_kind kind, const void *fact,
	struct error *err),
    void *arg, struct error *err)
{
	struct loader l = { .arena = a,
		.emit = emit,
		.arg = arg,
		.fixture = ret,
		.file = file };
	struct str line;
	int rc = 0;

	*ret = (struct fixture){ STR_NONE, STR_NONE, STR_NONE, STR_NONE };
	for (size_t i = 0; i < N_ELEMENTS(defaults) && rc == 0; i++)
		rc = load_line(&l, str_of(defaults[i]), err);
	while (rc == 0 && str_cut(&text, '\n', &line)) {
		l.line++;
		rc = load_line(&l, line, err);
	}
	return rc;
}

static int
into_writer(void *arg, enum fact_kind kind, const void *fact, struct error *err)
{
	int rc = writer_add(arg, kind, fact, err);

	if (rc == 1)
		rc = error_set(err, -EINVAL, "%s", writer_first_refusal(arg));
	return rc;
}

int
fixture_read(struct arena *a, const char *file, struct str text,
    struct fixture *ret, struct reader **ret_reader, struct error *err)
{
	_cleanup_(database_closep) sqlite3 *db = NULL;
	_cleanup_(writer_freep) struct writer *w = NULL;
	int rc;

	rc = database_memory(&db, err);
	if (rc == 0)
		rc = writer_new(db, &w, err);
	if (rc == 0)
		rc = fixture_load(a, file, text, ret, into_writer, w, err);
	if (rc == 0)
		rc = writer_link(w, err);
	if (rc == 0)
		rc = writer_commit(w, err);
	if (rc != 0)
		return rc;
	writer_freep(&w);
	return reader_take(steal(&db), ret_reader, err);
}

/* The strongest finding of a rule; NULL: none. */
static const struct finding *
strongest(const struct judgement *j, const char *rule_id)
{
	for (size_t i = 0; i < j->findings.list.n; i++)
		if (str_is(j->findings.list.v[i].rule->id, rule_id))
			return &j->findings.list.v[i];
	return NULL;
}

static int
check_positive(const struct fixture *f, const char *rule_id,
    const struct finding *found, struct error *err)
{
	if (found == NULL)
		return error_set(err, -ENOMSG, "%s did not fire", rule_id);
	if (f->severity.p != NULL &&
	    !str_is(f->severity, severity_names[found->severity]))
		return error_set(err, -ENOMSG, "%s fired as %s, not %.*s",
		    rule_id, severity_names[found->severity],
		    STR_ARG(f->severity));
	return 0;
}

int
fixture_check(const struct fixture *f, const char *rule_id, bool positive,
    const struct judgement *j, struct error *err)
{
	const struct finding *found = strongest(j, rule_id);
	struct str label = str_of(label_names[j->verdict.label]);
	struct str want = f->label;
	int rc = 0;

	if (j->broken.n != 0)
		return error_set(err, -ENOMSG, "%.*s", STR_ARG(j->broken.v[0]));
	if (positive)
		rc = check_positive(f, rule_id, found, err);
	else if (found != NULL && found->severity <= SEVERITY_HIGH)
		rc = error_set(err, -ENOMSG, "%s fired on its twin: %.*s",
		    rule_id, STR_ARG(found->summary));
	if (rc != 0)
		return rc;
	if (want.p == NULL && !positive)
		want = STR_LIT("clean");
	if (want.p != NULL && !str_eq(want, label))
		return error_set(err, -ENOMSG,
		    "the verdict is %.*s, not %.*s: %.*s", STR_ARG(label),
		    STR_ARG(want), STR_ARG(j->verdict.reasons.v[0].text));
	if (f->culprit.p != NULL && !str_eq(f->culprit, j->verdict.culprit))
		return error_set(err, -ENOMSG, "the culprit is %.*s",
		    STR_ARG(j->verdict.culprit));
	if (f->class.p != NULL && !str_eq(f->class, j->verdict.class))
		return error_set(err, -ENOMSG, "the class is %.*s",
		    STR_ARG(j->verdict.class));
	return 0;
}
