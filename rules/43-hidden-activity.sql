-- SPDX-License-Identifier: Apache-2.0
-- id: hidden-activity
-- title: One view saw what another should have seen as well
-- severity: high
-- class: backdoor
-- ecosystems: *
-- schema: 1
-- technique: T1562.006 T1014
-- look-alikes: writes through a memory map (the open is recorded), files that
--   came with a folder that was renamed, times and attributes that were set
--   (medium); runs in which events were lost say nothing here
-- references: recorder.md

WITH whole AS (
	SELECT 1 WHERE EXISTS (SELECT 1 FROM phase_view v
		WHERE v.view IN ('ebpf', 'notify', 'ptrace'))
	AND NOT EXISTS (SELECT 1 FROM phase_view v
		WHERE v.available = 0 OR v.dropped > 0)
	AND NOT EXISTS (SELECT 1 FROM metadata m WHERE m.key = 'scribe.refused')),
-- Left behind, and no call that makes, moves or opens it for writing.
unexplained AS MATERIALIZED (
	SELECT w.id, w.phase, w.path, a.place, w.change
	FROM written_act a JOIN written_file w ON w.id = a.id, whole
	WHERE w.change IN ('created', 'modified', 'deleted')
	AND w.type IS NOT 'directory' AND w.type IS NOT 'socket'
	AND NOT EXISTS (SELECT 1 FROM file_event e WHERE e.path = w.path
		AND coalesce(e.result, 0) >= 0
		AND (e.op NOT IN ('open', 'read', 'mmap-exec')
			OR (coalesce(e.flags, 0) & 3) <> 0))
	AND NOT EXISTS (SELECT 1 FROM file_event e WHERE e.path2 = w.path)),
above(id, folder) AS (
	SELECT id, CAST(path AS TEXT) FROM unexplained
	UNION
	SELECT id, rtrim(rtrim(folder, replace(folder, '/', '')), '/')
	FROM above WHERE folder LIKE '/_%/_%'),
-- With a folder that was moved here or away.
moved AS (
	SELECT DISTINCT b.id FROM above b
	WHERE EXISTS (SELECT 1 FROM file_event e
		WHERE e.path2 = CAST(b.folder AS BLOB) AND e.op = 'rename'
		AND coalesce(e.result, 0) >= 0)
	OR EXISTS (SELECT 1 FROM file_event e
		WHERE e.path = CAST(b.folder AS BLOB) AND e.op = 'rename'
		AND coalesce(e.result, 0) >= 0)),
-- Folders may have been moved before fanotify's events were read: names alone.
named AS MATERIALIZED (
	SELECT basename(path) AS name FROM file_event WHERE path IS NOT NULL
	AND (op NOT IN ('open', 'read', 'mmap-exec')
		OR (op = 'open' AND (coalesce(flags, 0) & 3) <> 0))
	UNION SELECT basename(path2) FROM file_event WHERE path2 IS NOT NULL
	UNION SELECT basename(address) FROM socket_event
	WHERE family = 1 AND op = 'bind' AND address IS NOT NULL),
executed AS MATERIALIZED (
	SELECT path FROM exec_event WHERE path IS NOT NULL
	UNION SELECT interpreter FROM exec_event WHERE interpreter IS NOT NULL
	UNION SELECT script FROM exec_event WHERE script IS NOT NULL
	UNION SELECT exe FROM process WHERE exe IS NOT NULL
	-- A script by the name of a link: its interpreter opens the file.
	UNION SELECT path FROM file_event
	WHERE op = 'open' AND path IS NOT NULL
	AND coalesce(result, 0) >= 0)
SELECT text(u.place) || ' was ' || u.change || ', and no recorded call did it'
	AS summary,
	u.phase, NULL AS process, NULL AS package,
	'written_file' AS evidence_table, u.id AS evidence_row,
	CASE u.change WHEN 'created' THEN 'high' ELSE 'medium' END AS severity
FROM unexplained u WHERE u.id NOT IN (SELECT id FROM moved)

UNION

SELECT text(coalesce(c.tls_name, c.name, c.address)) || coalesce(':' || c.port,
	'') || ' was reached over ' || c.protocol
	|| ', and no recorded call did it',
	c.phase, NULL, NULL, 'connection', c.id, 'high'
FROM connection c JOIN phase f ON f.id = c.phase, whole
WHERE f.baseline = 0 AND c.process IS NULL AND c.protocol IN ('tcp', 'udp')
AND NOT EXISTS (SELECT 1 FROM socket_event s WHERE s.phase = c.phase
	AND s.local_port = c.local_port AND s.op IN ('connect', 'send'))
AND NOT EXISTS (SELECT 1 FROM socket_event s
	WHERE s.address = c.address AND s.port = c.port
	AND s.op IN ('connect', 'send'))

UNION

SELECT text(s.path) || CASE s.op WHEN 'exec' THEN ' was executed'
	WHEN 'delete' THEN ' was deleted' WHEN 'create' THEN ' was made'
	WHEN 'write' THEN ' was written' ELSE ' was moved' END
	|| ', and no recorded call did it',
	s.phase, NULL, NULL, 'file_seen', s.id, 'high'
FROM file_seen s JOIN phase f ON f.id = s.phase, whole
WHERE f.baseline = 0
AND CASE s.op WHEN 'exec' THEN s.path NOT IN (SELECT path FROM executed)
	-- which the kernel loads for every program
	AND basename(s.path) NOT LIKE 'ld-linux%'
	AND basename(s.path) NOT LIKE 'ld-musl%'
	ELSE basename(s.path) NOT IN (SELECT name FROM named
		WHERE name IS NOT NULL) END
ORDER BY 6, 1
