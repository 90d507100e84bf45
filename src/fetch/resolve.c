/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the supervisor: a package by name and version, or one that he
 * has. A request lives from its message to its result. Runs in role fetch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "ecosystem/npm/name.h"
#include "fetch/session_priv.h"

struct resolve {
	struct session *session;
	int64_t request;
	bool is_root;
	char *name, *want, *integrity, *base; /* owned; NULL: absent */
	struct document *document;
	/* what reply chose */
	char *version, *platform, *deprecated;
	bool platform_mismatch;
};

static void
resolve_free(struct resolve *r)
{
	free(r->name);
	free(r->want);
	free(r->integrity);
	free(r->base);
	free(r->version);
	free(r->platform);
	free(r->deprecated);
	free(r);
}

static char *
copy(struct str s)
{
	return s.p != NULL ? mem_strndup(s) : NULL;
}

/* The control channel is the supervisor's: when it breaks the loop ends. */
static void
send_result(struct session *s, int64_t request, int code, const char *sentence,
    const struct resolve *r, const struct artifact *a)
{
	struct channel *c = &s->control;
	const char *note =
	    r != NULL && r->document != NULL ? r->document->note : "";

	message_begin(c, FETCH_RESULT);
	message_put_int(c, request);
	message_put_int(c, code);
	message_put_str(c, str_of(sentence));
	message_put_str(c, str_of(a != NULL ? a->name : NULL));
	message_put_str(c, str_of(a != NULL ? a->version : NULL));
	message_put_str(c, str_of(a != NULL ? a->verified.integrity : NULL));
	message_put_str(c, str_of(a != NULL ? a->verified.sha256 : NULL));
	message_put_int(c, a != NULL ? a->verified.size : 0);
	message_put_int(c, r != NULL && r->platform_mismatch);
	message_put_str(c, str_of(r != NULL ? r->platform : NULL));
	message_put_str(c, str_of(r != NULL ? r->deprecated : NULL));
	message_put_str(c, str_of(note[0] != '\0' ? note : NULL));
	if (a != NULL)
		message_put_fd(c, a->fd);
	if (message_send(c, NULL) != 0 || channel_flush(c, NULL) != 0)
		s->stop = true;
}

static void
fail(struct resolve *r, int code, const char *sentence)
{
	send_result(r->session, r->request, code, sentence, r, NULL);
	resolve_free(r);
}

static void
on_artifact(void *arg, struct artifact *a)
{
	struct resolve *r = arg;

	if (a->progress == PROGRESS_FAILED) {
		fail(r, a->code, a->sentence);
		return;
	}
	send_result(r->session, r->request, 0, NULL, r, a);
	resolve_free(r);
}

/* The supervisor's integrity counts more than the registry's. */
static void
on_picked(void *arg, struct answer *answer)
{
	struct resolve *r = arg;
	struct artifact_source src = { 0 };
	struct artifact *a;
	char *sentence;

	if (answer->code != 0) {
		sentence = mem_strndup(answer->sentence);
		fail(r, answer->code, sentence);
		free(sentence);
		return;
	}
	r->version = mem_strndup(answer->version);
	r->platform = copy(answer->platform);
	r->deprecated = copy(answer->deprecated);
	r->platform_mismatch = answer->platform_mismatch;
	src.base = str_of(r->document->base);
	src.name = str_of(r->name);
	src.version = str_of(r->version);
	src.row = (struct index_row){ answer->tarball, answer->integrity,
		answer->shasum };
	if (r->integrity != NULL)
		src.row.integrity = str_of(r->integrity);
	a = artifact_get(r->session, &src);
	artifact_want(a, &src, on_artifact, r);
}

static void
on_document(void *arg, struct document *d)
{
	struct resolve *r = arg;
	int actions = REPLY_PICK | (r->is_root ? REPLY_FACTS : 0);
	struct error err = ERROR_INIT;

	if (d->raw == PROGRESS_FAILED) {
		fail(r, d->code, d->sentence);
		return;
	}
	if (ask_document(r->session, d, actions, str_of(r->want), on_picked, r,
		&err) != 0)
		fail(r, err.code, err.msg);
}

