/* SPDX-License-Identifier: Apache-2.0 */
/* Figures and limits over all workers. Runs in role listener and in the
 * supervisor of serve. */
#include "serve/shared.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "snapshot/snapshot.h"
#include "sys/clock.h"

#define CLIENTS        65536
#define N_CLASSES      5 /* of status: 1xx to 5xx */
#define SECOND_OF(v)   ((v) >> 32)
#define REQUESTS_OF(v) ((uint32_t)(v))

typedef _Atomic uint64_t figure;

/* Upper bounds of the buckets of request times. */
static const int64_t bounds_us[] = { 50, 100, 250, 500, 1000, 2500, 5000, 10000,
	50000, 250000, 1000000 };
#define N_BOUNDS N_ELEMENTS(bounds_us)

struct route_figures {
	figure requests[N_CLASSES];
	figure buckets[N_BOUNDS + 1];
	figure ns;
};

struct worker {
	figure figures[SHARED_FIGURE__MAX];
	struct route_figures routes[SHARED_ROUTE__MAX];
	figure open, records, withdrawn, built_at, modified_at;
} __attribute__((aligned(128))); /* no cache line of two workers */

struct client {
	figure rate; /* the second, and requests in it */
	_Atomic uint32_t open[LIMIT_SERVE_WORKERS];
};

struct shared {
	uint64_t key[2];
	struct worker workers[LIMIT_SERVE_WORKERS];
	struct client clients[CLIENTS];
};

static const char *const route_names[] = {
	[SHARED_QUERY] = "query",
	[SHARED_QUERYBATCH] = "querybatch",
	[SHARED_VULNS] = "vulns",
	[SHARED_EXPERIMENTAL] = "experimental",
	[SHARED_BUCKET] = "bucket",
	[SHARED_OTHER] = "other",
};

static const struct {
	const char *name, *help;
} figure_rows[] = {
	[SHARED_CONNECTIONS] = { "connections_total", "Connections opened" },
	[SHARED_CONNECTIONS_REFUSED] = { "connections_refused_total",
	    "Connections over a limit" },
	[SHARED_RATE_REFUSED] = { "rate_refused_total",
	    "Requests over the rate of a client" },
	[SHARED_BAD_REQUESTS] = { "bad_requests_total",
	    "Requests that were no HTTP or too large" },
	[SHARED_TIMEOUTS] = { "timeouts_total",
	    "Connections ended for slowness" },
	[SHARED_TLS_FAILURES] = { "tls_failures_total",
	    "Handshakes that failed" },
	[SHARED_BYTES_IN] = { "received_bytes_total", "Bytes received" },
	[SHARED_BYTES_OUT] = { "sent_bytes_total", "Bytes sent" },
	[SHARED_LOG_DROPPED] = { "log_lines_dropped_total",
	    "Lines of the access log that found no room" },
	[SHARED_RELOADS] = { "snapshot_loads_total",
	    "Snapshots loaded, by all workers" },
	[SHARED_RESTARTS] = { "worker_restarts_total",
	    "Workers started again" },
};

/* --- the memory -------------------------------------------------------------
 */

int
shared_map(int fd, struct shared **ret, struct error *err)
{
	void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return error_errno(err, "shared memory");
	*ret = p;
	return 0;
}

int
shared_new(struct shared **ret, int *ret_fd, struct error *err)
{
	_cleanup_(closep) int fd = memfd_create("serve", MFD_CLOEXEC);
	int rc;

	if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0)
		return error_errno(err, "shared memory");
	rc = shared_map(fd, ret, err);
	if (rc != 0)
		return rc;
	if (getrandom((*ret)->key, sizeof((*ret)->key), 0) !=
	    sizeof((*ret)->key))
		return error_errno(err, "getrandom");
	*ret_fd = steal_fd(&fd);
	return 0;
}

void
shared_free(struct shared *s)
{
	if (s != NULL)
		(void)munmap(s, sizeof(*s));
}

void
shared_forget(struct shared *s, unsigned worker)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (atomic_load(&s->clients[i].open[worker]) != 0)
			atomic_store(&s->clients[i].open[worker], 0);
	atomic_store(&s->workers[worker].open, 0);
}

/* --- figures ----------------------------------------------------------------
 */

