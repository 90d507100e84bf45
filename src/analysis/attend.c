/* SPDX-License-Identifier: Apache-2.0 */
/* See attend.h. */
#include "analysis/attend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "record/watch.h"

void
attend_spec(enum record_means means, struct buf *program,
    struct sandbox_spec *spec)
{
	buf_init(program, MIB);
	if (means == RECORD_EBPF)
		return;
	watch_program(means, program);
	spec->watch_program = buf_str(program);
	spec->watch_action =
	    means == RECORD_NOTIFY ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_TRACE;
}

static int
start_ebpf(struct record *r, struct sandbox *s, struct record_start *start,
    struct error *err)
{
	const char *path = sandbox_cgroup_path(s);
	_cleanup_(closep) int cgroup = -1;

	if (path == NULL)
		return error_set(err, -ENOTSUP,
		    "the recorder needs cgroup v2: mount -t cgroup2 none "
		    "/sys/fs/cgroup/unified, or --recorder=notify");
	cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0)
		return error_errno(err, "cannot open %s", path);
	start->cgroup_fd = cgroup;
	return record_start(r, start, err);
}

int
attend_start(enum record_means means, struct record *r, struct sandbox *s,
    struct error *err)
{
	struct record_start start = { .cgroup_fd = -1,
		.upper_fd = sandbox_upper_fd(s),
		.target = sandbox_init_pid(s),
		.listener_fd = -1 };
	int rc = 0;

	if (means == RECORD_EBPF)
		return start_ebpf(r, s, &start, err);
	for (size_t i = 0; i < RECORD_PROGRAMS; i++)
		start.programs[i] = sandbox_filter(s, i);
	/* A listener is there before who listens, a tracer before the filter:
	 * a call marked for tracing is refused where nobody traces. */
	if (means == RECORD_NOTIFY)
		rc = sandbox_watch(s, &start.listener_fd, err);
	if (rc == 0)
		rc = record_start(r, &start, err);
	if (rc == 0 && means == RECORD_PTRACE)
		rc = sandbox_watch(s, NULL, err);
	closep(&start.listener_fd);
	return rc;
}

void
attend_host_json(const struct sandbox *s, const struct attend_host *h,
    struct buf *out)
{
	const struct {
		const char *key, *value;
	} members[] = { { "no_better_recorder", h->no_better },
		{ "recorder_programs", h->programs },
		{ "why_own_programs", h->why_own } };
	struct json j;

	json_init(&j, out, 0);
	json_object_begin(&j);
	sandbox_describe_json(s, &j);
	for (size_t i = 0; i < N_ELEMENTS(members); i++)
		if (members[i].value != NULL && *members[i].value != '\0') {
			json_key(&j, members[i].key);
			json_strz(&j, members[i].value);
		}
	json_object_end(&j);
}
