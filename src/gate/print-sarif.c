/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SARIF 2.1.0. One rule per report (malware) or per kind of finding, one
 * result per entry of a file. Malware is level error with the highest
 * security-severity: there is no harmless version of it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "gate/policy.h"
#include "gate/print_priv.h"
#include "lockfile/lockfile.h"

struct severity {
	const char *level, *score, *title;
};

static const struct severity severities[] = {
	[GATE_MALICIOUS] = { "error", "10.0", "Malicious package" },
	[GATE_CONFUSION] = { "error", "9.5",
	    "Internal name from a public registry" },
	[GATE_DENIED] = { "error", "8.0", "Denied by policy" },
	[GATE_TOO_YOUNG] = { "error", "5.0", "Version is too young" },
	[GATE_UNVERIFIABLE] = { "warning", "3.0",
	    "A malicious package has this name; the origin is another" },
};
static_assert(sizeof(severities) / sizeof(severities[0]) == GATE_STATUS__MAX);

static bool
uri_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || memchr("-._~/", c, 5) != NULL;
}

/* A path as a relative URI reference, or file:///… for an absolute one. */
static struct str
uri_of(struct arena *a, struct str path)
{
	struct buf b;
	struct str s;

	while (str_starts(path, "./"))
		path = str_sub(path, 2, path.n);
	buf_init(&b, 3 * LIMIT_PATH_BYTES + 16);
	if (str_starts(path, "/"))
		buf_puts(&b, "file://");
	for (size_t i = 0; i < path.n; i++) {
		if (uri_plain((unsigned char)path.p[i]))
			buf_putc(&b, path.p[i]);
		else
			buf_printf(&b, "%%%02X", (unsigned char)path.p[i]);
	}
	s = arena_str(a, buf_str(&b));
	buf_done(&b);
	return s;
}

static struct str
rule_id(const struct gate_finding *f)
{
	if (f->status == GATE_MALICIOUS)
		return f->id;
	return str_of(gate_status_id(f->status));
}

static void
put_text(struct json *j, const char *key, struct str text)
{
	json_key(j, key);
	json_object_begin(j);
	json_key(j, "text");
	json_str(j, text);
	json_object_end(j);
}

/* What to do, as one text. */
static void
put_help(struct json *j, enum gate_status s)
{
	struct buf b;

	buf_init(&b, 64 * KIB);
	buf_puts(&b, print_advice(s));
	for (size_t i = 0;
	     s == GATE_MALICIOUS && print_steps_malicious[i] != NULL; i++)
		buf_printf(&b, "\n%zu. %s", i + 1, print_steps_malicious[i]);
	put_text(j, "help", buf_str(&b));
	buf_done(&b);
}

static void
put_rule(struct json *j, const struct gate_finding *f)
{
	const struct severity *v = &severities[f->status];

	json_object_begin(j);
	json_key(j, "id");
	json_str(j, rule_id(f));
	put_text(j, "shortDescription", str_of(v->title));
	put_text(j, "fullDescription",
	    f->status == GATE_MALICIOUS && f->summary.n != 0 ?
		f->summary :
		str_of(v->title));
	put_help(j, f->status);
	json_key(j, "defaultConfiguration");
	json_object_begin(j);
	json_key(j, "level");
	json_strz(j, v->level);
	json_object_end(j);
	json_key(j, "properties");
	json_object_begin(j);
	json_key(j, "security-severity");
	json_strz(j, v->score);
	json_key(j, "tags");
	json_array_begin(j);
	json_strz(j, "security");
	json_strz(j, f->status == GATE_MALICIOUS ? "malware" : "supply-chain");
	json_array_end(j);
	json_object_end(j);
	json_object_end(j);
}

/* Rules are numbered in the order in which findings need them. */
struct rules {
	struct map *index; /* id -> number + 1 */
	size_t n;
};

static size_t
rule_index(struct rules *rules, const struct gate_finding *f, bool *ret_new)
{
	uintptr_t at = (uintptr_t)map_get(rules->index, rule_id(f));

	*ret_new = at == 0;
	if (at == 0) {
		at = ++rules->n;
		(void)map_put(rules->index, rule_id(f), (void *)at);
	}
	return (size_t)at - 1;
}

static void
put_rules(struct json *j, const struct gate_result *r, struct rules *rules)
{
	bool new;

	json_key(j, "rules");
	json_array_begin(j);
	for (size_t i = 0; i < r->findings.n; i++) {
		(void)rule_index(rules, &r->findings.v[i], &new);
		if (new)
			put_rule(j, &r->findings.v[i]);
	}
	for (size_t i = 0; i < r->allowed.n; i++) {
		(void)rule_index(rules, &r->allowed.v[i], &new);
		if (new)
			put_rule(j, &r->allowed.v[i]);
	}
	json_array_end(j);
}

static void
put_location(struct json *j, const struct gate_result *r,
    const struct gate_finding *f)
{
	struct str path = gate_path(r, f);
	uint32_t line = gate_package(r, f)->line;

	json_key(j, "locations");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "physicalLocation");
	json_object_begin(j);
	json_key(j, "artifactLocation");
	json_object_begin(j);
	json_key(j, "uri");
	json_str(j, uri_of(r->arena, path));
	if (!str_starts(path, "/")) {
		json_key(j, "uriBaseId");
		json_strz(j, "%SRCROOT%");
	}
	json_object_end(j);
	json_key(j, "region");
	json_object_begin(j);
	json_key(j, "startLine");
	json_int(j, line != 0 ? line : 1);
	json_object_end(j);
	json_object_end(j);
	json_object_end(j);
	json_array_end(j);
}

