/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the life of a link: from dial or accept to its end, its control frames,
 * what is written and when it has been silent too long. Knows neither the
 * handshake (hello.c) nor what received frames mean (rx.c).
 */
#include "link.h"

#include "check.h"
#include "core.h"
#include "probe.h"
#include "profile.h"
#include "ring_out.h"
#include "stuck.h"

#include <assert.h>

#define VIOLATION_APART_NS 100000000u	/* answers to violations of one peer */

/* ---- begin ---- */

void link_init(struct core *core, struct link *l)
{
	memset(l, 0, sizeof *l);
	l->core = core;
	l->opened_ns = l->last_rx_ns = l->last_tx_ns = core->now_ns;
	l->deadline_ns = CORE_NEVER;
	list_init(&l->of_peer);
	list_init(&l->pending);
	list_push(&core->links, &l->all);
}

void link_event(struct link *l, enum link_event ev)
{
	const struct link_cell *cell = link_cell(l->state, ev);

	assert(cell->next != LINK_NEW);
	l->state = cell->next;
	if (cell->actions & LINK_HELLO_TIME)
		link_deadline(l, l->core->cfg.hello_ns);
	if (cell->actions & LINK_HELD_TIME)
		link_deadline(l, l->core->cfg.held_ns);
	if (cell->actions & LINK_NO_TIME)
		l->deadline_ns = CORE_NEVER;
	if (cell->actions & LINK_DROP) {
		l->session = NULL;
		l->stuck = false;
	}
	if (cell->actions & LINK_TELL)
		core_mark_link(l);
}

void link_belongs_to(struct link *l, struct peer *p)
{
	if (l->peer == p)
		return;
	assert(!l->peer || !p);
	list_remove(&l->of_peer);
	l->peer = p;
	if (p)
		list_push(&p->links, &l->of_peer);
}

void link_deadline(struct link *l, uint64_t in_ns)
{
	assert(!link_is_up(l) && l->state != LINK_GONE);
	l->deadline_ns = l->core->now_ns + in_ns;
	core_arm(l->core, l->deadline_ns);
}

void link_dial(struct core *core, struct link *l, struct peer *p, unsigned path, bool probe)
{
	assert(path < p->paths.n && p->core == core);
	link_init(core, l);
	link_belongs_to(l, p);
	l->path = path;
	l->from = p->paths.p[path].addr;
	l->dialled = true;
	l->use = probe ? LINK_FOR_PROBES : p->up ? LINK_BESIDE : LINK_FOR_SESSION;
	link_event(l, LINK_EV_DIAL);
	if (probe)
		p->probing |= 1u << path;
	else
		p->dial_pending = false;
	link_deadline(l, probe ? core->cfg.connect_ns : peer_dial_ns(p));
	link_check(l);
}

void link_no_dial(struct core *core, struct peer *p, unsigned path, bool probe)
{
	assert(probe || p->dial_pending);
	peer_path_failed(p, path);
	if (probe)
		return;
	p->dial_pending = false;
	p->asks = false;
	peer_dial_failed(p, core->now_ns);
	core_mark_dial(p);
	peer_check(p);
}

void link_accept(struct core *core, struct link *l, const struct path_addr *from)
{
	link_init(core, l);
	l->from = *from;
	link_event(l, LINK_EV_ACCEPT);
	link_check(l);
}

/* ---- end ---- */

void link_shut(struct link *l, enum link_shut how)
{
	struct peer *p = l->peer;

	if (l->state == LINK_GONE)
		return;
	/* Behind half a frame anything else would be taken for its rest. */
	if (how == LINK_ORDERLY && l->ctl_off != l->ctl_len && l->session && p->up == l &&
	    ring_mid_frame(&l->session->ring))
		how = LINK_RESET;
	link_event(l, LINK_EV_SHUT);
	l->how = how;
	if (!p)
		return;
	if (l->use == LINK_FOR_PROBES)
		p->probing &= ~(1u << l->path);
	if (p->up == l) {
		p->up = NULL;
		p->lost_ns = l->core->now_ns;
		if (p->session)
			session_path_changed(p->session);
		core_arm(l->core, l->core->now_ns);	/* for what is held because of it */
	}
	core_mark_dial(p);
}

/* The last bytes sent are lost, while another path lives. */
static bool is_stuck(const struct session *s)
{
	const struct core *core = s ? s->peer->core : NULL;
	uint64_t since = s ? s->n.mark_ns : 0;

	return since && s->profile->failover && !s->n.peer_paused &&
		core->now_ns - since >= core->cfg.path_dead_ns / 2 &&
		paths_other_alive(&s->peer->paths, s->peer->up->path, 0);
}