static void
begin(struct resolve *r)
{
	struct session *s = r->session;
	struct error err = ERROR_INIT;
	struct str name = str_of(r->name), base = str_of(r->base);

	if (npm_name_check(name, &err) != 0) {
		fail(r, err.code, err.msg);
		return;
	}
	if (base.n == 0)
		base = document_base(s, name, &err);
	if (base.n == 0) {
		fail(r, err.code, err.msg);
		return;
	}
	/* Roots with all members, for their dates and publishers. */
	r->document = document_get(s, base, name, r->is_root);
	if (r->is_root) {
		(void)map_put(s->allowed, name, s);
		(void)map_put(s->roots, name, r->document);
	}
	document_want(r->document, false, on_document, r);
}

int
resolve_begin(struct session *s, struct message *m, struct error *err)
{
	struct resolve *r = mem_alloc(sizeof(*r));
	int rc;

	r->session = s;
	r->request = message_get_int(m);
	r->is_root = message_get_int(m) != 0;
	r->name = copy(message_get_str(m));
	r->want = copy(message_get_str(m));
	r->integrity = copy(message_get_str(m));
	r->base = copy(message_get_str(m));
	if (r->name == NULL)
		m->bad = true;
	rc = message_end(m, err);
	if (rc != 0) {
		resolve_free(r);
		return rc;
	}
	if (r->base != NULL && !str_ends(str_of(r->base), "/")) {
		char *slashed = mem_printf("%s/", r->base);

		free(r->base);
		r->base = slashed;
	}
	begin(r);
	return 0;
}

/* ---- a package that the supervisor has */

static void
on_local(void *arg, struct answer *answer)
{
	struct resolve *r = arg;
	struct session *s = r->session;
	struct artifact_source src = { .name = str_of(r->name),
		.version = str_of(r->version) };
	struct artifact *a = artifact_get(s, &src);

	if (answer->code != 0) {
		char *sentence = mem_strndup(answer->sentence);

		fail(r, answer->code, sentence);
		free(sentence);
		return;
	}
	document_set_served(r->document, answer);
	if (r->document->served == PROGRESS_FAILED) {
		fail(r, r->document->code, r->document->sentence);
		return;
	}
	(void)map_put(s->allowed, src.name, s);
	(void)map_put(s->roots, src.name, r->document);
	send_result(s, r->request, 0, NULL, r, a);
	resolve_free(r);
}

static void
begin_local(struct resolve *r, struct str manifest_json, int fd)
{
	struct local l = { str_of(r->name), str_of(r->version), manifest_json };
	struct session *s = r->session;
	struct error err = ERROR_INIT;
	struct verified v;

	if (npm_name_check(l.name, &err) != 0 ||
	    verify(fd, STR_NONE, STR_NONE, &v, &err) != 0) {
		(void)close(fd);
		fail(r, err.code, err.msg);
		return;
	}
	r->document = document_get(s, STR_LIT("local:"), l.name, true);
	(void)artifact_set(s, l.name, l.version, fd, &v);
	if (ask_local(s, &l, &v, on_local, r, &err) != 0)
		fail(r, err.code, err.msg);
}

int
resolve_local(struct session *s, struct message *m, struct error *err)
{
	struct resolve *r = mem_alloc(sizeof(*r));
	struct str json;
	char *manifest;
	int rc, fd;

	r->session = s;
	r->is_root = true;
	r->request = message_get_int(m);
	r->name = copy(message_get_str(m));
	r->version = copy(message_get_str(m));
	json = message_get_str(m);
	fd = message_get_fd(m);
	if (r->name == NULL || r->version == NULL || json.p == NULL)
		m->bad = true;
	manifest = m->bad ? NULL : mem_strndup(json);
	rc = message_end(m, err);
	if (rc == 0) {
		begin_local(r, str_n(manifest, json.n), fd);
	} else {
		closep(&fd);
		resolve_free(r);
	}
	free(manifest);
	return rc;
}

int
resolve_served(struct session *s, struct message *m, struct error *err)
{
	int64_t request = message_get_int(m);
	struct channel *c = &s->control;
	const struct artifact *a;
	struct str key;
	void *value;
	size_t at = 0;
	int rc = message_end(m, err);

	while (rc == 0 && map_next(s->artifacts, &at, &key, &value)) {
		a = value;
		if (!a->served)
			continue;
		message_begin(c, FETCH_SERVED_ROW);
		message_put_int(c, request);
		message_put_str(c, str_of(a->name));
		message_put_str(c, str_of(a->version));
		message_put_str(c, str_of(a->verified.sha256));
		rc = message_send(c, err);
	}
	if (rc == 0)
		send_result(s, request, 0, NULL, NULL, NULL);
	return rc;
}