static void
put_suppression(struct json *j, const struct policy_entry *allowed)
{
	json_key(j, "suppressions");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "kind");
	json_strz(j, "external");
	json_key(j, "status");
	json_strz(j, "accepted");
	json_key(j, "justification");
	json_str(j, allowed->reason);
	json_object_end(j);
	json_array_end(j);
}

static void
put_result(struct json *j, const struct gate_result *r,
    const struct gate_finding *f, struct rules *rules, size_t nth)
{
	char print[PRINT_FINGERPRINT_SIZE];
	struct buf b;
	bool new;

	buf_init(&b, 64 * KIB);
	json_object_begin(j);
	json_key(j, "ruleId");
	json_str(j, rule_id(f));
	json_key(j, "ruleIndex");
	json_int(j, (int64_t)rule_index(rules, f, &new));
	json_key(j, "level");
	json_strz(j, severities[f->status].level);
	print_sentence(r, f, &b);
	put_text(j, "message", buf_str(&b));
	put_location(j, r, f);
	print_fingerprint(r, f, nth, print);
	json_key(j, "partialFingerprints");
	json_object_begin(j);
	json_key(j, "lazaretFinding/v1");
	json_strz(j, print);
	json_object_end(j);
	if (f->allowed != NULL)
		put_suppression(j, f->allowed);
	json_key(j, "properties");
	json_object_begin(j);
	json_key(j, "status");
	json_strz(j, gate_status_name(f->status));
	json_key(j, "purl");
	json_str(j, gate_purl(r->arena, gate_package(r, f)));
	json_key(j, "origin");
	json_str(j, gate_package(r, f)->origin);
	json_object_end(j);
	json_object_end(j);
	buf_done(&b);
}

/* Findings that only their place tells apart are counted: 0, 1, … */
static size_t
nth_alike(struct map *seen, const struct gate_result *r,
    const struct gate_finding *f)
{
	char print[PRINT_FINGERPRINT_SIZE];
	uintptr_t n;

	print_fingerprint(r, f, 0, print);
	n = (uintptr_t)map_get(seen, str_of(print));
	(void)map_put(seen, str_of(print), (void *)(n + 1));
	return (size_t)n;
}

static void
put_results(struct json *j, const struct gate_result *r, struct rules *rules)
{
	struct map *seen = map_new(r->findings.n + r->allowed.n + 1);

	json_key(j, "results");
	json_array_begin(j);
	for (size_t i = 0; i < r->findings.n; i++)
		put_result(j, r, &r->findings.v[i], rules,
		    nth_alike(seen, r, &r->findings.v[i]));
	for (size_t i = 0; i < r->allowed.n; i++)
		put_result(j, r, &r->allowed.v[i], rules,
		    nth_alike(seen, r, &r->allowed.v[i]));
	json_array_end(j);
	map_free(seen);
}

/* What could not be read belongs to the run, not to its results. */
static void
put_invocation(struct json *j, const struct gate_result *r)
{
	json_key(j, "invocations");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "executionSuccessful");
	json_bool(j, r->n_errors == 0);
	json_key(j, "toolExecutionNotifications");
	json_array_begin(j);
	for (size_t i = 0; i < r->n_files; i++) {
		const struct lock_list *l = r->files[i].list;

		for (size_t k = 0; k < l->errors.n; k++) {
			char *text =
			    arena_printf(r->arena, "%.*s:%" PRIu32 ": %.*s",
				STR_ARG(r->files[i].path), l->errors.v[k].line,
				STR_ARG(l->errors.v[k].message));

			json_object_begin(j);
			json_key(j, "level");
			json_strz(j, "error");
			put_text(j, "message", str_of(text));
			json_object_end(j);
		}
	}
	json_array_end(j);
	json_object_end(j);
	json_array_end(j);
}

void
print_sarif(const struct gate_result *r, const struct print *p)
{
	struct rules rules = { .index =
				   map_new(r->findings.n + r->allowed.n + 1) };
	struct json j;

	json_init(&j, p->out, 1);
	json_object_begin(&j);
	json_key(&j, "version");
	json_strz(&j, "2.1.0");
	json_key(&j, "runs");
	json_array_begin(&j);
	json_object_begin(&j);
	json_key(&j, "tool");
	json_object_begin(&j);
	json_key(&j, "driver");
	json_object_begin(&j);
	json_key(&j, "name");
	json_strz(&j, "Lazaret");
	json_key(&j, "semanticVersion");
	json_strz(&j, LAZARET_VERSION);
	put_rules(&j, r, &rules);
	json_object_end(&j);
	json_object_end(&j);
	json_key(&j, "columnKind");
	json_strz(&j, "unicodeCodePoints");
	json_key(&j, "originalUriBaseIds");
	json_object_begin(&j);
	json_key(&j, "%SRCROOT%");
	json_object_begin(&j);
	put_text(&j, "description",
	    STR_LIT("the folder in which the scan was started"));
	json_object_end(&j);
	json_object_end(&j);
	put_invocation(&j, r);
	put_results(&j, r, &rules);
	json_object_end(&j);
	json_array_end(&j);
	json_object_end(&j);
	buf_putc(p->out, '\n');
	print_json_show(p->out);
	map_free(rules.index);
}
