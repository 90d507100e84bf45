-- SPDX-License-Identifier: Apache-2.0
-- id: self-erase
-- title: A package removed or replaced what it had just run
-- severity: high
-- class: dropper
-- ecosystems: *
-- schema: 1
-- technique: T1070.004 T1036
-- look-alikes: installers that move a binary into place, patch other packages
--   or clean their build folder touch neither the running script nor their
--   own manifest
-- references: behaviours 16

WITH own AS (
	SELECT v.*, coalesce(CASE WHEN v.op IN ('rename', 'link')
		THEN v.path2 END, v.path) AS target
	FROM file_act v WHERE coalesce(v.role, '') NOT IN ('manager')
	AND v.root IS NOT NULL
	AND (v.op IN ('unlink', 'rename', 'truncate', 'write', 'link')
		OR (v.op = 'open' AND v.writes))),
-- Scripts that this process or its ancestors were started with.
running AS (
	SELECT t.process, e.script FROM tree t
	JOIN exec_act e ON e.process = t.ancestor
	WHERE e.script LIKE '%/node_modules/%')
SELECT text(o.program) || ' ' || CASE o.op WHEN 'unlink' THEN 'deleted '
	WHEN 'rename' THEN 'moved over or away ' ELSE 'overwrote ' END
	|| text(r.script) || ', the script that was running' AS summary,
	o.phase, o.process, o.package,
	'file_event' AS evidence_table, o.id AS evidence_row
FROM own o JOIN running r ON r.process = o.process
	AND r.script IN (o.path, o.target)
-- npm and node-gyp clean up after themselves
WHERE inside(substr(r.script, instr(r.script, '/node_modules/') + 1),
	o.package_path)

UNION

SELECT text(o.program) || ' ' || CASE o.op WHEN 'unlink' THEN 'deleted'
	ELSE 'replaced' END || ' the manifest of its own package, '
	|| text(o.target),
	o.phase, o.process, o.package, 'file_event', o.id
FROM own o
WHERE o.package_path <> '' AND o.op <> 'link'
AND (substr(o.target, -length('/' || o.package_path || '/package.json'))
	= '/' || o.package_path || '/package.json'
	OR substr(o.path, -length('/' || o.package_path || '/package.json'))
	= '/' || o.package_path || '/package.json')
ORDER BY 6, 1
