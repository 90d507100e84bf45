/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML into a tree, by expat: an element is an object of its attributes and
 * elements, or a string where it has only text; names are without prefixes.
 * Entities cannot be declared, so that nothing grows and nothing is fetched.
 */
#include "lockfile/tree_xml_priv.h"

#include <expat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "lockfile/lockfile.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree_priv.h"

struct reader {
	struct tree t;
	XML_Parser parser;
	struct tree_node *root;
	struct tree_node *stack[LIMIT_JSON_DEPTH];
	unsigned depth;
	struct buf text; /* of the innermost element */
};

static uint32_t
line_of(const struct reader *r)
{
	return (uint32_t)XML_GetCurrentLineNumber(r->parser);
}

static void
stop(struct reader *r, const char *what)
{
	(void)tree_fail(&r->t, line_of(r), "%s", what);
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static struct str
local_name(struct reader *r, const char *name)
{
	struct str s = str_of(name);
	ptrdiff_t colon = str_rchr(s, ':');

	if (colon >= 0)
		s = str_sub(s, (size_t)colon + 1, s.n);
	return arena_str(r->t.list->arena, s);
}

static bool
append_text(struct reader *r, struct tree_node *parent, struct str key,
    struct str text)
{
	struct tree_node *n = tree_new(&r->t, TREE_STRING, key, line_of(r));

	if (n == NULL)
		return false;
	n->text = arena_str(r->t.list->arena, text.n != 0 ? text : STR_LIT(""));
	tree_append(parent, n);
	return true;
}

static void XMLCALL
begin_element(void *data, const char *name, const char **attributes)
{
	struct reader *r = data;
	struct tree_node *n;

	if (r->t.failed)
		return;
	if (r->depth == LIMIT_JSON_DEPTH) {
		stop(r, "nested deeper than any lockfile");
		return;
	}
	n = tree_new(&r->t, TREE_OBJECT, local_name(r, name), line_of(r));
	for (; n != NULL && *attributes != NULL; attributes += 2)
		if (!append_text(r, n, local_name(r, attributes[0]),
			str_of(attributes[1])))
			n = NULL;
	if (n == NULL) {
		(void)XML_StopParser(r->parser, XML_FALSE);
		return;
	}
	if (r->depth > 0)
		tree_append(r->stack[r->depth - 1], n);
	else
		r->root = n;
	r->stack[r->depth++] = n;
	buf_reset(&r->text);
}

static void XMLCALL
end_element(void *data, const char *name)
{
	struct reader *r = data;
	struct str text = str_trim(buf_str(&r->text));
	struct tree_node *n;

	(void)name;
	if (r->t.failed || r->depth == 0)
		return;
	n = r->stack[--r->depth];
	if (n->n == 0) {
		n->kind = TREE_STRING;
		n->last = NULL;
		n->text = arena_str(r->t.list->arena,
		    text.n != 0 ? text : STR_LIT(""));
	} else if (text.n != 0 && !append_text(r, n, STR_LIT("#text"), text)) {
		(void)XML_StopParser(r->parser, XML_FALSE);
	}
	buf_reset(&r->text); /* text between elements is layout */
}

static void XMLCALL
add_text(void *data, const char *s, int n)
{
	struct reader *r = data;

	buf_put(&r->text, s, (size_t)n);
}

static void XMLCALL
refuse_entity(void *data, const char *name, int parameter, const char *value,
    int length, const char *base, const char *system_id, const char *public_id,
    const char *notation)
{
	(void)name, (void)parameter, (void)value, (void)length, (void)base;
	(void)system_id, (void)public_id, (void)notation;
	stop(data, "the document declares entities: no lockfile needs them");
}

const struct tree_node *
tree_xml(struct lock_list *l, struct str bytes)
{
	struct reader r = { .t = { .list = l } };

	r.parser = XML_ParserCreate(NULL);
	if (r.parser == NULL)
		fatal("no memory for an XML parser");
	buf_init(&r.text, LIMIT_TEXT_BYTES * 16);
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, begin_element, end_element);
	XML_SetCharacterDataHandler(r.parser, add_text);
	XML_SetEntityDeclHandler(r.parser, refuse_entity);
	bytes = str_sub(bytes, 0, LIMIT_LOCKFILE_BYTES);
	if (XML_Parse(r.parser, bytes.p, (int)bytes.n, 1) != XML_STATUS_OK)
		(void)tree_fail(&r.t, line_of(&r), "XML: %s",
		    XML_ErrorString(XML_GetErrorCode(r.parser)));
	for (unsigned i = 0; i < r.depth; i++)
		r.stack[i]->cut = 1;
	XML_ParserFree(r.parser);
	buf_done(&r.text);
	return r.root;
}
