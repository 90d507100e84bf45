/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on files as facts. Runs in the decoder of role record. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "record/calls.h"
#include "record/recorder_priv.h"

#define FMODE_CREATED 0x100000 /* the open made the file; linux/fs.h */

static int64_t
argument(const struct decode_event *e, unsigned n)
{
	if (n == 0 || n > N_ELEMENTS(e->h.args))
		return FACT_NONE;
	/* Flags, modes and descriptors are 32 bits; the rest is noise. */
	return (int64_t)(uint32_t)e->h.args[n - 1];
}

static void
fact_begin(struct fact_file_event *f, const struct recorder *r,
    const struct recorder_event *x, const char *op)
{
	fact_init(FACT_FILE_EVENT, f);
	f->phase = r->phase;
	f->process = x->process->id;
	f->package = x->process->attribution.package;
	f->at = x->at;
	f->op = str_of(op);
	f->result = x->e->h.result;
}

/* Path argument i as an absolute path in scratch buffer i. */
static struct str
path_argument(struct recorder *r, const struct decode_event *e, size_t i)
{
	struct buf *b = recorder_text(r, i);

	if (e->strings[i].p == NULL)
		return STR_NONE;
	decode_put_path(b, &e->bases[i], e->strings[i]);
	return buf_str(b);
}

static struct str
path_of_file(struct recorder *r, const struct decode_file *f, size_t i)
{
	struct buf *b = recorder_text(r, i);

	if (f->path.names.p == NULL)
		return STR_NONE;
	decode_put_walk(b, &f->path);
	return buf_str(b);
}

void
recorder_open(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	const struct decode_event *e = x->e;
	struct fact_file_event f;

	fact_begin(&f, r, x, row->op);
	f.flags = argument(e, row->flags_arg);
	if (e->n_files != 0) {
		f.path = path_of_file(r, &e->files[0], 0);
		if (f.flags == FACT_NONE)
			f.flags = e->files[0].file.flags;
		if (e->files[0].file.f_mode & FMODE_CREATED)
			f.op = STR_LIT("create");
	} else {
		f.path = path_argument(r, e, 0);
	}
	if ((e->h.flags & RECORD_CREATED) != 0)
		f.op = STR_LIT("create");
	if (f.flags != FACT_NONE && (f.flags & O_CREAT) != 0)
		f.mode = argument(e, row->mode_arg);
	recorder_send(r, FACT_FILE_EVENT, &f);
	recorder_reach_path(r, x, f.path, f.result);
}

void
recorder_file(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	const struct decode_event *e = x->e;
	struct fact_file_event f;

	fact_begin(&f, r, x, row->op);
	f.flags = argument(e, row->flags_arg);
	f.mode = argument(e, row->mode_arg);
	if (row->value_arg != 0)
		f.bytes = (int64_t)e->h.args[row->value_arg - 1];
	if (row->call.path != 0)
		f.path = path_argument(r, e, 0);
	else if (e->n_files != 0)
		f.path = path_of_file(r, &e->files[0], 0);
	/* What a symbolic link says is kept as it stands. */
	if (str_is(f.op, "symlink"))
		f.path2 = e->strings[1];
	else if (row->call.path2 != 0)
		f.path2 = path_argument(r, e, 1);
	recorder_send(r, FACT_FILE_EVENT, &f);
}

void
recorder_mmap(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	struct fact_file_event f;

	if (x->e->n_files == 0)
		return;
	fact_begin(&f, r, x, row->op);
	f.flags = argument(x->e, row->flags_arg);
	f.path = path_of_file(r, &x->e->files[0], 0);
	f.bytes = (int64_t)x->e->h.args[1];
	f.result = 0; /* where it was mapped tells nothing */
	recorder_send(r, FACT_FILE_EVENT, &f);
}

void
recorder_memfd(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	struct fact_file_event f;

	fact_begin(&f, r, x, row->op);
	f.flags = argument(x->e, row->flags_arg);
	if (x->e->n_files != 0)
		f.path = path_of_file(r, &x->e->files[0], 0);
	else
		f.path = x->e->strings[0];
	recorder_send(r, FACT_FILE_EVENT, &f);
}

/* "/proc/12/mem", "/proc/self/task/12/environ": the pid and the name. */
static bool
proc_path(struct str path, struct str *ret_pid, struct str *ret_name)
{
	struct str part;

	if (!str_starts(path, "/proc/"))
		return false;
	path = str_sub(path, 6, path.n);
	if (!str_cut(&path, '/', ret_pid) || path.p == NULL ||
	    !str_cut(&path, '/', ret_name))
		return false;
	if (str_is(*ret_name, "task") &&
	    (path.p == NULL || !str_cut(&path, '/', &part) || path.p == NULL ||
		!str_cut(&path, '/', ret_name)))
		return false;
	return path.p == NULL;
}

void
recorder_reach_path(struct recorder *r, const struct recorder_event *x,
    struct str path, int64_t result)
{
	struct fact_process_event f;
	struct process *target = x->process;
	struct str pid = STR_NONE, name = STR_NONE;
	uint64_t number;

	if (!proc_path(path, &pid, &name) ||
	    (!str_is(name, "mem") && !str_is(name, "environ")))
		return;
	fact_init(FACT_PROCESS_EVENT, &f);
	f.phase = r->phase;
	f.process = x->process->id;
	f.package = x->process->attribution.package;
	f.at = x->at;
	f.op =
	    str_is(name, "mem") ? STR_LIT("mem-open") : STR_LIT("environ-open");
	if (str_to_u64(pid, &number) == 0 && number <= UINT32_MAX) {
		f.target_pid = (int64_t)number;
		target = process_find_inner(r->processes, (uint32_t)number);
	}
	f.target = target != NULL ? target->id : FACT_NONE;
	f.result = result;
	recorder_send(r, FACT_PROCESS_EVENT, &f);
}
