/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns probes: links without a session that tell whether a path that is not in
 * use is alive, and whether large packets pass on it. Knows nothing of what
 * the answer is used for (path.c, peer.c).
 */
#include "probe.h"

#include "profile.h"
#include "rx.h"

#include <assert.h>

#define PROBES_MAX_PER_S 20	/* answered on one link */
#define PADDED_PER_S	1	/* and of padded ones, after the first two */

/* ---- asking ---- */

void probe_path_tick(struct peer *p)
{
	struct core *core = p->core;

	if (p->paths.n < 2 || !peer_changes_paths(p) || core->closing || !p->session ||
	    p->never_dial)
		return;
	for (unsigned i = 0; i < p->paths.n; i++) {
		struct path *path = &p->paths.p[i];

		if ((p->up && p->up->path == i) || (p->probing | p->probe_pending) & 1u << i)
			continue;
		if (!core_due(core, path->probe_at_ns))
			continue;
		path->probe_at_ns = core->now_ns + core->cfg.probe_ns;
		p->probe_pending |= 1u << i;
		core_mark_peer(p);
	}
}

/* A full one only where the answer before it, on this very link, says that it is known. */
void probe_send(struct link *l)
{
	struct probe q = { .cookie = core_cookie(l->core) };
	uint8_t *ctl = link_ctl(l, WIRE_CONTROL_MAX);
	uint32_t self = l->core->cfg.nodeid;

	assert(l->dialled && l->state == LINK_PROBE);
	if (!ctl)
		return;
	memcpy(q.cluster, l->core->cfg.cluster, sizeof q.cluster);
	l->probe.full = l->probe.takes_full &&
		paths_full_due(&l->peer->paths, l->path, l->core->now_ns);
	if (l->probe.full) {
		l->probe.pad_left = WIRE_PROBE_MAX - WIRE_PROBE_HEAD;
		link_ctl_done(l, wire_put_padded_probe(ctl, self, &q, WIRE_PROBE_MAX));
	} else {
		link_ctl_done(l, wire_put_probe(ctl, self, &q, false));
	}
	l->probe.cookie = q.cookie;
	l->probe.sent_ns = l->core->now_ns;
	link_deadline(l, l->core->cfg.path_dead_ns);
}

/* Logs whether large packets pass on a path, once until that changes. */
static void say_large(struct link *l, bool lost)
{
	static const char *const texts[2][PATHS_MAX] = {
#define ON(text) { text "0", text "1", text "2", text "3", text "4", text "5", text "6", text "7" }
		ON("large packets pass again on path "), ON("large packets are lost on path "),
#undef ON
	};
	struct path *path = &l->peer->paths.p[l->path];
	struct note *n;

	assert(l->path < PATHS_MAX);
	if (path->lost_said == lost)
		return;
	path->lost_said = lost;
	n = core_note(l->core, lost ? NOTE_WARNING : NOTE_INFO, l->peer->nodeid, l,
		      texts[lost][l->path]);
	if (lost)
		n->detail = "small ones arrive; check the path MTU";
}

static enum rx_result answered(struct link *l, const struct probe *q)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	struct path *path;

	assert(l->dialled && l->use == LINK_FOR_PROBES);
	/* Addresses may have changed since: then it is another path. */
	if (l->path >= p->paths.n)
		return RX_MORE;
	path = &p->paths.p[l->path];
	paths_ok(&p->paths, l->path, core->now_ns, core->now_ns - l->probe.sent_ns);
	l->probe.takes_full = path->takes_full = q->flags & WIRE_PATH_PADDED;
	path->peer_lost = q->flags & WIRE_PATH_LOST;
	if (l->probe.full) {
		paths_full_ok(&p->paths, l->path);
		say_large(l, false);
	} else if (path->full_missing) {
		path->full_missing = false;
		path->large = LARGE_LOST;
		say_large(l, true);
	}
	/* Now wait for the time of the next one. */
	l->probe.cookie = 0;
	l->probe.full = false;
	link_deadline(l, core->cfg.probe_ns);
	if (p->up && core->now_ns - p->up->last_rx_ns >= core->cfg.path_dead_ns)
		core_arm(core, core->now_ns);
	core_mark_dial(p);
	return RX_MORE;
}

void probe_tick(struct link *l)
{
	struct peer *p = l->peer;

	assert(l->state == LINK_PROBE && !l->session);
	if (!core_due(l->core, l->deadline_ns))
		return;
	if (l->dialled && l->probe.cookie)
		core_note(l->core, NOTE_INFO, p->nodeid, l, l->probe.full ?
			  "path does not answer a full-size probe" :
			  "path does not answer probes");
	if (!l->dialled || l->probe.cookie) {
		l->why = LINK_WHY_PROBE;
		link_lost(l, false);
	} else if (!p->session || (p->up && p->up->path == l->path)) {
		link_shut(l, LINK_ORDERLY);	/* no longer needed */
	} else {
		probe_send(l);
	}
}