static void
add(figure *f, uint64_t n)
{
	(void)atomic_fetch_add_explicit(f, n, memory_order_relaxed);
}

void
shared_add(struct shared *s, unsigned worker, enum shared_figure f, uint64_t n)
{
	add(&s->workers[worker].figures[f], n);
}

void
shared_request(struct shared *s, unsigned worker, enum shared_route route,
    int status, int64_t took_ns)
{
	struct route_figures *f = &s->workers[worker].routes[route];
	size_t class = (size_t)(status / 100 - 1), i = 0;

	while (i < N_BOUNDS && took_ns > bounds_us[i] * 1000)
		i++;
	add(&f->requests[class < N_CLASSES ? class : N_CLASSES - 1], 1);
	add(&f->buckets[i], 1);
	add(&f->ns, (uint64_t)took_ns);
}

void
shared_set_snapshot(struct shared *s, unsigned worker,
    const struct snapshot_info *info)
{
	struct worker *w = &s->workers[worker];

	atomic_store(&w->records, info->n_records);
	atomic_store(&w->withdrawn, info->n_withdrawn);
	atomic_store(&w->built_at, (uint64_t)info->built_at_s);
	atomic_store(&w->modified_at, (uint64_t)info->modified_s);
	add(&w->figures[SHARED_RELOADS], 1);
}

static void
head(struct buf *out, const char *name, const char *help, const char *type)
{
	buf_printf(out,
	    "# HELP lazaret_serve_%s %s\n# TYPE lazaret_serve_%s %s\n", name,
	    help, name, type);
}

static uint64_t
largest(const struct shared *s, size_t at)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < LIMIT_SERVE_WORKERS; i++) {
		const char *w = (const char *)&s->workers[i];
		uint64_t v =
		    atomic_load((const figure *)(const void *)(w + at));

		max = MAX_OF(max, v);
	}
	return max;
}

static void
print_gauges(const struct shared *s, struct buf *out)
{
	static const struct {
		const char *name, *help;
		size_t at;
	} rows[] = {
		{ "snapshot_records", "Documents, withdrawn ones included",
		    offsetof(struct worker, records) },
		{ "snapshot_withdrawn_records", "Withdrawn documents",
		    offsetof(struct worker, withdrawn) },
		{ "snapshot_built_timestamp_seconds",
		    "When the snapshot was made",
		    offsetof(struct worker, built_at) },
		{ "snapshot_modified_timestamp_seconds",
		    "Newest change in the snapshot",
		    offsetof(struct worker, modified_at) },
	};
	uint64_t open = 0;

	for (unsigned i = 0; i < LIMIT_SERVE_WORKERS; i++)
		open += atomic_load(&s->workers[i].open);
	head(out, "connections", "Connections open now", "gauge");
	buf_printf(out, "lazaret_serve_connections %llu\n",
	    (unsigned long long)open);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		head(out, rows[i].name, rows[i].help, "gauge");
		buf_printf(out, "lazaret_serve_%s %llu\n", rows[i].name,
		    (unsigned long long)largest(s, rows[i].at));
	}
}

static void
sum_route(const struct shared *s, size_t route, struct route_figures *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < LIMIT_SERVE_WORKERS; i++) {
		const struct route_figures *f = &s->workers[i].routes[route];

		for (size_t k = 0; k < N_CLASSES; k++)
			add(&ret->requests[k], atomic_load(&f->requests[k]));
		for (size_t k = 0; k <= N_BOUNDS; k++)
			add(&ret->buckets[k], atomic_load(&f->buckets[k]));
		add(&ret->ns, atomic_load(&f->ns));
	}
}

