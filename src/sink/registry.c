/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry as an npm client sees it. A package's name and an archive's
 * version are all that is passed on, and only in the shape that names and
 * versions have; queries, headers and other paths end here. Runs in role sink.
 */
#include "sink/registry_priv.h"

#include <ctype.h>
#include <fnmatch.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sink/answer_priv.h"
#include "sink/http_priv.h"
#include "sink/relay_priv.h"
#include "sink/stream_priv.h"

#define NAME_MAX_BYTES 214 /* the client's own limit */
#define USER_NAME      "dev"

static const struct {
	const char *method, *path;
	int status;
	const char *json;
} rows[] = {
	{ "GET", "-/ping", 200, "{}" },
	{ "GET", "-/whoami", 200, "{\"username\":\"" USER_NAME "\"}" },
	{ "GET", "-/npm/v1/user", 200,
	    "{\"tfa\":null,\"name\":\"" USER_NAME "\",\"email\":\"" USER_NAME
	    "@mail.invalid\",\"email_verified\":true,"
	    "\"created\":\"2019-03-11T09:12:44.871Z\","
	    "\"updated\":\"2024-06-02T15:01:20.406Z\"}" },
	{ "GET", "-/npm/v1/tokens", 200,
	    "{\"objects\":[{\"token\":\"6f81c2\",\"key\":\"d1f0a94c7be2\","
	    "\"cidr_whitelist\":null,\"readonly\":false,\"automation\":true,"
	    "\"created\":\"2024-06-02T15:01:20.406Z\"}],\"total\":1,"
	    "\"urls\":{}}" },
	{ "POST", "-/npm/v1/tokens", 201,
	    "{\"token\":\"6f81c2b0-77aa-4be1-9a53-0f4c1d2e8b90\","
	    "\"key\":\"0b27d3e9ac51\",\"cidr_whitelist\":null,"
	    "\"readonly\":false,\"created\":\"2024-06-02T15:01:20.406Z\"}" },
	{ "DELETE", "-/npm/v1/tokens/*", 204, "" },
	{ "PUT", "-/user/org.couchdb.user:*", 201,
	    "{\"ok\":true,\"id\":\"org.couchdb.user:" USER_NAME
	    "\",\"rev\":\"1-4fd1\","
	    "\"token\":\"6f81c2b0-77aa-4be1-9a53-0f4c1d2e8b90\"}" },
	{ "GET", "-/user/org.couchdb.user:*", 200,
	    "{\"_id\":\"org.couchdb.user:" USER_NAME "\",\"name\":\"" USER_NAME
	    "\",\"email\":\"" USER_NAME "@mail.invalid\"}" },
	{ "POST", "-/v1/login", 404, "{\"error\":\"Not found\"}" },
	{ "POST", "-/npm/v1/security/advisories/bulk", 200, "{}" },
	{ "POST", "-/npm/v1/security/*", 200,
	    "{\"actions\":[],\"advisories\":{},\"muted\":[],\"metadata\":{"
	    "\"vulnerabilities\":{\"info\":0,\"low\":0,\"moderate\":0,"
	    "\"high\":0,\"critical\":0},\"dependencies\":0,"
	    "\"devDependencies\":0,\"optionalDependencies\":0,"
	    "\"totalDependencies\":0}}" },
	{ "GET", "-/npm/v1/security/*", 404, "{\"error\":\"Not found\"}" },
	{ "GET", "-/npm/v1/keys", 404, "{\"error\":\"Not found\"}" },
	{ "GET", "-/v1/search", 200,
	    "{\"objects\":[{\"package\":{\"name\":\"dev-build-notes\","
	    "\"version\":\"1.0.2\",\"description\":\"notes\","
	    "\"maintainers\":[{\"username\":\"" USER_NAME
	    "\",\"email\":\"" USER_NAME "@mail.invalid\"}],"
	    "\"publisher\":{\"username\":\"" USER_NAME "\"}},"
	    "\"score\":{\"final\":0.2,\"detail\":{}},\"searchScore\":0.1}],"
	    "\"total\":1,\"time\":\"2024-06-02T15:01:20.406Z\"}" },
	{ "GET", "-/package/*/dist-tags", 200, "{\"latest\":\"1.0.2\"}" },
	{ "GET", "-/package/*/collaborators", 200,
	    "{\"" USER_NAME "\":\"read-write\"}" },
	{ "GET", "-/user/*/package", 200,
	    "{\"dev-build-notes\":\"read-write\"}" },
	{ "GET", "-/org/*", 200, "{}" },
	{ "GET", "*", 404, "{\"error\":\"Not found\"}" },
	{ "HEAD", "*", 404, "{\"error\":\"Not found\"}" },
	/* Publishing, tags, owners, deprecation, stars. */
	{ "PUT", "*", 200,
	    "{\"ok\":true,\"success\":true,\"rev\":\"2-9c01\"}" },
	{ "*", "*", 200, "{\"ok\":true,\"success\":true}" },
};

/* Characters of names and versions, besides letters and digits. */
static bool
is_made_of(struct str s, const char *others, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) &&
		    (s.p[i] == '\0' || strchr(others, s.p[i]) == NULL))
			return false;
	return s.n != 0 && s.n <= max && s.p[0] != '-';
}

static bool
is_name_part(struct str s)
{
	return is_made_of(s, "-._~!'()*", NAME_MAX_BYTES) && s.p[0] != '.' &&
	    s.p[0] != '_';
}

