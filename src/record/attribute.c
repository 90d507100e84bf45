/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribution of processes. Runs in the decoder of role record.
 *
 * What a process says about itself (its environment, its folder) is believed
 * only at the step from the package manager to a hook: from then on a hostile
 * process could name another package as the culprit, so its children inherit.
 */
#include "record/attribute.h"

#include <stddef.h>

#include "base/cleanup.h"

#define MODULES "node_modules/"

/* Programs that a manager starts for itself and that run no package code of
 * their own accord. */
static const char *const tools[] = { "git", "make", "gmake", "cmake", "ninja",
	"gcc", "g++", "cc", "c++", "cc1", "cc1plus", "collect2", "clang",
	"clang++", "ld", "as", "ar", "ranlib", "strip", "node-gyp",
	"node-gyp.js", "pkg-config", "tar", "gzip", "unzip", "ssh", NULL };

/* Options are single words here: with_value takes the next argument, no_file
 * means that the code is not in a file. */
static const struct {
	const char *name;
	const char *with_value[8];
	const char *no_file[6];
} interpreters[] = {
	{ "node",
	    { "-r", "--require", "--import", "--loader", "-C",
		"--experimental-loader", NULL },
	    { "-e", "--eval", "-p", "--print", "-pe", NULL } },
	{ "nodejs", { "-r", "--require", "--import", NULL },
	    { "-e", "--eval", "-p", NULL } },
	{ "bun", { NULL }, { "-e", "--eval", NULL } },
	{ "deno", { NULL }, { "eval", NULL } },
	{ "sh", { "-o", NULL }, { "-c", "-s", NULL } },
	{ "dash", { "-o", NULL }, { "-c", "-s", NULL } },
	{ "bash", { "-o", "-O", "--rcfile", "--init-file", NULL },
	    { "-c", "-s", NULL } },
	{ "busybox", { NULL }, { "-c", NULL } },
	{ "zsh", { "-o", NULL }, { "-c", "-s", NULL } },
	{ "python", { "-W", "-X", NULL }, { "-c", "-m", "-", NULL } },
	{ "perl", { "-I", NULL }, { "-e", "-E", "-", NULL } },
	{ "ruby", { "-I", "-r", NULL }, { "-e", "-", NULL } },
	{ "php", { "-d", NULL }, { "-r", NULL } },
};

static struct str
base_name(struct str path)
{
	return str_sub(path, (size_t)(str_rchr(path, '/') + 1), path.n);
}

static bool
in_list(struct str s, const char *const *list)
{
	for (; *list != NULL; list++)
		if (str_is(s, *list))
			return true;
	return false;
}

/* "python3.11" is python: digits and dots at the end are a version. */
static struct str
without_version(struct str name)
{
	while (name.n > 1 &&
	    ((name.p[name.n - 1] >= '0' && name.p[name.n - 1] <= '9') ||
		name.p[name.n - 1] == '.'))
		name.n--;
	return name;
}

struct str
attribute_script(struct str exe, struct str argv)
{
	struct str name = without_version(base_name(exe)), arg;
	size_t i = 0;
	bool skip = true; /* argv[0] */

	while (
	    i < N_ELEMENTS(interpreters) && !str_is(name, interpreters[i].name))
		i++;
	if (i == N_ELEMENTS(interpreters))
		return STR_NONE;
	if (argv.n != 0 && argv.p[argv.n - 1] == '\0')
		argv.n--;
	while (argv.p != NULL && str_cut(&argv, '\0', &arg)) {
		if (skip) {
			skip = false;
			continue;
		}
		if (in_list(arg, interpreters[i].no_file))
			return STR_NONE;
		skip = in_list(arg, interpreters[i].with_value);
		if (!skip && (arg.n == 0 || arg.p[0] != '-'))
			return arg.n != 0 ? arg : STR_NONE;
	}
	return STR_NONE;
}

/* path below project, without the slash between; p NULL: it is not. */
static struct str
below(struct str project, struct str path)
{
	while (project.n > 1 && project.p[project.n - 1] == '/')
		project.n--;
	if (project.p == NULL || path.n < project.n ||
	    !str_eq(str_sub(path, 0, project.n), project))
		return STR_NONE;
	if (path.n == project.n)
		return str_sub(path, path.n, path.n);
	if (path.p[project.n] != '/')
		return STR_NONE;
	return str_sub(path, project.n + 1, path.n);
}

struct str
attribute_folder(struct str project, struct str path)
{
	struct str inside = below(project, path), rest, name;
	size_t at = 0, end;
	ptrdiff_t found;

	if (inside.p == NULL || !str_starts(inside, MODULES))
		return STR_NONE;
	/* The innermost node_modules is the one that counts. */
	rest = inside;
	while ((found = str_find(rest, STR_LIT("/" MODULES))) >= 0) {
		at += (size_t)found + 1;
		rest = str_sub(inside, at, inside.n);
	}
	rest = str_sub(rest, sizeof(MODULES) - 1, rest.n);
	end = at + sizeof(MODULES) - 1;
	name = rest;
	if (!str_cut(&rest, '/', &name) || name.n == 0 || name.p[0] == '.')
		return STR_NONE;
	end += name.n;
	if (name.p[0] == '@') {
		if (rest.p == NULL || !str_cut(&rest, '/', &name) ||
		    name.n == 0)
			return STR_NONE;
		end += 1 + name.n;
	}
	return str_sub(inside, 0, end);
}

/* Value of a variable; p NULL: not set. */
static struct str
variable(struct str env, const char *name)
{
	struct str one, key;

	while (env.p != NULL && str_cut(&env, '\0', &one)) {
		struct str value = one;

		if (str_cut(&value, '=', &key) && value.p != NULL &&
		    str_is(key, name))
			return value;
	}
	return STR_NONE;
}

/* The folder of the package whose script the manager runs. */
static struct str
hook_package(const struct attribute_exec *x)
{
	struct str json = variable(x->env, "npm_package_json"), folder;
	ptrdiff_t slash;

	if (json.p == NULL)
		return attribute_folder(x->project, x->cwd);
	slash = str_rchr(json, '/');
	if (slash < 0)
		return STR_NONE;
	json = str_sub(json, 0, (size_t)slash);
	folder = attribute_folder(x->project, json);
	if (folder.p == NULL && below(x->project, json).p != NULL)
		folder = STR_LIT("");
	return folder;
}

struct attribution
attribute_exec(const struct attribute_exec *x, struct attribution before)
{
	struct str role = str_of(before.role), folder;
	struct attribution a = before;

	if (str_is(role, "hook") || str_is(role, "tool"))
		return before;
	if (str_is(role, "manager") &&
	    variable(x->env, "npm_lifecycle_event").p != NULL) {
		folder = hook_package(x);
		a.role = "hook";
		if (folder.p != NULL)
			a.package = folder;
		return a;
	}
	if (str_is(role, "manager")) {
		struct str name =
		    base_name(x->script.p != NULL ? x->script : x->path);

		if (in_list(name, tools) || in_list(base_name(x->path), tools))
			a.role = "tool";
		return a;
	}
	folder = attribute_folder(x->project, x->script);
	if (folder.p == NULL)
		folder = attribute_folder(x->project, x->path);
	if (folder.p == NULL && str_is(role, "package"))
		folder = attribute_folder(x->project, x->cwd);
	if (folder.p != NULL)
		a.package = folder;
	return a;
}
