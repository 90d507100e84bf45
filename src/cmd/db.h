/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of lazaret db. */
#ifndef CMD_DB_H
#define CMD_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot/latest.h"
#include "snapshot/minisign.h"
#include "sys/message.h"
#include "sys/spawn.h"

struct arena;
struct error;

int db_update_main(int argc, char **argv);
int db_info_main(int argc, char **argv);
int db_show_main(int argc, char **argv);
int db_verify_main(int argc, char **argv);

/* The snapshot that is meant: the option's, or the one of the state folder. */
#define DB_DEFAULT_NAME "reports.snapshot"
int db_path(const char *option, const char *state, char *ret, size_t size,
    struct error *err);

/* --- where files come from (db-source.c) -----------------------------------
 */

struct db_source {
	const char *from; /* borrowed */
	bool is_url;
	struct child role; /* download, started with the first file */
	struct channel channel;
};

void db_source_init(struct db_source *s, const char *from);
void db_source_done(struct db_source *s);
/* The file of that name in the folder; name n 0: the source itself. *ret_fd is
 * owned by the caller. -ENOENT: there is none. */
int db_source_get(struct db_source *s, struct str name, uint64_t max_bytes,
    int *ret_fd, struct error *err);

/* --- what is read only in a confined child (db-check.c) ----------------------
 */

struct db_found {
	int64_t built_at_s;
	uint8_t id[SHA256_BYTES];
	uint32_t n_records;
};

/* All descriptors are borrowed; key NULL and signature_fd -1: not signed;
 * sha256 NULL: any. */
struct db_check {
	int fd;
	const uint8_t *sha256;
	const struct minisign_key *key;
	int signature_fd;
	bool light; /* the header only: a file that is here already */
};

int db_check_latest(int fd, struct arena *a, struct latest *ret,
    struct error *err);
int db_check_delta(int from_fd, int delta_fd, const uint8_t *delta_sha256,
    int out_fd, struct error *err);
int db_check_snapshot(const struct db_check *c, struct db_found *ret,
    struct error *err);
/* SHA-256 of the whole file. */
int db_sha256(int fd, uint8_t ret[SHA256_BYTES], struct error *err);

#endif
