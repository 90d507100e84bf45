/* SPDX-License-Identifier: Apache-2.0 */
/* The list of phases for one package. Runs in the supervisor. */
#include "analysis/plan.h"

#include <assert.h>
#include <stdarg.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "decoy/drivers.h"
#include "ecosystem/npm/manifest.h"

#define MAX_ARGS (PLAN_GROUP_SIZE + 8)

/* How an entry is imported: once per format that it has. */
struct format {
	const char *word; /* of the group driver, and of the subject */
	const char *flag; /* NULL: none */
	const char *code; /* with the quoted specifier in it */
};

static const struct format formats[] = {
	[MANIFEST_ENTRY_CJS] = { "require", NULL,
	    "console.log(typeof require(%s))" },
	[MANIFEST_ENTRY_ESM] = { "import", "--input-type=module",
	    "import * as m from %s; console.log(typeof m)" },
};

struct left_out_row {
	const char *trigger, *subject, *reason;
};

/* What this version never does; said in every record. */
static const struct left_out_row never[] = {
	{ "call", NULL, "exported functions are not called" },
	{ "browser", NULL, "there is no browser in the sandbox" },
	{ "install", "persona ci", "only a laptop was shown to the package" },
	{ "install", "other platforms", "only Linux was tried" },
};

static const char *const *
argv_of(struct arena *a, const char *first, ...)
{
	const char *v[MAX_ARGS];
	size_t n = 0;
	va_list ap;

	va_start(ap, first);
	for (const char *s = first; s != NULL; s = va_arg(ap, const char *)) {
		assert(n < N_ELEMENTS(v));
		v[n++] = s;
	}
	va_end(ap);
	const char **ret = arena_array(a, n + 1, sizeof(*ret));
	memcpy(ret, v, n * sizeof(*ret));
	return ret;
}

static void
leave_out(struct plan *p, const char *trigger, struct str subject,
    const char *reason)
{
	struct plan_not_exercised *row = vec_add(&p->left_out);

	row->trigger = trigger;
	row->subject = subject;
	row->reason = reason;
}

static struct step *
add_step(struct plan *p, enum plan_kind kind, const char *trigger,
    int64_t limit_ms)
{
	struct step *s = vec_add(&p->steps);

	s->kind = kind;
	s->trigger = trigger;
	s->limit_ms = limit_ms;
	s->package = "";
	s->role = "manager";
	return s;
}

/* Scripts of the package itself are allowed by the project from the start;
 * those of dependencies by the names that turn up in the tree. */
bool
plan_has_dependencies(const struct manifest *m)
{
	if (m == NULL)
		return true;
	for (size_t i = 0; i < m->dependencies.n; i++)
		if (m->dependencies.v[i].kind == MANIFEST_PROD ||
		    m->dependencies.v[i].kind == MANIFEST_OPTIONAL ||
		    m->dependencies.v[i].kind == MANIFEST_PEER)
			return true;
	return false;
}

static void
plan_install(struct arena *a, const struct plan_options *o, struct plan *p)
{
	const char *spec =
	    arena_printf(a, "%.*s@%.*s", STR_ARG(o->name), STR_ARG(o->version));
	struct step *s;

	if (plan_has_dependencies(o->manifest)) {
		s = add_step(p, PLAN_ALLOW, "install", o->install_ms);
		s->argv =
		    argv_of(a, "node", "-e", driver_npm_allow, spec, NULL);
	}
	s = add_step(p, PLAN_INSTALL, "install", o->install_ms);
	s->argv = argv_of(a, "npm", "install", spec, NULL);
	s = add_step(p, PLAN_INSTALL_QUIET, "install", o->install_ms);
	s->subject = STR_LIT("without scripts");
	s->argv = argv_of(a, "npm", "install", "--ignore-scripts", spec, NULL);
}

static const char *
folder_of(struct arena *a, struct str name)
{
	return arena_printf(a, "node_modules/%.*s", STR_ARG(name));
}

static const char *
quoted(struct arena *a, struct str s)
{
	struct buf b;

	buf_init(&b, 8 * LIMIT_PATH_BYTES);
	json_quote(&b, s);
	const char *z = arena_strz(a, buf_str(&b));
	buf_done(&b);
	return z;
}

