/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines as tables: one row per option gives parsing and --help.
 *
 *	static const struct opt options[] = {
 *		{ "json", 0, OPT_FLAG, &o.json, NULL, "print JSON" },
 *		{ "output", 'o', OPT_STRING, &o.output, "FILE", "keep …" },
 *		OPT_END };
 *
 * --help prints usage, options and examples on standard output and exits 0;
 * a bad option prints one line on standard error and exits 2. Options and
 * operands may be mixed; "--" ends options.
 */
#ifndef SYS_OPT_H
#define SYS_OPT_H

#include <stdbool.h>
#include <stddef.h>

enum opt_kind {
	OPT_FLAG, /* bool *: set to true */
	OPT_STRING, /* const char **: last one wins */
	OPT_INT, /* int64_t *: decimal, not negative */
	OPT_DURATION, /* int64_t *: milliseconds; "90s", "5m", "250ms", "30" s
		       */
	OPT_SIZE, /* int64_t *: bytes; "512M", "2G", "4096" */
	OPT_LIST, /* struct opt_list *: repeatable */
	OPT__MAX
};

struct opt_list {
	const char **v; /* owned array of borrowed strings */
	size_t n;
};

struct opt {
	const char *name; /* without "--"; NULL ends the table */
	char letter; /* 0: none */
	enum opt_kind kind;
	void *target;
	const char *metavar; /* NULL for flags */
	const char *help; /* one line, lower case, no full stop */
};

#define OPT_END \
	{ \
		NULL, 0, OPT_FLAG, NULL, NULL, NULL \
	}

struct opt_command {
	const char *name; /* "analyze": shown as "lazaret analyze" */
	const char *operands; /* "PACKAGE…"; "", NULL: none */
	const char *summary; /* one sentence */
	const struct opt *options;
	const char *examples; /* lines, shown as they are; NULL: none */
	bool stop_at_operand; /* first operand ends options (commands) */
};

/* Permutes argv so that operands come first from the returned index on. */
int opt_parse(const struct opt_command *c, int argc, char **argv);
/* A subcommand that is only verbs, each with options of its own. */
struct opt_verb {
	const char *name; /* NULL ends the table */
	int (*run)(int argc, char **argv); /* argv[0] is the verb */
	const char *summary; /* lower case, no full stop */
};

/* Runs the verb that argv[1] names, or says which there are. command: "db";
 * usage: what follows the verb; summary: one sentence. The exit status. */
int opt_run_verb(const char *command, const char *usage, const char *summary,
    const struct opt_verb *verbs, int argc, char **argv);
/* One line on standard error ("lazaret X: …; see lazaret X --help"),
 * exits 2. */
void opt_usage_error(const struct opt_command *c, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

#endif
