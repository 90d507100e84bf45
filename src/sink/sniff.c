/* SPDX-License-Identifier: Apache-2.0 */
/* First bytes. Runs in role sink. */
#include "sink/sniff_priv.h"

#include <ctype.h>

#define TLS_HANDSHAKE    0x16
#define TLS_MAJOR        3
#define METHOD_MAX_BYTES 20
#define HTTP2_METHOD     "PRI" /* the preface of HTTP/2, not of HTTP/1 */

enum sniff
sniff_bytes(struct str s, bool tls)
{
	size_t n = 0;

	if (s.n == 0)
		return SNIFF_MORE;
	if (tls && s.p[0] == TLS_HANDSHAKE && s.n == 1)
		return SNIFF_MORE;
	if (tls && s.p[0] == TLS_HANDSHAKE && s.p[1] == TLS_MAJOR)
		return SNIFF_TLS;
	while (n < s.n && n <= METHOD_MAX_BYTES &&
	    (isupper((unsigned char)s.p[n]) || (n != 0 && s.p[n] == '-')))
		n++;
	if (n > METHOD_MAX_BYTES || n == 0)
		return SNIFF_UNKNOWN;
	if (n == s.n)
		return SNIFF_MORE;
	if (s.p[n] != ' ' || str_is(str_n(s.p, n), HTTP2_METHOD))
		return SNIFF_UNKNOWN;
	return SNIFF_HTTP;
}

/* Takes what is digits off the front; false when there are none. */
static bool
cut_digits(struct str *s)
{
	size_t n = 0;

	while (n < s->n && isdigit((unsigned char)s->p[n]))
		n++;
	*s = str_sub(*s, n, s->n);
	return n != 0;
}

bool
sniff_is_shell_answer(struct str s)
{
	ptrdiff_t at, end;

	while ((at = str_find(s, STR_LIT("uid="))) >= 0) {
		s = str_sub(s, (size_t)at + 4, s.n);
		if (!cut_digits(&s) || s.n == 0 || s.p[0] != '(')
			continue;
		end = str_chr(s, ')');
		if (end > 1 &&
		    str_starts(str_sub(s, (size_t)end, s.n), ") gid="))
			return true;
	}
	return false;
}
