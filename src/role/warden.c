/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for the supervisor to end, or to leave the rest to it. Then kills what
 * runs in the sandbox, removes its control groups and its run folder, and lets
 * go of its mounts. Reads nothing that comes from a package.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "runfile/control.h"
#include "sandbox/cgroup.h"
#include "sandbox/rundir.h"
#include "sandbox/warden.h"
#include "sys/lockdown.h"
#include "sys/message.h"

/* A frozen process dies only when rundir_remove() has thawed it. */
#define END_WAIT_MS 50

struct warden {
	struct channel control;
	int init; /* pidfd; -1: none yet */
};

static int
confine(const char *folder, struct error *err)
{
	char parent[RUNDIR_PATH_BYTES];
	const char *const places[] = { parent, "/sys/fs/cgroup", NULL };
	struct lockdown l = {
		.rights = LOCKDOWN_WRITE_FILES | LOCKDOWN_KILL,
		.write_paths = places,
		/* Control groups and signals ask for root's own rights. */
		.keep_caps =
		    1ull << 5 /* CAP_KILL */ | 1ull << 1 /* CAP_DAC_OVERRIDE */,
	};

	(void)snprintf(parent, sizeof(parent), "%s/..", folder);
	return lockdown(&l, err);
}

/* What is held is closed by our end alone. */
static void
hold(struct message *m)
{
	for (size_t n = m->n_fds; n > 0; n--)
		(void)message_get_fd(m);
}

/* 0: go on; 1: the supervisor has ended or said its last word. */
static int
hear(struct warden *w, struct error *err)
{
	struct message m;
	int rc = channel_fill(&w->control, err);

	while (rc == 0 && (rc = channel_next(&w->control, &m, err)) == 1) {
		if (m.type == WARDEN_INIT && w->init < 0)
			w->init = message_get_fd(&m);
		if (m.type == WARDEN_HOLD)
			hold(&m);
		if (message_end(&m, err) != 0)
			return 1;
		rc = 0;
	}
	return rc == -EAGAIN ? 0 : rc != 0;
}

static void
watch(struct warden *w, struct error *err)
{
	struct pollfd fds[] = { { WARDEN_SUPERVISOR_FD, POLLIN, 0 },
		{ w->control.fd, POLLIN, 0 } };

	for (;;) {
		if (poll(fds, N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
			return;
		/* Its last words first, then its end. */
		if (fds[1].revents != 0 && hear(w, err) != 0)
			return;
		if (fds[0].revents != 0)
			return;
	}
}

static void
clean_up(const struct warden *w, const char *folder)
{
	struct pollfd init = { w->init, POLLIN, 0 };

	/* With process 1 its whole pid namespace goes, cgroups or not. */
	if (w->init >= 0 &&
	    syscall(SYS_pidfd_send_signal, w->init, SIGKILL, NULL, 0) == 0)
		(void)poll(&init, 1, END_WAIT_MS);
	rundir_remove(folder);
}

int
main(int argc, char **argv)
{
	struct warden w = { .init = -1 };
	struct error err = ERROR_INIT;

	if (argc != 2) {
		fputs("lazaret-warden: started by the sandbox, not by hand\n",
		    stderr);
		return EXIT_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NAME, "lazaret-warden", 0, 0, 0);
	channel_init(&w.control, CONTROL_FD);
	if (confine(argv[1], &err) != 0) {
		fprintf(stderr, "lazaret-warden: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	message_begin(&w.control, CONTROL_READY);
	if (message_send(&w.control, &err) == 0 &&
	    channel_flush(&w.control, &err) == 0)
		watch(&w, &err);
	clean_up(&w, argv[1]);
	channel_done(&w.control);
	closep(&w.init);
	return EXIT_NOTHING_FOUND;
}
