/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's own user namespace. Runs in subcommands, before anything else.
 */
#include "sys/rootless.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/spawn.h"

/* Tells programs that we start that their root is only this namespace's. By
 * itself it does nothing: the map of ids must look like ours, too. */
#define MARK "LAZARET_ROOTLESS"

/* --- what refuses --------------------------------------------------------- */

/* Settings that refuse user namespaces, and their fix. */
static const struct wall {
	const char *setting, *refuses, *fix;
} walls[] = {
	{ "user/max_user_namespaces", "0",
	    "sysctl -w user.max_user_namespaces=15000" },
	{ "kernel/unprivileged_userns_clone", "0",
	    "sysctl -w kernel.unprivileged_userns_clone=1" },
	{ "kernel/apparmor_restrict_unprivileged_userns", "1",
	    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an "
	    "AppArmor profile with userns" },
};

static bool
has_value(const char *proc_sys, const struct wall *w)
{
	char path[LIMIT_PATH_BYTES], text[32] = "";
	_cleanup_(closep) int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s", proc_sys, w->setting);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, w->refuses) == 0;
}

int
rootless_explain(const char *proc_sys, const char *refused, struct error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(walls); i++)
		if (has_value(proc_sys, &walls[i]))
			return error_set(err, -EPERM,
			    "user namespaces are refused: %s/%s is %s; either "
			    "%s, or run it with sudo",
			    proc_sys, walls[i].setting, walls[i].refuses,
			    walls[i].fix);
	return error_set(err, -EPERM,
	    "user namespaces are refused (%s) by a container or a security "
	    "module: allow them there, or run it with sudo",
	    refused);
}

/* --- subordinate ids ------------------------------------------------------ */

/* All of s is a number that fits. */
static bool
number(struct str s, uint32_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 10)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = (uint32_t)v;
	return v <= UINT32_MAX;
}

/* NAME:FIRST:COUNT, or UID:FIRST:COUNT */
static bool
is_range(struct str line, const char *name, uint32_t uid, uint32_t *ret_first)
{
	struct str who, first;
	uint32_t id, count;

	if (!str_cut(&line, ':', &who) || !str_cut(&line, ':', &first))
		return false;
	if (!str_is(who, name) && !(number(who, &id) && id == uid))
		return false;
	return number(first, ret_first) && *ret_first != 0 &&
	    number(line, &count) && count >= ROOTLESS_COUNT &&
	    *ret_first <= UINT32_MAX - ROOTLESS_COUNT;
}

int
rootless_range(const char *path, const char *name, uint32_t uid,
    uint32_t *ret_first, struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct str rest, line;
	struct buf text;
	uint32_t first;
	int rc = 0;

	buf_init(&text, LIMIT_CONFIG_BYTES);
	if (fd >= 0)
		rc = fd_read_all(fd, &text, err);
	rest = buf_str(&text);
	while (rc == 0 && str_cut(&rest, '\n', &line))
		if (is_range(line, name, uid, &first)) {
			*ret_first = first;
			buf_done(&text);
			return 0;
		}
	buf_done(&text);
	if (rc != 0)
		return error_wrap(err, "%s", path);
	return error_set(err, -ENOENT,
	    "%s has no %u ids for %s: run usermod --add-subuids "
	    "100000-165535 --add-subgids 100000-165535 %s, or run it with sudo",
	    path, ROOTLESS_COUNT, name, name);
}

/* --- the maps ------------------------------------------------------------- */

/* One of the programs of uidmap that may write a map for others than oneself.
 */
struct mapper {
	const char *name, *file;
	uint32_t own, first;
};

static int
find_mapper(const char *name, char *ret, size_t size, struct error *err)
{
	static const char *const folders[] = { "/usr/bin", "/bin", "/usr/sbin",
		"/usr/local/bin" };

	for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
		(void)snprintf(ret, size, "%s/%s", folders[i], name);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return error_set(err, -ENOENT,
	    "without root, %s is needed: install it with: apt-get install "
	    "uidmap",
	    name);
}

static int
run_mapper(const struct mapper *m, pid_t pid, struct error *err)
{
	char path[64], words[3][16];
	const char *const argv[] = { path, words[0], "0", words[1], "1", "1",
		words[2], "65536", NULL };
	int rc = find_mapper(m->name, path, sizeof(path), err);

	static_assert(ROOTLESS_COUNT == 65536 && ROOTLESS_FIRST == 1, "argv");
	(void)snprintf(words[0], sizeof(words[0]), "%d", (int)pid);
	(void)snprintf(words[1], sizeof(words[1]), "%u", m->own);
	(void)snprintf(words[2], sizeof(words[2]), "%u", m->first);
	return rc == 0 ? spawn_run(argv, err) : rc;
}

/* A child that stays outside: it waits until we are in the namespace, has our
 * maps written, and says how that went. */
static void __attribute__((noreturn))
map_from_outside(const struct mapper m[2], pid_t pid, int go, int answer)
{
	struct error err = ERROR_INIT;
	char byte;
	int rc = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &byte, 1) != 1)
		_exit(0);
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = run_mapper(&m[i], pid, &err);
	if (rc != 0 && write(answer, err.msg, strlen(err.msg)) < 0)
		_exit(2);
	_exit(rc != 0);
}

