-- SPDX-License-Identifier: Apache-2.0
-- id: canary-read
-- title: A file with a planted secret was read
-- severity: high
-- class: credential-theft
-- ecosystems: *
-- schema: 1
-- technique: T1552.001
-- look-alikes: the package manager, git, ssh, curl and their like read the
--   configuration that is theirs: told by the program that was run, not by
--   who asked for it; dotenv and its like read .env of the project (medium);
--   files that only say who the user is (medium)
-- references: behaviours 2, 8, 13

WITH own(program, place) AS (VALUES
	('npm', '~/.npmrc'), ('npm-cli.js', '~/.npmrc'),
	('npx', '~/.npmrc'), ('npx-cli.js', '~/.npmrc'),
	('yarn', '~/.npmrc'), ('yarn.js', '~/.npmrc'),
	('pnpm', '~/.npmrc'), ('pnpm.cjs', '~/.npmrc'),
	('git', '~/.gitconfig'), ('git', '~/.git-credentials'),
	('git', '~/.config/git/config'), ('git', '~/.config/git/credentials'),
	('git-credential-store', '~/.git-credentials'),
	('git-remote-https', '~/.gitconfig'),
	('git-remote-http', '~/.gitconfig'),
	('curl', '~/.netrc'), ('curl', '~/.curlrc'), ('wget', '~/.netrc'),
	('wget', '~/.wgetrc'), ('git-remote-https', '~/.netrc'),
	('gh', '~/.config/gh/hosts.yml'),
	('bash', '~/.bashrc'), ('bash', '~/.bash_history'),
	('bash', '~/.profile'), ('bash', '~/.bash_profile'))
SELECT coalesce(text(v.program), 'a process') || ' read '
	|| text(v.place) || ', which holds '
	|| (SELECT group_concat(name, ' and ') FROM (SELECT DISTINCT
		'the planted ' || text(coalesce(c.name, CAST(c.kind AS BLOB)))
		AS name FROM canary c WHERE CAST(c.path AS TEXT) = v.path
		ORDER BY c.id LIMIT 3)) AS summary,
	v.phase, v.process, v.package,
	'file_event' AS evidence_table, v.id AS evidence_row,
	CASE WHEN basename(v.path) LIKE '.env%' THEN 'medium'
	WHEN NOT EXISTS (SELECT 1 FROM canary c
		WHERE CAST(c.path AS TEXT) = v.path
		AND c.strength = 'secret') THEN 'medium'
	ELSE 'high' END AS severity
FROM file_act v
WHERE v.reads AND coalesce(v.role, '') <> 'manager'
AND v.process IS NOT NULL
AND EXISTS (SELECT 1 FROM canary c WHERE CAST(c.path AS TEXT) = v.path)
AND NOT EXISTS (SELECT 1 FROM own o JOIN actor a ON a.id = v.process
	WHERE o.place = v.place AND o.program IN (a.program, a.exe_name)
	-- a program of that name that came with the package is not the tool
	AND NOT inside(a.program_path, '/tmp')
	AND instr(a.program_path, '/node_modules/') *
		(a.program_path NOT LIKE '/usr/%') = 0
	AND NOT EXISTS (SELECT 1 FROM file_act w WHERE w.writes
		AND coalesce(w.role, '') <> 'manager'
		AND w.path = a.program_path))
ORDER BY v.id
