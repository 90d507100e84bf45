/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by lockdown.c and lockdown-weak.c: what sanitizers can live with. */
#ifndef SYS_LOCKDOWN_PRIV_H
#define SYS_LOCKDOWN_PRIV_H

#include <stdint.h>

struct error;
struct lockdown;

/* 0 also where the kernel has no Landlock: seccomp stays. */
int lockdown_landlock(const struct lockdown *l, struct error *err);
int lockdown_caps(uint64_t keep, struct error *err);

#endif
