/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel side of the recorder: runs at system call entry and exit and at
 * process events, in every process of the machine; tells the ring what those
 * of one control group (and below it) do; with RECORD_SHARED, many rings what
 * those of as many groups do. Which calls and which of their
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
#include "base/safeguard.h"
#include "record/put.bpf.h"

/* Argument n (from 1) of the call that s tells. */
static __always_inline __u64
argument(struct scratch *s, __u8 n)
{
	__u64 i = n - 1;

	asm volatile("" : "+r"(i));
	return i < 6 ? s->h.args[i] : 0;
}

/* A path argument (number of the argument, from 1), and what it is relative
 * to unless it is absolute. second: 0, 1. */
__noinline int
put_path_argument(struct scratch *s, __u32 path, __u32 base, __u32 second)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u16 base_type = second ? RECORD_BASE2 : RECORD_BASE1;
	__u64 at;
	int fd;

	if (!s)
		return 0;
	at = next_section(s);
	put_string(s, second ? RECORD_STRING2 : RECORD_STRING1,
	    (void *)argument(s, path));
	if (at > LAST_SECTION || s->buf[at + 8] == '/')
		return 0;
	fd = base ? (int)argument(s, base) : -1;
	if (fd >= 0) {
		struct file *file = file_of(task, fd);

		if (file)
			put_walk(s, GET(file, file, f_path.mnt),
			    GET(file, file, f_path.dentry), base_type);
		return 0;
	}
	put_walk(s, OF_TASK(task, fs->pwd.mnt), OF_TASK(task, fs->pwd.dentry),
	    base_type);
	return 0;
}

static __always_inline void
put_path_arguments(struct scratch *s, const volatile struct record_call *call)
{
	if (call->path)
		put_path_argument(s, call->path, call->base, 0);
	if (call->path2)
		put_path_argument(s, call->path2, call->base2, 1);
}

/* Numbers mean other calls. */
static __always_inline bool
is_foreign(struct task_struct *task)
{
	return SAFEGUARD(foreign) && (task->thread_info.status & TS_COMPAT);
}

