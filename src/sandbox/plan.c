/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what is wanted to a list of operations: data that can be printed and
 * compared, and nothing done yet. Runs in supervisors.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/sandbox_priv.h"
#include "sys/rootless.h"

/* A mask that says nothing, for what is a file and what is a folder. */
#define MASK_FILE   "empty"
#define MASK_FOLDER "none"
#define MASK_BYTES  "256k"

#define TEXT_OF(word) #word
#define TEXT(word)    TEXT_OF(word)

static const char *const host_names[OP__MAX] = {
	[OP_ROOTLESS] = "user-namespace",
	[OP_RUN_FOLDER] = "run-folder",
	[OP_WARDEN] = "warden",
	[OP_CGROUP] = "cgroup",
	[OP_NETWORK] = "network",
	[OP_CLOCK] = "clock",
	[OP_NAMESPACES] = "namespaces",
	[OP_LAYER] = "layer",
	[OP_PUT_LAYER] = "put-layer",
	[OP_PUT] = "put",
	[OP_UPPER] = "upper",
	[OP_OVERLAY] = "overlay",
	[OP_DEVICES] = "devices",
	[OP_SHM] = "shm",
	[OP_MASKS] = "masks",
	[OP_MASK] = "mask",
	[OP_FILTER] = "filter",
};

static const char *const inside_names[INIT_OP__MAX] = {
	[INIT_OP_PRIVATE] = "private",
	[INIT_OP_ROOT] = "root",
	[INIT_OP_MOUNT] = "mount",
	[INIT_OP_MASKS] = "cover",
	[INIT_OP_DEVPTS] = "devpts",
	[INIT_OP_PROC] = "proc",
	[INIT_OP_HIDE] = "hide",
	[INIT_OP_SETTING] = "setting",
	[INIT_OP_READONLY] = "read-only",
	[INIT_OP_PLACE] = "place",
	[INIT_OP_PIVOT] = "pivot",
	[INIT_OP_HOSTNAME] = "hostname",
	[INIT_OP_CGROUP_NS] = "cgroup-namespace",
	[INIT_OP_RLIMIT] = "rlimit",
	[INIT_OP_CAPABILITIES] = "capabilities",
	[INIT_OP_NO_NEW_PRIVS] = "no-new-privs",
	[INIT_OP_LANDLOCK] = "landlock",
	[INIT_OP_SECCOMP] = "seccomp",
	[INIT_OP_VERIFY] = "verify",
	[INIT_OP_UNREADABLE] = "unreadable",
};

const char *
op_name(const struct op *op)
{
	assert(op->kind < OP__MAX && op->inside < INIT_OP__MAX);
	return op->kind == OP_INSIDE ? inside_names[op->inside] :
				       host_names[op->kind];
}

void
sandbox_spec_init(struct sandbox_spec *spec)
{
	*spec = (struct sandbox_spec){ .put_identity = true,
		.rootless = !rootless_has_root() };
}

static void
add(struct sandbox_plan *p, struct op op)
{
	if (!sandbox_omits(p->spec, op_name(&op), op.a))
		vec_push(&p->ops, op);
}

#define HOST(k, ...) ((struct op){ .kind = (k), __VA_ARGS__ })
#define INSIDE(k, ...) \
	((struct op){ .kind = OP_INSIDE, .inside = (k), __VA_ARGS__ })

/* --- limits --- */

static int64_t
or_default(int64_t v, int64_t otherwise)
{
	return v != 0 ? v : otherwise;
}

