/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret db VERB: the snapshot that this machine uses. */
#include "cmd/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "osv/osv.h"
#include "snapshot/snapshot.h"
#include "sys/clock.h"
#include "sys/lockdown.h"
#include "sys/opt.h"
#include "sys/paths.h"

static struct {
	const char *snapshot, *state;
	bool json;
} options;

#define COMMON_OPTIONS \
	{ "snapshot", 's', OPT_STRING, &options.snapshot, "FILE", \
		"instead of the one in the state folder" }, \
	{ \
		"state", 0, OPT_STRING, &options.state, "DIR", \
		    "state folder instead of the default" \
	}

static const struct opt info_options[] = {
	COMMON_OPTIONS,
	{ "json", 0, OPT_FLAG, &options.json, NULL, "print one JSON object" },
	OPT_END,
};

static const struct opt verify_options[] = { COMMON_OPTIONS, OPT_END };

static const struct opt_command info_command = {
	.name = "db info",
	.operands = "",
	.summary = "Says what the snapshot is: when it was made, what it has.",
	.options = info_options,
	.examples = "  lazaret db info --json\n",
};

static const struct opt_command show_command = {
	.name = "db show",
	.operands = "ID",
	.summary = "Prints a report as it was loaded, byte by byte.",
	.options = verify_options,
	.examples = "  lazaret db show MAL-2026-1\n",
};

static const struct opt_command verify_command = {
	.name = "db verify",
	.operands = "",
	.summary = "Reads all of the snapshot: every checksum, every report.",
	.options = verify_options,
	.examples = "  lazaret db verify --snapshot all.snapshot\n",
};

int
db_path(const char *option, const char *state, char *ret, size_t size,
    struct error *err)
{
	char folder[LIMIT_PATH_BYTES];
	int rc;

	if (option != NULL) {
		(void)snprintf(ret, size, "%s", option);
		return 0;
	}
	rc = paths_get(PATHS_SNAPSHOTS, state, folder, sizeof(folder), err);
	if (rc == 0)
		(void)snprintf(ret, size, "%s/%s", folder, DB_DEFAULT_NAME);
	return rc;
}

/* --- info --------------------------------------------------------------------
 */

/* Ecosystems and what counts as their public registries. */
static int
put_registries(struct json *j, const struct snapshot *s, struct error *err)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct str *urls;
	size_t n;
	int rc = 0;

	json_key(j, "registries");
	json_object_begin(j);
	for (size_t i = 0; osv_ecosystems[i] != NULL && rc == 0; i++) {
		rc = snapshot_registries(s, str_of(osv_ecosystems[i]), a, &urls,
		    &n, err);
		if (rc != 0 || n == 0)
			continue;
		json_key(j, osv_ecosystems[i]);
		json_array_begin(j);
		for (size_t k = 0; k < n; k++)
			json_str(j, urls[k]);
		json_array_end(j);
	}
	json_object_end(j);
	arena_free(a);
	return rc;
}

static int
info_json(const char *path, const struct snapshot *s,
    const struct snapshot_info *i, struct error *err)
{
	char hex[SHA256_HEX_SIZE], at[CLOCK_RFC3339_SIZE];
	struct json j;
	struct buf b;
	int rc;

	buf_init(&b, 64 * (size_t)MIB);
	json_init(&j, &b, 2);
	json_object_begin(&j);
	json_key(&j, "file");
	json_strz(&j, path);
	json_key(&j, "format");
	json_int(&j, SNAPSHOT_FORMAT);
	sha256_hex(i->id, hex);
	json_key(&j, "id");
	json_strz(&j, hex);
	clock_rfc3339(i->built_at_s * NS_PER_SEC, at);
	json_key(&j, "built");
	json_strz(&j, at);
	clock_rfc3339(i->modified_s * NS_PER_SEC, at);
	json_key(&j, "modified");
	json_strz(&j, at);
	json_key(&j, "reports");
	json_int(&j, i->n_records);
	json_key(&j, "withdrawn");
	json_int(&j, i->n_withdrawn);
	json_key(&j, "packages");
	json_int(&j, i->n_packages);
	json_key(&j, "size");
	json_int(&j, (int64_t)i->size_bytes);
	json_key(&j, "documents_size");
	json_int(&j, (int64_t)i->documents_bytes);
	rc = put_registries(&j, s, err);
	json_object_end(&j);
	if (rc == 0)
		(void)puts(b.p);
	buf_done(&b);
	return rc;
}

