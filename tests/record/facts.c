/* SPDX-License-Identifier: Apache-2.0 */
/* Facts as lines: the reading end of a facts channel, for tests. */
#include "record/facts.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "runfile/fact.h"
#include "sys/message.h"

void
facts_escape(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > ' ' && c < 0x7f && c != '%')
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void
put_fact(struct buf *out, const struct fact_table *t, const void *fact)
{
	buf_puts(out, t->name);
	for (const struct fact_column *c = t->columns; c->name != NULL; c++) {
		const char *member = (const char *)fact + c->offset;
		struct str s;
		int64_t v;

		if (c->type == FACT_INT || c->type == FACT_REAL) {
			memcpy(&v, member, sizeof(v));
			if (v != FACT_NONE)
				buf_printf(out, " %s=%lld", c->name,
				    (long long)v);
			continue;
		}
		memcpy(&s, member, sizeof(s));
		if (s.p == NULL)
			continue;
		buf_printf(out, " %s=", c->name);
		facts_escape(out, s);
	}
}

int
facts_print(int fd, FILE *out)
{
	struct error err = ERROR_INIT;
	struct channel c;
	struct message m;
	struct buf line;
	int rc;

	channel_init(&c, fd);
	buf_init(&line, 64 * MIB);
	while ((rc = channel_recv(&c, &m, &err)) == 1) {
		enum fact_kind kind;
		union fact fact;

		buf_reset(&line);
		rc = fact_receive(&m, &kind, &fact, &err);
		if (rc == 0)
			put_fact(&line, fact_table(kind), &fact);
		else
			buf_printf(&line, "bad-fact %s", err.msg);
		(void)fprintf(out, "%s\n", line.p);
	}
	if (rc < 0)
		(void)fprintf(out, "bad-channel %s\n", err.msg);
	buf_done(&line);
	channel_done(&c);
	return rc;
}

static bool
has_word(struct str line, struct str word)
{
	ptrdiff_t tilde = str_chr(word, '~'), equals = str_chr(word, '=');
	bool part = tilde >= 0 && (equals < 0 || tilde < equals);
	struct str name = part ? str_sub(word, 0, (size_t)tilde) : word;
	struct str have, value = str_sub(word, (size_t)(tilde + 1), word.n);

	while (line.p != NULL && str_cut(&line, ' ', &have)) {
		if (!part && str_eq(have, word))
			return true;
		if (part && have.n > name.n && have.p[name.n] == '=' &&
		    str_eq(str_sub(have, 0, name.n), name) &&
		    str_find(str_sub(have, name.n + 1, have.n), value) >= 0)
			return true;
	}
	return false;
}

bool
facts_match(struct str line, struct str wanted)
{
	struct str word;

	while (wanted.p != NULL && str_cut(&wanted, ' ', &word))
		if (word.n != 0 && !has_word(line, word))
			return false;
	return true;
}