static int
choose_limits(struct sandbox_plan *p, struct error *err)
{
	const struct sandbox_limits *w = &p->spec->limits;
	struct sandbox_limits l = {
		or_default(w->memory_bytes, LIMIT_SANDBOX_MEMORY_BYTES),
		or_default(w->disk_bytes, LIMIT_SANDBOX_DISK_BYTES),
		or_default(w->disk_inodes, LIMIT_SANDBOX_DISK_INODES),
		or_default(w->pids, LIMIT_SANDBOX_PIDS),
		or_default(w->cpu_percent, LIMIT_SANDBOX_CPU_PERCENT),
		w->cpu_ms,
		or_default(w->open_files, LIMIT_SANDBOX_OPEN_FILES),
		or_default(w->file_bytes, LIMIT_SANDBOX_FILE_BYTES),
	};

	if (l.memory_bytes < 16ll * MIB || l.disk_bytes < 64 * KIB ||
	    l.disk_inodes < 16 || l.pids < 2 || l.cpu_percent < 1 ||
	    l.cpu_ms < 0 || l.open_files < 16 || l.file_bytes < 0)
		return error_set(err, -EINVAL,
		    "sandbox: a limit is too low to start anything (memory "
		    "16M, disk 64K, 2 processes, 16 open files)");
	p->limits = l;
	return 0;
}

/* --- operations of the supervisor --- */

/* Before all that takes no network: a child makes it meanwhile. */
static void
plan_network(struct sandbox_plan *p)
{
	const struct sandbox_network_info *n = &p->network;
	const char *owner = p->spec->rootless ? "caller's" : "host's";
	struct arena *a = p->arena;

	if (p->spec->network == SANDBOX_NETWORK_SINK)
		add(p,
		    HOST(OP_NETWORK,
			.text = arena_printf(a,
			    "two namespaces of the %s user namespace; "
			    "%s %s/%d %s/%d — %s %s %s; loopback; default "
			    "route to the sink",
			    owner, n->interface, n->address4, n->prefix4,
			    n->address6, n->prefix6, n->sink_interface,
			    n->sink_address4, n->sink_address6)));
	else
		add(p,
		    HOST(OP_NETWORK,
			.text = arena_printf(a,
			    "a namespace of the %s user namespace; loopback "
			    "alone",
			    owner)));
}

static void
plan_surroundings(struct sandbox_plan *p)
{
	const struct sandbox_limits *l = &p->limits;
	struct arena *a = p->arena;
	bool rootless = p->spec->rootless;

	if (rootless)
		add(p,
		    HOST(OP_ROOTLESS,
			.text = "the caller's own: 0 is the caller, 1…65536 "
				"are its subordinate ids; all below happens "
				"in it"));
	plan_network(p);
	add(p,
	    HOST(OP_RUN_FOLDER,
		.text = rootless ?
		    "locked; stale ones are swept; user ids 1…65536, which "
		    "sandboxes of this user share" :
		    "locked; stale ones are swept; its number is that of "
		    "a free range of 65536 user ids"));
	add(p,
	    HOST(OP_WARDEN,
		.text = "kills and removes all of this when we are gone"));
	add(p,
	    HOST(OP_CGROUP,
		.text = arena_printf(a,
		    "lazaret-RUN in %s: memory %" PRId64 " bytes, %" PRId64
		    " processes, %" PRId64 " %% of a processor%s",
		    rootless ? "the caller's cgroup, if it was delegated" :
			       "every hierarchy",
		    l->memory_bytes, l->pids, l->cpu_percent,
		    rootless ? "; otherwise rlimits, and we count and kill" :
			       "")));
	add(p,
	    HOST(OP_CLOCK, .n = p->uptime_s,
		.text = arena_printf(a,
		    "time namespace: up since %" PRId64 " s", p->uptime_s)));
	add(p, HOST(OP_FILTER, .text = "seccomp programs"));
	add(p,
	    HOST(OP_NAMESPACES,
		.text = "init in new user, mount, pid, ipc and uts "
			"namespaces, with its own 65536 ids, in its cgroup"));
}