/* That a full one is not answered may be because of its size: asks with a small one, at once. */
static void probe_lost(struct link *l)
{
	struct core *core = l->core;
	struct paths *ps = &l->peer->paths;
	struct path_hold hold = probe_hold(core);

	assert(l->use == LINK_FOR_PROBES && l->path < PATHS_MAX);
	if (l->probe.full)
		paths_full_lost(ps, l->path, core->now_ns, &hold);
	else
		peer_path_failed(l->peer, l->path);
	ps->p[l->path].probe_at_ns = core->now_ns + (l->probe.full ? 0 : core->cfg.probe_ns);
	core_arm(core, ps->p[l->path].probe_at_ns);
}

/* Accounts for how a link ended, for the next dial. */
static void account(struct link *l, bool eof)
{
	struct core *core = l->core;
	struct peer *p = l->peer;

	assert(l->state != LINK_GONE);
	if (!p)
		return;
	if (l->use == LINK_FOR_PROBES) {
		probe_lost(l);
		return;
	}
	if (l->state == LINK_LAST_ACK) {
		/* Was the last ACK seen? An EOF says so, an error does not (R24). */
		if (eof)
			peer_drained(core, p->nodeid, l->incarnation);
		else
			peer_time_wait(p, l->incarnation);
		return;
	}
	if (l->state == LINK_UP && p->up == l) {
		if (is_stuck(l->session))
			paths_doubt(&p->paths, l->path);
		if (l->progress) {
			p->backoff_ns = 0;
			p->dial_at_ns = core->now_ns +
				(core_decides(core, p) ? core->cfg.coordinator_wait_ns : 0);
		} else {
			p->dial_at_ns = core->now_ns + core->cfg.backoff_min_ns;
		}
	} else if (l->dialled) {
		peer_path_failed(p, l->path);
		p->asks &= l->state != LINK_CONNECTING;
		peer_dial_failed(p, l->opened_ns);
	}
}

void link_lost(struct link *l, bool eof)
{
	const struct profile *profile = l->session ? l->session->profile : NULL;
	bool in_order = profile && profile->link_over && profile->link_over(l, eof);

	if (l->state == LINK_GONE)
		return;
	account(l, eof);
	link_shut(l, in_order ? LINK_ORDERLY : LINK_RESET);
}

void link_dead(struct link *l, bool eof)
{
	link_lost(l, eof);
	core_forget_link(l);
	link_check(l);
	if (l->peer)
		peer_check(l->peer);
}

void link_refused(struct link *l)
{
	if (l->peer && l->state == LINK_CONNECTING) {
		peer_absent(l->peer);
		l->peer->asks = false;		/* nobody there says so */
	}
	link_dead(l, false);
}

void link_shut_others(struct link *l)
{
	assert(link_read_hello(l));
	list_each(struct link, o, &l->peer->links, of_peer) {
		if (o == l || o->use == LINK_FOR_PROBES)
			continue;
		if (o->dialled || link_read_hello(o))
			link_shut(o, LINK_RESET);
	}
}

/* ---- control frames ---- */

uint8_t *link_ctl(struct link *l, size_t n)
{
	assert(l->ctl_off <= l->ctl_len && n <= sizeof l->ctl);
	if (l->ctl_off == l->ctl_len)
		l->ctl_off = l->ctl_len = 0;
	/* The padding that is still to be written belongs to what was put here last. */
	if (l->ctl_len + n > sizeof l->ctl || l->probe.pad_left)
		return NULL;
	return l->ctl + l->ctl_len;
}

void link_ctl_done(struct link *l, size_t n)
{
	assert(n && n <= sizeof l->ctl - l->ctl_len);
	l->ctl_len += n;
	link_mark_tx(l);
}

void link_mark_tx(struct link *l)
{
	assert(l->state != LINK_GONE);
	if (l->wants & LINK_WANTS_TX)
		return;
	l->wants |= LINK_WANTS_TX;
	core_mark_link(l);
}

/* The ACK of everything handed over, as a control frame. */
void link_put_ack(struct link *l)
{
	struct session *s = l->session;
	uint8_t *ctl = link_ctl(l, WIRE_HEADER);

	assert(s->end == SESSION_ALIVE && s == l->peer->session);
	if (!ctl)
		return;		/* control frames wait already; the next write tries again */
	l->ctl_len += wire_put_ack(ctl, l->core->cfg.nodeid, s->expected);
	s->ack_sent = s->expected;
	s->ack_now = false;
	s->ack_at_ns = 0;
	s->unacked_bytes = 0;
	s->n.acks_sent++;
}