static void
info_text(const char *path, const struct snapshot_info *i)
{
	char hex[SHA256_HEX_SIZE], at[CLOCK_RFC3339_SIZE];
	int64_t age_h = (clock_wall_ns() / NS_PER_SEC - i->built_at_s) / 3600;

	(void)printf("%s\n", path);
	clock_rfc3339(i->built_at_s * NS_PER_SEC, at);
	(void)printf("  built            %s (%lld h ago)\n", at,
	    (long long)age_h);
	clock_rfc3339(i->modified_s * NS_PER_SEC, at);
	(void)printf("  newest report    %s\n", at);
	(void)printf("  reports          %u, %u of them withdrawn\n",
	    i->n_records, i->n_withdrawn);
	(void)printf("  packages         %u\n", i->n_packages);
	(void)printf("  size             %.1f MB, %.1f MB of it documents\n",
	    (double)i->size_bytes / 1e6, (double)i->documents_bytes / 1e6);
	sha256_hex(i->id, hex);
	(void)printf("  id               %s\n", hex);
}

/* Opens it and gives up everything else: it may come from anywhere. */
static int
open_confined(struct snapshot **ret, char *path, size_t size, struct error *err)
{
	struct lockdown l = { .rights = LOCKDOWN_PURE };
	int rc = db_path(options.snapshot, options.state, path, size, err);

	if (rc == 0)
		rc = snapshot_open_path(path, ret, err);
	return rc == 0 ? lockdown(&l, err) : rc;
}

int
db_info_main(int argc, char **argv)
{
	_cleanup_(snapshot_closep) struct snapshot *s = NULL;
	char path[LIMIT_PATH_BYTES];
	struct error err = ERROR_INIT;
	struct snapshot_info i;
	int rc;

	if (opt_parse(&info_command, argc, argv) != argc)
		opt_usage_error(&info_command, "there are no operands");
	rc = open_confined(&s, path, sizeof(path), &err);
	if (rc == 0) {
		snapshot_info(s, &i);
		if (options.json)
			rc = info_json(path, s, &i, &err);
		else
			info_text(path, &i);
	}
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret db info: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	return fflush(stdout) == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED;
}

/* --- show ---------------------------------------------------------------- */

static int
show(const struct snapshot *s, struct snapshot_documents *d, const char *id,
    struct arena *a, struct error *err)
{
	struct str document;
	uint32_t number;
	int rc = snapshot_by_id(s, str_of(id), &number, err);

	if (rc == 0)
		return error_set(err, -ENOENT, "there is no report %s", id);
	if (rc == 1)
		rc = snapshot_document(d, number, a, &document, err);
	if (rc != 0)
		return rc;
	(void)fwrite(document.p, 1, document.n, stdout);
	return 0;
}

int
db_show_main(int argc, char **argv)
{
	_cleanup_(snapshot_closep) struct snapshot *s = NULL;
	_cleanup_(snapshot_documents_freep) struct snapshot_documents *d = NULL;
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	int first = opt_parse(&show_command, argc, argv), rc;
	char path[LIMIT_PATH_BYTES];
	struct error err = ERROR_INIT;

	if (first != argc - 1)
		opt_usage_error(&show_command, "name the id of a report");
	rc = open_confined(&s, path, sizeof(path), &err);
	if (rc == 0)
		rc = snapshot_documents_new(s, &d, &err);
	if (rc == 0)
		rc = show(s, d, argv[first], a, &err);
	arena_free(a);
	if (rc != 0)
		(void)fprintf(stderr, "lazaret db show: %s\n", err.msg);
	if (fflush(stdout) != 0 || rc != 0)
		return EXIT_TOOL_FAILED;
	return EXIT_NOTHING_FOUND;
}

/* --- verify
 * ------------------------------------------------------------------- */

int
db_verify_main(int argc, char **argv)
{
	struct db_check k = { .signature_fd = -1 };
	_cleanup_(closep) int fd = -1;
	char path[LIMIT_PATH_BYTES];
	struct error err = ERROR_INIT;
	struct db_found found;
	int rc;

	if (opt_parse(&verify_command, argc, argv) != argc)
		opt_usage_error(&verify_command, "there are no operands");
	rc = db_path(options.snapshot, options.state, path, sizeof(path), &err);
	if (rc == 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			rc = error_errno(&err, "%s", path);
	}
	k.fd = fd;
	if (rc == 0)
		rc = db_check_snapshot(&k, &found, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret db verify: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	(void)printf("%s: %u reports, all of it good\n", path, found.n_records);
	return EXIT_NOTHING_FOUND;
}

/* --- verbs
 * -------------------------------------------------------------------- */

static const struct opt_verb verbs[] = {
	{ "update", db_update_main, "get the newest snapshot" },
	{ "info", db_info_main, "say what the snapshot is" },
	{ "show", db_show_main, "print a report" },
	{ "verify", db_verify_main, "check all of it" },
	{ NULL, NULL, NULL },
};

int
main(int argc, char **argv)
{
	return opt_run_verb("db", "[OPTION…]",
	    "The snapshot of malicious packages that scan, guard and "
	    "serve use.",
	    verbs, argc, argv);
}
