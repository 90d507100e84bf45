/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CycloneDX 1.6 JSON: every package as a component, every finding as an entry
 * of `vulnerabilities` with a VEX analysis that refers to its component.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "gate/policy.h"
#include "gate/print_priv.h"
#include "lockfile/lockfile.h"
#include "sys/clock.h"

struct analysis {
	const char *state, *severity, *response;
};

static const struct analysis analyses[] = {
	[GATE_MALICIOUS] = { "exploitable", "critical", "rollback" },
	[GATE_CONFUSION] = { "exploitable", "critical", "rollback" },
	[GATE_DENIED] = { "exploitable", "unknown", "rollback" },
	[GATE_TOO_YOUNG] = { "in_triage", "unknown", "rollback" },
	[GATE_UNVERIFIABLE] = { "in_triage", "unknown", NULL },
};
static_assert(sizeof(analyses) / sizeof(analyses[0]) == GATE_STATUS__MAX);

static void
put_ref(struct json *j, const char *key, size_t file, uint32_t package)
{
	char ref[48];

	(void)snprintf(ref, sizeof(ref), "package-%zu-%" PRIu32, file, package);
	json_key(j, key);
	json_strz(j, ref);
}

static void
put_property(struct json *j, const char *name, struct str value)
{
	if (value.p == NULL)
		return;
	json_object_begin(j);
	json_key(j, "name");
	json_strz(j, name);
	json_key(j, "value");
	json_str(j, value);
	json_object_end(j);
}

static void
put_occurrence(struct json *j, struct str path, uint32_t line)
{
	json_key(j, "evidence");
	json_object_begin(j);
	json_key(j, "occurrences");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "location");
	json_str(j, path);
	if (line != 0) {
		json_key(j, "line");
		json_int(j, line);
	}
	json_object_end(j);
	json_array_end(j);
	json_object_end(j);
}

static void
put_component(struct json *j, struct arena *scratch, const struct gate_file *f,
    size_t file, uint32_t package)
{
	const struct lock_package *p = &f->list->packages.v[package];
	struct str purl = gate_purl(scratch, p);

	json_object_begin(j);
	json_key(j, "type");
	json_strz(j, p->relation == LOCK_ROOT ? "application" : "library");
	put_ref(j, "bom-ref", file, package);
	json_key(j, "name");
	json_str(j, p->name.p != NULL ? p->name : STR_LIT(""));
	if (p->version.p != NULL) {
		json_key(j, "version");
		json_str(j, p->version);
	}
	if (purl.p != NULL) {
		json_key(j, "purl");
		json_str(j, purl);
	}
	put_occurrence(j, f->path, p->line);
	json_key(j, "properties");
	json_array_begin(j);
	put_property(j, "lazaret:ecosystem", p->ecosystem);
	put_property(j, "lazaret:origin", p->origin);
	put_property(j, "lazaret:alias", p->alias);
	put_property(j, "lazaret:group", p->group);
	json_array_end(j);
	json_object_end(j);
}

static void
put_components(struct json *j, const struct gate_result *r)
{
	struct arena *scratch = arena_new(16 * (size_t)MIB);

	json_key(j, "components");
	json_array_begin(j);
	for (size_t i = 0; i < r->n_files; i++) {
		const struct gate_file *f = &r->files[i];

		for (size_t k = 0; k < f->list->packages.n; k++) {
			put_component(j, scratch, f, i, (uint32_t)k);
			arena_reset(scratch);
		}
	}
	json_array_end(j);
	arena_free(scratch);
}

static void
put_analysis(struct json *j, const struct gate_finding *f)
{
	const struct analysis *a = &analyses[f->status];

	json_key(j, "analysis");
	json_object_begin(j);
	json_key(j, "state");
	json_strz(j, f->allowed != NULL ? "not_affected" : a->state);
	if (f->allowed != NULL) {
		json_key(j, "detail");
		json_str(j, f->allowed->reason);
	} else {
		if (a->response != NULL) {
			json_key(j, "response");
			json_array_begin(j);
			json_strz(j, a->response);
			json_array_end(j);
		}
		json_key(j, "detail");
		json_str(j, f->why);
	}
	json_object_end(j);
}

