/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * First half of record.bpf.c: the maps, and how an event is put together:
 * sections with strings, walks, files, sockets, addresses. An event is built
 * in a scratch buffer of the CPU (raw tracepoints are not preempted) and
 * copied to the ring when it is whole.
 *
 * Functions that are not static are checked by the kernel once and by
 * themselves, not at each call again: that is most of what loading costs. They
 * take numbers and memory alone, so kernel pointers go through the scratch
 * buffer: written there, they are numbers.
 */
#ifndef RECORD_PUT_BPF_H
#define RECORD_PUT_BPF_H

#include "record/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "record/event.h"

#define TS_COMPAT         0x0002
#define X32_BIT           0x40000000
#define SIGNAL_GROUP_EXIT 0x00000004
#define S_IFMT            0170000
#define S_IFSOCK          0140000
#define S_IFREG           0100000
#define AF_UNIX           1
#define AF_INET           2
#define AF_INET6          10
#define AF_NETLINK        16
#define PROT_EXEC         4
#define MAP_ANONYMOUS     0x20
#define SOL_SOCKET        1
#define SCM_RIGHTS        1
#define SIGCONT           18
#define SIGSTOP           19
#define SIGSYS            31
#define EAGAIN            11

#define STRING_BYTES  4096 /* PATH_MAX */
#define ADDRESS_BYTES 128 /* sockaddr_storage */
#define PIECE_BYTES   8192
#define MAX_ARGV      (128 * 1024)
#define MAX_ENV       (64 * 1024)
#define MAX_NAMES     256 /* in one walk */
#define MAX_MESSAGES  64 /* of one sendmmsg */
/* Sections begin at or below this; one that begins there still fits. */
#define LAST_SECTION 0x3ff8

struct user_message {
	__u64 name;
	__u32 name_bytes, pad;
	__u64 pieces, n_pieces, control, control_bytes;
	__u32 flags, pad2;
};

/* One of sendmmsg and recvmmsg. */
struct user_messages {
	struct user_message m;
	__u32 bytes, pad;
};

#define NAME_BYTES 28 /* of a sockaddr_in6 */

struct scratch {
	struct record_header h;
	__u8 buf[LAST_SECTION + 8 + PIECE_BYTES + 512];
	__u32 slot; /* whom the event is about; shared.bpf.h */
	__u32 pad;
	__u64 file; /* for put_file_at() */
	__u64 mnt, leaf; /* for put_walk_at() */
	/* What functions that call each other would have on the stack, of
	 * which they have 512 bytes together. */
	struct user_messages message;
	struct record_io first;
	__u8 name[NAME_BYTES];
};

struct call_state {
	__u32 call; /* number + 1 of the call that has begun; 0: none */
};

const volatile struct record_call calls[RECORD_N_CALLS] = {};
const volatile bool can_cast = false; /* the kernel has bpf_rdonly_cast, 6.2 */
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern void *bpf_rdonly_cast(void *object, __u32 btf_id) __ksym __weak;

/* A member behind a bare pointer: as a plain load where the kernel can check
 * it, which is a tenth of what a call of the helper costs. The verifier drops
 * the other half. */
#define GET(type, p, member) \
	(can_cast ? ((struct type *)bpf_rdonly_cast((void *)(p), \
			 bpf_core_type_id_kernel(struct type))) \
			->member : \
		    BPF_CORE_READ((struct type *)(p), member))
/* What a task points to. As a pointer that is not trusted: for each one that
 * is, the verifier searches all names of the kernel's types, a millisecond. */
#define OF_TASK(task, member) \
	(can_cast ? ((struct task_struct *)bpf_rdonly_cast((task), \
			 bpf_core_type_id_kernel(struct task_struct))) \
			->member : \
		    (task)->member)

static __always_inline struct scratch *
scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

#ifdef RECORD_SHARED
#include "record/shared.bpf.h"
#else
#include "record/own.bpf.h"
#endif

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
	s->h.bytes = sizeof(s->h) + at + sizeof(*section) + ((bytes + 7) & ~7u);
}

