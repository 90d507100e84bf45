/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at an image as a whole: recipe, manifest, the files it vouches for.
 * What was found is noted for image_open(). Runs in `lazaret image`.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"

/* Closes it where not. */
static bool
is_of_recipe(struct image *i, const char *recipe, struct error *err)
{
	if (strcmp(i->recipe, recipe) == 0)
		return true;
	(void)error_set(err, -ENOENT,
	    "%.12s was built from another list of packages", i->id);
	image_done(i);
	return false;
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

/* The state of each file is noted before it is read: what changes meanwhile is
 * then not as noted. */
static int
open_noted(const char *home, const char *id, struct image_note *n,
    struct image *ret, struct error *err)
{
	_cleanup_(freep) char *dir = mem_printf("%s/%s", home, id);
	struct image_manifest m = { 0 };
	int rc = image_note_add(n, dir, "manifest.json", err);

	if (rc == 0)
		rc = image_manifest_read(dir, &m, err);
	for (size_t k = 0; k < m.files.n && rc == 0; k++)
		rc = image_note_add(n, dir, m.files.v[k].path, err);
	image_manifest_done(&m);
	return rc == 0 ? image_store_open(home, id, ret, NULL, err) : rc;
}

/* 1: there is none that can be used, and err says why. n may be NULL. */
static int
open_current(const char *home, const char *recipe, struct image_note *n,
    struct image *ret, struct error *err)
{
	_cleanup_(freep) char *id = NULL;
	int rc = image_store_current(home, &id, err);

	if (rc != 0)
		return rc;
	if (id == NULL) {
		(void)error_set(err, -ENOENT, "there is none");
		return 1;
	}
	rc = n != NULL ? open_noted(home, id, n, ret, err) :
			 image_store_open(home, id, ret, NULL, err);
	if (rc != 0) {
		(void)error_wrap(err, "%.12s", id);
		return 1;
	}
	return is_of_recipe(ret, recipe, err) ? 0 : 1;
}

int
image_open_current(const char *home, const char *recipe, struct image *ret,
    struct error *err)
{
	return open_current(home, recipe, NULL, ret, err);
}

int
image_look(const struct image_request *r, struct buf *out, struct error *err)
{
	struct image_recipe recipe = { 0 };
	_cleanup_(freep) char *home = NULL;
	_cleanup_(image_note_done) struct image_note n = { 0 };
	struct error why = ERROR_INIT;
	struct image i = IMAGE_INIT;
	int rc = image_note_begin(&n, r->ecosystem, err);

	if (rc == 0)
		rc = image_prepare(r, &recipe, &home, err);
	if (rc == 0)
		rc = open_current(home, recipe.id, &n, &i, &why);
	if (rc == 0)
		image_note_write(&n, &i, out);
	if (rc == 1)
		(void)error_set(err, -ENOENT,
		    "no image for %s (%s); make it with: lazaret image build "
		    "%s",
		    r->ecosystem, why.msg, r->ecosystem);
	else if (rc < 0 && err->msg[0] == '\0')
		*err = why;
	image_recipe_done(&recipe);
	image_done(&i);
	return rc;
}
