/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the judgement that the transport of a link which is up no longer carries anything, and
 * with it the dial beside that link (R7). Silence of the peer is no proof: it may be stopped,
 * busy, or not reading. Its kernel acknowledges all the same. Nor is a frame of the peer proof
 * that ours arrive again: after a cut each direction has to wait for its own retransmission,
 * seconds away. Knows no transport: the caller is asked (CORE_ASK).
 */
#include "stuck.h"

#include "check.h"
#include "profile.h"
#include "ring_out.h"

#include <assert.h>

/* A choice may be in flight on what O dialled, once its HELLO was written. */
static bool dial_may_end(const struct link *l)
{
	assert(l->use == LINK_BESIDE && l->dialled);
	if (core_decides(l->core, l->peer))
		return !link_is_up(l);
	return l->state == LINK_CONNECTING ||
		(l->state == LINK_WAIT && l->ctl_off == 0 && l->ctl_len);
}

void link_alive(struct link *l)
{
	assert(l->state == LINK_UP && l->peer->up == l);
	l->waits_ns = 0;
	if (!l->stuck)
		return;
	l->stuck = false;
	if (!l->peer->dial_polled)
		l->peer->dial_pending = false;
	list_each(struct link, o, &l->peer->links, of_peer)
		if (o->use == LINK_BESIDE && o->state != LINK_GONE && dial_may_end(o))
			link_shut(o, LINK_RESET);
	core_mark_dial(l->peer);
}

void link_transport(struct link *l, bool waits, uint64_t silent_ns)
{
	struct core *core = l->core;
	uint64_t heard = core->now_ns > silent_ns ? core->now_ns - silent_ns : 0;

	if (l->state != LINK_UP)
		return;
	if (!waits || (!l->stuck && l->waits_ns && heard > l->waits_ns)) {
		link_alive(l);
		if (!waits)
			return;
	}
	if (!l->waits_ns)
		l->waits_ns = core->now_ns;
	if (l->stuck || core->now_ns - l->waits_ns < core->cfg.path_dead_ns)
		return;
	l->stuck = true;
	core_note(core, NOTE_WARNING, l->peer->nodeid, l, l->peer->never_dial ?
		  "sent data are not arriving, until the peer dials a second link" :
		  "sent data are not arriving, dialling a second link");
	if (l->peer->paths.n > 1)
		paths_doubt(&l->peer->paths, l->path);
	peer_dial_soon(l->peer, 0);
	link_check(l);
}

void stuck_tick(struct link *l)
{
	struct core *core = l->core;
	uint64_t every = stuck_ask_every(l);
	uint64_t since = l->last_rx_ns > l->asked_ns && !l->stuck ? l->last_rx_ns : l->asked_ns;

	assert(l->state == LINK_UP && l->peer->up == l);
	if (!l->peer->profile->failover || (!l->stuck && l->last_tx_ns <= l->last_rx_ns))
		return;
	if (core->now_ns - since >= every) {
		l->asked_ns = since = core->now_ns;
		l->wants |= LINK_WANTS_ASK;
		core_mark_link(l);
	}
	core_arm(core, since + every);
}
