/* SPDX-License-Identifier: Apache-2.0 */
/* The authority: made, put into a program and into a bundle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sys/fd.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----"

/* A constant of a program that looks like a certificate of body_n letters. */
static void
add_constant(struct buf *b, size_t body_n, size_t line)
{
	buf_puts(b, BEGIN);
	for (size_t i = 0; i < body_n; i++) {
		if (i != 0 && i % line == 0)
			buf_putc(b, '\n');
		buf_putc(b, 'A');
	}
	buf_puts(b, "\n" END);
	buf_putc(b, '\0');
}

/* A program with roots of many lengths, and things that are none. */
static void
make_program(struct buf *b)
{
	buf_init(b, 1 * MIB);
	buf_put(b,
	    "\x7f"
	    "ELF\0\1",
	    6);
	add_constant(b, 1600, 76);
	buf_puts(b, BEGIN "not base64 at all!\n" END);
	buf_putc(b, '\0');
	buf_puts(b, "see " BEGIN);
	buf_putc(b, '\0');
	for (size_t n = 600; n <= 900; n += 4)
		add_constant(b, n, 76);
	/* Part of a longer text: not a constant of its own. */
	buf_puts(b, BEGIN "AAAA\n" END " and more");
	buf_putc(b, '\0');
	buf_puts(b, BEGIN "AAAA"); /* cut off */
}

static void
test_find(void **state)
{
	struct image_slots slots;
	struct buf b;

	(void)state;
	make_program(&b);
	image_ca_find_slots(buf_str(&b), &slots);
	assert_int_equal(slots.n, 1 + (900 - 600) / 4 + 1);
	assert_int_equal(slots.v[0].offset, 6);
	assert_int_equal(slots.v[0].line_bytes, 76);
	assert_int_equal(slots.v[0].bytes,
	    strlen(BEGIN) + 1600 + 1600 / 76 + 1 + strlen(END));
	for (size_t i = 0; i < slots.n; i++) {
		assert_memory_equal(b.p + slots.v[i].offset, BEGIN,
		    strlen(BEGIN));
		assert_int_equal(b.p[slots.v[i].offset + slots.v[i].bytes], 0);
	}
	vec_done(&slots);
	image_ca_find_slots(STR_LIT(""), &slots);
	assert_int_equal(slots.n, 0);
	buf_done(&b);
}

static char *
write_tmp(struct str bytes)
{
	char *path = mem_strdup("/tmp/image-ca-test-XXXXXX");
	int fd = mkstemp(path);
	struct error err = ERROR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes.p, bytes.n, &err), 0);
	(void)close(fd);
	return path;
}

static void
read_back(const char *path, struct buf *out)
{
	struct error err = ERROR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	buf_init(out, 2 * MIB);
	assert_true(fd >= 0);
	assert_int_equal(fd_read_all(fd, out, &err), 0);
	(void)close(fd);
}

static void
test_patch(void **state)
{
	_cleanup_(freep) char *path = NULL;
	struct error err = ERROR_INIT;
	struct image_slots slots, after;
	struct image_slot slot;
	struct image_ca ca;
	struct buf before, now;

	(void)state;
	make_program(&before);
	path = write_tmp(buf_str(&before));
	assert_int_equal(image_ca_read_slots(path, &slots, &err), 0);
	assert_int_equal(image_ca_new(&slots, &ca, &err), 0);
	/* Slots of every length are there: one fits to the byte. */
	assert_int_equal(image_ca_patch(path, &slots, str_of(ca.runtime_pem),
			     &slot, &err),
	    0);
	assert_int_equal(slot.bytes, strlen(ca.runtime_pem));
	read_back(path, &now);
	assert_int_equal(now.n, before.n);
	assert_memory_equal(now.p + slot.offset, ca.runtime_pem,
	    strlen(ca.runtime_pem));
	/* Nothing else has changed. */
	memcpy(now.p + slot.offset, before.p + slot.offset, (size_t)slot.bytes);
	assert_memory_equal(now.p, before.p, before.n);
	assert_int_equal(image_ca_read_slots(path, &after, &err), 0);
	assert_int_equal(after.n, slots.n);
	(void)unlink(path);
	vec_done(&slots);
	vec_done(&after);
	image_ca_done(&ca);
	buf_done(&before);
	buf_done(&now);
}

