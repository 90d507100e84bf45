/* SPDX-License-Identifier: Apache-2.0 */
/* Names of npm packages. Pure. */
#include "ecosystem/npm/name.h"

#include <errno.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"

/* npm's limit for new names; no registry has longer ones. */
#define NAME_MAX_BYTES 214

/* Characters that need no escape in an address; old packages have capitals
 * and the marks !~*'(). */
static bool
part_valid(struct str s)
{
	static const char marks[] = "-_.!~*'()";

	if (s.n == 0 || s.p[0] == '.' || s.p[0] == '_')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
		    (c < '0' || c > '9') &&
		    (c == '\0' || strchr(marks, c) == NULL))
			return false;
	}
	return true;
}

bool
npm_name_valid(struct str name)
{
	struct str scope;

	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return false;
	if (str_eq_nocase(name, STR_LIT("node_modules")) ||
	    str_eq_nocase(name, STR_LIT("favicon.ico")))
		return false;
	if (name.p[0] != '@')
		return part_valid(name);
	scope = npm_name_scope(name);
	return scope.p != NULL && part_valid(str_sub(scope, 1, scope.n)) &&
	    part_valid(npm_name_base(name));
}

int
npm_name_check(struct str name, struct error *err)
{
	if (npm_name_valid(name))
		return 0;
	return error_set(err, -EINVAL, "\"%.*s\" is no npm package name",
	    STR_ARG(str_sub(name, 0, 100)));
}

struct str
npm_name_scope(struct str name)
{
	ptrdiff_t slash = str_chr(name, '/');

	if (name.n == 0 || name.p[0] != '@' || slash < 0)
		return STR_NONE;
	return str_sub(name, 0, (size_t)slash);
}

struct str
npm_name_base(struct str name)
{
	struct str scope = npm_name_scope(name);

	return scope.p == NULL ? name : str_sub(name, scope.n + 1, name.n);
}

void
npm_name_document_url(struct str base, struct str name, struct buf *out)
{
	struct str scope = npm_name_scope(name);

	buf_put_str(out, base);
	if (scope.p != NULL) {
		buf_put_str(out, scope);
		buf_puts(out, "%2f");
	}
	buf_put_str(out, npm_name_base(name));
}

void
npm_name_archive_url(struct str base, struct str name, struct str version,
    struct buf *out)
{
	buf_put_str(out, base);
	buf_put_str(out, name);
	buf_puts(out, "/-/");
	buf_put_str(out, npm_name_base(name));
	buf_putc(out, '-');
	for (size_t i = 0; i < version.n; i++)
		if (version.p[i] == '+')
			buf_puts(out, "%2B");
		else
			buf_putc(out, version.p[i]);
	buf_puts(out, ".tgz");
}