static void
plan_files(struct sandbox_plan *p)
{
	struct arena *a = p->arena;

	for (size_t i = 0; i < p->spec->n_layers; i++) {
		const struct sandbox_layer *l = &p->spec->layers[i];

		add(p,
		    HOST(OP_LAYER, .n = (int64_t)i,
			.text = arena_printf(a, "%s, read-only, %s",
			    l->fd >= 0 ? "(descriptor)" : l->path,
			    p->spec->rootless ?
				"of the subordinate ids" :
				"idmapped, or a copy where that cannot be")));
	}
	add(p, HOST(OP_PUT_LAYER, .text = "tmpfs for the files below"));
	for (size_t i = 0; i < p->files.n; i++) {
		const struct sandbox_file *f = &p->files.v[i];

		add(p,
		    HOST(OP_PUT, .n = (int64_t)i, .a = f->path,
			.text = arena_printf(a, "%s, mode %04o, owner %u:%u",
			    f->path, f->mode, f->uid, f->gid)));
	}
	add(p,
	    HOST(OP_UPPER, .n = p->limits.disk_bytes,
		.m = p->limits.disk_inodes,
		.text = arena_printf(a,
		    "tmpfs for changes: %" PRId64 " bytes, %" PRId64 " files",
		    p->limits.disk_bytes, p->limits.disk_inodes)));
	add(p,
	    HOST(OP_OVERLAY,
		.text = p->spec->rootless ?
		    "all of these, with user.* attributes; detached, or by "
		    "path where the kernel cannot" :
		    p->spec->test_by_path ?
		    "all of these, by path in a private mount namespace" :
		    "all of these, detached; by path in a private mount "
		    "namespace where the kernel cannot"));
}

static void
plan_devices(struct sandbox_plan *p)
{
	struct arena *a = p->arena;

	add(p,
	    HOST(OP_DEVICES,
		.text = p->spec->rootless ?
		    "null zero full random urandom tty of the host, ptmx; "
		    "pts, shm" :
		    "null zero full random urandom tty ptmx; pts, shm"));
	add(p,
	    HOST(OP_SHM, .n = p->limits.disk_bytes / 4,
		.m = p->limits.disk_inodes / 4,
		.text = arena_printf(a, "tmpfs of %" PRId64 " bytes",
		    p->limits.disk_bytes / 4)));
}

/* --- operations of init --- */

/* Covered by an empty file, an empty folder, or a text of our own. */
static const struct hidden {
	const char *path, *mask;
} hidden[] = {
	{ "/proc/kcore", MASK_FILE },
	{ "/proc/keys", MASK_FILE },
	{ "/proc/key-users", MASK_FILE },
	{ "/proc/kmsg", MASK_FILE },
	{ "/proc/kallsyms", MASK_FILE },
	{ "/proc/kpagecount", MASK_FILE },
	{ "/proc/kpageflags", MASK_FILE },
	{ "/proc/kpagecgroup", MASK_FILE },
	{ "/proc/config.gz", MASK_FILE },
	{ "/proc/modules", MASK_FILE },
	{ "/proc/interrupts", MASK_FILE },
	{ "/proc/softirqs", MASK_FILE },
	{ "/proc/iomem", MASK_FILE },
	{ "/proc/ioports", MASK_FILE },
	{ "/proc/partitions", MASK_FILE },
	{ "/proc/diskstats", MASK_FILE },
	{ "/proc/sched_debug", MASK_FILE },
	{ "/proc/schedstat", MASK_FILE },
	{ "/proc/latency_stats", MASK_FILE },
	{ "/proc/timer_list", MASK_FILE },
	{ "/proc/timer_stats", MASK_FILE },
	{ "/proc/vmallocinfo", MASK_FILE },
	{ "/proc/slabinfo", MASK_FILE },
	{ "/proc/pagetypeinfo", MASK_FILE },
	{ "/proc/acpi", MASK_FOLDER },
	{ "/proc/asound", MASK_FOLDER },
	{ "/proc/scsi", MASK_FOLDER },
	{ "/proc/driver", MASK_FOLDER },
	{ "/proc/fs", MASK_FOLDER },
	{ "/proc/irq", MASK_FOLDER },
	{ "/proc/bus", MASK_FOLDER },
	{ "/proc/cmdline", "cmdline" },
	{ "/proc/version", "version" },
};
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static void
plan_masks(struct sandbox_plan *p)
{
	struct utsname u;

	(void)uname(&u);
	add(p, HOST(OP_MASKS, .text = "tmpfs for what covers files of /proc"));
	add(p, HOST(OP_MASK, .a = MASK_FILE, .b = "", .text = MASK_FILE));
	add(p, HOST(OP_MASK, .a = MASK_FOLDER, .text = MASK_FOLDER));
	add(p,
	    HOST(OP_MASK, .a = "boot_id",
		.b = arena_printf(p->arena, "%s\n", p->boot_id),
		.text = arena_printf(p->arena, "boot_id: %s", p->boot_id)));
	add(p,
	    HOST(OP_MASK, .a = "cmdline",
		.b = arena_printf(p->arena,
		    "BOOT_IMAGE=/boot/vmlinuz-%s root=/dev/sda1 ro quiet\n",
		    u.release),
		.text = "cmdline: as of a machine started by a boot loader"));
	/* What uname(2) says in any case, without who built the kernel. */
	add(p,
	    HOST(OP_MASK, .a = "version",
		.b = arena_printf(p->arena,
		    "Linux version %s (root@localhost) (gcc 14.2.0, GNU ld "
		    "2.44) %s\n",
		    u.release, u.version),
		.text = "version: the kernel, not who built it"));
}