/* A slot that is too long keeps its length and still parses. */
static void
test_padded(void **state)
{
	_cleanup_(freep) char *path = NULL;
	struct error err = ERROR_INIT;
	struct image_slots slots, after;
	struct image_slot slot;
	struct image_ca ca;
	struct buf b, now;
	X509 *x;
	BIO *bio;

	(void)state;
	buf_init(&b, 1 * MIB);
	add_constant(&b, 1600, 64);
	path = write_tmp(buf_str(&b));
	assert_int_equal(image_ca_read_slots(path, &slots, &err), 0);
	assert_int_equal(image_ca_new(&slots, &ca, &err), 0);
	assert_int_equal(image_ca_patch(path, &slots, str_of(ca.runtime_pem),
			     &slot, &err),
	    0);
	assert_int_equal(image_ca_read_slots(path, &after, &err), 0);
	assert_int_equal(after.n, 1);
	assert_int_equal(after.v[0].bytes, slots.v[0].bytes);
	read_back(path, &now);
	bio = BIO_new_mem_buf(now.p, (int)now.n);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(x);
	X509_free(x);
	BIO_free(bio);
	(void)unlink(path);
	vec_done(&slots);
	vec_done(&after);
	image_ca_done(&ca);
	buf_done(&b);
	buf_done(&now);
}

static void
test_no_room(void **state)
{
	struct error err = ERROR_INIT;
	struct image_slots slots;
	struct image_ca ca;
	struct buf b;

	(void)state;
	buf_init(&b, 1 * MIB);
	add_constant(&b, 40, 64);
	image_ca_find_slots(buf_str(&b), &slots);
	assert_int_equal(slots.n, 1);
	assert_int_equal(image_ca_new(&slots, &ca, &err), -ENOENT);
	vec_done(&slots);
	assert_int_equal(image_ca_new(&slots, &ca, &err), -ENOENT);
	buf_done(&b);
}

/* What sinks and verifiers need of it. */
static void
test_authority(void **state)
{
	struct error err = ERROR_INIT;
	struct image_slots slots;
	struct image_ca ca, other;
	EVP_PKEY *key;
	struct buf b;
	X509 *x;
	BIO *bio;

	(void)state;
	make_program(&b);
	image_ca_find_slots(buf_str(&b), &slots);
	assert_int_equal(image_ca_new(&slots, &ca, &err), 0);
	assert_int_equal(image_ca_new(&slots, &other, &err), 0);
	assert_string_not_equal(ca.cert_pem, other.cert_pem);
	assert_string_not_equal(ca.name, other.name);
	bio = BIO_new_mem_buf(ca.cert_pem, -1);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(ca.key_pem, -1);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(x);
	assert_non_null(key);
	assert_int_equal(X509_check_private_key(x, key), 1);
	assert_int_equal(X509_verify(x, key), 1);
	assert_int_equal(X509_check_ca(x), 1);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(x)) < 0);
	assert_true(X509_cmp_current_time(X509_get0_notAfter(x)) > 0);
	assert_null(strchr(ca.label, '/'));
	assert_int_equal(X509_NAME_hash_ex(X509_get_subject_name(x), NULL, NULL,
			     NULL),
	    ca.name_hash);
	EVP_PKEY_free(key);
	X509_free(x);
	image_ca_done(&ca);
	image_ca_done(&other);
	vec_done(&slots);
	buf_done(&b);
}

static void
test_bundle(void **state)
{
	static const char bundle[] =
	    BEGIN "one\n" END "\n" BEGIN "two\n" END "\n";
	static const char ours[] = BEGIN "ours\n" END;
	struct error err = ERROR_INIT;
	ptrdiff_t at;
	struct buf out;

	(void)state;
	buf_init(&out, 1 * MIB);
	assert_int_equal(image_ca_bundle(str_of(bundle), str_of(ours), &out,
			     &err),
	    0);
	assert_int_equal(out.n, strlen(bundle) + strlen(ours) + 1);
	at = str_find(buf_str(&out), str_of(ours));
	assert_true(at >= 0);
	assert_true(at == 0 || out.p[at - 1] == '\n');
	/* Without ours it is the old one again. */
	memmove(out.p + at, out.p + at + strlen(ours) + 1,
	    out.n - (size_t)at - strlen(ours) - 1);
	assert_memory_equal(out.p, bundle, strlen(bundle));
	assert_int_equal(image_ca_bundle(STR_LIT("empty"), str_of(ours), &out,
			     &err),
	    -EINVAL);
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_patch),
		cmocka_unit_test(test_padded),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_authority),
		cmocka_unit_test(test_bundle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
