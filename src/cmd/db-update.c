/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret db update: the newest snapshot of a folder or a web server, as a
 * delta where there is one for what is here. It replaces the old one when it
 * is whole, checked, signed as asked, and not older.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cmd/db.h"
#include "snapshot/replace.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/opt.h"

/* A file named directly has no latest.json to say its size. */
#define MAX_FILE_BYTES ((uint64_t)1 << 36)
#define COPY_BYTES     (1u << 20)

static struct {
	const char *from, *snapshot, *state, *public_key;
	bool force;
} options;

static const struct opt option_table[] = {
	{ "from", 0, OPT_STRING, &options.from, "URL|DIR|FILE",
	    "where latest.json lies, or a snapshot itself; default: "
	    "LAZARET_DB_FROM" },
	{ "snapshot", 's', OPT_STRING, &options.snapshot, "FILE",
	    "the snapshot to make or replace; default: that of the state "
	    "folder" },
	{ "public-key", 0, OPT_STRING, &options.public_key, "KEY|FILE",
	    "of minisign: only what it signed is taken" },
	{ "force", 0, OPT_FLAG, &options.force, NULL,
	    "replace a newer or a damaged one too" },
	{ "state", 0, OPT_STRING, &options.state, "DIR",
	    "state folder instead of the default" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "db update",
	.operands = "",
	.summary = "Gets the newest snapshot of malicious packages. What is "
		   "here already is made new\nwith a delta where there is one. "
		   "Nothing is replaced before the new one is whole and\n"
		   "checked; scans and servers that have the old one open go "
		   "on with it.",
	.options = option_table,
	.examples = "  lazaret db update --from https://reports.test/\n"
		    "  lazaret db update --from /mnt/public --public-key "
		    "key.pub\n",
};

struct update {
	struct arena *arena;
	struct db_source source;
	char path[LIMIT_PATH_BYTES];
	int old_fd; /* -1: there is none */
	bool old_good;
	struct db_found old;
	uint8_t old_sha256[SHA256_BYTES];
	struct minisign_key key;
	const struct minisign_key *key_used; /* NULL: none asked for */
	struct replace replace;
	struct db_found found;
	const char *how;
};

/* --- what is here
 * --------------------------------------------------------------- */

static int
read_key(struct update *u, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct buf b;
	int rc;

	if (options.public_key == NULL)
		return 0;
	u->key_used = &u->key;
	if (minisign_key_parse(str_of(options.public_key), &u->key, NULL) == 0)
		return 0;
	fd = open(options.public_key, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "--public-key %s", options.public_key);
	buf_init(&b, 64 * (size_t)KIB);
	rc = fd_read_all(fd, &b, err);
	if (rc == 0)
		rc = minisign_key_parse(buf_str(&b), &u->key, err);
	buf_done(&b);
	return rc != 0 ?
	    error_wrap(err, "--public-key %s", options.public_key) :
	    0;
}

static int
read_old(struct update *u, struct error *err)
{
	struct db_check k = { .signature_fd = -1, .light = true };
	struct error why = ERROR_INIT;

	u->old_fd = open(u->path, O_RDONLY | O_CLOEXEC);
	if (u->old_fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "%s", u->path);
	k.fd = u->old_fd;
	u->old_good = db_check_snapshot(&k, &u->old, &why) == 0 &&
	    db_sha256(u->old_fd, u->old_sha256, &why) == 0;
	if (!u->old_good)
		(void)fprintf(stderr, "lazaret db update: %s: %s\n", u->path,
		    why.msg);
	return 0;
}

/* --- getting
 * --------------------------------------------------------------------- */

static int
copy(int from, int to, struct error *err)
{
	char *room = mem_alloc(COPY_BYTES);
	off_t at = 0;
	ssize_t n;
	int rc = 0;

	if (ftruncate(to, 0) != 0 || lseek(to, 0, SEEK_SET) != 0)
		rc = error_errno(err, "the new snapshot");
	while (rc == 0 && (n = pread(from, room, COPY_BYTES, at)) != 0) {
		if (n < 0)
			rc = errno == EINTR ? 0 : error_errno(err, "reading");
		else
			rc = fd_write_all(to, room, (size_t)n, err);
		at += n > 0 ? n : 0;
	}
	free(room);
	return rc;
}

/* 1: the new snapshot lies in the temporary file; 0: there is no delta. */
static int
by_delta(struct update *u, const struct latest *l, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	size_t i = 0;
	int rc;

	while (i < l->n_deltas &&
	    (!u->old_good ||
		memcmp(l->deltas[i].from, u->old_sha256, SHA256_BYTES) != 0))
		i++;
	if (i == l->n_deltas || l->deltas[i].file.size >= l->snapshot.size)
		return 0;
	rc = db_source_get(&u->source, l->deltas[i].file.name,
	    l->deltas[i].file.size, &fd, err);
	if (rc == 0)
		rc = db_check_delta(u->old_fd, fd, l->deltas[i].file.sha256,
		    u->replace.fd, err);
	if (rc != 0)
		return rc;
	u->how = "by delta";
	return 1;
}

static int
get_new(struct update *u, const struct latest *l, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct error why = ERROR_INIT;
	int rc = by_delta(u, l, &why);

	if (rc == 1)
		return 0;
	if (rc < 0)
		(void)fprintf(stderr,
		    "lazaret db update: the delta is of no use (%s); getting "
		    "all of it\n",
		    why.msg);
	u->how = "whole";
	rc = db_source_get(&u->source, l->snapshot.name, l->snapshot.size, &fd,
	    err);
	return rc == 0 ? copy(fd, u->replace.fd, err) : rc;
}

/* Signature of the snapshot, when one is asked for. */
static int
get_signature(struct update *u, struct str name, int *ret_fd, struct error *err)
{
	struct str file;
	int rc;

	if (u->key_used == NULL)
		return 0;
	file = str_of(arena_printf(u->arena, "%.*s.minisig", STR_ARG(name)));
	rc = db_source_get(&u->source, file, MINISIGN_MAX_BYTES, ret_fd, err);
	return rc != 0 ? error_wrap(err, "the signature") : 0;
}

static int
check_new(struct update *u, const uint8_t *sha256, int signature_fd,
    struct error *err)
{
	struct db_check k = { .fd = u->replace.fd,
		.sha256 = sha256,
		.key = u->key_used,
		.signature_fd = signature_fd };

	return db_check_snapshot(&k, &u->found, err);
}

static int
check_age(const struct update *u, int64_t built_at_s, struct error *err)
{
	char built[CLOCK_RFC3339_SIZE], old[CLOCK_RFC3339_SIZE];

	if (!u->old_good || options.force || built_at_s >= u->old.built_at_s)
		return 0;
	clock_rfc3339(built_at_s * NS_PER_SEC, built);
	clock_rfc3339(u->old.built_at_s * NS_PER_SEC, old);
	return error_set(err, -ESTALE,
	    "what is offered was built %s, and %s is of %s: nothing is "
	    "replaced by something older (--force does)",
	    built, u->path, old);
}

/* 1: it is the newest already. */
static int
from_folder(struct update *u, struct error *err)
{
	_cleanup_(closep) int latest_fd = -1;
	_cleanup_(closep) int signature_fd = -1;
	struct latest *l = arena_alloc(u->arena, sizeof(*l));
	int rc = db_source_get(&u->source, STR_LIT("latest.json"),
	    LATEST_MAX_BYTES, &latest_fd, err);

	if (rc == 0)
		rc = db_check_latest(latest_fd, u->arena, l, err);
	if (rc == 0)
		rc = check_age(u, l->built_at_s, err);
	if (rc != 0)
		return rc;
	if (u->old_good && u->key_used == NULL &&
	    memcmp(u->old_sha256, l->snapshot.sha256, SHA256_BYTES) == 0)
		return 1;
	rc = get_signature(u, l->snapshot.name, &signature_fd, err);
	if (rc == 0)
		rc = replace_begin(u->path, &u->replace, err);
	if (rc == 0)
		rc = get_new(u, l, err);
	if (rc == 0)
		rc = check_new(u, l->snapshot.sha256, signature_fd, err);
	if (rc == 0 && u->found.built_at_s != l->built_at_s)
		rc = error_set(err, -EBADMSG,
		    "the snapshot was built at another time than latest.json "
		    "says");
	return rc;
}

/* The signature of FILE lies beside it as FILE.minisig. */
static int
from_file(struct update *u, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(closep) int signature_fd = -1;
	struct db_source beside;
	char *name;
	int rc;

	rc = db_source_get(&u->source, STR_NONE, MAX_FILE_BYTES, &fd, err);
	if (rc == 0 && u->key_used != NULL) {
		name = arena_printf(u->arena, "%s.minisig", u->source.from);
		db_source_init(&beside, name);
		rc = db_source_get(&beside, STR_NONE, MINISIGN_MAX_BYTES,
		    &signature_fd, err);
		db_source_done(&beside);
	}
	if (rc == 0)
		rc = replace_begin(u->path, &u->replace, err);
	if (rc == 0)
		rc = copy(fd, u->replace.fd, err);
	if (rc == 0)
		rc = check_new(u, NULL, signature_fd, err);
	if (rc == 0)
		rc = check_age(u, u->found.built_at_s, err);
	u->how = "whole";
	return rc;
}

/* A URL or path that ends like a snapshot is one. */
static bool
names_a_file(const struct db_source *s)
{
	struct stat st;

	if (s->is_url)
		return str_ends(str_of(s->from), ".snapshot");
	return stat(s->from, &st) == 0 && S_ISREG(st.st_mode);
}

static int
update(struct update *u, struct error *err)
{
	int rc = db_path(options.snapshot, options.state, u->path,
	    sizeof(u->path), err);

	if (rc == 0)
		rc = read_key(u, err);
	if (rc == 0)
		rc = read_old(u, err);
	if (rc == 0)
		rc = names_a_file(&u->source) ? from_file(u, err) :
						from_folder(u, err);
	if (rc == 0)
		rc = replace_commit(&u->replace, err);
	return rc;
}

int
db_update_main(int argc, char **argv)
{
	struct update u = { .old_fd = -1, .replace = REPLACE_INIT };
	struct error err = ERROR_INIT;
	char built[CLOCK_RFC3339_SIZE];
	int rc;

	if (opt_parse(&command, argc, argv) != argc)
		opt_usage_error(&command, "there are no operands");
	if (options.from == NULL)
		options.from = getenv("LAZARET_DB_FROM");
	if (options.from == NULL || options.from[0] == '\0')
		opt_usage_error(&command,
		    "say --from URL|DIR|FILE, or set LAZARET_DB_FROM");
	u.arena = arena_new(LIMIT_ARENA_BYTES);
	db_source_init(&u.source, options.from);
	rc = update(&u, &err);
	if (rc < 0)
		(void)fprintf(stderr, "lazaret db update: %s\n", err.msg);
	clock_rfc3339((rc == 1 ? u.old : u.found).built_at_s * NS_PER_SEC,
	    built);
	if (rc == 1)
		(void)printf("%s is the newest (built %s)\n", u.path, built);
	if (rc == 0)
		(void)printf("%s: %u reports, built %s (%s)\n", u.path,
		    u.found.n_records, built, u.how);
	replace_done(&u.replace);
	db_source_done(&u.source);
	closep(&u.old_fd);
	arena_free(u.arena);
	return rc < 0 ? EXIT_TOOL_FAILED : EXIT_NOTHING_FOUND;
}
