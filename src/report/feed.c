/* SPDX-License-Identifier: Apache-2.0 */
/* The feed of changes, as Atom (RFC 4287) and as JSON Feed 1.1. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "report/export_priv.h"

#define MAX_ENTRIES 200 /* of a day at the busiest */
#define TITLE       "Malicious packages: changes"

static void
put_xml(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '<' || c == '>' || c == '&' || c == '"')
			buf_printf(b, "&#%d;", c);
		else
			buf_putc(b, c < ' ' || c == 0x7f ? ' ' : s.p[i]);
	}
}

/* The cut may lie within a character. */
static struct str
title_of(const struct export_entry *e)
{
	struct str s = e->summary;

	if (s.n == 0)
		return e->id;
	while (s.n > 0 && !str_is_utf8(s))
		s.n--;
	return s;
}

/* Below url, or relative to the feed; spaces in names of ecosystems. */
static void
put_link(struct buf *b, const struct exporter *x, const struct export_entry *e,
    const char *url)
{
	struct str dir = export_dir_name(x, e, 0);

	if (url != NULL)
		buf_printf(b, "%s%s", url,
		    str_ends(str_of(url), "/") ? "" : "/");
	for (size_t i = 0; i < dir.n; i++)
		if (dir.p[i] == ' ' || dir.p[i] == '[' || dir.p[i] == ']')
			buf_printf(b, "%%%02X", (unsigned char)dir.p[i]);
		else
			buf_putc(b, dir.p[i]);
	buf_printf(b, "/%.*s.json", STR_ARG(e->id));
}

static void
atom_entry(struct buf *b, const struct exporter *x,
    const struct export_entry *e, const char *url)
{
	struct buf link;

	buf_init(&link, 8 * KIB);
	put_link(&link, x, e, url);
	buf_printf(b,
	    "<entry><id>urn:osv:%.*s</id><updated>%.*s</updated>"
	    "<title>",
	    STR_ARG(e->id), STR_ARG(e->modified));
	if (e->withdrawn)
		buf_puts(b, "Withdrawn: ");
	put_xml(b, title_of(e));
	buf_puts(b,
	    "</title><link rel=\"alternate\" "
	    "type=\"application/json\" href=\"");
	put_xml(b, buf_str(&link));
	buf_puts(b, "\"/>");
	for (size_t i = 0; i < e->n_dirs; i++) {
		buf_puts(b, "<category term=\"");
		put_xml(b, export_dir_name(x, e, i));
		buf_puts(b, "\"/>");
	}
	buf_puts(b, "</entry>\n");
	buf_done(&link);
}

static void
json_entry(struct json *j, const struct exporter *x,
    const struct export_entry *e, const char *url)
{
	struct buf b;

	buf_init(&b, 8 * KIB);
	json_object_begin(j);
	json_key(j, "id");
	json_str(j, e->id);
	json_key(j, "title");
	json_str(j, title_of(e));
	json_key(j, "content_text");
	json_str(j, title_of(e));
	put_link(&b, x, e, url);
	json_key(j, "url");
	json_str(j, buf_str(&b));
	json_key(j, "date_modified");
	json_str(j, e->modified);
	json_key(j, "tags");
	json_array_begin(j);
	for (size_t i = 0; i < e->n_dirs; i++)
		json_str(j, export_dir_name(x, e, i));
	if (e->withdrawn)
		json_strz(j, "withdrawn");
	json_array_end(j);
	json_object_end(j);
	buf_done(&b);
}

int
feed_write(struct exporter *x, struct export_entry *const *entries, size_t n,
    const char *url, struct error *err)
{
	struct buf b;
	struct json j;
	int rc;

	buf_init(&b, 16 * (size_t)MIB);
	buf_puts(&b,
	    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
	    "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n"
	    "<id>urn:lazaret:changes</id><title>" TITLE
	    "</title><author><name>lazaret</name></author><updated>");
	buf_put_str(&b,
	    n != 0 ? entries[0]->modified : STR_LIT("1970-01-01T00:00:00Z"));
	buf_puts(&b, "</updated>\n");
	if (url != NULL) {
		buf_puts(&b, "<link rel=\"self\" href=\"");
		put_xml(&b, str_of(url));
		buf_puts(&b, str_ends(str_of(url), "/") ? "" : "/");
		buf_puts(&b, "changes.atom\"/>\n");
	}
	for (size_t i = 0; i < MIN_OF(n, (size_t)MAX_ENTRIES); i++)
		atom_entry(&b, x, entries[i], url);
	buf_puts(&b, "</feed>\n");
	rc = export_put_file(x, "changes.atom", buf_str(&b), err);
	buf_reset(&b);
	json_init(&j, &b, 1);
	json_object_begin(&j);
	json_key(&j, "version");
	json_strz(&j, "https://jsonfeed.org/version/1.1");
	json_key(&j, "title");
	json_strz(&j, TITLE);
	json_key(&j, "items");
	json_array_begin(&j);
	for (size_t i = 0; i < MIN_OF(n, (size_t)MAX_ENTRIES); i++)
		json_entry(&j, x, entries[i], url);
	json_array_end(&j);
	json_object_end(&j);
	buf_putc(&b, '\n');
	if (rc == 0)
		rc = export_put_file(x, "changes.json", buf_str(&b), err);
	buf_done(&b);
	return rc;
}
