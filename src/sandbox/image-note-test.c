/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of images: written, believed while nothing changes, and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A state folder with one image of two files, and a recipe. */
struct lab {
	char top[64];
	char *dir;
	struct buf note;
};

static void
put(const struct lab *l, const char *path, const char *text)
{
	_cleanup_(freep) char *whole = mem_printf("%s/%s", l->top, path);
	FILE *f = fopen(whole, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
folder(const struct lab *l, const char *path)
{
	_cleanup_(freep) char *whole = mem_printf("%s/%s", l->top, path);

	assert_int_equal(mkdir(whole, 0700), 0);
}

static void
describe(struct image *i)
{
	memcpy(i->id, ID, sizeof(ID));
	memcpy(i->recipe, ID, sizeof(ID));
	(void)snprintf(i->ca_name, sizeof(i->ca_name), "0011223344556677");
	i->ecosystem = mem_strdup("npm");
	i->suite = mem_strdup("trixie");
	i->runtime_version = mem_strdup("1.2.3");
	i->runtime_path = mem_strdup("/usr/local/bin/node");
	i->client_version = mem_strdup("4.5.6");
	i->registry = mem_strdup("https://registry.test/");
	i->home_skeleton = mem_strdup("/etc/skel");
	i->n_packages = 7;
	i->ca_made_at = 1700000000000000000;
}

static void
note(struct lab *l)
{
	_cleanup_(image_note_done) struct image_note n = { 0 };
	struct error err = ERROR_INIT;
	struct image i = IMAGE_INIT;

	describe(&i);
	image_lies_in(&i, l->dir);
	buf_reset(&l->note);
	assert_int_equal(image_note_begin(&n, "npm", &err), 0);
	assert_int_equal(image_note_add(&n, l->dir, "manifest.json", &err), 0);
	assert_int_equal(image_note_add(&n, l->dir, "rootfs/one", &err), 0);
	image_note_write(&n, &i, &l->note);
	image_done(&i);
}

/* Long enough for what was written to be of another time than what follows. */
static void
wait_a_tick(void)
{
	static const struct timespec t = { .tv_nsec = 60 * 1000 * 1000 };

	(void)nanosleep(&t, NULL);
}

static int
set_up(void **state)
{
	struct lab *l = mem_alloc(sizeof(*l));

	(void)snprintf(l->top, sizeof(l->top), "/tmp/image-note-XXXXXX");
	assert_non_null(mkdtemp(l->top));
	l->dir = mem_printf("%s/" ID, l->top);
	buf_init(&l->note, LIMIT_CONFIG_BYTES);
	folder(l, "images");
	folder(l, "images/npm");
	put(l, "images/npm/packages", "* one\n");
	put(l, "images/npm/pins", "");
	put(l, "images/npm/exclude", "");
	folder(l, ID);
	folder(l, ID "/rootfs");
	put(l, ID "/manifest.json", "{}");
	put(l, ID "/rootfs/one", "one");
	assert_int_equal(setenv("LAZARET_DATA_DIR", l->top, 1), 0);
	*state = l;
	return 0;
}

static int
tear_down(void **state)
{
	struct lab *l = *state;
	struct error err = ERROR_INIT;

	assert_int_equal(image_tree_remove(l->top, &err), 0);
	buf_done(&l->note);
	free(l->dir);
	free(l);
	return 0;
}

/* What image_open() would find. */
static int
opens(const struct lab *l)
{
	struct image i = IMAGE_INIT;
	int rc = image_note_open(l->top, ID, "npm", &i);

	image_done(&i);
	return rc;
}

static void
test_is_believed(void **state)
{
	struct lab *l = *state;
	struct image i = IMAGE_INIT;

	wait_a_tick();
	note(l);
	assert_int_equal(image_note_open(l->top, ID, "npm", &i), 0);
	assert_string_equal(i.id, ID);
	assert_string_equal(i.dir, l->dir);
	assert_string_equal(i.registry, "https://registry.test/");
	assert_string_equal(i.ca_name, "0011223344556677");
	assert_int_equal(i.n_packages, 7);
	assert_int_equal(i.n_layers, 2);
	assert_true(i.lock_fd >= 0);
	image_done(&i);
	assert_int_equal(image_note_open(l->top, ID, "pypi", &i), 1);
}

static void
test_no_longer(void **state)
{
	static const char *const changed[] = { ID "/manifest.json",
		ID "/rootfs/one", "images/npm/packages", "images/npm/pins" };
	struct lab *l = *state;

	for (size_t i = 0; i < N_ELEMENTS(changed); i++) {
		wait_a_tick();
		note(l);
		assert_int_equal(opens(l), 0);
		wait_a_tick();
		put(l, changed[i], "two");
		assert_int_equal(opens(l), 1);
	}
}

/* The same bytes at the same place, but another file. */
static void
test_replaced(void **state)
{
	struct lab *l = *state;
	_cleanup_(freep) char *one = mem_printf("%s/rootfs/one", l->dir);
	_cleanup_(freep) char *other = mem_printf("%s/rootfs/other", l->dir);

	wait_a_tick();
	note(l);
	assert_int_equal(rename(one, other), 0);
	assert_int_equal(symlink("other", one), 0);
	assert_int_equal(opens(l), 1);
}

/* What changed just now may change once more and show the same time. */
static void
test_too_fresh(void **state)
{
	struct lab *l = *state;
	struct image i = IMAGE_INIT;

	put(l, ID "/rootfs/one", "two");
	note(l);
	assert_int_equal(opens(l), 1);
	assert_int_equal(image_note_take(l->top, "npm", buf_str(&l->note), &i),
	    0);
	image_done(&i);
}

static void
test_other_installation(void **state)
{
	struct lab *l = *state;
	_cleanup_(freep) char *other = mem_printf("%s/images", l->top);

	wait_a_tick();
	note(l);
	assert_int_equal(setenv("LAZARET_DATA_DIR", other, 1), 0);
	assert_int_equal(opens(l), 1);
}

/* Any piece of it, and any byte that is another one. */
static void
test_damaged(void **state)
{
	struct lab *l = *state;
	struct image i = IMAGE_INIT;
	struct str whole;

	wait_a_tick();
	note(l);
	whole = buf_str(&l->note);
	for (size_t n = 0; n < whole.n; n++)
		assert_int_equal(image_note_take(l->top, "npm",
				     str_sub(whole, 0, n), &i),
		    1);
	for (size_t n = 0; n < whole.n; n++) {
		char was = l->note.p[n];

		l->note.p[n] = '\n';
		if (was != '\n')
			assert_int_equal(image_note_take(l->top, "npm", whole,
					     &i),
			    1);
		l->note.p[n] = was;
	}
}

int
main(void)
{
#define LAB(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LAB(test_is_believed),
		LAB(test_no_longer),
		LAB(test_replaced),
		LAB(test_too_fresh),
		LAB(test_other_installation),
		LAB(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
