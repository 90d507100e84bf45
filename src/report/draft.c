/* SPDX-License-Identifier: Apache-2.0 */
/* Queries over a run file, and the document made of the answers. */
#include "report/draft.h"

#include <errno.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "ecosystem/packageurl.h"
#include "osv/osv.h"
#include "report/iocs.h"
#include "runfile/reader.h"
#include "sys/clock.h"

#define MAX_SENTENCES  3 /* of findings, after the first sentence */
#define MAX_SENTENCE   300
#define MAX_INDICATORS 200

/* Rows that serious findings rest on, or, where they name none of a table,
 * everything that the culprit did. What was fetched from the registry is no
 * indicator. */
#define CULPRIT \
	"(SELECT p.id FROM package p, verdict v WHERE p.purl = v.culprit)"
#define EVIDENCE(table) \
	"(SELECT e.evidence_row FROM evidence e JOIN finding f" \
	" ON f.id = e.finding WHERE e.evidence_table = '" table "'" \
	" AND f.severity IN ('proof', 'high'))"
#define CHOSEN(table) \
	" AND (x.id IN " EVIDENCE(table) " OR (x.package IN " CULPRIT \
					 " AND NOT EXISTS " EVIDENCE( \
					     table) "))"
#define NOT_RELAYED " AND coalesce(x.answer, '') NOT IN ('relay', 'registry')"

static const char domains_sql[] =
    "SELECT DISTINCT lower(CAST(host AS TEXT)) FROM http_exchange x"
    " WHERE host IS NOT NULL" NOT_RELAYED CHOSEN(
	"http_exchange") " UNION SELECT DISTINCT lower(CAST(name AS TEXT)) "
			 "FROM connection x"
			 " WHERE name IS NOT NULL AND coalesce(application, "
			 "'') <> 'registry'" CHOSEN(
			     "connection") " UNION SELECT DISTINCT "
					   "lower(CAST(name AS TEXT)) FROM "
					   "dns_query x"
					   " WHERE id IN " EVIDENCE(
					       "dns_query") " ORDER BY 1";
/* An address that a name was resolved to is the fake Internet's own. */
static const char ips_sql[] =
    "SELECT DISTINCT CAST(address AS TEXT) FROM connection x"
    " WHERE name IS NULL AND address IS NOT NULL"
    " AND coalesce(application, '') NOT IN ('registry', 'dns')" CHOSEN(
	"connection") " ORDER BY 1";
static const char urls_sql[] =
    "SELECT DISTINCT CAST(url AS TEXT) FROM http_exchange x"
    " WHERE url IS NOT NULL" NOT_RELAYED CHOSEN("http_exchange") " ORDER BY 1";
static const char files_sql[] =
    "SELECT DISTINCT sha256, CAST(path AS TEXT) FROM written_file"
    " WHERE sha256 IS NOT NULL AND (change = 'executed' OR id IN " EVIDENCE(
	"written_file") ") UNION SELECT r.artifact_sha256, NULL"
			" FROM run r, verdict v WHERE v.culprit = r.purl"
			" AND r.artifact_sha256 IS NOT NULL ORDER BY 1";
static const char sentences_sql[] =
    "SELECT DISTINCT CAST(summary AS TEXT) FROM finding"
    " WHERE severity IN ('proof', 'high')"
    " ORDER BY severity = 'proof' DESC, id";

static const struct {
	const char *key, *sql;
	bool (*valid)(struct str);
	enum draft_text what;
} kinds[] = {
	{ "domains", domains_sql, iocs_domain_valid, DRAFT_DOMAIN },
	{ "ips", ips_sql, iocs_ip_valid, DRAFT_ADDRESS },
	{ "urls", urls_sql, iocs_url_valid, DRAFT_URL },
};

/* Text of a package in a document for people: one line, no control bytes. */
static struct str
clean(struct arena *a, struct str s, size_t max)
{
	char *p = arena_strz(a, str_sub(s, 0, max));
	size_t n = MIN_OF(s.n, max), i = 0, length;

	while (i < n) {
		length = str_utf8_length(str_n(p + i, n - i));
		if (length == 0 || (unsigned char)p[i] < ' ' || p[i] == 0x7f) {
			p[i] = ' ';
			length = 1;
		}
		i += length;
	}
	return str_trim(str_n(p, n));
}

/* The whole is looked at, and then cut. */
static struct str
publishable(struct arena *a, const struct draft_options *o,
    enum draft_text what, struct str s, size_t max)
{
	s = o->redact(o->redact_arg, a, what, s);
	return s.p == NULL ? s : clean(a, s, max);
}

struct culprit {
	struct str ecosystem, name, version, purl, class;
};

