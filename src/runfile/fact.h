/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts: what producers (record, sink, unpack, judge, the supervisor) tell
 * scribe, one message per row. A fact is a struct and a table of its columns;
 * encoding, decoding, validation and insertion all read that table (fact.c).
 * The SQL side is schema.sql; a unit test compares the two.
 *
 * Integers: FACT_NONE is NULL. Strings: p == NULL is NULL; borrowed.
 * `package` members are the install folder of the package ("" project,
 * "node_modules/a/node_modules/b"); scribe turns them into package.id.
 * Rows whose id is FACT_NONE get one; a second fact with the same table and id
 * fills members that are NULL or replaces them, and never clears one.
 */
#ifndef RUNFILE_FACT_H
#define RUNFILE_FACT_H

#include <stdint.h>

#include "base/str.h"

struct channel;
struct error;
struct message;

#define FACT_NONE INT64_MIN

/* Message types on a facts channel are FACT_MESSAGE + enum fact_kind. */
#define FACT_MESSAGE 256

enum fact_kind {
	FACT_RUN,
	FACT_PHASE,
	FACT_PHASE_VIEW,
	FACT_PROCESS,
	FACT_EXEC_EVENT,
	FACT_FILE_EVENT,
	FACT_WRITTEN_FILE,
	FACT_FILE_SEEN,
	FACT_SOCKET_EVENT,
	FACT_DESCRIPTOR_EVENT,
	FACT_PROCESS_EVENT,
	FACT_REFUSED,
	FACT_CONNECTION,
	FACT_DNS_QUERY,
	FACT_HTTP_EXCHANGE,
	FACT_PAYLOAD,
	FACT_CANARY,
	FACT_CANARY_HIT,
	FACT_ARTIFACT_FILE,
	FACT_STATIC_FACT,
	FACT_DEPENDENCY,
	FACT_METADATA,
	FACT_BASELINE,
	FACT_FEATURE,
	FACT_NOT_EXERCISED,
	FACT_FINDING,
	FACT_EVIDENCE,
	FACT_VERDICT,
	FACT_REASON,
	FACT_BLOB,
	FACT__MAX
};

enum fact_type {
	FACT_INT,
	FACT_REAL, /* thousandths in the struct, REAL in SQL */
	FACT_WORD, /* one of column.words */
	FACT_TEXT, /* UTF-8; other bytes are refused */
	FACT_BYTES, /* BLOB */
	FACT_SHA256, /* 64 lower case hex digits */
	FACT_PACKAGE, /* install folder, see above */
	FACT_TYPE__MAX
};

struct fact_column {
	const char *name;
	enum fact_type type;
	size_t offset; /* in the struct */
	size_t max_bytes; /* of strings */
	const char *const *words; /* NULL-terminated; FACT_WORD only */
	int required;
};

struct fact_table {
	const char *name; /* of the SQL table */
	size_t size; /* of the struct */
	const struct fact_column *columns; /* NULL name ends */
};

/* Members in the order of schema.sql; int64_t or struct str each. */
struct fact_run {
	struct str purl, ecosystem, name, version, origin, artifact_sha256;
	int64_t artifact_size;
	struct str tool_version, image, isolation, recorder, host;
	int64_t started_at, ended_at;
	struct str status, reason;
};

struct fact_phase {
	int64_t id;
	struct str trigger, persona, platform;
	int64_t clock_offset;
	struct str geography, subject;
	int64_t baseline, started_at, wall_ns, cpu_ns, memory_peak;
	int64_t exit_status, exit_signal;
	struct str status, reason, stdout_sha256, stderr_sha256;
};

struct fact_phase_view {
	int64_t phase;
	struct str view;
	int64_t available, events, dropped;
	struct str reason;
};

struct fact_process {
	int64_t id, phase, parent, pid;
	struct str exe, exe_sha256, argv, cwd, role, package;
	int64_t started_at, ended_at, exit_status, exit_signal;
};

struct fact_exec_event {
	int64_t phase, process;
	struct str package;
	int64_t at;
	struct str path, interpreter, script, argv, env, cwd;
	int64_t result;
	struct str stdin_kind;
	int64_t stdin_object;
	struct str stdout_kind;
	int64_t stdout_object;
	struct str stderr_kind;
	int64_t stderr_object;
	struct str sha256;
};

struct fact_file_event {
	int64_t phase, process;
	struct str package;
	int64_t at;
	struct str op, path, path2;
	int64_t flags, mode, result, bytes;
};

struct fact_written_file {
	int64_t phase;
	struct str path, change, type;
	int64_t mode, size;
	struct str sha256, target;
	int64_t kept;
};

struct fact_file_seen {
	int64_t phase;
	struct str op, path;
	int64_t times;
};

struct fact_socket_event {
	int64_t phase, process;
	struct str package;
	int64_t at;
	struct str op;
	int64_t family, type, protocol, fd, object;
	struct str local_address;
	int64_t local_port;
	struct str address;
	int64_t port, bytes, result;
};

