/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel side of the recorder: runs at system call entry and exit and at
 * process events, in every process of the machine; tells the ring what those
 * of one control group (and below it) do. Which calls and which of their
 * arguments matter is the table `calls`, filled in by the loader (calls.c).
 *
 * Nothing here sleeps, so user memory that is not resident cannot be read:
 * paths are read at the end of a call, when the kernel itself has just read
 * them, and for calls that change names also at their begin. What a call
 * opened is told from the descriptor: no other thread can change that story.
 *
 * Only raw tracepoints with BTF are used: locked-down kernels refuse LSM,
 * fentry and kprobes. Needs 5.17 (bpf_loop), written for 6.1 and later.
 */
#include "record/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "record/event.h"

#define TS_COMPAT	  0x0002
#define X32_BIT		  0x40000000
#define SIGNAL_GROUP_EXIT 0x00000004
#define S_IFMT		  0170000
#define S_IFSOCK	  0140000
#define S_IFREG		  0100000
#define AF_UNIX		  1
#define AF_INET		  2
#define AF_INET6	  10
#define AF_NETLINK	  16
#define PROT_EXEC	  4
#define MAP_ANONYMOUS	  0x20
#define SOL_SOCKET	  1
#define SCM_RIGHTS	  1
#define SIGSYS		  31
#define EAGAIN		  11

#define STRING_BYTES  4096 /* PATH_MAX */
#define ADDRESS_BYTES 128 /* sockaddr_storage */
#define PIECE_BYTES   8192
#define MAX_ARGV      (128 * 1024)
#define MAX_ENV	      (64 * 1024)
#define MAX_NAMES     256 /* in one walk */
#define MAX_MESSAGES  64 /* of one sendmmsg */
/* Sections begin at or below this; one that begins there still fits. */
#define LAST_SECTION  0x3ff8

struct scratch {
	struct record_header h;
	__u8 buf[LAST_SECTION + 8 + PIECE_BYTES + 512];
};

struct call_state {
	__u32 call; /* number + 1 of the call that has begun; 0: none */
};

const volatile struct record_call calls[RECORD_N_CALLS] = {};
const volatile __u32 wake_bytes = 1 << 20; /* the loader knows the ring */
struct record_counters counters = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 32 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call_state);
} states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct record_io_key);
	__type(value, struct record_io);
} totals SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline bool
is_watched(void)
{
	return bpf_current_task_under_cgroup(&watched, 0) == 1;
}

/* Offset of the next section in buf; over LAST_SECTION: there is no room.
 * The assembly keeps the compiler from using a copy that was not checked. */
static __always_inline __u64
next_section(struct scratch *s)
{
	__u64 at = s->h.bytes - sizeof(s->h);

	if (at > LAST_SECTION) {
		s->h.flags |= RECORD_CUT;
		return LAST_SECTION + 8;
	}
	asm volatile("%0 &= 0x3ff8" : "+r"(at));
	return at;
}

static __always_inline void
end_section(struct scratch *s, __u64 at, __u16 type, __u32 bytes, __u32 value)
{
	struct record_section *section = (void *)&s->buf[at];

	section->type = type;
	section->bytes = bytes;
	section->value = value;
	s->h.bytes = sizeof(s->h) + at + sizeof(*section) +
	    ((bytes + 7) & ~7u);
}

static __always_inline struct scratch *
scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline __u32
pid_inside(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	__u32 nr = 0;

	bpf_probe_read_kernel(&nr, sizeof(nr), (void *)pid +
	    bpf_core_field_offset(struct pid, numbers) +
	    level * bpf_core_type_size(struct upid));
	return nr;
}

static __always_inline struct scratch *
event_begin(struct task_struct *task, __u16 kind, __u16 call)
{
	struct scratch *s = scratch_get();

	if (!s)
		return NULL;
	s->h.at = bpf_ktime_get_ns();
	s->h.bytes = sizeof(s->h);
	s->h.kind = kind;
	s->h.call = call;
	s->h.pid = task->tgid;
	s->h.tid = task->pid;
	s->h.inner_pid = pid_inside(task);
	s->h.flags = 0;
	s->h.result = 0;
	return s;
}

