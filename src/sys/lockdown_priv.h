/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by lockdown.c and lockdown-weak.c: what sanitizers can live with. */
#ifndef SYS_LOCKDOWN_PRIV_H
#define SYS_LOCKDOWN_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct lockdown;
struct sock_filter;

/* A filter of calls (lockdown-make.c). */
struct lockdown_filter {
	unsigned rights;
	unsigned short n;
	const struct sock_filter *program;
};

extern const struct lockdown_filter lockdown_filters[];
extern const size_t lockdown_n_filters;

/* Files of others are Landlock's business alone. */
#define LOCKDOWN_CALLS(rights) ((rights) & ~(unsigned)LOCKDOWN_FOREIGN_FILES)

/* Says that no filter was made for these. */
int lockdown_unknown(unsigned rights, struct error *err);

/* 0 also where the kernel has no Landlock: seccomp stays. */
int lockdown_landlock(const struct lockdown *l, struct error *err);
int lockdown_caps(uint64_t keep, struct error *err);

#endif
