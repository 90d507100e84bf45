/* SPDX-License-Identifier: Apache-2.0 */
/* What the files image*.c say to each other. */
#ifndef SANDBOX_IMAGE_PRIV_H
#define SANDBOX_IMAGE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "sandbox/image.h"
#include "sys/sha256.h"

struct arena;
struct buf;

/* --- image-recipe.c: images/<ecosystem>/ and the host's suite ----------- */

/* Raise it when the code that builds changes what comes out. */
#define IMAGE_RECIPE_VERSION 2
/* What is read for a recipe: here, and tables in images/<ecosystem>. */
#define IMAGE_RECIPE_SUITE "/etc/os-release"
#define IMAGE_RECIPE_TABLES \
	{ \
		"packages", "pins", "exclude" \
	}

struct image_pin {
	char *name, *version, *integrity;
};

struct image_exclude {
	char *kind, *pattern; /* "deb", "keep" or the name of a pin */
};

struct image_recipe {
	struct arena *arena; /* owns all below */
	char *ecosystem, *suite, *arch;
	VEC(char *) packages;
	VEC(struct image_pin) pins;
	VEC(struct image_exclude) excludes;
	char id[SHA256_HEX_SIZE];
};

int image_recipe_read(const char *ecosystem, struct image_recipe *ret,
    struct error *err);
void image_recipe_done(struct image_recipe *r);
/* NULL when there is none whose name begins with prefix. */
const struct image_pin *image_recipe_pin(const struct image_recipe *r,
    const char *prefix);

/* --- image-manifest.c ---------------------------------------------------- */

#define IMAGE_FORMAT 1 /* of the manifest and of what lies beside it */

struct image_file {
	char *path; /* below the image's folder */
	int64_t size_bytes, mtime_ns;
	int64_t changed_ns; /* since 1970; 0: not known */
	char sha256[SHA256_HEX_SIZE]; /* "": too large to be read each time */
};

struct image_package {
	char *name, *version;
};

struct image_manifest {
	struct arena *arena; /* owns all strings */
	char *ecosystem, *id, *recipe, *suite;
	char *runtime_version, *runtime_path, *client_version;
	char *registry, *home_skeleton;
	int64_t built_at, build_ms, size_bytes;
	char *ca_name;
	int64_t ca_made_at;
	/* Where in the runtime's binary the authority's certificate lies. */
	int64_t slot_offset, slot_bytes, slot_line_bytes;
	VEC(struct image_file) files;
	VEC(struct image_package) packages;
};

void image_manifest_init(struct image_manifest *m);
void image_manifest_done(struct image_manifest *m);
/* json is changed in no way; strings are copied into the arena. */
int image_manifest_parse(struct str json, struct image_manifest *ret,
    struct error *err);
void image_manifest_write(const struct image_manifest *m, struct buf *out);
/* From and to <dir>/manifest.json; the latter whole or not at all, synced. */
int image_manifest_read(const char *dir, struct image_manifest *ret,
    struct error *err);
int image_manifest_save(const struct image_manifest *m, const char *dir,
    struct error *err);
/* Notes size, time and (when small) hash of <dir>/<path>. */
int image_manifest_add_file(struct image_manifest *m, const char *dir,
    const char *path, struct error *err);
/* A copied image has no times of change that prove anything: its files are
 * verified once more and noted, so that they need not be read at every use. */
int image_manifest_renew(struct image_manifest *m, const char *dir,
    struct error *err);
/* Are the noted files as they were? */
int image_manifest_verify(const struct image_manifest *m, const char *dir,
    struct error *err);
/* SHA-256 over recipe and packages: the image's id. */
void image_manifest_id(const struct image_manifest *m,
    char ret[SHA256_HEX_SIZE]);

/* --- image-home.c: where they lie, and the lock of who uses one ---------- */

/* <state>/images/<ecosystem>, made when absent. */
int image_store_path(const char *ecosystem, const char *state, char **ret,
    struct error *err);
bool image_is_id(const char *name); /* 64 hexadecimal digits, lower case */
/* What `current` names; NULL in ret when there is none. */
int image_store_current(const char *home, char **ret, struct error *err);
/* Opens and locks an image's folder. how: LOCK_SH, or LOCK_EX | LOCK_NB
 * (-EBUSY). The folder may be removed between open and lock: then -ENOENT. */
int image_store_hold(const char *dir, int how, int *ret_fd, struct error *err);
/* Its paths, from the folder and ca_name. */
void image_lies_in(struct image *i, const char *dir);

/* --- image-tree.c --------------------------------------------------------- */

int image_tree_remove(const char *path, struct error *err);
int64_t image_tree_bytes(const char *path);

/* --- image-note.c: that it was verified, and what it would take again ----- */

struct image_stamp {
	char *path; /* absolute, or below the image's folder; owned */
	int64_t size_bytes, changed_ns, inode;
};

struct image_note {
	char *data; /* whose recipe: of this installation; owned */
	VEC(struct image_stamp) stamps;
	bool fresh; /* a file changed just now, and may again at this time */
};

/* Begins with the files of the recipe. */
int image_note_begin(struct image_note *n, const char *ecosystem,
    struct error *err);
/* The file as it is now; before it is read. */
int image_note_add(struct image_note *n, const char *dir, const char *path,
    struct error *err);
/* To out, and if possible into the image's folder. */
void image_note_write(const struct image_note *n, const struct image *i,
    struct buf *out);
void image_note_done(struct image_note *n);
/* 0: the image is as it was noted, and open; 1: it must be looked at. */
int image_note_open(const char *home, const char *id, const char *ecosystem,
    struct image *ret);
int image_note_take(const char *home, const char *ecosystem, struct str note,
    struct image *ret);

