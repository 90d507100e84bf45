/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a look-up costs, for bench/snapshot: SNAPSHOT, then names of npm
 * packages on standard input, one a line. Prints nanoseconds, medians of
 * rounds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/vec.h"
#include "snapshot/snapshot.h"
#include "sys/clock.h"

#define ROUNDS 15

struct bench {
	struct snapshot *s;
	struct snapshot_documents *documents;
	struct arena *arena;
	struct snapshot_info info;
	const char *path;
	VEC(struct str) names;
	size_t n_hits;
};

typedef void run_fn(struct bench *b, size_t i);

static int
by_value(const void *pa, const void *pb)
{
	const int64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static void
check(int rc, const struct error *err)
{
	if (rc < 0)
		fatal("%s", err->msg);
}

static void
open_file(struct bench *b, size_t i)
{
	struct error err = ERROR_INIT;
	struct snapshot *s = NULL;

	(void)i;
	check(snapshot_open_path(b->path, &s, &err), &err);
	snapshot_close(s);
}

static void
look_up(struct bench *b, struct str name)
{
	struct error err = ERROR_INIT;
	struct snapshot_cursor c;
	struct snapshot_row row;
	struct snapshot_hit hit;
	int rc = snapshot_find(b->s, STR_LIT("npm"), name, SNAPSHOT_ANY_CASE,
	    &c, &err);

	while (rc == 1 && (rc = snapshot_next(&c, &row, &err)) == 1) {
		b->n_hits++;
		check(snapshot_match(&row, STR_LIT("1.2.3"), b->arena, &hit,
			  &err),
		    &err);
	}
	check(rc, &err);
}

static void
find_there(struct bench *b, size_t i)
{
	look_up(b, b->names.v[i * 7919 % b->names.n]);
}

static void
find_missing(struct bench *b, size_t i)
{
	char name[64];
	int n = snprintf(name, sizeof(name), "not-there-%zu", i);

	look_up(b, str_n(name, (size_t)n));
}

static void
read_record(struct bench *b, size_t i)
{
	struct error err = ERROR_INIT;
	struct snapshot_record r;

	check(snapshot_record(b->s, (uint32_t)(i * 7919 % b->info.n_records),
		  b->arena, &r, &err),
	    &err);
}

static void
read_document(struct bench *b, size_t i)
{
	struct error err = ERROR_INIT;
	struct str document;

	check(snapshot_document(b->documents,
		  (uint32_t)(i * 7919 % b->info.n_records), b->arena, &document,
		  &err),
	    &err);
}

static void
measure(struct bench *b, const char *what, run_fn *run, size_t n)
{
	int64_t times[ROUNDS];

	for (size_t round = 0; round < ROUNDS; round++) {
		int64_t begin = clock_ns();

		for (size_t i = 0; i < n; i++) {
			run(b, round * n + i);
			arena_reset(b->arena);
		}
		times[round] = (clock_ns() - begin) / (int64_t)n;
	}
	qsort(times, ROUNDS, sizeof(times[0]), by_value);
	(void)printf("%s %lld\n", what, (long long)times[ROUNDS / 2]);
}

int
main(int argc, char **argv)
{
	struct bench b = { .arena = arena_new(LIMIT_ARENA_BYTES) };
	struct error err = ERROR_INIT;
	char line[1024];

	if (argc != 2)
		fatal("usage: snapshot-lookup-bench SNAPSHOT <NAMES");
	b.path = argv[1];
	check(snapshot_open_path(b.path, &b.s, &err), &err);
	check(snapshot_documents_new(b.s, &b.documents, &err), &err);
	snapshot_info(b.s, &b.info);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		vec_push(&b.names, str_of(mem_strdup(line)));
	}
	if (b.names.n == 0 || b.info.n_records == 0)
		fatal("nothing to look up");
	measure(&b, "open", open_file, 100);
	measure(&b, "missing", find_missing, 20000);
	b.n_hits = 0;
	measure(&b, "there", find_there, 20000);
	if (b.n_hits < (size_t)ROUNDS * 20000)
		fatal("a package that is there was not found");
	measure(&b, "record", read_record, 20000);
	measure(&b, "document", read_document, 20000);
	return 0;
}