void link_refuse(struct link *l, enum wire_reason reason, uint32_t next, uint32_t gen)
{
	struct core *core = l->core;
	struct refuse r = {
		.mine = l->named ? core->cfg.incarnation : 0,
		.yours = l->incarnation,
		.reason = reason,
		.next = next,
		.gen = gen,
		.wait_ms = (uint32_t)(core->cfg.backoff_max_ns / 1000000),
	};
	struct note *n;
	uint8_t *ctl;
	bool mid = l->session && ring_mid_frame(&l->session->ring) > 0;

	assert(l->state != LINK_GONE && (l->peer || !l->dialled));
	core->refused++;
	if (l->peer)
		l->peer->refused++;
	n = core_note(core, reason == WIRE_REFUSE_STALE || reason == WIRE_REFUSE_CLOSED ?
		      NOTE_DEBUG : NOTE_WARNING, l->peer ? l->peer->nodeid : 0, l, "refused");
	n->detail = wire_reason_text(reason);
	l->why = LINK_WHY_REFUSED;
	l->refusal = reason;
	ctl = mid || l->state == LINK_CONNECTING ? NULL : link_ctl(l, WIRE_CONTROL_MAX);
	if (ctl)
		link_ctl_done(l, wire_put_refuse(ctl, core->cfg.nodeid, &r));
	/* A peer that refused our own dial is not dialled again at once. */
	if (l->dialled && !link_is_up(l))
		peer_backoff(l->peer, false);
	link_shut(l, ctl ? LINK_ORDERLY : LINK_RESET);
	assert(l->state == LINK_GONE);
}

bool link_vouches(const struct link *l, const struct session *s)
{
	return l->session == s ||
		(link_read_hello(l) && l->named && l->incarnation == s->incarnation);
}

/* So that both sides can name it; a peer that does it all the time is answered now and then. */
static bool may_answer(struct link *l)
{
	const struct core *core = l->core;
	struct peer *p = l->peer;

	if (!p || !p->profile->hello)
		return false;
	if (!link_is_up(l))
		return l->state == LINK_READ || l->state == LINK_ANSWERED;
	if (p->violation_ns && core->now_ns - p->violation_ns < VIOLATION_APART_NS)
		return false;
	p->violation_ns = core->now_ns;
	return true;
}

enum rx_result link_fault(struct link *l, const char *detail)
{
	struct core *core = l->core;
	struct session *s = l->session;
	struct note *n = core_note(core, NOTE_WARNING, l->peer ? l->peer->nodeid : 0, l,
				   "protocol violation, dropping the link");

	n->detail = detail;
	l->why = LINK_WHY_VIOLATION;
	core->faults++;
	if (!s && l->peer)
		s = l->peer->session;
	if (s && s->end == SESSION_ALIVE && link_vouches(l, s))
		peer_fault(s);
	if (may_answer(l)) {
		if (link_is_up(l))
			account(l, false);
		link_refuse(l, WIRE_REFUSE_PROTOCOL, 0, 0);
	} else {
		link_lost(l, false);
	}
	assert(l->state == LINK_GONE);
	return RX_GONE;
}

/* ---- writing ---- */

/* Whether data of the session may go out on this link now. */
static bool carries_data(const struct link *l)
{
	return l->state == LINK_UP && core_may_send(l->core);
}

static bool may_send(struct session *s)
{
	return core_may_send(s->peer->core) &&
		(s->ring.sent < s->resend_end || ring_mid_frame(&s->ring));
}

bool link_wants_tx(struct link *l)
{
	if (l->ctl_off != l->ctl_len)
		return true;
	if (l->state != LINK_UP)
		return l->probe.pad_left != 0;
	return l->session->profile->control_due(l) ||
		(ring_has_unsent(&l->session->ring) && may_send(l->session));
}