/* --- image-store.c: folders, locks, links ------------------------------- */

/* The lock that builders hold: 0 with the descriptor, 1 when it is taken. */
int image_store_lock(const char *home, int *ret_fd, struct error *err);
int image_store_set_current(const char *home, const char *id,
    struct error *err);
/* Removes what dead builds left. Under the lock only. */
int image_store_sweep(const char *home, struct error *err);
/* Moves a finished tree to its id; an image there that is whole stays, and
 * then the outcome is 1. Under the lock only. */
int image_store_publish(const char *home, const char *tmp, const char *id,
    struct error *err);
/* Opens <home>/<id>: shared lock, manifest, files checked. */
int image_store_open(const char *home, const char *id, struct image *ret,
    struct image_manifest *ret_manifest, struct error *err);
/* Removes folders ca-* that the manifest does not name, if nobody uses it. */
int image_store_drop_authorities(const char *dir, const char *keep,
    struct error *err);

/* --- image-look.c -------------------------------------------------------- */

/* What every request needs; the recipe is the caller's also on failure. */
int image_prepare(const struct image_request *r, struct image_recipe *ret,
    char **ret_home, struct error *err);
/* The current image, if it is whole and of this recipe: 0; otherwise 1, and
 * err says what is the matter. */
int image_open_current(const char *home, const char *recipe, struct image *ret,
    struct error *err);

/* --- image.c ------------------------------------------------------------- */

/* More than 90 days? */
bool image_ca_is_old(int64_t made_at);

/* --- image-build.c ------------------------------------------------------- */

struct image_build {
	const struct image_request *request;
	struct image_recipe recipe;
	struct image_manifest manifest;
	char *home; /* <state>/images/<ecosystem> */
	char *tmp, *rootfs, *cache, *log_path;
	int lock_fd, log_fd;
	int64_t begun_at;
	size_t step, n_steps;
	const char *step_name; /* NULL: before the first */
};

/* Builds, publishes and makes current; ret_id is owned by the caller. */
int image_build(const struct image_request *r, const char *home, char **ret_id,
    struct error *err);
/* A new authority for an image that is there. */
int image_build_rotate(const struct image_request *r, const char *home,
    const char *id, struct error *err);
/* Shows progress; -EINTR when the user wants to stop. */
int image_build_tick(struct image_build *b, struct error *err);

/* --- image-tool.c -------------------------------------------------------- */

struct image_tool {
	const char *const *argv; /* [0] is looked up in PATH */
	const char *name; /* for people; NULL: argv[0] */
	const char *const *env; /* added to ours; NULL: nothing */
	bool clean; /* env is the whole environment */
	struct buf *out; /* standard output; NULL: the log */
};

/* Runs it to its end while progress is shown. The error has the line of its
 * output that says why. */
int image_tool_run(struct image_build *b, const struct image_tool *t,
    struct error *err);
int image_tool_find(const char *name, char *ret, size_t size,
    struct error *err);

/* --- image-apt.c --------------------------------------------------------- */

int image_apt_install(struct image_build *b, struct error *err);
/* What the image must not know of this host. */
int image_apt_tidy(struct image_build *b, struct error *err);

/* --- image-npm.c --------------------------------------------------------- */

int image_npm_install(struct image_build *b, struct error *err);
int image_npm_ask(struct image_build *b, struct error *err);
/* Does the runtime in rootfs have pem among its n_roots root certificates? */
int image_npm_trust(struct image_build *b, const char *pem, size_t n_roots,
    struct error *err);

/* --- image-ca.c ---------------------------------------------------------- */

/* A certificate embedded in a program: PEM from BEGIN to END, then a NUL. */
struct image_slot {
	int64_t offset, bytes;
	int64_t line_bytes; /* of its lines: 64 or 76, without the newline */
};

struct image_slots {
	struct image_slot *v; /* owned */
	size_t n, size;
};

struct image_ca {
	char *cert_pem; /* without a newline at the end */
	char *runtime_pem; /* the same, laid out as the runtime's others */
	char *key_pem;
	char *label; /* its name, fit for a file */
	uint32_t name_hash; /* as OpenSSL's folders of certificates use it */
	char name[17]; /* of its folder: from the certificate's SHA-256 */
};

void image_ca_done(struct image_ca *ca);
/* An authority with a name of its own that fits one of the slots, if possible
 * exactly. */
int image_ca_new(const struct image_slots *slots, struct image_ca *ret,
    struct error *err);
/* Every certificate in a program's bytes. */
void image_ca_find_slots(struct str program, struct image_slots *ret);
/* The same of a file. */
int image_ca_read_slots(const char *path, struct image_slots *ret,
    struct error *err);
/* Puts pem in the best slot of the file, the rest of it filled with newlines;
 * says which one. */
int image_ca_patch(const char *path, const struct image_slots *slots,
    struct str pem, struct image_slot *ret, struct error *err);
/* bundle with pem among its certificates; where depends on pem. */
int image_ca_bundle(struct str bundle, struct str pem, struct buf *out,
    struct error *err);

/* --- image-ids.c --------------------------------------------------------- */

/* For root: nothing. Every id below path becomes that of the sandboxes; with
 * root_alone, only of what belongs to 0. */
int image_ids_give(const char *path, bool root_alone, struct error *err);

/* --- image-layer.c: the layer that makes programs trust the authority --- */

/* Makes <dir>/ca-<ca->name>/ from <dir>/rootfs, and fills the manifest's part.
 * runtime, patched already, is moved into it. */
int image_layer_make(struct image_manifest *m, const char *dir,
    const struct image_ca *ca, const char *runtime, struct error *err);

#endif
