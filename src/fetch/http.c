/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of requests: when each is tried, what its outcome means, and
 * whether it is tried again. One try is transfer.c. Runs in role fetch.
 */
#include "fetch/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "fetch/http_priv.h"
#include "sys/clock.h"

/* A registry that fails four times is down; with a copy at hand, two. */
#define MAX_TRIES          4
#define MAX_TRIES_FALLBACK 2
#define BACKOFF_FIRST_MS   200
#define BACKOFF_MAX_MS     5000
/* A registry may ask for more patience than a person has. */
#define RETRY_AFTER_MAX_MS 30000
#define MAX_REDIRECTS      5
#define MAX_EXTRA_FDS      64

struct http *
http_new(const struct http_options *o)
{
	struct http *h = mem_alloc(sizeof(*h));

	h->options = *o;
	return h;
}

/* libcurl starts with the first request: a run from the cache needs none. */
static void
start_library(struct http *h)
{
	if (h->multi != NULL)
		return;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		fatal("libcurl does not start");
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		fatal("no memory");
	(void)curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 8L);
	(void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING,
	    (long)CURLPIPE_MULTIPLEX);
}

static void
request_free(struct request *r)
{
	transfer_end(r);
	closep(&r->fd);
	buf_done(&r->url);
	buf_done(&r->registry);
	buf_done(&r->accept);
	buf_done(&r->etag_sent);
	buf_done(&r->modified_sent);
	buf_done(&r->etag);
	buf_done(&r->modified);
	buf_done(&r->link);
	buf_done(&r->requests_left);
	buf_done(&r->limit_ends);
	free(r);
}

void
http_free(struct http *h)
{
	struct request *r, *next;

	if (h == NULL)
		return;
	for (r = h->requests; r != NULL; r = next) {
		next = r->next;
		request_free(r);
	}
	if (h->multi != NULL) {
		(void)curl_multi_cleanup(h->multi);
		curl_global_cleanup();
	}
	free(h);
}

static void
set_text(struct buf *b, struct str s)
{
	buf_init(b, LIMIT_URL_BYTES);
	buf_put_str(b, s);
}

void
http_get(struct http *h, const struct http_request *q, http_done_fn done,
    void *arg)
{
	struct request *r = mem_alloc(sizeof(*r));

	start_library(h);
	r->http = h;
	r->fd = -1;
	r->done = done;
	r->arg = arg;
	r->what = q->what;
	r->max_bytes = q->max_bytes;
	r->max_tries = q->has_fallback ? MAX_TRIES_FALLBACK : MAX_TRIES;
	set_text(&r->url, q->url);
	set_text(&r->registry, q->registry);
	set_text(&r->accept, q->accept);
	set_text(&r->etag_sent, q->etag);
	set_text(&r->modified_sent, q->modified);
	r->sign = q->sign;
	r->tell_limits = q->tell_limits;
	buf_init(&r->etag, LIMIT_TEXT_BYTES);
	buf_init(&r->modified, LIMIT_TEXT_BYTES);
	buf_init(&r->link, LIMIT_URL_BYTES);
	buf_init(&r->requests_left, LIMIT_TEXT_BYTES);
	buf_init(&r->limit_ends, LIMIT_TEXT_BYTES);
	r->next = h->requests;
	h->requests = r;
	/* Started from http_wait, never from here: done functions may call. */
	r->try_at = clock_ns();
}

/* ---- outcomes */

static void
finish(struct request *r)
{
	r->finished = true;
}

