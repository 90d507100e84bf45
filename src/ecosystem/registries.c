/* SPDX-License-Identifier: Apache-2.0 */
/* The registries that clients have built in. Runs in role fetch and in
 * subcommands. */
#include "ecosystem/registries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/fd.h"

int
registries_parse(struct arena *a, struct str json, enum ecosystem e,
    struct str *ret, struct error *err)
{
	const char *token = ecosystem_name(e, ECOSYSTEM_TOKEN);
	yyjson_doc *doc = yyjson_read(json.p, json.n, 0);
	yyjson_val *v = yyjson_obj_get(yyjson_doc_get_root(doc), token);
	struct str s = STR_NONE;

	if (yyjson_is_str(v))
		s = arena_str(a, str_n(yyjson_get_str(v), yyjson_get_len(v)));
	yyjson_doc_free(doc);
	if (!str_starts(s, "http://") && !str_starts(s, "https://"))
		return error_set(err, -ENOENT,
		    "no registry is configured for %s, and registries.json "
		    "has none",
		    token);
	if (!str_ends(s, "/"))
		s = str_of(arena_printf(a, "%.*s/", STR_ARG(s)));
	*ret = s;
	return 0;
}

int
registries_default(struct arena *a, const char *data_dir, enum ecosystem e,
    struct str *ret, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	char path[LIMIT_PATH_BYTES];
	struct buf b;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/registries.json", data_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err,
		    "no registry is configured for %s, and %s",
		    ecosystem_name(e, ECOSYSTEM_TOKEN), path);
	buf_init(&b, LIMIT_CONFIG_BYTES);
	rc = fd_read_all(fd, &b, err);
	if (rc == 0)
		rc = registries_parse(a, buf_str(&b), e, ret, err);
	buf_done(&b);
	return rc;
}
