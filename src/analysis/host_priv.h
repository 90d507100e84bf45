/* SPDX-License-Identifier: Apache-2.0 */
/* The attempts of host.c, each run in a child that ends at once. */
#ifndef ANALYSIS_HOST_PRIV_H
#define ANALYSIS_HOST_PRIV_H

#include <stddef.h>

/* host-isolation.c */
int host_try_root(char *detail, size_t size);
int host_try_rootless(char *detail, size_t size);
int host_try_namespaces(char *detail, size_t size);
int host_try_proc(char *detail, size_t size);
int host_try_time(char *detail, size_t size);
int host_try_idmap(char *detail, size_t size);
int host_try_overlay(char *detail, size_t size);
int host_try_overlay_removal(char *detail, size_t size);
int host_try_overlay_descriptors(char *detail, size_t size);
int host_try_seccomp(char *detail, size_t size);
int host_try_landlock(char *detail, size_t size);
int host_try_memory(char *detail, size_t size);
int host_try_pids(char *detail, size_t size);
int host_try_cpu(char *detail, size_t size);
int host_try_freezer(char *detail, size_t size);
int host_try_cgroup2(char *detail, size_t size);

/* host-recorder.c */
int host_try_bpf(char *detail, size_t size);
int host_try_btf(char *detail, size_t size);
int host_try_bpf_lsm(char *detail, size_t size);
int host_try_bpf_casts(char *detail, size_t size);
int host_try_notify(char *detail, size_t size);
int host_try_pidfd_status(char *detail, size_t size);
int host_try_ptrace(char *detail, size_t size);
int host_try_fanotify(char *detail, size_t size);

/* host-network.c */
int host_try_veth(char *detail, size_t size);
int host_try_tproxy(char *detail, size_t size);
int host_try_sk_lookup(char *detail, size_t size);
int host_try_every_address(char *detail, size_t size);

#endif
