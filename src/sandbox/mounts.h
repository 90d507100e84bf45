/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of a sandbox, made detached by the supervisor and attached by
 * init: nothing is ever mounted in the namespace of the host. Runs in
 * supervisors.
 */
#ifndef SANDBOX_MOUNTS_H
#define SANDBOX_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct error;
struct sandbox_layer;

/* null zero full random urandom tty */
#define MOUNTS_NODES 6

struct mounts {
	uint32_t uid_base;
	bool rootless; /* no device nodes, ids on disk, user.* attributes */
	int userns; /* of init, owned */
	int layers[LIMIT_SANDBOX_LAYERS]; /* idmapped clones, topmost first */
	size_t n_layers;
	int put; /* read-only layer above them */
	int upper_mount; /* tmpfs with the folders upper and work */
	int upper; /* its folder upper */
	int root; /* the overlay */
	int dev, shm, hide;
	int nodes[MOUNTS_NODES]; /* of the host, for /dev; -1: made there */
	int copies_lock; /* while layers are shifted copies; -1; owned */
	bool by_path; /* how the overlay was attached */
};

void mounts_init(struct mounts *m);
void mounts_leave(struct mounts *m); /* all but the upper layer */
void mounts_done(struct mounts *m);

/* A tmpfs that nobody sees; mode and owner (inside) of its root. */
int mounts_tmpfs(const struct mounts *m, const char *size, const char *inodes,
    unsigned mode, unsigned attributes, int *ret, struct error *err);
/* 1: its file system cannot show other ids; mounts_layer_copy() has to put
 * something in its place, m->layers[m->n_layers - 1]. */
int mounts_layer(struct mounts *m, const struct sandbox_layer *l,
    struct error *err);
/* A folder that belongs to the sandbox's ids already. */
int mounts_layer_copy(struct mounts *m, int copy, struct error *err);
int mounts_upper(struct mounts *m, int64_t bytes, int64_t inodes,
    struct error *err);
/* All layers, put and upper are there. Tries descriptors, then paths in a
 * private mount namespace. */
int mounts_overlay(struct mounts *m, bool force_path, struct error *err);
/* The name in /dev of node i. */
const char *mounts_node(size_t i);
int mounts_dev(struct mounts *m, struct error *err);
/* A small file in the tmpfs dir, owned by root inside. */
int mounts_file(const struct mounts *m, int dir, const char *name,
    const char *text, unsigned mode, struct error *err);
int mounts_folder(const struct mounts *m, int dir, const char *name,
    unsigned mode, struct error *err);

#endif
