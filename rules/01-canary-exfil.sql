-- SPDX-License-Identifier: Apache-2.0
-- id: canary-exfil
-- title: A planted secret was sent or written away
-- severity: proof
-- class: credential-theft
-- ecosystems: *
-- schema: 1
-- technique: T1041 T1048 T1567
-- look-alikes: a client that sends its own login to its own registry (those
--   exchanges are answered by the relay or the registry and are not hits
--   here); what the package manager itself writes
-- references: behaviours 2, 8, 19

SELECT 'the planted ' || h.secret || ' ' || CASE h.place
	WHEN 'dns' THEN 'was asked for in DNS as ' || h.destination
	WHEN 'argv' THEN 'was given to ' || h.destination || ' as an argument'
	WHEN 'file' THEN 'was written to ' || h.destination
	ELSE 'was sent to ' || coalesce(h.destination, 'the network') ||
		CASE h.place WHEN 'url' THEN ' in the URL'
		WHEN 'header' THEN ' in a header' ELSE '' END END
	|| CASE WHEN h.encoding = 'raw' THEN ''
		ELSE ' (' || h.encoding || ')' END
	|| CASE WHEN h.split > 1 THEN ' in ' || h.split || ' pieces'
		ELSE '' END AS summary,
	h.phase, h.process, h.package,
	'canary_hit' AS evidence_table, h.id AS evidence_row
FROM hit h
WHERE h.strength = 'secret'
AND NOT (h.place IN ('file', 'argv') AND coalesce(h.role, '') = 'manager')
ORDER BY h.id
