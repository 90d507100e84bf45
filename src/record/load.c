/* SPDX-License-Identifier: Apache-2.0 */
/* libbpf around record.bpf.c, and around the part that role loader gives out.
 * Runs in role record. */
#include "record/load.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "record/calls.h"
#include "record/hold.h"
#include "record/libbpf.h"
#include "record/record.h"
#include "record/ring.h"
#include "sys/clock.h"

/* Generated; newer bpftool writes casts that gcc finds badly aligned. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-align"
#include "record/record.skel.h"
#pragma GCC diagnostic pop

#define WATCHED_SLOT 0u

struct load {
	struct record_bpf *bpf; /* our own programs; NULL: the loader's */
	struct record_control *control; /* mapped; with bpf: a part of that */
	int ring_fd, totals_fd; /* with bpf: borrowed from it */
	int64_t ring_bytes;
	struct ring *ring;
};

static int
load_and_attach(struct load *l, int64_t ring_bytes, unsigned how,
    struct error *err)
{
	int rc;

	l->bpf = record_bpf__open();
	if (l->bpf == NULL)
		return libbpf_failed(err, -errno, "cannot open the programs");
	/* Looking for the function itself would cost as much as the rest. */
	l->bpf->rodata->can_cast =
	    (how & HOLD_NO_CAST) == 0 && record_kernel_is(6, 2);
	calls_fill(l->bpf->rodata->calls, RECORD_N_CALLS);
	hold_thresholds(&l->bpf->bss->control, ring_bytes, how);
	rc = bpf_map__set_max_entries(l->bpf->maps.ring, (uint32_t)ring_bytes);
	if (rc != 0)
		return libbpf_failed(err, rc, "size of the ring");
	rc = record_bpf__load(l->bpf);
	if (rc != 0)
		return libbpf_failed(err, rc, "cannot load the programs");
	rc = record_bpf__attach(l->bpf);
	if (rc != 0)
		return libbpf_failed(err, rc, "cannot attach the programs");
	l->control = &l->bpf->bss->control;
	l->ring_fd = bpf_map__fd(l->bpf->maps.ring);
	l->totals_fd = bpf_map__fd(l->bpf->maps.totals);
	return 0;
}

int
load_new(int64_t ring_bytes, unsigned how, struct load **ret, struct error *err)
{
	struct load *l;
	int rc;

	if (ring_bytes < 4096 || ring_bytes > 1 << 30 ||
	    (ring_bytes & (ring_bytes - 1)) != 0)
		return error_set(err, -EINVAL,
		    "ring of %lld bytes: must be a power of two from 4096 on",
		    (long long)ring_bytes);
	libbpf_listen();
	l = mem_alloc(sizeof(*l));
	l->ring_fd = l->totals_fd = -1;
	l->ring_bytes = ring_bytes;
	rc = load_and_attach(l, ring_bytes, how, err);
	if (rc != 0) {
		load_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

/* A second early: files get the time of the last tick. */
static void
note_begin(struct load *l)
{
	l->control->watched_since = clock_wall_ns() / NS_PER_SEC - 1;
}

static int
open_part(struct load *l, int control_fd, struct error *err)
{
	void *p = mmap(NULL, sizeof(*l->control), PROT_READ | PROT_WRITE,
	    MAP_SHARED, control_fd, 0);

	if (p == MAP_FAILED)
		return error_errno(err, "eBPF: cannot map the counters");
	l->control = p;
	return ring_new(l->ring_fd, RECORD_RING_BYTES, &l->ring, err);
}

int
load_of_part(const int fds[3], unsigned how, struct load **ret,
    struct error *err)
{
	struct load *l = mem_alloc(sizeof(*l));
	int rc;

	libbpf_listen();
	l->ring_fd = fds[0];
	l->totals_fd = fds[1];
	rc = open_part(l, fds[2], err);
	(void)close(fds[2]);
	if (rc == 0) {
		hold_thresholds(l->control, RECORD_RING_BYTES, how);
		note_begin(l);
	}
	if (rc != 0) {
		load_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

void
load_free(struct load *l)
{
	if (l == NULL)
		return;
	ring_free(l->ring);
	if (l->bpf == NULL) {
		if (l->control != NULL)
			(void)munmap(l->control, sizeof(*l->control));
		closep(&l->ring_fd);
		closep(&l->totals_fd);
	}
	record_bpf__destroy(l->bpf);
	free(l);
}

int
load_watch(struct load *l, int cgroup_fd, struct error *err)
{
	uint32_t slot = WATCHED_SLOT, value = (uint32_t)cgroup_fd;

	assert(l->bpf != NULL);
	note_begin(l);
	if (bpf_map_update_elem(bpf_map__fd(l->bpf->maps.watched), &slot,
		&value, 0) != 0)
		return error_errno(err, "cannot watch the control group");
	return ring_new(l->ring_fd, l->ring_bytes, &l->ring, err);
}

int
load_fd(const struct load *l)
{
	return ring_fd(l->ring);
}

int
load_drain(struct load *l, load_take_fn take, void *context)
{
	__atomic_store_n(&l->control->woken, 0, __ATOMIC_SEQ_CST);
	return ring_drain(l->ring, take, context);
}

uint64_t
load_dropped(const struct load *l)
{
	return __atomic_load_n(&l->control->dropped, __ATOMIC_RELAXED);
}

bool
load_pressed(const struct load *l)
{
	return __atomic_load_n(&l->control->pressed, __ATOMIC_RELAXED) != 0;
}

void
load_eased(struct load *l)
{
	__atomic_store_n(&l->control->pressed, 0, __ATOMIC_RELAXED);
}

int
load_take_total(struct load *l, const struct record_io_key *key,
    struct record_io *ret)
{
	return bpf_map_lookup_and_delete_elem(l->totals_fd, key, ret) != 0 ?
	    -ENOENT :
	    0;
}

int
load_any_total(struct load *l, struct record_io_key *ret)
{
	return bpf_map_get_next_key(l->totals_fd, NULL, ret) != 0 ? -ENOENT : 0;
}
