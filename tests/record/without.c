/* SPDX-License-Identifier: Apache-2.0 */
/* See without.h. */
#include "record/without.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "record/facts.h"

static const struct row {
	const char *safeguard, *name; /* of the case */
	const char *facts[3]; /* words of those that are no longer told */
} rows[] = {
	/* The program that a process is made of, when it has no name. */
	{ "nameless", "memfd", { "exec_event", "written_file" } },
	{ "nameless", "deleted", { "exec_event", "written_file" } },
	/* The script that an interpreter was given as a descriptor. */
	{ "fileless", "fileless", { "exec_event", "written_file", "blob" } },
	/* What lies in memory, and below no upper layer. */
	{ "in_memory", "memory",
	    { "exec_event path~.sh", "written_file path~.sh", "blob" } },
	/* Programs stand still until they are open. */
	{ "stop", "written", { "exec_event", "written_file", "blob" } },
	/* Paths are read again when the kernel has read them. */
	{ "at_end", "absent-page",
	    { "file_event op=mkdir", "file_event op=rename" } },
	/* What was opened is told, not what the memory said. */
	{ "object", "flip", { "file_event op=open" } },
	/* Numbers of i386 are no numbers of ours. */
	{ "foreign", "foreign", { "refused", "file_event op=unlink" } },
	/* Descriptors in messages. */
	{ "rights", "descriptors", { "descriptor_event op=pass" } },
	{ "rights", "rights", { "descriptor_event op=pass" } },
	{ "rights", "passed", { "descriptor_event op=pass" } },
};

bool
without_concerns(const char *safeguard, struct str name)
{
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (strcmp(rows[i].safeguard, safeguard) == 0 &&
		    str_is(name, rows[i].name))
			return true;
	return false;
}

bool
without_hides(const char *safeguard, const char *name, struct str fact)
{
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const struct row *r = &rows[i];

		if (strcmp(r->safeguard, safeguard) != 0 ||
		    strcmp(r->name, name) != 0)
			continue;
		for (size_t n = 0; n < N_ELEMENTS(r->facts); n++)
			if (r->facts[n] != NULL &&
			    facts_match(fact, str_of(r->facts[n])))
				return true;
	}
	return false;
}
