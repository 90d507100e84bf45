/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX 2 as lines "Tag: value", where <text>…</text> spans several. */
#include "base/cleanup.h"
#include "lockfile/spdx_priv.h"
#include "lockfile/text_priv.h"

struct tags {
	struct spdx s;
	struct lock_text text;
	bool in_package;
	bool versioned; /* SPDXVersion was seen */
};

static struct spdx_package *
package(struct tags *t)
{
	return t->in_package ? &t->s.packages.v[t->s.packages.n - 1] : NULL;
}

static void
tag_version(struct tags *t, struct str value)
{
	(void)value;
	t->versioned = true;
}

static void
tag_package(struct tags *t, struct str value)
{
	t->in_package = true;
	*spdx_add_package(&t->s) = (struct spdx_package){
		.entry = { .name = value, .line = t->text.line },
	};
}

/* Files and snippets have their own identifiers. */
static void
tag_other(struct tags *t, struct str value)
{
	(void)value;
	t->in_package = false;
}

static void
tag_id(struct tags *t, struct str value)
{
	struct spdx_package *p = package(t);

	if (p != NULL)
		p->id = value;
}

static void
tag_package_version(struct tags *t, struct str value)
{
	struct spdx_package *p = package(t);

	if (p != NULL)
		p->entry.version = spdx_said(value);
}

static void
tag_location(struct tags *t, struct str value)
{
	struct spdx_package *p = package(t);

	if (p != NULL)
		p->entry.address = spdx_said(value);
}

static void
tag_reference(struct tags *t, struct str value)
{
	struct str category = lock_word(&value), type = lock_word(&value);
	struct spdx_package *p = package(t);

	if (p != NULL && spdx_is_purl(category, type) && p->entry.purl.n == 0)
		p->entry.purl = str_trim(value);
}

static void
tag_relation(struct tags *t, struct str value)
{
	struct str from = lock_word(&value), kind = lock_word(&value);

	spdx_add_relation(&t->s, from, kind, str_trim(value));
}

static void
read_tag(struct tags *t, struct str name, struct str value)
{
	static const struct {
		const char *name;
		void (*read)(struct tags *t, struct str value);
	} rows[] = {
		{ "SPDXVersion", tag_version },
		{ "PackageName", tag_package },
		{ "SPDXID", tag_id },
		{ "PackageVersion", tag_package_version },
		{ "PackageDownloadLocation", tag_location },
		{ "ExternalRef", tag_reference },
		{ "Relationship", tag_relation },
		{ "FileName", tag_other },
		{ "SnippetSPDXID", tag_other },
		{ "LicenseID", tag_other },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (str_is(name, rows[i].name))
			rows[i].read(t, value);
}

/* The rest of a text of several lines tells us nothing. */
static void
skip_text(struct tags *t, struct str value)
{
	uint32_t line = t->text.line;
	struct str end = STR_LIT("</text>");

	if (!str_starts(value, "<text>") || str_find(value, end) >= 0)
		return;
	while (lock_text_next(&t->text))
		if (str_find(t->text.text, end) >= 0)
			return;
	lock_error(t->s.list, line, "<text> is not closed");
}

void
spdx_read_tags(const struct lock_input *in, struct lock_list *l)
{
	struct tags t = { .s = { .list = l } };

	lock_text_init(&t.text, in->bytes);
	while (lock_text_next(&t.text)) {
		struct str value = str_trim(t.text.text), name;

		if (value.n == 0 || value.p[0] == '#' ||
		    !str_cut(&value, ':', &name) || value.p == NULL)
			continue;
		value = str_trim(value);
		if (str_starts(value, "<text>") && str_ends(value, "</text>"))
			value = str_sub(value, 6, value.n - 7);
		read_tag(&t, name, value);
		skip_text(&t, value);
	}
	if (!t.versioned)
		lock_error(l, 1,
		    "no SPDXVersion: not SPDX in the notation of tags");
	spdx_finish(&t.s);
}