static void
put_affects(struct json *j, const struct gate_result *r,
    const struct gate_finding *f)
{
	struct str version = gate_package(r, f)->version;

	json_key(j, "affects");
	json_array_begin(j);
	json_object_begin(j);
	put_ref(j, "ref", f->file, f->package);
	if (version.p != NULL) {
		json_key(j, "versions");
		json_array_begin(j);
		json_object_begin(j);
		json_key(j, "version");
		json_str(j, version);
		json_key(j, "status");
		json_strz(j,
		    f->allowed != NULL                 ? "unaffected" :
			f->status == GATE_UNVERIFIABLE ? "unknown" :
							 "affected");
		json_object_end(j);
		json_array_end(j);
	}
	json_object_end(j);
	json_array_end(j);
}

static void
put_references(struct json *j, const struct gate_finding *f)
{
	json_key(j, "references");
	json_array_begin(j);
	for (size_t i = 0; i < f->n_records + f->n_aliases; i++) {
		struct str id = i < f->n_records ? f->records[i] :
						   f->aliases[i - f->n_records];

		if (str_eq(id, f->id))
			continue;
		json_object_begin(j);
		json_key(j, "id");
		json_str(j, id);
		json_key(j, "source");
		json_object_begin(j);
		json_key(j, "name");
		json_strz(j, "OSV");
		json_object_end(j);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
put_vulnerability(struct json *j, const struct gate_result *r,
    const struct gate_finding *f, size_t nth)
{
	char ref[40];
	struct buf b;

	(void)snprintf(ref, sizeof(ref), "finding-%zu", nth);
	buf_init(&b, 64 * KIB);
	print_sentence(r, f, &b);
	json_object_begin(j);
	json_key(j, "bom-ref");
	json_strz(j, ref);
	json_key(j, "id");
	json_str(j, f->id);
	put_references(j, f);
	json_key(j, "ratings");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "severity");
	json_strz(j, analyses[f->status].severity);
	json_key(j, "method");
	json_strz(j, "other");
	json_object_end(j);
	json_array_end(j);
	if (f->status == GATE_MALICIOUS || f->status == GATE_UNVERIFIABLE) {
		json_key(j, "cwes"); /* embedded malicious code */
		json_array_begin(j);
		json_int(j, 506);
		json_array_end(j);
	}
	json_key(j, "description");
	json_str(j, buf_str(&b));
	json_key(j, "recommendation");
	json_strz(j, print_advice(f->status));
	put_analysis(j, f);
	put_affects(j, r, f);
	json_object_end(j);
	buf_done(&b);
}

static void
put_metadata(struct json *j, const struct gate_result *r)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(r->now_s * NS_PER_SEC, text);
	json_key(j, "metadata");
	json_object_begin(j);
	json_key(j, "timestamp");
	json_strz(j, text);
	json_key(j, "tools");
	json_object_begin(j);
	json_key(j, "components");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "type");
	json_strz(j, "application");
	json_key(j, "name");
	json_strz(j, "lazaret");
	json_key(j, "version");
	json_strz(j, LAZARET_VERSION);
	json_object_end(j);
	json_array_end(j);
	json_object_end(j);
	json_object_end(j);
}

void
print_cyclonedx(const struct gate_result *r, const struct print *p)
{
	struct json j;
	size_t n = 0;

	json_init(&j, p->out, 1);
	json_object_begin(&j);
	json_key(&j, "bomFormat");
	json_strz(&j, "CycloneDX");
	json_key(&j, "specVersion");
	json_strz(&j, "1.6");
	json_key(&j, "version");
	json_int(&j, 1);
	put_metadata(&j, r);
	put_components(&j, r);
	json_key(&j, "vulnerabilities");
	json_array_begin(&j);
	for (size_t i = 0; i < r->findings.n; i++)
		put_vulnerability(&j, r, &r->findings.v[i], n++);
	for (size_t i = 0; i < r->allowed.n; i++)
		put_vulnerability(&j, r, &r->allowed.v[i], n++);
	json_array_end(&j);
	json_object_end(&j);
	buf_putc(p->out, '\n');
	print_json_show(p->out);
}
