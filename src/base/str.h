/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed bytes with a length: untrusted text and binary alike. p may be NULL
 * when n is 0; p == NULL also says "absent" where a field can be absent.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, ((s).p != NULL ? (s).p : "")
#define STR_LIT(l) ((struct str){ "" l, sizeof(l) - 1 })
#define STR_NONE   ((struct str){ NULL, 0 })

static inline struct str
str_of(const char *z)
{
	return (struct str){ z, z != NULL ? strlen(z) : 0 };
}

static inline struct str
str_n(const void *p, size_t n)
{
	return (struct str){ p, n };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_is(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

/* Order of bytes, shorter first. */
int str_cmp(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
/* Index of the first/last c, or -1. */
ptrdiff_t str_chr(struct str s, char c);
ptrdiff_t str_rchr(struct str s, char c);
/* Index of the first occurrence of needle, or -1. */
ptrdiff_t str_find(struct str s, struct str needle);
/* Bytes from..to (to excluded), both clamped. */
struct str str_sub(struct str s, size_t from, size_t to);
struct str str_trim(struct str s); /* ASCII white space at both ends */
/* Takes the part before the first c off the front of *s (the rest after c
 * stays); false when *s is spent (p == NULL). Empty parts are returned. */
bool str_cut(struct str *s, char c, struct str *ret_part);
/* Whole of s as a decimal number without sign; 0, or -EINVAL / -ERANGE. */
int str_to_u64(struct str s, uint64_t *ret);
bool str_is_utf8(struct str s); /* well-formed UTF-8, no surrogates */
/* Bytes of the well-formed UTF-8 sequence that s begins with; 0: none. */
size_t str_utf8_length(struct str s);
uint64_t str_hash(struct str s); /* FNV-1a; not against hostile input */

#endif
