-- SPDX-License-Identifier: Apache-2.0
-- id: env-harvest
-- title: The environment was collected
-- severity: high
-- class: credential-theft
-- ecosystems: *
-- schema: 1
-- technique: T1552 T1057
-- look-alikes: dotenv, config and debug read variables and send nothing; a
--   process that looks at its own environment through /proc
-- references: behaviours 2, 8

SELECT 'values of ' || count(DISTINCT h.variable) ||
	' planted environment variables (' ||
	(SELECT group_concat(v, ', ') FROM (SELECT DISTINCT text(x.variable)
		AS v FROM hit x WHERE x.process IS h.process
		AND x.variable IS NOT NULL ORDER BY x.variable LIMIT 4)) ||
	') left together' AS summary,
	h.phase, h.process, h.package,
	'canary_hit' AS evidence_table, min(h.id) AS evidence_row,
	'high' AS severity
FROM hit h
WHERE h.strength = 'secret' AND h.variable IS NOT NULL
AND coalesce(h.role, '') <> 'manager'
GROUP BY h.phase, h.process, h.package
HAVING count(DISTINCT h.variable) >= 2

UNION ALL

SELECT text(a.program) || ' read the environment of ' ||
	coalesce('another process, ' || text(t.program), 'another process'),
	e.phase, e.process, coalesce(e.package, a.package),
	'process_event', e.id,
	CASE WHEN EXISTS (SELECT 1 FROM hit h WHERE h.strength = 'secret'
		AND h.root IS a.root) THEN 'high' ELSE 'medium' END
FROM process_event e JOIN actor a ON a.id = e.process
LEFT JOIN actor t ON t.id = e.target
WHERE e.op = 'environ-open' AND coalesce(e.result, 0) >= 0
AND e.target IS NOT e.process AND coalesce(a.role, '') <> 'manager'
-- ps and pgrep look at everybody
AND a.exe_name NOT IN ('ps', 'pgrep', 'pkill', 'top')
