/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images: the root file systems that sandboxes start from. Used by the
 * supervisors (analyze, sandbox run) and by `lazaret image`.
 *
 * On disk, below <state>/images/<ecosystem>/:
 *
 *	<id>/rootfs/          the tree, owned by root, never written again
 *	<id>/ca-<name>/layer/ the same paths as in rootfs, with our authority
 *	<id>/ca-<name>/{cert,key}.pem
 *	<id>/manifest.json    written last; without it the rest does not count
 *	<id>/note-*           that all of it was verified, and when what changed
 *	current               symbolic link to the id in use
 *	.tmp-*, lock          builds under way, and what keeps them apart
 *
 * Life: absent -> building (in .tmp-*, under the lock) -> there (renamed,
 * manifest checked at every open) -> in use (shared lock on its folder, held
 * by struct image) -> removed (exclusive lock). The folder is 0700: programs
 * with the setuid bit inside are out of reach of the host's users.
 */
#ifndef SANDBOX_IMAGE_H
#define SANDBOX_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/sha256.h"

struct buf;
struct error;
struct progress;

#define IMAGE_MAX_LAYERS 8

/* What an open image is. Strings are owned by it. */
struct image {
	char *ecosystem; /* "npm" */
	char id[SHA256_HEX_SIZE]; /* over recipe and installed packages */
	char recipe[SHA256_HEX_SIZE]; /* over images/<ecosystem>/ alone */
	char *dir; /* absolute, on the host */

	/* Absolute paths on the host, topmost first, for an overlay's lower
	 * layers. Callers may add their own above with image_add_layer. */
	char *layers[IMAGE_MAX_LAYERS];
	size_t n_layers;

	/* The certificate authority of the fake Internet. */
	char *ca_cert_path, *ca_key_path; /* PEM, on the host; key is 0600 */
	char ca_name[17]; /* part of the folder's name; changes with each */
	int64_t ca_made_at; /* ns since 1970 */

	/* Inside the image. */
	char *suite; /* Debian's code name */
	char *runtime_version; /* Node: "24.21.0", without v */
	char *runtime_path; /* "/usr/local/bin/node" */
	char *client_version; /* npm: "12.2.0" */
	char *registry; /* as the client says with an empty configuration */
	char *home_skeleton; /* copy into a persona's home: "/etc/skel" */

	int64_t built_at; /* ns since 1970 */
	int64_t size_bytes; /* allocated on disk, all layers */
	int64_t build_ms; /* what the build took */
	int64_t n_packages; /* Debian packages in it */
	int lock_fd; /* shared lock while open; -1: none */
};

#define IMAGE_INIT \
	{ \
		.lock_fd = -1 \
	}

struct image_request {
	const char *ecosystem;
	const char *state; /* value of --state; NULL: the default */
	bool build; /* image_open: build or rotate when needed; else -ENOENT */

	/* Of image_make alone. */
	struct progress *progress; /* may be NULL */
	bool rebuild; /* build even if there is one */
	bool new_ca; /* a new authority even if the old one is young */
};

/* The current image of this recipe, locked for use. With `build`, `lazaret
 * image build` runs first when it is absent, broken or of another recipe, or
 * when its authority is over 90 days of age. -EPERM when not root. */
int image_open(const struct image_request *r, struct image *ret,
    struct error *err);
/* The same, built in this process (library image-build). */
int image_make(const struct image_request *r, struct image *ret,
    struct error *err);
/* What image_open() asks for when files are not as they were noted: everything
 * is read and verified, noted, and the note put into out. 1: there is no image
 * that can be used, and err says why (library image-build). */
int image_look(const struct image_request *r, struct buf *out,
    struct error *err);
void image_done(struct image *i); /* accepts IMAGE_INIT; gives up the lock */
/* Puts a folder of the host on top of the layers. */
int image_add_layer(struct image *i, const char *path, struct error *err);

/* One image on disk, open or not. */
struct image_entry {
	struct image image; /* lock_fd is -1 */
	bool current, in_use;
	char broken[128]; /* why it is never used; "" : it is whole */
};

struct image_list {
	struct image_entry *v; /* owned */
	size_t n;
};

/* Every image of an ecosystem (NULL: of all), newest first. */
int image_list(const char *ecosystem, const char *state, struct image_list *ret,
    struct error *err);
void image_list_done(struct image_list *l);
/* Removes one by its id or a prefix of it that names one alone.
 * -EBUSY when it is in use, -ENOENT when there is none. */
int image_remove(const char *ecosystem, const char *id, const char *state,
    struct error *err);
/* Removes what is neither current nor in use, and what dead builds left. */
int image_gc(const char *ecosystem, const char *state, int64_t *ret_bytes,
    struct error *err);

#endif