/* "%2f" and "%40" as the client writes them; other escapes are in no name. */
static void
decode(struct str s, struct buf *out)
{
	while (s.n != 0) {
		struct str head = str_sub(s, 0, 3);
		size_t n = 1;

		if (str_eq_nocase(head, STR_LIT("%2f"))) {
			buf_putc(out, '/');
			n = 3;
		} else if (str_is(head, "%40")) {
			buf_putc(out, '@');
			n = 3;
		} else {
			buf_putc(out, s.p[0]);
		}
		s = str_sub(s, n, s.n);
	}
}

/* Takes the name off the front of *s. */
static bool
take_name(struct str *s, struct registry_path *ret, struct str *ret_base)
{
	struct str first, second;

	if (!str_cut(s, '/', &first))
		return false;
	*ret_base = first;
	if (first.n == 0 || first.p[0] != '@') {
		(void)snprintf(ret->name, sizeof(ret->name), "%.*s",
		    STR_ARG(first));
		return is_name_part(first);
	}
	if (!str_cut(s, '/', &second))
		return false;
	*ret_base = second;
	(void)snprintf(ret->name, sizeof(ret->name), "%.*s/%.*s",
	    STR_ARG(first), STR_ARG(second));
	return first.n + second.n < NAME_MAX_BYTES &&
	    is_name_part(str_sub(first, 1, first.n)) && is_name_part(second);
}

/* "base-VERSION.tgz" */
static bool
take_version(struct str file, struct str base, struct registry_path *ret)
{
	struct str version;

	if (file.n <= base.n + 5 || !str_eq(str_sub(file, 0, base.n), base) ||
	    file.p[base.n] != '-' || !str_ends(file, ".tgz"))
		return false;
	version = str_sub(file, base.n + 1, file.n - 4);
	if (!is_made_of(version, "-.+", sizeof(ret->version) - 1))
		return false;
	(void)snprintf(ret->version, sizeof(ret->version), "%.*s",
	    STR_ARG(version));
	return true;
}

bool
registry_path_parse(struct str path, struct registry_path *ret)
{
	struct str s, base;
	struct buf plain;
	bool ok;

	*ret = (struct registry_path){ .name = "" };
	buf_init(&plain, LIMIT_URL_BYTES);
	decode(path, &plain);
	s = buf_str(&plain);
	ok = !plain.full && take_name(&s, ret, &base);
	if (ok && s.p != NULL && str_starts(s, "-/")) {
		s = str_sub(s, 2, s.n);
		ret->archive = take_version(s, base, ret);
		ret->rest = !ret->archive;
	} else if (ok) {
		ret->rest = s.n != 0;
	}
	buf_done(&plain);
	return ok;
}

void
registry_set(struct world *w, struct str urls)
{
	struct str line, host, path;
	struct registry *r;
	ptrdiff_t at;

	while (str_cut(&urls, '\n', &line)) {
		line = str_trim(line);
		if (!str_starts(line, "http://") &&
		    !str_starts(line, "https://"))
			continue;
		host = str_sub(line, (size_t)str_chr(line, ':') + 3, line.n);
		at = str_chr(host, '/');
		path = at < 0 ? STR_LIT("") :
				str_sub(host, (size_t)at + 1, host.n);
		host = str_sub(host, 0, at < 0 ? host.n : (size_t)at);
		at = str_rchr(host, ':');
		host = str_sub(host, 0, at < 0 ? host.n : (size_t)at);
		r = vec_add(&w->registries);
		r->host = mem_strndup(host);
		for (char *p = r->host; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		r->path = mem_printf("/%.*s%s", STR_ARG(path),
		    path.n != 0 && !str_ends(path, "/") ? "/" : "");
	}
}

void
registry_done(struct world *w)
{
	struct registry *r;

	vec_foreach(r, &w->registries) {
		free(r->host);
		free(r->path);
	}
	vec_done(&w->registries);
}

/* Is the request below this base? Its path without the base in *ret. */
static bool
is_below(const struct registry *g, const struct request *r, struct str *ret)
{
	if (!str_is(r->host, g->host) || !str_starts(r->path, g->path))
		return false;
	*ret = str_sub(r->path, strlen(g->path), r->path.n);
	return true;
}

static void
answer_row(const struct request *r, struct str path, struct answer *a)
{
	_cleanup_(freep) char *p = mem_strndup(path);
	_cleanup_(freep) char *method = mem_strndup(r->method);

	a->word = "registry";
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		if (fnmatch(rows[i].method, method, 0) != 0 ||
		    fnmatch(rows[i].path, p, 0) != 0)
			continue;
		answer_json(a, rows[i].status, rows[i].json);
		if (rows[i].status == 204)
			a->media_type = NULL;
		return;
	}
}

bool
registry_answer(struct stream *s, const struct request *r, struct answer *a,
    int *ret_rc)
{
	const struct registry *g;
	struct registry_path named;
	struct str path = STR_NONE;
	bool get = str_is(r->method, "GET") || r->head;

	vec_foreach(g, &s->world->registries)
		if (is_below(g, r, &path))
			break;
	if (path.p == NULL)
		return false;
	s->registry = true;
	*ret_rc = 0;
	if (!get || str_starts(path, "-/") ||
	    !registry_path_parse(path, &named) || named.rest) {
		answer_row(r, path, a);
		return true;
	}
	if (relay_ask(s, str_of(named.name),
		named.archive ? str_of(named.version) : STR_NONE)) {
		*ret_rc = 1;
		return true;
	}
	a->word = "relay";
	answer_json(a, 404, "{\"error\":\"Not found\"}");
	return true;
}
