/* SPDX-License-Identifier: Apache-2.0 */
/* Which path is answered by what. Runs in role listener. */
#include "base/cleanup.h"
#include "base/json.h"
#include "serve/openapi.h"
#include "serve/server_priv.h"
#include "sys/clock.h"

/* As the gateway before the API says them. */
#define UNKNOWN "The current request is not defined by this API."

typedef void answer_api(struct api *api, const struct http_request *r,
    struct str rest, struct answer *ret);
typedef void answer_own(struct server *s);

struct route {
	const char *path;
	bool prefix; /* something has to stand behind it */
	enum http_method method; /* GET means HEAD as well */
	enum shared_route counted;
	answer_api *api; /* one of the two */
	answer_own *own;
};

static void
health(struct server *s)
{
	buf_puts(&s->answer.body, "{\"status\":\"ok\"}");
}

static void
put_time(struct json *j, const char *key, int64_t at_s)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(at_s * NS_PER_SEC, text);
	json_key(j, key);
	json_strz(j, text);
}

static void
ready(struct server *s)
{
	struct snapshot_info info;
	char hex[2 * SNAPSHOT_ID_BYTES + 1];
	struct json j;
	struct buf b;

	if (s->draining)
		s->answer.status = 503;
	snapshot_info(s->db.snapshot, &info);
	buf_init(&b, sizeof(hex));
	buf_put_hex(&b, info.id, sizeof(info.id));
	json_init(&j, &s->answer.body, 0);
	json_object_begin(&j);
	json_key(&j, "status");
	json_strz(&j, s->draining ? "draining" : "ready");
	json_key(&j, "snapshot");
	json_str(&j, buf_str(&b));
	put_time(&j, "built", info.built_at_s);
	put_time(&j, "modified", info.modified_s);
	json_key(&j, "records");
	json_int(&j, info.n_records);
	json_object_end(&j);
	buf_done(&b);
}

static void
metrics(struct server *s)
{
	s->answer.media_type = "text/plain; version=0.0.4; charset=utf-8";
	shared_print(s->shared, &s->answer.body);
}

static void
description(struct server *s)
{
	buf_put_str(&s->answer.body, str_of(openapi_json));
}

static const struct route routes[] = {
	{ "/v1/query", false, HTTP_METHOD_POST, SHARED_QUERY, api_query, NULL },
	{ "/v1/querybatch", false, HTTP_METHOD_POST, SHARED_QUERYBATCH,
	    api_querybatch, NULL },
	{ "/v1/vulns/", true, HTTP_METHOD_GET, SHARED_VULNS, api_vulns, NULL },
	{ "/v1experimental/determineversion", false, HTTP_METHOD_POST,
	    SHARED_EXPERIMENTAL, api_determineversion, NULL },
	{ "/v1experimental/importfindings/", true, HTTP_METHOD_GET,
	    SHARED_EXPERIMENTAL, api_importfindings, NULL },
	{ "/healthz", false, HTTP_METHOD_GET, SHARED_OTHER, NULL, health },
	{ "/readyz", false, HTTP_METHOD_GET, SHARED_OTHER, NULL, ready },
	{ "/metrics", false, HTTP_METHOD_GET, SHARED_OTHER, NULL, metrics },
	{ "/openapi.json", false, HTTP_METHOD_GET, SHARED_OTHER, NULL,
	    description },
};

static const struct route *
find(struct str path, struct str *ret_rest)
{
	for (size_t i = 0; i < N_ELEMENTS(routes); i++) {
		size_t n = strlen(routes[i].path);

		if (!str_starts(path, routes[i].path))
			continue;
		*ret_rest = str_sub(path, n, path.n);
		if (routes[i].prefix ? str_chr(*ret_rest, '/') < 0 :
				       ret_rest->n == 0)
			return &routes[i];
	}
	return NULL;
}

static bool
allows(const struct route *r, enum http_method m)
{
	return m == r->method ||
	    (m == HTTP_METHOD_HEAD && r->method == HTTP_METHOD_GET);
}

static const char *
allowed(const struct route *r)
{
	return r != NULL && r->method == HTTP_METHOD_POST ?
	    "POST, OPTIONS" :
	    "GET, HEAD, OPTIONS";
}

/* A browser's question whether a page of another origin may ask us, or
 * somebody's what can be asked. */
static void
options(struct answer *a, const struct http_request *r,
    const struct route *route)
{
	a->status = 204;
	buf_printf(&a->headers, "Allow: %s\r\n", allowed(route));
	if (r->headers[HTTP_HEADER_ORIGIN].p == NULL)
		return;
	buf_printf(&a->headers,
	    "Access-Control-Allow-Methods: %s\r\n"
	    "Access-Control-Allow-Headers: Accept,Authorization,"
	    "Cache-Control,Content-Type,If-None-Match,Range,User-Agent\r\n"
	    "Access-Control-Max-Age: 1728000\r\n",
	    allowed(route));
}

static void
not_allowed(struct answer *a, const struct route *r)
{
	struct buf said;

	buf_init(&said, 512);
	buf_printf(&said,
	    "The current request is matched to the defined url template "
	    "\"%s\" but its http method is not allowed",
	    r != NULL ? r->path : "/");
	answer_error(a, 405, 405, buf_str(&said));
	buf_printf(&a->headers, "Allow: %s\r\n", allowed(r));
	buf_done(&said);
}

/* Everything that is not the API's is a file of the bucket. */
static int
route_file(struct connection *c, const struct http_request *r)
{
	struct answer *a = &c->server->answer;

	if (str_starts(r->path, "/v1/") || str_starts(r->path, "/v1e") ||
	    r->path.n < 2) {
		answer_error(a, 404, 404, STR_LIT(UNKNOWN));
		return 0;
	}
	if (r->method != HTTP_METHOD_GET && r->method != HTTP_METHOD_HEAD) {
		not_allowed(a, NULL);
		return 0;
	}
	c->route = SHARED_BUCKET;
	return bucket_request(c, r, str_sub(r->path, 1, r->path.n));
}

int
route_request(struct connection *c, const struct http_request *r)
{
	struct server *s = c->server;
	struct str rest = STR_NONE;
	const struct route *route = find(r->path, &rest);

	if (route != NULL)
		c->route = route->counted;
	if (r->method == HTTP_METHOD_OPTIONS)
		options(&s->answer, r, route);
	else if (route == NULL)
		return route_file(c, r);
	else if (!allows(route, r->method))
		not_allowed(&s->answer, route);
	else if (route->api != NULL)
		route->api(&s->api, r, rest, &s->answer);
	else
		route->own(s);
	return 0;
}
