/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Debian part of an image: mmdebstrap with the host's own sources, of
 * which only Debian's are used. Downloads are kept in <home>/.cache/debs until
 * a build succeeds, so a second try does not fetch them again. Runs in the
 * supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/fd.h"
#include "sys/paths.h"

/* Settings of the host's apt that decide whether a mirror can be reached. */
static const char *const apt_settings[] = {
	"Acquire::http",
	"Acquire::https",
	"Acquire::Proxy",
};

#define MAX_ARGS 400

struct args {
	struct arena *arena;
	const char *v[MAX_ARGS + 1];
	size_t n;
};

static void __attribute__((format(printf, 2, 3)))
arg(struct args *a, const char *fmt, ...)
{
	va_list ap;
	struct buf text;

	if (a->n == MAX_ARGS)
		fatal("image: more than %d arguments", MAX_ARGS);
	buf_init(&text, LIMIT_CONFIG_BYTES);
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	a->v[a->n++] = arena_strz(a->arena, buf_str(&text));
	buf_done(&text);
}

/* The keys that the entry at "file:line" names, space between them. A mirror
 * that signs with a key of its own says so there. */
static void
find_keys(struct str entry, struct buf *out)
{
	ptrdiff_t colon = str_rchr(entry, ':');
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closep) int fd = -1;
	struct error ignored = ERROR_INIT;
	struct str rest, line;
	struct buf text;

	if (colon <= 0)
		return;
	path = mem_strndup(str_sub(entry, 0, (size_t)colon));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	buf_init(&text, LIMIT_CONFIG_BYTES);
	if (fd >= 0)
		(void)fd_read_all(fd, &text, &ignored);
	rest = buf_str(&text);
	while (str_cut(&rest, '\n', &line)) {
		ptrdiff_t at = str_find(line, STR_LIT("igned-"));
		size_t from, to;

		if (at < 0 || (line.n != 0 && line.p[0] == '#'))
			continue;
		/* "Signed-By: /a /b" and "[signed-by=/a,/b arch=…]" */
		from = (size_t)at + strlen("igned-by:");
		while (from < line.n && line.p[from] == ' ')
			from++;
		if (from >= line.n || line.p[from] != '/')
			continue;
		to = from;
		while (to < line.n && strchr(" ]", line.p[to]) == NULL)
			to++;
		if (out->n != 0)
			buf_putc(out, ',');
		buf_put_str(out, str_sub(line, from, to));
	}
	buf_done(&text);
}

/* One line of sources.list from "URI release component file:line". */
static bool
add_source(struct str row, struct buf *out)
{
	struct str uri, release, component, rest = row;
	struct buf keys;

	if (!str_cut(&rest, ' ', &uri) || !str_cut(&rest, ' ', &release) ||
	    !str_cut(&rest, ' ', &component) || rest.n == 0)
		return false;
	buf_init(&keys, LIMIT_TEXT_BYTES);
	find_keys(rest, &keys);
	buf_puts(out, "deb ");
	if (keys.n != 0)
		buf_printf(out, "[signed-by=%s] ", keys.p);
	buf_printf(out, "%.*s %.*s %.*s\n", STR_ARG(uri), STR_ARG(release),
	    STR_ARG(component));
	buf_done(&keys);
	return true;
}

/* apt's own view of its configuration: one-line and deb822 files, mirrors. */
static int
ask_sources(struct image_build *b, struct buf *out, struct error *err)
{
	static const char *const argv[] = { "apt-get", "indextargets",
		"Identifier: Packages", "Origin: Debian", "--format",
		"$(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT) "
		"$(SOURCESENTRY)",
		NULL };
	const struct image_tool t = { .argv = argv, .out = out };

	return image_tool_run(b, &t, err);
}

static size_t
pick_sources(struct image_build *b, struct str rows, struct buf *out)
{
	struct str row, codename;
	size_t n = 0;

	while (str_cut(&rows, '\n', &row)) {
		/* "bookworm", "bookworm-updates", "bookworm-security" */
		if (!str_cut(&row, ' ', &codename) ||
		    !str_starts(codename, b->recipe.suite))
			continue;
		if (str_find(buf_str(out), row) < 0 && add_source(row, out))
			n++;
	}
	return n;
}

static int
find_sources(struct image_build *b, struct buf *out, struct error *err)
{
	static const char *const update[] = { "apt-get", "-q", "update", NULL };
	const struct image_tool t = { .argv = update };
	struct buf rows;
	size_t n = 0;
	int rc;

	buf_init(&rows, LIMIT_CONFIG_BYTES);
	rc = ask_sources(b, &rows, err);
	if (rc == 0)
		n = pick_sources(b, buf_str(&rows), out);
	if (rc == 0 && n == 0) {
		/* apt names origins only after it has read the lists once. */
		rc = image_tool_run(b, &t, err);
		buf_reset(&rows);
		if (rc == 0)
			rc = ask_sources(b, &rows, err);
		if (rc == 0)
			n = pick_sources(b, buf_str(&rows), out);
	}
	buf_done(&rows);
	if (rc == 0 && n == 0)
		rc = error_set(err, -ENOENT,
		    "apt has no source of Debian's for %s; add one to "
		    "/etc/apt/sources.list.d",
		    b->recipe.suite);
	return rc;
}

