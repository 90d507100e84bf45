/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers, overlay, /dev. File systems are made by the host's root, so that
 * their superblocks belong to the host's user namespace: device nodes work,
 * and nothing inside can change them. Runs in supervisors.
 */
#include "sandbox/mounts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/sandbox.h"
#include "sys/fd.h"
#include "sys/message.h"

void
mounts_init(struct mounts *m)
{
	*m = (struct mounts){ .userns = -1,
		.copies_lock = -1,
		.put = -1,
		.upper_mount = -1,
		.upper = -1,
		.root = -1,
		.dev = -1,
		.shm = -1,
		.hide = -1 };
	for (size_t i = 0; i < N_ELEMENTS(m->layers); i++)
		m->layers[i] = -1;
	for (size_t i = 0; i < N_ELEMENTS(m->nodes); i++)
		m->nodes[i] = -1;
}

void
mounts_leave(struct mounts *m)
{
	int *const fds[] = { &m->userns, &m->copies_lock, &m->put,
		&m->upper_mount, &m->root, &m->dev, &m->shm, &m->hide };

	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		closep(fds[i]);
	for (size_t i = 0; i < N_ELEMENTS(m->layers); i++)
		closep(&m->layers[i]);
	for (size_t i = 0; i < N_ELEMENTS(m->nodes); i++)
		closep(&m->nodes[i]);
}

void
mounts_done(struct mounts *m)
{
	mounts_leave(m);
	closep(&m->upper);
}

/* The kernel's own words about a failed configuration, if it has any. */
static int
fs_error(int fs, const char *what, struct error *err)
{
	char text[200];
	int code = errno;
	ssize_t n = read(fs, text, sizeof(text) - 1);

	if (n > 2) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		return error_set(err, -code, "%s: %s", what, text + 2);
	}
	errno = code;
	return error_errno(err, "%s", what);
}

struct setting {
	const char *key, *value; /* value NULL: a flag */
};

static int
configure(int fs, const struct setting *s, size_t n, const char *what,
    struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (fsconfig(fs,
			s[i].value != NULL ? FSCONFIG_SET_STRING :
					     FSCONFIG_SET_FLAG,
			s[i].key, s[i].value, 0) != 0)
			return fs_error(fs, what, err);
	return 0;
}

static int
create(int fs, unsigned attributes, const char *what, int *ret,
    struct error *err)
{
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return fs_error(fs, what, err);
	*ret = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
	return *ret >= 0 ? 0 : fs_error(fs, what, err);
}

int
mounts_tmpfs(const struct mounts *m, const char *size, const char *inodes,
    unsigned mode, unsigned attributes, int *ret, struct error *err)
{
	_cleanup_(closep) int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	char mode_text[8], owner[16];
	const struct setting settings[] = { { "source", "tmpfs" },
		{ "size", size }, { "nr_inodes", inodes },
		{ "mode", mode_text },
		/* Otherwise /proc/mounts would show who the caller is. */
		{ "uid", owner }, { "gid", owner } };
	size_t n = N_ELEMENTS(settings) - (m->rootless ? 0 : 2);
	int rc;

	(void)snprintf(mode_text, sizeof(mode_text), "%o", mode);
	(void)snprintf(owner, sizeof(owner), "%u", m->uid_base);
	if (fs < 0)
		return error_errno(err, "tmpfs");
	rc = configure(fs, settings, n, "tmpfs", err);
	if (rc == 0)
		rc = create(fs, attributes, "tmpfs", ret, err);
	if (rc == 0 &&
	    (fchownat(*ret, "", m->uid_base, m->uid_base, AT_EMPTY_PATH) != 0 ||
		/* chown cleared the sticky bit's neighbours: set them again */
		fchmodat(*ret, ".", mode, 0) != 0))
		rc = error_errno(err, "tmpfs");
	return rc;
}

/* Without root nobody may show a layer with other ids than it has on disk: it
 * must have been given to the ids of the sandbox. */
