/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role loader: the recorder's programs, loaded once for all sandboxes of this
 * machine (record/loader.h). Two processes: the holder, which loads, attaches
 * and fills slots, and hears nobody but its own child; and the door
 * (record/door.c), which hears clients and has no rights.
 * Descriptor 3: the listening socket. Arguments: seconds without a client
 * after which it ends (0: never), and seconds that its clients have when it is
 * told to end (SIGTERM, which the holder alone takes; twice: at once).
 */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/str.h"
#include "record/door.h"
#include "record/event.h"
#include "record/loader.h"
#include "record/programs.h"
#include "record/record.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"

#define LISTEN_FD 3

struct holder {
	struct programs *programs;
	struct channel door;
	int signal_fd; /* SIGTERM, SIGINT */
};

static void
put_outcome(struct channel *c, int rc, const struct error *said)
{
	message_put_int(c, rc);
	message_put_str(c, str_of(rc != 0 ? said->msg : ""));
}

static int
attach(struct holder *h, struct error *err)
{
	struct error said = ERROR_INIT;
	int rc = programs_attach(h->programs, &said);

	message_begin(&h->door, LOADER_ATTACHED);
	put_outcome(&h->door, rc, &said);
	return message_send(&h->door, err);
}

static int
fill(struct holder *h, unsigned slot, struct error *err)
{
	struct programs_part part = PROGRAMS_PART_INIT;
	struct error said = ERROR_INIT;
	int rc = programs_fill(h->programs, slot, &part, &said);

	message_begin(&h->door, LOADER_FILLED);
	message_put_int(&h->door, slot);
	put_outcome(&h->door, rc, &said);
	if (rc == 0) {
		message_put_fd(&h->door, part.ring_fd);
		message_put_fd(&h->door, part.totals_fd);
		message_put_fd(&h->door, part.control_fd);
	}
	rc = message_send(&h->door, err);
	programs_part_done(&part);
	return rc;
}

static int
empty(struct holder *h, unsigned slot, struct error *err)
{
	programs_empty(h->programs, slot);
	message_begin(&h->door, LOADER_EMPTIED);
	message_put_int(&h->door, slot);
	return message_send(&h->door, err);
}

/* 1: the door is closing. */
static int
on_message(struct holder *h, struct message *m, struct error *err)
{
	bool has_slot = m->type == LOADER_FILL || m->type == LOADER_EMPTY;
	int64_t slot = has_slot ? message_get_int(m) : 0;
	int rc = message_end(m, err);

	if (rc == 0 && (slot < 0 || slot >= RECORD_SLOTS))
		rc = error_set(err, -EPROTO, "loader: slot %lld",
		    (long long)slot);
	if (rc != 0)
		return rc;
	if (m->type == LOADER_FILL)
		return fill(h, (unsigned)slot, err);
	if (m->type == LOADER_EMPTY)
		return empty(h, (unsigned)slot, err);
	if (m->type == LOADER_ATTACH)
		return attach(h, err);
	if (m->type == LOADER_DETACH)
		programs_detach(h->programs);
	return m->type == CONTROL_STOP;
}

/* A door that has gone has said so, which is read next, or has died. */
static int
unless_gone(int rc)
{
	return rc == -EPIPE ? 0 : rc;
}

static int
on_signal(struct holder *h, struct error *err)
{
	struct signalfd_siginfo i;
	int rc;

	if (read(h->signal_fd, &i, sizeof(i)) != sizeof(i))
		return error_errno(err, "signals");
	message_begin(&h->door, CONTROL_STOP);
	rc = message_send(&h->door, err);
	return unless_gone(rc == 0 ? channel_flush(&h->door, err) : rc);
}

/* 1: the door is closing. */
static int
on_door(struct holder *h, struct error *err)
{
	struct message m;
	int rc = channel_fill(&h->door, err);

	if (rc == 1)
		return error_set(err, -EPIPE, "loader: the door died");
	while (rc == 0 && (rc = channel_next(&h->door, &m, err)) == 1) {
		rc = on_message(h, &m, err);
		if (rc == 0)
			rc = channel_flush(&h->door, err);
		rc = unless_gone(rc);
		if (rc != 0)
			return rc;
	}
	return rc;
}

/* 0: it ended by itself, or was told to. */
static int
hold(struct holder *h, struct error *err)
{
	struct pollfd fds[] = { { h->door.fd, POLLIN, 0 },
		{ h->signal_fd, POLLIN, 0 } };
	int rc = 0;

	while (rc == 0) {
		if (poll(fds, N_ELEMENTS(fds), -1) < 0)
			return error_errno(err, "poll");
		if (fds[1].revents != 0)
			rc = on_signal(h, err);
		if (rc == 0 && fds[0].revents != 0)
			rc = on_door(h, err);
	}
	return rc == 1 ? 0 : rc;
}

static void __attribute__((noreturn)) door_process(const struct door *d)
{
	/* To look at the folders above a control group; nothing is read. */
	static const struct lockdown rights = {
		.rights = LOCKDOWN_BPF | LOCKDOWN_ACCEPT | LOCKDOWN_READ_FILES,
	};
	struct error err = ERROR_INIT;
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	rc = lockdown(&rights, &err);
	if (rc == 0)
		rc = door_serve(d, &err);
	if (rc != 0)
		fprintf(stderr, "lazaret recorder: %s\n", err.msg);
	_exit(rc == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED);
}

static int
serve(struct holder *h, int64_t idle_ms, int64_t drain_ms, struct error *err)
{
	static const struct lockdown rights = { .rights = LOCKDOWN_BPF,
		.keep_caps = 1ull << CAP_BPF | 1ull << CAP_PERFMON };
	struct door d = { .listen_fd = LISTEN_FD,
		.programs = h->programs,
		.idle_ms = idle_ms,
		.drain_ms = drain_ms };
	int pair[2];
	int rc = record_cgroup_dev(&d.cgroup_dev, err);
	pid_t pid;

	if (rc == 0)
		rc = fd_set_nonblock(LISTEN_FD, true, err);
	if (rc == 0)
		rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	d.holder_fd = pair[1];
	pid = fork();
	if (pid < 0)
		return error_errno(err, "fork");
	if (pid == 0) {
		(void)close(pair[0]);
		door_process(&d);
	}
	(void)close(pair[1]);
	(void)close(LISTEN_FD);
	channel_init(&h->door, pair[0]);
	rc = lockdown(&rights, err);
	return rc == 0 ? hold(h, err) : rc;
}

/* Before the programs are loaded: who is told to end meanwhile ends then. The
 * door inherits the mask, and so outlives a signal to both. */
static int
take_signals(int *ret_fd, struct error *err)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return *ret_fd < 0 ? error_errno(err, "signalfd") : 0;
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct holder h = { 0 };
	uint64_t idle = 0, drain = 0;
	int rc;

	if (argc < 3 || str_to_u64(str_of(argv[1]), &idle) != 0 ||
	    str_to_u64(str_of(argv[2]), &drain) != 0)
		return EXIT_USAGE;
	rc = take_signals(&h.signal_fd, &err);
	if (rc == 0)
		rc = programs_load(&h.programs, &err);
	if (rc == 0)
		rc = serve(&h, (int64_t)idle * 1000, (int64_t)drain * 1000,
		    &err);
	if (rc != 0)
		fprintf(stderr, "lazaret recorder: %s\n", err.msg);
	channel_done(&h.door);
	programs_free(h.programs);
	return rc == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED;
}
