/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables over getopt_long. Runs in subcommands. */
#include "sys/opt.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/exit.h"
#include "base/mem.h"
#include "base/str.h"

#define OPT_MAX  64
#define HELP_KEY 1 /* getopt value of --help; rows begin at 256 */

void
opt_usage_error(const struct opt_command *c, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "lazaret %s: ", c->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "; see lazaret %s --help\n", c->name);
	exit(EXIT_USAGE);
}

static void
help_row(const struct opt *o)
{
	char left[80];

	(void)snprintf(left, sizeof(left), "%s%c%s--%s%s%s",
	    o->letter != 0 ? "-" : " ", o->letter != 0 ? o->letter : ' ',
	    o->letter != 0 ? ", " : "  ", o->name,
	    o->metavar != NULL ? " " : "",
	    o->metavar != NULL ? o->metavar : "");
	if (strlen(left) > 28)
		(void)printf("  %s\n  %-28s  %s\n", left, "", o->help);
	else
		(void)printf("  %-28s  %s\n", left, o->help);
}

static void __attribute__((noreturn)) help(const struct opt_command *c)
{
	static const struct opt help_option = { "help", 'h', OPT_FLAG, NULL,
		NULL, "show this" };
	const char *operands = c->operands != NULL ? c->operands : "";

	(void)printf("Usage: lazaret %s [OPTION…]%s%s\n\n%s\n\nOptions:\n",
	    c->name, operands[0] != '\0' ? " " : "", operands, c->summary);
	for (const struct opt *o = c->options; o->name != NULL; o++)
		help_row(o);
	help_row(&help_option);
	if (c->examples != NULL)
		(void)printf("\nExamples:\n%s", c->examples);
	exit(fflush(stdout) == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED);
}

struct unit {
	const char *suffix;
	int64_t factor;
};

/* A decimal number and a unit of the table (the first row is the default). */
static int
number(const char *arg, const struct unit *units, size_t n, int64_t *ret)
{
	struct str s = str_of(arg), digits = s;
	uint64_t v;
	size_t i = 0;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	digits = str_sub(s, 0, i);
	s = str_sub(s, i, s.n);
	if (str_to_u64(digits, &v) != 0 || v > INT64_MAX)
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (str_is(s, units[i].suffix))
			return __builtin_mul_overflow((int64_t)v,
				   units[i].factor, ret) ?
			    -ERANGE :
			    0;
	return -EINVAL;
}

static int
set_number(enum opt_kind kind, const char *arg, int64_t *target)
{
	static const struct unit none[] = { { "", 1 } };
	static const struct unit durations[] = { { "", 1000 }, { "ms", 1 },
		{ "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	static const struct unit sizes[] = { { "", 1 }, { "K", 1 << 10 },
		{ "M", 1 << 20 }, { "G", 1 << 30 }, { "k", 1 << 10 } };

	if (kind == OPT_DURATION)
		return number(arg, durations, N_ELEMENTS(durations), target);
	if (kind == OPT_SIZE)
		return number(arg, sizes, N_ELEMENTS(sizes), target);
	return number(arg, none, N_ELEMENTS(none), target);
}

static void
apply(const struct opt_command *c, const struct opt *o, const char *arg)
{
	struct opt_list *list = o->target;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->target = true;
		return;
	case OPT_STRING:
		*(const char **)o->target = arg;
		return;
	case OPT_LIST:
		list->v = mem_resize(list->v, (list->n + 1) * sizeof(*list->v));
		list->v[list->n++] = arg;
		return;
	case OPT_INT:
	case OPT_DURATION:
	case OPT_SIZE:
		if (set_number(o->kind, arg, o->target) != 0)
			opt_usage_error(c, "--%s %s: not a valid %s", o->name,
			    arg, o->metavar != NULL ? o->metavar : "number");
		return;
	case OPT__MAX:
		break;
	}
	assert(!"unknown option kind");
}

int
opt_parse(const struct opt_command *c, int argc, char **argv)
{
	struct option longs[OPT_MAX + 2] = { 0 };
	char shorts[OPT_MAX * 2 + 4] = "";
	size_t n, at = 0;
	int k, seen = 1;

	shorts[at++] = c->stop_at_operand ? '+' : '-';
	if (!c->stop_at_operand)
		at = 0; /* permuting is the default of getopt_long */
	shorts[at++] = ':';
	shorts[at++] = 'h';
	for (n = 0; c->options[n].name != NULL; n++) {
		const struct opt *o = &c->options[n];

		assert(n < OPT_MAX);
		longs[n] = (struct option){ o->name,
			o->kind == OPT_FLAG ? no_argument : required_argument,
			NULL, 256 + (int)n };
		if (o->letter == 0)
			continue;
		shorts[at++] = o->letter;
		if (o->kind != OPT_FLAG)
			shorts[at++] = ':';
	}
	longs[n] = (struct option){ "help", no_argument, NULL, HELP_KEY };
	opterr = 0;
	optind = 1;
	while ((k = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (k == HELP_KEY || k == 'h')
			help(c);
		if (k == ':')
			opt_usage_error(c, "%s needs a value", argv[seen]);
		if (k == '?')
			opt_usage_error(c, "%s is no option", argv[seen]);
		seen = optind;
		if (k >= 256) {
			apply(c, &c->options[k - 256], optarg);
			continue;
		}
		for (n = 0; c->options[n].name != NULL; n++)
			if (c->options[n].letter == (char)k)
				apply(c, &c->options[n], optarg);
	}
	return optind;
}

static void
verbs_help(FILE *f, const char *command, const char *usage, const char *summary,
    const struct opt_verb *verbs)
{
	(void)fprintf(f, "Usage: lazaret %s VERB %s\n\n%s\n\nVerbs:\n", command,
	    usage, summary);
	for (const struct opt_verb *v = verbs; v->name != NULL; v++)
		(void)fprintf(f, "  %-12s %s\n", v->name, v->summary);
	(void)fprintf(f, "\nlazaret %s VERB --help says more.\n", command);
}

int
opt_run_verb(const char *command, const char *usage, const char *summary,
    const struct opt_verb *verbs, int argc, char **argv)
{
	if (argc < 2) {
		verbs_help(stderr, command, usage, summary, verbs);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		verbs_help(stdout, command, usage, summary, verbs);
		return EXIT_NOTHING_FOUND;
	}
	for (const struct opt_verb *v = verbs; v->name != NULL; v++)
		if (strcmp(argv[1], v->name) == 0)
			return v->run(argc - 1, argv + 1);
	(void)fprintf(stderr,
	    "lazaret %s: there is no verb %s; see lazaret %s --help\n", command,
	    argv[1], command);
	return EXIT_USAGE;
}