static __always_inline void
event_args(struct scratch *s, struct pt_regs *regs, long ret)
{
	s->h.args[0] = regs->di;
	s->h.args[1] = regs->si;
	s->h.args[2] = regs->dx;
	s->h.args[3] = regs->r10;
	s->h.args[4] = regs->r8;
	s->h.args[5] = regs->r9;
	s->h.result = ret;
}

/* The reader is woken for what cannot wait (exec: the file may be gone soon)
 * and when much has collected; it looks by itself many times a second. */
static __always_inline void
event_end(struct scratch *s, bool urgent)
{
	__u64 flags = BPF_RB_NO_WAKEUP;
	__u64 bytes = s->h.bytes;

	if (urgent ||
	    bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > wake_bytes)
		flags = BPF_RB_FORCE_WAKEUP;
	asm volatile("" : "+r"(bytes));
	if (bytes > sizeof(*s))
		return;
	if (bpf_ringbuf_output(&ring, s, bytes, flags) != 0)
		__sync_fetch_and_add(&counters.dropped, 1);
	else
		__sync_fetch_and_add(&counters.told, 1);
}

static __always_inline void
put_string(struct scratch *s, __u16 type, const void *user)
{
	__u64 at = next_section(s);
	__u32 bytes = 0, value = 0;
	long n;

	if (at > LAST_SECTION)
		return;
	n = bpf_probe_read_user_str(&s->buf[at + 8], STRING_BYTES, user);
	if (n < 0)
		value = RECORD_UNREADABLE;
	else if (n > 0)
		bytes = (n - 1) & (STRING_BYTES - 1);
	if (n == STRING_BYTES)
		s->h.flags |= RECORD_CUT;
	end_section(s, at, type, bytes, value);
}

static __always_inline void
put_kernel_string(struct scratch *s, __u16 type, const void *kernel)
{
	__u64 at = next_section(s);
	__u32 bytes = 0;
	long n;

	if (at > LAST_SECTION)
		return;
	n = bpf_probe_read_kernel_str(&s->buf[at + 8], STRING_BYTES, kernel);
	if (n > 0)
		bytes = (n - 1) & (STRING_BYTES - 1);
	end_section(s, at, type, bytes, 0);
}

struct walk {
	struct dentry *dentry, *root_dentry;
	struct mount *mount;
	struct vfsmount *root_mnt;
	__u32 at, bytes, flags;
};

static long
walk_step(__u32 i, struct walk *w)
{
	struct dentry *dentry = w->dentry, *parent;
	struct mount *mount = w->mount;
	struct scratch *s;
	__u64 at = w->at + w->bytes;
	long n;

	if (dentry == w->root_dentry && &mount->mnt == w->root_mnt) {
		w->flags |= RECORD_WALK_ROOT;
		return 1;
	}
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		struct mount *up = BPF_CORE_READ(mount, mnt_parent);

		if (up == mount || !up) {
			w->flags |= RECORD_WALK_TOP;
			return 1;
		}
		w->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		w->mount = up;
		return 0;
	}
	s = scratch_get();
	if (!s || w->bytes > STRING_BYTES) {
		w->flags |= RECORD_WALK_CUT;
		return 1;
	}
	asm volatile("%0 &= 0x7fff" : "+r"(at));
	if (at > LAST_SECTION + 8 + STRING_BYTES)
		return 1;
	n = bpf_probe_read_kernel_str(
	    &s->buf[at], 256, BPF_CORE_READ(dentry, d_name.name));
	if (n > 0)
		w->bytes += n & 511;
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry || !parent) {
		w->flags |= RECORD_WALK_DETACHED;
		return 1;
	}
	w->dentry = parent;
	return 0;
}

