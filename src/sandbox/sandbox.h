/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sandbox: plan, start, run commands in it, stop. Used by a supervisor
 * that is single-threaded, runs as root (of the host, or of what
 * sys/rootless.h makes) and waits in one poll loop.
 *
 *	sandbox_plan(&spec, &plan, &err);     pure data, printable
 *	sandbox_start(plan, &sandbox, &err);  applied and verified from inside
 *	sandbox_exec(sandbox, &command, &id, &err);
 *	poll sandbox_fd(): while (sandbox_next(sandbox, &event, &err) == 1) …
 *	sandbox_free(sandbox);                stops it when it still runs
 *
 * The file system persists from command to command. A warden (role/warden)
 * cleans up when the supervisor dies in any way. While sandbox_start() runs,
 * the calling process enters network and time namespaces and comes back.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/str.h"

struct buf;
struct error;
struct json;
struct progress;
struct sandbox; /* opaque */
struct sandbox_plan; /* opaque; immutable once made */

/* A layer of the root file system: a folder owned by root on the host, never
 * written. Its ids 0…65535 are shown as 0…65535 inside. Rootless: owned by the
 * ids that are 0…65535 inside. */
struct sandbox_layer {
	const char *path; /* absolute; ignored when fd >= 0 */
	int fd; /* of a folder, borrowed until sandbox_start() ends; or -1 */
};

/* A file or folder that is there before the first command: it lies in a
 * read-only layer of its own, so the upper layer has only what commands did.
 * Missing parent folders are made: as in the layers below where those have
 * them, otherwise 0755, owned by the user below its home and by root
 * elsewhere. */
struct sandbox_file {
	const char *path; /* absolute, without "." and ".." */
	enum sandbox_file_kind {
		SANDBOX_FILE_BYTES, /* content from bytes */
		SANDBOX_FILE_FD, /* content read from fd, from offset 0 */
		SANDBOX_FILE_DIR,
		SANDBOX_FILE_SYMLINK, /* bytes is the target */
		SANDBOX_FILE__MAX
	} kind;
	struct str bytes; /* borrowed */
	int fd; /* borrowed until sandbox_start() ends */
	unsigned mode; /* 07777; 0: 0644, folders 0755 */
	uint32_t uid, gid; /* inside */
	int64_t mtime; /* seconds since 1970; 0: now */
};

/* 0 means the default of base/limits.h. */
struct sandbox_limits {
	int64_t memory_bytes; /* with what lies in the upper layer */
	int64_t disk_bytes, disk_inodes; /* of the upper layer */
	int64_t pids; /* processes and threads */
	int64_t cpu_percent; /* of one processor; 200: two of them */
	int64_t cpu_ms; /* processor time in all; 0: no limit */
	int64_t open_files; /* per process */
	int64_t file_bytes; /* largest single file */
};

enum sandbox_network {
	SANDBOX_NETWORK_OFF, /* loopback alone */
	SANDBOX_NETWORK_SINK, /* veth to a second namespace, for the sink */
	SANDBOX_NETWORK__MAX
};

struct sandbox_early;

struct sandbox_spec {
	const struct sandbox_layer *layers; /* topmost first, at least one */
	size_t n_layers;
	const struct sandbox_file *files;
	size_t n_files;
	struct sandbox_limits limits;
	enum sandbox_network network;
	/* Of the same network, and for one start: a later one does without;
	 * NULL: begun with the start. Borrowed. */
	struct sandbox_early *early;

	/* What the inside shows. NULL or 0: drawn per run. */
	const char *hostname; /* default: drawn, "dev-3f9a" and the like */
	const char *user; /* default "user" */
	const char *home; /* default /home/USER */
	uint32_t uid, gid; /* default 1000 */
	const char *machine_id; /* 32 hex digits, becomes /etc/machine-id */
	const char *boot_id; /* UUID in /proc/sys/kernel/random/boot_id */
	int64_t uptime_s; /* at start; default: some hours to some weeks */
	/* user, home, machine id, hostname: /etc/{passwd,group,hostname,hosts,
	 * resolv.conf,machine-id} are put unless files[] has them. false: the
	 * layers and files[] have all of it. */
	bool put_identity;

	const char *state; /* value of --state; NULL: default */
	/* Shown while layers are copied because their file system cannot show
	 * other ids; may be NULL. */
	struct progress *progress;

	/* Without the host's root, in the namespace of rootless_enter(): what
	 * the plan then does otherwise. */
	bool rootless;

	/*
	 * Without eBPF the recorder stops processes at calls: a program
	 * (struct sock_filter[]) that answers with watch_action
	 * (SECCOMP_RET_USER_NOTIF or _TRACE) or falls off its end. It stands
	 * before isolation's own, whose refusals become watch_action too, or
	 * nobody would hear of them: the recorder gives the answer, by
	 * sandbox_filter(). p NULL: isolation refuses by itself.
	 */
	struct str watch_program; /* borrowed until sandbox_watch() */
	uint32_t watch_action;

