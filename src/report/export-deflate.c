/* SPDX-License-Identifier: Apache-2.0 */
/* Raw deflate of documents, one alone or some of them one a line. Runs in the
 * confined workers of `lazaret report export`, and in the process that writes
 * for lines that a change has left. */
#include <libdeflate.h>
#include <zlib.h>

#include "base/limits.h"
#include "report/export_priv.h"
#include "report/flate.h"

/* Of the library, for what is long or unlike our text: fast, and with a small
 * table to clear. */
#define LEVEL  1
#define MEMORY 6

/* Raw deflate, flushed in full: pieces can be put one after the other. For
 * what flate_piece() does not take. */
static bool
flate_flushed(struct str bytes, struct buf *out)
{
	static z_stream z;
	static bool ready;
	size_t room;
	char *p;

	if (!ready &&
	    deflateInit2(&z, LEVEL, Z_DEFLATED, -15, MEMORY,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	ready = true;
	if (deflateReset(&z) != Z_OK)
		return false;
	room = deflateBound(&z, (uLong)bytes.n) + 64;
	p = buf_reserve(out, room);
	if (p == NULL)
		return false;
	z.next_in = (Bytef *)(uintptr_t)bytes.p;
	z.avail_in = (uInt)bytes.n;
	z.next_out = (Bytef *)p;
	z.avail_out = (uInt)room;
	if (deflate(&z, Z_FULL_FLUSH) != Z_OK || z.avail_in != 0 ||
	    z.avail_out == 0)
		return false;
	buf_added(out, room - z.avail_out);
	return true;
}

bool
export_deflate(struct str bytes, struct buf *out)
{
	return flate_piece(bytes, out) || flate_flushed(bytes, out);
}

void
export_pack_begin(struct export_pack *p, size_t max)
{
	p->chunk.max = EXPORT_MAX_DOCUMENT + 1;
	p->out.max = max;
	buf_reset(&p->chunk);
	buf_reset(&p->out);
	p->raw = 0;
	p->crc32 = p->n = 0;
	p->failed = false;
}

static void
put_chunk(struct export_pack *p)
{
	struct str s = buf_str(&p->chunk);

	if (s.n == 0)
		return;
	p->crc32 = libdeflate_crc32(p->crc32, s.p, s.n);
	p->raw += s.n;
	if (p->chunk.full || !export_deflate(s, &p->out))
		p->failed = true;
	buf_reset(&p->chunk);
}

/* As many lines at once as deflate can look back over. */
void
export_pack_add(struct export_pack *p, struct str document)
{
	if (p->chunk.n + document.n + 1 > FLATE_MAX_BYTES)
		put_chunk(p);
	buf_put_str(&p->chunk, document);
	buf_putc(&p->chunk, '\n');
	p->n++;
}

bool
export_pack_end(struct export_pack *p)
{
	put_chunk(p);
	return !p->failed && !p->out.full;
}

void
export_pack_done(struct export_pack *p)
{
	buf_done(&p->chunk);
	buf_done(&p->out);
}
