/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role unpack: reads one archive and says what is in it: a row per member, the
 * manifest, addresses and gyp commands. It has its memory, the archive, a
 * channel to scribe and one to the supervisor; no files, no network, no exec.
 */
#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive/reader.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "ecosystem/npm/manifest.h"
#include "fetch/protocol.h"
#include "role/unpack_priv.h"
#include "runfile/fact.h"
#include "static/figures.h"
#include "static/gyp.h"
#include "static/strings.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"

/* Above this a file is not searched for addresses: what matters in text is
 * smaller, and memory stays bounded. */
#define KEEP_TEXT_BYTES      (8 * (size_t)MIB)
#define MAX_STRINGS_PER_FILE 200
#define MAX_STRINGS          5000

struct unpacker {
	struct channel control, facts;
	struct reader *reader;
	struct arena *arena;
	VEC(struct str) files; /* for the manifest; in the arena */
	struct map *strings; /* seen already */
	struct buf text; /* of the current file */
	struct buf manifest, names;
	bool has_manifest;
	int64_t n_files, n_anomalies;
	/* of the file whose text is searched */
	struct str path;
	int n_found;
	int rc;
};

static int
static_fact(struct unpacker *u, const char *kind, struct str value,
    struct str path, int64_t line)
{
	struct fact_static_fact f;

	fact_init(FACT_STATIC_FACT, &f);
	f.kind = str_of(kind);
	f.value = value;
	f.path = path;
	if (line > 0)
		f.line = line;
	return fact_send(&u->facts, FACT_STATIC_FACT, &f, NULL);
}

/* ---- members */

static const char *const type_names[] = {
	[READER_FILE] = "file",
	[READER_FOLDER] = "folder",
	[READER_SYMLINK] = "symlink",
	[READER_HARDLINK] = "hardlink",
	[READER_DEVICE] = "device",
	[READER_FIFO] = "fifo",
	[READER_SOCKET] = "socket",
};
static_assert(N_ELEMENTS(type_names) == READER_TYPE__MAX, "a name per type");

/* "duplicate,setuid" */
static struct str
anomaly_names(struct unpacker *u, unsigned bits)
{
	buf_reset(&u->names);
	for (unsigned i = 0; i < READER_N_ANOMALIES; i++) {
		if ((bits & 1u << i) == 0)
			continue;
		if (u->names.n != 0)
			buf_putc(&u->names, ',');
		buf_puts(&u->names, reader_anomaly_name(1u << i));
	}
	return bits != 0 ? buf_str(&u->names) : STR_NONE;
}

static int
tell_member(struct unpacker *u, const struct reader_member *m,
    const struct figures *g)
{
	unsigned bits = reader_anomalies(u->reader);
	struct fact_artifact_file f;

	fact_init(FACT_ARTIFACT_FILE, &f);
	f.path = m->inner;
	f.type = str_of(g != NULL ? g->type : type_names[m->type]);
	f.mode = m->mode;
	f.target = m->target;
	f.anomaly = anomaly_names(u, bits);
	if (g != NULL) {
		f.size = g->size;
		f.sha256 = str_of(g->sha256);
		f.entropy = g->entropy;
	}
	if (g != NULL && g->is_text) {
		f.lines = g->lines;
		f.longest_line = g->longest_line;
	}
	u->n_files++;
	u->n_anomalies += bits != 0;
	return fact_send(&u->facts, FACT_ARTIFACT_FILE, &f, NULL);
}

static bool
on_string(void *arg, const char *kind, struct str value, int64_t line)
{
	struct unpacker *u = arg;

	if (map_put(u->strings, value, u) != 0)
		return map_count(u->strings) < MAX_STRINGS;
	u->rc = static_fact(u, kind, value, u->path, line);
	return u->rc == 0 && ++u->n_found < MAX_STRINGS_PER_FILE;
}

static void
on_gyp_command(void *arg, struct str command, int64_t line)
{
	struct unpacker *u = arg;

	if (u->rc == 0)
		u->rc = static_fact(u, "gyp-command", command, u->path, line);
}

static int
search_text(struct unpacker *u, struct str path, const struct figures *g)
{
	u->path = path;
	u->n_found = 0;
	u->rc = 0;
	if (str_ends(path, ".gyp") || str_ends(path, ".gypi"))
		gyp_commands(buf_str(&u->text), on_gyp_command, u);
	/* Maps of sources repeat what the sources say. */
	if (u->rc == 0 && g->is_text && !str_ends(path, ".map"))
		strings_find(buf_str(&u->text), on_string, u);
	return u->rc;
}

