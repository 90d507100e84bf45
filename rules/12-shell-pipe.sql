-- SPDX-License-Identifier: Apache-2.0
-- id: shell-pipe
-- title: A download was fed to an interpreter
-- severity: high
-- class: dropper
-- ecosystems: *
-- schema: 1
-- technique: T1059.004 T1105
-- look-alikes: node's own exec() joins a child's output through socket pairs;
--   a pipe between programs without a connection; installer documentation
-- references: behaviours 4, 9

WITH interpreter AS (
	SELECT e.* FROM exec_act e
	WHERE coalesce(e.role, '') <> 'manager'
	AND (e.exe_name IN (SELECT name FROM shell)
	OR e.exe_name IN ('node', 'bun', 'deno', 'perl', 'ruby', 'php')
	OR e.exe_name LIKE 'python%')),
-- Ends of one pipe have one number; socket pairs are told by their making.
joined(a, b) AS (
	SELECT object, object FROM descriptor_event
	WHERE op = 'pipe' AND object IS NOT NULL
	UNION SELECT object, object2 FROM descriptor_event
	WHERE op = 'socketpair' AND object2 IS NOT NULL
	UNION SELECT object2, object FROM descriptor_event
	WHERE op = 'socketpair' AND object2 IS NOT NULL
	UNION SELECT stdin_object, stdin_object FROM exec_event
	WHERE stdin_kind = 'pipe'),
-- Programs that spoke with the network, and where their output goes.
source AS (
	SELECT e.id, e.process, e.stdout_object AS object, e.program,
		e.phase, min(c.host) AS host
	FROM exec_act e JOIN connection_act c ON c.process = e.process
	WHERE e.stdout_kind IN ('pipe', 'unix', 'socket')
	GROUP BY e.id)
SELECT 'what ' || text(s.program) || ' got from ' || text(s.host)
	|| ' went into ' || text(i.command) AS summary,
	i.phase, i.process, i.package,
	'exec_event' AS evidence_table, i.id AS evidence_row
FROM interpreter i JOIN joined j ON j.a = i.stdin_object
JOIN source s ON s.object = j.b AND s.phase = i.phase
WHERE i.stdin_kind IN ('pipe', 'unix', 'socket')
AND i.script IS NULL AND s.process <> i.process

UNION

-- sh <(curl …): a pipe under a name
SELECT 'what ' || text(s.program) || ' got from ' || text(s.host)
	|| ' went into ' || text(i.command),
	i.phase, i.process, i.package, 'exec_event', i.id
FROM interpreter i JOIN source s ON s.phase = i.phase
JOIN actor a ON a.id = s.process JOIN actor b ON b.id = i.process
WHERE (arg(i.argv, 1) LIKE '/dev/fd/%'
	OR arg(i.argv, 1) LIKE '/proc/self/fd/%')
AND a.root IS b.root

UNION

-- sh -c "$(curl …)": the answer is an argument
SELECT 'what ' || text(x.host) || ' answered was run as an argument of '
	|| text(i.exe_name),
	i.phase, i.process, i.package, 'exec_event', i.id
FROM interpreter i JOIN http_act x ON x.phase = i.phase
WHERE coalesce(x.answer, '') NOT IN ('relay', 'registry')
AND x.response_sha256 IS NOT NULL
AND length(trim_bytes(content(x.response_sha256))) >= 16
AND has(i.argv, trim_bytes(content(x.response_sha256)))
ORDER BY 6, 1
