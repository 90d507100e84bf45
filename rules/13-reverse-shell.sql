-- SPDX-License-Identifier: Apache-2.0
-- id: reverse-shell
-- title: A shell was given to the network
-- severity: proof
-- class: backdoor
-- ecosystems: *
-- schema: 1
-- technique: T1059.004 T1571
-- look-alikes: node's own exec() gives a shell socket pairs, not sockets of
--   the network, and a command with -c; a program that talks HTTP and runs
--   shell commands; curl into sh (that is shell-pipe)
-- references: behaviours 5

WITH started AS (
	SELECT e.* FROM exec_act e
	WHERE e.exe_name IN (SELECT name FROM shell)
	AND coalesce(e.role, '') <> 'manager'),
-- No -c, no script: it takes its commands from its input.
interactive AS (
	SELECT s.* FROM started s
	WHERE s.script IS NULL AND NOT has_arg(s.argv, '-c')
	AND coalesce(arg(s.argv, 1), '-') NOT LIKE '-%c'),
-- Connections that do not talk a protocol of downloads.
raw AS (
	SELECT c.* FROM connection_act c WHERE c.protocol = 'tcp'
	AND coalesce(c.application, 'unknown') IN ('unknown', 'tls')
	AND c.process IS NOT NULL)
SELECT 'the input or output of ' || text(s.command)
	|| ' is a connection' || coalesce(' to ' || (SELECT text(c.host)
	|| coalesce(':' || c.port, '') FROM connection_act c
	JOIN tree t ON t.ancestor = c.process
	WHERE t.process = s.process ORDER BY t.depth, c.id LIMIT 1), '')
	AS summary,
	s.phase, s.process, s.package,
	'exec_event' AS evidence_table, s.id AS evidence_row
FROM started s WHERE s.stdin_kind = 'inet' OR s.stdout_kind = 'inet'

UNION

-- A shell that lends its connection to what it runs.
SELECT text(e.command) || ', run by a shell, has a connection as its '
	|| CASE WHEN e.stdout_kind = 'inet' THEN 'output' ELSE 'input' END,
	e.phase, e.process, e.package, 'exec_event', e.id
FROM exec_act e JOIN actor p ON p.id = e.parent
WHERE (e.stdout_kind = 'inet' OR e.stdin_kind = 'inet')
AND p.exe_name IN (SELECT name FROM shell)
AND coalesce(e.role, '') <> 'manager'
AND e.id NOT IN (SELECT id FROM started)

UNION

-- Through the pipes or socket pairs of the parent.
SELECT text(s.command) || ' takes its input from ' || text(a.program)
	|| ', which is connected to ' || text(r.host)
	|| coalesce(':' || r.port, ''),
	s.phase, s.process, s.package, 'exec_event', s.id
FROM interactive s JOIN actor a ON a.id = s.parent
JOIN raw r ON r.process = a.id
WHERE s.stdin_kind IN ('pipe', 'unix', 'socket', 'tty')
AND a.exe_name NOT IN (SELECT name FROM shell)

UNION

-- The other end sent a command, and it was answered as a shell answers.
SELECT coalesce(text(c.program), 'a process') || ' ran what '
	|| text(c.host) || coalesce(':' || c.port, '') || ' sent it',
	c.phase, c.process, c.package, 'connection', c.id
FROM connection_act c
WHERE c.shell_probe = 1 AND c.shell_answer = 1
ORDER BY 6, 1
