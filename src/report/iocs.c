/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of indicators. Pure functions. */
#include "report/iocs.h"

#include <arpa/inet.h>

#include <yyjson.h>

#include "base/cleanup.h"
#include "osv/checker.h"

static bool
is_address(struct str s, int *ret_bits)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char bytes[16];

	if (s.n == 0 || s.n >= sizeof(text) || str_chr(s, '\0') >= 0)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*ret_bits = 32;
	if (inet_pton(AF_INET, text, bytes) == 1)
		return true;
	*ret_bits = 128;
	return inet_pton(AF_INET6, text, bytes) == 1;
}

bool
iocs_ip_valid(struct str s)
{
	ptrdiff_t slash = str_chr(s, '/');
	uint64_t prefix;
	int bits;

	if (slash < 0)
		return is_address(s, &bits);
	return is_address(str_sub(s, 0, (size_t)slash), &bits) &&
	    str_to_u64(str_sub(s, (size_t)slash + 1, s.n), &prefix) == 0 &&
	    prefix <= (uint64_t)bits;
}

static bool
label_valid(struct str label)
{
	if (label.n == 0 || label.n > 63)
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

bool
iocs_domain_valid(struct str s)
{
	struct str label;
	int bits;

	if (s.n == 0 || s.n > 255 || is_address(s, &bits))
		return false;
	if (str_ends(s, ".") && s.n > 1)
		s.n--;
	while (str_cut(&s, '.', &label))
		if (!label_valid(label))
			return false;
	return true;
}

bool
iocs_url_valid(struct str s)
{
	ptrdiff_t colon = str_chr(s, ':');

	if (colon <= 0 || (size_t)colon + 1 >= s.n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	for (size_t i = 0; i < (size_t)colon; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && (i == 0 || strchr("0123456789+-.", c) == NULL))
			return false;
	}
	s = str_sub(s, (size_t)colon + 1, s.n);
	return !str_starts(s, "//[") || str_chr(s, ']') >= 0;
}

static const struct {
	const char *key;
	bool (*valid)(struct str);
	const char *what;
} kinds[] = {
	{ "domains", iocs_domain_valid, "domain name" },
	{ "ips", iocs_ip_valid, "IP address or CIDR block" },
	{ "ip_addresses", iocs_ip_valid, "IP address or CIDR block" },
	{ "urls", iocs_url_valid, "URL" },
};

static void
check_list(struct checker *c, yyjson_val *list, size_t kind)
{
	yyjson_arr_iter it = yyjson_arr_iter_with(list);
	yyjson_val *v;
	size_t i = 0, at, key = checker_key(c, kinds[kind].key);

	if (!yyjson_is_arr(list))
		checker_error(c, "mal-iocs", "must be an array of strings");
	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		struct str s = yyjson_is_str(v) ?
		    str_n(yyjson_get_str(v), yyjson_get_len(v)) :
		    STR_LIT("");

		at = checker_index(c, i++);
		if (!kinds[kind].valid(s))
			checker_error(c, "mal-iocs", "\"%.*s\" is no %s",
			    (int)MIN_OF(s.n, (size_t)120), s.p,
			    kinds[kind].what);
		checker_back(c, at);
	}
	checker_back(c, key);
}

void
iocs_check(struct checker *c, yyjson_val *v, const char *path)
{
	size_t at = checker_key(c, path);

	if (v != NULL && !yyjson_is_obj(v))
		checker_error(c, "mal-iocs", "must be an object");
	for (size_t k = 0; k < N_ELEMENTS(kinds); k++) {
		yyjson_val *list = yyjson_obj_get(v, kinds[k].key);

		if (list != NULL)
			check_list(c, list, k);
	}
	checker_back(c, at);
}