static void
print_times(const struct shared *s, struct buf *out)
{
	static const char *const name = "request_duration_seconds";
	struct route_figures f;

	head(out, name, "Time from a whole request to its answer", "histogram");
	for (size_t r = 0; r < SHARED_ROUTE__MAX; r++) {
		uint64_t n = 0;

		sum_route(s, r, &f);
		for (size_t k = 0; k < N_BOUNDS; k++) {
			n += f.buckets[k];
			buf_printf(out,
			    "lazaret_serve_%s_bucket"
			    "{route=\"%s\",le=\"%g\"} %llu\n",
			    name, route_names[r], (double)bounds_us[k] / 1e6,
			    (unsigned long long)n);
		}
		n += f.buckets[N_BOUNDS];
		buf_printf(out,
		    "lazaret_serve_%s_bucket{route=\"%s\",le=\"+Inf\"} %llu\n"
		    "lazaret_serve_%s_sum{route=\"%s\"} %.9f\n"
		    "lazaret_serve_%s_count{route=\"%s\"} %llu\n",
		    name, route_names[r], (unsigned long long)n, name,
		    route_names[r], (double)f.ns / 1e9, name, route_names[r],
		    (unsigned long long)n);
	}
}

void
shared_print(const struct shared *s, struct buf *out)
{
	struct route_figures f;

	head(out, "requests_total", "Requests answered", "counter");
	for (size_t r = 0; r < SHARED_ROUTE__MAX; r++) {
		sum_route(s, r, &f);
		for (size_t k = 0; k < N_CLASSES; k++)
			if (f.requests[k] != 0)
				buf_printf(out,
				    "lazaret_serve_requests_total"
				    "{route=\"%s\",class=\"%zuxx\"} %llu\n",
				    route_names[r], k + 1,
				    (unsigned long long)f.requests[k]);
	}
	print_times(s, out);
	for (size_t i = 0; i < SHARED_FIGURE__MAX; i++) {
		uint64_t n = 0;

		for (unsigned w = 0; w < LIMIT_SERVE_WORKERS; w++)
			n += atomic_load(&s->workers[w].figures[i]);
		head(out, figure_rows[i].name, figure_rows[i].help, "counter");
		buf_printf(out, "lazaret_serve_%s %llu\n", figure_rows[i].name,
		    (unsigned long long)n);
	}
	print_gauges(s, out);
}

/* --- clients ----------------------------------------------------------------
 */

static uint64_t
mix(uint64_t v)
{
	v = (v ^ v >> 33) * 0xff51afd7ed558ccdull;
	v = (v ^ v >> 33) * 0xc4ceb9fe1a85ec53ull;
	return v ^ v >> 33;
}

uint32_t
shared_client(const struct shared *s, const struct sockaddr *a)
{
	const struct sockaddr_in6 *six = (const void *)a;
	const struct sockaddr_in *four = (const void *)a;
	uint64_t v = 0;

	if (a->sa_family == AF_INET)
		v = four->sin_addr.s_addr;
	else if (a->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		memcpy(&v, &six->sin6_addr.s6_addr[12], 4);
	else if (a->sa_family == AF_INET6)
		memcpy(&v, six->sin6_addr.s6_addr, 8);
	return (uint32_t)(mix(mix(v ^ s->key[0]) ^ s->key[1]) % CLIENTS);
}

bool
shared_connect(struct shared *s, unsigned worker, uint32_t client,
    uint32_t max_connections)
{
	struct client *c = &s->clients[client];
	uint32_t n = 0;

	for (unsigned i = 0; i < LIMIT_SERVE_WORKERS && max_connections != 0;
	     i++)
		n += atomic_load_explicit(&c->open[i], memory_order_relaxed);
	if (max_connections != 0 && n >= max_connections)
		return false;
	(void)atomic_fetch_add(&c->open[worker], 1);
	add(&s->workers[worker].open, 1);
	return true;
}

void
shared_disconnect(struct shared *s, unsigned worker, uint32_t client)
{
	(void)atomic_fetch_sub(&s->clients[client].open[worker], 1);
	(void)atomic_fetch_sub(&s->workers[worker].open, 1);
}

bool
shared_allow(struct shared *s, uint32_t client, int64_t now_ns, uint32_t rate)
{
	figure *f = &s->clients[client].rate;
	uint64_t second = (uint64_t)(now_ns / NS_PER_SEC) & 0xffffffffu;
	uint64_t old, new;

	if (rate == 0)
		return true;
	old = atomic_load(f);
	do {
		if (SECOND_OF(old) == second && REQUESTS_OF(old) >= rate)
			return false;
		new = SECOND_OF(old) == second ? old + 1 : (second << 32 | 1);
	} while (!atomic_compare_exchange_weak(f, &old, new));
	return true;
}
