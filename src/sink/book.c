/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and payloads, on their way to scribe. Runs in role sink. */
#include "sink/book_priv.h"

#include <errno.h>

#include "base/error.h"
#include "base/limits.h"
#include "sys/clock.h"

void
book_init(struct book *b, int facts_fd, int64_t sandbox)
{
	*b = (struct book){ .sandbox = sandbox, .phase = FACT_NONE };
	channel_init(&b->facts, facts_fd);
}

void
book_done(struct book *b)
{
	struct error err = ERROR_INIT;

	if (b->facts.in.max != 0 && channel_flush(&b->facts, &err) != 0)
		fatal("sink: facts: %s", err.msg);
	channel_done(&b->facts);
}

static void
send_fact(struct book *b, enum fact_kind kind, const void *fact)
{
	struct error err = ERROR_INIT;

	if (fact_send(&b->facts, kind, fact, &err) != 0)
		fatal("sink: facts: %s", err.msg);
}

void
book_phase_begin(struct book *b, int64_t phase, int64_t started_ns)
{
	b->phase = phase;
	b->started_ns = started_ns;
	b->events = b->dropped = 0;
}

void
book_phase_end(struct book *b, const char *reason)
{
	struct error err = ERROR_INIT;
	struct fact_phase_view f;

	if (b->phase == FACT_NONE)
		return;
	fact_init(FACT_PHASE_VIEW, &f);
	f.phase = b->phase;
	f.view = STR_LIT("sink");
	f.available = 1;
	f.events = b->events;
	f.dropped = b->dropped;
	f.reason = str_of(reason);
	send_fact(b, FACT_PHASE_VIEW, &f);
	b->phase = FACT_NONE;
	if (channel_flush(&b->facts, &err) != 0)
		fatal("sink: facts: %s", err.msg);
}

int64_t
book_id(struct book *b)
{
	return (b->sandbox << 32) + ++b->last_id;
}

int64_t
book_now(const struct book *b)
{
	return clock_ns() - b->started_ns;
}

/* Room for one more row in this phase? */
static bool
admit(struct book *b)
{
	if (b->phase == FACT_NONE || b->events >= LIMIT_SINK_ROWS) {
		b->dropped++;
		return false;
	}
	b->events++;
	return true;
}

void
book_connection(struct book *b, struct fact_connection *f)
{
	if (!admit(b))
		return;
	f->phase = b->phase;
	if (f->at == FACT_NONE)
		f->at = book_now(b);
	send_fact(b, FACT_CONNECTION, f);
}

void
book_dns_query(struct book *b, struct fact_dns_query *f)
{
	if (!admit(b))
		return;
	f->phase = b->phase;
	if (f->at == FACT_NONE)
		f->at = book_now(b);
	send_fact(b, FACT_DNS_QUERY, f);
}

void
book_http_exchange(struct book *b, struct fact_http_exchange *f)
{
	if (!admit(b))
		return;
	f->phase = b->phase;
	if (f->at == FACT_NONE)
		f->at = book_now(b);
	send_fact(b, FACT_HTTP_EXCHANGE, f);
}

static void
send_payload(struct book *b, struct place p, const uint8_t *digest,
    int64_t size, struct str bytes)
{
	char hex[SHA256_HEX_SIZE];
	struct fact_payload f;
	struct fact_blob blob;

	if (!admit(b))
		return;
	sha256_hex(digest, hex);
	fact_init(FACT_PAYLOAD, &f);
	f.phase = b->phase;
	f.connection = p.connection;
	f.exchange = p.exchange;
	f.at = book_now(b);
	f.sha256 = str_of(hex);
	f.size = size;
	f.kept = bytes.p != NULL;
	if (bytes.p != NULL) {
		fact_init(FACT_BLOB, &blob);
		blob.sha256 = f.sha256;
		blob.bytes = bytes;
		send_fact(b, FACT_BLOB, &blob);
		b->kept_bytes += size;
	}
	send_fact(b, FACT_PAYLOAD, &f);
}

/* The piece becomes a row of its own: memory is bounded, nothing is lost. */
static void
write_piece(struct book *b, struct record *r, struct place p)
{
	uint8_t digest[SHA256_BYTES];

	if (r->piece.n == 0)
		return;
	sha256_of(buf_str(&r->piece), digest);
	send_payload(b, p, digest, (int64_t)r->piece.n, buf_str(&r->piece));
	b->held_bytes -= (int64_t)r->piece.n;
	buf_done(&r->piece);
}

void
record_add(struct book *b, struct record *r, struct place p, struct str bytes)
{
	size_t n;

	if (bytes.n == 0)
		return;
	if (r->whole == NULL)
		r->whole = sha256_new();
	sha256_add(r->whole, bytes.p, bytes.n);
	r->size += (int64_t)bytes.n;
	while (bytes.n != 0) {
		if (r->piece.n >= LIMIT_BLOB_BYTES ||
		    b->held_bytes >= LIMIT_SINK_HELD_BYTES)
			write_piece(b, r, p);
		if (r->kept_bytes >= LIMIT_SINK_STREAM_BYTES ||
		    b->kept_bytes + b->held_bytes >= LIMIT_SINK_KEPT_BYTES) {
			r->cut = true;
			return;
		}
		if (r->piece.max == 0)
			buf_init(&r->piece, LIMIT_BLOB_BYTES);
		n = LIMIT_BLOB_BYTES - r->piece.n;
		n = bytes.n < n ? bytes.n : n;
		buf_put(&r->piece, bytes.p, n);
		r->kept_bytes += (int64_t)n;
		b->held_bytes += (int64_t)n;
		bytes = str_sub(bytes, n, bytes.n);
	}
}

bool
record_end(struct book *b, struct record *r, struct place p,
    char ret[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_BYTES];

	if (r->whole == NULL)
		return false;
	write_piece(b, r, p);
	sha256_final(r->whole, digest);
	sha256_hex(digest, ret);
	if (r->cut)
		send_payload(b, p, digest, r->size, STR_NONE);
	buf_done(&r->piece);
	*r = (struct record){ 0 };
	return true;
}
