-- SPDX-License-Identifier: Apache-2.0
-- What rules select from besides the tables of the run file: the same facts
-- with the process, its role and its phase at hand, as text, without the
-- phases of the empty package, without what failed, and without what the empty
-- package does too. docs/HOWTO-add-a-rule.md explains every column.

CREATE TEMP TABLE home AS
SELECT DISTINCT CAST(env(e.env, 'HOME') AS TEXT) AS path
FROM exec_event e JOIN phase p ON p.id = e.phase
WHERE p.baseline = 0 AND env(e.env, 'HOME') LIKE '/_%'
LIMIT 4;

CREATE TEMP TABLE tree AS
WITH RECURSIVE up(process, ancestor, depth) AS (
	SELECT p.id, p.id, 0
	FROM process p JOIN phase f ON f.id = p.phase WHERE f.baseline = 0
	UNION ALL
	SELECT up.process, p.parent, up.depth + 1
	FROM up JOIN process p ON p.id = up.ancestor
	WHERE p.parent IS NOT NULL AND p.parent <> p.id AND up.depth < 64)
SELECT process, ancestor, depth FROM up;
CREATE INDEX temp.tree_process ON tree(process, depth);
CREATE INDEX temp.tree_ancestor ON tree(ancestor);

-- The program is the script where an interpreter was given one.
CREATE TEMP TABLE actor AS
SELECT p.id, p.phase, f.trigger, f.persona, p.role, p.package,
	CAST(k.path AS TEXT) AS package_path, p.parent,
	CAST(coalesce(e.script, e.path, p.exe) AS TEXT) AS program_path,
	basename(coalesce(e.script, e.path, p.exe)) AS program,
	CAST(coalesce(e.path, p.exe) AS TEXT) AS exe,
	basename(coalesce(e.path, p.exe)) AS exe_name,
	p.argv,
	(SELECT t.ancestor FROM tree t JOIN process q ON q.id = t.ancestor
		WHERE t.process = p.id AND q.role <> 'manager'
		ORDER BY t.depth DESC LIMIT 1) AS root
FROM process p JOIN phase f ON f.id = p.phase
LEFT JOIN package k ON k.id = p.package
LEFT JOIN exec_event e ON e.id = (SELECT max(x.id) FROM exec_event x
	WHERE x.process = p.id AND coalesce(x.result, 0) = 0)
WHERE f.baseline = 0;
CREATE UNIQUE INDEX temp.actor_id ON actor(id);
CREATE INDEX temp.actor_parent ON actor(parent);

CREATE TEMP TABLE shell(name TEXT PRIMARY KEY);
INSERT INTO shell VALUES('sh'), ('bash'), ('dash'), ('zsh'), ('ash'),
	('ksh'), ('busybox');
CREATE TEMP TABLE fetcher(name TEXT PRIMARY KEY);
INSERT INTO fetcher VALUES('curl'), ('wget'), ('nc'), ('ncat'), ('netcat'),
	('socat'), ('openssl'), ('telnet'), ('ftp'), ('aria2c'), ('busybox');

-- What the empty package does, by role: known from before, or in this file.
CREATE TEMP TABLE usual AS
SELECT trigger, role, kind, CAST(value AS TEXT) AS value FROM baseline
UNION
SELECT f.trigger, p.role, 'file',
	tilde(v.path, (SELECT path FROM home))
FROM file_event v JOIN phase f ON f.id = v.phase
JOIN process p ON p.id = v.process WHERE f.baseline = 1
UNION
SELECT f.trigger, p.role, 'dns', CAST(q.name AS TEXT)
FROM dns_query q JOIN phase f ON f.id = q.phase
JOIN process p ON p.id = q.process WHERE f.baseline = 1;
CREATE INDEX temp.usual_value ON usual(kind, value);