static int
read_verdict(struct reader *r, struct arena *a, struct culprit *c,
    struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *q = NULL;
	struct packageurl *p = arena_alloc(a, sizeof(*p));
	int rc = reader_prepare(r,
	    "SELECT label, class, coalesce(culprit, run.purl)"
	    " FROM verdict, run",
	    &q, err);

	if (rc == 0)
		rc = reader_step(r, q, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return error_set(err, -EINVAL, "it has no verdict");
	if (!str_is(reader_str(q, 0), "malicious"))
		return 1;
	c->class = clean(a, reader_str(q, 1), 60);
	c->purl = clean(a, reader_str(q, 2), LIMIT_PURL_BYTES);
	if (packageurl_parse(a, c->purl, p, err) != 0)
		return error_wrap(err, "culprit");
	if (p->version.p == NULL ||
	    !packageurl_to_osv(a, p, &c->ecosystem, &c->name))
		return error_set(err, -EINVAL,
		    "the culprit %.*s has no version, or no OSV ecosystem",
		    STR_ARG(c->purl));
	c->version = p->version;
	return 0;
}

static int
put_details(struct reader *r, struct arena *a, const struct culprit *c,
    const struct draft_options *o, struct json *j, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *q = NULL;
	struct buf b;
	int rc = reader_prepare(r, sentences_sql, &q, err);

	buf_init(&b, 16 * KIB);
	buf_printf(&b,
	    "Version %.*s of the %.*s package %.*s is malicious%s%.*s.",
	    STR_ARG(c->version), STR_ARG(c->ecosystem), STR_ARG(c->name),
	    c->class.n != 0 ? ": " : "", STR_ARG(c->class));
	for (int i = 0; rc == 0 && i < MAX_SENTENCES; i++) {
		struct str s;

		rc = reader_step(r, q, err);
		if (rc != 1)
			break;
		rc = 0;
		s = publishable(a, o, DRAFT_SENTENCE, reader_str(q, 0),
		    MAX_SENTENCE);
		if (s.n == 0)
			continue;
		buf_putc(&b, ' ');
		for (size_t k = 0; k < s.n; k++)
			buf_putc(&b,
			    k == 0 && s.p[0] >= 'a' && s.p[0] <= 'z' ?
				(char)(s.p[0] - 'a' + 'A') :
				s.p[k]);
		if (!str_ends(s, "."))
			buf_putc(&b, '.');
	}
	buf_printf(&b, "\n\nEvidence: run file with SHA-256 %.*s.",
	    STR_ARG(o->run_sha256));
	json_key(j, "details");
	json_str(j, buf_str(&b));
	buf_done(&b);
	return rc < 0 ? rc : 0;
}

/* Without their secrets several are one. */
static int
put_kind(struct reader *r, struct arena *a, const struct draft_options *o,
    size_t kind, struct json *j, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *q = NULL;
	_cleanup_(map_freep) struct map *said = map_new(MAX_INDICATORS);
	int rc = reader_prepare(r, kinds[kind].sql, &q, err);

	if (rc == 0)
		rc = reader_step(r, q, err);
	while (rc == 1 && map_count(said) < MAX_INDICATORS) {
		struct str s =
		    publishable(a, o, kinds[kind].what, reader_str(q, 0), 2048);

		rc = reader_step(r, q, err);
		if (!kinds[kind].valid(s) || map_put(said, s, said) != 0)
			continue;
		if (map_count(said) == 1) {
			json_key(j, kinds[kind].key);
			json_array_begin(j);
		}
		json_str(j, s);
	}
	if (map_count(said) != 0)
		json_array_end(j);
	return rc < 0 ? rc : 0;
}

static int
put_files(struct reader *r, struct arena *a, const struct draft_options *o,
    struct json *j, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *q = NULL;
	int rc = reader_prepare(r, files_sql, &q, err), n = 0;

	if (rc == 0)
		rc = reader_step(r, q, err);
	for (; rc == 1 && n < MAX_INDICATORS; n++) {
		struct str path = reader_str(q, 1);

		if (n == 0) {
			json_key(j, "files");
			json_array_begin(j);
		}
		json_object_begin(j);
		json_key(j, "digests");
		json_object_begin(j);
		json_key(j, "sha256");
		json_str(j, clean(a, reader_str(q, 0), 64));
		json_object_end(j);
		json_key(j, "note");
		json_strz(j,
		    path.p == NULL ? "the package's archive" :
				     "left or run by the package");
		if (path.p != NULL) {
			json_key(j, "path");
			json_str(j, publishable(a, o, DRAFT_PATH, path, 1024));
		}
		json_object_end(j);
		rc = reader_step(r, q, err);
	}
	if (n != 0)
		json_array_end(j);
	return rc < 0 ? rc : 0;
}

static void
pair(struct json *j, const char *key, struct str value)
{
	json_key(j, key);
	json_str(j, value);
}

static void
put_affected(const struct culprit *c, struct json *j)
{
	json_key(j, "affected");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "package");
	json_object_begin(j);
	pair(j, "ecosystem", c->ecosystem);
	pair(j, "name", c->name);
	json_object_end(j);
	json_key(j, "versions");
	json_array_begin(j);
	json_str(j, c->version);
	json_array_end(j);
	json_key(j, "database_specific");
	json_object_begin(j);
	json_key(j, "cwes");
	json_array_begin(j);
	json_object_begin(j);
	pair(j, "cweId", STR_LIT("CWE-506"));
	pair(j, "name", STR_LIT("Embedded Malicious Code"));
	json_object_end(j);
	json_array_end(j);
	json_object_end(j);
	json_object_end(j);
	json_array_end(j);
}

