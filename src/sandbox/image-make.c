/* SPDX-License-Identifier: Apache-2.0 */
/* An image that is there afterwards: built, or with a new authority, where it
 * must be. Runs in `lazaret image`, which everybody else starts for it. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/image_priv.h"

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
image_make(const struct image_request *r, struct image *ret, struct error *err)
{
	struct image_recipe recipe = { 0 };
	_cleanup_(freep) char *home = NULL;
	struct error why = ERROR_INIT;
	struct image i = IMAGE_INIT;
	int rc = image_prepare(r, &recipe, &home, err);

	if (rc == 0)
		rc = r->rebuild ? 1 :
				  image_open_current(home, recipe.id, &i, &why);
	image_recipe_done(&recipe);
	if (rc == 1)
		rc = build_and_open(r, home, &i, err);
	else if (rc == 0 && (r->new_ca || image_ca_is_old(i.ca_made_at)))
		rc = rotate_and_open(r, home, &i, err);
	if (rc == 0)
		*ret = i;
	else
		image_done(&i);
	return rc;
}
