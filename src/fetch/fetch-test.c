/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, origins, hashes and the store. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "fetch/address.h"
#include "fetch/keep.h"
#include "fetch/verify.h"

static const char *const private[] = { "0.0.0.0", "127.0.0.1", "127.255.0.1",
	"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
	"100.127.255.255", "169.254.169.254", "192.0.0.1", "192.0.2.1",
	"198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
	"255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::127.0.0.1",
	"64:ff9b::127.0.0.1", "64:ff9b:1::1", "fe80::1", "fec0::1", "fc00::1",
	"fdff::1", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2001::1",
	"100::1", "localhost", "LOCALHOST" };
static const char *const public[] = { "1.1.1.1", "11.0.0.1", "172.15.0.1",
	"172.32.0.1", "100.63.0.1", "100.128.0.1", "169.253.0.1", "192.169.0.1",
	"223.255.255.255", "2606:4700::1", "::ffff:1.1.1.1",
	"2002:101:101::", "a.test", "10.example.test", "1.2.3" };

static void
which_addresses_are_private(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(private); i++)
		if (!address_text_is_private(str_of(private[i])))
			fail_msg("%s is private", private[i]);
	for (size_t i = 0; i < N_ELEMENTS(public); i++)
		if (address_text_is_private(str_of(public[i])))
			fail_msg("%s is not private", public[i]);
}

static void
other_families_are_private(void **state)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };

	(void)state;
	assert_true(address_is_private(&sa));
}

static void
origins(void **state)
{
	static const struct {
		const char *url, *scheme, *host;
		unsigned port; /* 0: refused */
	} rows[] = {
		{ "https://A.test/x", "https", "a.test", 443 },
		{ "http://a.test:8080", "http", "a.test", 8080 },
		{ "http://[::1]:80/", "http", "::1", 80 },
		{ "http://0x7f.1/", "http", "127.0.0.1", 80 },
		{ "https://user:pass@a.test/", NULL, NULL, 0 },
		{ "ftp://a.test/", NULL, NULL, 0 },
		{ "file:///etc/passwd", NULL, NULL, 0 },
		{ "//a.test/", NULL, NULL, 0 },
		{ "", NULL, NULL, 0 },
	};
	struct origin o;
	struct buf room;

	(void)state;
	buf_init(&room, LIMIT_URL_BYTES);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		int rc = origin_parse(str_of(rows[i].url), &room, &o, NULL);

		if ((rc == 0) != (rows[i].port != 0))
			fail_msg("%s: %d", rows[i].url, rc);
		if (rc != 0)
			continue;
		assert_true(str_is(o.scheme, rows[i].scheme));
		assert_true(str_is(o.host, rows[i].host));
		assert_int_equal(o.port, rows[i].port);
	}
	buf_done(&room);
}

static void
lists_of_hosts(void **state)
{
	struct origin o = { STR_LIT("https"), STR_LIT("r.a.test"), 443 };

	(void)state;
	assert_true(origin_in_list(&o, STR_LIT("b.test, .a.test")));
	assert_true(origin_in_list(&o, STR_LIT("a.test")));
	assert_true(origin_in_list(&o, STR_LIT("*")));
	assert_true(origin_in_list(&o, STR_LIT("R.A.TEST")));
	assert_false(origin_in_list(&o, STR_LIT("ra.test,test.r.a.test,,")));
}

