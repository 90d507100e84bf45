/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "sys/fd.h"

static void
open_pair(struct channel *a, struct channel *b)
{
	int fds[2];

	assert_int_equal(fd_socketpair(fds, NULL), 0);
	channel_init(a, fds[0]);
	channel_init(b, fds[1]);
}

static void
carries_members_and_descriptors(void **state)
{
	struct channel a, b;
	struct message m;
	int p[2], fd;
	char c = 0;

	(void)state;
	open_pair(&a, &b);
	assert_int_equal(pipe(p), 0);
	message_begin(&a, 7);
	message_put_str(&a, STR_LIT("first"));
	assert_int_equal(message_send(&a, NULL), 0);
	message_begin(&a, 8);
	message_put_int(&a, -5);
	message_put_str(&a, STR_NONE);
	message_put_fd(&a, p[1]);
	assert_int_equal(message_send(&a, NULL), 0);

	assert_int_equal(channel_recv(&b, &m, NULL), 1);
	assert_int_equal(m.type, 7);
	assert_true(str_is(message_get_str(&m), "first"));
	assert_int_equal(message_end(&m, NULL), 0);
	assert_int_equal(channel_recv(&b, &m, NULL), 1);
	assert_int_equal(message_get_int(&m), -5);
	assert_null(message_get_str(&m).p);
	fd = message_get_fd(&m);
	assert_int_equal(message_end(&m, NULL), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(p[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	(void)close(fd);
	(void)close(p[0]);
	(void)close(p[1]);
	channel_done(&a);
	assert_int_equal(channel_recv(&b, &m, NULL), 0);
	channel_done(&b);
}

static void
missing_and_left_members_are_errors(void **state)
{
	struct channel a, b;
	struct message m;

	(void)state;
	open_pair(&a, &b);
	for (int i = 0; i < 2; i++) {
		message_begin(&a, 1);
		message_put_int(&a, 1);
		assert_int_equal(message_send(&a, NULL), 0);
	}
	assert_int_equal(channel_flush(&a, NULL), 0);
	assert_int_equal(channel_recv(&b, &m, NULL), 1);
	assert_int_equal(message_end(&m, NULL), -EPROTO); /* left */
	assert_int_equal(channel_recv(&b, &m, NULL), 1);
	(void)message_get_int(&m);
	assert_int_equal(message_get_int(&m), 0);
	assert_null(message_get_str(&m).p);
	assert_int_equal(message_end(&m, NULL), -EPROTO); /* missing */
	channel_done(&a);
	channel_done(&b);
}

static void
a_frame_that_lies_is_refused(void **state)
{
	static const unsigned char huge[] = { 0xff, 0xff, 0xff, 0x7f, 1, 0, 1,
		0 };
	static const unsigned char no_fd[] = { 0, 0, 0, 0, 1, 0, 1, 1 };
	struct channel c;
	struct message m;

	(void)state;
	channel_init(&c, -1);
	buf_put(&c.in, huge, sizeof(huge));
	assert_int_equal(channel_next(&c, &m, NULL), -EPROTO);
	channel_done(&c);
	channel_init(&c, -1);
	buf_put(&c.in, no_fd, sizeof(no_fd));
	assert_int_equal(channel_next(&c, &m, NULL), -EPROTO);
	channel_done(&c);
}

static void
a_peer_that_is_gone_is_an_error(void **state)
{
	struct channel a, b;

	(void)state;
	open_pair(&a, &b);
	channel_done(&b);
	message_begin(&a, 1);
	message_put_int(&a, 1);
	assert_int_equal(message_send(&a, NULL), 0);
	/* A signal would end this program. */
	assert_int_equal(channel_flush(&a, NULL), -EPIPE);
	channel_done(&a);
}

static void
the_end_is_told_from_more_words(void **state)
{
	struct channel a, b;

	(void)state;
	open_pair(&a, &b);
	assert_int_equal(channel_end(&a, 1, NULL), -ETIMEDOUT);
	message_begin(&b, 1);
	assert_int_equal(message_send(&b, NULL), 0);
	assert_int_equal(channel_flush(&b, NULL), 0);
	assert_int_equal(channel_end(&a, 1000, NULL), -EPROTO);
	channel_done(&a);
	channel_done(&b);
	open_pair(&a, &b);
	message_begin(&a, 1); /* never read: the end is a reset */
	assert_int_equal(message_send(&a, NULL), 0);
	assert_int_equal(channel_flush(&a, NULL), 0);
	channel_done(&b);
	assert_int_equal(channel_end(&a, 1000, NULL), 0);
	channel_done(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_members_and_descriptors),
		cmocka_unit_test(missing_and_left_members_are_errors),
		cmocka_unit_test(a_frame_that_lies_is_refused),
		cmocka_unit_test(a_peer_that_is_gone_is_an_error),
		cmocka_unit_test(the_end_is_told_from_more_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
