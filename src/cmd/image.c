/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret image build | list | path | remove: the images of the sandbox. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "sandbox/image.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/opt.h"
#include "sys/rootless.h"
#include "sys/term.h"

static struct {
	const char *state;
	bool json, new_ca, rebuild, unused;
} o;

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, &o.json, NULL, "print JSON" },
	{ "new-ca", 0, OPT_FLAG, &o.new_ca, NULL,
	    "build: make a new certificate authority" },
	{ "rebuild", 0, OPT_FLAG, &o.rebuild, NULL,
	    "build: even if there is one (newer packages)" },
	{ "unused", 0, OPT_FLAG, &o.unused, NULL,
	    "remove: all that are neither current nor in use" },
	{ "state", 0, OPT_STRING, &o.state, "DIR", "another state folder" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "image",
	.operands = "build|list|path|remove [ECOSYSTEM] [ID]",
	.summary = "Builds, lists and removes the images that sandboxes start "
		   "from.",
	.options = options,
	.examples = "  lazaret image build npm\n"
		    "  lazaret image build npm --new-ca\n"
		    "  lazaret image list\n"
		    "  lazaret image path npm\n"
		    "  lazaret image remove npm 3f2a\n"
		    "  lazaret image remove npm --unused\n",
};

static int
failed(const struct error *err)
{
	(void)fprintf(stderr, "lazaret image: %s\n", err->msg);
	return EXIT_TOOL_FAILED;
}

static void
json_image(struct json *j, const struct image *i)
{
	char when[CLOCK_RFC3339_SIZE];

	json_key(j, "ecosystem");
	json_strz(j, i->ecosystem);
	json_key(j, "id");
	json_strz(j, i->id);
	json_key(j, "path");
	json_strz(j, i->dir);
	clock_rfc3339(i->built_at, when);
	json_key(j, "built");
	json_strz(j, when);
	json_key(j, "build_ms");
	json_int(j, i->build_ms);
	json_key(j, "size_bytes");
	json_int(j, i->size_bytes);
	json_key(j, "suite");
	json_strz(j, i->suite);
	json_key(j, "packages");
	json_int(j, i->n_packages);
	json_key(j, "runtime_version");
	json_strz(j, i->runtime_version);
	json_key(j, "client_version");
	json_strz(j, i->client_version);
	json_key(j, "registry");
	json_strz(j, i->registry);
	json_key(j, "home_skeleton");
	json_strz(j, i->home_skeleton);
	json_key(j, "ca_certificate");
	json_strz(j, i->ca_cert_path);
	clock_rfc3339(i->ca_made_at, when);
	json_key(j, "ca_made");
	json_strz(j, i->ca_cert_path != NULL ? when : NULL);
	json_key(j, "layers");
	json_array_begin(j);
	for (size_t k = 0; k < i->n_layers; k++)
		json_strz(j, i->layers[k]);
	json_array_end(j);
}

static int
print_buf(struct buf *out)
{
	struct error err = ERROR_INIT;
	int rc = fd_write_all(STDOUT_FILENO, out->p, out->n, &err);

	buf_done(out);
	return rc == 0 ? EXIT_NOTHING_FOUND : failed(&err);
}

static int
print_image(const struct image *i)
{
	struct buf out;
	struct json j;

	buf_init(&out, LIMIT_CONFIG_BYTES);
	if (o.json) {
		json_init(&j, &out, 2);
		json_object_begin(&j);
		json_image(&j, i);
		json_object_end(&j);
		buf_putc(&out, '\n');
		return print_buf(&out);
	}
	buf_printf(&out,
	    "%s image %.12s: Node.js %s, npm %s, %lld packages of %s, %lld MB, "
	    "built in %lld s\n",
	    i->ecosystem, i->id, i->runtime_version, i->client_version,
	    (long long)i->n_packages, i->suite,
	    (long long)(i->size_bytes / 1000000),
	    (long long)(i->build_ms / 1000));
	return print_buf(&out);
}

static int
run_build(int argc, char **argv)
{
	struct progress progress;
	struct image_request r = { .progress = &progress };
	struct image i = IMAGE_INIT;
	struct error err = ERROR_INIT;
	int rc;

	if (argc != 1)
		opt_usage_error(&command, "build takes one ecosystem");
	r.ecosystem = argv[0];
	r.state = o.state;
	r.rebuild = o.rebuild;
	r.new_ca = o.new_ca;
	progress_begin(&progress);
	rc = image_make(&r, &i, &err);
	progress_end(&progress);
	if (rc != 0)
		return failed(&err);
	rc = print_image(&i);
	image_done(&i);
	return rc;
}

static int
run_path(int argc, char **argv)
{
	struct image_request r = { .ecosystem = argv[0], .state = o.state };
	struct image i = IMAGE_INIT;
	struct error err = ERROR_INIT;

	if (argc != 1)
		opt_usage_error(&command, "path takes one ecosystem");
	if (image_open(&r, &i, &err) != 0)
		return failed(&err);
	(void)puts(i.dir);
	image_done(&i);
	return fflush(stdout) == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED;
}