/* Kept as a call of its own: it is needed from many places. */
static __noinline int
put_walk(struct scratch *s, struct vfsmount *mnt, struct dentry *dentry,
    __u16 type)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mount *mount =
	    (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	struct walk w = {};
	__u64 at;
	long steps;

	if (!s)
		return 0;
	at = next_section(s);
	if (at > LAST_SECTION)
		return 0;
	w.dentry = dentry;
	w.mount = mount;
	w.root_dentry = BPF_CORE_READ(task, fs, root.dentry);
	w.root_mnt = BPF_CORE_READ(task, fs, root.mnt);
	w.at = at + 8;
	if (!BPF_CORE_READ(dentry, d_hash.pprev) &&
	    BPF_CORE_READ(dentry, d_parent) != dentry &&
	    BPF_CORE_READ(mount, mnt.mnt_root) != dentry)
		w.flags = RECORD_WALK_DELETED;
	steps = bpf_loop(MAX_NAMES, walk_step, &w, 0);
	if (steps >= MAX_NAMES)
		w.flags |= RECORD_WALK_CUT;
	if (w.bytes > STRING_BYTES + 512)
		w.bytes = 0;
	end_section(s, at, type, w.bytes, w.flags);
	return 0;
}

static __always_inline struct file *
file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **fds, *file = NULL;

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	fds = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &fds[fd]);
	return file;
}

