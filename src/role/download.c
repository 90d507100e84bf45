/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role download: fetches what `lazaret db update` asks for into memory, and
 * hands over descriptors. Sees the network; parses nothing of what it gets;
 * reads resolver files and certificates. The user's settings for npm do not
 * count here, the proxies of the environment do.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/npmrc.h"
#include "fetch/download.h"
#include "fetch/http.h"
#include "sys/lockdown.h"
#include "sys/message.h"

/* Without progress of a transfer. */
#define TIMEOUT_MS 30000
#define MAX_WHAT   128

static const char *const files[] = { "/etc/resolv.conf", "/etc/hosts",
	"/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
	"/etc/services", "/etc/localtime", "/run/systemd/resolve",
	"/run/resolvconf", "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib",
	"/usr/lib64", "/etc/ssl", "/usr/share/ca-certificates",
	"/usr/share/zoneinfo", NULL };

struct download {
	struct channel control;
	bool done;
	int rc;
	struct error err;
};

static void
on_done(void *arg, const struct http_answer *a)
{
	struct download *d = arg;
	_cleanup_(closep) int fd = a->fd;

	message_begin(&d->control, DOWNLOAD_GOT);
	message_put_int(&d->control, a->code);
	message_put_str(&d->control, str_of(a->sentence));
	message_put_int(&d->control, a->size);
	if (a->code == 0 && fd >= 0)
		message_put_fd(&d->control, fd);
	d->rc = message_send(&d->control, &d->err);
	if (d->rc == 0)
		d->rc = channel_flush(&d->control, &d->err);
	d->done = true;
}

static int
get(struct download *d, struct http *h, struct message *m, struct error *err)
{
	struct http_request r = { .url = message_get_str(m) };
	char what[MAX_WHAT], url[LIMIT_URL_BYTES];
	struct str word;
	int rc;

	r.max_bytes = message_get_int(m);
	word = message_get_str(m);
	(void)snprintf(what, sizeof(what), "%.*s", STR_ARG(word));
	(void)snprintf(url, sizeof(url), "%.*s", STR_ARG(r.url));
	rc = message_end(m, err);
	if (rc != 0)
		return rc;
	r.url = str_of(url);
	/* Named by the user: it may be a private address, or plain http. */
	r.registry = r.url;
	r.accept = STR_LIT("*/*");
	r.what = what;
	d->done = false;
	http_get(h, &r, on_done, d);
	while (rc == 0 && !d->done)
		rc = http_wait(h, NULL, 0, 1000, err);
	if (rc == 0 && d->rc != 0)
		rc = error_set(err, d->rc, "%s", d->err.msg);
	return rc;
}

static struct str
of_environment(const char *lower, const char *upper)
{
	const char *v = getenv(lower);

	v = v != NULL ? v : getenv(upper);
	return v != NULL && v[0] != '\0' ? str_of(v) : STR_NONE;
}

int
main(void)
{
	struct lockdown l = { .rights = LOCKDOWN_READ_FILES | LOCKDOWN_NETWORK |
		    LOCKDOWN_THREADS,
		.read_paths = files };
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct http_options o = { .npmrc = npmrc_new(a),
		.trust = { .strict_ssl = true },
		.timeout_ms = TIMEOUT_MS };
	struct download d = { .done = false };
	struct error err = ERROR_INIT;
	struct message m;
	struct http *h;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	channel_init(&d.control, DOWNLOAD_CONTROL_FD);
	o.trust.http_proxy = of_environment("http_proxy", "HTTP_PROXY");
	o.trust.https_proxy = of_environment("https_proxy", "HTTPS_PROXY");
	o.trust.noproxy = of_environment("no_proxy", "NO_PROXY");
	h = http_new(&o);
	rc = lockdown(&l, &err);
	while (rc == 0 && (rc = channel_recv(&d.control, &m, &err)) == 1)
		rc = get(&d, h, &m, &err);
	if (rc != 0)
		(void)fprintf(stderr, "lazaret: download: %s\n", err.msg);
	http_free(h);
	channel_done(&d.control);
	arena_free(a);
	return rc != 0;
}
