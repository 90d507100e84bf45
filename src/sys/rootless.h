/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in for root when there is none: a user namespace of the caller's
 * own, in which it is 0 and its subordinate ids are 1…65536, with a mount
 * namespace of its own. Sandboxes get a second user namespace inside, as under
 * root; their ids 0…65535 are the 1…65536 of this one. Called once, early, by
 * subcommands that make sandboxes or images: the process is changed for good,
 * and what it starts is in there too.
 */
#ifndef SYS_ROOTLESS_H
#define SYS_ROOTLESS_H

#include <stdbool.h>
#include <stdint.h>

struct error;

/* Ids of a sandbox, as rootless_enter() maps them. */
#define ROOTLESS_FIRST 1u
#define ROOTLESS_COUNT 65536u

/* For root: nothing. -EPERM, with what to change, where user namespaces are
 * refused, the caller has no subordinate ids, or root no rights. */
int rootless_enter(struct error *err);
/* In a namespace that rootless_enter() made, here or in a parent process? */
bool rootless_is(void);
/* geteuid() == 0, and not by rootless_enter(): the rights of the host's root.
 */
bool rootless_has_root(void);
/* For others than the host's root: 0. -EPERM, naming them, where it lacks
 * rights that making a sandbox takes, as in most containers. */
int rootless_check_root(struct error *err);

/* For tests. The sentence that says what refuses user namespaces: looks at the
 * settings below the folder proc_sys ("/proc/sys"); always -EPERM. */
int rootless_explain(const char *proc_sys, const char *refused,
    struct error *err);
/* The first range of at least ROOTLESS_COUNT ids that a file such as
 * /etc/subuid gives to user `name` (or, by number, uid); -ENOENT: none. */
int rootless_range(const char *path, const char *name, uint32_t uid,
    uint32_t *ret_first, struct error *err);

#endif
