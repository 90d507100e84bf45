/* SPDX-License-Identifier: Apache-2.0 */
/* SINK_CONFIG in both directions. Runs in supervisors and in role sink. */
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sink/sink.h"
#include "sys/message.h"

/* Integers, strings and descriptors, each in the order of the struct. */
#define INTS(c) \
	{ \
		&(c)->sandbox, &(c)->seed, &(c)->prebuilt \
	}
#define STRINGS(c) \
	{ \
		&(c)->interface, &(c)->registries, &(c)->decoy_mark, \
		    &(c)->cloud_key_id, &(c)->cloud_secret, &(c)->cloud_token \
	}
#define FDS(c) \
	{ \
		&(c)->netns_fd, &(c)->ca_certificate_fd, &(c)->ca_key_fd, \
		    &(c)->pcap_fd, &(c)->keylog_fd, &(c)->decoy_fd \
	}

int
sink_config_put(const struct sink_config *c, struct channel *ch,
    struct error *err)
{
	const int64_t *const ints[] = INTS(c);
	const struct str *const strings[] = STRINGS(c);
	const int *const fds[] = FDS(c);
	int64_t there = 0;

	message_begin(ch, SINK_CONFIG);
	for (size_t i = 0; i < N_ELEMENTS(ints); i++)
		message_put_int(ch, *ints[i]);
	for (size_t i = 0; i < N_ELEMENTS(strings); i++)
		message_put_str(ch, *strings[i]);
	for (size_t i = 0; i < N_ELEMENTS(fds); i++) {
		if (*fds[i] < 0)
			continue;
		there |= 1 << i;
		message_put_fd(ch, *fds[i]);
	}
	message_put_int(ch, there);
	return message_send(ch, err);
}

int
sink_config_get(struct message *m, struct sink_config *ret, struct error *err)
{
	struct sink_config c = SINK_CONFIG_INIT;
	int64_t *const ints[] = INTS(&c);
	struct str *const strings[] = STRINGS(&c);
	int *const fds[] = FDS(&c);
	int64_t there;
	int rc;

	for (size_t i = 0; i < N_ELEMENTS(ints); i++)
		*ints[i] = message_get_int(m);
	for (size_t i = 0; i < N_ELEMENTS(strings); i++)
		*strings[i] = message_get_str(m);
	there = message_get_int(m);
	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		if ((there & (1 << i)) != 0)
			*fds[i] = message_get_fd(m);
	*ret = c;
	rc = message_end(m, err);
	if (rc != 0)
		return rc;
	if (c.netns_fd < 0 || c.ca_certificate_fd < 0 || c.ca_key_fd < 0)
		return error_set(err, -EPROTO,
		    "sink: a descriptor is missing (namespace, authority)");
	if (c.prebuilt < 0 || c.prebuilt >= SINK_PREBUILT__MAX)
		return error_set(err, -EPROTO, "sink: unknown prebuilt mode");
	return 0;
}
