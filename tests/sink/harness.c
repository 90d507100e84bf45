/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command behind a sink, as a supervisor would, and writes down the
 * facts that come out.
 *
 *	sink-harness DIR refuse|decoy COMMAND…
 *
 * DIR has ca.pem and key.pem, and relay/ with what the registry serves:
 * NAME.json and NAME-VERSION.tgz, "/" in names written as "%2f". In DIR come
 * to lie facts.jsonl, blob/SHA256 (the folder must be there), sink.pcap,
 *keys.log and mark (of the decoys). The command runs in the sandbox's namespace
 *(eth0: 10.0.2.15, fd00:2::15). Status 77: not root.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "ecosystem/relay.h"
#include "runfile/fact.h"
#include "sink/sink.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

static const char *dir;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(1);
}

static int
open_in_dir(const char *name, int flags)
{
	char path[4096];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0 && (flags & O_CREAT) != 0)
		die("%s cannot be made", path);
	return fd;
}

static void
put_member(struct json *j, const struct fact_column *c, const void *fact)
{
	const char *at = (const char *)fact + c->offset;
	struct str s;
	int64_t v;

	if (c->type == FACT_INT || c->type == FACT_REAL) {
		memcpy(&v, at, sizeof(v));
		if (v == FACT_NONE)
			return;
		json_key(j, c->name);
		json_int(j, v);
		return;
	}
	memcpy(&s, at, sizeof(s));
	if (s.p == NULL)
		return;
	json_key(j, c->name);
	json_str(j, s);
}

/* Content lies in blob/ by its hash. */
static void
write_blob(const struct fact_blob *b)
{
	char name[128];
	int fd;

	(void)snprintf(name, sizeof(name), "blob/%.*s", STR_ARG(b->sha256));
	fd = open_in_dir(name, O_WRONLY | O_CREAT | O_TRUNC);
	if (fd_write_all(fd, b->bytes.p, b->bytes.n, NULL) != 0)
		die("%s cannot be written", name);
	closep(&fd);
}

/* What scribe would get, one JSON object on each line. */
static void __attribute__((noreturn)) write_facts(int fd)
{
	int out = open_in_dir("facts.jsonl", O_WRONLY | O_CREAT | O_TRUNC);
	struct channel ch;
	struct message m;
	struct error err = ERROR_INIT;
	enum fact_kind kind;
	union fact f;
	struct buf b;
	struct json j;
	int rc;

	channel_init(&ch, fd);
	buf_init(&b, MIB);
	while ((rc = channel_recv(&ch, &m, &err)) == 1) {
		if (fact_receive(&m, &kind, &f, &err) != 0)
			die("bad fact: %s", err.msg);
		if (kind == FACT_BLOB) {
			write_blob((const struct fact_blob *)&f);
			continue;
		}
		buf_reset(&b);
		json_init(&j, &b, 0);
		json_object_begin(&j);
		json_key(&j, "table");
		json_strz(&j, fact_table(kind)->name);
		for (const struct fact_column *c = fact_table(kind)->columns;
		     c->name != NULL; c++)
			put_member(&j, c, &f);
		json_object_end(&j);
		buf_putc(&b, '\n');
		(void)fd_write_all(out, b.p, b.n, NULL);
	}
	if (rc != 0)
		die("facts: %s", err.msg);
	exit(0);
}

/* "@a/b" as a file name. */
static void
file_of(struct str name, struct str version, char *ret, size_t size)
{
	size_t n = (size_t)snprintf(ret, size, "relay/");

	for (size_t i = 0; i < name.n && n + 4 < size; i++)
		n += (size_t)snprintf(ret + n, size - n,
		    name.p[i] == '/' ? "%%2f" : "%c", name.p[i]);
	if (version.p != NULL)
		(void)snprintf(ret + n, size - n, "-%.*s.tgz",
		    STR_ARG(version));
	else
		(void)snprintf(ret + n, size - n, ".json");
}

/* What fetch would do. */
static void __attribute__((noreturn)) serve_relay(int fd)
{
	struct channel ch;
	struct message m;
	char file[1024];
	int log = open_in_dir("relay.log", O_WRONLY | O_CREAT | O_TRUNC);

	channel_init(&ch, fd);
	while (channel_recv(&ch, &m, NULL) == 1) {
		int64_t request = message_get_int(&m);
		struct str name = message_get_str(&m);
		struct str version =
		    m.type == RELAY_ARCHIVE ? message_get_str(&m) : STR_NONE;
		int body;

		file_of(name, version, file, sizeof(file));
		if (message_end(&m, NULL) != 0)
			die("bad relay message");
		(void)dprintf(log, "%s\n", file);
		body = open_in_dir(file, O_RDONLY);
		message_begin(&ch, RELAY_ANSWER);
		message_put_int(&ch, request);
		message_put_int(&ch, body >= 0 ? 200 : 404);
		message_put_str(&ch,
		    body >= 0 ? STR_LIT("application/json") : STR_NONE);
		message_put_str(&ch, STR_NONE);
		message_put_str(&ch,
		    body >= 0 ? STR_NONE : STR_LIT("not allowed"));
		if (body >= 0)
			message_put_fd(&ch, body);
		(void)message_send(&ch, NULL);
		(void)channel_flush(&ch, NULL);
		closep(&body);
	}
	exit(0);
}