static int
write_file(const char *path, struct str bytes, struct error *err)
{
	_cleanup_(closep) int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_errno(err, "cannot write %s", path);
	return fd_write_all(fd, bytes.p, bytes.n, err);
}

/* Proxies and certificates of the host's apt, "Key "value";" each. */
static int
add_apt_settings(struct image_build *b, struct args *a, struct error *err)
{
	static const char *const argv[] = { "apt-config", "dump", "--format",
		"%F \"%v\";%n", NULL };
	struct str rest, line;
	struct buf out;
	struct image_tool t = { .argv = argv, .out = &out };
	int rc;

	buf_init(&out, LIMIT_CONFIG_BYTES);
	rc = image_tool_run(b, &t, err);
	rest = buf_str(&out);
	while (rc == 0 && str_cut(&rest, '\n', &line))
		for (size_t i = 0; i < N_ELEMENTS(apt_settings); i++)
			if (str_starts(line, apt_settings[i]) &&
			    str_find(line, STR_LIT("\"\"")) < 0)
				arg(a, "--aptopt=%.*s", STR_ARG(line));
	buf_done(&out);
	return rc;
}

static void
add_packages(const struct image_recipe *r, struct args *a)
{
	struct buf list;

	buf_init(&list, LIMIT_CONFIG_BYTES);
	buf_puts(&list, "--include=");
	for (size_t i = 0; i < r->packages.n; i++)
		buf_printf(&list, "%s%s", i != 0 ? "," : "", r->packages.v[i]);
	arg(a, "%s", list.p);
	buf_done(&list);
	for (size_t i = 0; i < r->excludes.n; i++) {
		const struct image_exclude *e = &r->excludes.v[i];

		if (strcmp(e->kind, "deb") == 0)
			arg(a, "--dpkgopt=path-exclude=%s", e->pattern);
		if (strcmp(e->kind, "keep") == 0)
			arg(a, "--dpkgopt=path-include=%s", e->pattern);
	}
}

/* The command line. mmdebstrap gets namespaces of its own: when it is killed,
 * its processes and mounts go with it. */
static void
add_command(struct image_build *b, struct args *a)
{
	static const char *const fixed[] = { "unshare", "--mount", "--pid",
		"--fork", "--kill-child", "--mount-proc", "mmdebstrap",
		"--mode=root", "--variant=apt", "--format=directory",
		"--skip=download/empty,essential/unlink,cleanup/apt/cache",
		"--dpkgopt=force-unsafe-io", /* synced as a whole, later */
		"--aptopt=APT::Install-Recommends \"0\"",
		"--aptopt=APT::Sandbox::User \"root\"", /* state is 0700 */
		"--aptopt=Acquire::Languages \"none\"",
		"--aptopt=Acquire::Retries \"3\"",
		"--aptopt=Dir::Etc::netrc \"/etc/apt/auth.conf\"",
		"--aptopt=Dir::Etc::netrcparts \"/etc/apt/auth.conf.d\"",
		"--setup-hook=mkdir -p \"$1/var/cache/apt/archives\" && "
		"mount --bind \"$LAZARET_DEBS\" \"$1/var/cache/apt/archives\"",
		"--customize-hook=umount \"$1/var/cache/apt/archives\"" };

	for (size_t i = 0; i < N_ELEMENTS(fixed); i++)
		arg(a, "%s", fixed[i]);
	add_packages(&b->recipe, a);
}

static int
run_mmdebstrap(struct image_build *b, const char *sources, struct error *err)
{
	_cleanup_(freep) char *debs = mem_printf("%s/debs", b->cache);
	_cleanup_(freep) char *partial = mem_printf("%s/partial", debs);
	_cleanup_(freep) char *env_debs = mem_printf("LAZARET_DEBS=%s", debs);
	struct args a = { .arena = arena_new(4 * LIMIT_CONFIG_BYTES) };
	_cleanup_(freep) char *env_path =
	    mem_printf("PATH=%s:/usr/sbin:/usr/bin:/sbin:/bin",
		getenv("PATH") != NULL ? getenv("PATH") : "/usr/local/bin");
	const char *const env[] = { env_debs, env_path, "LC_ALL=C",
		"DEBIAN_FRONTEND=noninteractive", NULL };
	const struct image_tool t = { .argv = a.v,
		.name = "mmdebstrap",
		.env = env };
	char path[LIMIT_PATH_BYTES];
	int rc = image_tool_find("mmdebstrap", path, sizeof(path), err);

	if (rc == 0)
		rc = paths_make(partial, 0755, err);
	if (rc == 0) {
		add_command(b, &a);
		rc = add_apt_settings(b, &a, err);
	}
	if (rc == 0) {
		arg(&a, "%s", b->recipe.suite);
		arg(&a, "%s", b->rootfs);
		arg(&a, "%s", sources);
		rc = image_tool_run(b, &t, err);
	}
	arena_free(a.arena);
	return rc;
}

