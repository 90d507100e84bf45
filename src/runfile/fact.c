/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables behind fact messages. Runs in every producer and in scribe.
 * A column row stands in the order of the struct and of schema.sql.
 */
#include "runfile/fact.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/message.h"

const char *const fact_triggers[] = { "install", "build", "start", "import",
	"call", "run", "child", "browser", NULL };
const char *const fact_personas[] = { "laptop", "ci", NULL };
const char *const fact_phase_statuses[] = { "completed", "failed", "timeout",
	"limit", "skipped", NULL };
const char *const fact_roles[] = { "manager", "hook", "package", "tool", NULL };
const char *const fact_severities[] = { "proof", "high", "medium", "note",
	NULL };
const char *const fact_classes[] = { "credential-theft", "dropper", "backdoor",
	"beacon", "miner", "destructive", "worm", "clipper", "protestware",
	"telemetry", "spam", NULL };
const char *const fact_labels[] = { "malicious", "suspicious", "incomplete",
	"clean", NULL };
const char *const fact_views[] = { "ebpf", "notify", "ptrace", "fanotify",
	"upper", "sink", NULL };
const char *const fact_file_ops[] = { "open", "create", "read", "write",
	"rename", "link", "symlink", "unlink", "mkdir", "rmdir", "chmod",
	"chown", "truncate", "mknod", "mmap-exec", "memfd", NULL };
const char *const fact_socket_ops[] = { "socket", "bind", "listen", "accept",
	"connect", "send", "receive", NULL };
const char *const fact_descriptor_ops[] = { "pipe", "socketpair", "dup", "pass",
	NULL };
const char *const fact_process_ops[] = { "ptrace", "vm-read", "vm-write",
	"mem-open", "environ-open", "kill", "take-fd", "compare", "advise",
	NULL };
const char *const fact_kinds_of_descriptor[] = { "inet", "unix", "netlink",
	"socket", "pipe", "file", "tty", "memfd", "other", "none", NULL };

static const char *const origins[] = { "registry", "local", "command", NULL };
static const char *const run_statuses[] = { "completed", "failed",
	"interrupted", NULL };
static const char *const seen_ops[] = { "create", "write", "move-from",
	"move-to", "delete", "exec", NULL };
static const char *const changes[] = { "created", "modified", "deleted",
	"executed", NULL };
static const char *const file_types[] = { "file", "directory", "symlink",
	"hardlink", "fifo", "socket", "char-device", "block-device", "elf",
	"script", "javascript", "json", "text", "archive", "pe", "mach-o",
	"wasm", "image", "binary", "other", NULL };
static const char *const protocols[] = { "tcp", "udp", "icmp", "other", NULL };
static const char *const applications[] = { "http", "tls", "https", "dns",
	"registry", "unknown", NULL };
static const char *const answers[] = { "relay", "registry", "service",
	"generic", "decoy", "prebuilt-refused", "error", NULL };
static const char *const strengths[] = { "secret", "identity", NULL };
static const char *const places[] = { "dns", "url", "header", "payload", "argv",
	"file", NULL };
static const char *const dependency_kinds[] = { "prod", "dev", "optional",
	"peer", "bundled", NULL };

#define AT(t, m) offsetof(struct fact_##t, m)
#define INT(t, m, req) \
	{ \
#m, FACT_INT, AT(t, m), 0, NULL, req \
	}
#define REALNUM(t, m, req) \
	{ \
#m, FACT_REAL, AT(t, m), 0, NULL, req \
	}
#define BYTES(t, m, max, req) \
	{ \
#m, FACT_BYTES, AT(t, m), max, NULL, req \
	}
#define TEXT(t, m, max, req) \
	{ \
#m, FACT_TEXT, AT(t, m), max, NULL, req \
	}
#define WORD(t, m, words, req) \
	{ \
#m, FACT_WORD, AT(t, m), 32, words, req \
	}
#define SHA256(t, m, req) \
	{ \
#m, FACT_SHA256, AT(t, m), 64, NULL, req \
	}
#define PACKAGE(t, m) \
	{ \
#m, FACT_PACKAGE, AT(t, m), LIMIT_PATH_BYTES, NULL, 0 \
	}