static void
hide(struct sandbox_plan *p, const char *path, const char *mask)
{
	add(p,
	    INSIDE(INIT_OP_HIDE, .a = path, .b = mask,
		.text = arena_printf(p->arena, "%s behind %s", path, mask)));
}

/* Whoever has no root makes no device nodes. */
static void
plan_nodes(struct sandbox_plan *p)
{
	for (int i = 0; i < MOUNTS_NODES && p->spec->rootless; i++)
		add(p,
		    INSIDE(INIT_OP_MOUNT,
			.a = arena_printf(p->arena, "/dev/%s",
			    mounts_node((size_t)i)),
			.n = OP_MOUNT_NODE + i, .text = "the host's node"));
}

/* Before there is a root: init does this while the supervisor makes one. */
static void
plan_proc(struct sandbox_plan *p)
{
	add(p, INSIDE(INIT_OP_PRIVATE, .text = "no mount leaves"));
	add(p, INSIDE(INIT_OP_MASKS, .text = "what covers, over the old /dev"));
	add(p,
	    INSIDE(INIT_OP_PROC, .a = "/proc",
		.b = sandbox_omits(p->spec, "hidepid", NULL) ? "" : "hidepid=2",
		.text = "/proc, processes of others invisible"));
	/* What is counted here is counted for whoever made this namespace as
	 * well: 128 of them, and root itself would have none. */
	add(p,
	    INSIDE(INIT_OP_SETTING,
		.a = sandbox_omits(p->spec, "kernel", "inotify") ?
		    "/proc/sys/user/not-there" :
		    "/proc/sys/user/max_inotify_instances",
		.b = TEXT(LIMIT_SANDBOX_INOTIFY),
		.text = "/proc/sys/user/max_inotify_instances: " TEXT(
		    LIMIT_SANDBOX_INOTIFY)));
	add(p, INSIDE(INIT_OP_READONLY, .a = "/proc/sys", .text = "/proc/sys"));
	add(p,
	    INSIDE(INIT_OP_READONLY, .a = "/proc/sysrq-trigger",
		.text = "/proc/sysrq-trigger"));
	hide(p, BOOT_ID, "boot_id");
	for (size_t i = 0; i < N_ELEMENTS(hidden); i++)
		hide(p, hidden[i].path, hidden[i].mask);
}

static void
plan_root(struct sandbox_plan *p)
{
	add(p, INSIDE(INIT_OP_ROOT, .text = "the overlay"));
	add(p,
	    INSIDE(INIT_OP_MOUNT, .a = "/dev", .n = OP_MOUNT_DEV,
		.text = "/dev"));
	plan_nodes(p);
	add(p,
	    INSIDE(INIT_OP_MOUNT, .a = "/dev/shm", .n = OP_MOUNT_SHM,
		.text = "/dev/shm"));
	add(p,
	    INSIDE(INIT_OP_DEVPTS, .a = "/dev/pts",
		.text = "/dev/pts, a new instance"));
	add(p,
	    INSIDE(INIT_OP_PLACE, .a = "/proc",
		.text = "/proc, with what covers it"));
	add(p, INSIDE(INIT_OP_PIVOT, .text = "the old root is gone"));
}