/* The first package.json at the top counts; a second one is an anomaly. */
static void
keep_manifest(struct unpacker *u, struct str path)
{
	if (!str_is(path, "package.json") || u->has_manifest || u->text.full ||
	    u->text.n > LIMIT_MANIFEST_BYTES)
		return;
	buf_put_str(&u->manifest, buf_str(&u->text));
	u->has_manifest = true;
}

static int
read_file(struct unpacker *u, const struct reader_member *m, struct error *err)
{
	struct figuring *f = figuring_new();
	struct figures g;
	char bytes[64 * KIB];
	int64_t n;
	int rc;

	buf_reset(&u->text);
	u->text.full = false;
	while ((n = reader_read(u->reader, bytes, sizeof(bytes), err)) > 0) {
		figuring_add(f, bytes, (size_t)n);
		buf_put(&u->text, bytes, (size_t)n);
	}
	figuring_end(f, m->inner, &g);
	rc = tell_member(u, m, &g);
	if (rc == 0 && !u->text.full)
		rc = search_text(u, m->inner, &g);
	keep_manifest(u, m->inner);
	if (u->files.n < LIMIT_ARCHIVE_ENTRIES)
		vec_push(&u->files, arena_str(u->arena, m->inner));
	if (n < 0)
		return (int)n;
	return rc;
}

/* Why the archive was not read whole goes into err; 0 in that case too. */
static int
read_members(struct unpacker *u, struct error *err)
{
	struct reader_member m;
	int rc;

	while ((rc = reader_next(u->reader, &m, err)) == 1) {
		rc = m.type == READER_FILE ? read_file(u, &m, err) :
					     tell_member(u, &m, NULL);
		if (rc != 0)
			return rc;
	}
	return rc;
}

/* ---- the manifest */

static const char *const entry_names[] = {
	[MANIFEST_ENTRY_CJS] = "cjs",
	[MANIFEST_ENTRY_ESM] = "esm",
	[MANIFEST_ENTRY_BIN] = "bin",
};
static_assert(N_ELEMENTS(entry_names) == MANIFEST_ENTRY_KIND__MAX, "names");

static const char *const dependency_names[] = {
	[MANIFEST_PROD] = "prod",
	[MANIFEST_DEV] = "dev",
	[MANIFEST_OPTIONAL] = "optional",
	[MANIFEST_PEER] = "peer",
	[MANIFEST_BUNDLED] = "bundled",
};
static_assert(N_ELEMENTS(dependency_names) == MANIFEST_DEPENDENCY_KIND__MAX,
    "names");

