/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the API, from a table: documents ("doc {…}"), then groups of a
 * request and its answer, "strict" before those of strict mode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "serve/answer.h"
#include "serve/api.h"
#include "serve/db.h"
#include "serve/http.h"
#include "snapshot/make.h"

static const char *table_path;

struct group {
	struct str request, want;
	int line;
};

static struct {
	VEC(struct str) documents;
	VEC(struct group) groups;
	struct db db;
	struct api compatible, strict;
} t;

static const struct {
	const char *path;
	void (*answer)(struct api *api, const struct http_request *r,
	    struct str rest, struct answer *ret);
} routes[] = {
	{ "/v1/querybatch", api_querybatch },
	{ "/v1/query", api_query },
	{ "/v1/vulns/", api_vulns },
	{ "/v1experimental/determineversion", api_determineversion },
	{ "/v1experimental/importfindings/", api_importfindings },
};

static void
ask(struct api *api, struct str path, struct str body, struct answer *ret)
{
	struct http_request r = { .body = body };

	answer_reset(ret);
	for (size_t i = 0; i < N_ELEMENTS(routes); i++) {
		size_t n = strlen(routes[i].path);

		if (!str_starts(path, routes[i].path))
			continue;
		routes[i].answer(api, &r, str_sub(path, n, path.n), ret);
		return;
	}
	fail_msg("%.*s is no route", STR_ARG(path));
}

static void
check(const struct group *g)
{
	struct str rest = g->request, path;
	struct api *api = &t.compatible;
	struct answer a;
	char *have;

	if (str_starts(rest, "strict ")) {
		rest = str_sub(rest, 7, rest.n);
		api = &t.strict;
	}
	(void)str_cut(&rest, ' ', &path);
	answer_init(&a);
	ask(api, path, rest, &a);
	have = mem_printf("%d %.*s", a.status, STR_ARG(buf_str(&a.body)));
	if (!str_is(g->want, have))
		fail_msg("line %d: %.*s\nwanted %.*s\nhave   %s", g->line,
		    STR_ARG(g->request), STR_ARG(g->want), have);
	free(have);
	answer_done(&a);
}

static void
the_table_holds(void **state)
{
	struct group *g;

	(void)state;
	assert_true(t.groups.n > 50);
	vec_foreach(g, &t.groups)
		check(g);
}

/* {"id":"…"} of the hits, over pages of two. */
static void
pages_follow_each_other(void **state)
{
	struct str body = STR_LIT("{\"package\":{\"ecosystem\":\"npm\","
				  "\"name\":\"many\"}}");
	struct str token_key = STR_LIT("\"next_page_token\":\"");
	char *next = NULL;
	struct answer a;
	size_t pages = 0, hits = 0;

	(void)state;
	answer_init(&a);
	t.compatible.page_hits = 2;
	do {
		struct str rest, token;
		ptrdiff_t at;

		ask(&t.compatible, STR_LIT("/v1/query"), body, &a);
		assert_int_equal(a.status, 200);
		pages++;
		for (rest = buf_str(&a.body);
		     (at = str_find(rest, STR_LIT("\"modified\""))) >= 0;
		     hits++)
			rest = str_sub(rest, (size_t)at + 1, rest.n);
		free(next);
		next = NULL;
		at = str_find(buf_str(&a.body), token_key);
		if (at < 0)
			break;
		rest = str_sub(buf_str(&a.body), (size_t)at + token_key.n,
		    a.body.n);
		assert_true(str_cut(&rest, '"', &token));
		next = mem_printf("{\"package\":{\"ecosystem\":\"npm\",\"name\""
				  ":\"many\"},\"pageToken\":\"%.*s\"}",
		    STR_ARG(token));
		body = str_of(next);
	} while (pages < 10);
	assert_int_equal(pages, 3);
	assert_int_equal(hits, 5);
	answer_done(&a);
}

