/* SPDX-License-Identifier: Apache-2.0 */
/* The result as one JSON object (docs/scan.md). */
#include <inttypes.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "gate/policy.h"
#include "gate/print_priv.h"
#include "lockfile/lockfile.h"
#include "sys/clock.h"
#include "sys/term.h"

static void
put_escaped(struct buf *out, uint32_t code)
{
	if (code < 0x10000) {
		buf_printf(out, "\\u%04" PRIx32, code);
		return;
	}
	code -= 0x10000;
	buf_printf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + (code >> 10),
	    0xdc00 + (code & 0x3ff));
}

/* Bytes before the next one above '~'. */
static size_t
ascii_length(const char *p, size_t n)
{
	const uint64_t ones = UINT64_MAX / 255, highs = ones << 7;
	size_t i = 0;
	uint64_t v;

	for (; i + sizeof(v) <= n; i += sizeof(v)) {
		memcpy(&v, p + i, sizeof(v));
		if (((v | (v + ones)) & highs) != 0)
			break;
	}
	while (i < n && (unsigned char)p[i] < 0x7f)
		i++;
	return i;
}

/* Outside strings JSON is ASCII without DEL, so that what is found here stands
 * in one; the control characters below are escaped already. */
void
print_json_show(struct buf *out)
{
	size_t at = 0, from = 0, n;
	struct buf shown;
	uint32_t code;

	buf_init(&shown, out->max);
	while ((at += ascii_length(out->p + at, out->n - at)) < out->n) {
		code = term_acts(str_n(out->p + at, out->n - at), &n);
		if (code != 0) {
			buf_put(&shown, out->p + from, at - from);
			put_escaped(&shown, code);
			from = at + n;
		}
		at += n != 0 ? n : 1;
	}
	if (from != 0) {
		buf_put(&shown, out->p + from, out->n - from);
		shown.full |= out->full;
		buf_done(out);
		*out = shown;
		return;
	}
	buf_done(&shown);
}

static void
put_line(struct json *j, uint32_t line)
{
	json_key(j, "line");
	if (line != 0)
		json_int(j, line);
	else
		json_null(j);
}

/* Keys are ours and need no escapes; nearly all of a result is these lines. */
static void
put_text(struct buf *out, const char *key, struct str value)
{
	buf_puts(out, key);
	if (value.p != NULL)
		json_quote(out, value);
	else
		buf_put(out, "null", 4);
}

static void
put_number(struct buf *out, uint32_t n)
{
	char digits[12], *at = digits + sizeof(digits);

	if (n == 0) {
		buf_put(out, "null", 4);
		return;
	}
	for (; n != 0; n /= 10)
		*--at = (char)('0' + n % 10);
	buf_put(out, at, (size_t)(digits + sizeof(digits) - at));
}

static void
write_package(struct buf *out, struct arena *scratch,
    const struct gate_result *r, size_t file, uint32_t package)
{
	static const char *const relations[] = {
		[LOCK_UNKNOWN] = "null",
		[LOCK_DIRECT] = "\"direct\"",
		[LOCK_TRANSITIVE] = "\"transitive\"",
		[LOCK_ROOT] = "\"root\"",
	};
	struct lock_list *l = r->files[file].list;
	const struct lock_package *p = &l->packages.v[package];
	struct str names[PRINT_CHAIN];
	size_t n = gate_chain(l, package, names, PRINT_CHAIN);

	put_text(out, "{\"name\": ", p->name);
	put_text(out, ", \"version\": ", p->version);
	put_text(out, ", \"ecosystem\": ", p->ecosystem);
	put_text(out, ", \"purl\": ", gate_purl(scratch, p));
	put_text(out, ", \"origin\": ", p->origin);
	put_text(out, ", \"file\": ", r->files[file].path);
	buf_puts(out, ", \"line\": ");
	put_number(out, p->line);
	put_text(out, ", \"alias\": ", p->alias);
	put_text(out, ", \"group\": ", p->group);
	buf_puts(out, ", \"relation\": ");
	buf_puts(out, relations[p->relation]);
	buf_puts(out, ", \"path\": [");
	for (size_t i = 0; i < n; i++)
		put_text(out, i != 0 ? ", " : "", names[i]);
	buf_put(out, "]}", 2);
}

/* One line each. */
static void
put_package(struct json *j, struct arena *scratch, const struct gate_result *r,
    size_t file, uint32_t package)
{
	json_raw(j, STR_LIT(""));
	write_package(j->out, scratch, r, file, package);
}

void
print_json_packages(const struct gate_result *r, struct json *j)
{
	struct arena *scratch = arena_new(16 * (size_t)1024 * 1024);

	json_key(j, "packages");
	json_array_begin(j);
	for (size_t i = 0; i < r->n_files; i++) {
		const struct lock_list *l = r->files[i].list;

		for (size_t k = 0; k < l->packages.n; k++) {
			put_package(j, scratch, r, i, (uint32_t)k);
			arena_reset(scratch);
		}
	}
	json_array_end(j);
	json_key(j, "errors");
	json_array_begin(j);
	for (size_t i = 0; i < r->n_files; i++) {
		const struct lock_list *l = r->files[i].list;

		for (size_t k = 0; k < l->errors.n; k++) {
			json_object_begin(j);
			json_key(j, "file");
			json_str(j, r->files[i].path);
			put_line(j, l->errors.v[k].line);
			json_key(j, "message");
			json_str(j, l->errors.v[k].message);
			json_object_end(j);
		}
	}
	json_array_end(j);
	arena_free(scratch);
}