static void fail(struct request *r, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
fail(struct request *r, int code, const char *fmt, ...)
{
	struct str origin = transfer_shown_origin(r);
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	r->code = code;
	(void)snprintf(r->sentence, sizeof(r->sentence), "%s: %.*s %s", r->what,
	    STR_ARG(origin), why);
	finish(r);
}

/* Full jitter: anywhere between nothing and the doubled bound. */
static int64_t
backoff_ms(int tries)
{
	int64_t bound = BACKOFF_FIRST_MS;
	uint32_t random = 0;

	for (int i = 1; i < tries && bound < BACKOFF_MAX_MS; i++)
		bound *= 2;
	bound = MIN_OF(bound, (int64_t)BACKOFF_MAX_MS);
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return bound;
	return (int64_t)(random % (uint32_t)(bound + 1));
}

/* Again later, or fail() with the words of the last try. */
static void
again(struct request *r, int64_t wait_ms, const char *why)
{
	if (++r->tries >= r->max_tries) {
		fail(r, -EHOSTDOWN, "%s", why);
		return;
	}
	if (wait_ms > RETRY_AFTER_MAX_MS) {
		fail(r, -EHOSTDOWN, "%s and asks to wait %lld s", why,
		    (long long)(wait_ms / 1000));
		return;
	}
	wait_ms = MAX_OF(wait_ms, backoff_ms(r->tries));
	r->try_at = clock_ns() + wait_ms * NS_PER_MS;
}

static void
redirect(struct request *r)
{
	char *url = NULL;
	struct error err = ERROR_INIT;

	if (curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &url) !=
		CURLE_OK ||
	    url == NULL) {
		fail(r, -EHOSTDOWN, "redirects to nowhere");
		return;
	}
	if (++r->redirects > MAX_REDIRECTS) {
		fail(r, -EPERM, "redirects more than %d times", MAX_REDIRECTS);
		return;
	}
	if (transfer_check_redirect(r, str_of(url), &err) != 0) {
		fail(r, -EPERM, "redirects to %s, which is refused", err.msg);
		return;
	}
	buf_reset(&r->url);
	buf_puts(&r->url, url);
	r->try_at = clock_ns();
}

/* Seconds that a refusal asks to wait for; 0: it does not say. Either it says
 * so itself, or no request is left until a time, in Unix seconds. */
static int64_t
limit_wait(struct request *r, curl_off_t after)
{
	int64_t now = clock_wall_ns() / NS_PER_SEC;
	uint64_t ends;

	if (r->status != 403 && r->status != 429)
		return 0;
	if (after > 0)
		return after;
	if (!str_is(buf_str(&r->requests_left), "0") ||
	    str_to_u64(buf_str(&r->limit_ends), &ends) != 0 || ends > INT64_MAX)
		return 0;
	return MAX_OF((int64_t)ends - now, (int64_t)0) + 1;
}

static void
judge_status(struct request *r)
{
	curl_off_t after = 0;
	char why[64];

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &r->status);
	(void)curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &after);
	(void)snprintf(why, sizeof(why), "answers with status %ld", r->status);
	if (r->tell_limits)
		r->wait_s = limit_wait(r, after);
	if (r->wait_s != 0)
		fail(r, -EAGAIN, "%s and asks to wait %lld s", why,
		    (long long)r->wait_s);
	else if (r->status == 200 ||
	    (r->status == 304 && r->etag_sent.n + r->modified_sent.n != 0))
		finish(r);
	else if (r->status >= 300 && r->status < 400)
		redirect(r);
	else if (r->status == 404 || r->status == 410)
		fail(r, -ENOENT, "has none");
	else if (r->status == 401 || r->status == 403)
		fail(r, -EACCES,
		    "denies access (status %ld); check the "
		    "credentials%s",
		    r->status, r->sign == NULL ? " in .npmrc" : "");
	else if (r->status == 429 || r->status >= 500)
		again(r, after * 1000, why);
	else
		fail(r, -EHOSTDOWN, "%s", why);
}

/* What libcurl says, where trying again cannot help. */
static const struct {
	CURLcode code;
	int errno_code;
	const char *words;
} final[] = {
	{ CURLE_UNSUPPORTED_PROTOCOL, -EPERM, "speaks no allowed protocol" },
	{ CURLE_URL_MALFORMAT, -EINVAL, "is no web address" },
	{ CURLE_PEER_FAILED_VERIFICATION, -EHOSTDOWN, NULL },
	{ CURLE_SSL_CACERT_BADFILE, -EHOSTDOWN, NULL },
	{ CURLE_SSL_CERTPROBLEM, -EHOSTDOWN, NULL },
};

static void
too_large(struct request *r)
{
	fail(r, -EFBIG, "sends more than %lld MB",
	    (long long)(r->max_bytes / 1000000));
}

