/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to a validated document. Pure functions. */
#include <errno.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/error.h"
#include "osv/osv_priv.h"

void
osv_json_free(yyjson_doc *json)
{
	yyjson_doc_free(json);
}

static int
check(struct checker *c, struct arena *a, const struct osv_input *in,
    yyjson_val *root, struct osv_document *ret)
{
	json_check(c, root);
	if (c->out->n_errors != 0)
		return -EINVAL;
	schema_check(c, root);
	if (c->out->n_errors != 0)
		return -EINVAL;
	document_read(a, root, ret);
	beyond_check(c, ret);
	if (in->extra != NULL)
		in->extra(c, ret);
	return 0;
}

int
osv_validate(struct arena *a, const struct osv_input *in,
    struct osv_findings *f, struct osv_document *ret, yyjson_doc **ret_json)
{
	struct checker c = { .out = f,
		.profile = in->profile,
		.now_s = in->now_s };
	yyjson_read_err e = { 0 };
	yyjson_doc *json = NULL;
	int rc = -EINVAL;

	buf_init(&c.path, 4096);
	buf_putc(&c.path, '$');
	if (in->bytes.n > OSV_MAX_BYTES)
		checker_error(&c, "json-size",
		    "%zu bytes; a document has at most %u", in->bytes.n,
		    OSV_MAX_BYTES);
	else
		json = yyjson_read_opts((char *)(uintptr_t)in->bytes.p,
		    in->bytes.n, 0, NULL, &e);
	if (json != NULL)
		rc = check(&c, a, in, yyjson_doc_get_root(json), ret);
	else if (in->bytes.n <= OSV_MAX_BYTES)
		checker_error(&c, "json-syntax", "not JSON: %s, at byte %zu",
		    in->bytes.n == 0 ? "the file is empty" : e.msg, e.pos);
	buf_done(&c.path);
	if (rc != 0) {
		osv_json_free(json);
		return rc;
	}
	*ret_json = json;
	return 0;
}

void
osv_check(const struct osv_document *d, const struct osv_input *in,
    struct osv_findings *f)
{
	struct checker c = { .out = f,
		.profile = in->profile,
		.now_s = in->now_s };

	buf_init(&c.path, 4096);
	buf_putc(&c.path, '$');
	beyond_check(&c, d);
	if (in->extra != NULL)
		in->extra(&c, d);
	buf_done(&c.path);
}

int
osv_json_read(struct str bytes, yyjson_doc **ret_json, struct error *err)
{
	struct arena *a = arena_new(OSV_MAX_BYTES);
	struct osv_findings f;
	struct checker c = { .out = &f };
	yyjson_read_err e = { 0 };
	yyjson_doc *json = NULL;
	int rc = 0;

	osv_findings_init(&f, a);
	buf_init(&c.path, 16);
	buf_putc(&c.path, '$');
	if (bytes.n > OSV_MAX_BYTES)
		rc = error_set(err, -EFBIG, "%zu bytes; at most %u", bytes.n,
		    OSV_MAX_BYTES);
	else
		json = yyjson_read_opts((char *)(uintptr_t)bytes.p, bytes.n, 0,
		    NULL, &e);
	if (rc == 0 && json == NULL)
		rc = error_set(err, -EINVAL, "not JSON: %s, at byte %zu",
		    bytes.n == 0 ? "the file is empty" : e.msg, e.pos);
	if (rc == 0)
		json_check(&c, yyjson_doc_get_root(json));
	if (rc == 0 && f.n_errors != 0) {
		rc = error_set(err, -EINVAL, "%s", f.v[0].message);
		osv_json_free(json);
	}
	buf_done(&c.path);
	osv_findings_done(&f);
	arena_free(a);
	if (rc == 0)
		*ret_json = json;
	return rc;
}
