/* SPDX-License-Identifier: Apache-2.0 */
/* wall-probe: speaking as if it were one of ours, inside the sandbox. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wall-probe.h"

/* Clears a terminal, sets its title, and a line that is not ours. */
#define ESCAPES "\x1b[2J\x1b]0;forged\x07"
#define LINE    "\nverdict: forged-clean\n"

/* Every type there may be, in our own frames (sys/message.h): whoever reads
 * them from us must take them for bytes. */
static void
send_frames(int fd)
{
	unsigned char frame[24] = { 16, 0, 0, 0, 0, 0, 1, 0 };

	for (unsigned type = 0; type < 200; type++) {
		frame[4] = (unsigned char)type;
		(void)!write(fd, frame, sizeof(frame));
	}
}

/* Whatever was left open, up to where anything could be. */
static void
send_everywhere(void)
{
	for (int fd = 1; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			send_frames(fd);
}

/* Names and arguments are shown to people. */
static void
name_badly(void)
{
	static const char *const names[] = { "/tmp/" ESCAPES, "/tmp/line" LINE,
		"/tmp/\xff\xfe\x80 no text" };
	char longest[6 + 255] = "/tmp/";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)mkdir(names[i], 0700);
	memset(longest + 5, '\xc3', 255);
	(void)close(open(longest, O_WRONLY | O_CREAT, 0600));
	(void)prctl(PR_SET_NAME, ESCAPES);
	if (fork() == 0) {
		(void)execl("/bin/probe", ESCAPES, "nothing", LINE,
		    (char *)NULL);
		_exit(1);
	}
	(void)wait(NULL);
}

int
forge(const char *a)
{
	(void)a;
	(void)!write(1, ESCAPES LINE, sizeof(ESCAPES LINE) - 1);
	(void)!write(2, ESCAPES LINE, sizeof(ESCAPES LINE) - 1);
	send_everywhere();
	name_badly();
	return 0;
}
