/* SPDX-License-Identifier: Apache-2.0 */
/* See ring.h. A page that the reader writes (how far it has read), one that the
 * kernel writes (how far there are events), then the events, twice in a row so
 * that none is cut at the end. */
#include "record/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"

/* One mapping: those that begin in it, and the rest of the last one. */
#define WINDOW_BYTES (512u << 10)

struct ring {
	int fd; /* borrowed */
	int epoll; /* owned */
	size_t page, bytes, window, n_windows;
	uint64_t *read_to;
	const uint64_t *written_to;
	char **windows; /* NULL: not mapped yet */
};

static size_t
window_bytes(const struct ring *r)
{
	return r->window + RING_EVENT_BYTES < 2 * r->bytes ?
	    r->window + RING_EVENT_BYTES :
	    2 * r->bytes;
}

static int
map_part(struct ring *r, int rights, size_t at, size_t n, void *ret)
{
	void *p = mmap(NULL, n, rights, MAP_SHARED, r->fd, (off_t)at);

	if (p == MAP_FAILED)
		return -errno;
	*(void **)ret = p;
	return 0;
}

int
ring_new(int fd, int64_t bytes, struct ring **ret, struct error *err)
{
	struct ring *r = mem_alloc(sizeof(*r));
	struct epoll_event in = { .events = EPOLLIN };
	int rc;

	r->fd = fd;
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	r->bytes = (size_t)bytes;
	r->window = r->bytes < WINDOW_BYTES ? r->bytes : WINDOW_BYTES;
	r->n_windows = r->bytes / r->window;
	r->windows = mem_alloc(r->n_windows * sizeof(*r->windows));
	rc = map_part(r, PROT_READ | PROT_WRITE, 0, r->page, &r->read_to);
	if (rc == 0)
		rc = map_part(r, PROT_READ, r->page, r->page, &r->written_to);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (rc == 0 &&
	    (r->epoll < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &in) != 0))
		rc = -errno;
	if (rc != 0) {
		ring_free(r);
		errno = -rc;
		return error_errno(err, "eBPF: cannot map the ring");
	}
	*ret = r;
	return 0;
}

void
ring_free(struct ring *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_windows; i++)
		if (r->windows[i] != NULL)
			(void)munmap(r->windows[i], window_bytes(r));
	if (r->read_to != NULL)
		(void)munmap(r->read_to, r->page);
	if (r->written_to != NULL)
		(void)munmap((void *)(uintptr_t)r->written_to, r->page);
	closep(&r->epoll);
	free(r->windows);
	free(r);
}

/* Not the map itself: that is readable whenever there is an event, this only
 * when the kernel side calls. */
int
ring_fd(const struct ring *r)
{
	return r->epoll;
}

/* What lies at this position; negative: it cannot be mapped. */
static int
look(struct ring *r, uint64_t at, char **ret)
{
	size_t in = (size_t)at & (r->bytes - 1), i = in / r->window;
	int rc = 0;

	if (r->windows[i] == NULL)
		rc = map_part(r, PROT_READ, 2 * r->page + i * r->window,
		    window_bytes(r), &r->windows[i]);
	if (rc == 0)
		*ret = r->windows[i] + in % r->window;
	return rc;
}

/* 1: one was taken; 0: the next one is not whole yet. */
static int
take_one(struct ring *r, uint64_t *at, ring_take_fn take, void *context)
{
	uint32_t head, n;
	char *p;
	int rc = look(r, *at, &p);

	if (rc != 0)
		return rc;
	head = __atomic_load_n((uint32_t *)(void *)p, __ATOMIC_ACQUIRE);
	if (head & BPF_RINGBUF_BUSY_BIT)
		return 0;
	n = head & ~BPF_RINGBUF_DISCARD_BIT;
	if (n > RING_EVENT_BYTES - BPF_RINGBUF_HDR_SZ)
		return -EPROTO;
	if ((head & BPF_RINGBUF_DISCARD_BIT) == 0)
		rc = take(context, str_n(p + BPF_RINGBUF_HDR_SZ, n));
	*at += (n + BPF_RINGBUF_HDR_SZ + 7u) & ~7u;
	__atomic_store_n(r->read_to, *at, __ATOMIC_RELEASE);
	return rc < 0 ? rc : 1;
}

int
ring_drain(struct ring *r, ring_take_fn take, void *context)
{
	uint64_t at = __atomic_load_n(r->read_to, __ATOMIC_ACQUIRE);
	int rc = 1;

	while (rc == 1 && at < __atomic_load_n(r->written_to, __ATOMIC_ACQUIRE))
		rc = take_one(r, &at, take, context);
	return rc < 0 ? rc : 0;
}
