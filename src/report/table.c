/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4180, with any delimiter: quoted fields may hold line ends. */
#include "report/table.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "report/bundle.h"

struct reader {
	struct str rest;
	char delimiter;
	size_t line; /* of the next row */
	/* The row at hand: all fields in one buffer, and their ends. */
	struct buf text;
	size_t ends[TABLE_MAX_COLUMNS], n_fields;
};

static struct str
field(const struct reader *r, size_t i)
{
	size_t from = i == 0 ? 0 : r->ends[i - 1];

	return str_sub(buf_str(&r->text), from, r->ends[i]);
}

/* Behind the opening quote, up to behind the closing one. */
static bool
read_quoted(struct reader *r)
{
	for (size_t i = 0; i < r->rest.n; i++) {
		char c = r->rest.p[i];

		if (c == '"' && i + 1 < r->rest.n && r->rest.p[i + 1] == '"') {
			i++;
		} else if (c == '"') {
			r->rest = str_sub(r->rest, i + 1, r->rest.n);
			return true;
		} else if (c == '\n') {
			r->line++;
		}
		buf_putc(&r->text, c);
	}
	r->rest = STR_LIT("");
	return false;
}

/* One field; *ret_end: it was the row's last. NULL, or what is wrong. */
static const char *
read_field(struct reader *r, bool *ret_end)
{
	const char *wrong = NULL;
	size_t i = 0;

	if (r->rest.n != 0 && r->rest.p[0] == '"') {
		r->rest = str_sub(r->rest, 1, r->rest.n);
		if (!read_quoted(r))
			wrong = "has a quote that is never closed";
	}
	while (i < r->rest.n && r->rest.p[i] != r->delimiter &&
	    r->rest.p[i] != '\n')
		i++;
	*ret_end = i == r->rest.n || r->rest.p[i] == '\n';
	buf_put_str(&r->text,
	    str_sub(r->rest, 0,
		*ret_end && i > 0 && r->rest.p[i - 1] == '\r' ? i - 1 : i));
	if (i < r->rest.n && r->rest.p[i] == '\n')
		r->line++;
	r->rest = str_sub(r->rest, i + 1, r->rest.n);
	return wrong;
}

/* The next row; its rest is skipped when something is wrong with it. */
static const char *
read_row(struct reader *r)
{
	const char *wrong = NULL, *bad;
	bool end = false;

	buf_reset(&r->text);
	r->text.full = false;
	r->n_fields = 0;
	while (!end) {
		bad = read_field(r, &end);
		if (bad != NULL)
			wrong = bad;
		if (r->n_fields == TABLE_MAX_COLUMNS)
			wrong = "has too many columns";
		else
			r->ends[r->n_fields++] = r->text.n;
	}
	return r->text.full ? "is larger than a document may be" : wrong;
}

struct heading {
	char *names[TABLE_MAX_COLUMNS]; /* owned */
	size_t n;
};

static int
read_heading(struct reader *r, struct heading *h, struct error *err)
{
	const char *wrong;

	if (str_starts(r->rest, "\xef\xbb\xbf"))
		r->rest = str_sub(r->rest, 3, r->rest.n);
	wrong = read_row(r);
	if (wrong != NULL)
		return error_set(err, -EINVAL, "its heading %s", wrong);
	for (; h->n < r->n_fields; h->n++) {
		struct str name = str_trim(field(r, h->n));

		for (size_t k = 0; k < h->n; k++)
			if (str_is(name, h->names[k]))
				return error_set(err, -EINVAL,
				    "its heading has two columns \"%s\"",
				    h->names[k]);
		h->names[h->n] = mem_strndup(name);
	}
	return 0;
}

static void
write_row(const struct reader *r, const struct heading *h, struct buf *out)
{
	struct json j;

	buf_reset(out);
	json_init(&j, out, 0);
	json_object_begin(&j);
	for (size_t i = 0; i < r->n_fields; i++) {
		json_key(&j, h->names[i]);
		json_str(&j, field(r, i));
	}
	json_object_end(&j);
}

static int
read_rows(struct reader *r, const struct heading *h, const struct bundle *b,
    struct str name)
{
	struct buf out;
	int rc = 0;

	buf_init(&out, 8 * (size_t)LIMIT_BUNDLE_MEMBER_BYTES);
	while (rc == 0 && r->rest.n != 0) {
		char *at = mem_printf("%.*s:%zu", STR_ARG(name), r->line);
		const char *wrong = read_row(r);

		if (wrong == NULL && r->n_fields > h->n)
			wrong = "has more columns than the heading";
		if (wrong != NULL) {
			rc = b->fn(b->arg, str_of(at), STR_NONE, wrong);
		} else if (r->n_fields > 1 || field(r, 0).n != 0) {
			write_row(r, h, &out);
			rc = b->fn(b->arg, str_of(at), buf_str(&out), NULL);
		}
		free(at);
	}
	buf_done(&out);
	return rc;
}

int
table_read(const struct bundle *b, struct str bytes, struct str name,
    struct error *err)
{
	struct reader *r = mem_alloc(sizeof(*r));
	struct heading *h = mem_alloc(sizeof(*h));
	int rc;

	r->rest = bytes;
	r->delimiter = b->delimiter != '\0' ? b->delimiter : ',';
	r->line = 1;
	buf_init(&r->text, LIMIT_BUNDLE_MEMBER_BYTES);
	rc = read_heading(r, h, err);
	if (rc == 0)
		rc = read_rows(r, h, b, name);
	for (size_t i = 0; i < h->n; i++)
		free(h->names[i]);
	buf_done(&r->text);
	free(h);
	free(r);
	return rc;
}