CREATE TEMP TABLE file_act AS
SELECT v.id, v.phase, f.trigger, v.process, coalesce(v.package, a.package)
	AS package, a.role, a.program, a.root, a.package_path, v.at, v.op,
	CAST(v.path AS TEXT) AS path, CAST(v.path2 AS TEXT) AS path2,
	tilde(v.path, (SELECT path FROM home)) AS place,
	tilde(v.path2, (SELECT path FROM home)) AS place2,
	v.flags, v.result, v.bytes,
	-- open: O_WRONLY or O_RDWR, or made or emptied by it
	v.op IN ('create', 'write', 'rename', 'link', 'symlink', 'truncate')
	OR (v.op = 'open' AND (coalesce(v.flags, 0) & 3) <> 0) AS writes,
	v.op = 'read'
	OR (v.op = 'open' AND (coalesce(v.flags, 0) & 3) <> 1) AS reads
FROM file_event v JOIN phase f ON f.id = v.phase
LEFT JOIN actor a ON a.id = v.process
WHERE f.baseline = 0 AND coalesce(v.result, 0) >= 0
AND NOT EXISTS (SELECT 1 FROM usual u WHERE u.kind = 'file'
	AND u.value = tilde(v.path, (SELECT path FROM home))
	AND u.trigger = f.trigger AND u.role IS a.role);
CREATE INDEX temp.file_act_path ON file_act(path);
CREATE INDEX temp.file_act_path2 ON file_act(path2) WHERE path2 IS NOT NULL;
CREATE INDEX temp.file_act_process ON file_act(process);

-- What was left behind, without what the empty package leaves as well.
CREATE TEMP TABLE written_act AS
SELECT w.id, w.phase, f.trigger, CAST(w.path AS TEXT) AS path,
	tilde(w.path, (SELECT path FROM home)) AS place,
	w.change, w.type, w.mode, w.size, w.sha256, w.kept
FROM written_file w JOIN phase f ON f.id = w.phase
WHERE f.baseline = 0
AND NOT EXISTS (SELECT 1 FROM usual u WHERE u.kind = 'file'
	AND u.value = tilde(w.path, (SELECT path FROM home))
	AND u.role = 'manager')
AND w.path NOT IN (SELECT b.path FROM written_file b
	JOIN phase g ON g.id = b.phase WHERE g.baseline = 1);
CREATE INDEX temp.written_act_path ON written_act(path);

CREATE TEMP TABLE exec_act AS
SELECT e.id, e.phase, f.trigger, e.process, coalesce(e.package, a.package)
	AS package, a.role, a.root, a.parent, a.package_path, e.at,
	CAST(e.path AS TEXT) AS path, CAST(e.script AS TEXT) AS script,
	basename(e.path) AS exe_name,
	basename(coalesce(e.script, e.path)) AS program,
	words(e.argv) AS command, e.argv, CAST(e.cwd AS TEXT) AS cwd,
	e.stdin_kind, e.stdin_object, e.stdout_kind, e.stdout_object,
	e.stderr_kind, e.stderr_object, e.sha256
FROM exec_event e JOIN phase f ON f.id = e.phase
LEFT JOIN actor a ON a.id = e.process
WHERE f.baseline = 0 AND coalesce(e.result, 0) = 0;
CREATE INDEX temp.exec_act_process ON exec_act(process);
CREATE INDEX temp.exec_act_path ON exec_act(path);
CREATE INDEX temp.exec_act_script ON exec_act(script);

-- Contact with the outside: not DNS, not the package manager's registry.
CREATE TEMP TABLE connection_act AS
SELECT c.id, c.phase, f.trigger, c.process, coalesce(c.package, a.package)
	AS package, a.role, a.program, a.root, c.at, c.protocol,
	CAST(coalesce(c.tls_name, c.name, c.address) AS TEXT) AS host,
	c.port, c.application, c.shell_probe, c.shell_answer,
	c.bytes_out, c.bytes_in
FROM connection c JOIN phase f ON f.id = c.phase
LEFT JOIN actor a ON a.id = c.process
WHERE f.baseline = 0 AND coalesce(c.application, '') NOT IN ('dns', 'registry')
AND coalesce(c.port, 0) <> 53
AND NOT EXISTS (SELECT 1 FROM http_exchange x WHERE x.connection = c.id
	AND x.answer IN ('relay', 'registry'));
