/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges what is told about sessions: transitions are those of the table, and what
 * each end knows of the other agrees once nothing is under way. Knows no frames.
 */
#include "sim.h"

void oracle_note(const struct node *n, const struct note *t)
{
	const struct fsm_cell *cell;
	enum note_level level;

	if (!t->text || (t->a != 0 && !t->a_name) || (t->b != 0 && !t->b_name))
		sim_fail("n%u: a note with values without names", n->idx);
	if (!t->fsm)
		return;
	cell = fsm_cell(t->from, t->event);
	level = cell->actions & FSM_FAULT ? NOTE_WARNING : NOTE_DEBUG;
	if (t->to != cell->next || t->level != level || !world_node(t->nodeid))
		sim_fail("n%u: %s --%s--> %s is no transition of the table", n->idx,
			 fsm_state_name(t->from), fsm_event_name(t->event),
			 fsm_state_name(t->to));
}

/* One end's knowledge of the other. NULL: all of it is as it should be. */
static const char *wrong(const struct sess *x, const struct sess *it)
{
	const struct session *s = &x->s;

	if (s->n.mark_ns)
		return "it has an age of what is unacknowledged, and nothing is";
	if (s->n.peer_paused != it->s.rx_paused)
		return "it is wrong about the other's pause";
	if (s->short_told)
		return "it is short of room, with an empty queue";
	if (s->ack_sent != s->expected || s->expected != it->s.ring.acked_seq)
		return "an acknowledgement is owed";
	if (s->n.acked != s->ring.number || s->ring.acked_number != s->ring.number)
		return "not all of its messages are counted as acknowledged";
	if (s->n.delivered != x->rx->delivered)
		return "it counts another number of messages than it was given";
	if (s->frag.total)
		return "it is in the middle of a message";
	return NULL;
}

/* NULL, or what they do not agree about. */
const char *oracle_disagree(const struct node *a, const struct node *b)
{
	const struct sess *x = a->chan[b->idx].sess, *it = b->chan[a->idx].sess;
	const struct peer *p = &a->peers[b->idx];

	if (a->kernel || b->kernel || a->chan[b->idx].removed || b->chan[a->idx].removed)
		return NULL;
	if (!x || !it || !x->up || !it->up || x->down || it->down || p->session != &x->s ||
	    !p->up || b->peers[a->idx].session != &it->s ||
	    x->s.incarnation != it->s.ours || it->s.incarnation != x->s.ours)
		return NULL;
	if (p->paths.p[p->up->path].state == PATH_DEAD)
		return "the path in use is called dead";
	return wrong(x, it);
}
