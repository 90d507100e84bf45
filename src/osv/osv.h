/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OSV documents (schema 1.7.5): reading, validation, evaluation. Pure
 * functions over bytes; files and networks are the callers'.
 *
 * A document is read once into the structs below. Strings and arrays live in
 * the arena; the free-form members stay JSON values of `json`, which lives as
 * long as the document.
 */
#ifndef OSV_OSV_H
#define OSV_OSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;
struct error;
struct yyjson_doc;
struct yyjson_val;

#define OSV_SCHEMA_VERSION "1.7.5"

enum osv_range_type {
	OSV_SEMVER,
	OSV_ECOSYSTEM,
	OSV_GIT,
	OSV_RANGE_TYPE__MAX
};

/* In the order in which events of one version apply. */
enum osv_event_kind {
	OSV_INTRODUCED,
	OSV_LAST_AFFECTED,
	OSV_FIXED,
	OSV_LIMIT,
	OSV_EVENT_KIND__MAX
};

/* The schema's words for both. */
extern const char *const osv_range_types[OSV_RANGE_TYPE__MAX];
extern const char *const osv_event_kinds[OSV_EVENT_KIND__MAX];

struct osv_event {
	enum osv_event_kind kind;
	struct str value;
};

struct osv_range {
	enum osv_range_type type;
	struct str repo; /* p NULL: none */
	struct osv_event *events;
	size_t n_events;
	struct yyjson_val *database_specific; /* NULL: none */
};

struct osv_severity {
	struct str type, score;
};

struct osv_affected {
	bool has_package;
	struct str ecosystem, name, purl; /* purl p NULL: none */
	struct osv_range *ranges;
	size_t n_ranges;
	struct str *versions;
	size_t n_versions;
	struct osv_severity *severity;
	size_t n_severity;
	struct yyjson_val *ecosystem_specific, *database_specific;
};

struct osv_reference {
	struct str type, url;
};

struct osv_credit {
	struct str name, type; /* type p NULL: none */
	struct str *contacts;
	size_t n_contacts;
};

struct osv_document {
	struct str schema_version, id, modified, published, withdrawn;
	struct str summary, details;
	struct str *aliases, *related, *upstream;
	size_t n_aliases, n_related, n_upstream;
	struct osv_severity *severity;
	size_t n_severity;
	struct osv_affected *affected;
	size_t n_affected;
	struct osv_reference *references;
	size_t n_references;
	struct osv_credit *credits;
	size_t n_credits;
	struct yyjson_val *database_specific;
};

/* --- validation --------------------------------------------------------- */

enum osv_level {
	OSV_ERROR,
	OSV_WARNING,
};

struct osv_finding {
	enum osv_level level;
	const char *rule; /* static: "schema-type", "range-order", … */
	const char *path; /* JSONPath: "$.affected[0].package.name" */
	const char *message; /* what is wrong and what would be right */
};

struct osv_findings {
	struct arena *arena; /* owner of paths and messages */
	struct osv_finding *v;
	size_t n, size, n_errors;
};

enum osv_profile {
	OSV_PROFILE_OSV, /* the schema and what it cannot say */
	OSV_PROFILE_MALICIOUS, /* the house rules for malicious packages */
	OSV_PROFILE_SCHEMA, /* the JSON Schema alone */
	OSV_PROFILE_REPORT, /* the same, and the id may be missing */
	OSV_PROFILE_READER, /* the schema; members are not refused in documents
			     * of a later minor version, which may add some */
	OSV_PROFILE_QUESTION, /* what a question about versions needs: no
			       * member is refused, the id may be missing */
};

void osv_findings_init(struct osv_findings *f, struct arena *a);
void osv_findings_done(struct osv_findings *f);

struct checker; /* osv/checker.h */

struct osv_input {
	struct str bytes;
	enum osv_profile profile;
	int64_t now_s; /* Unix time against which "the future" is measured */
	/* Further checks of a document that the schema holds for; NULL: none */
	void (*extra)(struct checker *c, const struct osv_document *d);
};

