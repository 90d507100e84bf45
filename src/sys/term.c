/* SPDX-License-Identifier: Apache-2.0 */
/* Terminal output. Runs in subcommands. */
#include "sys/term.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/safeguard.h"
#include "sys/clock.h"

bool
term_colour(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0 && isatty(fileno(f));
}

int
term_columns(FILE *f)
{
	struct winsize ws = { 0 };

	if (ioctl(fileno(f), TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		return ws.ws_col;
	return 80;
}

const char *
term_style(FILE *f, enum term_style s)
{
	static const char *const codes[TERM__MAX] = {
		[TERM_PLAIN] = "\x1b[0m",
		[TERM_BOLD] = "\x1b[1m",
		[TERM_DIM] = "\x1b[2m",
		[TERM_RED] = "\x1b[31;1m",
		[TERM_YELLOW] = "\x1b[33;1m",
		[TERM_GREEN] = "\x1b[32;1m",
	};

	return term_colour(f) ? codes[s] : "";
}

static uint32_t
decode(struct str s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s.p;
	static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & first[n];

	for (size_t i = 1; i < n; i++)
		c = (c << 6) | (p[i] & 0x3f);
	return c;
}

struct range {
	uint32_t from, to;
};

/* Characters that act instead of being shown, or that hide others. */
static bool
acts(uint32_t c)
{
	static const struct range ranges[] = {
		{ 0x00, 0x1f }, /* C0 */
		{ 0x7f, 0x9f }, /* DEL, C1 */
		{ 0xad, 0xad }, /* soft hyphen */
		{ 0x61c, 0x61c }, /* Arabic letter mark */
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, /* zero width, marks */
		{ 0x2028, 0x202e }, /* separators, embeddings, overrides */
		{ 0x2060, 0x206f }, /* joiners, isolates */
		{ 0xfe00, 0xfe0f }, /* variation selectors */
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
		{ 0xe0000, 0xe01ef }, /* tags, variation selectors */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

uint32_t
term_acts(struct str s, size_t *ret_n)
{
	uint32_t c;

	*ret_n = str_utf8_length(s);
	c = *ret_n != 0 ? decode(s, *ret_n) : 0;
	return acts(c) ? c : 0;
}

void
term_safe(struct buf *out, struct str s)
{
	size_t n;

	if (!SAFEGUARD(escapes)) {
		buf_put_str(out, s);
		return;
	}
	while (s.n != 0) {
		n = str_utf8_length(s);
		if (n == 0) {
			buf_printf(out, "\\x%02x", (unsigned char)s.p[0]);
			n = 1;
		} else if (acts(decode(s, n)))
			buf_printf(out, "\\u{%x}", decode(s, n));
		else
			buf_put(out, s.p, n);
		s = str_sub(s, n, s.n);
	}
}

void
term_print(FILE *f, struct str s, size_t max_bytes)
{
	struct buf b;
	bool cut = s.n > max_bytes;

	buf_init(&b, 16 * MIB);
	s = str_sub(s, 0, max_bytes);
	/* Do not leave half a character at the cut. */
	while (cut && s.n != 0 && ((unsigned char)s.p[s.n - 1] & 0xc0) == 0x80)
		s.n--;
	if (cut && s.n != 0 && ((unsigned char)s.p[s.n - 1] & 0x80) != 0)
		s.n--;
	term_safe(&b, s);
	(void)fwrite(buf_str(&b).p, 1, b.n, f);
	if (cut)
		(void)fputs("…", f);
	buf_done(&b);
}

void
progress_begin(struct progress *p)
{
	*p = (struct progress){ .begun_at = clock_ns(),
		.tty = isatty(STDERR_FILENO) != 0 };
}

static void
show_progress(struct progress *p, int64_t now, const char *line)
{
	if (now - p->begun_at < NS_PER_SEC)
		return;
	if (p->tty && now - p->shown_at >= NS_PER_SEC / 10) {
		(void)fprintf(stderr, "\r\x1b[K%.*s", term_columns(stderr) - 1,
		    line);
		(void)fflush(stderr);
		p->shown_at = now;
		p->shown = true;
	}
	if (!p->tty && !p->printed && now - p->shown_at >= 10 * NS_PER_SEC) {
		(void)fprintf(stderr, "%s\n", line);
		p->shown_at = now;
		p->printed = true;
	}
}

void
progress_say(struct progress *p, const char *fmt, ...)
{
	char line[sizeof(p->last)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (strcmp(line, p->last) != 0) {
		memcpy(p->last, line, sizeof(line));
		p->printed = false;
		p->said_at = clock_ns();
	}
	show_progress(p, clock_ns(), line);
}

void
progress_turn(struct progress *p)
{
	char line[sizeof(p->last) + 32];
	int64_t now = clock_ns();

	if (p->last[0] == '\0')
		return;
	(void)snprintf(line, sizeof(line), "%s (%lld s)", p->last,
	    (long long)((now - p->said_at) / NS_PER_SEC));
	show_progress(p, now, p->tty ? line : p->last);
}

void
progress_end(struct progress *p)
{
	if (p->tty && p->shown)
		(void)fputs("\r\x1b[K", stderr);
	p->shown = false;
}
