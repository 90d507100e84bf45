/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of URLs. Runs in role sink. */
#include "sink/path_priv.h"

#include <ctype.h>

#include "base/cleanup.h"

static const struct {
	const char *end;
	enum path_kind kind;
} extensions[] = {
	{ ".tar.gz", PATH_ARCHIVE },
	{ ".tgz", PATH_ARCHIVE },
	{ ".tar.xz", PATH_ARCHIVE },
	{ ".txz", PATH_ARCHIVE },
	{ ".tar.bz2", PATH_ARCHIVE },
	{ ".tbz2", PATH_ARCHIVE },
	{ ".tar.zst", PATH_ARCHIVE },
	{ ".tar.br", PATH_ARCHIVE },
	{ ".tar", PATH_ARCHIVE },
	{ ".zip", PATH_ARCHIVE },
	{ ".7z", PATH_ARCHIVE },
	{ ".node.gz", PATH_ARCHIVE },
	{ ".gz", PATH_ARCHIVE },
	{ ".xz", PATH_ARCHIVE },
	{ ".bz2", PATH_ARCHIVE },
	{ ".zst", PATH_ARCHIVE },
	{ ".br", PATH_ARCHIVE },
	{ ".whl", PATH_ARCHIVE },
	{ ".gem", PATH_ARCHIVE },
	{ ".crate", PATH_ARCHIVE },
	{ ".deb", PATH_ARCHIVE },
	{ ".rpm", PATH_ARCHIVE },
	{ ".dmg", PATH_ARCHIVE },
	{ ".pkg", PATH_ARCHIVE },
	{ ".msi", PATH_ARCHIVE },
	{ ".nupkg", PATH_ARCHIVE },
	{ ".node", PATH_NATIVE },
	{ ".so", PATH_NATIVE },
	{ ".dylib", PATH_NATIVE },
	{ ".dll", PATH_NATIVE },
	{ ".sh", PATH_SCRIPT },
	{ ".bash", PATH_SCRIPT },
	{ ".zsh", PATH_SCRIPT },
	{ ".py", PATH_SCRIPT },
	{ ".ps1", PATH_SCRIPT },
	{ ".pl", PATH_SCRIPT },
	{ ".rb", PATH_SCRIPT },
	{ ".bat", PATH_SCRIPT },
	{ ".cmd", PATH_SCRIPT },
	{ ".exe", PATH_PROGRAM },
	{ ".bin", PATH_PROGRAM },
	{ ".elf", PATH_PROGRAM },
	{ ".out", PATH_PROGRAM },
	{ ".run", PATH_PROGRAM },
	{ ".appimage", PATH_PROGRAM },
	{ ".x86", PATH_PROGRAM },
	{ ".x86_64", PATH_PROGRAM },
	{ ".x64", PATH_PROGRAM },
	{ ".amd64", PATH_PROGRAM },
	{ ".arm64", PATH_PROGRAM },
	{ ".aarch64", PATH_PROGRAM },
};

/* Words that stand between other characters than letters and digits. */
static const char *const platforms[] = { "linux", "linux64", "linux32",
	"darwin", "macos", "osx", "mac", "win", "win32", "win64", "windows",
	"freebsd", "android", "alpine", "x64", "x86", "amd64", "arm64",
	"aarch64", "arm", "armv6", "armv7", "armv7l", "armhf", "ia32", "i386",
	"i686", "s390x", "ppc64le", "riscv64", "musl", "glibc", "gnu", "napi",
	"abi", "node" };

static struct str
last_part(struct str path)
{
	return str_sub(path, (size_t)(str_rchr(path, '/') + 1), path.n);
}

/* The row of its longest known ending (they stand in that order); -1: none. */
static int
find_extension(struct str file)
{
	for (size_t i = 0; i < N_ELEMENTS(extensions); i++) {
		size_t n = strlen(extensions[i].end);

		if (file.n > n &&
		    str_eq_nocase(str_sub(file, file.n - n, file.n),
			str_of(extensions[i].end)))
			return (int)i;
	}
	return -1;
}

/* "tool-1.2": what stands behind the dot is a number, not an extension. */
static bool
has_extension(struct str file)
{
	ptrdiff_t dot = str_rchr(file, '.');

	if (dot < 0)
		return false;
	for (size_t i = (size_t)dot + 1; i < file.n; i++)
		if (!isdigit((unsigned char)file.p[i]))
			return true;
	return false;
}

enum path_kind
path_kind(struct str path)
{
	struct str file = last_part(path);
	int at = find_extension(file);

	if (at >= 0)
		return extensions[at].kind;
	if (file.n == 0 || has_extension(file))
		return PATH_OTHER;
	return PATH_BARE;
}

struct str
path_stem(struct str path)
{
	struct str file = last_part(path);
	int at = find_extension(file);

	if (at < 0)
		return file;
	return str_sub(file, 0, file.n - strlen(extensions[at].end));
}

/* A digit, a dot, a digit. */
static bool
has_version(struct str s)
{
	for (size_t i = 1; i + 1 < s.n; i++)
		if (s.p[i] == '.' && isdigit((unsigned char)s.p[i - 1]) &&
		    isdigit((unsigned char)s.p[i + 1]))
			return true;
	return false;
}

static bool
is_platform(struct str word)
{
	for (size_t i = 0; i < N_ELEMENTS(platforms); i++)
		if (str_eq_nocase(word, str_of(platforms[i])))
			return true;
	return false;
}

static bool
has_platform(struct str s)
{
	size_t from = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && isalnum((unsigned char)s.p[i]))
			continue;
		if (is_platform(str_sub(s, from, i)))
			return true;
		from = i + 1;
	}
	return false;
}

bool
path_is_prebuilt(struct str path)
{
	enum path_kind kind = path_kind(path);
	struct str stem = path_stem(path);

	if (kind != PATH_ARCHIVE && kind != PATH_NATIVE)
		return false;
	/* The ending itself says nothing about a platform. */
	path = str_sub(path, 0, (size_t)(stem.p - path.p) + stem.n);
	return has_version(path) || has_platform(path);
}
