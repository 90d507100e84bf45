/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret doctor: what this machine can and cannot do, each thing tried. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/host.h"
#include "base/buf.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "sys/opt.h"
#include "sys/rootless.h"
#include "sys/term.h"

static struct {
	bool json;
} o;

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, &o.json, NULL, "print JSON" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "doctor",
	.summary = "Tries what isolation, recorder and fake Internet need of "
		   "this machine, and says what is used where something is "
		   "absent.",
	.options = options,
	.examples = "  lazaret doctor\n"
		    "  lazaret doctor --json\n",
};

static const char *const state_words[HOST_STATE__MAX] = {
	[HOST_PRESENT] = "present",
	[HOST_ABSENT] = "absent",
	[HOST_UNKNOWN] = "unknown",
};

static const char *const need_words[HOST_NEED__MAX] = {
	[HOST_REQUIRED] = "required",
	[HOST_WANTED] = "wanted",
	[HOST_EXTRA] = "extra",
};

static void
json_check(struct json *j, const struct host_check *c,
    const struct host_answer *a)
{
	const struct {
		const char *key, *value;
	} members[] = { { "name", c->name },
		{ "group", host_group_word(c->group) },
		{ "state", state_words[a->state] },
		{ "need", need_words[host_need(c)] },
		{ "detail", a->detail[0] != '\0' ? a->detail : NULL },
		{ "purpose", c->purpose }, { "instead", c->instead },
		{ "how", host_how(c, a) },
		{ "without_root", c->without_root } };

	json_object_begin(j);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_key(j, members[i].key);
		json_strz(j, members[i].value);
	}
	json_object_end(j);
}

static enum term_style
colour_of(const struct host_check *c, const struct host_answer *a)
{
	if (a->state == HOST_PRESENT)
		return TERM_GREEN;
	return host_need(c) == HOST_REQUIRED ? TERM_RED : TERM_YELLOW;
}

static void
print_check(const struct host_check *c, const struct host_answer *a)
{
	(void)printf("  %s%-8s%s %-20s %s", term_style(stdout, colour_of(c, a)),
	    state_words[a->state], term_style(stdout, TERM_PLAIN), c->name,
	    c->purpose);
	if (a->detail[0] != '\0')
		(void)printf(" (%s)", a->detail);
	(void)putchar('\n');
	if (a->state != HOST_PRESENT)
		(void)printf("%31s instead: %s\n%31s to have it: %s\n", "",
		    rootless_is() && c->without_root != NULL ? c->without_root :
							       c->instead,
		    "", host_how(c, a));
	if (c->without_root != NULL && !rootless_is())
		(void)printf("%31s without root: %s\n", "", c->without_root);
}

/* Counts what is required and absent, and lists it. */
static size_t
check_all(struct json *j, struct buf *names)
{
	enum host_group shown = HOST_GROUP__MAX;
	struct host_answer a;
	size_t missing = 0;

	for (const struct host_check *c = host_checks; c->name != NULL; c++) {
		host_try(c, &a);
		if (host_need(c) == HOST_REQUIRED && a.state != HOST_PRESENT)
			buf_printf(names, "%s %s", missing++ > 0 ? "," : "",
			    c->name);
		if (j != NULL) {
			json_check(j, c, &a);
			continue;
		}
		if (c->group != shown)
			(void)printf("%s%s\n",
			    shown == HOST_GROUP__MAX ? "" : "\n",
			    host_group_word(c->group));
		shown = c->group;
		print_check(c, &a);
		(void)fflush(stdout);
	}
	return missing;
}

/* Output that a full disk ate is not success. */
static bool
is_printed(void)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return true;
	(void)fprintf(stderr, "lazaret doctor: standard output: %s\n",
	    strerror(errno));
	return false;
}

static size_t
doctor_json(void)
{
	struct host_visible seen[HOST_VISIBLE_MAX];
	struct buf out, names;
	struct json j;
	size_t missing, n = host_visible(seen);

	buf_init(&out, LIMIT_CONFIG_BYTES);
	buf_init(&names, LIMIT_CONFIG_BYTES);
	json_init(&j, &out, 2);
	json_object_begin(&j);
	json_key(&j, "checks");
	json_array_begin(&j);
	missing = check_all(&j, &names);
	json_array_end(&j);
	json_key(&j, "visible");
	json_array_begin(&j);
	for (size_t i = 0; i < n; i++) {
		json_object_begin(&j);
		json_key(&j, "name");
		json_strz(&j, seen[i].name);
		json_key(&j, "value");
		json_strz(&j, seen[i].value);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_key(&j, "can_analyze");
	json_bool(&j, missing == 0);
	json_object_end(&j);
	buf_putc(&out, '\n');
	(void)fwrite(out.p, 1, out.n, stdout);
	buf_done(&names);
	buf_done(&out);
	return missing;
}

static size_t
doctor_text(void)
{
	struct host_visible seen[HOST_VISIBLE_MAX];
	struct buf names;
	size_t n = host_visible(seen), missing;

	buf_init(&names, LIMIT_CONFIG_BYTES);
	missing = check_all(NULL, &names);

	(void)printf("\nwhat a package sees of this machine all the same\n");
	for (size_t i = 0; i < n; i++)
		(void)printf("  %-29s %s\n", seen[i].name, seen[i].value);
	(void)putchar('\n');
	if (missing == 0)
		(void)printf("Packages can be analysed here.\n");
	else
		(void)printf("Packages cannot be analysed here: %zu required "
			     "capabilit%s absent:%s.\n",
		    missing, missing == 1 ? "y is" : "ies are", names.p);
	buf_done(&names);
	return missing;
}

int
main(int argc, char **argv)
{
	int first = opt_parse(&command, argc, argv);
	size_t missing;

	if (first < argc)
		opt_usage_error(&command, "%s: no operand is expected",
		    argv[first]);
	host_prepare();
	missing = o.json ? doctor_json() : doctor_text();
	return is_printed() && missing == 0 ? EXIT_NOTHING_FOUND :
					      EXIT_TOOL_FAILED;
}
