/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is watched, when the programs are loaded for one sandbox alone: one
 * control group, one ring. Part of put.bpf.h. */
#ifndef RECORD_OWN_BPF_H
#define RECORD_OWN_BPF_H

struct record_control control = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RECORD_RING_BYTES);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RECORD_TOTALS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct record_io_key);
	__type(value, struct record_io);
} totals SEC(".maps");

static __always_inline void *
ring_of(const struct scratch *s)
{
	return &ring;
}

static __always_inline void *
totals_of(const struct scratch *s)
{
	return &totals;
}

static __always_inline struct record_control *
control_of(const struct scratch *s)
{
	return &control;
}

static __always_inline bool
is_watched(void)
{
	return bpf_current_task_under_cgroup(&watched, 0) == 1;
}

#endif
