/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is watched, when the programs are loaded once for many (role loader):
 * up to RECORD_SLOTS control groups. Each slot has a ring, totals and a page
 * of control of its own; shared.c fills them in. Part of put.bpf.h.
 */
#ifndef RECORD_SHARED_BPF_H
#define RECORD_SHARED_BPF_H

/* Slots in use are below slots_top; slots_version grows with each change of
 * them. */
__u32 slots_top = 0, slots_version = 0;

/* Who is watched, and what each of them has for itself: a slot of each. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, RECORD_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} watched SEC(".maps");

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RECORD_SLOTS);
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

struct control {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct record_control));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RECORD_SLOTS);
	__type(key, __u32);
	__array(values, struct control);
} controls SEC(".maps");

struct total {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RECORD_TOTALS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct record_io_key));
	__uint(value_size, sizeof(struct record_io));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RECORD_SLOTS);
	__type(key, __u32);
	__array(values, struct total);
} all_totals SEC(".maps");

/* Slots of control groups as they were found, by id. */
struct found {
	__u32 version; /* slots_version then */
	__s32 slot; /* -1: not watched */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct found);
} founds SEC(".maps");

static __always_inline void *
ring_of(const struct scratch *s)
{
	__u32 slot = s->slot;

	return bpf_map_lookup_elem(&rings, &slot);
}

static __always_inline void *
totals_of(const struct scratch *s)
{
	__u32 slot = s->slot;

	return bpf_map_lookup_elem(&all_totals, &slot);
}

static __always_inline struct record_control *
control_of(const struct scratch *s)
{
	__u32 zero = 0, slot = s->slot;
	void *control = bpf_map_lookup_elem(&controls, &slot);

	return control ? bpf_map_lookup_elem(control, &zero) : NULL;
}

/* A few are asked one after the other. With more of them the answer for each
 * control group is kept: a group never moves in the hierarchy, and its id is
 * never used again. */
#define FEW_SLOTS 2

struct find {
	__u32 top;
	int slot;
};

static long
find_step(__u32 i, struct find *f)
{
	if (i >= f->top)
		return 1;
	if (bpf_current_task_under_cgroup(&watched, i) != 1)
		return 0;
	f->slot = i;
	return 1;
}

__noinline int
slot_find(void)
{
	struct find f = { slots_top, -1 };

	bpf_loop(RECORD_SLOTS, find_step, &f, 0);
	return f.slot;
}

__noinline int
slot_known(void)
{
	struct found found = { .version = slots_version }, *known;
	__u64 id = bpf_get_current_cgroup_id();

	known = bpf_map_lookup_elem(&founds, &id);
	if (known && known->version == found.version)
		return known->slot;
	found.slot = slot_find();
	bpf_map_update_elem(&founds, &id, &found, BPF_ANY);
	return found.slot;
}

static __always_inline bool
is_watched(void)
{
	struct scratch *s;
	int slot = -1;

	if (bpf_current_task_under_cgroup(&watched, 0) == 1)
		slot = 0;
	else if (slots_top > FEW_SLOTS)
		slot = slot_known();
	else if (slots_top > 1 &&
	    bpf_current_task_under_cgroup(&watched, 1) == 1)
		slot = 1;
	s = scratch_get();
	if (slot < 0 || !s)
		return false;
	s->slot = slot;
	return true;
}

#endif
