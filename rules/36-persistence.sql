-- SPDX-License-Identifier: Apache-2.0
-- id: persistence
-- title: Something was set up to run again
-- severity: proof
-- class: backdoor
-- ecosystems: *
-- schema: 1
-- technique: T1053.003 T1543.002 T1546.004 T1098.004
-- look-alikes: a package's own configuration and cache in the home; version
--   managers and shell completions when they are called (medium)
-- references: behaviours 9, 10, 17

WITH place(pattern, what) AS (VALUES
	('~/.bashrc', 'every shell starts with it'),
	('~/.bash_profile', 'every login starts with it'),
	('~/.bash_login', 'every login starts with it'),
	('~/.bash_aliases', 'every shell starts with it'),
	('~/.profile', 'every login starts with it'),
	('~/.zshrc', 'every shell starts with it'),
	('~/.zshenv', 'every shell starts with it'),
	('~/.zprofile', 'every login starts with it'),
	('~/.config/fish/*', 'every shell starts with it'),
	('~/.config/autostart/*', 'every session starts it'),
	('~/.config/systemd/user/*', 'a unit of the user'),
	('~/.local/share/systemd/user/*', 'a unit of the user'),
	('~/.ssh/authorized_keys*', 'lets somebody in'),
	('~/.ssh/rc', 'every login runs it'),
	('~/.xprofile', 'every session starts with it'),
	('~/.xinitrc', 'every session starts with it'),
	('~/.pam_environment', 'every session starts with it'),
	('/root/.bashrc', 'every shell starts with it'),
	('/root/.profile', 'every login starts with it'),
	('/root/.ssh/authorized_keys*', 'lets somebody in'),
	('/etc/cron*', 'run by the clock'),
	('/var/spool/cron/*', 'run by the clock'),
	('/etc/systemd/*', 'a unit of the system'),
	('/lib/systemd/system/*', 'a unit of the system'),
	('/usr/lib/systemd/*', 'a unit of the system'),
	('/etc/init.d/*', 'started with the system'),
	('/etc/rc.local', 'started with the system'),
	('/etc/profile*', 'every login starts with it'),
	('/etc/bash.bashrc', 'every shell starts with it'),
	('/etc/ld.so.preload', 'every program loads it'),
	('/etc/udev/rules.d/*', 'started with devices'),
	('/etc/xdg/autostart/*', 'every session starts it')),
changed AS (
	SELECT v.id, 'file_event' AS source, v.phase, v.trigger, v.process,
		v.package, v.program, v.place FROM file_act v
	WHERE v.writes AND v.op NOT IN ('rename', 'link', 'symlink')
	AND coalesce(v.role, '') <> 'manager'
	UNION ALL
	SELECT v.id, 'file_event', v.phase, v.trigger, v.process,
		v.package, v.program, v.place2 FROM file_act v
	WHERE v.op IN ('rename', 'link') AND coalesce(v.role, '') <> 'manager'
	UNION ALL
	SELECT v.id, 'file_event', v.phase, v.trigger, v.process,
		v.package, v.program, v.place FROM file_act v
	WHERE v.op = 'symlink' AND coalesce(v.role, '') <> 'manager'
	UNION ALL
	-- written without any event: memory maps, io_uring
	SELECT w.id, 'written_file', w.phase, w.trigger, NULL, NULL, NULL,
		w.place
	FROM written_act w WHERE w.change IN ('created', 'modified')
	AND w.type IS NOT 'directory'
	AND EXISTS (SELECT 1 FROM place p WHERE w.place GLOB p.pattern)
	AND NOT EXISTS (SELECT 1 FROM file_act v WHERE v.path = w.path)
	AND NOT EXISTS (SELECT 1 FROM file_act v WHERE v.path2 = w.path))
SELECT coalesce(text(c.program), 'something') || ' wrote '
	|| text(c.place) || ': ' || p.what AS summary,
	c.phase, c.process, c.package,
	c.source AS evidence_table, c.id AS evidence_row,
	CASE WHEN c.trigger IN ('call', 'run') THEN 'medium' ELSE 'proof' END
	AS severity
FROM changed c JOIN place p ON c.place GLOB p.pattern

UNION

SELECT text(e.command) || ' was run: it sets a program to be run again',
	e.phase, e.process, e.package, 'exec_event', e.id,
	CASE WHEN e.trigger IN ('call', 'run') THEN 'medium' ELSE 'proof' END
FROM exec_act e
WHERE coalesce(e.role, '') <> 'manager'
AND ((e.exe_name = 'crontab' AND NOT has_arg(e.argv, '-l')
	AND NOT has_arg(e.argv, '-r'))
OR (e.exe_name = 'systemctl' AND has_arg(e.argv, 'enable')))
ORDER BY 6, 1
