-- SPDX-License-Identifier: Apache-2.0
-- The run file: one analysis is one SQLite database (application_id "LAZR").
-- docs/run-file.md explains every column. Paths, arguments, names and
-- addresses are BLOBs: they need not be UTF-8; the *_v views show them as
-- text. `at` is ns since the start of the phase. SHA-256 values are 64 lower
-- case hex digits. NULL means unknown or not applicable.

PRAGMA application_id = 0x4c415a52;
PRAGMA user_version = 1;

CREATE TABLE run (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	purl TEXT,                  -- always with a version; NULL: sandbox run
	ecosystem TEXT,             -- token: npm
	name BLOB, version BLOB,
	origin TEXT,                -- registry, local, command
	artifact_sha256 TEXT, artifact_size INTEGER,
	tool_version TEXT NOT NULL,
	image TEXT,                 -- content hash of the image
	isolation TEXT,             -- ns
	recorder TEXT,              -- ebpf, notify, ptrace, off
	host TEXT,                  -- JSON object of capabilities
	started_at INTEGER,         -- ns since 1970
	ended_at INTEGER,
	status TEXT,                -- completed, failed, interrupted
	reason TEXT
);

CREATE TABLE package (              -- who a process or event acts for
	id INTEGER PRIMARY KEY,
	path BLOB NOT NULL UNIQUE,  -- install folder, "" for the project
	name BLOB, version BLOB, purl TEXT
);

CREATE TABLE phase (
	id INTEGER PRIMARY KEY,     -- in order of execution
	trigger TEXT NOT NULL,
	persona TEXT,
	platform TEXT,
	clock_offset INTEGER,       -- seconds
	geography TEXT,
	subject BLOB,               -- what was exercised: entry, dependency
	baseline INTEGER NOT NULL DEFAULT 0, -- 1: the empty package
	started_at INTEGER,         -- ns since 1970
	wall_ns INTEGER, cpu_ns INTEGER, memory_peak INTEGER,
	exit_status INTEGER, exit_signal INTEGER,
	status TEXT, reason TEXT,
	stdout_sha256 TEXT, stderr_sha256 TEXT
);

CREATE TABLE phase_view (           -- what each recorder view saw and lost
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, view TEXT NOT NULL,
	available INTEGER NOT NULL, events INTEGER, dropped INTEGER,
	reason TEXT
);

CREATE TABLE process (
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, parent INTEGER,
	pid INTEGER,                -- inside the sandbox
	exe BLOB, exe_sha256 TEXT,  -- of the last exec
	argv BLOB, cwd BLOB,        -- argv: NUL after each argument
	role TEXT,                  -- manager, hook, package, tool
	package INTEGER,
	started_at INTEGER, ended_at INTEGER,
	exit_status INTEGER, exit_signal INTEGER
);

CREATE TABLE exec_event (
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER NOT NULL, package INTEGER,
	at INTEGER NOT NULL,
	path BLOB,                  -- the file that was executed, resolved
	interpreter BLOB,           -- what runs it, when it is a script
	script BLOB,                -- script file a known interpreter was given
	argv BLOB, env BLOB, cwd BLOB,
	result INTEGER,             -- 0 or negative errno
	-- descriptors 0, 1, 2: kind (inet, unix, netlink, pipe, file, tty, none)
	-- and the number that tells objects apart (inode)
	stdin_kind TEXT, stdin_object INTEGER,
	stdout_kind TEXT, stdout_object INTEGER,
	stderr_kind TEXT, stderr_object INTEGER,
	sha256 TEXT                 -- content of path where the run wrote it
);

CREATE TABLE file_event (
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	at INTEGER NOT NULL,
	op TEXT NOT NULL,
	path BLOB, path2 BLOB,      -- path2: target of rename, link, symlink
	flags INTEGER, mode INTEGER,
	result INTEGER,             -- descriptor or 0; negative errno
	bytes INTEGER               -- read, write: sum for this process and file
);

CREATE TABLE written_file (
	id INTEGER PRIMARY KEY,
	phase INTEGER, path BLOB NOT NULL,
	change TEXT NOT NULL,       -- created, modified, deleted, executed
	type TEXT, mode INTEGER, size INTEGER,
	sha256 TEXT, target BLOB,   -- target: of a symbolic link
	kept INTEGER                -- 1: content is in blob
);

CREATE TABLE file_seen (            -- what fanotify saw, whoever did it
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL,
	op TEXT NOT NULL,           -- create, write, move-from, move-to,
	                            -- delete, exec
	path BLOB NOT NULL,
	times INTEGER NOT NULL
);

CREATE TABLE socket_event (
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	at INTEGER NOT NULL,
	op TEXT NOT NULL,
	family INTEGER, type INTEGER, protocol INTEGER, -- AF_, SOCK_, IPPROTO_
	fd INTEGER, object INTEGER, -- object: inode of the socket
	local_address BLOB, local_port INTEGER,
	address BLOB, port INTEGER, -- text form, or path of a unix socket
	bytes INTEGER, result INTEGER
);

CREATE TABLE descriptor_event (
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	at INTEGER NOT NULL,
	op TEXT NOT NULL,           -- pipe, socketpair, dup, pass
	fd INTEGER, fd2 INTEGER,
	kind TEXT,                  -- as exec_event.stdin_kind
	object INTEGER, object2 INTEGER
);

CREATE TABLE process_event (        -- reaching into other processes
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	at INTEGER NOT NULL,
	op TEXT NOT NULL,
	target INTEGER, target_pid INTEGER,
	argument INTEGER,           -- signal, ptrace request, bytes
	result INTEGER
);

