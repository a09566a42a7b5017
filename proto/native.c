/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what is special to a peer that is a node of this library: HELLO first, STATUS and LEAVING
 * among the control frames, several paths. Its handshake is hello.c, its frames rx.c.
 */
#include "profile.h"

#include "hello.h"
#include "ring_out.h"
#include "rx.h"

#include <assert.h>

/* ---- session ---- */

static void finish(struct session *s)
{
	session_event(s, FSM_CLOSE, NULL);
}

/* ---- link ---- */

static void connected(struct link *l)
{
	assert(l->dialled && l->use != LINK_FOR_PROBES);
	link_event(l, LINK_EV_CONNECTED);
	hello_first(l);
}

/* ---- writing ---- */

static bool is_short(const struct session *s)
{
	return ring_bytes_queued((struct ring *)&s->ring) > s->ring.size / 4 * 3;
}

static bool status_wanted(const struct session *s)
{
	return s->status_due || (!s->short_told && !s->rx_paused && is_short(s));
}

static void put_status(struct link *l)
{
	struct session *s = l->session;
	uint8_t *ctl = link_ctl(l, WIRE_OPTS + sizeof(struct wire_status));
	uint32_t flags = s->rx_paused ? WIRE_STATUS_RX_PAUSED : 0;

	assert(l->state == LINK_UP && s->peer->up == l);
	if (!ctl)
		return;
	if (is_short(s)) {
		flags |= WIRE_STATUS_SHORT;
		s->short_told = true;
	}
	l->ctl_len += wire_put_status(ctl, l->core->cfg.nodeid, flags);
	s->status_due = false;
}

/* We close, and the HELLO of this link did not say so yet. */
static bool leaving_due(const struct link *l)
{
	return l->core->closing && !l->told.leaving;
}

static void put_leaving(struct link *l)
{
	uint8_t *ctl = link_ctl(l, WIRE_OPTS + WIRE_HEADER);

	assert(l->state == LINK_UP);
	if (!ctl)
		return;
	l->ctl_len += wire_put_leaving(ctl, l->core->cfg.nodeid);
	l->told.leaving = true;
}

static bool control_due(const struct link *l)
{
	return l->session->ack_now || l->session->status_due || leaving_due(l);
}

static void put_control(struct link *l, bool data)
{
	struct session *s = l->session;

	if (s->ack_now || (data && session_ack_owed(s)))
		link_put_ack(l);
	if (status_wanted(s))
		put_status(l);
	if (leaving_due(l))
		put_leaving(l);
}

static void sent(struct link *l, struct session *s, size_t n)
{
	assert(n && s->end == SESSION_ALIVE);
	(void)l;
	session_sent(s, n);
}

/* ---- time ---- */

static uint64_t keepalive_ns(const struct session *s)
{
	const struct core_config *cfg = &s->peer->core->cfg;

	return s->peer->paths.n > 1 ? cfg->keepalive_multi_ns : cfg->keepalive_ns;
}

static bool silent(struct session *s, struct link *l, uint64_t silent_ns)
{
	struct core *core = s->peer->core;
	struct paths *paths = &s->peer->paths;
	uint64_t dead_ns = core->cfg.path_dead_ns;

	assert(s->peer->up == l);
	if (silent_ns >= dead_ns && paths_other_alive(paths, l->path, l->last_rx_ns)) {
		core_note(core, NOTE_WARNING, s->peer->nodeid, l,
			  "path is silent, switching to another live path");
		paths_doubt(paths, l->path);
		paths_failed(paths, l->path);
		l->progress = true;	/* dial at once */
		l->why = LINK_WHY_SILENT;
		link_lost(l, false);
		return true;
	}
	/* Behind it, what a probe of another path hears makes us look again. */
	if (paths->n > 1 && silent_ns < dead_ns)
		core_arm(core, l->last_rx_ns + dead_ns);
	return false;
}

const struct profile profile_native = {
	.hello = true,
	.failover = true,
	.prompt = true,
	.plain = true,
	.finish = finish,
	.connected = connected,
	.admit = hello_retry,
	.frame = rx_native,
	.control_due = control_due,
	.put_control = put_control,
	.sent = sent,
	.keepalive_ns = keepalive_ns,
	.silent = silent,
};