static int manifest_fact(struct unpacker *u, const char *kind, int64_t line,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int
manifest_fact(struct unpacker *u, const char *kind, int64_t line,
    const char *fmt, ...)
{
	va_list ap;

	buf_reset(&u->names);
	va_start(ap, fmt);
	buf_vprintf(&u->names, fmt, ap);
	va_end(ap);
	if (u->names.n == 0)
		return 0;
	return static_fact(u, kind, buf_str(&u->names), STR_LIT("package.json"),
	    line);
}

static int
tell_scripts(struct unpacker *u, const struct manifest *m)
{
	const struct manifest_script *s;
	const struct manifest_entry *e;
	int rc = 0;

	vec_foreach(s, &m->scripts)
		if (rc == 0)
			rc = manifest_fact(u, "script", s->line, "%.*s: %.*s",
			    STR_ARG(s->name), STR_ARG(s->command));
	vec_foreach(e, &m->entries)
		if (rc == 0 && e->kind == MANIFEST_ENTRY_BIN)
			rc = manifest_fact(u, "bin", 0, "%.*s: %.*s",
			    STR_ARG(e->specifier), STR_ARG(e->path));
		else if (rc == 0)
			rc = manifest_fact(u, "entry", 0, "%s %.*s: %.*s",
			    entry_names[e->kind], STR_ARG(e->specifier),
			    STR_ARG(e->path));
	return rc;
}

static int
tell_dependencies(struct unpacker *u, const struct manifest *m)
{
	const struct manifest_dependency *d;
	struct fact_dependency f;
	int rc = 0;

	vec_foreach(d, &m->dependencies) {
		if (rc != 0)
			break;
		fact_init(FACT_DEPENDENCY, &f);
		f.name = d->name;
		f.declared = d->declared;
		f.kind = str_of(dependency_names[d->kind]);
		f.source = d->source;
		f.required_by = m->name;
		rc = fact_send(&u->facts, FACT_DEPENDENCY, &f, NULL);
		if (rc == 0 && manifest_source_is_remote(d->source))
			rc = manifest_fact(u, "remote-dependency", d->line,
			    "%.*s: %.*s", STR_ARG(d->name),
			    STR_ARG(d->declared));
	}
	return rc;
}

static int
tell_manifest(struct unpacker *u, const struct manifest *m)
{
	int rc = tell_scripts(u, m);

	if (rc == 0)
		rc = tell_dependencies(u, m);
	if (rc == 0)
		rc = manifest_fact(u, "type", 0, "%.*s", STR_ARG(m->type));
	if (rc == 0)
		rc = manifest_fact(u, "os", 0, "%.*s", STR_ARG(m->os));
	if (rc == 0)
		rc = manifest_fact(u, "cpu", 0, "%.*s", STR_ARG(m->cpu));
	if (rc == 0)
		rc = manifest_fact(u, "libc", 0, "%.*s", STR_ARG(m->libc));
	if (rc == 0)
		rc = manifest_fact(u, "engine", 0, "%.*s",
		    STR_ARG(m->engine_node));
	if (rc == 0 && m->gypfile)
		rc = manifest_fact(u, "gypfile", 0, "binding.gyp");
	if (rc == 0 && m->cut)
		rc = manifest_fact(u, "cut", 0, "package.json lists too much");
	return rc;
}

static int
finish_manifest(struct unpacker *u, struct error *err)
{
	struct manifest_files files = { u->files.v, u->files.n };
	struct manifest m = { 0 };
	struct error why = ERROR_INIT;
	int rc;

	if (!u->has_manifest)
		return 0;
	if (manifest_parse(u->arena, buf_str(&u->manifest), &files, &m, &why) !=
	    0)
		return static_fact(u, "manifest-error", str_of(why.msg),
		    STR_LIT("package.json"), 0);
	rc = tell_manifest(u, &m);
	if (rc == 0) {
		message_begin(&u->control, UNPACK_MANIFEST);
		manifest_put(&u->control, &m);
		rc = message_send(&u->control, err);
	}
	manifest_done(&m);
	return rc;
}

/* ---- the whole */

static int
run(struct unpacker *u, struct error *err)
{
	struct error why = ERROR_INIT;
	int rc = reader_open(UNPACK_ARCHIVE_FD, 1, &u->reader, &why), problem;

	if (rc == 0)
		rc = read_members(u, &why);
	problem = rc;
	/* What is wrong with the archive is a fact. */
	if (problem != 0)
		(void)static_fact(u, "archive-error", str_of(why.msg), STR_NONE,
		    0);
	rc = finish_manifest(u, err);
	if (rc == 0)
		rc = channel_flush(&u->facts, err);
	if (rc != 0)
		return rc;
	message_begin(&u->control, UNPACK_DONE);
	message_put_int(&u->control, u->n_files);
	message_put_int(&u->control, u->n_anomalies);
	message_put_str(&u->control, problem != 0 ? str_of(why.msg) : STR_NONE);
	rc = message_send(&u->control, err);
	return rc == 0 ? channel_flush(&u->control, err) : rc;
}

int
main(void)
{
	static const struct lockdown l = { .rights = LOCKDOWN_PURE };
	struct unpacker u = { 0 };
	struct error err = ERROR_INIT;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	/* Names in archives are UTF-8 where they are anything. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	unpack_limits();
	rc = lockdown(&l, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret: unpack: %s\n", err.msg);
		return 1;
	}
	channel_init(&u.control, CONTROL_FD);
	channel_init(&u.facts, FACTS_FD);
	u.arena = arena_new(LIMIT_ARENA_BYTES);
	u.strings = map_new(MAX_STRINGS);
	buf_init(&u.text, KEEP_TEXT_BYTES);
	buf_init(&u.manifest, LIMIT_MANIFEST_BYTES);
	buf_init(&u.names, LIMIT_URL_BYTES);
	rc = run(&u, &err);
	if (rc != 0)
		(void)fprintf(stderr, "lazaret: unpack: %s\n", err.msg);
	reader_free(u.reader);
	map_free(u.strings);
	vec_done(&u.files);
	buf_done(&u.text);
	buf_done(&u.manifest);
	buf_done(&u.names);
	arena_free(u.arena);
	channel_done(&u.control);
	channel_done(&u.facts);
	return rc != 0;
}
