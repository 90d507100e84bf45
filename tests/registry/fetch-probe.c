/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test program: drives src/fetch/client.h as a subcommand would.
 *
 *	fetch-probe [KEY=VALUE]... COMMAND...
 *	  state=DIR registry=URL base=URL offline=1 timeout=MS node=VERSION
 *	  root NAME [WANT]	resolve as the package of the run
 *	  get NAME [WANT [INTEGRITY]]	resolve
 *	  local PATH		a folder or archive
 *	  document NAME		ask the relay, as the sink would
 *	  archive NAME VERSION	the same for an archive
 *	  both NAME,NAME,...	documents, all asked before one is read
 *	  served		what the relay served
 *	  archive-to FILE	write the last package there
 *	  unpack		static facts' manifest of the last package
 *
 * One line of JSON per command; a failure is {"error": sentence, "code": n}
 * and the next command is run all the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "ecosystem/npm/manifest.h"
#include "ecosystem/relay.h"
#include "fetch/client.h"
#include "runfile/fact.h"
#include "sys/fd.h"
#include "sys/message.h"

struct probe {
	struct fetch_options options;
	struct fetch *fetch;
	struct fetch_package last;
	struct channel relay;
	bool has_relay;
	int64_t request;
	struct buf out;
	struct json json;
	const char *next[3]; /* words after the command; NULL-filled */
};

static void
print(struct probe *p)
{
	(void)printf("%.*s\n", STR_ARG(buf_str(&p->out)));
	(void)fflush(stdout);
	buf_reset(&p->out);
	json_init(&p->json, &p->out, 0);
}

static void
member(struct probe *p, const char *key, const char *value)
{
	json_key(&p->json, key);
	json_strz(&p->json, value);
}

static void
member_int(struct probe *p, const char *key, int64_t value)
{
	json_key(&p->json, key);
	json_int(&p->json, value);
}

static int
tell(struct probe *p, int rc, const struct error *err)
{
	const struct fetch_package *k = &p->last;

	json_object_begin(&p->json);
	if (rc != 0) {
		member(p, "error", err->msg);
		member_int(p, "code", rc);
	} else {
		member(p, "name", k->name);
		member(p, "version", k->version);
		member(p, "purl", k->purl);
		member(p, "integrity", k->integrity);
		member(p, "sha256", k->sha256);
		member_int(p, "size", k->size);
		member_int(p, "local", k->is_local);
		member_int(p, "mismatch", k->platform_mismatch);
		member(p, "platform", k->platform);
		member(p, "deprecated", k->deprecated);
		member(p, "note", k->note);
	}
	json_object_end(&p->json);
	print(p);
	return 0;
}

static int
resolve(struct probe *p, bool is_root)
{
	struct fetch_spec spec = { .name = str_of(p->next[0]),
		.want = str_of(p->next[1]),
		.integrity = str_of(p->next[2]),
		.is_root = is_root };
	struct error err = ERROR_INIT;

	fetch_package_done(&p->last);
	if (p->next[1] != NULL && strcmp(p->next[1], "-") == 0)
		spec.want = STR_NONE;
	return tell(p, fetch_resolve(p->fetch, &spec, &p->last, &err), &err);
}

static int
do_root(struct probe *p)
{
	return resolve(p, true);
}

static int
do_get(struct probe *p)
{
	return resolve(p, false);
}

static int
do_local(struct probe *p)
{
	struct error err = ERROR_INIT;

	fetch_package_done(&p->last);
	return tell(p, fetch_local(p->fetch, p->next[0], &p->last, &err), &err);
}