/* A call in the way of another architecture: numbers mean other calls. */
static __noinline int
tell_foreign(struct pt_regs *regs, long ret)
{
	struct scratch *s;

	if (!is_watched())
		return 0;
	s = event_begin(RECORD_FOREIGN, 0);
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

	if ((unsigned long)id >= RECORD_N_CALLS || is_foreign(task))
		return 0;
	call = &calls[id];
	if (!(call->flags & RECORD_MARKED) || !is_watched())
		return 0;
	state = bpf_task_storage_get(&states, task, 0,
	    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (state)
		state->call = id + 1;
	if (!(call->flags & RECORD_ENTRY_PATHS))
		return 0;
	s = event_begin(RECORD_ENTRY, id);
	if (!s)
		return 0;
	event_args(s, regs, 0);
	put_path_arguments(s, call);
	event_end(s, false);
	return 0;
}

static __always_inline void
count_dropped(const struct scratch *s)
{
	struct record_control *control = control_of(s);

	if (control)
		__sync_fetch_and_add(&control->dropped, 1);
}

/* The other end that the call itself names. */
static __always_inline void
key_of_name(struct scratch *s, struct record_io_key *key, const void *name,
    __u32 name_bytes)
{
	bool is_long = name_bytes >= NAME_BYTES;
	long rc;

	if (!name || name_bytes < 8)
		return;
	rc = is_long ? bpf_probe_read_user(s->name, NAME_BYTES, name) :
		       bpf_probe_read_user(s->name, 8, name);
	if (rc != 0)
		return;
	key->port = s->name[2] << 8 | s->name[3];
	if (is_long)
		__builtin_memcpy(key->address, s->name + 8, 16);
	else
		__builtin_memcpy(key->address, s->name + 4, 4);
}

/* The first bytes of a process with a file or peer; key is copied, with what
 * the descriptor is. */
static __always_inline void
tell_first(struct scratch *s, const struct record_io_key *key, __u32 fd,
    __u64 name, __u32 name_bytes)
{
	__u64 at = next_section(s);

	s->h.flags = key->writing ? RECORD_WRITING : 0;
	s->h.args[0] = fd;
	if (at <= LAST_SECTION) {
		__builtin_memcpy(&s->buf[at + 8], key, sizeof(*key));
		end_section(s, at, RECORD_KEY, sizeof(*key), 0);
	}
	put_file_at(s, fd, 1);
	put_address(s, name, name_bytes);
	event_end(s, false);
}

/* Adds bytes to the total of this process with this file or peer; tells when
 * it is the first time. */
__noinline int
account(__u32 fd, __s64 bytes, __u32 writing, __u64 name, __u32 name_bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct record_io_key key = {};
	struct record_io *io;
	struct file *file = file_of(task, fd);
	struct scratch *s = scratch_get();
	struct super_block *sb;
	struct inode *inode;
	void *sums;
	__u32 mode;

	if (!file || !s)
		return 0;
	/* Pipes and devices first: they are most of the calls of many. */
	inode = GET(file, file, f_inode);
	mode = GET(inode, inode, i_mode) & S_IFMT;
	if (mode != S_IFREG && mode != S_IFSOCK)
		return 0;
	sums = totals_of(s);
	if (!sums)
		return 0;
	key.pid = task->tgid;
	key.writing = writing;
	key.ino = GET(inode, inode, i_ino);
	sb = GET(inode, inode, i_sb);
	key.dev = GET(super_block, sb, s_dev);
	key_of_name(s, &key, (void *)name, name_bytes);
	io = bpf_map_lookup_elem(sums, &key);
	if (io) {
		__sync_fetch_and_add(&io->bytes, bytes);
		return 0;
	}
	s->first.bytes = bytes;
	s->first.first_at = bpf_ktime_get_ns();
	if (bpf_map_update_elem(sums, &key, &s->first, BPF_NOEXIST) != 0) {
		io = bpf_map_lookup_elem(sums, &key);
		if (io)
			__sync_fetch_and_add(&io->bytes, bytes);
		else
			count_dropped(s);
		return 0;
	}
	event_head(s, RECORD_IO, 0);
	s->h.result = bytes;
	s->file = (__u64)file;
	tell_first(s, &key, fd, name, name_bytes);
	return 0;
}

struct user_rights {
	__u64 bytes;
	__u32 level, type;
};

#define MAX_RIGHTS   4 /* told of one list of descriptors */
#define MAX_CONTROLS 4 /* looked at of one message */

/* The descriptors in a control message of so many bytes. */
__noinline int
tell_passed(__u64 control, __u64 bytes, __u32 fd)
{
	struct scratch *s = event_begin(RECORD_PASS, 0);
	int passed;

	if (!s)
		return 0;
	s->h.args[0] = fd;
	put_fd(s, fd, false);
	for (__u32 i = 0; i < MAX_RIGHTS; i++) {
		__u64 at = sizeof(struct user_rights) + i * sizeof(passed);

		if (bytes < at + sizeof(passed) ||
		    bpf_probe_read_user(&passed, sizeof(passed),
			(void *)(control + at)) != 0)
			break;
		put_fd(s, passed, false);
	}
	event_end(s, false);
	return 0;
}

/* Descriptors need not come first, nor in one list. */
__noinline int
tell_rights(__u64 control, __u64 bytes, __u32 fd)
{
	struct user_rights rights = {};

	for (__u32 i = 0; i < MAX_CONTROLS; i++) {
		__u64 step;

		if (bytes < sizeof(rights) ||
		    bpf_probe_read_user(&rights, sizeof(rights),
			(void *)control) != 0 ||
		    rights.bytes < sizeof(rights) || rights.bytes > bytes)
			return 0;
		if (rights.level == SOL_SOCKET && rights.type == SCM_RIGHTS)
			tell_passed(control, rights.bytes, fd);
		step = (rights.bytes + 7) & ~7ull;
		if (step >= bytes)
			return 0;
		control += step;
		bytes -= step;
	}
	return 0;
}

static __always_inline void
tell_message(struct pt_regs *regs, long ret)
{
	struct scratch *s = scratch_get();
	struct user_message *m;

	if (!s)
		return;
	m = &s->message.m;
	if (ret < 0 || bpf_probe_read_user(m, sizeof(*m), (void *)regs->si))
		return;
	account(regs->di, ret, 1, m->name, m->name_bytes);
	if (m->control_bytes && SAFEGUARD(rights))
		tell_rights(m->control, m->control_bytes, regs->di);
}

struct messages {
	__u64 at;
	__u32 fd, n, writing;
};

static long
message_step(__u32 i, struct messages *w)
{
	struct scratch *s = scratch_get();
	struct user_messages *m;

	if (!s)
		return 1;
	m = &s->message;
	if (i >= w->n ||
	    bpf_probe_read_user(m, sizeof(*m),
		(void *)(w->at + i * sizeof(*m))) != 0)
		return 1;
	account(w->fd, m->bytes, w->writing, m->m.name, m->m.name_bytes);
	if (w->writing && m->m.control_bytes && SAFEGUARD(rights))
		tell_rights(m->m.control, m->m.control_bytes, w->fd);
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
tell_call(struct pt_regs *regs, const volatile struct record_call *call,
    __u32 id, long ret)
{
	struct scratch *s = event_begin(RECORD_CALL, id);
	int pair[2];

	if (!s)
		return;
	event_args(s, regs, ret);
	if ((call->flags & RECORD_RESULT_FD) && ret >= 0 && SAFEGUARD(object))
		put_fd(s, ret, true);
	else if (!(call->flags & RECORD_ENTRY_PATHS) || SAFEGUARD(at_end))
		put_path_arguments(s, call);
	if (call->fd && (int)argument(s, call->fd) >= 0)
		put_fd(s, argument(s, call->fd), true);
	if (call->address) {
		__u64 bytes = argument(s, call->address + 1);

		put_address(s, argument(s, call->address), bytes);
	}
	if (call->pair && ret >= 0 &&
	    bpf_probe_read_user(pair, sizeof(pair),
		(void *)argument(s, call->pair)) == 0) {
		put_fd(s, pair[0], false);
		put_fd(s, pair[1], false);
	}
	event_end(s, false);
}

static __always_inline bool
tell_bytes(struct pt_regs *regs, const volatile struct record_call *call,
    long ret)
{
	__u64 args[3] = { regs->di, regs->si, regs->dx };
	__u32 in_fd = call->in_fd - 1, out_fd = call->out_fd - 1;

	if (call->filter == RECORD_IF_MESSAGE)
		tell_message(regs, ret);
	if (call->filter == RECORD_IF_MESSAGES)
		tell_messages(regs, ret, true);
	if (call->filter == RECORD_IF_RECEIVED)
		tell_messages(regs, ret, false);
	if (ret <= 0 || (!call->in_fd && !call->out_fd))
		return call->in_fd || call->out_fd ||
		    call->filter >= RECORD_IF_MESSAGE;
	if (in_fd < 3)
		account(args[in_fd], ret, 0, 0, 0);
	if (out_fd < 3) {
		bool named = call->address && regs->r8;

		account(args[out_fd], ret, 1, named ? regs->r8 : 0,
		    named ? regs->r9 : 0);
	}
	return true;
}

static __always_inline void
tell_refused(struct pt_regs *regs, __u32 id, long ret)
{
	struct scratch *s = event_begin(RECORD_REFUSED, id);

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

	if (id >= RECORD_N_CALLS || is_foreign(task)) {
		if (is_foreign(task) || (id < (1ull << 31) && (id & X32_BIT)))
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
		tell_refused(regs, id, ret);
		return 0;
	}
	if ((call->flags & RECORD_REFUSAL_ONLY) ||
	    ((call->flags & RECORD_FAILURE_ONLY) && ret >= 0) ||
	    ((call->flags & RECORD_SUCCESS_ONLY) && ret < 0))
		return 0;
	if (tell_bytes(regs, call, ret) || !passes(call->filter, regs, ret))
		return 0;
	tell_call(regs, call, id, ret);
	return 0;
}

struct pieces {
	__u64 from, to;
	__u32 kind;
};

static long
piece_step(__u32 i, struct pieces *w)
{
	__u64 from = w->from + (__u64)i * PIECE_BYTES;
	struct scratch *s;
	__u64 bytes;

	if (from >= w->to)
		return 1;
	bytes = w->to - from;
	s = event_begin(w->kind, 0);
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

/* Whether the sandbox wrote this file: it has no name, or has changed since
 * watching began. What a script is cannot be told here: it counts as written
 * (the interpreter is all that is left of it by now). */
static __always_inline bool
is_written(struct file *file, __s64 since)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct inode___6_6 *inode_6_6 = (void *)inode;
	struct inode___6_1 *inode_6_1 = (void *)inode;
	__s64 changed = 0;

	if (!BPF_CORE_READ(file, f_path.dentry, d_hash.pprev))
		return true;
	if (bpf_core_field_exists(inode->i_ctime_sec))
		changed = BPF_CORE_READ(inode, i_ctime_sec);
	else if (bpf_core_field_exists(inode_6_6->__i_ctime))
		changed = BPF_CORE_READ(inode_6_6, __i_ctime.tv_sec);
	else if (bpf_core_field_exists(inode_6_1->i_ctime))
		changed = BPF_CORE_READ(inode_6_1, i_ctime.tv_sec);
	return changed >= since;
}

SEC("tp_btf/sched_process_exec")
int
BPF_PROG(on_exec, struct task_struct *task, int old_pid,
    struct linux_binprm *bprm)
{
	struct mm_struct *mm = OF_TASK(task, mm);
	struct pieces argv = { .kind = RECORD_ARGV },
		      env = { .kind = RECORD_ENV };
	const char *filename = bprm->filename, *interp = bprm->interp;
	struct record_control *control;
	struct scratch *s;

	if (!is_watched() || !mm)
		return 0;
	argv.from = mm->arg_start;
	argv.to = mm->arg_end;
	env.from = mm->env_start;
	env.to = mm->env_end;
	bpf_loop(MAX_ARGV / PIECE_BYTES, piece_step, &argv, 0);
	bpf_loop(MAX_ENV / PIECE_BYTES, piece_step, &env, 0);
	s = event_begin(RECORD_EXEC, 0);
	if (!s)
		return 0;
	s->h.args[0] = argv.to - argv.from;
	s->h.args[1] = env.to - env.from;
	if (filename != interp)
		s->h.flags |= RECORD_SCRIPT;
	control = control_of(s);
	if (SAFEGUARD(stop) &&
	    (filename != interp ||
		(control &&
		    is_written(BPF_CORE_READ(mm, exe_file),
			control->watched_since))))
		s->h.flags |= RECORD_STOPPED;
	put_file(s, BPF_CORE_READ(mm, exe_file), -1, 1);
	put_walk(s, OF_TASK(task, fs->pwd.mnt), OF_TASK(task, fs->pwd.dentry),
	    RECORD_CWD);
	put_kernel_string(s, RECORD_STRING1, filename);
	put_kernel_string(s, RECORD_STRING2, interp);
	put_fd(s, 0, false);
	put_fd(s, 1, false);
	put_fd(s, 2, false);
	event_end(s, s->h.flags & RECORD_STOPPED);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int
BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct scratch *s;

	if (parent->tgid == child->tgid || !is_watched())
		return 0;
	s = event_begin(RECORD_FORK, 0);
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
	struct signal_struct *signal = OF_TASK(task, signal);
	struct scratch *s;
	int code;

	if (!is_watched() || signal->live.counter != 0)
		return 0;
	code = (signal->flags & SIGNAL_GROUP_EXIT) ?
	    signal->group_exit_code :
	    OF_TASK(task, group_leader->exit_code);
	if ((code & 0x7f) == SIGSYS) {
		struct pt_regs *regs = (void *)bpf_task_pt_regs(task);

		s = event_begin(RECORD_KILLED, 0);
		if (s) {
			s->h.args[0] = regs->orig_ax;
			s->h.args[1] = task->thread_info.status & TS_COMPAT;
			event_end(s, false);
		}
	}
	s = event_begin(RECORD_EXIT, 0);
	if (!s)
		return 0;
	s->h.result = code;
	event_end(s, false);
	return 0;
}