/* A process of its own for one end; the other end is returned. */
static int
start_double(void (*run)(int fd), pid_t *ret)
{
	struct error err = ERROR_INIT;
	int pair[2];

	if (fd_socketpair(pair, &err) != 0)
		die("%s", err.msg);
	*ret = fork();
	if (*ret == 0) {
		(void)close(pair[0]);
		run(pair[1]);
	}
	(void)close(pair[1]);
	return pair[0];
}

static void
tool(const char *const *argv)
{
	struct error err = ERROR_INIT;

	if (spawn_run(argv, &err) != 0)
		die("%s", err.msg);
}

/* Joins the sandbox's namespace; gives the sink's. */
static int
make_namespaces(void)
{
	char holder_text[32], path[64];
	pid_t holder;
	int ready[2], fd;
	char c;

	if (pipe(ready) != 0)
		die("pipe");
	holder = fork();
	if (holder == 0) {
		if (unshare(CLONE_NEWNET) != 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1 || unshare(CLONE_NEWNET) != 0)
		die("no network namespaces here");
	(void)snprintf(holder_text, sizeof(holder_text), "%d", (int)holder);
	tool((const char *[]){ "ip", "link", "add", "eth0", "type", "veth",
	    "peer", "name", "sink0", "netns", holder_text, NULL });
	tool((const char *[]){ "ip", "link", "set", "lo", "up", NULL });
	tool((const char *[]){ "ip", "addr", "add", "10.0.2.15/24", "dev",
	    "eth0", NULL });
	tool((const char *[]){ "ip", "addr", "add", "fd00:2::15/64", "dev",
	    "eth0", "nodad", NULL });
	tool((const char *[]){ "ip", "link", "set", "eth0", "up", NULL });
#define IN_SINK "nsenter", "-t", holder_text, "-n"
	tool(
	    (const char *[]){ IN_SINK, "ip", "link", "set", "lo", "up", NULL });
	tool((const char *[]){ IN_SINK, "ip", "addr", "add", "10.0.2.2/24",
	    "dev", "sink0", NULL });
	tool((const char *[]){ IN_SINK, "ip", "addr", "add", "fd00:2::2/64",
	    "dev", "sink0", "nodad", NULL });
	tool((const char *[]){ IN_SINK, "ip", "link", "set", "sink0", "up",
	    NULL });
	tool((const char *[]){ "ip", "route", "add", "default", "via",
	    "10.0.2.2", NULL });
	tool((const char *[]){ "ip", "-6", "route", "add", "default", "via",
	    "fd00:2::2", NULL });
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)holder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)kill(holder, SIGKILL);
	(void)waitpid(holder, NULL, 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return fd;
}

static int
run_command(char **argv)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void
end_double(pid_t pid, const char *name)
{
	int status = 0;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("the double of %s failed", name);
}

int
main(int argc, char **argv)
{
	struct sink_config c = SINK_CONFIG_INIT;
	struct sink *s = NULL;
	struct error err = ERROR_INIT;
	pid_t facts_pid, relay_pid;
	int facts, relay, rc;
	int64_t events = 0, dropped = 0;
	char mark[4096];

	if (argc < 4)
		die("usage: sink-harness DIR refuse|decoy COMMAND...");
	if (geteuid() != 0)
		return 77;
	dir = argv[1];
	(void)signal(SIGPIPE, SIG_IGN);
	facts = start_double(write_facts, &facts_pid);
	relay = start_double(serve_relay, &relay_pid);
	(void)snprintf(mark, sizeof(mark), "%s/mark", dir);
	c.sandbox = 7;
	c.seed = 20;
	c.interface = STR_LIT("sink0");
	c.registries = STR_LIT("https://registry.test/\n");
	c.prebuilt = strcmp(argv[2], "decoy") == 0 ? SINK_PREBUILT_DECOY :
						     SINK_PREBUILT_REFUSE;
	c.decoy_mark = str_of(mark);
	c.cloud_key_id = STR_LIT("ASIACANARYCANARY0001");
	c.netns_fd = make_namespaces();
	c.ca_certificate_fd = open_in_dir("ca.pem", O_RDONLY);
	c.ca_key_fd = open_in_dir("key.pem", O_RDONLY);
	c.pcap_fd = open_in_dir("sink.pcap", O_RDWR | O_CREAT | O_TRUNC);
	c.keylog_fd = open_in_dir("keys.log", O_RDWR | O_CREAT | O_TRUNC);
	if (sink_start(&c, facts, relay, &s, &err) != 0)
		die("%s", err.msg);
	(void)close(facts);
	(void)close(relay);
	if (sink_phase_begin(s, 3, clock_ns(), &err) != 0)
		die("%s", err.msg);
	rc = run_command(argv + 3);
	if (sink_phase_end(s, 3, &events, &dropped, &err) != 0 ||
	    sink_stop(s, &err) != 0)
		die("%s", err.msg);
	end_double(facts_pid, "scribe");
	end_double(relay_pid, "fetch");
	(void)printf("%lld events, %lld dropped\n", (long long)events,
	    (long long)dropped);
	return rc;
}