static void
a_batch_has_a_thousand_queries(void **state)
{
	struct buf b;
	struct answer a;

	(void)state;
	answer_init(&a);
	buf_init(&b, MIB);
	buf_puts(&b, "{\"queries\":[");
	for (int i = 0; i < 1001; i++) /* each is wrong in itself */
		buf_puts(&b, i == 0 ? "{}" : ",{}");
	buf_puts(&b, "]}");
	ask(&t.compatible, STR_LIT("/v1/querybatch"), buf_str(&b), &a);
	assert_int_equal(a.status, 400);
	assert_string_equal(a.body.p,
	    "{\"code\":3,\"message\":\"too many queries\"}");
	buf_done(&b);
	answer_done(&a);
}

/* Whatever bytes come, there is an answer; every prefix and every byte of a
 * good request changed. */
static void
mutations_are_answered(void **state)
{
	char body[] = "{\"queries\":[{\"package\":{\"purl\":\"pkg:npm/%40s/x@1"
		      "\"},\"page_token\":\"P:0:TUFM\"},{\"commit\":\"ab\"}]}";
	const size_t n = sizeof(body) - 1;
	struct answer a;

	(void)state;
	answer_init(&a);
	for (size_t i = 0; i <= n; i++) {
		ask(&t.compatible, STR_LIT("/v1/querybatch"), str_n(body, i),
		    &a);
		assert_true(a.status == 200 || a.status == 400);
		for (int c = 0; c < 256 && i < n; c++) {
			char old = body[i];

			body[i] = (char)c;
			ask(&t.strict, STR_LIT("/v1/querybatch"),
			    str_n(body, n), &a);
			assert_true(a.status == 200 || a.status == 400);
			body[i] = old;
		}
	}
	answer_done(&a);
}

static void
read_table(void)
{
	_cleanup_(fclosep) FILE *f = fopen(table_path, "re");
	char *line = NULL;
	size_t size = 0;
	struct str pending = STR_NONE;
	int at = 0;
	ssize_t n;

	assert_non_null(f);
	while ((n = getline(&line, &size, f)) > 0) {
		struct str s = str_n(line, (size_t)n - (line[n - 1] == '\n'));

		at++;
		if (s.n == 0 || s.p[0] == '#')
			continue;
		s = str_of(mem_strndup(s));
		if (str_starts(s, "doc ")) {
			vec_push(&t.documents, str_sub(s, 4, s.n));
		} else if (pending.p == NULL) {
			pending = s;
		} else {
			vec_push(&t.groups, ((struct group){ pending, s, at }));
			pending = STR_NONE;
		}
	}
	free(line);
	assert_null(pending.p);
}

static int
set_up(void **state)
{
	struct make_input in = { .built_at_s = 1770000000 };
	struct error err = ERROR_INIT;
	int fd = -1;

	(void)state;
	read_table();
	in.documents = t.documents.v;
	in.n = t.documents.n;
	if (snapshot_make(&in, &fd, &err) != 0 || db_open(fd, &t.db, &err) != 0)
		fail_msg("%s", err.msg);
	(void)close(fd);
	api_init(&t.compatible, &t.db, false);
	api_init(&t.strict, &t.db, true);
	return 0;
}

static int
tear_down(void **state)
{
	struct group *g;
	struct str *d;

	(void)state;
	api_done(&t.compatible);
	api_done(&t.strict);
	db_close(&t.db);
	vec_foreach(g, &t.groups) {
		free((char *)(uintptr_t)g->request.p);
		free((char *)(uintptr_t)g->want.p);
	}
	vec_foreach(d, &t.documents)
		free((char *)(uintptr_t)(d->p - 4));
	vec_done(&t.groups);
	vec_done(&t.documents);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(pages_follow_each_other),
		cmocka_unit_test(a_batch_has_a_thousand_queries),
		cmocka_unit_test(mutations_are_answered),
	};

	assert_int_equal(argc, 2);
	table_path = argv[1];
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
