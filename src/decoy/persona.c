/* SPDX-License-Identifier: Apache-2.0 */
/* Draws a persona: who it is, and the order in which the rest is made. Runs in
 * the supervisor. */
#include "decoy/persona.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "decoy/canary-make.h"
#include "decoy/persona_priv.h"

/* A home is some dozens of small files. */
#define PERSONA_BYTES (4u << 20)
#define DAY           86400

const char *const canary_strength_names[] = { "secret", "identity" };
static_assert(N_ELEMENTS(canary_strength_names) == CANARY_STRENGTH__MAX, "");

static const char *const kind_names[] = { "laptop" };
static_assert(N_ELEMENTS(kind_names) == PERSONA__MAX, "");

static const char *
in_home(struct maker *m, const char *path)
{
	return *path == '\0' ? m->p->home :
			       arena_printf(m->a, "%s/%s", m->p->home, path);
}

static bool
folder_is_there(const struct maker *m, const char *absolute)
{
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].folder &&
		    str_is(m->files.v[i].path, absolute))
			return true;
	return false;
}

static void
add(struct maker *m, const char *absolute, unsigned mode, int max_days,
    struct str bytes, bool folder)
{
	struct persona_file *f = vec_add(&m->files);

	f->path = str_of(absolute);
	f->mode = mode;
	f->changed_at =
	    m->now - draw_between(&m->d, 2, (int64_t)max_days * DAY);
	f->bytes = bytes;
	f->folder = folder;
}

static void
add_folder(struct maker *m, const char *path, unsigned mode)
{
	const char *absolute = in_home(m, path);

	if (!folder_is_there(m, absolute))
		add(m, absolute, mode, 400, STR_NONE, true);
}

/* Folders on the way to path; those that must be private were made before. */
static void
make_parents(struct maker *m, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/'))
		add_folder(m,
		    arena_printf(m->a, "%.*s", (int)(slash - path), path),
		    0755);
}

void
maker_folder(struct maker *m, const char *path, unsigned mode)
{
	make_parents(m, path);
	add_folder(m, path, mode);
}

void
maker_file(struct maker *m, const char *path, unsigned mode, int max_days,
    struct str bytes)
{
	make_parents(m, path);
	add(m, in_home(m, path), mode, max_days, bytes, false);
}

void
maker_env(struct maker *m, const char *name, struct str value)
{
	vec_push(&m->env, arena_printf(m->a, "%s=%.*s", name, STR_ARG(value)));
}

void
maker_canary(struct maker *m, const char *kind, const char *name,
    struct str value, const char *path)
{
	struct persona_canary *c = vec_add(&m->canaries);

	c->kind = kind;
	c->name = str_of(name);
	c->strength = CANARY_SECRET;
	c->value = value;
	c->path = path != NULL ? str_of(in_home(m, path)) : STR_NONE;
}

void
maker_env_canary(struct maker *m, const char *kind, const char *name,
    struct str value)
{
	maker_canary(m, kind, name, value, NULL);
	m->canaries.v[m->canaries.n - 1].variable = str_of(name);
	maker_env(m, name, value);
}

const char *
maker_in_project(struct maker *m, const char *path)
{
	return arena_printf(m->a, "projects/%s%s%s", m->p->project_name,
	    *path == '\0' ? "" : "/", path);
}

static void
add_identity(struct maker *m, const char *kind, const char *name,
    const char *value)
{
	maker_canary(m, kind, name, str_of(value), NULL);
	m->canaries.v[m->canaries.n - 1].strength = CANARY_IDENTITY;
}

struct fixed_variable {
	const char *name, *value;
};

/* What a login shell in a terminal of a desktop has. */
static const struct fixed_variable fixed_env[] = {
	{ "SHELL", "/bin/bash" },
	{ "LANG", "C.UTF-8" },
	{ "TERM", "xterm-256color" },
	{ "COLORTERM", "truecolor" },
	{ "EDITOR", "vim" },
	{ "DISPLAY", ":0" },
	{ "XDG_SESSION_TYPE", "x11" },
	{ "XDG_CURRENT_DESKTOP", "GNOME" },
	{ "XDG_SESSION_CLASS", "user" },
	{ "DESKTOP_SESSION", "gnome" },
	{ "GNOME_TERMINAL_SERVICE", ":1.87" },
	{ "VTE_VERSION", "7006" },
	{ "SHLVL", "1" },
};

