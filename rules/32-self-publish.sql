-- SPDX-License-Identifier: Apache-2.0
-- id: self-publish
-- title: Something was published with the user's login
-- severity: proof
-- class: worm
-- ecosystems: *
-- schema: 1
-- technique: T1195.002 T1078
-- look-alikes: release tools publish when they are called, not when they are
--   installed; npm's own audit and metadata requests
-- references: behaviours 8, 9

SELECT coalesce(text(x.program), 'a process')
	|| ' published to the registry: ' || text(x.method) || ' '
	|| text(x.url) AS summary,
	x.phase, x.process, x.package,
	'http_exchange' AS evidence_table, x.id AS evidence_row,
	CASE WHEN x.trigger IN ('call', 'run') THEN 'medium' ELSE 'proof' END
	AS severity
FROM http_act x
WHERE x.answer = 'registry' AND x.method = 'PUT'
AND x.url NOT LIKE '%/-/user/%'

UNION ALL

SELECT coalesce(text(x.program), 'a process')
	|| ' asked the registry whose login this is: ' || text(x.url),
	x.phase, x.process, x.package, 'http_exchange', x.id,
	CASE WHEN x.trigger IN ('call', 'run') THEN 'note' ELSE 'high' END
FROM http_act x
WHERE x.answer = 'registry' AND x.root IS NOT NULL
AND (x.url LIKE '%/-/whoami%' OR x.url LIKE '%/-/npm/v1/tokens%'
	OR x.url LIKE '%/-/npm/v1/user%')

UNION ALL

-- It was tried, whatever came of it.
SELECT text(e.command) || ' was run', e.phase, e.process, e.package,
	'exec_event', e.id,
	CASE WHEN e.trigger IN ('call', 'run') THEN 'note' ELSE 'high' END
FROM exec_act e
WHERE e.root IS NOT NULL AND ((e.program IN ('npm', 'npm-cli.js', 'yarn',
	'yarn.js', 'pnpm', 'pnpm.cjs', 'cargo') AND has_arg(e.argv, 'publish'))
	OR (e.program = 'twine' AND has_arg(e.argv, 'upload'))
	OR (e.program = 'gem' AND has_arg(e.argv, 'push')))
ORDER BY 6, 1
