/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of object stores, through expat. Pure functions. */
#include "report/listing.h"

#include <errno.h>
#include <stdlib.h>

#include <expat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define MAX_DEPTH 16 /* a listing has four */

struct parser {
	XML_Parser xml;
	struct arena *arena;
	struct listing *listing;
	struct error *err;
	struct buf text; /* of the innermost element */
	int depth;
	bool in_contents, is_listing, url_encoded, failed;
};

static void
stop(struct parser *p, const char *why)
{
	if (p->failed)
		return;
	(void)error_set(p->err, -EINVAL, "the listing %s", why);
	p->failed = true;
	(void)XML_StopParser(p->xml, XML_FALSE);
}

static void
on_start(void *arg, const char *name, const char **attributes)
{
	struct parser *p = arg;

	(void)attributes;
	buf_reset(&p->text);
	if (p->depth == 0)
		p->is_listing = strcmp(name, "ListBucketResult") == 0;
	if (p->depth == 1 && strcmp(name, "Contents") == 0) {
		p->in_contents = true;
		if (p->listing->objects.n == LISTING_MAX_OBJECTS)
			stop(p, "has too many objects");
		else
			(void)vec_add(&p->listing->objects);
	}
	if (++p->depth > MAX_DEPTH)
		stop(p, "is nested too deeply");
}

static void
on_text(void *arg, const char *text, int n)
{
	struct parser *p = arg;

	buf_put(&p->text, text, (size_t)n);
	if (p->text.full)
		stop(p, "has a text that is too long");
}

/* Document types bring entities, which no store sends. */
static void
on_doctype(void *arg, const char *name, const char *system_id,
    const char *public_id, int internal)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)internal;
	stop(arg, "has a document type");
}

static void
take_member(struct parser *p, struct str name)
{
	struct listing_object *o =
	    &p->listing->objects.v[p->listing->objects.n - 1];
	struct str s = buf_str(&p->text);
	uint64_t size;

	if (str_is(name, "Key"))
		o->key = arena_str(p->arena, s);
	else if (str_is(name, "ETag"))
		o->etag = arena_str(p->arena, s);
	else if (str_is(name, "LastModified"))
		o->modified = arena_str(p->arena, s);
	else if (str_is(name, "Size") &&
	    (str_to_u64(s, &size) != 0 || size > INT64_MAX))
		stop(p, "has a size that is none");
	else if (str_is(name, "Size"))
		o->size = (int64_t)size;
}

static void
on_end(void *arg, const char *name)
{
	struct parser *p = arg;
	struct str s = buf_str(&p->text);

	p->depth--;
	if (p->failed)
		return;
	if (p->in_contents && p->depth == 2)
		take_member(p, str_of(name));
	else if (p->depth == 1 && strcmp(name, "Contents") == 0)
		p->in_contents = false;
	else if (p->depth == 1 && strcmp(name, "IsTruncated") == 0)
		p->listing->truncated = str_is(s, "true");
	else if (p->depth == 1 && strcmp(name, "EncodingType") == 0)
		p->url_encoded = str_is(s, "url");
	else if (p->depth == 1 && !p->is_listing &&
	    strcmp(name, "Message") == 0)
		(void)error_set(p->err, -EINVAL, "the store says: %.*s",
		    STR_ARG(str_sub(s, 0, 150)));
	buf_reset(&p->text);
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct str
decode(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '%' && i + 2 < s.n && digit(s.p[i + 1]) >= 0 &&
		    digit(s.p[i + 2]) >= 0) {
			p[n++] =
			    (char)(digit(s.p[i + 1]) * 16 + digit(s.p[i + 2]));
			i += 2;
		} else {
			p[n++] = s.p[i] == '+' ? ' ' : s.p[i];
		}
	return str_n(p, n);
}

static int
check_keys(struct parser *p)
{
	struct listing *l = p->listing;

	for (size_t i = 0; i < l->objects.n; i++) {
		struct listing_object *o = &l->objects.v[i];

		if (p->url_encoded)
			o->key = decode(p->arena, o->key);
		if (o->key.n == 0 || o->key.n > LISTING_MAX_KEY ||
		    str_chr(o->key, '\0') >= 0)
			return error_set(p->err, -EINVAL,
			    "the listing has an object without a key, or "
			    "with one that is none");
	}
	return 0;
}

static int
parse(struct parser *p, struct str xml)
{
	if (xml.n > LISTING_MAX_BYTES)
		return error_set(p->err, -EFBIG, "the listing is too large");
	XML_SetUserData(p->xml, p);
	XML_SetElementHandler(p->xml, on_start, on_end);
	XML_SetCharacterDataHandler(p->xml, on_text);
	XML_SetStartDoctypeDeclHandler(p->xml, on_doctype);
	if (XML_Parse(p->xml, xml.p != NULL ? xml.p : "", (int)xml.n, 1) !=
	    XML_STATUS_OK)
		return p->failed ?
		    p->err->code :
		    error_set(p->err, -EINVAL,
			"the listing is no XML (line %lu: %s)",
			XML_GetCurrentLineNumber(p->xml),
			XML_ErrorString(XML_GetErrorCode(p->xml)));
	if (!p->is_listing)
		return p->err->code != 0 ?
		    p->err->code :
		    error_set(p->err, -EINVAL, "the answer is no listing");
	return check_keys(p);
}

int
listing_parse(struct arena *a, struct str xml, struct listing *ret,
    struct error *err)
{
	struct error why = ERROR_INIT;
	struct listing l = { .truncated = false };
	struct parser p = { .arena = a, .listing = &l, .err = &why };
	int rc;

	p.xml = XML_ParserCreate(NULL);
	if (p.xml == NULL)
		fatal("no memory for XML");
	buf_init(&p.text, 16384);
	rc = parse(&p, xml);
	buf_done(&p.text);
	XML_ParserFree(p.xml);
	if (rc != 0) {
		listing_done(&l);
		return error_set(err, rc, "%s", why.msg);
	}
	*ret = l;
	return 0;
}

void
listing_done(struct listing *l)
{
	vec_done(&l->objects);
}