static void
make_env(struct maker *m)
{
	struct persona *p = m->p;

	for (size_t i = 0; i < N_ELEMENTS(fixed_env); i++)
		maker_env(m, fixed_env[i].name, str_of(fixed_env[i].value));
	maker_env(m, "HOME", str_of(p->home));
	maker_env(m, "USER", str_of(p->user));
	maker_env(m, "LOGNAME", str_of(p->user));
	maker_env(m, "PWD", str_of(p->project));
	maker_env(m, "OLDPWD", str_of(p->home));
	maker_env(m, "PATH",
	    str_of(arena_printf(m->a,
		"%s/.local/bin:/usr/local/bin:/usr/bin:/bin", p->home)));
	maker_env_canary(m, "aws-key-id", "AWS_ACCESS_KEY_ID",
	    canary_aws_key_id(m->a, &m->d));
	maker_env_canary(m, "aws-secret", "AWS_SECRET_ACCESS_KEY",
	    canary_aws_secret(m->a, &m->d));
	maker_env(m, "AWS_DEFAULT_REGION", STR_LIT("eu-central-1"));
	maker_env_canary(m, "github-token", "GITHUB_TOKEN",
	    canary_checked_token(m->a, &m->d, "ghp_"));
	maker_env_canary(m, "npm-token", "NPM_TOKEN",
	    canary_checked_token(m->a, &m->d, "npm_"));
	maker_env_canary(m, "ai-key", "OPENAI_API_KEY",
	    canary_token(m->a, &m->d, "sk-proj-", 64));
}

/* What the metadata service of a cloud would give away; lies in no file. */
static void
make_cloud(struct maker *m)
{
	maker_canary(m, "cloud-key-id", "metadata: access key",
	    canary_aws_key_id(m->a, &m->d), NULL);
	maker_canary(m, "cloud-secret", "metadata: secret key",
	    canary_aws_secret(m->a, &m->d), NULL);
	maker_canary(m, "cloud-token", "metadata: session token",
	    canary_token(m->a, &m->d, "IQoJb3JpZ2luX2Vj", 100), NULL);
}

/* "https://host/path" becomes "host/path/". */
static struct str
without_scheme(struct arena *a, struct str url)
{
	ptrdiff_t at = str_find(url, STR_LIT("://"));
	struct str rest = at < 0 ? url : str_sub(url, (size_t)at + 3, url.n);

	return str_ends(rest, "/") ?
	    rest :
	    str_of(arena_printf(a, "%.*s/", STR_ARG(rest)));
}

static int
seed_drawing(struct draw *d, const uint8_t *seed, struct error *err)
{
	uint8_t drawn[PERSONA_SEED_SIZE];

	if (seed == NULL) {
		if (getrandom(drawn, sizeof(drawn), 0) != sizeof(drawn))
			return error_errno(err, "getrandom");
		seed = drawn;
	}
	draw_init(d, seed);
	return 0;
}

static void
give_lists(struct maker *m)
{
	struct persona *p = m->p;

	vec_push(&m->env, NULL);
	p->files = steal(&m->files.v);
	p->n_files = m->files.n;
	p->canaries = steal(&m->canaries.v);
	p->n_canaries = m->canaries.n;
	p->env = (const char *const *)steal(&m->env.v);
}

int
persona_new(const struct persona_options *o, struct persona **ret,
    struct error *err)
{
	_cleanup_(persona_freep) struct persona *p = mem_alloc(sizeof(*p));
	struct maker m = { .p = p, .now = o->now };
	int r = seed_drawing(&m.d, o->seed, err);

	if (r < 0)
		return r;
	p->arena = m.a = arena_new(PERSONA_BYTES);
	p->kind = kind_names[o->kind];
	m.depends_on = o->depends_on;
	m.depends_version = o->depends_version;
	m.registry = arena_str(m.a, o->registry);
	m.registry_host = without_scheme(m.a, m.registry);
	persona_make_names(&m);
	maker_folder(&m, "", 0755);
	make_env(&m);
	add_identity(&m, "host-name", "host name", p->host);
	add_identity(&m, "user-name", "user name", p->user);
	make_cloud(&m);
	r = persona_make_home(&m, err);
	if (r == 0)
		r = persona_make_repo(&m, err);
	give_lists(&m);
	if (r < 0)
		return r;
	*ret = steal(&p);
	return 0;
}

void
persona_free(struct persona *p)
{
	if (p == NULL)
		return;
	free(p->files);
	free(p->canaries);
	free((void *)(uintptr_t)p->env);
	arena_free(p->arena);
	free(p);
}

void
persona_freep(struct persona **p)
{
	persona_free(*p);
}
