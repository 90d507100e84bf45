-- SPDX-License-Identifier: Apache-2.0
-- id: git-hook-write
-- title: A git hook was planted in the user's repository
-- severity: high
-- class: backdoor
-- ecosystems: *
-- schema: 1
-- technique: T1546
-- look-alikes: hook managers write hooks that call back into the package or
--   the project's own scripts and fetch nothing (note); hooks of repositories
--   that were made in this run
-- references: catalogue 37

WITH hook AS (
	SELECT v.*, CASE WHEN v.op IN ('rename', 'link') THEN v.path2
		ELSE v.path END AS file FROM file_act v
	WHERE v.writes AND coalesce(v.role, '') <> 'manager'),
kept AS (
	SELECT h.id, h.file, h.package, h.package_path, coalesce(
		(SELECT content(w.sha256) FROM written_act w
		WHERE w.path = h.file AND w.sha256 IS NOT NULL
		ORDER BY w.id DESC LIMIT 1), x'') AS bytes
	FROM hook h WHERE h.file LIKE '%/.git/hooks/_%'
	AND h.file NOT LIKE '%.sample'
	-- git makes hooks of its own where it makes a repository
	AND NOT EXISTS (SELECT 1 FROM file_act m WHERE m.op = 'mkdir'
		AND m.path || '/hooks' = substr(h.file, 1,
			length(h.file) - length(basename(h.file)) - 1)))
SELECT coalesce(text(h.program), 'a process') || ' wrote the git hook '
	|| text(h.place) || CASE WHEN bad THEN ', which reaches out or hides'
	WHEN own THEN ', which calls back into the project' ELSE '' END
	AS summary, h.phase, h.process, h.package,
	'file_event' AS evidence_table, h.id AS evidence_row,
	CASE WHEN bad THEN 'high' WHEN own THEN 'note' ELSE 'high' END
	AS severity
FROM (SELECT k.id AS event,
	has(k.bytes, 'curl') OR has(k.bytes, 'wget') OR has(k.bytes, '/dev/tcp')
	OR has(k.bytes, 'base64') OR has(k.bytes, 'http:')
	OR has(k.bytes, 'https:') OR has(k.bytes, 'nc ')
	OR has(k.bytes, 'eval') AS bad,
	has(k.bytes, k.package_path) AND k.package_path <> ''
	OR has(k.bytes, 'node_modules/') OR has(k.bytes, 'npx ')
	OR has(k.bytes, 'npm run') OR has(k.bytes, 'yarn ')
	OR has(k.bytes, 'pnpm ') AS own
	FROM kept k) s JOIN hook h ON h.id = s.event

UNION ALL

SELECT text(e.command) || ' was run: git takes its hooks from there',
	e.phase, e.process, e.package, 'exec_event', e.id, 'medium'
FROM exec_act e
WHERE e.exe_name = 'git' AND has_arg(e.argv, 'config')
AND (has_arg(e.argv, 'core.hooksPath') OR has_arg(e.argv, 'core.hookspath'))
AND NOT has_arg(e.argv, '--get') AND NOT has_arg(e.argv, '--unset')
AND coalesce(e.role, '') <> 'manager'
ORDER BY 6, 1
