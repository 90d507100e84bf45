/* SPDX-License-Identifier: Apache-2.0 */
/* A code host's API, as stolen tokens are tried on it. */
#include "sink/service_priv.h"

#define JSON "application/json; charset=utf-8"
#define REPOSITORY \
	"{\"id\":710441938,\"name\":\"notes\",\"full_name\":\"dev/notes\"," \
	"\"private\":false,\"owner\":{\"login\":\"dev\",\"id\":48120377}," \
	"\"default_branch\":\"main\",\"permissions\":{\"admin\":true," \
	"\"push\":true,\"pull\":true},\"created_at\":\"$now\"}"
#define COMMIT \
	"{\"content\":{\"name\":\"data\",\"path\":\"data\"," \
	"\"sha\":\"95b966ae1c166bd92f8ae7d1c313e738c731dfc3\"}," \
	"\"commit\":{\"sha\":\"7638417db6d59f3c431d3e1f261cc637155684cd\"}}"

const struct service services_github[] = {
	{ "GET", NULL, "/user", "authorization", 200, JSON,
	    "{\"login\":\"dev\",\"id\":48120377,\"type\":\"User\","
	    "\"name\":\"dev\",\"email\":null,\"public_repos\":3,"
	    "\"two_factor_authentication\":true,"
	    "\"plan\":{\"name\":\"free\"}}" },
	{ "GET", NULL, "/user/repos", NULL, 200, JSON, "[" REPOSITORY "]" },
	{ "GET", NULL, "/user/orgs", NULL, 200, JSON, "[]" },
	{ "GET", NULL, "/user/emails", NULL, 200, JSON, "[]" },
	{ "GET", NULL, "/users/*/repos", NULL, 200, JSON, "[" REPOSITORY "]" },
	{ "POST", NULL, "/user/repos", NULL, 201, JSON, REPOSITORY },
	{ "POST", NULL, "/orgs/*/repos", NULL, 201, JSON, REPOSITORY },
	{ "GET", NULL, "/rate_limit", NULL, 200, JSON,
	    "{\"rate\":{\"limit\":5000,\"remaining\":4987,\"used\":13}}" },
	{ "PUT", NULL, "/repos/*/*/contents/*", NULL, 201, JSON, COMMIT },
	{ "GET", NULL, "/repos/*/*/contents*", NULL, 404, JSON,
	    "{\"message\":\"Not Found\",\"status\":\"404\"}" },
	{ "GET", NULL, "/repos/*/*/actions/secrets*", NULL, 200, JSON,
	    "{\"total_count\":1,\"secrets\":[{\"name\":\"DEPLOY_TOKEN\","
	    "\"created_at\":\"$now\",\"updated_at\":\"$now\"}]}" },
	{ "GET", NULL, "/repos/*/*/git/ref*", NULL, 200, JSON,
	    "{\"ref\":\"refs/heads/main\",\"object\":{\"type\":\"commit\","
	    "\"sha\":\"7638417db6d59f3c431d3e1f261cc637155684cd\"}}" },
	{ "POST", NULL, "/repos/*/*/git/*", NULL, 201, JSON,
	    "{\"sha\":\"7638417db6d59f3c431d3e1f261cc637155684cd\"}" },
	{ "POST", NULL, "/repos/*/*/*", NULL, 201, JSON,
	    "{\"id\":1,\"number\":1,\"state\":\"open\"}" },
	{ "GET", NULL, "/repos/*/*", "authorization", 200, JSON, REPOSITORY },
	{ "POST", NULL, "/gists", NULL, 201, JSON,
	    "{\"id\":\"2decf6c462d9b4418f2e\",\"public\":false,"
	    "\"created_at\":\"$now\"}" },
	{ "POST", NULL, "/graphql", "authorization", 200, JSON,
	    "{\"data\":{\"viewer\":{\"login\":\"dev\"}}}" },
	{ .method = NULL },
};
