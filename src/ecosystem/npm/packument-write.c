/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the relay serves: a registry's document with its archive addresses
 * moved, the index of what may be asked for next, and the document of a local
 * package. Runs in role reply.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/name.h"
#include "ecosystem/npm/packument.h"
#include "ecosystem/npm/packument_priv.h"

/* A member with a tab or a line end cannot be meant well. */
static bool
fits_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20)
			return false;
	return s.n <= LIMIT_URL_BYTES;
}

static void
put_member(struct buf *out, struct str s)
{
	buf_putc(out, '\t');
	if (fits_line(s))
		buf_put_str(out, s);
}

/* "npm:other@^1" stands for another package. */
static struct str
real_name(struct str name, struct str declared)
{
	ptrdiff_t at;

	if (!str_starts(declared, "npm:"))
		return name;
	declared = str_sub(declared, 4, declared.n);
	at = str_rchr(declared, '@');
	return at > 0 ? str_sub(declared, 0, (size_t)at) : declared;
}

void
packument_write_names(yyjson_val *version, struct buf *out)
{
	static const char *const members[] = { "dependencies",
		"optionalDependencies", "peerDependencies" };
	yyjson_val *key, *value, *o;
	struct str name;
	size_t i, n;

	for (size_t m = 0; m < N_ELEMENTS(members); m++) {
		o = packument_object(version, members[m]);
		yyjson_obj_foreach(o, i, n, key, value)
		{
			name = real_name(packument_value_text(key),
			    packument_value_text(value));
			if (npm_name_valid(name))
				buf_printf(out, "d\t%.*s\n", STR_ARG(name));
		}
	}
}

static void
write_row(struct buf *out, struct str version, yyjson_val *dist)
{
	if (version.n == 0 || version.n > LIMIT_VERSION_BYTES ||
	    !fits_line(version))
		return;
	buf_putc(out, 'v');
	put_member(out, version);
	put_member(out, packument_text(dist, "tarball"));
	put_member(out, packument_text(dist, "integrity"));
	put_member(out, packument_text(dist, "shasum"));
	buf_putc(out, '\n');
}

void
packument_write_index(struct packument *p, struct buf *out)
{
	yyjson_val *key, *v;
	size_t i, n;

	yyjson_obj_foreach(p->versions, i, n, key, v)
	{
		if (!yyjson_is_obj(v))
			continue;
		write_row(out, packument_value_text(key),
		    packument_object(v, "dist"));
		packument_write_names(v, out);
	}
}

int
packument_write_served(struct packument *p, struct str public_base,
    struct buf *out, struct error *err)
{
	yyjson_val *key, *v, *tarball;
	struct str url;
	struct buf b;
	size_t i, n, length = 0;
	char *json;

	buf_init(&b, LIMIT_URL_BYTES);
	yyjson_obj_foreach(p->versions, i, n, key, v)
	{
		tarball =
		    yyjson_obj_get(packument_object(v, "dist"), "tarball");
		if (!yyjson_is_str(tarball))
			continue;
		buf_reset(&b);
		npm_name_archive_url(public_base, p->name,
		    packument_value_text(key), &b);
		url = arena_str(p->arena, buf_str(&b));
		/* The document is ours alone; the text lives in its arena. */
		(void)yyjson_set_strn(tarball, url.p, url.n);
	}
	buf_done(&b);
	json = yyjson_write(p->doc, 0, &length);
	if (json != NULL)
		buf_put(out, json, length);
	free(json);
	if (json == NULL || out->full)
		return error_set(err, -EFBIG,
		    "the document about %.*s is too large", STR_ARG(p->name));
	return 0;
}

/* What npm reads of a version in a document. */
static const char *const kept[] = { "dependencies", "optionalDependencies",
	"peerDependencies", "peerDependenciesMeta", "bundleDependencies",
	"bundledDependencies", "devDependencies", "bin", "directories",
	"engines", "os", "cpu", "libc", "scripts", "type", "main", "exports",
	"deprecated", "funding", "license", "description" };