/* Names and versions as dpkg has them, into the manifest. */
static int
note_packages(struct image_build *b, struct error *err)
{
	_cleanup_(freep) char *admin =
	    mem_printf("--admindir=%s/var/lib/dpkg", b->rootfs);
	const char *const argv[] = { "dpkg-query", admin, "-W",
		"-f=${Package} ${Version}\\n", NULL };
	struct image_manifest *m = &b->manifest;
	struct str rest, version, name;
	struct buf out;
	struct image_tool t = { .argv = argv, .out = &out };
	int rc;

	buf_init(&out, LIMIT_CONFIG_BYTES);
	rc = image_tool_run(b, &t, err);
	rest = buf_str(&out);
	while (rc == 0 && str_cut(&rest, '\n', &version))
		if (str_cut(&version, ' ', &name) && version.n != 0)
			vec_push(&m->packages,
			    ((struct image_package){ arena_strz(m->arena, name),
				arena_strz(m->arena, version) }));
	buf_done(&out);
	if (rc == 0 && m->packages.n == 0)
		rc = error_set(err, -EIO, "mmdebstrap left no packages");
	return rc;
}

int
image_apt_install(struct image_build *b, struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/sources.list", b->tmp);
	struct buf sources;
	int rc;

	buf_init(&sources, LIMIT_CONFIG_BYTES);
	rc = find_sources(b, &sources, err);
	if (rc == 0)
		rc = write_file(path, buf_str(&sources), err);
	buf_done(&sources);
	if (rc == 0)
		rc = run_mmdebstrap(b, path, err);
	return rc == 0 ? note_packages(b, err) : rc;
}

/* Files that carry the host's names, mirrors or proxies, and what builds
 * leave behind. A sandbox writes its own hosts, hostname and resolv.conf. */
static const char *const unwanted[] = {
	"etc/apt/apt.conf.d/99mmdebstrap",
	"etc/dpkg/dpkg.cfg.d/99mmdebstrap",
	"etc/apt/sources.list",
	"etc/apt/sources.list.d/0000sources.list",
	"etc/resolv.conf",
	"etc/hostname",
	"etc/machine-id",
	"var/lib/dbus/machine-id",
	"var/lib/systemd/random-seed",
	"var/cache/apt/pkgcache.bin",
	"var/cache/apt/srcpkgcache.bin",
	"var/cache/debconf/config.dat-old",
	"var/cache/debconf/templates.dat-old",
	"var/cache/ldconfig/aux-cache",
	"var/lib/dpkg/status-old",
	"var/log/dpkg.log",
	"var/log/bootstrap.log",
	"var/log/alternatives.log",
	"var/log/apt",
	"var/lib/apt/lists",
	"tmp",
};

/* As on machines of cloud providers: group sudo needs no password. */
static int
allow_sudo(struct image_build *b, struct error *err)
{
	_cleanup_(freep) char *path =
	    mem_printf("%s/etc/sudoers.d/90-cloud-init-users", b->rootfs);
	_cleanup_(freep) char *sudoers =
	    mem_printf("%s/etc/sudoers", b->rootfs);
	int rc;

	if (access(sudoers, F_OK) != 0)
		return 0;
	rc = write_file(path, STR_LIT("%sudo ALL=(ALL) NOPASSWD:ALL\n"), err);
	if (rc == 0 && chmod(path, 0440) != 0)
		rc = error_errno(err, "%s", path);
	return rc;
}

int
image_apt_tidy(struct image_build *b, struct error *err)
{
	_cleanup_(freep) char *tmp = mem_printf("%s/tmp", b->rootfs);
	int rc = allow_sudo(b, err);

	for (size_t i = 0; rc == 0 && i < N_ELEMENTS(unwanted); i++) {
		_cleanup_(freep) char *path =
		    mem_printf("%s/%s", b->rootfs, unwanted[i]);

		rc = image_tree_remove(path, err);
	}
	if (rc == 0 && (mkdir(tmp, 01777) != 0 || chmod(tmp, 01777) != 0))
		rc = error_errno(err, "%s", tmp);
	return rc == 0 ? image_ids_give(b->rootfs, false, err) : rc;
}
