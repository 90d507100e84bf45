/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening an image, which is built first when there is none. What was verified
 * once is noted beside it (image-note.c); whatever is not as noted is looked
 * at anew by another program. Runs in the supervisor.
 */
#include "sandbox/image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/spawn.h"

/* An authority serves this long: whoever learnt to know it has to learn anew.
 */
#define CA_AGE_NS (90ll * 24 * 60 * 60 * NS_PER_SEC)

bool
image_ca_is_old(int64_t made_at)
{
	return clock_wall_ns() - made_at > CA_AGE_NS;
}

/* --- other programs ------------------------------------------------------ */

/* What `lazaret image WORD` printed, and its status. Building and looking take
 * libraries that starting does not need. */
static int
run_image(const struct image_request *r, const char *word, struct buf *out,
    int *ret_status, struct error *err)
{
	const char *argv[] = { "image", word, r->ecosystem,
		r->state != NULL ? "--state" : NULL, r->state, NULL };
	_cleanup_(closep) int from = -1;
	struct spawn sp = SPAWN_INIT;
	struct child child = CHILD_INIT;
	char path[LIMIT_PATH_BYTES];
	int rc = spawn_libexec_path("image", path, sizeof(path), err), ends[2];

	if (rc != 0)
		return rc;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_errno(err, "pipe");
	from = ends[0];
	sp.path = path;
	sp.argv = argv;
	sp.out_fd = ends[1];
	rc = spawn_start(&sp, &child, err);
	(void)close(ends[1]);
	if (rc != 0)
		return rc;
	rc = fd_read_all(from, out, err);
	if (rc == 0)
		rc = spawn_wait(&child, -1, ret_status, err);
	spawn_kill(&child);
	return rc;
}

/* It shows its progress and says itself what went wrong. */
static int
run_builder(const struct image_request *r, struct error *err)
{
	struct buf ignored;
	int status = 0, rc;

	buf_init(&ignored, LIMIT_CONFIG_BYTES);
	rc = run_image(r, "build", &ignored, &status, err);
	buf_done(&ignored);
	if (rc == 0 && status != 0)
		rc = error_set(err, -EIO, "there is no image for %s",
		    r->ecosystem);
	return rc;
}

/* --- opening ------------------------------------------------------------- */

/* 0: open; 1: nothing is noted of it, or no longer true. */
static int
open_noted(const char *home, const char *ecosystem, struct image *ret,
    struct error *err)
{
	_cleanup_(freep) char *id = NULL;
	int rc = image_store_current(home, &id, err);

	if (rc != 0)
		return rc;
	return id != NULL ? image_note_open(home, id, ecosystem, ret) : 1;
}

/* Of `lazaret image look`: 1: it could be built. */
static int
not_opened(int status, struct str why, struct error *err)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_TOOL_FAILED;
	int rc = code == EXIT_INCOMPLETE || code == EXIT_USAGE ? -ENOENT : -EIO;

	if (why.n == 0)
		why = STR_LIT("looking at the image failed");
	(void)error_set(err, rc, "%.*s", STR_ARG(why));
	return code == EXIT_INCOMPLETE ? 1 : rc;
}

/* By a program that reads and verifies it, and says what it noted. 1: there is
 * none that can be used, and err says why. */
static int
open_looked_at(const struct image_request *r, const char *home,
    struct image *ret, struct error *err)
{
	struct buf said;
	int status = 0, rc;

	buf_init(&said, LIMIT_CONFIG_BYTES);
	rc = run_image(r, "look", &said, &status, err);
	if (rc == 0 && status != 0)
		rc = not_opened(status, str_trim(buf_str(&said)), err);
	if (rc == 0 &&
	    image_note_take(home, r->ecosystem, buf_str(&said), ret) != 0)
		rc = error_set(err, -EIO,
		    "the image of %s changes while it is opened", r->ecosystem);
	buf_done(&said);
	return rc;
}

static int
open_any(const struct image_request *r, const char *home, struct image *ret,
    struct error *err)
{
	int rc = open_noted(home, r->ecosystem, ret, err);

	return rc == 1 ? open_looked_at(r, home, ret, err) : rc;
}

int
image_open(const struct image_request *r, struct image *ret, struct error *err)
{
	_cleanup_(freep) char *home = NULL;
	struct image i = IMAGE_INIT;
	int rc;

	assert(r->ecosystem != NULL);
	if (geteuid() != 0)
		return error_set(err, -EPERM,
		    "images need root: run it with sudo");
	rc = image_store_path(r->ecosystem, r->state, &home, err);
	if (rc == 0)
		rc = open_any(r, home, &i, err);
	if (r->build &&
	    (rc == 1 || (rc == 0 && image_ca_is_old(i.ca_made_at)))) {
		image_done(&i); /* our lock must not keep the old one alive */
		rc = run_builder(r, err);
		if (rc == 0)
			rc = open_any(r, home, &i, err);
	}
	if (rc == 0)
		*ret = i;
	else
		image_done(&i);
	return rc == 1 ? -ENOENT : rc;
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