static int
bytes(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

/* Hashes of "abc", as everyone computes them. */
#define SHA1_ABC "a9993e364706816aba3e25717850c26c9cd0d89d"
#define SHA256_ABC \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SRI1_ABC "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
#define SRI384_ABC \
	"sha384-ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/" \
	"W+2AhgcroefMI1i67KE0yCWn"
#define SRI512_ABC \
	"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/" \
	"BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="

static void
integrity(void **state)
{
	static const struct {
		const char *integrity, *shasum;
		int rc;
	} rows[] = {
		{ "", "", 0 },
		{ SRI512_ABC, "", 0 },
		{ SRI512_ABC "?opt", "", 0 },
		{ SRI384_ABC, "", 0 },
		{ SRI1_ABC, "", 0 },
		{ "sha1-wrong " SRI512_ABC, "", 0 },
		{ "sha512-wrong " SRI512_ABC, "", 0 },
		{ "sha512-wrong " SRI1_ABC, "", -EBADMSG },
		{ "sha512-wrong", SHA1_ABC, -EBADMSG },
		{ "md5-kAFQmDzST7DWlj99KOF/cg==", "", -EBADMSG },
		{ "", SHA1_ABC, 0 },
		{ "", "A9993E364706816ABA3E25717850C26C9CD0D89D", 0 },
		{ "", "00", -EBADMSG },
	};
	struct verified v;
	int fd = bytes("abc");

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (verify(fd, str_of(rows[i].integrity),
			str_of(rows[i].shasum), &v, NULL) != rows[i].rc)
			fail_msg("row %zu: %s", i, rows[i].integrity);
	assert_int_equal(verify(fd, STR_NONE, STR_NONE, &v, NULL), 0);
	assert_string_equal(v.sha256, SHA256_ABC);
	assert_string_equal(v.integrity, SRI512_ABC);
	assert_string_equal(v.shasum, SHA1_ABC);
	assert_int_equal(v.size, 3);
	(void)close(fd);
}

static struct keep
folders(char *top)
{
	struct keep k;

	assert_non_null(mkdtemp(top));
	k.blobs = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(k.blobs, "cache", 0700), 0);
	k.cache = openat(k.blobs, "cache", O_RDONLY | O_DIRECTORY);
	assert_int_equal(keep_prepare(&k, NULL), 0);
	return k;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void
remove_all(struct keep *k, const char *top)
{
	(void)close(k->cache);
	(void)close(k->blobs);
	assert_int_equal(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void
the_store(void **state)
{
	char top[] = "/tmp/lazaret-keep-XXXXXX", text[4] = "";
	struct keep k = folders(top);
	struct keep_found f;
	int fd = bytes("abc"), out;
	struct stat st;

	(void)state;
	assert_int_equal(keep_get(&k, KEEP_ARCHIVE, STR_LIT("key"), &f, NULL),
	    -ENOENT);
	assert_int_equal(keep_put(&k, KEEP_ARCHIVE, STR_LIT("key"),
			     STR_LIT("00"), fd, NULL),
	    -EBADMSG);
	assert_int_equal(keep_put(&k, KEEP_ARCHIVE, STR_LIT("key"),
			     str_of(SHA256_ABC), fd, NULL),
	    0);
	assert_int_equal(keep_get(&k, KEEP_ARCHIVE, STR_LIT("key"), &f, NULL),
	    0);
	assert_string_equal(f.tag, SHA256_ABC);
	assert_int_equal(pread(f.fd, text, 3, f.offset), 3);
	assert_string_equal(text, "abc");
	(void)close(f.fd);
	/* A hard link to a blob keeps what it had when the blob is replaced. */
	assert_int_equal(linkat(k.blobs, "ba/" SHA256_ABC, k.blobs, "link", 0),
	    0);
	out = openat(k.blobs, "link", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(out, "x", 1), 1);
	(void)close(out);
	assert_int_equal(keep_put(&k, KEEP_ARCHIVE, STR_LIT("key"),
			     str_of(SHA256_ABC), fd, NULL),
	    0);
	assert_int_equal(fstatat(k.blobs, "link", &st, 0), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(fstatat(k.blobs, "ba/" SHA256_ABC, &st, 0), 0);
	assert_int_equal(st.st_size, 3);
	(void)close(fd);
	remove_all(&k, top);
}

static void
the_cache(void **state)
{
	char top[] = "/tmp/lazaret-keep-XXXXXX";
	struct keep k = folders(top);
	struct keep_found f;
	int fd = bytes("{}");

	(void)state;
	assert_int_equal(keep_put(&k, KEEP_PACKAGE_DOCUMENT, STR_LIT("d"),
			     STR_LIT("\"tag\""), fd, NULL),
	    0);
	assert_int_equal(keep_get(&k, KEEP_PACKAGE_DOCUMENT, STR_LIT("d"), &f,
			     NULL),
	    0);
	assert_string_equal(f.tag, "\"tag\"");
	assert_int_equal(f.size, 2);
	assert_in_range(f.age_ms, 0, 60000);
	(void)close(f.fd);
	/* A tag that would not fit the header is not kept. */
	assert_int_equal(keep_put(&k, KEEP_PACKAGE_DOCUMENT, STR_LIT("d"),
			     STR_LIT("a\nb"), fd, NULL),
	    0);
	assert_int_equal(keep_get(&k, KEEP_PACKAGE_DOCUMENT, STR_LIT("d"), &f,
			     NULL),
	    0);
	assert_string_equal(f.tag, "");
	(void)close(f.fd);
	assert_int_equal(keep_touch(&k, KEEP_PACKAGE_DOCUMENT, STR_LIT("d"),
			     NULL),
	    0);
	assert_int_equal(keep_touch(&k, KEEP_PACKAGE_DOCUMENT, STR_LIT("none"),
			     NULL),
	    -ENOENT);
	(void)close(fd);
	remove_all(&k, top);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_addresses_are_private),
		cmocka_unit_test(other_families_are_private),
		cmocka_unit_test(origins),
		cmocka_unit_test(lists_of_hosts),
		cmocka_unit_test(integrity),
		cmocka_unit_test(the_store),
		cmocka_unit_test(the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
