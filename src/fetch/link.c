/* SPDX-License-Identifier: Apache-2.0 */
/* Link headers: foreign bytes, read in role gather. */
#include "fetch/link.h"

#include <stdbool.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"

/* Up to the next separator that is in no quoted text; taken from *rest. */
static struct str
take_until(struct str *rest, const char *separators)
{
	struct str s = *rest;
	bool quoted = false;
	size_t i = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\' && quoted && i + 1 < s.n)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && strchr(separators, s.p[i]) != NULL &&
		    s.p[i] != '\0')
			break;
	}
	*rest = str_sub(s, i, s.n);
	return str_sub(s, 0, i);
}

/* rel=next, rel="prev next": words, in any case. */
static bool
is_next(struct str parameter)
{
	struct str name, word;

	if (!str_cut(&parameter, '=', &name) ||
	    !str_eq_nocase(str_trim(name), STR_LIT("rel")))
		return false;
	parameter = str_trim(parameter);
	if (parameter.n >= 2 && parameter.p[0] == '"' &&
	    parameter.p[parameter.n - 1] == '"')
		parameter = str_sub(parameter, 1, parameter.n - 1);
	while (parameter.n != 0 && str_cut(&parameter, ' ', &word))
		if (str_eq_nocase(word, STR_LIT("next")))
			return true;
	return false;
}

/* The target of the first link that is the next page. */
static struct str
find_next(struct str rest)
{
	struct str target, parameter;
	bool next;

	for (;;) {
		(void)take_until(&rest, "<");
		if (rest.n == 0)
			return STR_NONE;
		rest = str_sub(rest, 1, rest.n);
		if (!str_cut(&rest, '>', &target) || rest.p == NULL)
			return STR_NONE;
		next = false;
		(void)take_until(&rest, ";,");
		while (rest.n != 0 && rest.p[0] == ';') {
			rest = str_sub(rest, 1, rest.n);
			parameter = take_until(&rest, ";,");
			next = next || is_next(parameter);
		}
		if (next)
			return target;
	}
}

void
link_next(struct str page_url, struct str header, struct buf *ret)
{
	struct str target = find_next(header);
	CURLU *u;
	char *whole = NULL;
	struct buf text;

	if (target.n == 0)
		return;
	u = curl_url();
	if (u == NULL)
		fatal("no memory for an address");
	buf_init(&text, LIMIT_URL_BYTES);
	buf_put_str(&text, page_url);
	if (curl_url_set(u, CURLUPART_URL, text.p, 0) == CURLUE_OK) {
		buf_reset(&text);
		buf_put_str(&text, target);
		/* Relative ones start from the page. */
		if (!text.full && strlen(text.p) == target.n &&
		    curl_url_set(u, CURLUPART_URL, text.p, 0) == CURLUE_OK)
			(void)curl_url_get(u, CURLUPART_URL, &whole, 0);
	}
	/* A list does not end because its next page has a bad address. */
	buf_put_str(ret, whole != NULL ? str_of(whole) : target);
	curl_free(whole);
	buf_done(&text);
	curl_url_cleanup(u);
}
