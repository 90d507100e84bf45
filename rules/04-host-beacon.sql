-- SPDX-License-Identifier: Apache-2.0
-- id: host-beacon
-- title: Host or user name was sent
-- severity: high
-- class: beacon
-- ecosystems: *
-- schema: 1
-- technique: T1082 T1033 T1071
-- look-alikes: telemetry that says nothing about whose machine it is; a
--   lookup of the machine's own name, which goes to nobody
-- references: behaviours 1, 19

SELECT 'the ' || h.secret || ' of this machine was sent ' || CASE h.place
	WHEN 'dns' THEN 'in the DNS name ' || h.destination
	ELSE 'to ' || coalesce(h.destination, 'the network') END
	|| CASE WHEN h.encoding = 'raw' THEN ''
		ELSE ' (' || h.encoding || ')' END AS summary,
	h.phase, h.process, h.package,
	'canary_hit' AS evidence_table, h.id AS evidence_row
FROM hit h
WHERE h.strength = 'identity'
AND h.place IN ('dns', 'url', 'header', 'payload')
AND coalesce(h.role, '') <> 'manager'
-- the name alone, or in the local domain: nobody hears of it
AND NOT (h.place = 'dns' AND (instr(rtrim(h.destination, '.'), '.') = 0
	OR h.destination LIKE '%.local' OR h.destination LIKE '%.localdomain'
	OR h.destination LIKE '%.lan'))
ORDER BY h.id
