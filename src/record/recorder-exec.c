/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs as facts: exec, reaching into other processes, refused calls; and
 * the content of what was executed although the sandbox itself wrote it.
 * Runs in the decoder of role record.
 */
#include <errno.h>
#include <linux/ptrace.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "record/attribute.h"
#include "record/calls.h"
#include "record/recorder_priv.h"
#include "sys/sha256.h"

/* A file that was hashed, so that its next exec costs one fstat. */
struct recorder_content {
	char sha256[SHA256_HEX_SIZE];
};

struct content_key {
	uint64_t dev, ino;
	int64_t size, changed_s, changed_ns;
};

void
recorder_content_free(struct map *hashes)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (hashes != NULL && map_next(hashes, &at, &key, &value))
		free(value);
	map_free(hashes);
}

/* Hash and, up to LIMIT_BLOB_BYTES, content. -EFBIG: too large for both. */
static int
read_content(int fd, struct buf *ret, char sha256[SHA256_HEX_SIZE])
{
	struct sha256 *h = sha256_new();
	uint8_t digest[SHA256_BYTES];
	static char chunk[64 * KIB];
	int64_t at = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0 &&
	    at < LIMIT_HASH_BYTES) {
		sha256_add(h, chunk, (size_t)n);
		buf_put(ret, chunk, (size_t)n);
		at += n;
	}
	if (n != 0) {
		sha256_free(h);
		return -EFBIG;
	}
	sha256_final(h, digest);
	sha256_hex(digest, sha256);
	return 0;
}

static void
tell_content(struct recorder *r, struct str path, const struct stat *st,
    const char *sha256, const struct buf *content)
{
	struct fact_written_file f;
	struct fact_blob b;
	bool kept = !content->full &&
	    r->kept_bytes + (int64_t)content->n <= LIMIT_RUN_BLOBS_BYTES;

	fact_init(FACT_WRITTEN_FILE, &f);
	f.phase = r->phase;
	f.path = path;
	f.change = STR_LIT("executed");
	f.type = STR_LIT("file");
	f.mode = st->st_mode & 07777;
	f.size = st->st_size;
	f.sha256 = str_of(sha256);
	f.kept = kept;
	recorder_send(r, FACT_WRITTEN_FILE, &f);
	if (!kept)
		return;
	fact_init(FACT_BLOB, &b);
	b.sha256 = str_of(sha256);
	b.bytes = content->p != NULL ? buf_str(content) : STR_LIT("");
	recorder_send(r, FACT_BLOB, &b);
	r->kept_bytes += (int64_t)content->n;
}

/* The hash of an executed file that the sandbox wrote; p NULL otherwise. */
static struct str
executed_content(struct recorder *r, const struct recorder_event *x,
    struct str path)
{
	struct content_key key = { 0 };
	struct recorder_content *known;
	_cleanup_(closep) int fd = -1;
	_cleanup_(buf_done) struct buf content = { 0 };
	struct stat st;

	fd = r->outside->open_executed(r->outside->context, x->e->h.pid, path,
	    (x->e->h.flags & RECORD_STOPPED) != 0);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return STR_NONE;
	key.dev = st.st_dev;
	key.ino = st.st_ino;
	key.size = st.st_size;
	key.changed_s = st.st_ctim.tv_sec;
	key.changed_ns = st.st_ctim.tv_nsec;
	known = map_get(r->hashes, str_n(&key, sizeof(key)));
	if (known != NULL)
		return str_of(known->sha256);
	known = mem_alloc(sizeof(*known));
	buf_init(&content, LIMIT_BLOB_BYTES);
	if (read_content(fd, &content, known->sha256) != 0 ||
	    map_put(r->hashes, str_n(&key, sizeof(key)), known) < 0) {
		free(known);
		return STR_NONE;
	}
	tell_content(r, path, &st, known->sha256, &content);
	return str_of(known->sha256);
}