struct fact_descriptor_event {
	int64_t phase, process;
	struct str package;
	int64_t at;
	struct str op;
	int64_t fd, fd2;
	struct str kind;
	int64_t object, object2;
};

struct fact_process_event {
	int64_t phase, process;
	struct str package;
	int64_t at;
	struct str op;
	int64_t target, target_pid, argument, result;
};

struct fact_refused {
	int64_t phase, process;
	struct str package;
	int64_t at;
	struct str call, arguments;
	int64_t result;
};

struct fact_connection {
	int64_t id, phase, process;
	struct str package;
	int64_t at, ended_at;
	struct str protocol, local_address;
	int64_t local_port;
	struct str address;
	int64_t port;
	struct str name;
	int64_t bytes_out, bytes_in;
	struct str application, tls_name, tls_alpn, tls_error;
	int64_t shell_probe, shell_answer;
};

struct fact_dns_query {
	int64_t phase, process;
	struct str package;
	int64_t connection, at;
	struct str name, type, transport, resolver, answer;
};

struct fact_http_exchange {
	int64_t id, phase, process;
	struct str package;
	int64_t connection, at;
	struct str method, url, host, request_headers, request_sha256;
	int64_t request_bytes, status;
	struct str answer, response_sha256;
	int64_t response_bytes;
};

struct fact_payload {
	int64_t phase, process;
	struct str package;
	int64_t connection, exchange, at;
	struct str sha256;
	int64_t size, kept;
};

struct fact_canary {
	int64_t id;
	struct str persona, kind, name, strength, value, path, variable;
};

struct fact_canary_hit {
	int64_t canary, phase, process;
	struct str package; /* filled from the evidence row when absent */
	int64_t at;
	struct str place, encoding;
	int64_t split;
	struct str evidence_table;
	int64_t evidence_row, offset;
};

struct fact_artifact_file {
	struct str path, type;
	int64_t mode, size;
	struct str sha256, target;
	int64_t entropy; /* thousandths of a bit per byte */
	int64_t lines, longest_line;
	struct str anomaly;
};

struct fact_static_fact {
	struct str kind, value, path;
	int64_t line, col;
};

struct fact_dependency {
	struct str name, declared, version, kind, source, path, required_by;
	int64_t has_script;
};

struct fact_metadata {
	struct str key, value;
};

struct fact_baseline {
	struct str trigger, role, kind, value;
};

struct fact_feature {
	struct str package, kind, value;
};

struct fact_not_exercised {
	struct str trigger, subject, reason;
};

struct fact_finding {
	int64_t id;
	struct str rule, title, severity, class;
	int64_t phase, process;
	struct str package;
	struct str summary;
};

struct fact_evidence {
	int64_t finding;
	struct str evidence_table;
	int64_t evidence_row, phase, process;
};

struct fact_verdict {
	struct str label, class;
	int64_t score;
	struct str culprit;
};

struct fact_reason {
	struct str text;
	int64_t finding;
};

/* Content of at most LIMIT_BLOB_BYTES; scribe checks the hash, compresses and
 * keeps one copy. */
struct fact_blob {
	struct str sha256, bytes;
};

/* The table of a kind: always there for kind < FACT__MAX. */
const struct fact_table *fact_table(enum fact_kind kind);
/* All integers FACT_NONE, all strings absent. */
void fact_init(enum fact_kind kind, void *fact);
/* Queues the fact on a facts channel (see sys/message.h for flushing).
 * Strings longer than their column allows are cut, with no error: the size
 * columns say the whole. */
int fact_send(struct channel *c, enum fact_kind kind, const void *fact,
    struct error *err);
/* Decodes and validates a message into the struct of *ret_kind, which fits
 * union fact; strings borrow from the message. -EPROTO names the member. */
union fact {
	struct fact_run run;
	struct fact_phase phase;
	struct fact_process process;
	struct fact_exec_event exec_event;
	struct fact_connection connection;
	struct fact_http_exchange http_exchange;
	char bytes[512];
};
int fact_receive(struct message *m, enum fact_kind *ret_kind, union fact *ret,
    struct error *err);

/* Vocabulary (DESIGN §1), NULL-terminated. */
extern const char *const fact_triggers[];
extern const char *const fact_personas[];
extern const char *const fact_phase_statuses[];
extern const char *const fact_roles[];
extern const char *const fact_severities[]; /* strongest first */
extern const char *const fact_classes[];
extern const char *const fact_labels[]; /* worst first */
extern const char *const fact_views[]; /* ebpf, notify, ptrace,
					* fanotify, upper, sink */
extern const char *const fact_file_ops[];
extern const char *const fact_socket_ops[];
extern const char *const fact_descriptor_ops[];
extern const char *const fact_process_ops[];
extern const char *const fact_kinds_of_descriptor[];

#endif