static __always_inline void
fill_socket(struct record_socket *r, struct sock *sk)
{
	__builtin_memset(r, 0, sizeof(*r));
	r->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	r->type = BPF_CORE_READ(sk, sk_type);
	r->protocol = BPF_CORE_READ(sk, sk_protocol);
	r->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (r->family == AF_INET || r->family == AF_INET6) {
		r->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		r->port = __builtin_bswap16(
		    BPF_CORE_READ(sk, __sk_common.skc_dport));
	}
	if (r->family == AF_INET) {
		BPF_CORE_READ_INTO(
		    &r->local_address, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO(&r->address, sk, __sk_common.skc_daddr);
	} else if (r->family == AF_INET6) {
		BPF_CORE_READ_INTO(
		    &r->local_address, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r->address, sk, __sk_common.skc_v6_daddr);
	} else if (r->family == AF_UNIX) {
		struct unix_sock *u = (void *)sk;

		r->peer_ino = BPF_CORE_READ(
		    u, peer, sk_socket, file, f_inode, i_ino);
	}
}

static __noinline int
put_file(struct scratch *s, struct file *file, __u32 fd, __u32 with_path)
{
	struct inode *inode;
	struct record_file *r;
	__u64 at;

	if (!s || !file)
		return 0;
	at = next_section(s);
	if (at > LAST_SECTION)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	r = (void *)&s->buf[at + 8];
	r->ino = BPF_CORE_READ(inode, i_ino);
	r->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	r->rdev = BPF_CORE_READ(inode, i_rdev);
	r->mode = BPF_CORE_READ(inode, i_mode);
	r->links = BPF_CORE_READ(inode, i_nlink);
	r->flags = BPF_CORE_READ(file, f_flags);
	r->f_mode = BPF_CORE_READ(file, f_mode);
	end_section(s, at, RECORD_FILE, sizeof(*r), fd);
	if ((r->mode & S_IFMT) == S_IFSOCK) {
		struct socket *socket = BPF_CORE_READ(file, private_data);

		at = next_section(s);
		if (at > LAST_SECTION)
			return 0;
		fill_socket((void *)&s->buf[at + 8], BPF_CORE_READ(socket, sk));
		end_section(
		    s, at, RECORD_SOCKET, sizeof(struct record_socket), fd);
		return 0;
	}
	if (with_path)
		put_walk(s, BPF_CORE_READ(file, f_path.mnt),
		    BPF_CORE_READ(file, f_path.dentry), RECORD_PATH);
	return 0;
}

static __always_inline void
put_fd(struct scratch *s, struct task_struct *task, __u32 fd, bool with_path)
{
	put_file(s, file_of(task, fd), fd, with_path);
}

static __always_inline void
put_address(struct scratch *s, const void *user, __u64 bytes)
{
	__u64 at = next_section(s);

	if (at > LAST_SECTION || bytes == 0 || !user)
		return;
	if (bytes > ADDRESS_BYTES)
		bytes = ADDRESS_BYTES;
	asm volatile("" : "+r"(bytes));
	if (bytes > ADDRESS_BYTES)
		return;
	if (bpf_probe_read_user(&s->buf[at + 8], bytes, user) == 0)
		end_section(s, at, RECORD_ADDRESS, bytes, 0);
}

/* Argument n (from 1) of the call that s tells. */
static __always_inline __u64
argument(struct scratch *s, __u8 n)
{
	__u64 i = n - 1;

	asm volatile("" : "+r"(i));
	return i < 6 ? s->h.args[i] : 0;
}

/* A path argument, and what it is relative to unless it is absolute. */
static __always_inline void
put_path_argument(struct scratch *s, struct task_struct *task, __u8 path,
    __u8 base, __u16 string_type, __u16 base_type)
{
	__u64 at = next_section(s);
	int fd;

	put_string(s, string_type, (void *)argument(s, path));
	if (at > LAST_SECTION || s->buf[at + 8] == '/')
		return;
	fd = base ? (int)argument(s, base) : -1;
	if (fd >= 0) {
		struct file *file = file_of(task, fd);

		if (file)
			put_walk(s, BPF_CORE_READ(file, f_path.mnt),
			    BPF_CORE_READ(file, f_path.dentry), base_type);
		return;
	}
	put_walk(s, BPF_CORE_READ(task, fs, pwd.mnt),
	    BPF_CORE_READ(task, fs, pwd.dentry), base_type);
}

static __always_inline void
put_path_arguments(struct scratch *s, struct task_struct *task,
    const volatile struct record_call *call)
{
	if (call->path)
		put_path_argument(s, task, call->path, call->base,
		    RECORD_STRING1, RECORD_BASE1);
	if (call->path2)
		put_path_argument(s, task, call->path2, call->base2,
		    RECORD_STRING2, RECORD_BASE2);
}

/* A call in the way of another architecture: numbers mean other calls. */
static __noinline int
tell_foreign(struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *s;

	if (!is_watched())
		return 0;
	s = event_begin(task, RECORD_FOREIGN, 0);
	if (!s)
		return 0;
	s->h.args[0] = BPF_CORE_READ(regs, orig_ax);
	s->h.args[1] = BPF_CORE_READ(regs, bx);
	s->h.args[2] = BPF_CORE_READ(regs, cx);
	s->h.args[3] = BPF_CORE_READ(regs, dx);
	s->h.args[4] = BPF_CORE_READ(regs, si);
	s->h.args[5] = BPF_CORE_READ(regs, di);
	s->h.result = ret;
	event_end(s, false);
	return 0;
}

SEC("tp_btf/sys_enter")
int
BPF_PROG(on_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const volatile struct record_call *call;
	struct call_state *state;
	struct scratch *s;

	if ((unsigned long)id >= RECORD_N_CALLS ||
	    (task->thread_info.status & TS_COMPAT))
		return 0;
	call = &calls[id];
	if (!(call->flags & RECORD_MARKED) || !is_watched())
		return 0;
	state = bpf_task_storage_get(
	    &states, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (state)
		state->call = id + 1;
	if (!(call->flags & RECORD_ENTRY_PATHS))
		return 0;
	s = event_begin(task, RECORD_ENTRY, id);
	if (!s)
		return 0;
	event_args(s, regs, 0);
	put_path_arguments(s, task, call);
	event_end(s, false);
	return 0;
}

/* Adds bytes to the total of this process with this file or peer; tells when
 * it is the first time. */
static __noinline int
account(__u32 fd, __s64 bytes, __u32 writing, const __u8 *name,
    __u32 name_bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct record_io_key key = {};
	struct record_io first = {}, *io;
	struct file *file = file_of(task, fd);
	struct inode *inode;
	struct scratch *s;
	__u64 at;
	__u32 mode;

	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (mode != S_IFREG && mode != S_IFSOCK)
		return 0;
	key.pid = task->tgid;
	key.writing = writing;
	key.ino = BPF_CORE_READ(inode, i_ino);
	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	if (name && name_bytes >= 8) {
		__u8 a[28] = {};

		bpf_probe_read_user(a, 8, name);
		if (name_bytes >= 28)
			bpf_probe_read_user(a, 28, name);
		key.port = a[2] << 8 | a[3];
		if (name_bytes >= 28)
			__builtin_memcpy(key.address, a + 8, 16);
		else
			__builtin_memcpy(key.address, a + 4, 4);
	}
	io = bpf_map_lookup_elem(&totals, &key);
	if (io) {
		__sync_fetch_and_add(&io->bytes, bytes);
		__sync_fetch_and_add(&io->calls, 1);
		io->last_at = bpf_ktime_get_ns();
		return 0;
	}
	first.bytes = bytes;
	first.calls = 1;
	first.first_at = first.last_at = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&totals, &key, &first, BPF_NOEXIST) != 0) {
		io = bpf_map_lookup_elem(&totals, &key);
		if (io)
			__sync_fetch_and_add(&io->bytes, bytes);
		else
			__sync_fetch_and_add(&counters.dropped, 1);
		return 0;
	}
	s = event_begin(task, RECORD_IO, 0);
	if (!s)
		return 0;
	s->h.flags = writing ? RECORD_WRITING : 0;
	s->h.result = bytes;
	s->h.args[0] = fd;
	at = next_section(s);
	if (at <= LAST_SECTION) {
		__builtin_memcpy(&s->buf[at + 8], &key, sizeof(key));
		end_section(s, at, RECORD_KEY, sizeof(key), 0);
	}
	put_file(s, file, fd, 1);
	put_address(s, name, name_bytes);
	event_end(s, false);
	return 0;
}

