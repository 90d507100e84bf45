/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gradle.lockfile and buildscript-gradle.lockfile: a line for each artifact,
 * "group:name:version=configuration,…"; "empty=" has the configurations that
 * resolve to nothing. Older: a file for each configuration.
 */
#include "lockfile/families_priv.h"
#include "lockfile/lockfile_priv.h"
#include "lockfile/text_priv.h"

/* Is each of the configurations one for tests? */
static bool
tests_only(struct str configurations)
{
	struct str one;

	if (configurations.n == 0)
		return false;
	while (str_cut(&configurations, ',', &one))
		if (!str_starts(one, "test"))
			return false;
	return true;
}

static void
gradle_line(struct lock_list *l, struct str text, uint32_t line,
    bool per_configuration)
{
	struct str rest = text, coordinates, parts, group, artifact, version;
	struct lock_package *p;
	bool equals = str_cut(&rest, '=', &coordinates) && rest.p != NULL;

	parts = coordinates;
	if (equals == per_configuration || !str_cut(&parts, ':', &group) ||
	    !str_cut(&parts, ':', &artifact) || parts.p == NULL ||
	    !str_cut(&parts, ':', &version) || group.n == 0 ||
	    artifact.n == 0 || version.n == 0) {
		lock_error(l, line, "\"%.*s\" is not group:name:version%s",
		    STR_ARG(str_sub(text, 0, 80)),
		    per_configuration ? "" : "=configurations");
		return;
	}
	p = lock_add(l, "Maven",
	    str_sub(coordinates, 0, group.n + 1 + artifact.n), version, line);
	if (tests_only(rest))
		p->group = STR_LIT("test");
}

static void
read_lines(const struct lock_input *in, struct lock_list *l,
    bool per_configuration)
{
	struct lock_text t;

	lock_text_init(&t, in->bytes);
	while (lock_text_next(&t)) {
		struct str text = str_trim(t.text);

		if (text.n != 0 && text.p[0] != '#' &&
		    !str_starts(text, "empty="))
			gradle_line(l, text, t.line, per_configuration);
	}
}

static void
gradle_read(const struct lock_input *in, struct lock_list *l)
{
	read_lines(in, l, false);
}

static void
configuration_read(const struct lock_input *in, struct lock_list *l)
{
	read_lines(in, l, true);
}

static bool
gradle_match(struct str path)
{
	return lock_named(path, "gradle.lockfile") ||
	    lock_named(path, "buildscript-gradle.lockfile");
}

/* Gradle 5 and before: gradle/dependency-locks/CONFIGURATION.lockfile. */
static bool
configuration_match(struct str path)
{
	struct str base = lock_base(path),
		   folder = str_sub(path, 0, path.n - base.n);

	return str_ends(base, ".lockfile") &&
	    lock_below(folder, "gradle/dependency-locks/");
}

const struct lock_format lock_formats_gradle[] = {
	{ "gradle.lockfile", gradle_match, gradle_read },
	{ "dependency-locks", configuration_match, configuration_read },
	{ NULL },
};
