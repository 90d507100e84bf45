/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indicators as sources write them: older names of lists, values made harmless
 * for mail ("hxxp", "[.]"), single values in place of lists. Pure functions
 * over JSON.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "report/iocs.h"
#include "report/repair_priv.h"

#define SHOWN(s) (int)MIN_OF((s).n, (size_t)100), ((s).p != NULL ? (s).p : "")

static const struct {
	const char *key, *old; /* old: a name that it had; NULL: none */
	bool (*valid)(struct str);
} kinds[] = {
	{ "domains", NULL, iocs_domain_valid },
	{ "ips", "ip_addresses", iocs_ip_valid },
	{ "urls", NULL, iocs_url_valid },
};

/* "hxxps://c2[.]test" -> "https://c2.test" */
static void
refang(struct str s, struct buf *out)
{
	static const char *const marks[][2] = { { "[.]", "." }, { "(.)", "." },
		{ "[dot]", "." }, { "(dot)", "." }, { "[:]", ":" },
		{ "[://]", "://" } };
	size_t n;

	s = str_trim(s);
	if (str_eq_nocase(str_sub(s, 0, 4), STR_LIT("hxxp"))) {
		buf_puts(out, "http");
		s = str_sub(s, 4, s.n);
	}
	while (s.n != 0) {
		n = 0;
		for (size_t i = 0; i < N_ELEMENTS(marks) && n == 0; i++)
			if (str_starts(s, marks[i][0])) {
				buf_puts(out, marks[i][1]);
				n = strlen(marks[i][0]);
			}
		if (n == 0) {
			buf_putc(out, s.p[0]);
			n = 1;
		}
		s = str_sub(s, n, s.n);
	}
}

/* NULL: dropped. */
static yyjson_mut_val *
value(struct repair *r, yyjson_mut_val *v, size_t kind)
{
	struct str s = repair_text(v);
	struct buf b;

	/* A program may be told to look it up: only what it really is. */
	if (kinds[kind].valid(s) &&
	    !str_eq_nocase(str_sub(s, 0, 4), STR_LIT("hxxp")))
		return v;
	buf_init(&b, LIMIT_URL_BYTES);
	refang(s, &b);
	if (b.n != 0 && !b.full && kinds[kind].valid(buf_str(&b))) {
		intake_note(r->in, "%s: \"%.*s\" written as %s",
		    kinds[kind].key, SHOWN(s), b.p);
		v = yyjson_mut_strncpy(r->m, b.p, b.n);
		buf_done(&b);
		return v;
	}
	buf_done(&b);
	r->in->lost = true;
	intake_note(r->in, "iocs.%s: \"%.*s\" is none: dropped",
	    kinds[kind].key, SHOWN(s));
	return NULL;
}

/* What stands under the older name goes into the list of the newer one. */
static void
join_old(struct repair *r, yyjson_mut_val *iocs, size_t kind)
{
	yyjson_mut_val *old, *list, *v;
	size_t left;

	if (kinds[kind].old == NULL ||
	    repair_list(r, iocs, kinds[kind].old, 's') == NULL)
		return;
	old = yyjson_mut_obj_remove_key(iocs, kinds[kind].old);
	list = yyjson_mut_obj_get(iocs, kinds[kind].key);
	if (list == NULL) {
		(void)yyjson_mut_obj_add_val(r->m, iocs, kinds[kind].key, old);
		return;
	}
	left = yyjson_mut_arr_size(old);
	while ((v = repair_take(old, &left)) != NULL)
		(void)yyjson_mut_arr_append(list, v);
}

void
repair_indicators(struct repair *r, yyjson_mut_val *specific, const char *key)
{
	yyjson_mut_val *iocs = yyjson_mut_obj_get(specific, key), *list, *v;
	size_t left;

	if (iocs == NULL)
		return;
	if (yyjson_mut_is_null(iocs)) {
		(void)yyjson_mut_obj_remove_key(specific, key);
		return;
	}
	if (!yyjson_mut_is_obj(iocs)) {
		repair_drop(r, specific, key, "is no object");
		return;
	}
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		(void)repair_list(r, iocs, kinds[i].key, 's');
		join_old(r, iocs, i);
		list = yyjson_mut_obj_get(iocs, kinds[i].key);
		left = yyjson_mut_arr_size(list);
		while ((v = repair_take(list, &left)) != NULL) {
			v = value(r, v, i);
			if (v != NULL)
				(void)yyjson_mut_arr_append(list, v);
		}
	}
}