/* Becomes root of a new namespace; `go` lets the child outside write. */
static int
become(int go, int answer, pid_t child, struct error *err)
{
	char said[sizeof(err->msg)] = "";
	int status = 1;
	ssize_t n;

	if (unshare(CLONE_NEWUSER) != 0)
		return rootless_explain("/proc/sys", strerror(errno), err);
	if (write(go, "g", 1) != 1)
		return error_errno(err, "pipe");
	n = read(answer, said, sizeof(said) - 1);
	if (waitpid(child, &status, 0) != child || status != 0 || n > 0)
		return error_set(err, -EPERM, "without root: %s",
		    n > 0 ? said : "newuidmap died");
	/* Where a security module lets namespaces be made but gives no rights
	 * in them, this is what it refuses. */
	if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0 ||
	    unshare(CLONE_NEWNS) != 0)
		return rootless_explain("/proc/sys", strerror(errno), err);
	return setenv(MARK, "1", 1) == 0 ? 0 : error_errno(err, "setenv");
}

static int
enter(const struct mapper m[2], struct error *err)
{
	int go[2], answer[2], rc;
	pid_t self = getpid(), child;

	if (pipe2(go, O_CLOEXEC) != 0)
		return error_errno(err, "pipe");
	if (pipe2(answer, O_CLOEXEC) != 0) {
		rc = error_errno(err, "pipe");
		(void)close(go[0]);
		(void)close(go[1]);
		return rc;
	}
	child = fork();
	if (child == 0) {
		(void)close(go[1]);
		map_from_outside(m, self, go[0], answer[1]);
	}
	(void)close(go[0]);
	(void)close(answer[1]);
	rc = child > 0 ? become(go[1], answer[0], child, err) :
			 error_errno(err, "fork");
	(void)close(go[1]);
	(void)close(answer[0]);
	if (child > 0 && rc != 0)
		(void)waitpid(child, NULL, 0);
	return rc;
}

/* As in /etc/passwd: a static program asks nobody else. Whoever is not in there
 * has a name only as far as newuidmap, which knows better, agrees. */
static void
own_name(char *ret, size_t size)
{
	_cleanup_(fclosep) FILE *f = fopen("/etc/passwd", "re");
	const char *said = getenv("USER");
	const struct passwd *pw = NULL;

	while (
	    f != NULL && (pw = fgetpwent(f)) != NULL && pw->pw_uid != getuid())
		;
	if (pw != NULL)
		(void)snprintf(ret, size, "%s", pw->pw_name);
	else if (said != NULL && said[0] != '\0')
		(void)snprintf(ret, size, "%s", said);
	else
		(void)snprintf(ret, size, "%u", getuid());
}

int
rootless_enter(struct error *err)
{
	struct mapper m[2] = { { "newuidmap", "/etc/subuid", getuid(), 0 },
		{ "newgidmap", "/etc/subgid", getgid(), 0 } };
	char name[64], path[64];
	int rc = 0;

	if (geteuid() == 0)
		return rootless_check_root(err);
	/* No namespace, no use for the rest. */
	if (has_value("/proc/sys", &walls[0]) ||
	    has_value("/proc/sys", &walls[1]))
		return rootless_explain("/proc/sys", "", err);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return error_set(err, -EPERM,
		    "no_new_privs is set, as in a unit with NoNewPrivileges= "
		    "or in some containers, so that newuidmap has no rights: "
		    "start it without, or run it with sudo");
	own_name(name, sizeof(name));
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = find_mapper(m[i].name, path, sizeof(path), err);
	for (int i = 0; i < 2 && rc == 0; i++)
		rc =
		    rootless_range(m[i].file, name, getuid(), &m[i].first, err);
	return rc == 0 ? enter(m, err) : rc;
}

/* --- where we are --------------------------------------------------------- */

/* "0 CALLER 1" and "1 FIRST 65536": what the host's root has cannot look so,
 * whatever the environment says. */
static bool
has_our_map(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/uid_map", "re");
	unsigned a[3], b[3];

	return f != NULL &&
	    fscanf(f, "%u %u %u %u %u %u", &a[0], &a[1], &a[2], &b[0], &b[1],
		&b[2]) == 6 &&
	    a[0] == 0 && a[1] != 0 && a[2] == 1 && b[0] == ROOTLESS_FIRST &&
	    b[2] == ROOTLESS_COUNT;
}

bool
rootless_is(void)
{
	return geteuid() == 0 && getenv(MARK) != NULL && has_our_map();
}

bool
rootless_has_root(void)
{
	return geteuid() == 0 && !rootless_is();
}

/* What of root's rights making a sandbox takes. */
static const struct right {
	unsigned number;
	const char *name;
} rights[] = {
	{ CAP_CHOWN, "CAP_CHOWN" },
	{ CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE" },
	{ CAP_FOWNER, "CAP_FOWNER" },
	{ CAP_SETGID, "CAP_SETGID" },
	{ CAP_SETUID, "CAP_SETUID" },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	{ CAP_MKNOD, "CAP_MKNOD" },
};

int
rootless_check_root(struct error *err)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ 0 }
	};
	char names[200] = "";
	size_t n = 0;

	if (!rootless_has_root() || syscall(SYS_capget, &head, data) != 0)
		return 0;
	for (size_t i = 0; i < N_ELEMENTS(rights); i++)
		if ((data[0].effective & 1u << rights[i].number) == 0)
			n += (size_t)snprintf(names + n, sizeof(names) - n,
			    "%s%s", n > 0 ? ", " : "", rights[i].name);
	if (n == 0)
		return 0;
	return error_set(err, -EPERM,
	    "root without %s: start the container with --privileged (or the "
	    "unit without CapabilityBoundingSet=), or run it outside",
	    names);
}