static const struct fact_column run_columns[] = {
	TEXT(run, purl, LIMIT_TEXT_BYTES, 0),
	TEXT(run, ecosystem, LIMIT_TEXT_BYTES, 0),
	BYTES(run, name, LIMIT_TEXT_BYTES, 0),
	BYTES(run, version, LIMIT_TEXT_BYTES, 0),
	WORD(run, origin, origins, 0),
	SHA256(run, artifact_sha256, 0),
	INT(run, artifact_size, 0),
	TEXT(run, tool_version, LIMIT_TEXT_BYTES, 1),
	TEXT(run, image, LIMIT_TEXT_BYTES, 0),
	TEXT(run, isolation, LIMIT_TEXT_BYTES, 0),
	TEXT(run, recorder, LIMIT_TEXT_BYTES, 0),
	TEXT(run, host, LIMIT_URL_BYTES, 0),
	INT(run, started_at, 0),
	INT(run, ended_at, 0),
	WORD(run, status, run_statuses, 0),
	TEXT(run, reason, LIMIT_TEXT_BYTES, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column phase_columns[] = {
	INT(phase, id, 0),
	WORD(phase, trigger, fact_triggers, 1),
	WORD(phase, persona, fact_personas, 0),
	TEXT(phase, platform, LIMIT_TEXT_BYTES, 0),
	INT(phase, clock_offset, 0),
	TEXT(phase, geography, LIMIT_TEXT_BYTES, 0),
	BYTES(phase, subject, LIMIT_TEXT_BYTES, 0),
	INT(phase, baseline, 0),
	INT(phase, started_at, 0),
	INT(phase, wall_ns, 0),
	INT(phase, cpu_ns, 0),
	INT(phase, memory_peak, 0),
	INT(phase, exit_status, 0),
	INT(phase, exit_signal, 0),
	WORD(phase, status, fact_phase_statuses, 0),
	TEXT(phase, reason, LIMIT_TEXT_BYTES, 0),
	SHA256(phase, stdout_sha256, 0),
	SHA256(phase, stderr_sha256, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column phase_view_columns[] = {
	INT(phase_view, phase, 1),
	WORD(phase_view, view, fact_views, 1),
	INT(phase_view, available, 1),
	INT(phase_view, events, 0),
	INT(phase_view, dropped, 0),
	TEXT(phase_view, reason, LIMIT_TEXT_BYTES, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column process_columns[] = {
	INT(process, id, 0),
	INT(process, phase, 1),
	INT(process, parent, 0),
	INT(process, pid, 0),
	BYTES(process, exe, LIMIT_PATH_BYTES, 0),
	SHA256(process, exe_sha256, 0),
	BYTES(process, argv, LIMIT_ARGV_BYTES, 0),
	BYTES(process, cwd, LIMIT_PATH_BYTES, 0),
	WORD(process, role, fact_roles, 0),
	PACKAGE(process, package),
	INT(process, started_at, 0),
	INT(process, ended_at, 0),
	INT(process, exit_status, 0),
	INT(process, exit_signal, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column exec_event_columns[] = {
	INT(exec_event, phase, 1),
	INT(exec_event, process, 1),
	PACKAGE(exec_event, package),
	INT(exec_event, at, 1),
	BYTES(exec_event, path, LIMIT_PATH_BYTES, 0),
	BYTES(exec_event, interpreter, LIMIT_PATH_BYTES, 0),
	BYTES(exec_event, script, LIMIT_PATH_BYTES, 0),
	BYTES(exec_event, argv, LIMIT_ARGV_BYTES, 0),
	BYTES(exec_event, env, LIMIT_ENV_BYTES, 0),
	BYTES(exec_event, cwd, LIMIT_PATH_BYTES, 0),
	INT(exec_event, result, 0),
	WORD(exec_event, stdin_kind, fact_kinds_of_descriptor, 0),
	INT(exec_event, stdin_object, 0),
	WORD(exec_event, stdout_kind, fact_kinds_of_descriptor, 0),
	INT(exec_event, stdout_object, 0),
	WORD(exec_event, stderr_kind, fact_kinds_of_descriptor, 0),
	INT(exec_event, stderr_object, 0),
	SHA256(exec_event, sha256, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column file_event_columns[] = {
	INT(file_event, phase, 1),
	INT(file_event, process, 0),
	PACKAGE(file_event, package),
	INT(file_event, at, 1),
	WORD(file_event, op, fact_file_ops, 1),
	BYTES(file_event, path, LIMIT_PATH_BYTES, 0),
	BYTES(file_event, path2, LIMIT_PATH_BYTES, 0),
	INT(file_event, flags, 0),
	INT(file_event, mode, 0),
	INT(file_event, result, 0),
	INT(file_event, bytes, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column written_file_columns[] = {
	INT(written_file, phase, 0),
	BYTES(written_file, path, LIMIT_PATH_BYTES, 1),
	WORD(written_file, change, changes, 1),
	WORD(written_file, type, file_types, 0),
	INT(written_file, mode, 0),
	INT(written_file, size, 0),
	SHA256(written_file, sha256, 0),
	BYTES(written_file, target, LIMIT_PATH_BYTES, 0),
	INT(written_file, kept, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column file_seen_columns[] = {
	INT(file_seen, phase, 1),
	WORD(file_seen, op, seen_ops, 1),
	BYTES(file_seen, path, LIMIT_PATH_BYTES, 1),
	INT(file_seen, times, 1),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column socket_event_columns[] = {
	INT(socket_event, phase, 1),
	INT(socket_event, process, 0),
	PACKAGE(socket_event, package),
	INT(socket_event, at, 1),
	WORD(socket_event, op, fact_socket_ops, 1),
	INT(socket_event, family, 0),
	INT(socket_event, type, 0),
	INT(socket_event, protocol, 0),
	INT(socket_event, fd, 0),
	INT(socket_event, object, 0),
	BYTES(socket_event, local_address, LIMIT_TEXT_BYTES, 0),
	INT(socket_event, local_port, 0),
	BYTES(socket_event, address, LIMIT_TEXT_BYTES, 0),
	INT(socket_event, port, 0),
	INT(socket_event, bytes, 0),
	INT(socket_event, result, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column descriptor_event_columns[] = {
	INT(descriptor_event, phase, 1),
	INT(descriptor_event, process, 0),
	PACKAGE(descriptor_event, package),
	INT(descriptor_event, at, 1),
	WORD(descriptor_event, op, fact_descriptor_ops, 1),
	INT(descriptor_event, fd, 0),
	INT(descriptor_event, fd2, 0),
	WORD(descriptor_event, kind, fact_kinds_of_descriptor, 0),
	INT(descriptor_event, object, 0),
	INT(descriptor_event, object2, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column process_event_columns[] = {
	INT(process_event, phase, 1),
	INT(process_event, process, 0),
	PACKAGE(process_event, package),
	INT(process_event, at, 1),
	WORD(process_event, op, fact_process_ops, 1),
	INT(process_event, target, 0),
	INT(process_event, target_pid, 0),
	INT(process_event, argument, 0),
	INT(process_event, result, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column refused_columns[] = {
	INT(refused, phase, 1),
	INT(refused, process, 0),
	PACKAGE(refused, package),
	INT(refused, at, 1),
	TEXT(refused, call, LIMIT_TEXT_BYTES, 1),
	BYTES(refused, arguments, LIMIT_TEXT_BYTES, 0),
	INT(refused, result, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column connection_columns[] = {
	INT(connection, id, 0),
	INT(connection, phase, 1),
	INT(connection, process, 0),
	PACKAGE(connection, package),
	INT(connection, at, 1),
	INT(connection, ended_at, 0),
	WORD(connection, protocol, protocols, 1),
	BYTES(connection, local_address, LIMIT_TEXT_BYTES, 0),
	INT(connection, local_port, 0),
	BYTES(connection, address, LIMIT_TEXT_BYTES, 0),
	INT(connection, port, 0),
	BYTES(connection, name, LIMIT_TEXT_BYTES, 0),
	INT(connection, bytes_out, 0),
	INT(connection, bytes_in, 0),
	WORD(connection, application, applications, 0),
	BYTES(connection, tls_name, LIMIT_TEXT_BYTES, 0),
	BYTES(connection, tls_alpn, LIMIT_TEXT_BYTES, 0),
	TEXT(connection, tls_error, LIMIT_TEXT_BYTES, 0),
	INT(connection, shell_probe, 0),
	INT(connection, shell_answer, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column dns_query_columns[] = {
	INT(dns_query, phase, 1),
	INT(dns_query, process, 0),
	PACKAGE(dns_query, package),
	INT(dns_query, connection, 0),
	INT(dns_query, at, 1),
	BYTES(dns_query, name, LIMIT_TEXT_BYTES, 1),
	TEXT(dns_query, type, LIMIT_TEXT_BYTES, 0),
	WORD(dns_query, transport, protocols, 0),
	BYTES(dns_query, resolver, LIMIT_TEXT_BYTES, 0),
	BYTES(dns_query, answer, LIMIT_TEXT_BYTES, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column http_exchange_columns[] = {
	INT(http_exchange, id, 0),
	INT(http_exchange, phase, 1),
	INT(http_exchange, process, 0),
	PACKAGE(http_exchange, package),
	INT(http_exchange, connection, 0),
	INT(http_exchange, at, 1),
	BYTES(http_exchange, method, LIMIT_TEXT_BYTES, 0),
	BYTES(http_exchange, url, LIMIT_URL_BYTES, 0),
	BYTES(http_exchange, host, LIMIT_URL_BYTES, 0),
	BYTES(http_exchange, request_headers, LIMIT_URL_BYTES, 0),
	SHA256(http_exchange, request_sha256, 0),
	INT(http_exchange, request_bytes, 0),
	INT(http_exchange, status, 0),
	WORD(http_exchange, answer, answers, 0),
	SHA256(http_exchange, response_sha256, 0),
	INT(http_exchange, response_bytes, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column payload_columns[] = {
	INT(payload, phase, 1),
	INT(payload, process, 0),
	PACKAGE(payload, package),
	INT(payload, connection, 0),
	INT(payload, exchange, 0),
	INT(payload, at, 1),
	SHA256(payload, sha256, 1),
	INT(payload, size, 1),
	INT(payload, kept, 1),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column canary_columns[] = {
	INT(canary, id, 0),
	WORD(canary, persona, fact_personas, 0),
	TEXT(canary, kind, LIMIT_TEXT_BYTES, 1),
	BYTES(canary, name, LIMIT_TEXT_BYTES, 0),
	WORD(canary, strength, strengths, 1),
	BYTES(canary, value, LIMIT_URL_BYTES, 1),
	BYTES(canary, path, LIMIT_PATH_BYTES, 0),
	BYTES(canary, variable, LIMIT_TEXT_BYTES, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column canary_hit_columns[] = {
	INT(canary_hit, canary, 1),
	INT(canary_hit, phase, 0),
	INT(canary_hit, process, 0),
	PACKAGE(canary_hit, package),
	INT(canary_hit, at, 0),
	WORD(canary_hit, place, places, 1),
	TEXT(canary_hit, encoding, LIMIT_TEXT_BYTES, 1),
	INT(canary_hit, split, 1),
	TEXT(canary_hit, evidence_table, LIMIT_TEXT_BYTES, 1),
	INT(canary_hit, evidence_row, 1),
	INT(canary_hit, offset, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column artifact_file_columns[] = {
	BYTES(artifact_file, path, LIMIT_PATH_BYTES, 1),
	TEXT(artifact_file, type, LIMIT_TEXT_BYTES, 0),
	INT(artifact_file, mode, 0),
	INT(artifact_file, size, 0),
	SHA256(artifact_file, sha256, 0),
	BYTES(artifact_file, target, LIMIT_PATH_BYTES, 0),
	REALNUM(artifact_file, entropy, 0),
	INT(artifact_file, lines, 0),
	INT(artifact_file, longest_line, 0),
	TEXT(artifact_file, anomaly, LIMIT_TEXT_BYTES, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column static_fact_columns[] = {
	TEXT(static_fact, kind, LIMIT_TEXT_BYTES, 1),
	BYTES(static_fact, value, LIMIT_URL_BYTES, 0),
	BYTES(static_fact, path, LIMIT_PATH_BYTES, 0),
	INT(static_fact, line, 0),
	INT(static_fact, col, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column dependency_columns[] = {
	BYTES(dependency, name, LIMIT_TEXT_BYTES, 1),
	BYTES(dependency, declared, LIMIT_TEXT_BYTES, 0),
	BYTES(dependency, version, LIMIT_TEXT_BYTES, 0),
	WORD(dependency, kind, dependency_kinds, 0),
	BYTES(dependency, source, LIMIT_TEXT_BYTES, 0),
	BYTES(dependency, path, LIMIT_PATH_BYTES, 0),
	BYTES(dependency, required_by, LIMIT_TEXT_BYTES, 0),
	INT(dependency, has_script, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column metadata_columns[] = {
	TEXT(metadata, key, LIMIT_TEXT_BYTES, 1),
	BYTES(metadata, value, LIMIT_URL_BYTES, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column baseline_columns[] = {
	WORD(baseline, trigger, fact_triggers, 1),
	WORD(baseline, role, fact_roles, 0),
	TEXT(baseline, kind, LIMIT_TEXT_BYTES, 1),
	BYTES(baseline, value, LIMIT_URL_BYTES, 1),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column feature_columns[] = {
	PACKAGE(feature, package),
	TEXT(feature, kind, LIMIT_TEXT_BYTES, 1),
	BYTES(feature, value, LIMIT_URL_BYTES, 1),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column not_exercised_columns[] = {
	WORD(not_exercised, trigger, fact_triggers, 1),
	BYTES(not_exercised, subject, LIMIT_TEXT_BYTES, 0),
	TEXT(not_exercised, reason, LIMIT_TEXT_BYTES, 1),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column finding_columns[] = {
	INT(finding, id, 0),
	TEXT(finding, rule, LIMIT_TEXT_BYTES, 1),
	TEXT(finding, title, LIMIT_TEXT_BYTES, 0),
	WORD(finding, severity, fact_severities, 1),
	WORD(finding, class, fact_classes, 0),
	INT(finding, phase, 0),
	INT(finding, process, 0),
	PACKAGE(finding, package),
	BYTES(finding, summary, LIMIT_TEXT_BYTES, 1),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column evidence_columns[] = {
	INT(evidence, finding, 1),
	TEXT(evidence, evidence_table, LIMIT_TEXT_BYTES, 1),
	INT(evidence, evidence_row, 1),
	INT(evidence, phase, 0),
	INT(evidence, process, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column verdict_columns[] = {
	WORD(verdict, label, fact_labels, 1),
	WORD(verdict, class, fact_classes, 0),
	INT(verdict, score, 0),
	TEXT(verdict, culprit, LIMIT_TEXT_BYTES, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column reason_columns[] = {
	BYTES(reason, text, LIMIT_TEXT_BYTES, 1),
	INT(reason, finding, 0),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

static const struct fact_column blob_columns[] = {
	SHA256(blob, sha256, 0),
	BYTES(blob, bytes, LIMIT_BLOB_BYTES, 1),
	{ NULL, FACT_INT, 0, 0, NULL, 0 },
};

#define TABLE(t) \
	{ \
#t, sizeof(struct fact_##t), t##_columns \
	}

static const struct fact_table tables[] = {
	[FACT_RUN] = TABLE(run),
	[FACT_PHASE] = TABLE(phase),
	[FACT_PHASE_VIEW] = TABLE(phase_view),
	[FACT_PROCESS] = TABLE(process),
	[FACT_EXEC_EVENT] = TABLE(exec_event),
	[FACT_FILE_EVENT] = TABLE(file_event),
	[FACT_WRITTEN_FILE] = TABLE(written_file),
	[FACT_FILE_SEEN] = TABLE(file_seen),
	[FACT_SOCKET_EVENT] = TABLE(socket_event),
	[FACT_DESCRIPTOR_EVENT] = TABLE(descriptor_event),
	[FACT_PROCESS_EVENT] = TABLE(process_event),
	[FACT_REFUSED] = TABLE(refused),
	[FACT_CONNECTION] = TABLE(connection),
	[FACT_DNS_QUERY] = TABLE(dns_query),
	[FACT_HTTP_EXCHANGE] = TABLE(http_exchange),
	[FACT_PAYLOAD] = TABLE(payload),
	[FACT_CANARY] = TABLE(canary),
	[FACT_CANARY_HIT] = TABLE(canary_hit),
	[FACT_ARTIFACT_FILE] = TABLE(artifact_file),
	[FACT_STATIC_FACT] = TABLE(static_fact),
	[FACT_DEPENDENCY] = TABLE(dependency),
	[FACT_METADATA] = TABLE(metadata),
	[FACT_BASELINE] = TABLE(baseline),
	[FACT_FEATURE] = TABLE(feature),
	[FACT_NOT_EXERCISED] = TABLE(not_exercised),
	[FACT_FINDING] = TABLE(finding),
	[FACT_EVIDENCE] = TABLE(evidence),
	[FACT_VERDICT] = TABLE(verdict),
	[FACT_REASON] = TABLE(reason),
	[FACT_BLOB] = TABLE(blob),
};
static_assert(N_ELEMENTS(tables) == FACT__MAX, "a row per kind");
const struct fact_table *
fact_table(enum fact_kind kind)
{
	assert(kind < FACT__MAX);
	return &tables[kind];
}

static bool
is_number(const struct fact_column *c)
{
	return c->type == FACT_INT || c->type == FACT_REAL;
}

static int64_t *
member_int(const struct fact_column *c, void *fact)
{
	return (int64_t *)(void *)((char *)fact + c->offset);
}

static struct str *
member_str(const struct fact_column *c, void *fact)
{
	return (struct str *)(void *)((char *)fact + c->offset);
}

void
fact_init(enum fact_kind kind, void *fact)
{
	const struct fact_column *c;

	for (c = fact_table(kind)->columns; c->name != NULL; c++)
		if (is_number(c))
			*member_int(c, fact) = FACT_NONE;
		else
			*member_str(c, fact) = STR_NONE;
}

/* Cut at the maximum, and for text not inside a character. */
static struct str
cut(const struct fact_column *c, struct str s)
{
	if (s.n <= c->max_bytes)
		return s;
	s.n = c->max_bytes;
	if (c->type != FACT_TEXT)
		return s;
	while (s.n != 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

int
fact_send(struct channel *ch, enum fact_kind kind, const void *fact,
    struct error *err)
{
	const struct fact_column *c;
	void *f = (void *)(uintptr_t)fact;

	message_begin(ch, (uint16_t)(FACT_MESSAGE + kind));
	for (c = fact_table(kind)->columns; c->name != NULL; c++)
		if (is_number(c))
			message_put_int(ch, *member_int(c, f));
		else
			message_put_str(ch, cut(c, *member_str(c, f)));
	return message_send(ch, err);
}

static bool
is_word(const struct fact_column *c, struct str s)
{
	for (const char *const *w = c->words; *w != NULL; w++)
		if (str_is(s, *w))
			return true;
	return false;
}

static bool
is_sha256(struct str s)
{
	if (s.n != 64)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("0123456789abcdef", s.p[i]) == NULL ||
		    s.p[i] == '\0')
			return false;
	return true;
}

/* NULL when s fits its column, otherwise what it should have been. */
static const char *
complaint(const struct fact_column *c, struct str s)
{
	if (s.p == NULL)
		return c->required ? "must be there" : NULL;
	if (s.n > c->max_bytes)
		return "is too long";
	if (c->type == FACT_WORD && !is_word(c, s))
		return "is not in the vocabulary";
	if (c->type == FACT_SHA256 && !is_sha256(s))
		return "is no SHA-256";
	if (c->type == FACT_TEXT && !str_is_utf8(s))
		return "is not UTF-8";
	return NULL;
}

int
fact_receive(struct message *m, enum fact_kind *ret_kind, union fact *ret,
    struct error *err)
{
	const struct fact_table *t;
	const struct fact_column *c;
	enum fact_kind kind;
	union fact f = { 0 };
	const char *what;

	if (m->type < FACT_MESSAGE || m->type >= FACT_MESSAGE + FACT__MAX)
		return error_set(err, -EPROTO, "fact of type %u", m->type);
	kind = (enum fact_kind)(m->type - FACT_MESSAGE);
	t = fact_table(kind);
	for (c = t->columns; c->name != NULL; c++) {
		if (is_number(c)) {
			*member_int(c, &f) = message_get_int(m);
			what = c->required && *member_int(c, &f) == FACT_NONE ?
			    "must be there" :
			    NULL;
		} else {
			*member_str(c, &f) = message_get_str(m);
			what = complaint(c, *member_str(c, &f));
		}
		if (what != NULL && !m->bad)
			return error_set(err, -EPROTO, "fact %s: %s %s",
			    t->name, c->name, what);
	}
	if (message_end(m, err) != 0)
		return error_wrap(err, "fact %s", t->name);
	*ret_kind = kind;
	*ret = f;
	return 0;
}
