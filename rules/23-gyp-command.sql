-- SPDX-License-Identifier: Apache-2.0
-- id: gyp-command
-- title: A build description ran the package's own code
-- severity: high
-- class: dropper
-- ecosystems: npm
-- schema: 1
-- technique: T1195.002 T1059
-- look-alikes: node -p or -e that prints include paths; pkg-config; scripts
--   that look for a library before a real native build (medium)
-- references: behaviours 12

-- Everything that gyp, a Python program, starts below itself.
WITH gyp AS (
	SELECT a.id FROM actor a WHERE a.exe_name LIKE 'python%'
	AND (a.program IN ('gyp_main.py', 'gyp')
		OR a.program_path LIKE '%/node-gyp/gyp/%')),
ran AS (
	SELECT e.*, t.ancestor AS gyp FROM exec_act e
	JOIN tree t ON t.process = e.process AND t.depth > 0
	JOIN gyp g ON g.id = t.ancestor
	WHERE e.script IS NOT NULL AND e.exe_name NOT LIKE 'python%'
	AND e.script NOT LIKE '/usr/%' AND e.script NOT LIKE '%/node-gyp/%')
SELECT 'binding.gyp ran ' || text(r.command) || CASE
	WHEN busy THEN ', which did more than look for headers'
	WHEN idle THEN ', and there was nothing to compile' ELSE '' END
	AS summary, r.phase, r.process, r.package,
	'exec_event' AS evidence_table, r.id AS evidence_row,
	CASE WHEN busy OR idle THEN 'high' ELSE 'medium' END
	AS severity
FROM (SELECT ran.*,
	NOT EXISTS (SELECT 1 FROM exec_act c WHERE c.phase = ran.phase
		AND c.package IS ran.package
		AND c.exe_name IN ('cc1', 'cc1plus', 'clang', 'clang++'))
	-- a build that failed before it came to its sources
	AND NOT EXISTS (SELECT 1 FROM file_event w
		JOIN package k ON k.id = ran.package
		WHERE w.phase = ran.phase AND w.op = 'create'
		AND instr(w.path, CAST('/' || CAST(k.path AS TEXT) || '/'
			AS BLOB)) > 0
		AND (CAST(w.path AS TEXT) LIKE '%.c'
			OR CAST(w.path AS TEXT) LIKE '%.cc'
			OR CAST(w.path AS TEXT) LIKE '%.cpp'
			OR CAST(w.path AS TEXT) LIKE '%.cxx'))
	AS idle,
	EXISTS (SELECT 1 FROM tree t JOIN connection_act c
		ON c.process = t.process WHERE t.ancestor = ran.process)
	OR EXISTS (SELECT 1 FROM tree t JOIN file_act v
		ON v.process = t.process WHERE t.ancestor = ran.process
		AND (v.path IN (SELECT CAST(path AS TEXT) FROM canary)
		OR (v.writes AND v.place LIKE '~/.%'
			AND v.place NOT LIKE '~/.cache/%')))
	AS busy FROM ran) r
ORDER BY r.id