static void
import_one(struct arena *a, struct plan *p, const struct format *f,
    struct str specifier, struct step *s)
{
	const char *q = quoted(a, specifier);
	ptrdiff_t at = str_find(str_of(f->code), STR_LIT("%s"));
	const char *code =
	    arena_printf(a, "%.*s%s%s", (int)at, f->code, q, f->code + at + 2);

	(void)p;
	s->subject = str_of(arena_printf(a, "%s(%s)", f->word, q));
	s->tells = true;
	s->role = "package";
	s->argv = f->flag != NULL ?
	    argv_of(a, "node", f->flag, "-e", code, NULL) :
	    argv_of(a, "node", "-e", code, NULL);
}

static bool
is_importable(const struct manifest_entry *e)
{
	return e->kind == MANIFEST_ENTRY_CJS || e->kind == MANIFEST_ENTRY_ESM;
}

/* Entries of one kind past the first ones, in groups. */
static void
import_groups(struct arena *a, const struct plan_options *o, struct plan *p,
    enum manifest_entry_kind kind, size_t skip)
{
	const struct manifest *m = o->manifest;
	const char *v[MAX_ARGS];
	size_t n = 0, group = 0;

	for (size_t i = skip; i <= m->entries.n; i++) {
		bool end = i == m->entries.n;
		if (!end && m->entries.v[i].kind == kind)
			v[4 + n++] = arena_strz(a, m->entries.v[i].specifier);
		if (n == 0 || (!end && n < PLAN_GROUP_SIZE))
			continue;
		struct step *s =
		    add_step(p, PLAN_IMPORT, "import", o->import_ms);
		v[0] = "node";
		v[1] = "-e";
		v[2] = driver_npm_import;
		v[3] = formats[kind].word;
		const char **argv = arena_array(a, n + 5, sizeof(*argv));
		memcpy(argv, v, (n + 4) * sizeof(*argv));
		s->argv = argv;
		s->tells = true;
		s->role = "package";
		s->package = folder_of(a, o->name);
		s->subject = str_of(arena_printf(a, "%s of %zu more (%zu)",
		    formats[kind].word, n, ++group));
		n = 0;
	}
}

static void
plan_imports(struct arena *a, const struct plan_options *o, struct plan *p)
{
	const struct manifest *m = o->manifest;
	size_t i, n = 0;

	if (m == NULL) {
		leave_out(p, "import", STR_NONE,
		    "the package has no package.json that can be read");
		return;
	}
	for (i = 0; i < m->entries.n && n < PLAN_ENTRIES_ALONE; i++) {
		const struct manifest_entry *e = &m->entries.v[i];
		if (!is_importable(e))
			continue;
		struct step *s =
		    add_step(p, PLAN_IMPORT, "import", o->import_ms);
		import_one(a, p, &formats[e->kind], e->specifier, s);
		s->package = folder_of(a, o->name);
		n++;
	}
	import_groups(a, o, p, MANIFEST_ENTRY_CJS, i);
	import_groups(a, o, p, MANIFEST_ENTRY_ESM, i);
	if (n == 0 && m->browser_only)
		leave_out(p, "import", STR_NONE,
		    "only a browser can import it");
}

void
plan_make(struct arena *a, const struct plan_options *o, struct plan *ret)
{
	const struct manifest *m = o->manifest;

	plan_install(a, o, ret);
	plan_imports(a, o, ret);
	for (size_t i = 0; m != NULL && i < m->entries.n; i++)
		if (m->entries.v[i].kind == MANIFEST_ENTRY_BIN)
			leave_out(ret, "run", m->entries.v[i].specifier,
			    "commands are not run");
	if (m != NULL && m->cut)
		leave_out(ret, "import", STR_NONE,
		    "its manifest lists more than is looked at");
	for (size_t i = 0; i < N_ELEMENTS(never); i++)
		leave_out(ret, never[i].trigger, str_of(never[i].subject),
		    never[i].reason);
}

void
plan_dependency(struct arena *a, struct plan *p, struct str name,
    struct str folder, int64_t limit_ms)
{
	for (size_t i = 0; i < N_ELEMENTS(formats); i++) {
		struct step *s =
		    add_step(p, PLAN_DEPENDENCY, "import", limit_ms);
		import_one(a, p, &formats[i], name, s);
		s->package = arena_strz(a, folder);
	}
}

void
plan_done(struct plan *p)
{
	vec_done(&p->steps);
	vec_done(&p->left_out);
}