static int
check_owner(const struct mounts *m, int fd, const char *name, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_errno(err, "%s", name);
	if (!m->rootless || st.st_uid == m->uid_base)
		return 0;
	return error_set(err, -EPERM,
	    "%s does not belong to the subordinate ids of this user: without "
	    "root, only images made by it can be used (lazaret image build)",
	    name);
}

int
mounts_layer(struct mounts *m, const struct sandbox_layer *l, struct error *err)
{
	struct mount_attr attr = {
		.attr_set = (m->rootless ? 0 : MOUNT_ATTR_IDMAP) |
		    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
		.userns_fd = m->rootless ? 0 : (unsigned)m->userns,
	};
	const char *name = l->fd >= 0 ? "the layer" : l->path;
	int fd;

	if (m->n_layers == N_ELEMENTS(m->layers))
		return error_set(err, -E2BIG, "more than %d layers",
		    LIMIT_SANDBOX_LAYERS);
	fd = open_tree(l->fd >= 0 ? l->fd : AT_FDCWD, l->fd >= 0 ? "" : l->path,
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
		(l->fd >= 0 ? AT_EMPTY_PATH : 0));
	if (fd < 0)
		return error_errno(err, "%s", name);
	m->layers[m->n_layers++] = fd;
	if (check_owner(m, fd, name, err) != 0)
		return err->code;
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return 0;
	/* Overlayfs, tmpfs before 6.3, and file systems of networks. */
	if (errno == EINVAL && !m->rootless)
		return 1;
	return error_errno(err, "%s", name);
}

int
mounts_layer_copy(struct mounts *m, int copy, struct error *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
	};
	int fd = open_tree(copy, "",
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	assert(m->n_layers > 0);
	if (fd < 0)
		return error_errno(err, "copy of a layer");
	closep(&m->layers[m->n_layers - 1]);
	m->layers[m->n_layers - 1] = fd;
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
		return error_errno(err, "copy of a layer");
	return 0;
}

int
mounts_folder(const struct mounts *m, int dir, const char *name, unsigned mode,
    struct error *err)
{
	if (mkdirat(dir, name, mode) != 0 ||
	    fchownat(dir, name, m->uid_base, m->uid_base, 0) != 0 ||
	    fchmodat(dir, name, mode, 0) != 0)
		return error_errno(err, "cannot make %s", name);
	return 0;
}

int
mounts_file(const struct mounts *m, int dir, const char *name, const char *text,
    unsigned mode, struct error *err)
{
	_cleanup_(closep) int fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return error_errno(err, "cannot make %s", name);
	rc = fd_write_all(fd, text, strlen(text), err);
	if (rc == 0 &&
	    (fchown(fd, m->uid_base, m->uid_base) != 0 ||
		fchmod(fd, mode) != 0))
		rc = error_errno(err, "cannot make %s", name);
	return rc;
}

