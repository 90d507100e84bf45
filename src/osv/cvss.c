/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CVSS vectors (FIRST, versions 2, 3.0, 3.1, 4.0): known metrics with known
 * values, each at most once, all mandatory ones there; version 4 in its fixed
 * order. Pure functions.
 */
#include "base/cleanup.h"
#include "osv/osv.h"

struct metric {
	const char *name;
	const char *values; /* separated by commas, one at both ends */
	bool mandatory;
};

static const struct metric v2[] = {
	{ "AV", ",N,A,L,", true },
	{ "AC", ",L,M,H,", true },
	{ "Au", ",M,S,N,", true },
	{ "C", ",N,P,C,", true },
	{ "I", ",N,P,C,", true },
	{ "A", ",N,P,C,", true },
	{ "E", ",U,POC,F,H,ND,", false },
	{ "RL", ",OF,TF,W,U,ND,", false },
	{ "RC", ",UC,UR,C,ND,", false },
	{ "CDP", ",N,L,LM,MH,H,ND,", false },
	{ "TD", ",N,L,M,H,ND,", false },
	{ "CR", ",L,M,H,ND,", false },
	{ "IR", ",L,M,H,ND,", false },
	{ "AR", ",L,M,H,ND,", false },
};

static const struct metric v3[] = {
	{ "AV", ",N,A,L,P,", true },
	{ "AC", ",L,H,", true },
	{ "PR", ",N,L,H,", true },
	{ "UI", ",N,R,", true },
	{ "S", ",U,C,", true },
	{ "C", ",N,L,H,", true },
	{ "I", ",N,L,H,", true },
	{ "A", ",N,L,H,", true },
	{ "E", ",X,U,P,F,H,", false },
	{ "RL", ",X,O,T,W,U,", false },
	{ "RC", ",X,U,R,C,", false },
	{ "CR", ",X,L,M,H,", false },
	{ "IR", ",X,L,M,H,", false },
	{ "AR", ",X,L,M,H,", false },
	{ "MAV", ",X,N,A,L,P,", false },
	{ "MAC", ",X,L,H,", false },
	{ "MPR", ",X,N,L,H,", false },
	{ "MUI", ",X,N,R,", false },
	{ "MS", ",X,U,C,", false },
	{ "MC", ",X,N,L,H,", false },
	{ "MI", ",X,N,L,H,", false },
	{ "MA", ",X,N,L,H,", false },
};

static const struct metric v4[] = {
	{ "AV", ",N,A,L,P,", true },
	{ "AC", ",L,H,", true },
	{ "AT", ",N,P,", true },
	{ "PR", ",N,L,H,", true },
	{ "UI", ",N,P,A,", true },
	{ "VC", ",H,L,N,", true },
	{ "VI", ",H,L,N,", true },
	{ "VA", ",H,L,N,", true },
	{ "SC", ",H,L,N,", true },
	{ "SI", ",H,L,N,", true },
	{ "SA", ",H,L,N,", true },
	{ "E", ",X,A,P,U,", false },
	{ "CR", ",X,H,M,L,", false },
	{ "IR", ",X,H,M,L,", false },
	{ "AR", ",X,H,M,L,", false },
	{ "MAV", ",X,N,A,L,P,", false },
	{ "MAC", ",X,L,H,", false },
	{ "MAT", ",X,N,P,", false },
	{ "MPR", ",X,N,L,H,", false },
	{ "MUI", ",X,N,P,A,", false },
	{ "MVC", ",X,N,L,H,", false },
	{ "MVI", ",X,N,L,H,", false },
	{ "MVA", ",X,N,L,H,", false },
	{ "MSC", ",X,N,L,H,", false },
	{ "MSI", ",X,N,L,H,S,", false },
	{ "MSA", ",X,N,L,H,S,", false },
	{ "S", ",X,N,P,", false },
	{ "AU", ",X,N,Y,", false },
	{ "R", ",X,A,U,I,", false },
	{ "V", ",X,D,C,", false },
	{ "RE", ",X,L,M,H,", false },
	{ "U", ",X,Clear,Green,Amber,Red,", false },
};

static const struct {
	const char *type;
	const char *prefixes[2]; /* NULL: none */
	const struct metric *metrics;
	size_t n;
	bool ordered;
} kinds[] = {
	{ "CVSS_V2", { "", NULL }, v2, N_ELEMENTS(v2), false },
	{ "CVSS_V3", { "CVSS:3.0/", "CVSS:3.1/" }, v3, N_ELEMENTS(v3), false },
	{ "CVSS_V4", { "CVSS:4.0/", NULL }, v4, N_ELEMENTS(v4), true },
};

static bool
has_value(const struct metric *m, struct str value)
{
	char word[16];

	if (value.n == 0 || value.n > sizeof(word) - 3 ||
	    str_chr(value, ',') >= 0)
		return false;
	word[0] = ',';
	memcpy(word + 1, value.p, value.n);
	word[value.n + 1] = ',';
	return str_find(str_of(m->values), str_n(word, value.n + 2)) >= 0;
}

static const char *
metrics_complaint(struct str s, const struct metric *metrics, size_t n,
    bool ordered)
{
	struct str part, name;
	uint64_t seen = 0;
	size_t last = 0, i;

	while (str_cut(&s, '/', &part)) {
		if (!str_cut(&part, ':', &name) || part.p == NULL)
			return "a metric without a value";
		for (i = 0; i < n && !str_is(name, metrics[i].name);)
			i++;
		if (i == n)
			return "an unknown metric";
		if (!has_value(&metrics[i], part))
			return "a value that its metric does not have";
		if (seen & (1ull << i))
			return "a metric that stands twice";
		if (ordered && seen != 0 && i < last)
			return "metrics out of their order";
		seen |= 1ull << i;
		last = i;
	}
	for (i = 0; i < n; i++)
		if (metrics[i].mandatory && (seen & (1ull << i)) == 0)
			return "no value for a mandatory metric";
	return NULL;
}

const char *
osv_cvss_complaint(struct str type, struct str score)
{
	static const char *const ubuntu[] = { "negligible", "low", "medium",
		"high", "critical" };

	for (size_t k = 0; k < N_ELEMENTS(kinds); k++) {
		if (!str_is(type, kinds[k].type))
			continue;
		for (size_t i = 0; i < 2; i++) {
			const char *prefix = kinds[k].prefixes[i];

			if (prefix == NULL || !str_starts(score, prefix))
				continue;
			return metrics_complaint(str_sub(score, strlen(prefix),
						     score.n),
			    kinds[k].metrics, kinds[k].n, kinds[k].ordered);
		}
		return "a vector of another version";
	}
	for (size_t i = 0; i < N_ELEMENTS(ubuntu); i++)
		if (str_is(score, ubuntu[i]))
			return NULL;
	return "none of negligible, low, medium, high, critical";
}
