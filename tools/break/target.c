/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection that is to be reset from outside.
 * Pure: sends nothing, reads no clock.
 */
#include "tools/break/target.h"

#define TOO_OLD	2	/* a byte there ends before what was acknowledged: out of any window */

int target_end(const struct target *t, const struct packet *p)
{
	const struct filter_end *ends = t->connection.ends;

	if (!filter_compare_ends(&p->from, &ends[0]) && !filter_compare_ends(&p->to, &ends[1]))
		return 0;
	if (!filter_compare_ends(&p->from, &ends[1]) && !filter_compare_ends(&p->to, &ends[0]))
		return 1;
	return -1;
}

/*
 * The latest word counts, not the highest: what an end has sent may get lost, and then the
 * other end says that it still expects less.
 */
void target_learn(struct target *t, unsigned from, const struct packet *p)
{
	unsigned other = !from;

	if (p->flags & (PACKET_SYN | PACKET_RST))
		return;
	t->next[other] = p->seq + p->n_payload + (p->flags & PACKET_FIN ? 1 : 0);
	t->knows_next[other] = true;
	if (!(p->flags & PACKET_ACK))
		return;
	t->acked[from] = t->next[from] = p->ack;
	t->knows_acked[from] = t->knows_next[from] = true;
}

static struct packet segment_to(const struct target *t, unsigned end)
{
	return (struct packet){
		.from = t->connection.ends[!end],
		.to = t->connection.ends[end],
		.flags = PACKET_ACK,
	};
}

void target_probe(const struct target *t, unsigned end, uint32_t random, struct packet *ret_packet)
{
	struct packet p = segment_to(t, end);

	p.seq = random;
	if (t->knows_acked[end]) {
		p.seq = t->acked[end] - TOO_OLD;
		p.n_payload = 1;
	}
	/* A reset in answer has this number. */
	p.ack = t->knows_next[!end] ? t->next[!end] : random;
	*ret_packet = p;
}

bool target_reset(const struct target *t, unsigned end, struct packet *ret_packet)
{
	struct packet p = segment_to(t, end);

	if (!t->knows_next[end])
		return false;
	p.flags = PACKET_RST;
	p.seq = t->next[end];
	if (t->knows_next[!end]) {
		p.flags |= PACKET_ACK;
		p.ack = t->next[!end];
	}
	*ret_packet = p;
	return true;
}
