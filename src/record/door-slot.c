/* SPDX-License-Identifier: Apache-2.0 */
/* The door's slots: filled ones in stock, used ones given back to the holder
 * for others. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "record/door_priv.h"
#include "record/loader.h"

/* Slots in stock: with clients there are likely to be more. */
#define STOCK_IDLE 1u
#define STOCK_BUSY 2u

int
door_slot_ask(struct serving *s, uint16_t type, int64_t slot, struct error *err)
{
	int rc;

	message_begin(&s->holder, type);
	if (slot >= 0)
		message_put_int(&s->holder, slot);
	rc = message_send(&s->holder, err);
	return rc != 0 ? rc : channel_flush(&s->holder, err);
}

static size_t
count_slots(const struct serving *s, enum slot_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < RECORD_SLOTS; i++)
		n += s->slots[i].state == state;
	return n;
}

int
door_slot_find(const struct serving *s, enum slot_state state)
{
	for (int i = 0; i < RECORD_SLOTS; i++)
		if (s->slots[i].state == state)
			return i;
	return -1;
}

int
door_slot_restock(struct serving *s, struct error *err)
{
	size_t wanted = s->n_clients != 0 ? STOCK_BUSY : STOCK_IDLE;
	size_t have = count_slots(s, SLOT_STOCK) + count_slots(s, SLOT_FILLING);
	int slot, rc = 0;

	if (s->unfilled || s->drain_since != 0)
		wanted = 0;
	while (have < wanted && rc == 0) {
		slot = door_slot_find(s, SLOT_USED);
		if (slot < 0)
			slot = door_slot_find(s, SLOT_EMPTY);
		if (slot < 0)
			return 0;
		s->slots[slot].state = SLOT_FILLING;
		rc = door_slot_ask(s, LOADER_FILL, slot, err);
		have++;
	}
	while (rc == 0 && (slot = door_slot_find(s, SLOT_USED)) >= 0) {
		s->slots[slot].state = SLOT_EMPTYING;
		rc = door_slot_ask(s, LOADER_EMPTY, slot, err);
	}
	return rc;
}

/* A slot that could not be filled is tried again when it is asked for; who
 * waits for it goes another way. */
int
door_slot_on_filled(struct serving *s, struct message *m, struct error *err)
{
	struct programs_part part = PROGRAMS_PART_INIT;
	int64_t slot = message_get_int(m), rc = message_get_int(m);
	struct str why = message_get_str(m);
	struct error said = ERROR_INIT;

	(void)error_set(&said, -EIO, "%.*s", STR_ARG(why));
	if (rc == 0) {
		part.ring_fd = message_get_fd(m);
		part.totals_fd = message_get_fd(m);
		part.control_fd = message_get_fd(m);
	}
	if (message_end(m, err) != 0)
		return err->code;
	assert(slot >= 0 && slot < RECORD_SLOTS);
	s->unfilled = rc != 0;
	s->slots[slot].state = rc == 0 ? SLOT_STOCK : SLOT_EMPTY;
	s->slots[slot].part = part;
	if (rc != 0)
		door_client_refuse_all(s, CLIENT_ASKED, (int)rc, said.msg);
	return 0;
}

int
door_slot_on_emptied(struct serving *s, struct message *m, struct error *err)
{
	int64_t slot = message_get_int(m);
	int rc = message_end(m, err);

	assert(rc != 0 || (slot >= 0 && slot < RECORD_SLOTS));
	if (rc == 0)
		s->slots[slot].state = SLOT_EMPTY;
	return rc;
}
