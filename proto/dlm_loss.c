/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what a session with a kernel awaits and loses (K15 to K18 of SESSION.md): the numbers that
 * are missing, and what becomes of them over a transport whose reset makes no kernel repeat. Knows
 * neither how links begin nor what frames mean.
 */
#include "dlm_loss.h"

#include "core.h"

#include <assert.h>

#define REPEAT_NS	1000000000u	/* until what is missing has begun to come */
/* Until a packet that the network lost has come again: Linux's SCTP repeats the first one of an
 * association after 3, 9 and 21 seconds (RTO.Initial of RFC 9260, doubled each time). */
#define LATE_NS		30000000000u

void dlm_await_repeat(struct session *s, struct core *core)
{
	if (!s->awaited.repeat_ns)
		s->awaited.repeat_ns = core->now_ns + REPEAT_NS;
	core_arm(core, s->awaited.repeat_ns);
}

void dlm_read_on(struct session *s)
{
	list_each(struct link, l, &s->peer->links, of_peer) {
		if (!l->behind || l->state == LINK_GONE)
			continue;
		l->behind = false;
		l->last_rx_ns = s->peer->core->now_ns;
		link_mark_tx(l);		/* it is read from now on */
	}
}

void dlm_repeat_over(struct session *s)
{
	if (!s->awaited.repeat_ns)
		return;
	s->awaited.repeat_ns = 0;
	dlm_read_on(s);
}

/* Nothing repeats what is lost: the kernel waits for the answer, and its locks with it. */
static void lose(struct session *s, const char *text)
{
	if (s->lossy || dlm_unreliable(s))
		return;
	s->lossy = true;
	core_note(s->peer->core, NOTE_WARNING, s->nodeid, NULL, text);
	peer_ask_fence(s, FENCE_LOST);
	dlm_repeat_over(s);
}

void dlm_doubt_fin(struct session *s)
{
	s->awaited.fin_wait_ns = s->peer->core->cfg.stall_ns / 2;
}

/*
 * A kernel that writes its FIN on a connection that we have lost, and reads an orderly end there
 * before our reset, repeats nothing and waits for our ACK: close_connection() of its lowcomms.c
 * has taken the callback for errors away, so that reset says nothing to it. No number follows
 * that would show the gap.
 */
bool dlm_fin_missing(const struct session *s)
{
	return s->awaited.fin_wait_ns && s->peer->core->cfg.reset_repeats && !dlm_unreliable(s) &&
		!s->got_fin && (s->removed || session_state(s) == FSM_FIN_WAIT2);
}

/* A connection was lost, and with it what was under way. A kernel aborts one, too, on which it has
 * written nothing. */
static void doubt(struct session *s)
{
	struct core *core = s->peer->core;

	if (!s->awaited.broken_ns)
		s->awaited.proof_ns = core->now_ns + REPEAT_NS;
	s->awaited.broken_ns = core->now_ns;
	core_arm(core, s->awaited.proof_ns);
}

/* A kernel writes numbers in their order, and each connection once those before are closed. */
void dlm_number_taken(const struct link *l)
{
	struct dlm_awaited *a = &l->session->awaited;

	if (l->opened_ns >= a->broken_ns)
		a->broken_ns = 0;
}

static void doubt_tick(struct session *s)
{
	struct dlm_awaited *a = &s->awaited;
	struct core *core = s->peer->core;

	if (!a->broken_ns || !core_due(core, a->proof_ns))
		return;
	assert(s->end == SESSION_ALIVE && !core->cfg.reset_repeats);
	/* It may be among packets that we do not read now. */
	if (s->rx_paused || a->repeat_ns) {
		a->proof_ns = core->now_ns + REPEAT_NS;
		core_arm(core, a->proof_ns);
		return;
	}
	a->broken_ns = 0;
	/* Behind its FIN a kernel has nothing more to lose. */
	if (!s->got_fin)
		lose(s, "connection lost, and no number of the kernel has come on a new one: what "
			"it had sent is lost, for nothing repeats that over SCTP; asking for "
			"fencing");
}

/*
 * A kernel that has our FIN closes all its links; the ACK of it may come behind the end of another
 * one. Nothing is left that it would repeat, and it waits for our end.
 */
bool dlm_link_over(struct link *l, bool eof)
{
	struct session *s = l->session;
	bool repeats = l->core->cfg.reset_repeats;

	assert(s->end == SESSION_ALIVE);
	dlm_doubt_fin(s);
	if (!eof && !repeats)
		doubt(s);
	return eof && (!repeats || session_state(s) == FSM_LAST_ACK);
}

/* Lost, or still on the way on the link that the kernel has left: what is behind it waits for that.
 * A session that has lost something takes nothing any more. */
enum rx_result dlm_missing(struct link *l)
{
	struct session *s = l->session;

	if (s->lossy)
		return RX_MORE;
	l->behind = true;
	if (!s->awaited.repeat_ns)
		s->awaited.missing_ns = l->core->now_ns;
	dlm_await_repeat(s, l->core);
	return RX_PAUSED;
}

/*
 * A kernel writes elsewhere once it has closed the connection before, and that one ends when all
 * that it wrote there has arrived. One that it never wrote on stands for ever.
 */
static bool may_still_come(const struct session *s)
{
	uint64_t since = s->awaited.missing_ns;

	assert(since && s->awaited.repeat_ns);
	if (core_due(s->peer->core, since + LATE_NS))
		return false;
	list_each(struct link, l, &s->peer->links, of_peer)
		if (!l->behind && l->opened_ns <= since && l->state < LINK_GONE)
			return true;
	return false;
}

static void missing_tick(struct session *s)
{
	struct core *core = s->peer->core;

	if (!s->awaited.repeat_ns || !core_due(core, s->awaited.repeat_ns))
		return;
	assert(s->end == SESSION_ALIVE && !core->cfg.reset_repeats);
	/* It may be among packets that we do not read now. */
	if (s->rx_paused)
		s->awaited.missing_ns = core->now_ns;
	if (s->rx_paused || may_still_come(s)) {
		s->awaited.repeat_ns = 0;
		dlm_await_repeat(s, core);
		return;
	}
	lose(s, "a packet of the kernel is missing, and nothing repeats it over SCTP; "
		"asking for fencing");
}

/* Whether a link stands or not: where none does, a new one may never come. */
void dlm_loss_tick(struct peer *p)
{
	if (!p->session || p->core->cfg.reset_repeats)
		return;
	missing_tick(p->session);
	doubt_tick(p->session);
}

bool dlm_waits_on(struct link *l, uint64_t silent_ns)
{
	uint64_t stall_ns = l->core->cfg.stall_ns;

	if (silent_ns < stall_ns)
		return false;
	session_stalled(l, "no frames from the peer: stalled");
	l->last_rx_ns = l->core->now_ns;
	core_arm(l->core, l->last_rx_ns + stall_ns / 2);
	return true;
}