/* For image_open() in other programs: the note of an image that is whole, or
 * the sentence why there is none: EXIT_INCOMPLETE where one can be built,
 * EXIT_USAGE where none can be. */
static int
run_look(int argc, char **argv)
{
	struct image_request r = { .ecosystem = argv[0], .state = o.state };
	struct error err = ERROR_INIT;
	struct buf out;
	int rc;

	if (argc != 1)
		opt_usage_error(&command, "look takes one ecosystem");
	buf_init(&out, LIMIT_CONFIG_BYTES);
	rc = image_look(&r, &out, &err);
	if (rc == 0)
		return print_buf(&out);
	buf_done(&out);
	(void)puts(err.msg);
	if (fflush(stdout) != 0)
		return EXIT_TOOL_FAILED;
	return rc == 1    ? EXIT_INCOMPLETE :
	    rc == -ENOENT ? EXIT_USAGE :
			    EXIT_TOOL_FAILED;
}

/* "3 days", "5 hours": the age of what was made then. */
static void
print_age(struct buf *out, int64_t made_at)
{
	static const struct {
		int64_t s;
		const char *one, *many;
	} units[] = { { 86400, "day", "days" }, { 3600, "hour", "hours" },
		{ 60, "minute", "minutes" }, { 1, "second", "seconds" } };
	int64_t s = (clock_wall_ns() - made_at) / NS_PER_SEC;

	for (size_t i = 0; i < N_ELEMENTS(units); i++)
		if (s >= units[i].s) {
			int64_t n = s / units[i].s;

			buf_printf(out, "%lld %s", (long long)n,
			    n == 1 ? units[i].one : units[i].many);
			return;
		}
	buf_puts(out, "now");
}

static void
text_entry(struct buf *out, const struct image_entry *e)
{
	const struct image *i = &e->image;
	struct buf age;

	buf_init(&age, LIMIT_TEXT_BYTES);
	print_age(&age, i->built_at);
	buf_printf(out, "%-8s %.12s  %-10s  ", i->ecosystem, i->id, age.p);
	buf_done(&age);
	if (e->broken[0] != '\0') {
		buf_puts(out, "broken: ");
		term_safe(out, str_of(e->broken));
	} else {
		buf_printf(out, "%5lld MB  Node.js %s, npm %s",
		    (long long)(i->size_bytes / 1000000), i->runtime_version,
		    i->client_version);
	}
	if (e->current)
		buf_puts(out, "  current");
	if (e->in_use)
		buf_puts(out, "  in use");
	buf_putc(out, '\n');
}

static void
json_entry(struct json *j, const struct image_entry *e)
{
	json_object_begin(j);
	json_image(j, &e->image);
	json_key(j, "current");
	json_bool(j, e->current);
	json_key(j, "in_use");
	json_bool(j, e->in_use);
	json_key(j, "broken");
	json_strz(j, e->broken[0] != '\0' ? e->broken : NULL);
	json_object_end(j);
}

static int
run_list(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct image_list l = { 0 };
	struct buf out;
	struct json j;

	if (argc > 1)
		opt_usage_error(&command, "list takes at most one ecosystem");
	if (image_list(argc == 1 ? argv[0] : NULL, o.state, &l, &err) != 0)
		return failed(&err);
	buf_init(&out, LIMIT_CONFIG_BYTES);
	json_init(&j, &out, 2);
	if (o.json)
		json_array_begin(&j);
	for (size_t i = 0; i < l.n; i++)
		if (o.json)
			json_entry(&j, &l.v[i]);
		else
			text_entry(&out, &l.v[i]);
	if (o.json) {
		json_array_end(&j);
		buf_putc(&out, '\n');
	}
	image_list_done(&l);
	return print_buf(&out);
}

static int
run_remove(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	int64_t bytes = 0;
	int rc;

	if (argc != (o.unused ? 1 : 2))
		opt_usage_error(&command,
		    "remove takes an ecosystem, and an id or --unused");
	if (!o.unused && argv[1][0] == '\0')
		opt_usage_error(&command, "the id is empty");
	rc = o.unused ? image_gc(argv[0], o.state, &bytes, &err) :
			image_remove(argv[0], argv[1], o.state, &err);
	if (rc != 0)
		return failed(&err);
	if (o.unused)
		(void)printf("%lld MB freed\n", (long long)(bytes / 1000000));
	return EXIT_NOTHING_FOUND;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "build", run_build },
	{ "list", run_list },
	{ "look", run_look },
	{ "path", run_path },
	{ "remove", run_remove },
};

int
main(int argc, char **argv)
{
	int at = opt_parse(&command, argc, argv);
	struct error err = ERROR_INIT;

	if (at >= argc)
		opt_usage_error(&command, "build, list, path or remove?");
	if (rootless_enter(&err) != 0)
		return failed(&err);
	for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].name, argv[at]) == 0)
			return verbs[i].run(argc - at - 1, argv + at + 1);
	opt_usage_error(&command, "no such word: %s", argv[at]);
}
