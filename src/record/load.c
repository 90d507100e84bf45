/* SPDX-License-Identifier: Apache-2.0 */
/* libbpf around record.bpf.c. Runs in role record. */
#include "record/load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "record/calls.h"
#include "record/hold.h"
#include "sys/clock.h"

/* Generated; newer bpftool writes casts that gcc finds badly aligned. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-align"
#include "record/record.skel.h"
#pragma GCC diagnostic pop

#define WATCHED_SLOT 0u

struct load {
	struct record_bpf *bpf;
	struct ring_buffer *ring;
	load_take_fn take; /* while draining */
	void *context;
	int rc;
};

/* libbpf explains failures over many lines; the last one is kept. */
static char last_words[160];

static int __attribute__((format(printf, 2, 0)))
listen_to_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN)
		(void)vsnprintf(last_words, sizeof(last_words), fmt, ap);
	last_words[strcspn(last_words, "\n")] = '\0';
	return 0;
}

static int
load_error(struct error *err, int rc, const char *what)
{
	if (last_words[0] == '\0')
		return error_set(err, rc, "eBPF: %s: %s", what, strerror(-rc));
	return error_set(err, rc, "eBPF: %s: %s (%s)", what, strerror(-rc),
	    last_words);
}

static int
take_event(void *context, void *data, size_t n)
{
	struct load *l = context;

	if (l->rc == 0)
		l->rc = l->take(l->context, str_n(data, n));
	return l->rc;
}

/* Whether programs may call this function of the kernel's. */
static bool
kernel_has(const char *function)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf != NULL &&
	    btf__find_by_name_kind(btf, function, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return has;
}

static int
load_and_attach(struct load *l, int64_t ring_bytes, unsigned how,
    struct error *err)
{
	int rc;

	l->bpf = record_bpf__open();
	if (l->bpf == NULL)
		return load_error(err, -errno, "cannot open the programs");
	l->bpf->rodata->can_cast = kernel_has("bpf_rdonly_cast");
	for (size_t i = CALLS_NEWER; i < RECORD_N_CALLS; i++)
		l->bpf->rodata->calls[i] = calls_newer;
	for (size_t i = 0; i < calls_n_rows; i++)
		l->bpf->rodata->calls[calls_rows[i].number] =
		    calls_rows[i].call;
	l->bpf->rodata->wake_bytes = (uint32_t)(ring_bytes / 16);
	if (how & HOLD_FREEZES)
		l->bpf->rodata->press_bytes = (uint32_t)(ring_bytes / 4);
	if (how & HOLD_STOPS)
		l->bpf->rodata->hold_bytes = (uint32_t)(ring_bytes / 2);
	rc = bpf_map__set_max_entries(l->bpf->maps.ring, (uint32_t)ring_bytes);
	if (rc != 0)
		return load_error(err, rc, "size of the ring");
	rc = record_bpf__load(l->bpf);
	if (rc != 0)
		return load_error(err, rc, "cannot load the programs");
	rc = record_bpf__attach(l->bpf);
	if (rc != 0)
		return load_error(err, rc, "cannot attach the programs");
	l->ring = ring_buffer__new(bpf_map__fd(l->bpf->maps.ring), take_event,
	    l, NULL);
	if (l->ring == NULL)
		return load_error(err, -errno, "cannot map the ring");
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
	(void)libbpf_set_print(listen_to_libbpf);
	l = mem_alloc(sizeof(*l));
	rc = load_and_attach(l, ring_bytes, how, err);
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
	ring_buffer__free(l->ring);
	record_bpf__destroy(l->bpf);
	free(l);
}

int
load_watch(struct load *l, int cgroup_fd, struct error *err)
{
	uint32_t slot = WATCHED_SLOT, value = (uint32_t)cgroup_fd;

	/* A second early: files get the time of the last tick. */
	l->bpf->bss->watched_since = clock_wall_ns() / NS_PER_SEC - 1;

	if (bpf_map_update_elem(bpf_map__fd(l->bpf->maps.watched), &slot,
		&value, 0) != 0)
		return error_errno(err, "cannot watch the control group");
	return 0;
}

int
load_fd(const struct load *l)
{
	return ring_buffer__epoll_fd(l->ring);
}

int
load_drain(struct load *l, load_take_fn take, void *context)
{
	int n;

	l->take = take;
	l->context = context;
	l->rc = 0;
	__atomic_store_n(&l->bpf->bss->counters.woken, 0, __ATOMIC_SEQ_CST);
	do
		n = ring_buffer__consume(l->ring);
	while (n > 0 && l->rc == 0);
	return l->rc;
}

uint64_t
load_dropped(const struct load *l)
{
	return __atomic_load_n(&l->bpf->bss->counters.dropped,
	    __ATOMIC_RELAXED);
}

bool
load_pressed(const struct load *l)
{
	return __atomic_load_n(&l->bpf->bss->counters.pressed,
		   __ATOMIC_RELAXED) != 0;
}

void
load_eased(struct load *l)
{
	__atomic_store_n(&l->bpf->bss->counters.pressed, 0, __ATOMIC_RELAXED);
}

int
load_take_total(struct load *l, const struct record_io_key *key,
    struct record_io *ret)
{
	int fd = bpf_map__fd(l->bpf->maps.totals);

	return bpf_map_lookup_and_delete_elem(fd, key, ret) != 0 ? -ENOENT : 0;
}

int
load_any_total(struct load *l, struct record_io_key *ret)
{
	int fd = bpf_map__fd(l->bpf->maps.totals);

	return bpf_map_get_next_key(fd, NULL, ret) != 0 ? -ENOENT : 0;
}