static void
fill_standard(struct fact_exec_event *f, const struct decode_event *e)
{
	const struct {
		struct str *kind;
		int64_t *object;
	} to[] = { { &f->stdin_kind, &f->stdin_object },
		{ &f->stdout_kind, &f->stdout_object },
		{ &f->stderr_kind, &f->stderr_object } };

	for (size_t i = 0; i < N_ELEMENTS(to); i++)
		*to[i].kind = STR_LIT("none");
	for (size_t i = 0; i < e->n_files; i++) {
		int fd = e->files[i].fd;

		if (fd < 0 || fd > 2)
			continue;
		*to[fd].kind = str_of(recorder_kind_of(&e->files[i]));
		*to[fd].object = (int64_t)e->files[i].file.ino;
	}
}

static void
attribute(struct recorder *r, struct process *p,
    const struct fact_exec_event *f)
{
	struct attribute_exec a = { str_of(r->project), f->path, f->script,
		buf_str(&p->env), f->cwd };
	struct attribution after = attribute_exec(&a, p->attribution);

	p->attribution.role = after.role;
	if (after.package.p != p->attribution.package.p)
		process_set_package(p, after.package);
}

static void
tell_program(struct recorder *r, struct process *p,
    const struct fact_exec_event *f, struct str exe)
{
	struct fact_process fp;

	fact_init(FACT_PROCESS, &fp);
	fp.id = p->id;
	fp.phase = p->phase;
	fp.pid = p->inner_pid;
	fp.exe = exe;
	fp.exe_sha256 = f->interpreter.p == NULL ? f->sha256 : STR_NONE;
	fp.argv = f->argv;
	fp.cwd = f->cwd;
	fp.role = str_of(p->attribution.role);
	fp.package = p->attribution.package;
	recorder_send(r, FACT_PROCESS, &fp);
}

void
recorder_exec(struct recorder *r, const struct recorder_event *x)
{
	const struct decode_event *e = x->e;
	struct process *p = x->process;
	struct buf *exe = recorder_text(r, 0), *cwd = recorder_text(r, 1);
	struct buf *path = recorder_text(r, 2), *script = recorder_text(r, 3);
	struct fact_exec_event f;
	bool is_script = (e->h.flags & RECORD_SCRIPT) != 0;
	struct str given;

	fact_init(FACT_EXEC_EVENT, &f);
	if (e->cwd.names.p != NULL)
		decode_put_walk(cwd, &e->cwd);
	f.cwd = buf_str(cwd);
	if (e->n_files != 0 && e->files[0].path.names.p != NULL)
		decode_put_walk(exe, &e->files[0].path);
	f.path = buf_str(exe);
	if (is_script && e->strings[0].p != NULL) {
		decode_put_path(path, &e->cwd, e->strings[0]);
		f.path = f.script = buf_str(path);
		f.interpreter = buf_str(exe);
	}
	f.argv = buf_str(&p->argv);
	f.env = buf_str(&p->env);
	given = attribute_script(buf_str(exe), f.argv);
	if (!is_script && given.p != NULL) {
		decode_put_path(script, &e->cwd, given);
		f.script = buf_str(script);
	}
	attribute(r, p, &f);
	f.phase = r->phase;
	f.process = p->id;
	f.package = p->attribution.package;
	f.at = x->at;
	f.result = 0;
	fill_standard(&f, e);
	process_set_exe(p, buf_str(exe));
	f.sha256 = executed_content(r, x, f.path);
	tell_program(r, p, &f, buf_str(exe));
	recorder_send(r, FACT_EXEC_EVENT, &f);
	buf_reset(&p->argv);
	buf_reset(&p->env);
}

void
recorder_exec_failed(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	struct buf *path = recorder_text(r, 0);
	struct fact_exec_event f;

	(void)row;
	fact_init(FACT_EXEC_EVENT, &f);
	f.phase = r->phase;
	f.process = x->process->id;
	f.package = x->process->attribution.package;
	f.at = x->at;
	f.result = x->e->h.result;
	if (x->e->strings[0].p != NULL) {
		decode_put_path(path, &x->e->bases[0], x->e->strings[0]);
		f.path = buf_str(path);
	}
	recorder_send(r, FACT_EXEC_EVENT, &f);
}

