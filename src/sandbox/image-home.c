/* SPDX-License-Identifier: Apache-2.0 */
/* Where the images of an ecosystem lie, which is the current one, and the lock
 * of who uses one. Runs in the supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/fd.h"
#include "sys/paths.h"

int
image_store_path(const char *ecosystem, const char *state, char **ret,
    struct error *err)
{
	char images[LIMIT_PATH_BYTES];
	char *path;
	int rc = paths_get(PATHS_IMAGES, state, images, sizeof(images), err);

	if (rc != 0)
		return rc;
	path = mem_printf("%s/%s", images, ecosystem);
	/* Programs with the setuid bit lie below: nobody else gets in. */
	rc = paths_make(path, 0700, err);
	if (rc == 0 && (chmod(images, 0700) != 0 || chmod(path, 0700) != 0))
		rc = error_errno(err, "%s", path);
	if (rc == 0)
		*ret = path;
	else
		free(path);
	return rc;
}

bool
image_is_id(const char *name)
{
	return strlen(name) == SHA256_HEX_SIZE - 1 &&
	    strspn(name, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

int
image_store_current(const char *home, char **ret, struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/current", home);
	char id[SHA256_HEX_SIZE + 1];
	ssize_t n = readlink(path, id, sizeof(id) - 1);

	*ret = NULL;
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return error_errno(err, "%s", path);
	id[n] = '\0';
	if (image_is_id(id))
		*ret = mem_strdup(id);
	return 0;
}

int
image_store_hold(const char *dir, int how, int *ret_fd, struct error *err)
{
	_cleanup_(closep) int fd =
	    open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat mine, there;
	int rc;

	if (fd < 0)
		return error_errno(err, "%s", dir);
	do
		rc = flock(fd, how);
	while (rc != 0 && errno == EINTR);
	if (rc != 0 && errno == EWOULDBLOCK)
		return error_set(err, -EBUSY, "the image is in use");
	if (rc != 0 || fstat(fd, &mine) != 0)
		return error_errno(err, "%s", dir);
	if (stat(dir, &there) != 0 || there.st_ino != mine.st_ino ||
	    there.st_dev != mine.st_dev)
		return error_set(err, -ENOENT, "%s was removed", dir);
	*ret_fd = steal_fd(&fd);
	return 0;
}

void
image_lies_in(struct image *i, const char *dir)
{
	i->dir = mem_strdup(dir);
	i->layers[0] = mem_printf("%s/ca-%s/layer", dir, i->ca_name);
	i->layers[1] = mem_printf("%s/rootfs", dir);
	i->n_layers = 2;
	i->ca_cert_path = mem_printf("%s/ca-%s/cert.pem", dir, i->ca_name);
	i->ca_key_path = mem_printf("%s/ca-%s/key.pem", dir, i->ca_name);
}
