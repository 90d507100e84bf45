/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of packages, and which reader a file belongs to. */
#include "lockfile/lockfile.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/limits.h"
#include "lockfile/families_priv.h"
#include "lockfile/js_priv.h"
#include "lockfile/lockfile_priv.h"
#include "lockfile/py_priv.h"

/* One table per family of readers. */
static const struct lock_format *const families[] = {
	lock_formats_js,
	lock_formats_python,
	lock_formats_gem,
	lock_formats_go,
	lock_formats_gradle,
	lock_formats_beam,
	lock_formats_cargo,
	lock_formats_composer,
	lock_formats_maven,
	lock_formats_nuget,
	lock_formats_spdx,
	lock_formats_actions,
	lock_formats_conan,
	lock_formats_cyclonedx,
	lock_formats_installed,
	lock_formats_pub,
	lock_formats_renv,
	lock_formats_swift,
	lock_formats_vscode,
	NULL,
};

const struct lock_format *
lock_format_at(size_t i)
{
	for (size_t k = 0; families[k] != NULL; k++)
		for (const struct lock_format *f = families[k]; f->name; f++)
			if (i-- == 0)
				return f;
	return NULL;
}

static const struct lock_format *
find(struct str path, bool installed_only)
{
	for (size_t i = 0; families[i] != NULL; i++)
		for (const struct lock_format *f = families[i]; f->name; f++)
			if ((f->installed || !installed_only) && f->match(path))
				return f;
	return NULL;
}

const struct lock_format *
lock_format_find(struct str path)
{
	return find(path, false);
}

const struct lock_format *
lock_format_find_installed(struct str path)
{
	return find(path, true);
}

const struct lock_format *
lock_format_named(const char *name)
{
	for (size_t i = 0; families[i] != NULL; i++)
		for (const struct lock_format *f = families[i]; f->name; f++)
			if (strcmp(f->name, name) == 0)
				return f;
	return NULL;
}

void
lock_list_init(struct lock_list *l, struct arena *a)
{
	*l = (struct lock_list){ .arena = a };
}

void
lock_list_done(struct lock_list *l)
{
	vec_done(&l->packages);
	vec_done(&l->errors);
}

void
lock_relate(struct lock_list *l)
{
	if (l->relate != NULL)
		l->relate(l);
	l->relate = NULL;
}

struct lock_package *
lock_add(struct lock_list *l, const char *ecosystem, struct str name,
    struct str version, uint32_t line)
{
	struct lock_package *p;

	if (l->packages.n == LIMIT_LOCK_PACKAGES) {
		lock_error(l, line, "more than %d packages: split the file",
		    LIMIT_LOCK_PACKAGES);
		l->packages.n--; /* the place of the last one is used again */
	}
	p = vec_add(&l->packages);
	p->ecosystem = str_of(ecosystem);
	p->name = name;
	p->version = version;
	p->origin = STR_LIT("registry");
	p->line = line;
	p->parent = LOCK_NONE;
	return p;
}

void
lock_error(struct lock_list *l, uint32_t line, const char *fmt, ...)
{
	struct lock_error *e;
	char text[512];
	va_list ap;

	if (l->errors.n >= LIMIT_LOCK_ERRORS)
		return;
	e = vec_add(&l->errors);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e->line = line;
	e->message = arena_str(l->arena, str_of(text));
}

void
lock_lines_init(struct lock_lines *n, struct str bytes)
{
	*n = (struct lock_lines){ .bytes = bytes, .line = 1 };
}

uint32_t
lock_line(struct lock_lines *n, size_t offset)
{
	if (offset > n->bytes.n)
		offset = n->bytes.n;
	if (offset < n->at)
		lock_lines_init(n, n->bytes);
	while (n->at < offset) {
		const char *p =
		    memchr(n->bytes.p + n->at, '\n', offset - n->at);

		if (p == NULL)
			break;
		n->at = (size_t)(p - n->bytes.p) + 1;
		n->line++;
	}
	return n->line;
}