static int
put_own(struct reader *r, struct arena *a, const struct draft_options *o,
    const struct culprit *c, struct str now, struct json *j, struct error *err)
{
	int rc = 0;

	json_key(j, "database_specific");
	json_object_begin(j);
	json_key(j, "iocs");
	json_object_begin(j);
	for (size_t i = 0; i < N_ELEMENTS(kinds) && rc == 0; i++)
		rc = put_kind(r, a, o, i, j, err);
	if (rc == 0)
		rc = put_files(r, a, o, j, err);
	json_object_end(j);
	json_key(j, "malicious-packages-origins");
	json_array_begin(j);
	json_object_begin(j);
	pair(j, "source", o->source);
	pair(j, "sha256", o->run_sha256);
	pair(j, "import_time", now);
	pair(j, "modified_time", now);
	json_key(j, "versions");
	json_array_begin(j);
	json_str(j, c->version);
	json_array_end(j);
	json_object_end(j);
	json_array_end(j);
	json_object_end(j);
	return rc;
}

static void
put_references(const struct draft_options *o, struct json *j)
{
	if (o->evidence_url.p != NULL) {
		json_key(j, "references");
		json_array_begin(j);
		json_object_begin(j);
		pair(j, "type", STR_LIT("EVIDENCE"));
		pair(j, "url", o->evidence_url);
		json_object_end(j);
		json_array_end(j);
	}
	json_key(j, "credits");
	json_array_begin(j);
	json_object_begin(j);
	pair(j, "name", STR_LIT("Lazaret"));
	pair(j, "type", STR_LIT("TOOL"));
	json_object_end(j);
	json_array_end(j);
}

/* When the analysis ended: drafted again, the same run is the same document.
 * A time that it does not have, or has not come, is now. */
static int
read_time(struct reader *r, int64_t now_s, int64_t *ret_s, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *q = NULL;
	int rc = reader_prepare(r, "SELECT ended_at FROM run", &q, err);
	int64_t ended;

	if (rc == 0)
		rc = reader_step(r, q, err);
	if (rc < 0)
		return rc;
	ended = rc == 1 ? reader_int(q, 0) : 0;
	*ret_s = ended > 0 && ended / NS_PER_SEC < now_s ? ended / NS_PER_SEC :
							   now_s;
	return 0;
}

int
draft_write(struct reader *r, const struct draft_options *o, struct buf *out,
    struct error *err)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct culprit c = { .name = STR_NONE };
	char now[CLOCK_RFC3339_SIZE];
	struct json j;
	int64_t at;
	int rc = read_verdict(r, a, &c, err);

	if (rc == 0)
		rc = read_time(r, o->now_s, &at, err);
	if (rc != 0)
		return rc;
	clock_rfc3339(at * NS_PER_SEC, now);
	json_init(&j, out, 2);
	json_object_begin(&j);
	pair(&j, "schema_version", STR_LIT(OSV_SCHEMA_VERSION));
	pair(&j, "modified", str_of(now));
	pair(&j, "published", str_of(now));
	pair(&j, "summary",
	    str_of(arena_printf(a, "Malicious code in %.*s (%.*s)",
		STR_ARG(c.name), STR_ARG(c.ecosystem))));
	rc = put_details(r, a, &c, o, &j, err);
	put_affected(&c, &j);
	put_references(o, &j);
	if (rc == 0)
		rc = put_own(r, a, o, &c, str_of(now), &j, err);
	if (rc != 0)
		return rc; /* what is in out is no document */
	json_object_end(&j);
	buf_putc(out, '\n');
	return 0;
}

int
draft_is_proof(struct reader *r, bool *ret, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *q = NULL;
	int rc = reader_prepare(r,
	    "SELECT 1 FROM verdict WHERE label = 'malicious' AND EXISTS"
	    " (SELECT 1 FROM finding WHERE severity = 'proof')",
	    &q, err);

	if (rc == 0)
		rc = reader_step(r, q, err);
	if (rc < 0)
		return rc;
	*ret = rc == 1;
	return 0;
}