int
mounts_upper(struct mounts *m, int64_t bytes, int64_t inodes, struct error *err)
{
	char size[32], count[32];
	int rc;

	(void)snprintf(size, sizeof(size), "%" PRId64, bytes);
	(void)snprintf(count, sizeof(count), "%" PRId64, inodes);
	rc = mounts_tmpfs(m, size, count, 0755, MOUNT_ATTR_NOSUID,
	    &m->upper_mount, err);
	if (rc == 0)
		rc = mounts_folder(m, m->upper_mount, "upper", 0755, err);
	/* The work folder is the overlay's alone. */
	if (rc == 0 && mkdirat(m->upper_mount, "work", 0700) != 0)
		rc = error_errno(err, "cannot make work");
	if (rc != 0)
		return rc;
	m->upper =
	    openat(m->upper_mount, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return m->upper >= 0 ? 0 : error_errno(err, "upper");
}

/* --- the overlay --- */

/* redirect_dir off: a walk of the upper layer needs no lookup elsewhere.
 * index, nfs_export: file handles, for fanotify. */
static const struct setting overlay_settings[] = {
	{ "source", "overlay" },
	{ "redirect_dir", "off" },
	{ "metacopy", "off" },
	{ "index", "on" },
	{ "nfs_export", "on" },
};

/* trusted.* attributes are the host's root's. With user.* there is no
 * redirect_dir, and it may not even be named. */
static const struct setting rootless_settings[] = {
	{ "source", "overlay" },
	{ "userxattr", NULL },
	{ "metacopy", "off" },
	{ "index", "on" },
	{ "nfs_export", "on" },
};

static int
configure_overlay(const struct mounts *m, int fs, struct error *err)
{
	return m->rootless ?
	    configure(fs, rootless_settings, N_ELEMENTS(rootless_settings),
		"overlay", err) :
	    configure(fs, overlay_settings, N_ELEMENTS(overlay_settings),
		"overlay", err);
}

static int
by_descriptors(struct mounts *m, struct error *err)
{
	_cleanup_(closep) int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	_cleanup_(closep) int work = -1;
	int rc;

	if (fs < 0)
		return error_errno(err, "overlay");
	work = openat(m->upper_mount, "work", O_PATH | O_CLOEXEC);
	rc = configure_overlay(m, fs, err);
	if (rc != 0)
		return rc;
	if (fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, m->put) != 0)
		return fs_error(fs, "overlay: lower layer", err);
	for (size_t i = 0; i < m->n_layers; i++)
		if (fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL,
			m->layers[i]) != 0)
			return fs_error(fs, "overlay: lower layer", err);
	if (fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, m->upper) != 0 ||
	    fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, work) != 0)
		return fs_error(fs, "overlay: upper layer", err);
	return create(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "overlay",
	    &m->root, err);
}

static int
attach(int fd, const char *name, struct error *err)
{
	if (mkdir(name, 0700) != 0 ||
	    move_mount(fd, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		return error_errno(err, "cannot attach %s", name);
	return 0;
}

/* In a child with a mount namespace of its own, which dies with it; the
 * superblock lives on through the descriptor that is sent back. */
static int
by_path_child(const struct mounts *m, int *ret_root, struct error *err)
{
	char lower[16 * (LIMIT_SANDBOX_LAYERS + 1)] = "p", name[16];
	const struct setting layers[] = { { "lowerdir", lower },
		{ "upperdir", "u/upper" }, { "workdir", "u/work" } };
	_cleanup_(closep) int fs = -1;
	int rc;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, "mode=0700,size=64k") != 0 ||
	    chdir("/tmp") != 0)
		return error_errno(err, "cannot make a mount namespace");
	rc = attach(m->put, "p", err);
	if (rc == 0)
		rc = attach(m->upper_mount, "u", err);
	for (size_t i = 0; i < m->n_layers && rc == 0; i++) {
		(void)snprintf(name, sizeof(name), "l%zu", i);
		rc = attach(m->layers[i], name, err);
		(void)snprintf(lower + strlen(lower),
		    sizeof(lower) - strlen(lower), ":%s", name);
	}
	if (rc != 0)
		return rc;
	fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return error_errno(err, "overlay");
	rc = configure_overlay(m, fs, err);
	if (rc == 0)
		rc = configure(fs, layers, N_ELEMENTS(layers), "overlay", err);
	if (rc == 0)
		rc = create(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "overlay",
		    ret_root, err);
	return rc;
}

static void __attribute__((noreturn))
by_path_report(const struct mounts *m, int fd)
{
	struct error err = ERROR_INIT, ignored;
	struct channel c;
	int root = -1, rc;

	rc = by_path_child(m, &root, &err);
	channel_init(&c, fd);
	message_begin(&c, 1);
	message_put_int(&c, rc);
	message_put_str(&c, str_of(err.msg));
	if (rc == 0)
		message_put_fd(&c, root);
	(void)message_send(&c, &ignored);
	(void)channel_flush(&c, &ignored);
	_exit(0);
}