static void
judge_failure(struct request *r, CURLcode code)
{
	const char *why =
	    r->curl_error[0] != '\0' ? r->curl_error : curl_easy_strerror(code);
	char words[160];

	if (r->too_large || code == CURLE_FILESIZE_EXCEEDED) {
		too_large(r);
		return;
	}
	if (r->refused_address) {
		fail(r, -EPERM,
		    "resolves to a private address, which is "
		    "refused");
		return;
	}
	if (r->write_failed) {
		fail(r, -EIO, "sends what cannot be kept (out of memory?)");
		return;
	}
	for (size_t i = 0; i < N_ELEMENTS(final); i++)
		if (final[i].code == code) {
			fail(r, final[i].errno_code, "%s",
			    final[i].words != NULL ? final[i].words : why);
			return;
		}
	(void)snprintf(words, sizeof(words), "does not answer (%s)", why);
	again(r, 0, words);
}

static void
ended(struct request *r, CURLcode code)
{
	r->running = false;
	if (code == CURLE_OK)
		judge_status(r);
	else
		judge_failure(r, code);
	transfer_end(r);
}

/* How many have ended. */
static int
take_ended(struct http *h)
{
	CURLMsg *m;
	int left, n = 0;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		char *r = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
		ended((struct request *)(void *)r, m->data.result);
		n++;
	}
	return n;
}

/* ---- time */

/* Starts what is due; milliseconds until the next one, at most max_ms. */
static int
start_due(struct http *h, int max_ms)
{
	int64_t now = clock_ns(), wait = max_ms;
	struct error err;
	struct request *r;

	for (r = h->requests; r != NULL; r = r->next) {
		if (r->running || r->finished)
			continue;
		if (r->try_at > now) {
			wait = MIN_OF(wait, (r->try_at - now) / NS_PER_MS + 1);
			continue;
		}
		err = (struct error)ERROR_INIT;
		if (transfer_begin(r, &err) != 0)
			fail(r, err.code, "cannot be asked: %s", err.msg);
		else
			r->running = true;
		wait = 0;
	}
	return (int)wait;
}

/* Calls done for what is finished. New requests may appear meanwhile. */
static void
deliver(struct http *h)
{
	struct request **at = &h->requests, *r;

	while ((r = *at) != NULL) {
		struct http_answer a = { .fd = -1 };

		if (!r->finished) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		a.code = r->code;
		a.sentence = r->sentence;
		a.status = r->status;
		a.size = r->bytes;
		a.etag = buf_str(&r->etag);
		a.modified = buf_str(&r->modified);
		a.link = buf_str(&r->link);
		a.wait_s = r->wait_s;
		if (r->code == 0 && r->status == 200)
			a.fd = steal_fd(&r->fd);
		r->done(r->arg, &a);
		request_free(r);
		at = &h->requests; /* the list may have changed */
	}
}

int
http_wait(struct http *h, struct pollfd *fds, size_t n_fds, int timeout_ms,
    struct error *err)
{
	struct curl_waitfd extra[MAX_EXTRA_FDS] = { 0 };
	int n_running, n_ready;

	/* Nothing under way: plain poll, without waking libcurl at all. */
	if (h->requests == NULL) {
		if (poll(fds, n_fds, timeout_ms) < 0 && errno != EINTR)
			return error_errno(err, "poll");
		return 0;
	}
	timeout_ms = start_due(h, timeout_ms < 0 ? 60000 : timeout_ms);
	for (size_t i = 0; i < n_fds && i < MAX_EXTRA_FDS; i++)
		extra[i] =
		    (struct curl_waitfd){ fds[i].fd, CURL_WAIT_POLLIN, 0 };
	if (curl_multi_perform(h->multi, &n_running) != CURLM_OK)
		return error_set(err, -EIO, "libcurl's loop failed");
	/* What has just ended has no socket left to wake us. */
	if (take_ended(h) > 0)
		timeout_ms = 0;
	if (curl_multi_poll(h->multi, extra, (unsigned)n_fds, timeout_ms,
		&n_ready) != CURLM_OK ||
	    curl_multi_perform(h->multi, &n_running) != CURLM_OK)
		return error_set(err, -EIO, "libcurl's loop failed");
	for (size_t i = 0; i < n_fds && i < MAX_EXTRA_FDS; i++)
		fds[i].revents = (short)(extra[i].revents != 0 ? POLLIN : 0);
	(void)take_ended(h);
	deliver(h);
	return 0;
}