static void
limit(struct sandbox_plan *p, const char *name, int resource, int64_t value)
{
	add(p,
	    INSIDE(INIT_OP_RLIMIT, .a = name, .n = resource, .m = value,
		.text = arena_printf(p->arena, "%s %" PRId64, name, value)));
}

/* Never the address space: V8 reserves more than any machine has. */
static void
plan_rlimits(struct sandbox_plan *p)
{
	/* 1, not 0: also no core_pattern of the host that is a pipe, whose
	 * program would read the dump as the host's root. */
	limit(p, "core", RLIMIT_CORE, 1);
	limit(p, "open files", RLIMIT_NOFILE, p->limits.open_files);
	limit(p, "file size", RLIMIT_FSIZE, p->limits.file_bytes);
	/* Also where there is no cgroup: user ids are this sandbox's alone. */
	limit(p, "processes of a user", RLIMIT_NPROC, p->limits.pids);
	limit(p, "locked memory", RLIMIT_MEMLOCK, 8ll * MIB);
	limit(p, "message queues", RLIMIT_MSGQUEUE, 800 * (int64_t)KIB);
	limit(p, "pending signals", RLIMIT_SIGPENDING, 1024);
	limit(p, "real-time priority", RLIMIT_RTPRIO, 0);
}

/* Mount points that may be there, NUL-terminated, for the look from inside. */
static void
plan_verify(struct sandbox_plan *p)
{
	static const char *const fixed[] = { "/", "/dev", "/dev/shm",
		"/dev/pts", "/proc", "/proc/sys", "/proc/sysrq-trigger",
		BOOT_ID };
	struct buf list;
	struct str s;

	buf_init(&list, 64 * KIB);
	for (size_t i = 0; i < N_ELEMENTS(fixed); i++)
		buf_put(&list, fixed[i], strlen(fixed[i]) + 1);
	for (size_t i = 0; i < N_ELEMENTS(hidden); i++)
		buf_put(&list, hidden[i].path, strlen(hidden[i].path) + 1);
	for (size_t i = 0; i < MOUNTS_NODES && p->spec->rootless; i++) {
		buf_printf(&list, "/dev/%s", mounts_node(i));
		buf_putc(&list, '\0');
	}
	s = arena_str(p->arena, buf_str(&list));
	buf_done(&list);
	add(p,
	    INSIDE(INIT_OP_VERIFY, .b = s.p, .b_size = s.n, .n = p->uid,
		.m = p->gid,
		.text = "as the user: capabilities, no_new_privs, filter, "
			"ids, mounts, /proc/sys, descriptors, processes"));
}

static void
plan_rights(struct sandbox_plan *p)
{
	add(p,
	    INSIDE(INIT_OP_HOSTNAME, .a = p->hostname, .b = "(none)",
		.text = p->hostname));
	add(p, INSIDE(INIT_OP_CGROUP_NS, .text = "its own root"));
	plan_rlimits(p);
	add(p,
	    INSIDE(INIT_OP_CAPABILITIES,
		.m = sandbox_omits(p->spec, "command-rights", NULL),
		.text = "init: setuid setgid setpcap kill; commands: none"));
	add(p, INSIDE(INIT_OP_NO_NEW_PRIVS, .text = "for ever"));
	if (!p->spec->test_no_landlock)
		add(p,
		    INSIDE(INIT_OP_LANDLOCK,
			.text = "commands: no devices, nothing written to "
				"/proc, /sys and /; where there is Landlock"));
	for (int i = 0; i < FILTER_PROGRAMS; i++)
		add(p,
		    INSIDE(INIT_OP_SECCOMP, .n = i,
			.m = p->spec->watch_program.p != NULL,
			.text = i == 0 ? "kills foreign architectures and "
					 "x32; refuses what --calls lists" :
					 "refuses calls that are too new"));
	plan_verify(p);
	add(p,
	    INSIDE(INIT_OP_UNREADABLE,
		.text = "init, to commands that have its rights"));
}

