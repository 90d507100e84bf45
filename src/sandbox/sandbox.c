/* SPDX-License-Identifier: Apache-2.0 */
/* What others may know about a running sandbox. Runs in supervisors. */
#include "sandbox/sandbox.h"

#include <stddef.h>

#include "base/json.h"
#include "sandbox/sandbox_priv.h"

const char *
sandbox_name(const struct sandbox *s)
{
	return s->run.name;
}

const char *
sandbox_run_dir(const struct sandbox *s)
{
	return s->run.path;
}

uint64_t
sandbox_cgroup_id(const struct sandbox *s)
{
	return s->cgroup.id2;
}

const char *
sandbox_cgroup_path(const struct sandbox *s)
{
	return s->cgroup.path2[0] != '\0' ? s->cgroup.path2 : NULL;
}

int
sandbox_cgroup_fd(const struct sandbox *s)
{
	return s->cgroup.fd2;
}

pid_t
sandbox_init_pid(const struct sandbox *s)
{
	return s->init.pid;
}

int
sandbox_init_pidfd(const struct sandbox *s)
{
	return s->init.pidfd;
}

uint32_t
sandbox_uid_base(const struct sandbox *s)
{
	return s->mounts.uid_base;
}

int
sandbox_upper_fd(const struct sandbox *s)
{
	return s->mounts.upper;
}

int
sandbox_root_fd(const struct sandbox *s)
{
	return s->mounts.root;
}

int
sandbox_shm_fd(const struct sandbox *s)
{
	return s->mounts.shm;
}

int
sandbox_lower_fd(const struct sandbox *s, size_t i)
{
	if (i == 0)
		return s->mounts.put;
	return i <= s->mounts.n_layers ? s->mounts.layers[i - 1] : -1;
}

int
sandbox_put_fd(const struct sandbox *s)
{
	return sandbox_lower_fd(s, 0);
}

const struct sandbox_network_info *
sandbox_network(const struct sandbox *s)
{
	return s->has_network ? &s->network : NULL;
}

int
sandbox_netns_fd(const struct sandbox *s)
{
	return s->net.inside;
}

int
sandbox_sink_netns_fd(const struct sandbox *s)
{
	return s->net.sink;
}

const char *
sandbox_describe(const struct sandbox *s)
{
	return s->described;
}

void
sandbox_describe_json(const struct sandbox *s, struct json *j)
{
	struct str lines = str_of(s->described), line;

	json_key(j, "isolation");
	json_array_begin(j);
	while (str_cut(&lines, '\n', &line))
		if (line.n > 0)
			json_str(j, line);
	json_array_end(j);
}
