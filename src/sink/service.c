/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the row for a request and fills in its text. Runs in role sink. */
#include "sink/service_priv.h"

#include <ctype.h>
#include <fnmatch.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sink/http_priv.h"
#include "sink/world_priv.h"
#include "sys/clock.h"

static const struct service *const families[] = { services_metadata,
	services_github, services_messenger, services_geo };

/* Where this run is said to be: one place, drawn from the seed. */
static const struct {
	const char *code, *country, *region, *city, *zone, *location;
	const char *latitude, *longitude;
} places[] = {
	{ "DE", "Germany", "Hesse", "Frankfurt am Main", "Europe/Berlin",
	    "50.1155,8.6842", "50.1155", "8.6842" },
	{ "US", "United States", "Virginia", "Ashburn", "America/New_York",
	    "39.0437,-77.4875", "39.0437", "-77.4875" },
	{ "NL", "Netherlands", "North Holland", "Amsterdam", "Europe/Amsterdam",
	    "52.3740,4.8897", "52.3740", "4.8897" },
	{ "SG", "Singapore", "Singapore", "Singapore", "Asia/Singapore",
	    "1.2897,103.8501", "1.2897", "103.8501" },
};

static void
put_address(const struct world *w, struct buf *out)
{
	uint64_t x = (uint64_t)w->seed * 0x9e3779b97f4a7c15u;

	/* From a block for documentation of devices: nobody's. */
	buf_printf(out, "198.19.%u.%u", (unsigned)(x >> 40) & 0xff,
	    1 + ((unsigned)(x >> 48) & 0xff) % 254);
}

static void
put_expiry(const struct world *w, struct buf *out)
{
	char text[CLOCK_RFC3339_SIZE];

	(void)w;
	clock_rfc3339(clock_wall_ns() + 6 * 3600 * NS_PER_SEC, text);
	buf_puts(out, text);
}

static void
put_now(const struct world *w, struct buf *out)
{
	char text[CLOCK_RFC3339_SIZE];

	(void)w;
	clock_rfc3339(clock_wall_ns(), text);
	buf_puts(out, text);
}

#define PLACE_VALUE(member) \
	static void put_##member(const struct world *w, struct buf *out) \
	{ \
		buf_puts(out, \
		    places[(uint64_t)w->seed % N_ELEMENTS(places)].member); \
	}
PLACE_VALUE(code)
PLACE_VALUE(country)
PLACE_VALUE(region)
PLACE_VALUE(city)
PLACE_VALUE(zone)
PLACE_VALUE(location)
PLACE_VALUE(latitude)
PLACE_VALUE(longitude)

static void
put_key_id(const struct world *w, struct buf *out)
{
	buf_puts(out, w->cloud_key_id);
}

static void
put_secret(const struct world *w, struct buf *out)
{
	buf_puts(out, w->cloud_secret);
}

static void
put_token(const struct world *w, struct buf *out)
{
	buf_puts(out, w->cloud_token);
}

static const struct {
	const char *name;
	void (*put)(const struct world *w, struct buf *out);
} values[] = {
	{ "address", put_address },
	{ "expiry", put_expiry },
	{ "now", put_now },
	{ "code", put_code },
	{ "country", put_country },
	{ "region", put_region },
	{ "city", put_city },
	{ "zone", put_zone },
	{ "location", put_location },
	{ "latitude", put_latitude },
	{ "longitude", put_longitude },
	{ "key_id", put_key_id },
	{ "secret", put_secret },
	{ "token", put_token },
};

/* "$name" at the front of s: its value is put, its length returned. */
static size_t
put_value(const struct world *w, struct str s, struct buf *out)
{
	size_t n = 1;

	while (n < s.n && (islower((unsigned char)s.p[n]) || s.p[n] == '_'))
		n++;
	for (size_t i = 0; i < N_ELEMENTS(values); i++)
		if (str_is(str_sub(s, 1, n), values[i].name))
			values[i].put(w, out);
	return n;
}

static void
put_text(const struct world *w, const char *text, struct buf *out)
{
	struct str s = str_of(text);

	while (s.n != 0) {
		size_t n = 1;

		if (s.p[0] == '$')
			n = put_value(w, s, out);
		else
			buf_putc(out, s.p[0]);
		s = str_sub(s, n, s.n);
	}
}

static bool
fits(const struct service *row, const struct request *r, const char *method,
    const char *path)
{
	_cleanup_(freep) char *host = NULL;

	if (fnmatch(row->method, method, 0) != 0 ||
	    fnmatch(row->path, path, 0) != 0)
		return false;
	if (row->header != NULL && request_header(r, row->header).p == NULL)
		return false;
	if (row->host == NULL)
		return true;
	host = mem_strndup(r->host);
	return fnmatch(row->host, host, FNM_EXTMATCH) == 0;
}

bool
service_answer(const struct world *w, const struct request *r, struct answer *a)
{
	_cleanup_(freep) char *method =
	    mem_strndup(r->head ? STR_LIT("GET") : r->method);
	_cleanup_(freep) char *path =
	    mem_strndup(str_sub(r->path, 0, LIMIT_TEXT_BYTES));
	const struct service *row;

	for (size_t i = 0; i < N_ELEMENTS(families); i++)
		for (row = families[i]; row->method != NULL; row++) {
			if (!fits(row, r, method, path))
				continue;
			a->word = "service";
			a->status = row->status;
			a->media_type = row->type;
			put_text(w, row->text, &a->body);
			return true;
		}
	return false;
}