struct user_message {
	__u64 name;
	__u32 name_bytes, pad;
	__u64 pieces, n_pieces, control, control_bytes;
	__u32 flags, pad2;
};

struct user_rights {
	__u64 bytes;
	__u32 level, type;
	__u32 fds[4];
};

static __always_inline void
tell_rights(struct task_struct *task, struct user_message *m, __u32 fd)
{
	struct user_rights rights = {};
	struct scratch *s;

	if (m->control_bytes < 20 ||
	    bpf_probe_read_user(&rights, 20, (void *)m->control) != 0 ||
	    rights.level != SOL_SOCKET || rights.type != SCM_RIGHTS)
		return;
	if (m->control_bytes >= sizeof(rights))
		bpf_probe_read_user(
		    &rights, sizeof(rights), (void *)m->control);
	s = event_begin(task, RECORD_PASS, 0);
	if (!s)
		return;
	s->h.args[0] = fd;
	put_fd(s, task, fd, false);
	for (__u32 i = 0; i < 4; i++)
		if (rights.bytes >= 16 + 4 * (i + 1))
			put_fd(s, task, rights.fds[i], false);
	event_end(s, false);
}

static __always_inline void
tell_message(struct task_struct *task, struct pt_regs *regs, long ret)
{
	struct user_message m = {};

	if (ret < 0 || bpf_probe_read_user(&m, sizeof(m), (void *)regs->si))
		return;
	account(regs->di, ret, 1, (void *)m.name, m.name_bytes);
	if (m.control_bytes)
		tell_rights(task, &m, regs->di);
}

struct messages {
	__u64 at;
	__u32 fd, n, writing;
};

static long
message_step(__u32 i, struct messages *w)
{
	struct {
		struct user_message m;
		__u32 bytes, pad;
	} m = {};

	if (i >= w->n || bpf_probe_read_user(&m, sizeof(m),
			     (void *)(w->at + i * sizeof(m))) != 0)
		return 1;
	account(w->fd, m.bytes, w->writing, (void *)m.m.name, m.m.name_bytes);
	return 0;
}

static __always_inline void
tell_messages(struct pt_regs *regs, long ret, bool writing)
{
	struct messages w = { regs->si, regs->di, ret, writing };

	if (ret > 0)
		bpf_loop(MAX_MESSAGES, message_step, &w, 0);
}

