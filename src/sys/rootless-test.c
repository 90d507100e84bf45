/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

static char folder[] = "/tmp/rootless-XXXXXX";

static void
put(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
make_folders(void **state)
{
	char path[200];

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/user", folder);
	if (mkdir(path, 0700) != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/kernel", folder);
	return mkdir(path, 0700);
}

static int
remove_folders(void **state)
{
	static const char *const files[] = { "user/max_user_namespaces",
		"kernel/unprivileged_userns_clone",
		"kernel/apparmor_restrict_unprivileged_userns", "subuid" };
	static const char *const folders[] = { "user", "kernel", "" };
	char path[200];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		(void)unlink(path);
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
		(void)rmdir(path);
	}
	return 0;
}

static void
the_setting_that_refuses_is_named(void **state)
{
	static const struct {
		const char *file, *refuses, *allows;
	} settings[] = {
		{ "user/max_user_namespaces", "0\n", "15000\n" },
		{ "kernel/unprivileged_userns_clone", "0\n", "1\n" },
		{ "kernel/apparmor_restrict_unprivileged_userns", "1\n",
		    "0\n" },
	};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		put(settings[i].file, settings[i].refuses);
		assert_int_equal(rootless_explain(folder, "no", &err), -EPERM);
		assert_non_null(strstr(err.msg, settings[i].file));
		assert_non_null(strstr(err.msg, "sysctl -w "));
		put(settings[i].file, settings[i].allows);
	}
	/* All allow, and yet it was refused. */
	assert_int_equal(rootless_explain(folder, "no way", &err), -EPERM);
	assert_non_null(strstr(err.msg, "no way"));
	assert_null(strstr(err.msg, "sysctl"));
}

static int
range(const char *text, uint32_t *ret)
{
	char path[200];

	put("subuid", text);
	(void)snprintf(path, sizeof(path), "%s/subuid", folder);
	return rootless_range(path, "ann", 1234, ret, NULL);
}

static void
a_range_is_found_by_name_or_number(void **state)
{
	uint32_t first = 0;

	(void)state;
	assert_int_equal(range("bob:100000:65536\nann:165536:65536\n", &first),
	    0);
	assert_int_equal(first, 165536);
	assert_int_equal(range("1234:231072:131072\n", &first), 0);
	assert_int_equal(first, 231072);
	/* Too small is passed over. */
	assert_int_equal(range("ann:5:10\nann:300000:65536", &first), 0);
	assert_int_equal(first, 300000);
}

static void
what_is_no_range_is_refused(void **state)
{
	static const char *const texts[] = { "", "bob:100000:65536\n",
		"ann:100000:65535\n", "ann:0:65536\n", "ann::65536\n",
		"ann:100000:\n", "ann:-1:65536\n", "ann:99999999999:65536\n",
		"ann:100000:65536:7\n", "12345:100000:65536\n", "ann\n" };
	uint32_t first = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(range(texts[i], &first), -ENOENT);
	assert_int_equal(rootless_range("/nonexistent", "ann", 1234, &first,
			     NULL),
	    -ENOENT);
	assert_int_equal(first, 7);
}

static void
roots_of_the_host_are_not_taken_for_callers(void **state)
{
	(void)state;
	/* The environment alone does nothing. */
	assert_int_equal(setenv("LAZARET_ROOTLESS", "1", 1), 0);
	assert_false(rootless_is());
	assert_int_equal(rootless_has_root(), geteuid() == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_setting_that_refuses_is_named),
		cmocka_unit_test(a_range_is_found_by_name_or_number),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(roots_of_the_host_are_not_taken_for_callers),
	};

	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
