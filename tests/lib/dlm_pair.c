/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/dlm_pair.h"

/* ---- packets ---- */

static void put_le(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

void dlm_packet(uint8_t *p, size_t len, unsigned command, unsigned nodeid, uint64_t number)
{
	put_le(p, 0x00030002, 4);
	put_le(p + 4, 0x5eed, 4);	/* a lockspace */
	put_le(p + 8, nodeid, 4);
	put_le(p + 12, len, 2);
	p[14] = (uint8_t)command;
	p[15] = 0;
	fill_content(p + DLM_HEADER, len - DLM_HEADER, nodeid, number);
}

bool is_dlm_packet(const struct sinew_message *m, unsigned command, unsigned nodeid,
		   uint64_t number)
{
	uint8_t want[DLM_LONGEST];

	if (m->len < DLM_HEADER || m->len > DLM_LONGEST)
		return false;
	dlm_packet(want, m->len, command, nodeid, number);
	return memcmp(m->data, want, m->len) == 0;
}

int dlm_send(struct test_node *t, size_t len, uint64_t number)
{
	uint8_t packet[DLM_LONGEST];

	dlm_packet(packet, len, DLM_MSG, t->id, number);
	return sinew_send(t->all.session, packet, len);
}

void dlm_in_order(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	unsigned from = sinew_session_nodeid(p);

	t->seen[from].bad += !m->bare && !is_dlm_packet(m, DLM_MSG, from, m->number);
}

/* ---- nodes ---- */

void dlm_options(struct sinew_options *o)
{
	o->profile = SINEW_PROFILE_DLM;
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
	o->auto_close = true;		/* means nothing here */
}

void dlm_join(struct test_node t[2], uint64_t membership)
{
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(sinew_peer_joined(t[i].n, 2 - i, membership + i), 0);
}

int dlm_release(struct test_node t[2], unsigned i, uint64_t membership)
{
	return sinew_peer_released(t[i].n, 2 - i, membership + i);
}

struct seen *dlm_seen(struct test_node t[2], unsigned i)
{
	return &t[i].seen[2 - i];
}

bool dlm_both_up(struct test_node t[2])
{
	return t[0].all.session && t[1].all.session;
}

bool dlm_pair_open(struct test_node t[2])
{
	if (!pair_open(t, dlm_options))
		return false;
	for (unsigned i = 0; i < 2; i++)
		t[i].on_message = dlm_in_order;
	dlm_join(t, DLM_FIRST);
	return DRIVE_PAIR(t, dlm_both_up(t));
}

void dlm_pair_free(struct test_node t[2])
{
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(dlm_seen(t, i)->bad, 0);
		CHECK_EQ(t[i].self_losts + t[i].fences, 0);
		node_free(&t[i]);
	}
}

bool dlm_both_closed(struct test_node t[2], unsigned downs)
{
	for (unsigned i = 0; i < 2; i++)
		if (dlm_seen(t, i)->downs != downs ||
		    dlm_seen(t, i)->reason != SINEW_DOWN_CLOSED)
			return false;
	return true;
}
