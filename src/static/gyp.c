/* SPDX-License-Identifier: Apache-2.0 */
/* Finding command expansions in GYP files. Pure; runs in role unpack. */
#include "static/gyp.h"

#include "base/limits.h"

#define MAX_COMMANDS 4096

/* Length of "<!(", "<!@(", ">!(", "^!@(" at the beginning of s; 0: none. */
static size_t
opening(struct str s)
{
	size_t n = 2;

	if (s.n < 3 || (s.p[0] != '<' && s.p[0] != '>' && s.p[0] != '^') ||
	    s.p[1] != '!')
		return 0;
	if (s.p[n] == '@')
		n++;
	return n < s.n && s.p[n] == '(' ? n + 1 : 0;
}

/* Up to the parenthesis that closes the first one; the end of text when none
 * does. */
static size_t
closing(struct str s)
{
	size_t i, depth = 1;

	for (i = 0; i < s.n && i < LIMIT_TEXT_BYTES; i++) {
		if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			break;
	}
	return i;
}

void
gyp_commands(struct str text, gyp_command_fn fn, void *arg)
{
	int64_t line = 1;
	int n_commands = 0;
	size_t open, end;

	for (size_t i = 0; i < text.n; i++) {
		struct str rest = str_sub(text, i, text.n);

		line += text.p[i] == '\n';
		open = opening(rest);
		if (open == 0)
			continue;
		rest = str_sub(rest, open, rest.n);
		end = closing(rest);
		fn(arg, str_trim(str_sub(rest, 0, end)), line);
		if (++n_commands == MAX_COMMANDS)
			return;
		i += open - 1; /* commands inside commands are told too */
	}
}