	/* For tests alone: attach layers by path even where descriptors work;
	 * pretend that there are no cgroup controllers, no Landlock; leave out
	 * safeguards, by names with commas between: operations ("pivot", or
	 * with what they are about, "hide:/proc/keys"), "hidepid", "ipc" (the
	 * namespace), "command-rights" (commands keep those of init),
	 * "kernel:inotify" (as if it could not be limited), and of the filter
	 * "filter:CALL", "filter:CALL:FLAG", "filter:families",
	 * "filter:netlink", "filter:core", "filter:arch", "filter:newer". */
	bool test_by_path, test_no_cgroup, test_no_landlock;
	const char *test_omit;
};

/* Everything off, put_identity on; rootless as this process is. */
void sandbox_spec_init(struct sandbox_spec *spec);

/* Has the network namespaces made, which takes longest, while the caller finds
 * out what else belongs to the spec. As root, or after rootless_enter(). */
int sandbox_early_new(enum sandbox_network network, struct sandbox_early **ret,
    struct error *err);
void sandbox_early_free(struct sandbox_early *e); /* accepts NULL */
void sandbox_early_freep(struct sandbox_early **e);

/* Draws what is not given and lists every operation. Nothing is done yet;
 * spec and what it borrows must outlive sandbox_start(). */
int sandbox_plan(const struct sandbox_spec *spec, struct sandbox_plan **ret,
    struct error *err);
void sandbox_plan_print(const struct sandbox_plan *p, struct buf *out);
void sandbox_plan_json(const struct sandbox_plan *p, struct buf *out);
void sandbox_plan_free(struct sandbox_plan *p); /* accepts NULL */
void sandbox_plan_freep(struct sandbox_plan **p);

/* Applies the plan; nothing is left behind when it fails. -EPERM without
 * root. The plan stays the caller's and may be freed afterwards. */
int sandbox_start(const struct sandbox_plan *p, struct sandbox **ret,
    struct error *err);
/* The same in two steps: init still applies and verifies. Commands may be given
 * meanwhile; they run after that, and only then. What goes wrong is an error of
 * sandbox_ready() or sandbox_next(). */
int sandbox_begin(const struct sandbox_plan *p, struct sandbox **ret,
    struct error *err);
int sandbox_ready(struct sandbox *s, struct error *err);

/* --- what others need to know about a running sandbox --- */

const char *sandbox_name(const struct sandbox *s); /* of its run folder */
const char *sandbox_run_dir(const struct sandbox *s); /* removed at the end */
uint64_t sandbox_cgroup_id(const struct sandbox *s); /* v2; 0: no cgroup2 */
const char *sandbox_cgroup_path(const struct sandbox *s); /* v2; NULL: none */
int sandbox_cgroup_fd(const struct sandbox *s); /* v2; O_PATH; -1: none */
pid_t sandbox_init_pid(const struct sandbox *s); /* in our pid namespace */
int sandbox_init_pidfd(const struct sandbox *s); /* borrowed */
uint32_t sandbox_uid_base(const struct sandbox *s); /* host uid of uid 0 */
/* O_PATH folders, borrowed; valid until sandbox_free(), also after stop. */
int sandbox_upper_fd(const struct sandbox *s); /* changes alone, host ids */
int sandbox_root_fd(const struct sandbox *s); /* merged, as seen inside */
int sandbox_shm_fd(const struct sandbox *s); /* /dev/shm: not in the upper */
/* Lower layers, uppermost first: that of sandbox_spec.files is number 0; -1
 * when there is no layer i. Ids are those of the host. */
int sandbox_lower_fd(const struct sandbox *s, size_t i);
int sandbox_put_fd(const struct sandbox *s); /* number 0 of them */

/* Addresses of the veth pair, printable; drawn per run. The sink side is the
 * gateway and, in resolv.conf, the name server. */
struct sandbox_network_info {
	char interface[16]; /* inside, "eth0" */
	char address4[16], address6[46];
	int prefix4, prefix6;
	char sink_interface[16];
	char sink_address4[16], sink_address6[46];
};
/* NULL with SANDBOX_NETWORK_OFF. */
const struct sandbox_network_info *sandbox_network(const struct sandbox *s);
int sandbox_netns_fd(const struct sandbox *s); /* borrowed */
int sandbox_sink_netns_fd(const struct sandbox *s); /* borrowed; -1: none */

/* The same addresses before the start, for configuration files. */
const struct sandbox_network_info *sandbox_plan_network(
    const struct sandbox_plan *p);
const char *sandbox_plan_hostname(const struct sandbox_plan *p);

/* What isolation there is, for the record: "ns", "userns", "landlock 7",
 * "memory: cgroup v1", … one per line. */