static __always_inline bool
passes(__u8 filter, struct pt_regs *regs, long ret)
{
	switch (filter) {
	case RECORD_IF_EXECUTABLE:
		return (regs->dx & PROT_EXEC) && !(regs->r10 & MAP_ANONYMOUS);
	case RECORD_IF_UNUSUAL:
		return (regs->di != AF_UNIX && regs->di != AF_INET &&
			   regs->di != AF_INET6 && regs->di != AF_NETLINK) ||
		    (regs->si & 0xf) == 3;
	case RECORD_IF_STANDARD:
		return ret >= 0 && ret <= 2;
	case RECORD_IF_DUPLICATES:
		return (regs->si == 0 || regs->si == 1030) && ret >= 0 &&
		    ret <= 2;
	default:
		return true;
	}
}

static __always_inline void
tell_call(struct task_struct *task, struct pt_regs *regs,
    const volatile struct record_call *call, __u32 id, long ret)
{
	struct scratch *s = event_begin(task, RECORD_CALL, id);
	int pair[2];

	if (!s)
		return;
	event_args(s, regs, ret);
	if ((call->flags & RECORD_RESULT_FD) && ret >= 0)
		put_fd(s, task, ret, true);
	else
		put_path_arguments(s, task, call);
	if (call->fd && (int)argument(s, call->fd) >= 0)
		put_fd(s, task, argument(s, call->fd), true);
	if (call->address) {
		__u64 bytes = argument(s, call->address + 1);

		put_address(s, (void *)argument(s, call->address), bytes);
	}
	if (call->pair && ret >= 0 &&
	    bpf_probe_read_user(pair, sizeof(pair),
		(void *)argument(s, call->pair)) == 0) {
		put_fd(s, task, pair[0], false);
		put_fd(s, task, pair[1], false);
	}
	event_end(s, false);
}

static __always_inline bool
tell_bytes(struct task_struct *task, struct pt_regs *regs,
    const volatile struct record_call *call, long ret)
{
	__u64 args[3] = { regs->di, regs->si, regs->dx };
	__u32 in_fd = call->in_fd - 1, out_fd = call->out_fd - 1;

	if (call->filter == RECORD_IF_MESSAGE)
		tell_message(task, regs, ret);
	if (call->filter == RECORD_IF_MESSAGES)
		tell_messages(regs, ret, true);
	if (call->filter == RECORD_IF_RECEIVED)
		tell_messages(regs, ret, false);
	if (ret <= 0 || (!call->in_fd && !call->out_fd))
		return call->in_fd || call->out_fd ||
		    call->filter >= RECORD_IF_MESSAGE;
	if (in_fd < 3)
		account(args[in_fd], ret, 0, NULL, 0);
	if (out_fd < 3) {
		bool named = call->address && regs->r8;

		account(args[out_fd], ret, 1,
		    named ? (void *)regs->r8 : NULL, named ? regs->r9 : 0);
	}
	return true;
}

static __always_inline void
tell_refused(struct task_struct *task, struct pt_regs *regs, __u32 id, long ret)
{
	struct scratch *s = event_begin(task, RECORD_REFUSED, id);

	if (!s)
		return;
	event_args(s, regs, ret);
	event_end(s, false);
}

SEC("tp_btf/sys_exit")
int
BPF_PROG(on_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const volatile struct record_call *call;
	__u64 id = regs->orig_ax;
	bool begun = true;

	if (id >= RECORD_N_CALLS || (task->thread_info.status & TS_COMPAT)) {
		if ((task->thread_info.status & TS_COMPAT) ||
		    (id < (1ull << 31) && (id & X32_BIT)))
			tell_foreign(regs, ret);
		return 0;
	}
	call = &calls[id];
	if (!(call->flags & RECORD_TRACED) || !is_watched())
		return 0;
	if (call->flags & RECORD_MARKED) {
		struct call_state *state =
		    bpf_task_storage_get(&states, task, 0, 0);

		begun = state && state->call == id + 1;
		if (state)
			state->call = 0;
	}
	if (!begun && ret < 0) {
		tell_refused(task, regs, id, ret);
		return 0;
	}
	if ((call->flags & RECORD_REFUSAL_ONLY) ||
	    ((call->flags & RECORD_FAILURE_ONLY) && ret >= 0) ||
	    ((call->flags & RECORD_SUCCESS_ONLY) && ret < 0))
		return 0;
	if (tell_bytes(task, regs, call, ret) ||
	    !passes(call->filter, regs, ret))
		return 0;
	tell_call(task, regs, call, id, ret);
	return 0;
}

