/* SPDX-License-Identifier: Apache-2.0 */
/* See differences.h; docs/recorder.md has the same list in words. */
#include "record/differences.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "record/facts.h"

/* What happens to a fact that matches. */
enum change {
	NOT_TOLD, /* the fact is not told */
	WITHOUT, /* the columns named are not told, or not the same */
};

#define AT_THE_END "known at the end of a call, which is not seen"
#define NOT_THERE  "the process had done nothing yet that stops it"
#define OWN_FILTER "a program's own filter answers first"

struct pidfd_info {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
};

/* How a process ended is told after it was reaped since Linux 6.15. */
static bool
forgets_ends(void)
{
	struct pidfd_info info = { .mask = 1ull << 3 };
	pid_t pid = fork();
	int fd, rc;

	if (pid == 0)
		_exit(0);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	(void)waitpid(pid, NULL, 0);
	rc = ioctl(fd, _IOWR(0xFF, 11, struct pidfd_info), &info);
	(void)close(fd);
	return rc != 0 || (info.mask & 1ull << 3) == 0;
}

static struct row {
	enum record_means means;
	const char *name; /* of the case; NULL: any */
	const char *fact; /* words that it has */
	enum change change;
	const char *columns; /* WITHOUT */
	const char *reason;
	int used;
	bool (*applies)(void); /* NULL: on every kernel */
} rows[] = {
	{ RECORD_NOTIFY, NULL, "file_event op=write", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "file_event op=read", NOT_TOLD, NULL, AT_THE_END,
	    0 },
	{ RECORD_NOTIFY, NULL, "socket_event op=receive", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, "tcp", "socket_event op=send", NOT_TOLD, NULL,
	    "what a connected socket sends does not stop", 0 },
	{ RECORD_NOTIFY, "passed", "socket_event op=send", NOT_TOLD, NULL,
	    "what a connected socket sends does not stop", 0 },
	{ RECORD_NOTIFY, NULL, "socket_event op=accept", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "socket_event op=bind", WITHOUT, "local_port",
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "socket_event op=connect", WITHOUT,
	    "local_address", AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "descriptor_event op=pipe", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "descriptor_event op=socketpair", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "descriptor_event op=dup kind=file", NOT_TOLD,
	    NULL, AT_THE_END " (fcntl)", 0 },
	{ RECORD_NOTIFY, NULL, "file_event", WITHOUT, "result", AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "socket_event", WITHOUT, "result", AT_THE_END,
	    0 },
	{ RECORD_NOTIFY, NULL, "process_event", WITHOUT, "result", AT_THE_END,
	    0 },
	{ RECORD_NOTIFY, NULL, "process_event op=vm-read", WITHOUT, "argument",
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, "refused", "refused call=swapoff", NOT_TOLD, NULL,
	    NOT_THERE, 0 },
	{ RECORD_NOTIFY, "refused", "process exit_signal=31", NOT_TOLD, NULL,
	    NOT_THERE, 0 },
	{ RECORD_NOTIFY, "refused", "refused result~-", NOT_TOLD, NULL,
	    OWN_FILTER, 0 },
	{ RECORD_PTRACE, "refused", "refused result~-", NOT_TOLD, NULL,
	    OWN_FILTER, 0 },
	{ RECORD_NOTIFY, "foreign", "refused", WITHOUT, "result", AT_THE_END,
	    0 },
	{ RECORD_NOTIFY, "fork", "process exit_signal=9", WITHOUT,
	    "exit_signal", "killed and reaped before anybody looked", 0,
	    forgets_ends },
};

static bool
is_meant(const struct row *r, enum record_means means)
{
	return r->means == means && (r->applies == NULL || r->applies());
}

static bool
names_column(const char *columns, struct str word)
{
	ptrdiff_t end = str_chr(word, '=');
	struct str left = str_of(columns), name;

	while (left.p != NULL && str_cut(&left, ' ', &name))
		if (end > 0 && str_eq(name, str_sub(word, 0, (size_t)end)))
			return true;
	return false;
}

static void
drop_columns(const char *columns, struct buf *b)
{
	struct str left, word;
	char *copy = buf_steal(b);
	bool first = true;

	left = str_of(copy);
	while (left.p != NULL && str_cut(&left, ' ', &word)) {
		if (names_column(columns, word))
			continue;
		if (!first)
			buf_putc(b, ' ');
		buf_put_str(b, word);
		first = false;
	}
	free(copy);
}

bool
differences_apply(enum record_means means, const char *name, bool want,
    struct str wanted, struct buf *out)
{
	buf_reset(out);
	buf_put_str(out, wanted);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct row *r = &rows[i];
		size_t before = out->n;

		if (!is_meant(r, means) || !want ||
		    (r->name != NULL && strcmp(r->name, name) != 0) ||
		    !facts_match(wanted, str_of(r->fact)))
			continue;
		if (r->change == NOT_TOLD) {
			r->used++;
			return false;
		}
		drop_columns(r->columns, out);
		r->used += out->n != before;
	}
	return true;
}

int
differences_unused(enum record_means means)
{
	int n = 0;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		if (!is_meant(&rows[i], means) || rows[i].used != 0)
			continue;
		(void)printf("# no longer a difference: %s (%s)\n",
		    rows[i].fact, rows[i].reason);
		n++;
	}
	return n;
}
