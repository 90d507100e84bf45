/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of lazaret scan. Pure functions. */
#include "gate/settings.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"

/* Other subcommands read these sections of the same file. */
static const char *const others[] = { "analyze", "db", "feed", "guard", "image",
	"report", "review", "run", "sandbox", "serve", "state", "store",
	"worker" };

static int
read_registries(struct conf *c, struct str name, const struct conf_node *n,
    void *to)
{
	struct settings *s = to;
	struct conf_strings urls = { 0 };
	int rc = conf_strings(c, n, &urls);

	for (size_t i = 0; rc == 0 && i < urls.n; i++)
		conf_strings_add(conf_arena(c), &s->registries,
		    str_of(arena_printf(conf_arena(c), "%.*s=%.*s",
			STR_ARG(name), STR_ARG(urls.v[i]))));
	return rc;
}

static int
read_registry_map(struct conf *c, const struct conf_node *n, void *to)
{
	return conf_pairs(c, n, read_registries, to);
}

static int
read_scan(struct conf *c, const struct conf_node *n, void *to)
{
	struct settings *s = to;
	const struct conf_key keys[] = {
		{ "snapshots", conf_strings, &s->snapshots },
		{ "public-registries", read_registry_map, s },
		{ "internal", conf_strings, &s->internal },
		{ "policy", conf_strings, &s->policies },
		{ "max-db-age", conf_duration, &s->max_db_age_ms },
		{ "min-age", conf_duration, &s->min_age_ms },
	};

	return conf_mapping(c, n, keys, N_ELEMENTS(keys));
}

int
settings_parse(struct arena *a, struct str yaml, struct settings *s,
    struct error *err)
{
	struct conf_key keys[N_ELEMENTS(others) + 1] = {
		{ "scan", read_scan, s },
	};

	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		keys[i + 1] = (struct conf_key){ others[i], conf_skip, NULL };
	return conf_parse(a, yaml, keys, N_ELEMENTS(keys), err);
}
