-- SPDX-License-Identifier: Apache-2.0
-- id: download-exec
-- title: Something was downloaded and run
-- severity: high
-- class: dropper
-- ecosystems: *
-- schema: 1
-- technique: T1105 T1059
-- look-alikes: native builds run what the compiler made; prebuilt binaries
--   that come as packages through the relay are written by the package
--   manager; a download that was refused leaves nothing to run
-- references: behaviours 4, 8, 9, 11

-- What was run: the file itself, or the script that an interpreter was given.
WITH ran AS (
	SELECT e.id, e.phase, e.process, e.package, e.root, e.at, e.command,
		e.path AS file, e.sha256 FROM exec_act e
	WHERE coalesce(e.role, '') <> 'manager'
	UNION ALL
	SELECT e.id, e.phase, e.process, e.package, e.root, e.at, e.command,
		e.script, NULL FROM exec_act e
	WHERE e.script IS NOT NULL AND coalesce(e.role, '') <> 'manager'),
written AS (
	SELECT v.path AS file, v.process, v.root, v.at, v.phase
	FROM file_act v WHERE v.op IN ('create', 'write')
	OR (v.op = 'open' AND v.writes)
	UNION ALL
	SELECT v.path2, v.process, v.root, v.at, v.phase
	FROM file_act v WHERE v.op IN ('rename', 'link')),
-- The bytes are those of an answer.
same AS (
	SELECT ran.id, x.id AS exchange FROM ran JOIN http_act x
	ON x.response_sha256 IS NOT NULL
	AND coalesce(x.answer, '') NOT IN ('relay', 'registry')
	AND (x.response_sha256 = ran.sha256 OR x.response_sha256 IN (SELECT
		w.sha256 FROM written_act w WHERE w.path = ran.file)))
SELECT text(ran.file) || ' was downloaded from ' || text(x.host)
	|| ' and run' AS summary,
	ran.phase, ran.process, ran.package,
	'exec_event' AS evidence_table, ran.id AS evidence_row
FROM same JOIN ran ON ran.id = same.id JOIN http_act x
	ON x.id = same.exchange

UNION

-- Or who wrote the file had spoken with the network before.
SELECT text(ran.file) || ' was written by ' || text(a.program)
	|| ', which had spoken with ' || text(c.host) || ', and run',
	ran.phase, ran.process, ran.package, 'exec_event', ran.id
FROM ran JOIN written w ON w.file = ran.file
JOIN actor a ON a.id = w.process
JOIN connection_act c ON c.process = w.process AND c.bytes_in > 0
WHERE coalesce(a.role, '') <> 'manager'
AND (c.phase < ran.phase OR c.at <= ran.at)
AND (w.phase < ran.phase OR w.at <= ran.at)
AND ran.id NOT IN (SELECT id FROM same)

UNION

-- Or it was never a file: memory that a process with a connection filled.
SELECT 'code from memory was run by ' || text(a.program)
	|| ', which had spoken with ' || text(c.host),
	e.phase, e.process, e.package, 'exec_event', e.id
FROM exec_act e JOIN actor a ON a.id = e.process
JOIN tree t ON t.process = e.process
JOIN connection_act c ON c.process = t.ancestor
WHERE (e.path LIKE '/memfd:%' OR e.path LIKE 'memfd:%')
AND coalesce(e.role, '') <> 'manager'
ORDER BY 6, 1
