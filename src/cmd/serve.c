/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret serve: a snapshot and an export over HTTP, as osv.dev does it. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "serve/supervisor.h"
#include "sys/opt.h"

static struct supervisor_options o = { .listen = "127.0.0.1:8080" };
static int64_t n_workers, rate;
static int64_t max_connections = LIMIT_SERVE_CONNECTIONS;
static int64_t max_client_connections = LIMIT_SERVE_CLIENT_CONNECTIONS;

static const struct opt option_table[] = {
	{ "snapshot", 0, OPT_STRING, &o.snapshot, "FILE",
	    "the snapshot to answer from (lazaret report snapshot)" },
	{ "listen", 0, OPT_STRING, &o.listen, "ADDRESS:PORT",
	    "where to listen (127.0.0.1:8080); port 0: any, it is printed" },
	{ "bucket", 0, OPT_STRING, &o.bucket, "DIR",
	    "an export (lazaret report export) to serve beside the API" },
	{ "strict", 0, OPT_FLAG, &o.server.strict, NULL,
	    "answer where osv.dev is silent: see lazaret-serve(1)" },
	{ "tls-cert", 0, OPT_STRING, &o.tls_certificate, "FILE",
	    "certificate and its chain (PEM); with --tls-key: HTTPS" },
	{ "tls-key", 0, OPT_STRING, &o.tls_key, "FILE",
	    "private key (PEM, without a password)" },
	{ "access-log", 0, OPT_STRING, &o.access_log, "FILE",
	    "one JSON line for each request; -: standard error" },
	{ "rate", 0, OPT_INT, &rate, "N",
	    "requests a second for each client; more: 429 (no limit)" },
	{ "max-connections", 0, OPT_INT, &max_connections, "N",
	    "connections of each worker (8192)" },
	{ "max-client-connections", 0, OPT_INT, &max_client_connections, "N",
	    "connections of each client (2048); 0: no limit" },
	{ "head-timeout", 0, OPT_DURATION, &o.server.head_ms, "TIME",
	    "for a request's head, or a handshake (10s)" },
	{ "body-timeout", 0, OPT_DURATION, &o.server.body_ms, "TIME",
	    "for a request's body (30s)" },
	{ "write-timeout", 0, OPT_DURATION, &o.server.write_ms, "TIME",
	    "for a client that takes nothing of an answer (30s)" },
	{ "idle-timeout", 0, OPT_DURATION, &o.server.idle_ms, "TIME",
	    "between two requests (120s)" },
	{ "workers", 0, OPT_INT, &n_workers, "N",
	    "processes that answer (one for each core)" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "serve",
	.operands = "",
	.summary =
	    "Answers the API of osv.dev from a snapshot, and serves an export "
	    "in the layout of its\nbucket, until SIGTERM. A snapshot that is "
	    "replaced, or SIGHUP, is a reload that loses no\nrequest.",
	.options = option_table,
	.examples =
	    "  lazaret serve --snapshot db.snapshot --bucket public\n"
	    "  curl -d '{\"version\": \"1.0.0\", \"package\": {\"name\": "
	    "\"left-pad\", \"ecosystem\": \"npm\"}}' \\\n"
	    "      http://127.0.0.1:8080/v1/query\n"
	    "\n"
	    "Clients (URL: where this listens; docs/serve.md says which were "
	    "tried):\n"
	    "  uv           UV_MALWARE_CHECK=1 UV_MALWARE_CHECK_URL=URL uv "
	    "sync\n"
	    "               uv audit --service-url URL\n"
	    "  Renovate     OSV_OFFLINE_DATABASE_URL=URL/renovate/"
	    "osv-offline.zip, with\n"
	    "               \"osvVulnerabilityAlerts\": true\n"
	    "  pnpm (pnpr)  curl -O URL/npm/all.zip && pnpr --osv --osv-db "
	    "all.zip\n"
	    "  osv-scanner  for each ecosystem of URL/ecosystems.txt:\n"
	    "               curl --create-dirs -o "
	    "DIR/osv-scalibr/npm/all.zip URL/osv-scalibr/npm/all.zip\n"
	    "               osv-scanner --offline-vulnerabilities "
	    "--local-db-path DIR .\n"
	    "               (2.4.0 and older: osv-scanner instead of "
	    "osv-scalibr, both times)\n",
};

static unsigned
count_cores(void)
{
	cpu_set_t set;
	int n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n < 1 ? 1 : (unsigned)n;
}

static void
check(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	if (opt_parse(&command, argc, argv) != argc)
		opt_usage_error(&command, "no operands are taken");
	if (o.snapshot == NULL)
		opt_usage_error(&command, "--snapshot FILE is missing");
	if ((o.tls_certificate == NULL) != (o.tls_key == NULL))
		opt_usage_error(&command,
		    "--tls-cert and --tls-key go together");
	if (listen_check(o.listen, &err) != 0)
		opt_usage_error(&command, "--listen %s: %s", o.listen, err.msg);
	if (n_workers > LIMIT_SERVE_WORKERS)
		opt_usage_error(&command, "--workers: at most %d",
		    LIMIT_SERVE_WORKERS);
	if (rate > UINT32_MAX || max_connections > UINT32_MAX ||
	    max_client_connections > UINT32_MAX || max_connections < 1)
		opt_usage_error(&command, "a limit is out of range");
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	server_options_default(&o.server);
	check(argc, argv);
	o.n_workers = (unsigned)n_workers;
	if (n_workers == 0)
		o.n_workers = count_cores();
	if (o.n_workers > LIMIT_SERVE_WORKERS)
		o.n_workers = LIMIT_SERVE_WORKERS;
	o.server.rate = (uint32_t)rate;
	o.server.max_connections = (uint32_t)max_connections;
	o.server.max_client_connections = (uint32_t)max_client_connections;
	if (supervisor_run(&o, &err) == 0)
		return EXIT_NOTHING_FOUND;
	(void)fprintf(stderr, "lazaret serve: %s\n", err.msg);
	return EXIT_TOOL_FAILED;
}
