/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of archive members. Pure; runs in role unpack. */
#include "archive/path.h"

#include "archive/reader.h"
#include "base/buf.h"
#include "base/limits.h"

static bool
is_dot(struct str part)
{
	return part.n == 0 || str_is(part, ".");
}

/* How deep the path ends (< 0 is outside); its lowest point as well. */
static int
walk(struct str path, int from, int *ret_lowest)
{
	struct str part;
	int depth = from, lowest = from;

	while (str_cut(&path, '/', &part)) {
		if (is_dot(part))
			continue;
		depth += str_is(part, "..") ? -1 : 1;
		if (depth < lowest)
			lowest = depth;
	}
	*ret_lowest = lowest;
	return depth;
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* "C:\x" and "\\server" are absolute where the victim may be. */
static bool
is_absolute(struct str s)
{
	if (s.n == 0)
		return false;
	if (s.p[0] == '/' || s.p[0] == '\\')
		return true;
	return s.n > 2 && s.p[1] == ':' && (s.p[2] == '\\' || s.p[2] == '/');
}

static bool
has_backslash_traversal(struct str s)
{
	return str_find(s, STR_LIT("..\\")) >= 0 || str_ends(s, "\\..");
}

unsigned
path_anomalies(struct str path)
{
	unsigned bits = 0;
	int lowest, depth = walk(path, 0, &lowest);

	if (lowest < 0 || has_backslash_traversal(path))
		bits |= READER_TRAVERSAL;
	if (depth > LIMIT_ARCHIVE_DEPTH)
		bits |= READER_DEEP;
	if (is_absolute(path))
		bits |= READER_ABSOLUTE;
	if (path.n > LIMIT_ARCHIVE_PATH_BYTES)
		bits |= READER_LONG_PATH;
	if (has_control(path))
		bits |= READER_CONTROL;
	if (!str_is_utf8(path))
		bits |= READER_NOT_UTF8;
	return bits;
}

bool
path_link_leaves(struct str path, struct str target, bool hard)
{
	ptrdiff_t slash = str_rchr(path, '/');
	struct str folder = str_sub(path, 0, slash < 0 ? 0 : (size_t)slash);
	int lowest, depth;

	if (is_absolute(target) || has_backslash_traversal(target))
		return true;
	depth = hard ? 0 : walk(folder, 0, &lowest);
	(void)walk(target, depth, &lowest);
	/* The root folder itself ("package") must not be left either. */
	return lowest < 1 && !(hard && lowest == 0);
}

void
path_clean(struct str path, int strip, struct buf *out)
{
	struct str part;

	while (str_cut(&path, '/', &part)) {
		if (is_dot(part))
			continue;
		if (strip-- > 0)
			continue;
		if (out->n != 0)
			buf_putc(out, '/');
		buf_put_str(out, part);
	}
}

struct str
path_root(struct str path)
{
	struct str part;

	while (str_cut(&path, '/', &part))
		if (!is_dot(part))
			return part;
	return STR_NONE;
}
