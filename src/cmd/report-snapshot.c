/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report snapshot: everything that look-ups need in one file. Reads
 * nothing foreign itself: role collect does; this process lays out the file
 * and puts it in the place of the old one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "cmd/report-snapshot.h"
#include "cmd/report_priv.h"
#include "ecosystem/purl.h"
#include "osv/osv.h"
#include "snapshot/replace.h"
#include "snapshot/snapshot.h"
#include "snapshot/write.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/opt.h"

static struct {
	const char *output, *from, *built_at, *publish, *delta;
	struct opt_list registries;
	bool own_registries;
} options;

static const struct opt option_table[] = {
	{ "output", 'o', OPT_STRING, &options.output, "FILE",
	    "the snapshot; an old one is replaced when the new one is whole" },
	{ "from", 0, OPT_STRING, &options.from, "OLD",
	    "pack documents as in this snapshot: deltas from it stay small" },
	{ "publish", 0, OPT_STRING, &options.publish, "DIR",
	    "instead of -o: a folder for db update, with deltas from the "
	    "three before" },
	{ "delta", 0, OPT_STRING, &options.delta, "OLD",
	    "write to -o what makes the snapshot PATH out of the snapshot "
	    "OLD" },
	{ "public-registry", 0, OPT_LIST, &options.registries, "ECOSYSTEM=URL",
	    "counts as public too (repeatable)" },
	{ "only-these-registries", 0, OPT_FLAG, &options.own_registries, NULL,
	    "ask no client, take no default: --public-registry alone counts" },
	{ "built-at", 0, OPT_STRING, &options.built_at, "TIME",
	    "instead of now (or SOURCE_DATE_EPOCH): 2026-01-02T03:04:05Z" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "report snapshot",
	.operands = "PATH…",
	.summary =
	    "Makes a snapshot: one file that scan, guard and serve look "
	    "reports up in. PATH is a\nreport database, a folder of OSV "
	    "documents at any depth, or a folder or zip in\nosv.dev's layout "
	    "(<Ecosystem>/all.zip). Of one id the document with the later\n"
	    "`modified` stays. A document that the schema refuses is named and "
	    "left out: exit 3.",
	.options = option_table,
	.examples = "  lazaret report snapshot -o malicious.snapshot reports\n"
		    "  lazaret report snapshot -o all.snapshot osv.dev/\n"
		    "  lazaret report snapshot -o ours.snapshot "
		    "--public-registry npm=https://npm.corp.test/ reports\n"
		    "  lazaret report snapshot --publish public reports\n"
		    "  lazaret report snapshot --delta old.snapshot -o "
		    "new.delta new.snapshot\n",
};

/* --- options
 * -------------------------------------------------------------------- */

static int64_t
built_at(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	int64_t at_s;
	uint64_t v;

	if (options.built_at != NULL) {
		if (osv_time_parse(str_of(options.built_at), &at_s) != 0)
			opt_usage_error(&command,
			    "--built-at %s: write 2026-01-02T03:04:05Z",
			    options.built_at);
		return at_s;
	}
	if (epoch != NULL && str_to_u64(str_of(epoch), &v) == 0 &&
	    v < INT64_MAX)
		return (int64_t)v;
	return clock_wall_ns() / NS_PER_SEC;
}

/* "npm=https://…" in any of our spellings of the ecosystem. */
static void
add_registries(struct snapshot_writer *w)
{
	for (size_t i = 0; i < options.registries.n; i++) {
		struct str rest = str_of(options.registries.v[i]), ecosystem;
		enum ecosystem e;

		if (!str_cut(&rest, '=', &ecosystem) || rest.p == NULL ||
		    (!str_starts(rest, "http://") &&
			!str_starts(rest, "https://")))
			opt_usage_error(&command,
			    "--public-registry %s: write ECOSYSTEM=URL",
			    options.registries.v[i]);
		if (ecosystem_parse(ecosystem, &e, NULL) == 0)
			ecosystem = str_of(ecosystem_name(e, ECOSYSTEM_OSV));
		else if (!osv_ecosystem_valid(ecosystem))
			opt_usage_error(&command,
			    "--public-registry %s: OSV knows no such ecosystem",
			    options.registries.v[i]);
		snapshot_writer_registry(w, ecosystem, rest);
	}
}

/* --- work
 * ----------------------------------------------------------------------- */

static int
collect(struct collecting *c, struct snapshot_writer *w, struct buf *dictionary,
    struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < COLLECT_WORKERS && rc == 0; i++)
		rc = replace_spool(options.output, &c->spools[i], err);
	if (rc != 0)
		return rc;
	if (options.from != NULL)
		rc = old_dictionary(options.from, dictionary, err);
	else
		rc = collect_dictionary(c, dictionary, err);
	if (rc == 0)
		rc = collect_all(c, buf_str(dictionary), w, err);
	if (rc == 0 && snapshot_writer_count(w) == 0)
		rc = error_set(err, -ENOENT,
		    "there is no OSV document in what was named (%zu files "
		    "looked at)",
		    c->inputs->v.n);
	return rc;
}