/* A signal to oneself or to what one started is nobody's business, nor is
 * what the sandbox's init (ours) does to end it. */
static bool
is_own_signal(const struct recorder *r, const struct recorder_event *x,
    int64_t target_pid, const struct process *target)
{
	if (target_pid == 0 || x->process->inner_pid == 1)
		return true;
	if (target_pid < -1)
		target =
		    process_find_inner(r->processes, (uint32_t)-target_pid);
	return target != NULL && process_descends(target, x->process);
}

void
recorder_reach(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row)
{
	const struct decode_event *e = x->e;
	struct process *target = NULL;
	struct fact_process_event f;

	fact_init(FACT_PROCESS_EVENT, &f);
	f.phase = r->phase;
	f.process = x->process->id;
	f.package = x->process->attribution.package;
	f.at = x->at;
	f.op = str_of(row->op);
	f.result = e->h.result;
	if (row->flags_arg != 0) {
		f.target_pid = (int64_t)(int)e->h.args[row->flags_arg - 1];
		if (f.target_pid > 0)
			target = process_find_inner(r->processes,
			    (uint32_t)f.target_pid);
	}
	if (row->value_arg != 0)
		f.argument = (int64_t)(int)e->h.args[row->value_arg - 1];
	else
		f.argument = e->h.result > 0 ? e->h.result : FACT_NONE;
	if (str_is(f.op, "kill") &&
	    (f.argument == 0 || is_own_signal(r, x, f.target_pid, target) ||
		(str_is(str_of(row->name), "tkill") && target == NULL)))
		return;
	if (str_is(f.op, "ptrace") && f.argument == 0 /* TRACEME */) {
		f.target_pid = FACT_NONE;
		target = x->process->parent;
	}
	f.target = target != NULL ? target->id : FACT_NONE;
	recorder_send(r, FACT_PROCESS_EVENT, &f);
}

static void
put_arguments(struct buf *out, const uint64_t *args, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t v = (int64_t)args[i];

		buf_puts(out, i != 0 ? ", " : "");
		if (v > -65536 && v < 65536)
			buf_printf(out, "%lld", (long long)v);
		else
			buf_printf(out, "0x%llx", (unsigned long long)v);
	}
}

void
recorder_refused(struct recorder *r, const struct recorder_event *x)
{
	const struct record_header *h = &x->e->h;
	bool foreign = h->kind == RECORD_FOREIGN, x32;
	const struct calls_row *row;
	struct buf *call = recorder_text(r, 0), *text = recorder_text(r, 1);
	uint64_t number = h->kind == RECORD_REFUSED ? h->call : h->args[0];
	uint64_t args[6];
	struct fact_refused f;

	/* The C library tries clone3 each time; the answer never changes. */
	row = calls_get((unsigned)number);
	if (h->kind == RECORD_REFUSED && row != NULL &&
	    strcmp(row->name, "clone3") == 0 && x->process->clone3_refused++)
		return;
	x32 = !foreign ? (number & 0x40000000) != 0 : number > RECORD_N_CALLS;
	if (h->kind == RECORD_KILLED && h->args[1] != 0)
		foreign = true;
	if (foreign || x32 || row == NULL)
		buf_printf(call, "%s call %llu",
		    x32         ? "x32" :
			foreign ? "i386" :
				  "unknown",
		    (unsigned long long)(number & ~0x40000000ull));
	else
		buf_puts(call, row->name);
	memcpy(args, h->args, sizeof(args));
	if (h->kind == RECORD_REFUSED)
		put_arguments(text, args, row != NULL ? row->n_args : 6);
	else if (h->kind == RECORD_FOREIGN)
		put_arguments(text, args + 1, 5);
	fact_init(FACT_REFUSED, &f);
	f.phase = r->phase;
	f.process = x->process->id;
	f.package = x->process->attribution.package;
	f.at = x->at;
	f.call = buf_str(call);
	f.arguments = buf_str(text);
	if (h->kind != RECORD_KILLED)
		f.result = h->result;
	recorder_send(r, FACT_REFUSED, &f);
}