static __always_inline __u32
pid_inside(struct task_struct *task)
{
	struct pid *pid = OF_TASK(task, group_leader->thread_pid);
	__u32 level = pid->level;
	struct upid *number = (void *)pid +
	    bpf_core_field_offset(struct pid, numbers) +
	    level * bpf_core_type_size(struct upid);

	return GET(upid, number, nr);
}

__noinline int
event_head(struct scratch *s, __u32 kind, __u32 call)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!s)
		return 0;
	s->h.at = bpf_ktime_get_ns();
	s->h.bytes = sizeof(s->h);
	s->h.kind = kind;
	s->h.call = call;
	s->h.pid = task->tgid;
	s->h.tid = task->pid;
	s->h.inner_pid = pid_inside(task);
	s->h.flags = 0;
	s->h.result = 0;
	return 0;
}

static __always_inline struct scratch *
event_begin(__u16 kind, __u16 call)
{
	struct scratch *s = scratch_get();

	if (s)
		event_head(s, kind, call);
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

/* The reader is woken for what cannot wait (a process that is stopped until
 * its file has been opened) and when much has collected; it looks by itself
 * many times a second. */
__noinline int
event_end(struct scratch *s, __u32 urgent)
{
	struct record_control *control;
	__u64 flags = BPF_RB_NO_WAKEUP;
	__u64 bytes, waiting;
	void *ring;
	bool hold, stop;

	if (!s)
		return 0;
	control = control_of(s);
	ring = ring_of(s);
	if (!control || !ring)
		return 0; /* nobody listens any more */
	bytes = s->h.bytes;
	waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	/* Not the sandbox's first process, which is ours. */
	hold = control->hold_bytes && waiting > control->hold_bytes &&
	    s->h.inner_pid != 1;
	/* Once, until it has looked: a wake-up costs more than an event. */
	if (urgent || (waiting > control->wake_bytes && !control->woken)) {
		control->woken = 1;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	if (control->press_bytes && waiting > control->press_bytes)
		control->pressed = 1;
	if (hold)
		s->h.flags |= RECORD_HELD;
	asm volatile("" : "+r"(bytes));
	if (bytes > sizeof(s->h) + sizeof(s->buf))
		return 0;
	/* Before anybody can read of it: the reader lets it go on, and if that
	 * came before the stop, nobody would do it again. */
	stop = hold || (s->h.flags & RECORD_STOPPED);
	if (stop)
		bpf_send_signal(SIGSTOP);
	if (bpf_ringbuf_output(ring, s, bytes, flags) != 0) {
		__sync_fetch_and_add(&control->dropped, 1);
		if (stop)
			bpf_send_signal(SIGCONT);
		return 0;
	}
	__sync_fetch_and_add(&control->told, 1);
	return 1;
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
	if (dentry == GET(mount, mount, mnt.mnt_root)) {
		struct mount *up = GET(mount, mount, mnt_parent);

		if (up == mount || !up) {
			w->flags |= RECORD_WALK_TOP;
			return 1;
		}
		w->dentry = GET(mount, mount, mnt_mountpoint);
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
	n = bpf_probe_read_kernel_str(&s->buf[at], 256,
	    GET(dentry, dentry, d_name.name));
	if (n > 0)
		w->bytes += n & 511;
	parent = GET(dentry, dentry, d_parent);
	if (parent == dentry || !parent) {
		w->flags |= RECORD_WALK_DETACHED;
		return 1;
	}
	w->dentry = parent;
	return 0;
}

__noinline int
put_walk_at(struct scratch *s, __u32 type)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct dentry *dentry;
	struct mount *mount;
	struct walk w = {};
	__u64 at;
	long steps;

	if (!s)
		return 0;
	at = next_section(s);
	if (at > LAST_SECTION)
		return 0;
	dentry = (void *)s->leaf;
	mount = (void *)(s->mnt - bpf_core_field_offset(struct mount, mnt));
	w.dentry = dentry;
	w.mount = mount;
	w.root_dentry = OF_TASK(task, fs->root.dentry);
	w.root_mnt = OF_TASK(task, fs->root.mnt);
	w.at = at + 8;
	if (!GET(dentry, dentry, d_hash.pprev) &&
	    GET(dentry, dentry, d_parent) != dentry &&
	    GET(mount, mount, mnt.mnt_root) != dentry)
		w.flags = RECORD_WALK_DELETED;
	steps = bpf_loop(MAX_NAMES, walk_step, &w, 0);
	if (steps >= MAX_NAMES)
		w.flags |= RECORD_WALK_CUT;
	if (w.bytes > STRING_BYTES + 512)
		w.bytes = 0;
	end_section(s, at, type, w.bytes, w.flags);
	return 0;
}

static __always_inline void
put_walk(struct scratch *s, struct vfsmount *mnt, struct dentry *dentry,
    __u16 type)
{
	s->mnt = (__u64)mnt;
	s->leaf = (__u64)dentry;
	put_walk_at(s, type);
}

static __always_inline struct file *
file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = OF_TASK(task, files->fdt);
	struct list_head *at;

	if (!fdt || fd >= fdt->max_fds)
		return NULL;
	/* Any type of the kernel's that begins with a pointer. */
	at = (void *)&fdt->fd[fd];
	return (void *)GET(list_head, at, next);
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
		r->port =
		    __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	}
	if (r->family == AF_INET) {
		BPF_CORE_READ_INTO(&r->local_address, sk,
		    __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO(&r->address, sk, __sk_common.skc_daddr);
	} else if (r->family == AF_INET6) {
		BPF_CORE_READ_INTO(&r->local_address, sk,
		    __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r->address, sk, __sk_common.skc_v6_daddr);
	} else if (r->family == AF_UNIX) {
		struct unix_sock *u = (void *)sk;

		r->peer_ino =
		    BPF_CORE_READ(u, peer, sk_socket, file, f_inode, i_ino);
	}
}

__noinline int
put_file_at(struct scratch *s, __u32 fd, __u32 with_path)
{
	struct super_block *sb;
	struct inode *inode;
	struct record_file *r;
	struct file *file;
	__u64 at;

	if (!s || !s->file)
		return 0;
	file = (void *)s->file;
	at = next_section(s);
	if (at > LAST_SECTION)
		return 0;
	inode = GET(file, file, f_inode);
	r = (void *)&s->buf[at + 8];
	r->ino = GET(inode, inode, i_ino);
	sb = GET(inode, inode, i_sb);
	r->dev = GET(super_block, sb, s_dev);
	r->rdev = GET(inode, inode, i_rdev);
	r->mode = GET(inode, inode, i_mode);
	r->links = GET(inode, inode, i_nlink);
	r->flags = GET(file, file, f_flags);
	r->f_mode = GET(file, file, f_mode);
	end_section(s, at, RECORD_FILE, sizeof(*r), fd);
	if ((r->mode & S_IFMT) == S_IFSOCK) {
		struct socket *socket = GET(file, file, private_data);

		at = next_section(s);
		if (at > LAST_SECTION)
			return 0;
		fill_socket((void *)&s->buf[at + 8], GET(socket, socket, sk));
		end_section(s, at, RECORD_SOCKET, sizeof(struct record_socket),
		    fd);
		return 0;
	}
	if (with_path)
		put_walk(s, GET(file, file, f_path.mnt),
		    GET(file, file, f_path.dentry), RECORD_PATH);
	return 0;
}

static __always_inline void
put_file(struct scratch *s, struct file *file, __u32 fd, bool with_path)
{
	s->file = (__u64)file;
	put_file_at(s, fd, with_path);
}

__noinline int
put_fd(struct scratch *s, __u32 fd, __u32 with_path)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!s)
		return 0;
	s->file = (__u64)file_of(task, fd);
	put_file_at(s, fd, with_path);
	return 0;
}

__noinline int
put_address(struct scratch *s, __u64 user, __u64 bytes)
{
	__u64 at;

	if (!s || bytes == 0 || !user)
		return 0;
	at = next_section(s);
	if (at > LAST_SECTION)
		return 0;
	if (bytes > ADDRESS_BYTES)
		bytes = ADDRESS_BYTES;
	asm volatile("" : "+r"(bytes));
	if (bytes > ADDRESS_BYTES)
		return 0;
	if (bpf_probe_read_user(&s->buf[at + 8], bytes, (void *)user) == 0)
		end_section(s, at, RECORD_ADDRESS, bytes, 0);
	return 0;
}

#endif
