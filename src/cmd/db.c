/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret db VERB: the snapshot that this machine uses. */
#include "cmd/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "snapshot/snapshot.h"
#include "sys/clock.h"
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

static void
info_json(const char *path, const struct snapshot_info *i)
{
	char hex[SHA256_HEX_SIZE], at[CLOCK_RFC3339_SIZE];
	struct json j;
	struct buf b;

	buf_init(&b, MIB);
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
	json_object_end(&j);
	(void)puts(b.p);
	buf_done(&b);
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

int
db_info_main(int argc, char **argv)
{
	_cleanup_(snapshot_closep) struct snapshot *s = NULL;
	char path[LIMIT_PATH_BYTES];
	struct error err = ERROR_INIT;
	struct snapshot_info i;

	if (opt_parse(&info_command, argc, argv) != argc)
		opt_usage_error(&info_command, "there are no operands");
	if (db_path(options.snapshot, options.state, path, sizeof(path),
		&err) != 0 ||
	    snapshot_open_path(path, &s, &err) != 0) {
		(void)fprintf(stderr, "lazaret db info: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	snapshot_info(s, &i);
	if (options.json)
		info_json(path, &i);
	else
		info_text(path, &i);
	return fflush(stdout) == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED;
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

static const struct {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the verb */
	const char *summary;
} verbs[] = {
	{ "update", db_update_main, "get the newest snapshot" },
	{ "info", db_info_main, "say what the snapshot is" },
	{ "verify", db_verify_main, "check all of it" },
};

static void
help(FILE *f)
{
	(void)fputs("Usage: lazaret db VERB [OPTION…]\n\n"
		    "The snapshot of malicious packages that scan, guard and "
		    "serve use.\n\nVerbs:\n",
	    f);
	for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
		(void)fprintf(f, "  %-12s %s\n", verbs[i].name,
		    verbs[i].summary);
	(void)fputs("\nlazaret db VERB --help says more.\n", f);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help(stdout);
		return EXIT_NOTHING_FOUND;
	}
	for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	(void)fprintf(stderr,
	    "lazaret db: there is no verb %s; see lazaret db --help\n",
	    argv[1]);
	return EXIT_USAGE;
}