static void
add_text(yyjson_mut_doc *d, yyjson_mut_val *o, const char *key, struct str s)
{
	if (s.n != 0)
		(void)yyjson_mut_obj_add_strncpy(d, o, key, s.p, s.n);
}

static yyjson_mut_val *
local_version(yyjson_mut_doc *d, const struct packument_local *l,
    yyjson_val *manifest, struct str url)
{
	yyjson_mut_val *v = yyjson_mut_obj(d), *dist = yyjson_mut_obj(d);
	yyjson_val *member;

	add_text(d, v, "name", l->name);
	add_text(d, v, "version", l->version);
	for (size_t i = 0; i < N_ELEMENTS(kept); i++) {
		member = yyjson_obj_get(manifest, kept[i]);
		if (member != NULL)
			(void)yyjson_mut_obj_add_val(d, v, kept[i],
			    yyjson_val_mut_copy(d, member));
	}
	add_text(d, dist, "tarball", url);
	add_text(d, dist, "integrity", l->integrity);
	add_text(d, dist, "shasum", l->shasum);
	(void)yyjson_mut_obj_add_val(d, v, "dist", dist);
	return v;
}

static void
local_document(yyjson_mut_doc *d, const struct packument_local *l,
    yyjson_mut_val *version)
{
	yyjson_mut_val *root = yyjson_mut_obj(d), *tags = yyjson_mut_obj(d),
		       *versions = yyjson_mut_obj(d);
	yyjson_mut_val *key;

	add_text(d, root, "name", l->name);
	add_text(d, tags, "latest", l->version);
	key = yyjson_mut_strncpy(d, l->version.p, l->version.n);
	(void)yyjson_mut_obj_add(versions, key, version);
	(void)yyjson_mut_obj_add_val(d, root, "dist-tags", tags);
	(void)yyjson_mut_obj_add_val(d, root, "versions", versions);
	yyjson_mut_doc_set_root(d, root);
}

static void
write_local(const struct packument_local *l, yyjson_val *manifest,
    struct str public_base, struct buf *ret_document, struct buf *ret_index)
{
	yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *version;
	size_t length = 0;
	struct buf url;
	char *json;

	if (d == NULL)
		fatal("no memory");
	buf_init(&url, LIMIT_URL_BYTES);
	npm_name_archive_url(public_base, l->name, l->version, &url);
	version = local_version(d, l, manifest, buf_str(&url));
	local_document(d, l, version);
	json = yyjson_mut_write(d, 0, &length);
	buf_put(ret_document, json, json != NULL ? length : 0);
	free(json);
	buf_puts(ret_index, "v");
	put_member(ret_index, l->version);
	put_member(ret_index, buf_str(&url));
	put_member(ret_index, l->integrity);
	put_member(ret_index, l->shasum);
	buf_putc(ret_index, '\n');
	packument_write_names(manifest, ret_index);
	buf_done(&url);
	yyjson_mut_doc_free(d);
}

int
packument_write_local(const struct packument_local *l, struct str manifest_json,
    struct str public_base, struct buf *ret_document, struct buf *ret_index,
    struct error *err)
{
	yyjson_doc *doc;

	if (npm_name_check(l->name, err) != 0)
		return -EINVAL;
	if (l->version.n == 0 || l->version.n > LIMIT_VERSION_BYTES)
		return error_set(err, -EINVAL, "package.json has no version");
	doc = yyjson_read(manifest_json.p, manifest_json.n, 0);
	if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
		yyjson_doc_free(doc);
		return error_set(err, -EBADMSG, "package.json is not JSON");
	}
	write_local(l, yyjson_doc_get_root(doc), public_base, ret_document,
	    ret_index);
	yyjson_doc_free(doc);
	if (ret_document->full || ret_index->full || ret_document->n == 0)
		return error_set(err, -EFBIG, "package.json is too large");
	return 0;
}