struct pieces {
	__u64 from, to;
	__u32 kind;
};

static long
piece_step(__u32 i, struct pieces *w)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 from = w->from + (__u64)i * PIECE_BYTES;
	struct scratch *s;
	__u64 bytes;

	if (from >= w->to)
		return 1;
	bytes = w->to - from;
	s = event_begin(task, w->kind, 0);
	if (!s)
		return 1;
	s->h.args[0] = (__u64)i * PIECE_BYTES;
	if (bytes > PIECE_BYTES)
		bytes = PIECE_BYTES;
	asm volatile("" : "+r"(bytes));
	if (bytes > PIECE_BYTES)
		return 1;
	if (bpf_probe_read_user(&s->buf[8], bytes, (void *)from) != 0)
		return 1;
	end_section(s, 0, RECORD_PIECE, bytes, 0);
	event_end(s, false);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int
BPF_PROG(on_exec, struct task_struct *task, int old_pid,
    struct linux_binprm *bprm)
{
	struct mm_struct *mm = task->mm;
	struct pieces argv = { .kind = RECORD_ARGV },
		      env = { .kind = RECORD_ENV };
	const char *filename = bprm->filename, *interp = bprm->interp;
	struct scratch *s;

	if (!is_watched() || !mm)
		return 0;
	argv.from = mm->arg_start;
	argv.to = mm->arg_end;
	env.from = mm->env_start;
	env.to = mm->env_end;
	bpf_loop(MAX_ARGV / PIECE_BYTES, piece_step, &argv, 0);
	bpf_loop(MAX_ENV / PIECE_BYTES, piece_step, &env, 0);
	s = event_begin(task, RECORD_EXEC, 0);
	if (!s)
		return 0;
	s->h.args[0] = argv.to - argv.from;
	s->h.args[1] = env.to - env.from;
	if (filename != interp)
		s->h.flags |= RECORD_SCRIPT;
	put_file(s, BPF_CORE_READ(mm, exe_file), -1, 1);
	put_walk(s, BPF_CORE_READ(task, fs, pwd.mnt),
	    BPF_CORE_READ(task, fs, pwd.dentry), RECORD_CWD);
	put_kernel_string(s, RECORD_STRING1, filename);
	put_kernel_string(s, RECORD_STRING2, interp);
	put_fd(s, task, 0, false);
	put_fd(s, task, 1, false);
	put_fd(s, task, 2, false);
	event_end(s, true);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int
BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct scratch *s;

	if (parent->tgid == child->tgid || !is_watched())
		return 0;
	s = event_begin(parent, RECORD_FORK, 0);
	if (!s)
		return 0;
	s->h.args[0] = child->tgid;
	s->h.args[1] = pid_inside(child);
	event_end(s, false);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int
BPF_PROG(on_end, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct scratch *s;
	int code;

	if (!is_watched() || signal->live.counter != 0)
		return 0;
	code = (signal->flags & SIGNAL_GROUP_EXIT) ?
	    signal->group_exit_code :
	    task->group_leader->exit_code;
	if ((code & 0x7f) == SIGSYS) {
		struct pt_regs *regs = (void *)bpf_task_pt_regs(task);

		s = event_begin(task, RECORD_KILLED, 0);
		if (s) {
			s->h.args[0] = regs->orig_ax;
			s->h.args[1] = task->thread_info.status & TS_COMPAT;
			event_end(s, false);
		}
	}
	s = event_begin(task, RECORD_EXIT, 0);
	if (!s)
		return 0;
	s->h.result = code;
	event_end(s, true);
	return 0;
}