CREATE INDEX temp.connection_act_process ON connection_act(process);

CREATE TEMP TABLE http_act AS
SELECT x.id, x.phase, f.trigger, x.process, coalesce(x.package, a.package)
	AS package, a.role, a.program, a.root, x.connection, x.at,
	CAST(x.method AS TEXT) AS method, CAST(x.url AS TEXT) AS url,
	CAST(x.host AS TEXT) AS host, x.status, x.answer,
	x.request_sha256, x.response_sha256, x.request_bytes
FROM http_exchange x JOIN phase f ON f.id = x.phase
LEFT JOIN actor a ON a.id = x.process
WHERE f.baseline = 0;
CREATE INDEX temp.http_act_process ON http_act(process);

CREATE TEMP TABLE dns_act AS
SELECT q.id, q.phase, f.trigger, q.process, coalesce(q.package, a.package)
	AS package, a.role, a.program, a.root, q.at,
	CAST(q.name AS TEXT) AS name, q.type
FROM dns_query q JOIN phase f ON f.id = q.phase
LEFT JOIN actor a ON a.id = q.process
WHERE f.baseline = 0 AND NOT EXISTS (SELECT 1 FROM usual u
	WHERE u.kind = 'dns' AND u.value = CAST(q.name AS TEXT)
	AND u.trigger = f.trigger AND u.role IS a.role);

-- Where planted secrets showed up. What goes to the registry with the package
-- manager's own login is where it belongs: those hits are not here.
CREATE TEMP TABLE hit AS
SELECT h.id, h.canary, c.kind, c.strength, c.variable,
	text(coalesce(c.name, CAST(c.kind AS BLOB))) AS secret,
	h.place, h.encoding, h.split, h.phase, f.trigger, h.process,
	coalesce(h.package, a.package) AS package, a.role, a.program, a.root,
	h.evidence_table, h.evidence_row,
	CASE h.evidence_table
	WHEN 'dns_query' THEN (SELECT text(q.name) FROM dns_query q
		WHERE q.id = h.evidence_row)
	WHEN 'http_exchange' THEN (SELECT text(x.method) || ' ' ||
		text(coalesce(x.host, x.url)) FROM http_exchange x
		WHERE x.id = h.evidence_row)
	WHEN 'payload' THEN coalesce((SELECT text(x.method) || ' ' ||
		text(coalesce(x.host, x.url)) FROM payload y
		JOIN http_exchange x ON x.id = y.exchange
		WHERE y.id = h.evidence_row), (SELECT
		text(coalesce(k.tls_name, k.name, k.address)) ||
		coalesce(':' || k.port, '')
		FROM payload y JOIN connection k ON k.id = y.connection
		WHERE y.id = h.evidence_row))
	WHEN 'exec_event' THEN (SELECT text(e.path) FROM exec_event e
		WHERE e.id = h.evidence_row)
	WHEN 'written_file' THEN (SELECT text(w.path) FROM written_file w
		WHERE w.id = h.evidence_row)
	END AS destination
FROM canary_hit h JOIN canary c ON c.id = h.canary
LEFT JOIN phase f ON f.id = h.phase
LEFT JOIN actor a ON a.id = h.process
WHERE coalesce(f.baseline, 0) = 0
AND NOT EXISTS (SELECT 1 FROM http_exchange x
	WHERE h.evidence_table = 'http_exchange' AND x.id = h.evidence_row
	AND x.answer IN ('relay', 'registry'))
AND NOT EXISTS (SELECT 1 FROM payload y LEFT JOIN http_exchange x
	ON x.id = y.exchange LEFT JOIN connection k ON k.id = y.connection
	WHERE h.evidence_table = 'payload' AND y.id = h.evidence_row
	AND (x.answer IN ('relay', 'registry')
		OR k.application = 'registry'));