/* The ring's bytes for this write; *ret_mid: the rest of a frame under way. */
static size_t gather_ring(struct link *l, struct span data[3], int *ret_n, size_t max,
			  size_t *ret_mid)
{
	struct session *s = l->session;
	size_t mid = ring_mid_frame(&s->ring), have = 0;
	uint64_t room = s->resend_end > s->ring.sent ? s->resend_end - s->ring.sent : 0;

	*ret_mid = mid;
	if (max > room)
		max = (size_t)room;
	/* A frame half written must be finished first. */
	if (carries_data(l) && max > mid)
		have = ring_unsent(&s->ring, data, ret_n, max);
	else if (mid)
		have = ring_unsent(&s->ring, data, ret_n, mid);
	assert(!mid || have >= mid);
	/* A half written frame that is acknowledged waits for nothing. */
	if (have && !s->n.mark_ns && !ring_empty(&s->ring)) {
		s->mark_pos = s->ring.sent + have;
		s->n.mark_ns = l->core->now_ns;
	}
	return s->profile->gather ? s->profile->gather(l, data, ret_n, have, mid) : have;
}

/* Where no session is sent on: control frames, and the padding of a PROBE behind them. */
static size_t gather_control(struct link *l, struct span out[5], int *ret_n)
{
	static const uint8_t padding[WIRE_PROBE_MAX];
	size_t ctl = l->ctl_len - l->ctl_off;
	int n = 0;

	assert(!l->session || l->state == LINK_RX_ONLY);
	if (l->state == LINK_CONNECTING)
		return 0;
	if (ctl)
		out[n++] = (struct span) { l->ctl + l->ctl_off, ctl };
	if (l->probe.pad_left)
		out[n++] = (struct span) { padding, l->probe.pad_left };
	*ret_n = n;
	return ctl + l->probe.pad_left;
}

size_t link_gather(struct link *l, struct span out[5], int *ret_n, size_t max)
{
	struct span data[3];
	size_t sum = 0, ctl, mid = 0;
	int n = 0, n_data = 0;

	*ret_n = 0;
	l->gathered_mid = 0;
	if (l->state != LINK_UP)
		return gather_control(l, out, ret_n);
	l->session->profile->put_control(l, gather_ring(l, data, &n_data, max, &mid) > 0);
	ctl = l->ctl_len - l->ctl_off;
	if (mid) {
		/* Frames are contiguous: the rest of one lies in one span. */
		assert(data[0].n >= mid);
		out[n++] = (struct span) { data[0].p, mid };
		data[0].p += mid;
		data[0].n -= mid;
		sum += mid;
		l->gathered_mid = mid;
	}
	if (ctl) {
		out[n++] = (struct span) { l->ctl + l->ctl_off, ctl };
		sum += ctl;
	}
	for (int i = 0; i < n_data; i++) {
		if (!data[i].n)
			continue;
		out[n++] = data[i];
		sum += data[i].n;
	}
	*ret_n = n;
	link_check(l);
	return sum;
}

void link_sent(struct link *l, size_t n)
{
	struct session *s = l->session;
	size_t part = n < l->gathered_mid ? n : l->gathered_mid;

	if (!n)
		return;
	stuck_written(l);
	l->last_tx_ns = l->core->now_ns;
	if (s) {
		s->n.bytes_sent += n;
		if (part)
			s->profile->sent(l, s, part);
	}
	n -= part;
	l->gathered_mid = 0;
	part = l->ctl_len - l->ctl_off;
	if (part > n)
		part = n;
	l->ctl_off += part;
	n -= part;
	assert(s || n <= l->probe.pad_left);
	if (s && n)
		s->profile->sent(l, s, n);
	else if (!s)
		l->probe.pad_left -= (uint32_t)n;
	link_check(l);
}

/* ---- time ---- */

void link_state_tick(struct link *l)
{
	static const char *const what[] = {
		[LINK_CONNECTING] = "connection attempt timed out",
		[LINK_WAIT] = "timed out waiting for HELLO",
		[LINK_ANSWERED] = "timed out waiting for HELLO",
		[LINK_HELD] = "timed out waiting for a held HELLO to be admitted",
		[LINK_GUARDED] = "timed out waiting for a held HELLO to be admitted",
	};

	assert(l->state <= LINK_GUARDED && what[l->state]);
	if (!core_due(l->core, l->deadline_ns))
		return;
	core_note(l->core, l->dialled ? NOTE_DEBUG : NOTE_INFO, l->peer ? l->peer->nodeid : 0, l,
		  what[l->state]);
	l->why = l->state == LINK_CONNECTING ? LINK_WHY_CONNECT : LINK_WHY_HELLO;
	link_lost(l, false);
}

void link_last_ack_tick(struct link *l)
{
	assert(l->state == LINK_LAST_ACK && !l->session);
	if (core_due(l->core, l->last_rx_ns + l->core->cfg.stall_ns))
		link_lost(l, false);
}
