/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the supervisor and its roles on descriptor 3. Each role
 * has descriptor 4 for facts (to scribe), and from 5 on what its main names.
 *
 *	role        → CONTROL_READY            after lockdown
 *	role        → CONTROL_FAILED {int code, str sentence}, then exits
 *	supervisor  → CONTROL_PHASE_BEGIN {int phase, int started_ns}
 *	                (CLOCK_MONOTONIC; facts from now on carry this phase)
 *	supervisor  → CONTROL_PHASE_END {int phase}
 *	role        → CONTROL_PHASE_ENDED {int phase, int events, int dropped}
 *	                all facts of the phase are written to descriptor 4
 *	supervisor  → CONTROL_STOP; role flushes, closes 4, exits 0
 * End of file on 3 means the same as CONTROL_STOP.
 */
#ifndef RUNFILE_CONTROL_H
#define RUNFILE_CONTROL_H

enum control_type {
	CONTROL_READY = 1,
	CONTROL_FAILED,
	CONTROL_PHASE_BEGIN,
	CONTROL_PHASE_END,
	CONTROL_PHASE_ENDED,
	CONTROL_STOP,

	/* scribe: {int producer} with the descriptor of a facts channel */
	SCRIBE_ATTACH = 32,
	/* scribe: drain all attached channels to their end, link, commit */
	SCRIBE_SYNC,
	SCRIBE_SYNCED, /* {int facts, int refused, str first refusal} */

	/* other roles' own messages: from 64 on, in their headers */
	CONTROL_ROLE = 64,
};

/* Who is at the other end of a facts channel: decides which kinds of facts
 * scribe takes from it. */
enum producer {
	PRODUCER_SUPERVISOR,
	PRODUCER_RECORD,
	PRODUCER_SINK,
	PRODUCER_UNPACK,
	PRODUCER_REPLY,
	PRODUCER_JUDGE,
	PRODUCER__MAX
};

#define CONTROL_FD 3
#define FACTS_FD   4

#endif