const char *sandbox_describe(const struct sandbox *s);
/* The same as the member "isolation" of an open object, an array. */
void sandbox_describe_json(const struct sandbox *s, struct json *j);

/* Of a sandbox with a watch_program, before its first command: from now on
 * init and commands run under it. ret_listener: owned by the caller; NULL: a
 * tracer, which holds init already. */
int sandbox_watch(struct sandbox *s, int *ret_listener, struct error *err);
/* What isolation refuses, as programs: p NULL when there is no program i. */
struct str sandbox_filter(const struct sandbox *s, size_t i);

/* --- commands --- */

struct sandbox_rlimit {
	int resource; /* RLIMIT_* */
	rlim_t value; /* soft and hard; lowered only */
};

struct sandbox_command {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in
				  * PATH of env when it has no slash */
	const char *const *env; /* NULL-terminated; NULL: a small default */
	const char *cwd; /* NULL: home */
	/* Inside. SANDBOX_UID_USER: that of the spec. */
	uint32_t uid, gid;
	/* -1: /dev/null. Borrowed. Folders and O_PATH are refused: a folder of
	 * the host would be a way out. */
	int in_fd, out_fd, err_fd;
	const struct sandbox_rlimit *rlimits;
	size_t n_rlimits;
};

#define SANDBOX_UID_USER UINT32_MAX
#define SANDBOX_COMMAND_INIT \
	{ \
		.uid = SANDBOX_UID_USER, .gid = SANDBOX_UID_USER, .in_fd = -1, \
		.out_fd = -1, .err_fd = -1 \
	}

/* Starts a command in a new session; its id comes back in events. Does not
 * wait: a command that cannot be executed ends with SANDBOX_EXEC_FAILED. */
int sandbox_exec(struct sandbox *s, const struct sandbox_command *c,
    int64_t *ret_id, struct error *err);

enum sandbox_event_kind {
	SANDBOX_STARTED, /* id, pid: the command runs */
	SANDBOX_EXEC_FAILED, /* id, status: errno of execve */
	SANDBOX_EXITED, /* id, status: as of waitpid(2), usage */
	SANDBOX_EMPTY, /* no process but init is left */
	SANDBOX_LIMIT, /* limit: hit; commands were killed by it or by us */
	SANDBOX_DIED, /* init ended: nothing runs any more */
	SANDBOX_EVENT__MAX
};

enum sandbox_limit {
	SANDBOX_LIMIT_NONE,
	SANDBOX_LIMIT_MEMORY, /* something was killed for want of memory */
	SANDBOX_LIMIT_PIDS, /* a fork was refused */
	SANDBOX_LIMIT_CPU, /* all of cpu_ms used: everything killed */
	SANDBOX_LIMIT_DISK, /* the upper layer was full */
	SANDBOX_LIMIT__MAX
};

struct sandbox_event {
	enum sandbox_event_kind kind;
	int64_t id; /* of sandbox_exec(); 0: none */
	pid_t pid; /* in our pid namespace; 0: not known */
	int status;
	struct rusage usage; /* of the command and what it waited for */
	enum sandbox_limit limit;
};

/* One descriptor to poll for POLLIN; borrowed, never read it. */
int sandbox_fd(const struct sandbox *s);
/* 1: an event; 0: none now. After SANDBOX_DIED always 0. */
int sandbox_next(struct sandbox *s, struct sandbox_event *ret,
    struct error *err);

/* Kills every process but init; SANDBOX_EXITED and SANDBOX_EMPTY follow. */
int sandbox_kill_all(struct sandbox *s, struct error *err);
int sandbox_freeze(struct sandbox *s, struct error *err); /* waits: frozen */
int sandbox_thaw(struct sandbox *s, struct error *err);

struct sandbox_usage {
	int64_t cpu_ns; /* of everything since the start; -1: not known */
	int64_t memory_bytes, memory_peak_bytes; /* -1: not known */
	int64_t pids; /* now; -1: not known */
	int64_t disk_bytes, disk_inodes; /* used in the upper layer */
};
void sandbox_usage(struct sandbox *s, struct sandbox_usage *ret);
/* The first limit that was hit since the start or the last reset. */
enum sandbox_limit sandbox_limit_hit(struct sandbox *s);
void sandbox_limit_reset(struct sandbox *s); /* between phases */
const char *sandbox_limit_word(enum sandbox_limit l); /* "memory", … */

/* Kills all with init; nothing runs in it any more when this returns. What the
 * kernel takes long to give back (mounts, cgroups) and the run folder are left
 * to the warden, which needs moments. May be called again; accessors stay
 * valid, of descriptors only that of the upper layer. */
void sandbox_stop(struct sandbox *s);
void sandbox_free(struct sandbox *s); /* stops first; accepts NULL */
void sandbox_freep(struct sandbox **s);

#endif
