/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an image, which is built first when there is none. Runs in the
 * supervisor. */
#include "sandbox/image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/clock.h"
#include "sys/spawn.h"

/* An authority serves this long: whoever learnt to know it has to learn anew.
 */
#define CA_AGE_NS (90ll * 24 * 60 * 60 * NS_PER_SEC)

bool
image_ca_is_old(int64_t made_at)
{
	return clock_wall_ns() - made_at > CA_AGE_NS;
}

int
image_open_current(const char *home, const char *recipe, struct image *ret,
    struct error *err)
{
	_cleanup_(freep) char *id = NULL;
	int rc = image_store_current(home, &id, err);

	if (rc != 0)
		return rc;
	if (id == NULL) {
		(void)error_set(err, -ENOENT, "there is none");
		return 1;
	}
	if (image_store_open(home, id, ret, NULL, err) != 0) {
		(void)error_wrap(err, "%.12s", id);
		return 1;
	}
	if (strcmp(ret->recipe, recipe) != 0) {
		image_done(ret);
		(void)error_set(err, -ENOENT,
		    "%.12s was built from another list of packages", id);
		return 1;
	}
	return 0;
}

int
image_prepare(const struct image_request *r, struct image_recipe *ret,
    char **ret_home, struct error *err)
{
	int rc;

	assert(r->ecosystem != NULL);
	if (geteuid() != 0)
		return error_set(err, -EPERM,
		    "images need root: run it with sudo");
	rc = image_recipe_read(r->ecosystem, ret, err);
	return rc != 0 ?
	    rc :
	    image_store_path(r->ecosystem, r->state, ret_home, err);
}

/* Another program: building takes libraries that starting does not need. It
 * shows its progress and says itself what went wrong. */
static int
run_builder(const struct image_request *r, struct error *err)
{
	const char *argv[] = { "image", "build", r->ecosystem,
		r->state != NULL ? "--state" : NULL, r->state, NULL };
	_cleanup_(closep) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct spawn sp = SPAWN_INIT;
	struct child child = CHILD_INIT;
	char path[LIMIT_PATH_BYTES];
	int rc = spawn_libexec_path("image", path, sizeof(path), err), status;

	if (rc != 0)
		return rc;
	if (null < 0)
		return error_errno(err, "/dev/null");
	sp.path = path;
	sp.argv = argv;
	sp.out_fd = null;
	rc = spawn_start(&sp, &child, err);
	if (rc == 0)
		rc = spawn_wait(&child, -1, &status, err);
	if (rc == 0 && status != 0)
		rc = error_set(err, -EIO, "there is no image for %s",
		    r->ecosystem);
	return rc;
}

int
image_open(const struct image_request *r, struct image *ret, struct error *err)
{
	struct image_recipe recipe = { 0 };
	_cleanup_(freep) char *home = NULL;
	struct error why = ERROR_INIT;
	struct image i = IMAGE_INIT;
	int rc = image_prepare(r, &recipe, &home, err);

	if (rc == 0)
		rc = image_open_current(home, recipe.id, &i, &why);
	if (r->build &&
	    (rc == 1 || (rc == 0 && image_ca_is_old(i.ca_made_at)))) {
		image_done(&i); /* our lock must not keep the old one alive */
		rc = run_builder(r, err);
		if (rc == 0)
			rc = image_open_current(home, recipe.id, &i, &why);
	}
	image_recipe_done(&recipe);
	if (rc == 1)
		rc = error_set(err, -ENOENT,
		    "no image for %s (%s); make it with: lazaret image build "
		    "%s",
		    r->ecosystem, why.msg, r->ecosystem);
	if (rc == 0)
		*ret = i;
	else
		image_done(&i);
	return rc;
}

void
image_done(struct image *i)
{
	char *owned[] = { i->ecosystem, i->dir, i->ca_cert_path, i->ca_key_path,
		i->suite, i->runtime_version, i->runtime_path,
		i->client_version, i->registry, i->home_skeleton };

	for (size_t k = 0; k < N_ELEMENTS(owned); k++)
		free(owned[k]);
	for (size_t k = 0; k < i->n_layers; k++)
		free(i->layers[k]);
	closep(&i->lock_fd);
	*i = (struct image)IMAGE_INIT;
}

int
image_add_layer(struct image *i, const char *path, struct error *err)
{
	if (path[0] != '/')
		return error_set(err, -EINVAL, "%s is not absolute", path);
	if (i->n_layers == IMAGE_MAX_LAYERS)
		return error_set(err, -E2BIG, "more than %d layers",
		    IMAGE_MAX_LAYERS);
	memmove(i->layers + 1, i->layers, i->n_layers * sizeof(char *));
	i->layers[0] = mem_strdup(path);
	i->n_layers++;
	return 0;
}
