/* SPDX-License-Identifier: Apache-2.0 */
/* latest.json: hostile when read, in a confined child of `lazaret db`. */
#include "snapshot/latest.h"

#include <errno.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "osv/osv.h"
#include "sys/clock.h"

#define MAX_NAME  128
#define MAX_BYTES ((uint64_t)1 << 36)

static struct str
text(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	return yyjson_is_str(v) ? str_n(yyjson_get_str(v), yyjson_get_len(v)) :
				  STR_NONE;
}

static bool
is_name(struct str s)
{
	if (s.n == 0 || s.n > MAX_NAME || s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && strchr("-_.", c) == NULL)
			return false;
	}
	return true;
}

static bool
get_hash(yyjson_val *object, const char *key, uint8_t ret[SHA256_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	struct str s = text(object, key);

	if (s.n != 2 * SHA256_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		const char *at = memchr(digits, s.p[i], 16);

		if (at == NULL)
			return false;
		ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | (at - digits));
	}
	return true;
}

static bool
get_file(struct arena *a, yyjson_val *object, struct latest_file *ret)
{
	yyjson_val *size = yyjson_obj_get(object, "size");

	ret->name = arena_str(a, text(object, "name"));
	ret->size = yyjson_get_uint(size);
	return is_name(ret->name) && yyjson_is_uint(size) && ret->size > 0 &&
	    ret->size <= MAX_BYTES && get_hash(object, "sha256", ret->sha256);
}

int
latest_parse(struct arena *a, struct str json, struct latest *ret,
    struct error *err)
{
	yyjson_doc *doc =
	    json.n <= LATEST_MAX_BYTES ? yyjson_read(json.p, json.n, 0) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc), *v;
	yyjson_arr_iter it =
	    yyjson_arr_iter_with(yyjson_obj_get(root, "deltas"));
	struct latest l = { .n_deltas = 0 };
	bool good = get_file(a, root, &l.snapshot) &&
	    osv_time_parse(text(root, "built"), &l.built_at_s) == 0;

	while (good && l.n_deltas < LATEST_MAX_DELTAS &&
	    (v = yyjson_arr_iter_next(&it)) != NULL) {
		good = get_hash(v, "from", l.deltas[l.n_deltas].from) &&
		    get_file(a, v, &l.deltas[l.n_deltas].file);
		l.n_deltas++;
	}
	yyjson_doc_free(doc);
	if (!good)
		return error_set(err, -EINVAL,
		    "latest.json is not one: name, size, sha256, built and "
		    "deltas must be there and make sense");
	*ret = l;
	return 0;
}

static void
put_hash(struct json *j, const char *key, const uint8_t *digest)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(digest, hex);
	json_key(j, key);
	json_strz(j, hex);
}

static void
put_file(struct json *j, const struct latest_file *f)
{
	json_key(j, "name");
	json_str(j, f->name);
	json_key(j, "size");
	json_int(j, (int64_t)f->size);
	put_hash(j, "sha256", f->sha256);
}

void
latest_write(const struct latest *l, struct buf *out)
{
	char built[CLOCK_RFC3339_SIZE];
	struct json j;

	json_init(&j, out, 2);
	json_object_begin(&j);
	put_file(&j, &l->snapshot);
	clock_rfc3339(l->built_at_s * NS_PER_SEC, built);
	json_key(&j, "built");
	json_strz(&j, built);
	json_key(&j, "deltas");
	json_array_begin(&j);
	for (size_t i = 0; i < l->n_deltas; i++) {
		json_object_begin(&j);
		put_hash(&j, "from", l->deltas[i].from);
		put_file(&j, &l->deltas[i].file);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	buf_putc(out, '\n');
}