static void
put_strings(struct json *j, const char *key, const struct str *v, size_t n)
{
	json_key(j, key);
	json_array_begin(j);
	for (size_t i = 0; i < n; i++)
		json_str(j, v[i]);
	json_array_end(j);
}

static void
put_finding(struct json *j, const struct gate_result *r,
    const struct gate_finding *f)
{
	static const char *const reaches[] = {
		[GATE_REACH_NONE] = NULL,
		[GATE_REACH_VERSION] = "version",
		[GATE_REACH_RANGE] = "range",
		[GATE_REACH_PACKAGE] = "package",
	};

	json_object_begin(j);
	json_key(j, "id");
	json_str(j, f->id);
	json_key(j, "status");
	json_strz(j, gate_status_name(f->status));
	json_key(j, "package");
	put_package(j, r->arena, r, f->file, f->package);
	json_key(j, "match");
	json_strz(j, reaches[f->reach]);
	put_strings(j, "records", f->records, f->n_records);
	put_strings(j, "aliases", f->aliases, f->n_aliases);
	json_key(j, "summary");
	json_str(j, f->summary);
	json_key(j, "reason");
	json_str(j, f->why);
	json_key(j, "snapshot");
	json_str(j, f->snapshot);
	if (f->allowed != NULL) {
		json_key(j, "allowed");
		json_object_begin(j);
		json_key(j, "reason");
		json_str(j, f->allowed->reason);
		json_key(j, "expires");
		json_str(j, f->allowed->expires);
		json_key(j, "file");
		json_str(j, f->allowed->file);
		put_line(j, f->allowed->line);
		json_object_end(j);
	}
	json_object_end(j);
}

static void
put_time(struct json *j, const char *key, int64_t s)
{
	char text[CLOCK_RFC3339_SIZE];

	json_key(j, key);
	if (s == 0) {
		json_null(j);
		return;
	}
	clock_rfc3339(s * NS_PER_SEC, text);
	json_strz(j, text);
}

static void
put_snapshots(struct json *j, const struct gate_result *r)
{
	json_key(j, "snapshots");
	json_array_begin(j);
	for (size_t i = 0; i < r->snapshots.n; i++) {
		const struct gate_snapshot *s = &r->snapshots.v[i];

		json_object_begin(j);
		json_key(j, "file");
		json_str(j, s->path);
		put_time(j, "built", s->built_s);
		put_time(j, "newest", s->newest_s);
		json_key(j, "records");
		json_int(j, (int64_t)s->n_records);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
put_summary(struct json *j, const struct gate_result *r)
{
	const struct {
		const char *key;
		size_t n;
	} counts[] = {
		{ "files", r->n_files },
		{ "packages", r->n_packages },
		{ "without_version", r->n_unversioned },
		{ "unknown_age", r->n_unknown_age },
		{ "errors", r->n_errors },
		{ "allowed", r->allowed.n },
	};

	json_key(j, "summary");
	json_object_begin(j);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		json_key(j, counts[i].key);
		json_int(j, (int64_t)counts[i].n);
	}
	for (size_t s = 0; s < GATE_STATUS__MAX; s++) {
		json_key(j, gate_status_name((enum gate_status)s));
		json_int(j, (int64_t)gate_count(r, (enum gate_status)s));
	}
	put_time(j, "scanned", r->now_s);
	put_snapshots(j, r);
	json_object_end(j);
}

static void
put_notes(struct json *j, const struct gate_result *r)
{
	json_key(j, "notes");
	json_array_begin(j);
	for (size_t i = 0; i < r->notes.n; i++) {
		json_object_begin(j);
		json_key(j, "file");
		json_str(j, r->notes.v[i].path);
		put_line(j, r->notes.v[i].line);
		json_key(j, "message");
		json_str(j, r->notes.v[i].message);
		json_object_end(j);
	}
	json_array_end(j);
}

void
print_json(const struct gate_result *r, const struct print *p)
{
	struct json j;

	json_init(&j, p->out, 1);
	json_object_begin(&j);
	json_key(&j, "findings");
	json_array_begin(&j);
	for (size_t i = 0; i < r->findings.n; i++)
		put_finding(&j, r, &r->findings.v[i]);
	json_array_end(&j);
	json_key(&j, "allowed");
	json_array_begin(&j);
	for (size_t i = 0; i < r->allowed.n; i++)
		put_finding(&j, r, &r->allowed.v[i]);
	json_array_end(&j);
	put_summary(&j, r);
	put_notes(&j, r);
	print_json_packages(r, &j);
	json_object_end(&j);
	buf_putc(p->out, '\n');
	print_json_show(p->out);
}
