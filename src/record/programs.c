/* SPDX-License-Identifier: Apache-2.0 */
/* libbpf around record.bpf.c as RECORD_SHARED: see programs.h. */
#include "record/programs.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "record/calls.h"
#include "record/event.h"
#include "record/libbpf.h"
#include "record/record.h"

/* Generated; newer bpftool writes casts that gcc finds badly aligned. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-align"
#include "record/shared.skel.h"
#pragma GCC diagnostic pop

struct programs {
	struct shared_bpf *bpf;
	bool attached;
	bool watched[RECORD_SLOTS];
};

static int
load(struct programs *p, struct error *err)
{
	int rc;

	p->bpf = shared_bpf__open();
	if (p->bpf == NULL)
		return libbpf_failed(err, -errno, "cannot open the programs");
	p->bpf->rodata->can_cast = record_kernel_is(6, 2);
	calls_fill(p->bpf->rodata->calls, RECORD_N_CALLS);
	rc = shared_bpf__load(p->bpf);
	return rc != 0 ? libbpf_failed(err, rc, "cannot load the programs") : 0;
}

int
programs_load(struct programs **ret, struct error *err)
{
	struct programs *p = mem_alloc(sizeof(*p));
	int rc;

	libbpf_listen();
	rc = load(p, err);
	if (rc != 0) {
		programs_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void
programs_free(struct programs *p)
{
	if (p == NULL)
		return;
	shared_bpf__destroy(p->bpf);
	free(p);
}

int
programs_attach(struct programs *p, struct error *err)
{
	int rc;

	if (p->attached)
		return 0;
	rc = shared_bpf__attach(p->bpf);
	if (rc != 0) {
		shared_bpf__detach(p->bpf);
		return libbpf_failed(err, rc, "cannot attach the programs");
	}
	p->attached = true;
	return 0;
}

void
programs_detach(struct programs *p)
{
	if (p->attached)
		shared_bpf__detach(p->bpf);
	p->attached = false;
}

static int
part_make(struct programs_part *ret)
{
	LIBBPF_OPTS(bpf_map_create_opts, mapped, .map_flags = BPF_F_MMAPABLE);
	LIBBPF_OPTS(bpf_map_create_opts, lazy, .map_flags = BPF_F_NO_PREALLOC);

	ret->ring_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0,
	    RECORD_RING_BYTES, NULL);
	if (ret->ring_fd < 0)
		return -errno;
	ret->totals_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "total",
	    sizeof(struct record_io_key), sizeof(struct record_io),
	    RECORD_TOTALS, &lazy);
	if (ret->totals_fd < 0)
		return -errno;
	ret->control_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "control",
	    sizeof(uint32_t), sizeof(struct record_control), 1, &mapped);
	return ret->control_fd < 0 ? -errno : 0;
}

static int
put(const struct bpf_map *map, unsigned slot, int fd)
{
	return bpf_map_update_elem(bpf_map__fd(map), &slot, &fd, 0) != 0 ?
	    -errno :
	    0;
}

int
programs_fill(struct programs *p, unsigned slot, struct programs_part *ret,
    struct error *err)
{
	struct programs_part part = PROGRAMS_PART_INIT;
	int rc = part_make(&part);

	assert(slot < RECORD_SLOTS);
	if (rc == 0)
		rc = put(p->bpf->maps.rings, slot, part.ring_fd);
	if (rc == 0)
		rc = put(p->bpf->maps.all_totals, slot, part.totals_fd);
	if (rc == 0)
		rc = put(p->bpf->maps.controls, slot, part.control_fd);
	if (rc != 0) {
		programs_part_done(&part);
		return libbpf_failed(err, rc, "cannot make a ring");
	}
	*ret = part;
	return 0;
}

void
programs_empty(struct programs *p, unsigned slot)
{
	const struct bpf_map *const maps[] = { p->bpf->maps.rings,
		p->bpf->maps.all_totals, p->bpf->maps.controls };

	for (size_t i = 0; i < N_ELEMENTS(maps); i++)
		(void)bpf_map_delete_elem(bpf_map__fd(maps[i]), &slot);
}

void
programs_part_done(struct programs_part *part)
{
	closep(&part->ring_fd);
	closep(&part->totals_fd);
	closep(&part->control_fd);
}

static void
note_change(struct programs *p)
{
	uint32_t top = 0;

	for (uint32_t i = 0; i < RECORD_SLOTS; i++)
		if (p->watched[i])
			top = i + 1;
	__atomic_store_n(&p->bpf->bss->slots_top, top, __ATOMIC_SEQ_CST);
	/* After the slot itself: what was looked up before is out of date. */
	(void)__atomic_add_fetch(&p->bpf->bss->slots_version, 1,
	    __ATOMIC_SEQ_CST);
}

int
programs_watch(struct programs *p, unsigned slot, int cgroup_fd,
    struct error *err)
{
	int rc = put(p->bpf->maps.watched, slot, cgroup_fd);

	if (rc != 0)
		return error_set(err, rc, "cannot watch the control group: %s",
		    strerror(-rc));
	p->watched[slot] = true;
	note_change(p);
	return 0;
}

void
programs_forget(struct programs *p, unsigned slot)
{
	(void)bpf_map_delete_elem(bpf_map__fd(p->bpf->maps.watched), &slot);
	p->watched[slot] = false;
	note_change(p);
}