/* ---- answering ---- */

/* Whether our large packets reach the node that we answer. */
static bool lost_there(const struct link *l, uint32_t nodeid)
{
	const struct peer *p = peer_find(l->core, nodeid);
	int i = p ? paths_find(&p->paths, &l->from) : -1;

	return i >= 0 && p->paths.p[i].large == LARGE_LOST;
}

static void answer(struct link *l, struct probe *q, uint32_t nodeid)
{
	struct core *core = l->core;
	uint64_t age_s = (core->now_ns - l->opened_ns) / 1000000000u;
	uint8_t *ctl;

	assert(!l->dialled && !l->session);
	link_event(l, LINK_EV_PROBED);
	link_deadline(l, core->cfg.stall_ns);
	if (l->probe.answered >= PROBES_MAX_PER_S * (age_s + 1) ||
	    l->probe.padded_read > PADDED_PER_S * age_s + 2)
		return;
	ctl = link_ctl(l, WIRE_CONTROL_MAX);
	if (!ctl)
		return;
	q->flags = WIRE_PATH_PADDED | (lost_there(l, nodeid) ? WIRE_PATH_LOST : 0);
	link_ctl_done(l, wire_put_probe(ctl, core->cfg.nodeid, q, true));
	l->probe.answered++;
	core->probes_answered++;
}

enum rx_result link_probe_rx(struct link *l, const struct frame *f)
{
	struct probe q;

	if (frame_probe(f, &q))
		return link_fault(l, "malformed PROBE");
	if (strcmp(q.cluster, l->core->cfg.cluster))
		return link_fault(l, "PROBE from another cluster");
	if (!l->dialled) {
		answer(l, &q, f->nodeid);
		return RX_MORE;
	}
	if (f->nextcmd != WIRE_PROBE_REPLY || q.cookie != l->probe.cookie)
		return link_fault(l, "unexpected PROBE_REPLY");
	return answered(l, &q);
}

/* The head is kept, as far as the answer needs it; what follows is counted, not stored. */
static enum rx_result padded_head(struct link *l, struct rx *rx)
{
	struct frame f;
	struct probe q;

	assert(!l->dialled && !l->probe.skip);
	rx->need = WIRE_PROBE_HEAD;
	if (rx->end - rx->p < (ptrdiff_t)WIRE_PROBE_HEAD)
		return RX_MORE;
	if (frame_padded_probe(rx->p, &f, &q))
		return link_fault(l, "invalid frame length");
	if (strcmp(q.cluster, l->core->cfg.cluster))
		return link_fault(l, "PROBE from another cluster");
	rx->p += WIRE_PROBE_HEAD;
	link_event(l, LINK_EV_PROBED);
	link_deadline(l, l->core->cfg.stall_ns);
	l->probe.cookie = q.cookie;
	l->probe.nodeid = f.nodeid;
	l->probe.skip = (uint32_t)f.length - WIRE_PROBE_HEAD;
	assert(l->probe.skip);
	l->probe.padded_read++;
	return RX_AGAIN;
}

static enum rx_result padding(struct link *l, struct rx *rx)
{
	struct probe q = { .cookie = l->probe.cookie };
	size_t n = (size_t)(rx->end - rx->p);

	assert(l->probe.skip && l->state == LINK_PROBE);
	if (n > l->probe.skip)
		n = l->probe.skip;
	rx->p += n;
	rx->need = 1;
	l->probe.skip -= (uint32_t)n;
	if (l->probe.skip)
		return RX_MORE;
	memcpy(q.cluster, l->core->cfg.cluster, sizeof q.cluster);
	answer(l, &q, l->probe.nodeid);
	return RX_AGAIN;
}

/* True if the header may be that of a PROBE. */
static bool padded_comes(const struct link *l, const struct rx *rx)
{
	int length = frame_length(rx->p, (size_t)(rx->end - rx->p));

	return !l->dialled &&
		(l->state == LINK_PROBE || l->state == LINK_WAIT) &&
		length > (int)WIRE_HELLO_MAX && length <= (int)WIRE_PROBE_MAX &&
		rx->p[offsetof(struct wire_header, cmd)] == WIRE_OPTS_CMD;
}

bool probe_padded_rx(struct link *l, struct rx *rx, enum rx_result *ret)
{
	if (!l->probe.skip && !padded_comes(l, rx))
		return false;
	*ret = l->probe.skip ? padding(l, rx) : padded_head(l, rx);
	return true;
}
