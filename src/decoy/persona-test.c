/* SPDX-License-Identifier: Apache-2.0 */
/* Personas: drawn from a seed, whole, and with every secret where the canary
 * says that it lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "decoy/persona.h"

static struct persona *
make(const uint8_t *seed)
{
	struct error err = ERROR_INIT;
	struct persona *p = NULL;
	struct persona_options o = { .kind = PERSONA_LAPTOP,
		.registry = STR_LIT("https://registry.test/npm"),
		.seed = seed,
		.now = 1750000000 };

	assert_int_equal(persona_new(&o, &p, &err), 0);
	return p;
}

static const struct persona_file *
file_of(const struct persona *p, struct str path)
{
	for (size_t i = 0; i < p->n_files; i++)
		if (!p->files[i].folder && str_eq(p->files[i].path, path))
			return &p->files[i];
	return NULL;
}

static bool
env_has(const struct persona *p, struct str name, struct str value)
{
	for (size_t i = 0; p->env[i] != NULL; i++) {
		struct str e = str_of(p->env[i]);
		if (e.n == name.n + 1 + value.n &&
		    str_eq(str_sub(e, 0, name.n), name) &&
		    str_eq(str_sub(e, name.n + 1, e.n), value))
			return true;
	}
	return false;
}

/* Metadata secrets lie in no file, the docker token lies there encoded. */
static bool
lies_plain(const struct persona_canary *c)
{
	return c->strength == CANARY_SECRET &&
	    strncmp(c->kind, "cloud-", 6) != 0 &&
	    strcmp(c->kind, "docker-auth") != 0;
}

static void
test_secrets_lie_where_they_say(void **state)
{
	_cleanup_(persona_freep) struct persona *p = make(NULL);

	(void)state;
	assert_true(p->n_canaries >= 20);
	for (size_t i = 0; i < p->n_canaries; i++) {
		const struct persona_canary *c = &p->canaries[i];
		assert_true(c->value.n >= 10);
		if (!lies_plain(c))
			continue;
		if (c->variable.p != NULL) {
			assert_true(env_has(p, c->variable, c->value));
			continue;
		}
		const struct persona_file *f = file_of(p, c->path);
		assert_non_null(f);
		assert_true(str_find(f->bytes, c->value) >= 0);
	}
}

static void
test_secrets_differ(void **state)
{
	_cleanup_(persona_freep) struct persona *p = make(NULL);
	_cleanup_(persona_freep) struct persona *q = make(NULL);

	(void)state;
	for (size_t i = 0; i < p->n_canaries; i++)
		for (size_t k = 0; k < p->n_canaries; k++) {
			assert_true(i == k ||
			    !str_eq(p->canaries[i].value,
				p->canaries[k].value));
			assert_false(
			    str_eq(p->canaries[i].value, q->canaries[k].value));
		}
}

static void
test_seed_decides(void **state)
{
	static const uint8_t seed[PERSONA_SEED_SIZE] = { 7 };
	_cleanup_(persona_freep) struct persona *p = make(seed);
	_cleanup_(persona_freep) struct persona *q = make(seed);

	(void)state;
	assert_string_equal(p->host, q->host);
	assert_int_equal(p->n_files, q->n_files);
	for (size_t i = 0; i < p->n_files; i++) {
		assert_true(str_eq(p->files[i].path, q->files[i].path));
		assert_true(str_eq(p->files[i].bytes, q->files[i].bytes));
		assert_int_equal(p->files[i].changed_at,
		    q->files[i].changed_at);
	}
}

static void
test_folders_come_first(void **state)
{
	_cleanup_(persona_freep) struct persona *p = make(NULL);

	(void)state;
	assert_true(str_is(p->files[0].path, p->home));
	for (size_t i = 1; i < p->n_files; i++) {
		struct str path = p->files[i].path;
		struct str parent =
		    str_sub(path, 0, (size_t)str_rchr(path, '/'));
		bool found = false;
		for (size_t k = 0; k < i && !found; k++)
			found = p->files[k].folder &&
			    str_eq(p->files[k].path, parent);
		assert_true(found);
	}
}

/* The token's last six characters are the CRC-32 of the thirty before. */
static void
test_npmrc(void **state)
{
	_cleanup_(persona_freep) struct persona *p = make(NULL);
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/.npmrc", p->home);
	const struct persona_file *f = file_of(p, str_of(path));
	assert_non_null(f);
	assert_true(
	    str_starts(f->bytes, "//registry.test/npm/:_authToken=npm_"));
	assert_int_equal(f->mode, 0600);
}

/* Writes it below a folder, for tests that ask git, ssh-keygen and others. */
static int
write_out(const char *to)
{
	_cleanup_(persona_freep) struct persona *p = make(NULL);

	for (size_t i = 0; i < p->n_files; i++) {
		char path[4096];
		const struct persona_file *f = &p->files[i];
		(void)snprintf(path, sizeof(path), "%s%.*s", to,
		    STR_ARG(f->path));
		if (f->folder) {
			if (mkdir(path, f->mode) < 0)
				return 1;
			continue;
		}
		_cleanup_(fclosep) FILE *out = fopen(path, "w");
		if (out == NULL ||
		    fwrite(f->bytes.p, 1, f->bytes.n, out) != f->bytes.n)
			return 1;
		(void)fchmod(fileno(out), f->mode);
	}
	printf("%s %s\n", p->home, p->project);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_lie_where_they_say),
		cmocka_unit_test(test_secrets_differ),
		cmocka_unit_test(test_seed_decides),
		cmocka_unit_test(test_folders_come_first),
		cmocka_unit_test(test_npmrc),
	};

	if (argc > 1)
		return write_out(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
