/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, their answers included. The first byte says where the rest is
 * cut in two: what comes in pieces must be read as what comes at once.
 */
#include <stdint.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sink/http_priv.h"
#include "sink/names_priv.h"
#include "sink/registry_priv.h"
#include "sink/stream_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world *
make_world(void)
{
	static struct world w;

	if (w.names != NULL)
		return &w;
	w.names = names_new(1);
	w.book.phase = FACT_NONE; /* rows go nowhere */
	w.relay.gone = true;
	w.decoy_mark = mem_strdup("/tmp/mark");
	w.cloud_key_id = mem_strdup("id");
	w.cloud_secret = mem_strdup("secret");
	w.cloud_token = mem_strdup("token");
	registry_set(&w, STR_LIT("https://registry.test/base/"));
	TAILQ_INIT(&w.streams);
	TAILQ_INIT(&w.dead);
	return &w;
}

static void
feed(struct stream *s, struct str bytes)
{
	bool ok = true;
	size_t before;

	buf_put_str(&s->in, bytes);
	do {
		before = s->in.n;
		ok = ok && http_step(s->http);
		buf_reset(&s->out);
	} while (ok && !s->closing && s->in.n != before);
	if (!ok)
		buf_reset(&s->in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = { .world = make_world(), .fd = -1, .body_fd = -1 };
	struct str all = str_n(data, size);
	size_t cut = size != 0 ? data[0] : 0;

	buf_init(&s.in, MIB);
	buf_init(&s.out, 8 * (size_t)MIB);
	s.http = http_new(&s);
	feed(&s, str_sub(all, 1, 1 + cut));
	feed(&s, str_sub(all, 1 + cut, size));
	http_close(s.http);
	http_free(s.http);
	buf_done(&s.in);
	buf_done(&s.out);
	return 0;
}