static int
by_path_answer(struct mounts *m, int fd, struct error *err)
{
	struct channel c;
	struct message msg;
	struct str sentence;
	int rc, code;

	channel_init(&c, fd);
	rc = channel_recv(&c, &msg, err);
	if (rc != 1) {
		channel_done(&c);
		return error_set(err, -EIO, "overlay: the helper died");
	}
	code = (int)message_get_int(&msg);
	sentence = message_get_str(&msg);
	if (code == 0)
		m->root = message_get_fd(&msg);
	rc = code != 0 ? error_set(err, code, "%.*s", STR_ARG(sentence)) :
			 message_end(&msg, err);
	channel_done(&c);
	return rc;
}

static int
by_path(struct mounts *m, struct error *err)
{
	int pair[2], rc;
	pid_t pid;

	rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	pid = fork();
	if (pid == 0)
		by_path_report(m, pair[1]);
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return error_errno(err, "fork");
	}
	rc = by_path_answer(m, pair[0], err);
	(void)waitpid(pid, NULL, 0);
	m->by_path = true;
	return rc;
}

int
mounts_overlay(struct mounts *m, bool force_path, struct error *err)
{
	struct error first = ERROR_INIT;

	if (!force_path && by_descriptors(m, &first) == 0)
		return 0;
	closep(&m->root);
	return by_path(m, err);
}

/* --- /dev --- */

static const struct device {
	const char *name;
	unsigned minor_number, major_number;
} devices[] = {
	{ "null", 3, 1 },
	{ "zero", 5, 1 },
	{ "full", 7, 1 },
	{ "random", 8, 1 },
	{ "urandom", 9, 1 },
	{ "tty", 0, 5 },
};

static const struct setting links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

static_assert(N_ELEMENTS(devices) == MOUNTS_NODES, "nodes");

const char *
mounts_node(size_t i)
{
	assert(i < N_ELEMENTS(devices));
	return devices[i].name;
}

/* Without root: a file that init covers with the host's node. */
static int
borrow_node(struct mounts *m, size_t i, struct error *err)
{
	const struct device *d = &devices[i];
	char path[32];
	struct stat st;
	int rc = mounts_file(m, m->dev, d->name, "", 0666, err);

	if (rc != 0)
		return rc;
	(void)snprintf(path, sizeof(path), "/dev/%s", d->name);
	m->nodes[i] = open_tree(AT_FDCWD, path,
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	if (m->nodes[i] < 0 || fstat(m->nodes[i], &st) != 0)
		return error_errno(err, "%s", path);
	if (!S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(d->major_number, d->minor_number))
		return error_set(err, -ENODEV, "%s is another device", path);
	return 0;
}

static int
make_node(struct mounts *m, size_t i, struct error *err)
{
	const struct device *d = &devices[i];

	if (mknodat(m->dev, d->name, S_IFCHR | 0666,
		makedev(d->major_number, d->minor_number)) != 0 ||
	    fchownat(m->dev, d->name, m->uid_base, m->uid_base, 0) != 0 ||
	    fchmodat(m->dev, d->name, 0666, 0) != 0)
		return error_errno(err, "/dev/%s", d->name);
	return 0;
}

int
mounts_dev(struct mounts *m, struct error *err)
{
	int rc = mounts_tmpfs(m, "64k", "64", 0755,
	    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &m->dev, err);

	for (size_t i = 0; i < N_ELEMENTS(devices) && rc == 0; i++)
		rc =
		    m->rootless ? borrow_node(m, i, err) : make_node(m, i, err);
	for (size_t i = 0; i < N_ELEMENTS(links) && rc == 0; i++)
		if (symlinkat(links[i].value, m->dev, links[i].key) != 0)
			rc = error_errno(err, "/dev/%s", links[i].key);
	if (rc == 0)
		rc = mounts_folder(m, m->dev, "pts", 0755, err);
	if (rc == 0)
		rc = mounts_folder(m, m->dev, "shm", 01777, err);
	return rc;
}
