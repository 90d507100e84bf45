/* SPDX-License-Identifier: Apache-2.0 */
/* npm's configuration. */
#include "ecosystem/npm/npmrc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

static struct npmrc *
parse(struct arena *a, enum npmrc_layer layer, const char *text,
    const char *const *env)
{
	struct npmrc *c = npmrc_new(a);

	npmrc_add_env(c, env);
	assert_int_equal(npmrc_parse(c, layer, "x", str_of(text), env, NULL),
	    0);
	return c;
}

static void
assert_str(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p != NULL ? s.p : "", want, s.n);
}

static void
lines(void **state)
{
	struct arena *a = arena_new(MIB);
	static const char *const env[] = { "T=val", "EMPTY=", NULL };
	struct npmrc *c = parse(a, NPMRC_USER,
	    "\xef\xbb\xbf; comment\n# another\n[section]\n"
	    "a = 1\r\nb=\"two \\\"words\\\"\"\nc='x'\nflag\n"
	    "d=x${T}y\ne=${NONE}\nf=${NONE?}z\ng=\\${T}\nh=v ; note\n"
	    "${T}-key=k\n",
	    env);

	(void)state;
	assert_str(npmrc_get(c, STR_LIT("a")), "1");
	assert_str(npmrc_get(c, STR_LIT("b")), "two \"words\"");
	assert_str(npmrc_get(c, STR_LIT("c")), "x");
	assert_str(npmrc_get(c, STR_LIT("flag")), "true");
	assert_str(npmrc_get(c, STR_LIT("d")), "xvaly");
	assert_str(npmrc_get(c, STR_LIT("e")), "${NONE}");
	assert_str(npmrc_get(c, STR_LIT("f")), "z");
	assert_str(npmrc_get(c, STR_LIT("g")), "${T}");
	assert_str(npmrc_get(c, STR_LIT("h")), "v");
	assert_str(npmrc_get(c, STR_LIT("val-key")), "k");
	assert_null(npmrc_get(c, STR_LIT("none")).p);
	arena_free(a);
}

static void
registries(void **state)
{
	struct arena *a = arena_new(MIB);
	static const char *const env[] = {
		"NPM_CONFIG_@env:registry=https://env.test/", NULL
	};
	struct npmrc *c = parse(a, NPMRC_USER,
	    "registry=https://main.test/npm\n"
	    "@s:registry=https://scope.test/\n@bad:registry=ftp://x\n",
	    env);

	(void)state;
	assert_str(npmrc_registry(c, STR_LIT("x")), "https://main.test/npm/");
	assert_str(npmrc_registry(c, STR_LIT("@s/x")), "https://scope.test/");
	assert_str(npmrc_registry(c, STR_LIT("@env/x")), "https://env.test/");
	assert_null(npmrc_registry(c, STR_LIT("@bad/x")).p);
	assert_str(npmrc_registry(c, STR_LIT("@o/x")),
	    "https://main.test/npm/");
	arena_free(a);
}

static void
strongest_layer_first(void **state)
{
	struct arena *a = arena_new(MIB);
	static const char *const env[] = { "npm_config_strict_ssl=false",
		"NPM_CONFIG_REGISTRY=https://env.test/",
		"npm_config_x=", NULL };
	struct npmrc *c = parse(a, NPMRC_PROJECT,
	    "x=project\nregistry=https://project.test/\n", env);
	struct npmrc_trust t;

	(void)state;
	assert_int_equal(npmrc_parse(c, NPMRC_USER, "u",
			     STR_LIT("x=user\ny=user\nstrict-ssl=true\n"), env,
			     NULL),
	    0);
	assert_int_equal(npmrc_parse(c, NPMRC_GLOBAL, "g",
			     STR_LIT("y=global\nz=global\n"), env, NULL),
	    0);
	assert_str(npmrc_get(c, STR_LIT("x")), "project");
	assert_str(npmrc_get(c, STR_LIT("y")), "user");
	assert_str(npmrc_get(c, STR_LIT("z")), "global");
	assert_str(npmrc_registry(c, STR_LIT("a")), "https://env.test/");
	npmrc_trust(c, &t);
	assert_false(t.strict_ssl);
	arena_free(a);
}

/* URL → header; NULL: none. The password is base64 of "pass word". */
static const struct {
	const char *url, *header;
} credentials[] = {
	{ "https://a.test/x", "Bearer tok" },
	{ "http://a.test/deep/er/x.tgz?q=/../", "Bearer tok" },
	{ "https://a.test/team/x", "Basic dXNlcjpwYXNzIHdvcmQ=" },
	{ "https://a.test/team", "Bearer tok" }, /* not below team/ */
	{ "https://a.test/teams/x", "Bearer tok" },
	{ "https://a.test:8080/x", NULL },
	{ "https://b.test/x", "Basic Zm9vOmJhcg==" },
	{ "https://a.test.evil.test/x", NULL },
	{ "https://evil.test/a.test/", NULL },
	{ "https://evil.test/?//a.test/", NULL },
};

static void
who_gets_credentials(void **state)
{
	struct arena *a = arena_new(MIB);
	struct npmrc *c = parse(a, NPMRC_USER,
	    "//a.test/:_authToken=tok\n//a.test/team/:username=user\n"
	    "//a.test/team/:_password=cGFzcyB3b3Jk\n"
	    "//b.test/:_auth=Zm9vOmJhcg==\n_authToken=global\n",
	    NULL);
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	for (size_t i = 0; i < sizeof(credentials) / sizeof(*credentials);
	     i++) {
		buf_reset(&b);
		npmrc_authorization(c, str_of(credentials[i].url), &b);
		if (credentials[i].header == NULL && b.n != 0)
			fail_msg("%s got %s", credentials[i].url, b.p);
		if (credentials[i].header != NULL)
			assert_str(buf_str(&b), credentials[i].header);
	}
	buf_done(&b);
	arena_free(a);
}

static void
trust_and_proxies(void **state)
{
	struct arena *a = arena_new(MIB);
	static const char *const env[] = { "HTTPS_PROXY=http://env.test:1",
		"NO_PROXY=a.test", NULL };
	struct npmrc *c = parse(a, NPMRC_USER,
	    "cafile=/c.pem\nca[]=\"one\\nline\"\nca[]=two\n", env);
	struct npmrc_trust t;

	(void)state;
	npmrc_trust(c, &t);
	assert_str(t.cafile, "/c.pem");
	assert_str(t.ca, "one\nline\ntwo");
	assert_true(t.strict_ssl);
	assert_str(t.https_proxy, "http://env.test:1");
	assert_null(t.http_proxy.p);
	assert_str(t.noproxy, "a.test");
	c = parse(a, NPMRC_USER,
	    "proxy=http://p.test\nhttps-proxy=null\nca=null\n", env);
	npmrc_trust(c, &t);
	assert_str(t.http_proxy, "http://p.test");
	assert_str(t.https_proxy, "http://p.test");
	assert_null(t.ca.p);
	arena_free(a);
}

static void
too_large_is_said(void **state)
{
	struct arena *a = arena_new(MIB);
	struct npmrc *c = npmrc_new(a);
	static char text[LIMIT_CONFIG_BYTES + 1];

	(void)state;
	assert_int_equal(npmrc_parse(c, NPMRC_USER, "x",
			     str_n(text, sizeof(text)), NULL, NULL),
	    -EFBIG);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(registries),
		cmocka_unit_test(strongest_layer_first),
		cmocka_unit_test(who_gets_credentials),
		cmocka_unit_test(trust_and_proxies),
		cmocka_unit_test(too_large_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
