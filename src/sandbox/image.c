/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an image, building it first when there is none. Runs in the
 * supervisor. */
#include "sandbox/image.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/clock.h"

/* An authority serves this long: whoever learnt to know it has to learn anew.
 */
#define CA_AGE_NS (90ll * 24 * 60 * 60 * NS_PER_SEC)

bool
image_ca_is_old(int64_t made_at)
{
	return clock_wall_ns() - made_at > CA_AGE_NS;
}

/* The current image, if it is whole and of this recipe: 0; otherwise 1, and
 * err says what is the matter. */
static int
open_current(const char *home, const char *recipe, struct image *ret,
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

static int
build_and_open(const struct image_request *r, const char *home,
    struct image *ret, struct error *err)
{
	_cleanup_(freep) char *id = NULL;
	int rc = image_build(r, home, &id, err);

	return rc == 0 ? image_store_open(home, id, ret, NULL, err) : rc;
}

static int
rotate_and_open(const struct image_request *r, const char *home,
    struct image *i, struct error *err)
{
	char id[SHA256_HEX_SIZE];
	int rc;

	memcpy(id, i->id, sizeof(id));
	image_done(i); /* our own lock must not keep the old one alive */
	rc = image_build_rotate(r, home, id, err);
	return rc == 0 ? image_store_open(home, id, i, NULL, err) : rc;
}

int
image_open(const struct image_request *r, struct image *ret, struct error *err)
{
	struct image_recipe recipe = { 0 };
	_cleanup_(freep) char *home = NULL;
	struct error why = ERROR_INIT;
	struct image i = IMAGE_INIT;
	int rc;

	assert(r->ecosystem != NULL);
	if (geteuid() != 0)
		return error_set(err, -EPERM,
		    "images need root: run it with sudo");
	rc = image_recipe_read(r->ecosystem, &recipe, err);
	if (rc == 0)
		rc = image_store_path(r->ecosystem, r->state, &home, err);
	if (rc == 0)
		rc = r->rebuild ? 1 : open_current(home, recipe.id, &i, &why);
	image_recipe_done(&recipe);
	if (rc == 1 && !r->build)
		return error_set(err, -ENOENT,
		    "no image for %s (%s); make it with: lazaret image build "
		    "%s",
		    r->ecosystem, why.msg, r->ecosystem);
	if (rc == 1)
		rc = build_and_open(r, home, &i, err);
	else if (rc == 0 && r->build &&
	    (r->new_ca || image_ca_is_old(i.ca_made_at)))
		rc = rotate_and_open(r, home, &i, err);
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