CREATE TABLE refused (              -- calls that isolation refused
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	at INTEGER NOT NULL,
	call TEXT NOT NULL,         -- name of the system call
	arguments BLOB,             -- as text
	result INTEGER
);

CREATE TABLE connection (           -- as the sink saw it
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	at INTEGER NOT NULL, ended_at INTEGER,
	protocol TEXT NOT NULL,     -- tcp, udp, icmp, other
	local_address BLOB, local_port INTEGER, -- the sandbox's end
	address BLOB, port INTEGER, -- whom it wanted to reach
	name BLOB,                  -- what that address was resolved from
	bytes_out INTEGER, bytes_in INTEGER, -- out: from the package
	application TEXT,           -- http, tls, dns, registry, unknown
	tls_name BLOB, tls_alpn BLOB, tls_error TEXT,
	shell_probe INTEGER,        -- 1: silent client was sent a command
	shell_answer INTEGER        -- 1: it answered as a shell does
);

CREATE TABLE dns_query (
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	connection INTEGER, at INTEGER NOT NULL,
	name BLOB NOT NULL, type TEXT, transport TEXT,
	resolver BLOB,              -- address that was asked
	answer BLOB
);

CREATE TABLE http_exchange (
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	connection INTEGER, at INTEGER NOT NULL,
	method BLOB, url BLOB, host BLOB,
	request_headers BLOB,       -- as sent
	request_sha256 TEXT, request_bytes INTEGER,
	status INTEGER,
	answer TEXT,                -- relay, registry, service, generic, decoy,
	                            -- prebuilt-refused, error
	response_sha256 TEXT, response_bytes INTEGER
);

CREATE TABLE payload (              -- bytes that left or would have left
	id INTEGER PRIMARY KEY,
	phase INTEGER NOT NULL, process INTEGER, package INTEGER,
	connection INTEGER, exchange INTEGER,
	at INTEGER NOT NULL,
	sha256 TEXT NOT NULL, size INTEGER NOT NULL,
	kept INTEGER NOT NULL       -- 1: content is in blob
);

CREATE TABLE canary (
	id INTEGER PRIMARY KEY,
	persona TEXT, kind TEXT NOT NULL, name BLOB,
	strength TEXT NOT NULL,     -- secret, identity
	value BLOB NOT NULL,
	path BLOB, variable BLOB    -- file or environment variable it lies in
);

CREATE TABLE canary_hit (
	id INTEGER PRIMARY KEY,
	canary INTEGER NOT NULL,
	phase INTEGER, process INTEGER, package INTEGER, at INTEGER,
	place TEXT NOT NULL,        -- dns, url, header, payload, argv, file
	encoding TEXT NOT NULL,     -- raw, base64, hex, url, reversed, …
	split INTEGER NOT NULL DEFAULT 0, -- over this many pieces; 0: whole
	evidence_table TEXT NOT NULL, evidence_row INTEGER NOT NULL,
	offset INTEGER
);

CREATE TABLE artifact_file (
	id INTEGER PRIMARY KEY,
	path BLOB NOT NULL, type TEXT, mode INTEGER, size INTEGER,
	sha256 TEXT, target BLOB,
	entropy REAL, lines INTEGER, longest_line INTEGER,
	anomaly TEXT                -- traversal, duplicate, device, …
);

CREATE TABLE static_fact (
	id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL, value BLOB,
	path BLOB, line INTEGER, col INTEGER
);

CREATE TABLE dependency (
	id INTEGER PRIMARY KEY,
	name BLOB NOT NULL, declared BLOB, version BLOB,
	kind TEXT,                  -- prod, dev, optional, peer, bundled
	source BLOB,                -- registry, git:…, url:…, path:…
	path BLOB,                  -- where it was installed
	required_by BLOB, has_script INTEGER
);

CREATE TABLE metadata (             -- what the registry says
	id INTEGER PRIMARY KEY,
	key TEXT NOT NULL, value BLOB
);

CREATE TABLE baseline (             -- what the empty package does
	id INTEGER PRIMARY KEY,
	trigger TEXT NOT NULL, role TEXT,
	kind TEXT NOT NULL, value BLOB NOT NULL
);

CREATE TABLE feature (
	id INTEGER PRIMARY KEY,
	package INTEGER, kind TEXT NOT NULL, value BLOB NOT NULL
);

CREATE TABLE not_exercised (
	id INTEGER PRIMARY KEY,
	trigger TEXT NOT NULL, subject BLOB, reason TEXT NOT NULL
);

CREATE TABLE finding (
	id INTEGER PRIMARY KEY,
	rule TEXT NOT NULL, title TEXT, severity TEXT NOT NULL, class TEXT,
	phase INTEGER, process INTEGER, package INTEGER,
	summary BLOB NOT NULL
);

CREATE TABLE evidence (
	id INTEGER PRIMARY KEY,
	finding INTEGER NOT NULL,
	evidence_table TEXT NOT NULL, evidence_row INTEGER NOT NULL,
	phase INTEGER, process INTEGER
);

CREATE TABLE verdict (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	label TEXT NOT NULL, class TEXT, score INTEGER,
	culprit TEXT                -- purl
);

CREATE TABLE reason (
	id INTEGER PRIMARY KEY,     -- in order of weight
	text BLOB NOT NULL, finding INTEGER
);

CREATE TABLE blob (
	sha256 TEXT PRIMARY KEY,
	size INTEGER NOT NULL,
	zstd BLOB NOT NULL
) WITHOUT ROWID;