static int
open_relay(struct probe *p)
{
	struct error err = ERROR_INIT;
	int fd;

	if (p->has_relay)
		return 0;
	if (fetch_relay(p->fetch, &fd, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	channel_init(&p->relay, fd);
	p->has_relay = true;
	return 0;
}

static int
ask(struct probe *p, uint16_t type, struct str name, const char *version)
{
	message_begin(&p->relay, type);
	message_put_int(&p->relay, ++p->request);
	message_put_str(&p->relay, name);
	if (version != NULL)
		message_put_str(&p->relay, str_of(version));
	return message_send(&p->relay, NULL) != 0 ||
	    channel_flush(&p->relay, NULL) != 0;
}

/* The body as text when it is JSON, else its size. */
static void
tell_body(struct probe *p, int fd)
{
	struct buf b;

	buf_init(&b, LIMIT_PACKUMENT_BYTES);
	(void)lseek(fd, 0, SEEK_SET);
	if (fd_read_all(fd, &b, NULL) == 0 && str_starts(buf_str(&b), "{")) {
		json_key(&p->json, "body");
		json_raw(&p->json, buf_str(&b));
	}
	member_int(p, "bytes", (int64_t)b.n);
	buf_done(&b);
	(void)close(fd);
}

static int
tell_answer(struct probe *p)
{
	struct message m;
	struct str media, sha256, sentence;
	int64_t id, status;
	int fd = -1;

	if (channel_recv(&p->relay, &m, NULL) != 1 || m.type != RELAY_ANSWER)
		return 1;
	id = message_get_int(&m);
	status = message_get_int(&m);
	media = message_get_str(&m);
	sha256 = message_get_str(&m);
	sentence = message_get_str(&m);
	if (status == 200)
		fd = message_get_fd(&m);
	json_object_begin(&p->json);
	member_int(p, "request", id);
	member_int(p, "status", status);
	json_key(&p->json, "media_type");
	json_str(&p->json, media);
	json_key(&p->json, "sha256");
	json_str(&p->json, sha256);
	json_key(&p->json, "sentence");
	json_str(&p->json, sentence);
	if (fd >= 0)
		tell_body(p, fd);
	json_object_end(&p->json);
	print(p);
	return message_end(&m, NULL) != 0;
}

static int
do_document(struct probe *p)
{
	return open_relay(p) ||
	    ask(p, RELAY_METADATA, str_of(p->next[0]), NULL) || tell_answer(p);
}

static int
do_archive(struct probe *p)
{
	return open_relay(p) ||
	    ask(p, RELAY_ARCHIVE, str_of(p->next[0]),
		p->next[1] != NULL ? p->next[1] : "") ||
	    tell_answer(p);
}

static int
do_both(struct probe *p)
{
	struct str names = str_of(p->next[0]), name;
	int n = 0, rc = open_relay(p);

	while (rc == 0 && str_cut(&names, ',', &name)) {
		rc = ask(p, RELAY_METADATA, name, NULL);
		n++;
	}
	for (; n > 0 && rc == 0; n--)
		rc = tell_answer(p);
	return rc;
}

static void
on_served(void *arg, struct str name, struct str version, struct str sha256)
{
	struct probe *p = arg;

	json_array_begin(&p->json);
	json_str(&p->json, name);
	json_str(&p->json, version);
	json_str(&p->json, sha256);
	json_array_end(&p->json);
}

static int
do_served(struct probe *p)
{
	struct error err = ERROR_INIT;
	int rc;

	json_array_begin(&p->json);
	rc = fetch_served(p->fetch, on_served, p, &err);
	json_array_end(&p->json);
	if (rc != 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	print(p);
	return rc != 0;
}

static int
do_archive_to(struct probe *p)
{
	_cleanup_(fclosep) FILE *f = fopen(p->next[0], "wb");
	_cleanup_(closep) int fd = -1;
	struct buf b;
	int rc;

	buf_init(&b, (size_t)LIMIT_ARCHIVE_BYTES);
	rc = fetch_package_reopen(&p->last, &fd, NULL);
	if (rc == 0)
		rc = fd_read_all(fd, &b, NULL);
	rc = f == NULL || rc != 0 || fwrite(b.p, 1, b.n, f) != b.n;
	buf_done(&b);
	return rc;
}

static void
tell_manifest(struct probe *p, const struct manifest *m)
{
	static const char *const kinds[] = { "cjs", "esm", "bin" };
	const struct manifest_entry *e;
	const struct manifest_script *s;

	json_object_begin(&p->json);
	json_key(&p->json, "name");
	json_str(&p->json, m->name);
	json_key(&p->json, "entries");
	json_array_begin(&p->json);
	vec_foreach(e, &m->entries) {
		json_array_begin(&p->json);
		json_strz(&p->json, kinds[e->kind]);
		json_str(&p->json, e->specifier);
		json_str(&p->json, e->path);
		json_bool(&p->json, e->exists);
		json_array_end(&p->json);
	}
	json_array_end(&p->json);
	json_key(&p->json, "scripts");
	json_object_begin(&p->json);
	vec_foreach(s, &m->scripts) {
		json_key_str(&p->json, s->name);
		json_str(&p->json, s->command);
	}
	json_object_end(&p->json);
	json_object_end(&p->json);
	print(p);
}

static int
do_unpack(struct probe *p)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct manifest m = { 0 };
	struct error err = ERROR_INIT;
	struct unpack *u;
	int rc = unpack_start(p->last.fd, -1, &u, &err);

	if (rc == 0)
		rc = unpack_finish(u, 60000, a, &m, &err);
	if (rc == 0)
		tell_manifest(p, &m);
	else
		(void)tell(p, rc, &err);
	manifest_done(&m);
	arena_free(a);
	return 0;
}

static void
tell_fact(struct probe *p, enum fact_kind kind, const union fact *f)
{
	const struct fact_column *c = fact_table(kind)->columns;

	json_array_begin(&p->json);
	json_strz(&p->json, fact_table(kind)->name);
	json_object_begin(&p->json);
	for (; c->name != NULL; c++) {
		const char *at = f->bytes + c->offset;
		int64_t v;
		struct str s;

		json_key(&p->json, c->name);
		if (c->type == FACT_INT || c->type == FACT_REAL) {
			memcpy(&v, at, sizeof(v));
			json_int(&p->json, v);
		} else {
			memcpy(&s, at, sizeof(s));
			json_str(&p->json, s);
		}
	}
	json_object_end(&p->json);
	json_array_end(&p->json);
}

static int
do_facts(struct probe *p)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct manifest manifest = { 0 };
	struct channel facts;
	struct message m;
	struct unpack *u;
	enum fact_kind kind;
	union fact f;
	int pair[2], rc = fd_socketpair(pair, NULL);

	if (rc == 0)
		rc = unpack_start(p->last.fd, pair[1], &u, NULL);
	if (rc != 0)
		return 1;
	(void)close(pair[1]);
	channel_init(&facts, pair[0]);
	json_array_begin(&p->json);
	while (channel_recv(&facts, &m, NULL) == 1 &&
	    fact_receive(&m, &kind, &f, NULL) == 0)
		tell_fact(p, kind, &f);
	json_array_end(&p->json);
	print(p);
	rc = unpack_finish(u, 60000, a, &manifest, NULL);
	manifest_done(&manifest);
	channel_done(&facts);
	arena_free(a);
	return rc < 0;
}

static const struct {
	const char *name;
	int n_words; /* at most; they end at the next command */
	int (*run)(struct probe *);
} commands[] = {
	{ "root", 3, do_root },
	{ "get", 3, do_get },
	{ "local", 1, do_local },
	{ "document", 1, do_document },
	{ "archive", 2, do_archive },
	{ "both", 1, do_both },
	{ "served", 0, do_served },
	{ "archive-to", 1, do_archive_to },
	{ "unpack", 0, do_unpack },
	{ "facts", 0, do_facts },
};

static int
command_of(const char *word)
{
	for (size_t i = 0; i < N_ELEMENTS(commands); i++)
		if (strcmp(commands[i].name, word) == 0)
			return (int)i;
	return -1;
}

static bool
set_option(struct probe *p, const char *word)
{
	struct fetch_options *o = &p->options;
	const char *value = strchr(word, '=');
	struct str key;

	if (value == NULL || command_of(word) >= 0)
		return false;
	key = str_n(word, (size_t)(value++ - word));
	if (str_is(key, "state"))
		o->state = value;
	else if (str_is(key, "registry"))
		o->registry = value;
	if (str_is(key, "base"))
		o->public_base = value;
	if (str_is(key, "node"))
		o->node_version = value;
	if (str_is(key, "cwd"))
		o->cwd = value;
	if (str_is(key, "offline"))
		o->offline = true;
	if (str_is(key, "timeout"))
		o->timeout_ms = (int)strtol(value, NULL, 10);
	return true;
}

/* Words up to the next ";" belong to the command. */
static int
run(struct probe *p, char **argv)
{
	int rc = 0, c;

	while (*argv != NULL && rc == 0) {
		c = command_of(*argv++);
		if (c < 0)
			return 2;
		memset(p->next, 0, sizeof(p->next));
		for (int i = 0; i < commands[c].n_words && *argv != NULL &&
		     strcmp(*argv, ";") != 0;
		     i++)
			p->next[i] = *argv++;
		if (*argv != NULL && strcmp(*argv, ";") == 0)
			argv++;
		rc = commands[c].run(p);
	}
	return rc;
}

int
main(int argc, char **argv)
{
	struct probe p = { .options = FETCH_OPTIONS_INIT, .last.fd = -1 };
	struct error err = ERROR_INIT;
	int rc;

	(void)argc;
	for (argv++; *argv != NULL && set_option(&p, *argv);)
		argv++;
	buf_init(&p.out, LIMIT_PACKUMENT_BYTES);
	json_init(&p.json, &p.out, 0);
	rc = fetch_open(&p.options, &p.fetch, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 4;
	}
	rc = run(&p, argv);
	fetch_package_done(&p.last);
	if (p.has_relay)
		channel_done(&p.relay);
	fetch_close(p.fetch);
	buf_done(&p.out);
	return rc;
}
