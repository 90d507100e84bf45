/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoys: each appends the line "decoy N" to the run's mark, where N is the
 * id of the http_exchange that brought it, and prints nothing. A program
 * given by the supervisor takes the place of scripts where only a program
 * will do. Runs in role sink.
 */
#include "sink/decoy_priv.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "sink/http_priv.h"
#include "sink/world_priv.h"

#define TAR_BLOCK     512u
#define DEFLATE_STORE 65535u /* most bytes in a stored block */

typedef void (*decoy_writer)(struct buf *out, const char *mark, int64_t id);

static void
write_shell(struct buf *out, const char *mark, int64_t id)
{
	buf_puts(out, "#!/bin/sh\n");
	if (mark[0] != '\0')
		buf_printf(out, "echo 'decoy %" PRId64 "' 2>/dev/null >>'%s'\n",
		    id, mark);
	buf_puts(out, "exit 0\n");
}

static void
write_python(struct buf *out, const char *mark, int64_t id)
{
	buf_puts(out, "#!/usr/bin/env python3\n");
	if (mark[0] != '\0')
		buf_printf(out,
		    "try:\n    with open('%s', 'a') as f:\n"
		    "        f.write('decoy %" PRId64 "\\n')\n"
		    "except OSError:\n    pass\n",
		    mark, id);
}

static void
write_perl(struct buf *out, const char *mark, int64_t id)
{
	buf_puts(out, "#!/usr/bin/perl\n");
	if (mark[0] != '\0')
		buf_printf(out,
		    "if (open(my $f, '>>', '%s')) { print $f \"decoy %" PRId64
		    "\\n\"; }\n",
		    mark, id);
}

static void
write_ruby(struct buf *out, const char *mark, int64_t id)
{
	buf_puts(out, "#!/usr/bin/env ruby\n");
	if (mark[0] != '\0')
		buf_printf(out,
		    "File.write('%s', \"decoy %" PRId64
		    "\\n\", mode: 'a') rescue nil\n",
		    mark, id);
}

static void
write_powershell(struct buf *out, const char *mark, int64_t id)
{
	if (mark[0] != '\0')
		buf_printf(out,
		    "Add-Content -Path '%s' -Value 'decoy %" PRId64
		    "' -ErrorAction SilentlyContinue\n",
		    mark, id);
}

static void
write_batch(struct buf *out, const char *mark, int64_t id)
{
	buf_puts(out, "@echo off\r\n");
	if (mark[0] != '\0')
		buf_printf(out, "echo decoy %" PRId64 ">>%s\r\n", id, mark);
}

static const struct {
	const char *end;
	decoy_writer write;
} writers[] = {
	{ ".py", write_python }, { ".pl", write_perl }, { ".rb", write_ruby },
	{ ".ps1", write_powershell }, { ".bat", write_batch },
	{ ".cmd", write_batch }, { "", write_shell }, /* everything else */
};

static void
write_script(const struct world *w, const struct request *r, struct buf *out)
{
	size_t i = 0;

	while (!str_ends(r->path, writers[i].end))
		i++;
	writers[i].write(out, w->decoy_mark, r->id);
}

void
decoy_program(const struct world *w, const struct request *r,
    enum path_kind kind, struct answer *a)
{
	a->word = "decoy";
	a->status = 200;
	a->media_type = "application/octet-stream";
	if (kind == PATH_PROGRAM && w->decoy.n != 0) {
		buf_put_str(&a->body, buf_str(&w->decoy));
		return;
	}
	if (kind == PATH_SCRIPT)
		a->media_type = "text/plain; charset=utf-8";
	write_script(w, r, &a->body);
}

/* One regular, executable file in a tar archive. */
static void
write_tar(struct buf *out, struct str name, struct str content)
{
	static const char zeros[2 * TAR_BLOCK] = "";
	char h[TAR_BLOCK] = { 0 };
	unsigned sum = 0;

	(void)snprintf(h, 100, "%.*s", STR_ARG(name));
	(void)snprintf(h + 100, 8, "%07o", 0755u);
	(void)snprintf(h + 108, 8, "%07o", 0u);
	(void)snprintf(h + 116, 8, "%07o", 0u);
	(void)snprintf(h + 124, 12, "%011o", (unsigned)content.n);
	(void)snprintf(h + 136, 12, "%011o", 0u);
	memset(h + 148, ' ', 8); /* counted as spaces */
	h[156] = '0';
	memcpy(h + 257,
	    "ustar\0"
	    "00",
	    8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	(void)snprintf(h + 148, 8, "%06o", sum);
	buf_put(out, h, sizeof(h));
	buf_put_str(out, content);
	buf_put(out, zeros, (TAR_BLOCK - content.n % TAR_BLOCK) % TAR_BLOCK);
	buf_put(out, zeros, sizeof(zeros));
}

static uint32_t
crc32_of(struct str s)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int k = 0; k < 8; k++)
			crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

static void
put_le(struct buf *out, uint32_t v, int n)
{
	for (int i = 0; i < n; i++)
		buf_putc(out, (char)(v >> (8 * i)));
}

/* gzip with stored blocks: ours are small, and every reader takes it. */
static void
write_gzip(struct buf *out, struct str s)
{
	static const char head[10] = { 0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0,
		3 };
	struct str rest = s;

	buf_put(out, head, sizeof(head));
	do {
		size_t n = rest.n < DEFLATE_STORE ? rest.n : DEFLATE_STORE;

		buf_putc(out, n == rest.n);
		put_le(out, (uint32_t)n, 2);
		put_le(out, ~(uint32_t)n, 2);
		buf_put(out, rest.p, n);
		rest = str_sub(rest, n, rest.n);
	} while (rest.n != 0);
	put_le(out, crc32_of(s), 4);
	put_le(out, (uint32_t)s.n, 4);
}

void
decoy_archive(const struct world *w, const struct request *r, struct answer *a)
{
	struct buf program, tar;
	bool gzip = str_ends(r->path, "gz");

	a->word = "decoy";
	a->status = 200;
	a->media_type = "application/octet-stream";
	buf_init(&program, a->body.max);
	buf_init(&tar, a->body.max);
	if (w->decoy.n != 0)
		buf_put_str(&program, buf_str(&w->decoy));
	else
		write_script(w, r, &program);
	if (gzip && !str_ends(r->path, ".node.gz")) {
		write_tar(&tar, path_stem(r->path), buf_str(&program));
		write_gzip(&a->body, buf_str(&tar));
	} else if (gzip) {
		write_gzip(&a->body, buf_str(&program));
	} else {
		buf_put_str(&a->body, buf_str(&program));
	}
	buf_done(&program);
	buf_done(&tar);
}