static int
write_file(struct snapshot_writer *w, struct str dictionary, int64_t at_s,
    struct snapshot_info *ret, struct error *err)
{
	_cleanup_(replace_done) struct replace r = REPLACE_INIT;
	_cleanup_(snapshot_closep) struct snapshot *s = NULL;
	int rc = replace_begin(options.output, &r, err);

	if (rc == 0)
		rc = snapshot_writer_finish(w, dictionary, at_s, r.fd, err);
	if (rc == 0)
		rc = snapshot_open(r.fd, &s, err);
	if (rc == 0) {
		snapshot_info(s, ret);
		rc = replace_commit(&r, err);
	}
	return rc;
}

static void
say(const struct snapshot_info *i, size_t n_refused)
{
	(void)printf("%u reports (%u withdrawn) about %u packages, %.1f MB "
		     "(%.1f MB of it documents), %zu left out\n",
	    i->n_records, i->n_withdrawn, i->n_packages,
	    (double)i->size_bytes / 1e6, (double)i->documents_bytes / 1e6,
	    n_refused);
}

static int
make(struct snapshot_writer *w, char **operands, int64_t at_s,
    size_t *ret_refused, struct snapshot_info *ret, struct error *err)
{
	struct inputs inputs = { 0 };
	struct collecting c = { .inputs = &inputs,
		.operands = operands,
		.spools = { -1, -1 },
		.now_s = clock_wall_ns() / NS_PER_SEC };
	struct registries *asked = NULL;
	struct buf dictionary = { 0 };
	int rc;

	add_registries(w);
	if (!options.own_registries)
		asked = registries_begin();
	rc = inputs_find(&inputs, operands, err);
	if (rc == 0)
		rc = collect(&c, w, &dictionary, err);
	registries_end(asked, w);
	if (rc == 0)
		rc = write_file(w, buf_str(&dictionary), at_s, ret, err);
	for (size_t i = 0; i < COLLECT_WORKERS; i++)
		closep(&c.spools[i]);
	buf_done(&dictionary);
	inputs_done(&inputs);
	*ret_refused = c.n_refused;
	return rc;
}

static int
run(char **operands, int64_t at_s, size_t *ret_refused,
    struct snapshot_info *ret, struct error *err)
{
	struct snapshot_writer *w = snapshot_writer_new();
	char output[LIMIT_PATH_BYTES], from[LIMIT_PATH_BYTES];
	int rc = 0;

	if (options.publish != NULL) {
		rc = publish_begin(options.publish, at_s, output,
		    sizeof(output), from, sizeof(from), err);
		options.output = output;
		if (options.from == NULL && from[0] != '\0')
			options.from = from;
	}
	if (rc == 0)
		rc = make(w, operands, at_s, ret_refused, ret, err);
	if (rc == 0 && options.publish != NULL)
		rc = publish_end(options.publish, output, err);
	snapshot_writer_free(w);
	return rc;
}

int
report_snapshot_main(int argc, char **argv)
{
	int first = opt_parse(&command, argc, argv), rc;
	struct error err = ERROR_INIT;
	struct snapshot_info info;
	int64_t at_s = built_at();
	size_t n_refused = 0;

	if ((options.output == NULL) == (options.publish == NULL) ||
	    first >= argc)
		opt_usage_error(&command,
		    "say -o FILE or --publish DIR, and name a PATH");
	if (options.delta != NULL &&
	    (options.publish != NULL || argc - first != 1))
		opt_usage_error(&command,
		    "--delta OLD takes -o DELTA and one snapshot");
	if (options.delta != NULL)
		rc = publish_delta(options.delta, argv[first], options.output,
		    &err);
	else
		rc = run(argv + first, at_s, &n_refused, &info, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret report snapshot: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	if (options.delta == NULL)
		say(&info, n_refused);
	return n_refused != 0 ? EXIT_INCOMPLETE : EXIT_NOTHING_FOUND;
}
