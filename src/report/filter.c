/* SPDX-License-Identifier: Apache-2.0 */
/* Values of aliases and related that a source's filters remove. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>

#include <pcre2.h>

#include "base/error.h"
#include "report/intake_priv.h"

static size_t
remove_matches(pcre2_code *code, struct str *v, size_t n)
{
	pcre2_match_data *match =
	    pcre2_match_data_create_from_pattern(code, NULL);
	size_t kept = 0;

	if (match == NULL)
		fatal("no memory for a match");
	for (size_t i = 0; i < n; i++)
		if (pcre2_match(code, (PCRE2_SPTR)v[i].p, v[i].n, 0, 0, match,
			NULL) < 0)
			v[kept++] = v[i];
	pcre2_match_data_free(match);
	return kept;
}

static pcre2_code *
compile(struct str pattern, struct error *err)
{
	PCRE2_UCHAR why[120];
	PCRE2_SIZE at;
	int code_error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
	    PCRE2_NEVER_BACKSLASH_C, &code_error, &at, NULL);

	if (code != NULL)
		return code;
	(void)pcre2_get_error_message(code_error, why, sizeof(why));
	(void)error_set(err, -EINVAL, "pattern \"%.*s\", at character %zu: %s",
	    STR_ARG(str_sub(pattern, 0, 100)), (size_t)at + 1, why);
	return NULL;
}

int
intake_filter_check(struct str pattern, struct error *err)
{
	pcre2_code *code = compile(pattern, err);

	if (code == NULL)
		return err->code;
	pcre2_code_free(code);
	return 0;
}

int
intake_filter(struct intake *in, struct report *r,
    const struct intake_source *s, struct error *err)
{
	(void)in;
	for (size_t i = 0; i < s->n_filters; i++) {
		const struct intake_filter *f = &s->filters[i];
		pcre2_code *code = compile(f->pattern, err);

		if (code == NULL)
			return err->code;
		if (f->related)
			r->d.n_related =
			    remove_matches(code, r->d.related, r->d.n_related);
		else
			r->d.n_aliases =
			    remove_matches(code, r->d.aliases, r->d.n_aliases);
		pcre2_code_free(code);
	}
	return 0;
}