/* --- the plan --- */

static int
check_spec(const struct sandbox_spec *s, struct error *err)
{
	if (s->n_layers == 0 || s->n_layers > LIMIT_SANDBOX_LAYERS)
		return error_set(err, -EINVAL, "sandbox: one to %d layers",
		    LIMIT_SANDBOX_LAYERS);
	for (size_t i = 0; i < s->n_files; i++) {
		const char *path = s->files[i].path;

		if (path == NULL || path[0] != '/' || path[1] == '\0' ||
		    strstr(path, "/../") != NULL || strstr(path, "//") != NULL)
			return error_set(err, -EINVAL,
			    "put %s: an absolute path is needed",
			    path != NULL ? path : "(nothing)");
	}
	if (s->home != NULL && (s->home[0] != '/' || s->home[1] == '\0'))
		return error_set(err, -EINVAL, "home %s: not absolute",
		    s->home);
	return 0;
}

int
sandbox_plan(const struct sandbox_spec *spec, struct sandbox_plan **ret,
    struct error *err)
{
	_cleanup_(sandbox_plan_freep) struct sandbox_plan *p = NULL;
	int rc = check_spec(spec, err);

	if (rc != 0)
		return rc;
	p = mem_alloc(sizeof(*p));
	p->magic = SANDBOX_PLAN_MAGIC;
	p->arena = arena_new(64 * MIB);
	p->spec = spec;
	for (size_t i = 0; i < spec->n_files; i++)
		vec_push(&p->files, spec->files[i]);
	rc = choose_limits(p, err);
	if (rc == 0)
		rc = identity_draw(p, err);
	if (rc == 0)
		rc = identity_files(p, err);
	if (rc != 0)
		return rc;
	plan_surroundings(p);
	plan_masks(p);
	plan_proc(p);
	plan_devices(p);
	plan_files(p);
	plan_root(p);
	plan_rights(p);
	*ret = steal(&p);
	return 0;
}

void
sandbox_plan_free(struct sandbox_plan *p)
{
	if (p == NULL)
		return;
	assert(p->magic == SANDBOX_PLAN_MAGIC);
	p->magic = 0;
	arena_free(p->arena);
	vec_done(&p->files);
	vec_done(&p->ops);
	free(p);
}

void
sandbox_plan_freep(struct sandbox_plan **p)
{
	sandbox_plan_free(*p);
	*p = NULL;
}

const struct sandbox_network_info *
sandbox_plan_network(const struct sandbox_plan *p)
{
	return p->spec->network == SANDBOX_NETWORK_SINK ? &p->network : NULL;
}

const char *
sandbox_plan_hostname(const struct sandbox_plan *p)
{
	return p->hostname;
}

void
sandbox_plan_print(const struct sandbox_plan *p, struct buf *out)
{
	const struct op *op;

	vec_foreach(op, &p->ops)
		buf_printf(out, "%-6s  %-16s  %s\n",
		    op->kind == OP_INSIDE ? "inside" : "host", op_name(op),
		    op->text);
}

void
sandbox_plan_json(const struct sandbox_plan *p, struct buf *out)
{
	const struct op *op;
	struct json j;

	json_init(&j, out, 2);
	json_object_begin(&j);
	json_key(&j, "operations");
	json_array_begin(&j);
	vec_foreach(op, &p->ops) {
		json_object_begin(&j);
		json_key(&j, "where");
		json_strz(&j, op->kind == OP_INSIDE ? "inside" : "host");
		json_key(&j, "operation");
		json_strz(&j, op_name(op));
		json_key(&j, "path");
		json_strz(&j, op->a);
		json_key(&j, "text");
		json_strz(&j, op->text);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_key(&j, "refused_calls");
	filter_json(&j);
	json_object_end(&j);
	buf_putc(out, '\n');
}
