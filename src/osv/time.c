/* SPDX-License-Identifier: Apache-2.0 */
/* OSV time stamps: RFC 3339, UTC, "Z". Pure functions. */
#include <errno.h>

#include "osv/osv.h"

static bool
number(struct str s, size_t at, size_t n, int *ret)
{
	*ret = 0;
	for (size_t i = at; i < at + n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*ret = *ret * 10 + (s.p[i] - '0');
	}
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
days_from_epoch(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

static bool
fraction_and_zone(struct str s)
{
	size_t i = 19;

	if (s.n > 20 && s.p[i] == '.')
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
	return i + 1 == s.n && s.p[i] == 'Z' && s.p[i - 1] != '.';
}

struct parts {
	int year, month, day, hour, minute, second;
};

static bool
split(struct str s, struct parts *p)
{
	return number(s, 0, 4, &p->year) && number(s, 5, 2, &p->month) &&
	    number(s, 8, 2, &p->day) && number(s, 11, 2, &p->hour) &&
	    number(s, 14, 2, &p->minute) && number(s, 17, 2, &p->second);
}

/* A leap second is the last of a day. */
static bool
on_calendar(const struct parts *p)
{
	if (p->month < 1 || p->month > 12 || p->day < 1 ||
	    p->day > days_in_month(p->year, p->month))
		return false;
	if (p->second == 60)
		return p->hour == 23 && p->minute == 59;
	return p->hour < 24 && p->minute < 60 && p->second < 60;
}

int
osv_time_parse(struct str s, int64_t *ret_seconds)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";
	struct parts p;

	if (s.n < 20)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] != 'd' && s.p[i] != shape[i])
			return -EINVAL;
	if (!split(s, &p) || !fraction_and_zone(s))
		return -EINVAL;
	if (!on_calendar(&p))
		return -ERANGE;
	*ret_seconds = days_from_epoch(p.year, p.month, p.day) * 86400 +
	    p.hour * 3600 + p.minute * 60 + p.second;
	return 0;
}