/* Parses and validates. Findings are added; the document is filled (and *ret_
 * json owned by the caller, freed with osv_json_free) when the schema holds,
 * whatever else was found: 0, or -EINVAL when there is no document. */
int osv_validate(struct arena *a, const struct osv_input *in,
    struct osv_findings *f, struct osv_document *ret,
    struct yyjson_doc **ret_json);
/* The same checks on a document that is in memory already. */
void osv_check(const struct osv_document *d, const struct osv_input *in,
    struct osv_findings *f);
/* Strict JSON within the limits of a document, before any schema. */
int osv_json_read(struct str bytes, struct yyjson_doc **ret_json,
    struct error *err);
void osv_json_free(struct yyjson_doc *json); /* accepts NULL */
/* A range as it stands in a free-form member; false when it is none. */
bool osv_range_read(struct arena *a, struct yyjson_val *v,
    struct osv_range *ret);

/* --- writing -------------------------------------------------------------- */

/* The stable form: same content, same bytes. indent 2 is that of files, 0 one
 * line without a newline. Empty lists and absent members are left out. */
void osv_write(const struct osv_document *d, int indent, struct buf *out);
/* A free-form value, keys sorted. */
struct json;
void osv_value_write(struct json *j, struct yyjson_val *v);

/* --- rules of single members -------------------------------------------- */

/* RFC 3339 in UTC with "Z", a date of the calendar: seconds since 1970. */
int osv_time_parse(struct str s, int64_t *ret_seconds);
/* A known database prefix and a tail that may be a file name. */
bool osv_id_valid(struct str id);
/* The name before ':' is one of the schema's ecosystems (or GIT). */
bool osv_ecosystem_valid(struct str ecosystem);
/* All names, NULL-terminated, in the schema's order. */
extern const char *const osv_ecosystems[];
/* Without its suffix. */
struct str osv_ecosystem_base(struct str ecosystem);
/* Whether a question about one finds the other, both with their suffixes: the
 * same, and "Ubuntu:22.04" finds "Ubuntu:22.04:LTS" and "Ubuntu:Pro:22.04:LTS",
 * as in osv.dev. */
bool osv_release_finds(struct str asked, struct str row);
/* An absolute http or https URL. */
bool osv_url_valid(struct str url);
/* A member of a document's top level. */
bool osv_member_known(struct str key);
/* The schema's closed lists of words. */
enum osv_words {
	OSV_CREDIT_TYPES,
	OSV_RANGE_TYPES,
	OSV_REFERENCE_TYPES,
	OSV_SEVERITY_TYPES,
	OSV_WORDS__MAX
};
/* The word as its list spells it, whatever the case of s and with "-" or " "
 * for "_"; NULL: it is none. */
const char *osv_word(enum osv_words list, struct str s);
/* NULL when the vector is good, otherwise what is wrong with it. */
const char *osv_cvss_complaint(struct str type, struct str score);

/* A report of malware, not of a vulnerability: its id or an alias is MAL-…, a
 * weakness of the class "embedded malicious code" (CWE-506 and its kinds) is
 * named, or it came through a database of malicious packages. */
bool osv_is_malware(const struct osv_document *d);

/* --- evaluation ---------------------------------------------------------- */

enum osv_answer {
	OSV_NOT_AFFECTED,
	OSV_UNKNOWN, /* the version cannot be ordered, or needs a git graph */
	OSV_AFFECTED,
};

/* Does the document affect this version of the package? ecosystem.p NULL:
 * any entry counts. *ret_why is a sentence in the arena, never empty. */
enum osv_answer osv_affects(struct arena *a, const struct osv_document *d,
    struct str ecosystem, struct str name, struct str version,
    const char **ret_why);
/* The same of one entry alone, whatever package it is about. */
enum osv_answer osv_entry_affects(struct arena *a,
    const struct osv_affected *entry, struct str version, const char **ret_why);
/* Names of one ecosystem that mean the same package are equal (PyPI, NuGet,
 * crates.io, GitHub Actions: as their registries see them). */
bool osv_same_name(struct str ecosystem, struct str a, struct str b);

#endif
