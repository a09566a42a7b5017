/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/closing.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/ring_out.h"

#include "lowcomms/handle.h"

void closing_free(struct closing *cl)
{
	free(cl->report);
}

/* ---- at the close ---- */

bool closing_report(struct closing *cl, const struct core *core)
{
	assert(!cl->report && !cl->n_report);
	cl->report = calloc(core->n_peers + 1, sizeof *cl->report);
	if (!cl->report)
		return false;
	list_each(struct peer, p, &core->peers, all) {
		struct sinew_session *h = container_of(p, struct member, peer)->handle;

		if (!h)
			continue;
		assert((unsigned)cl->n_report < core->n_peers + 1);
		cl->report[cl->n_report++] = (struct sinew_report_session) {
			.nodeid = h->nodeid,
			.incarnation = atomic_load(&h->incarnation),
			.missing = "",
		};
	}
	return true;
}

/* ---- at each end ---- */

/* The step that an ended session was waiting for. */
static const char *missing_step(const struct sinew_report_session *r, bool is_dlm)
{
	assert(r->reason != SINEW_DOWN_CLOSED || r->state == SINEW_CLOSED);
	if (r->reason == SINEW_DOWN_CLOSED)
		return "";
	if (r->last_ack_missing)
		return "the ACK of our FIN";
	switch (r->state) {
	case SINEW_ESTABLISHED:
	case SINEW_FIN_WAIT1:
	case SINEW_CLOSE_WAIT:
	case SINEW_CLOSING:
	case SINEW_LAST_ACK:
		return r->delivery.acked < r->delivery.unsent ? "the ACK of messages" :
			"the ACK of our FIN";
	case SINEW_FIN_WAIT2:
		return is_dlm ? "the peer's FIN (its cluster manager has not removed this node "
			"from the lockspaces)" : "the peer's FIN (it has not finished sending)";
	case SINEW_CLOSED:
		break;
	}
	return "";
}

void closing_down(struct closing *cl, struct sinew_session *h, enum sinew_down reason)
{
	const struct sinew_delivery *delivery = &h->delivery;
	struct ring *ring = &h->session.ring;

	assert(h->dead && delivery->acked <= delivery->in_doubt &&
	       delivery->in_doubt <= delivery->unsent);
	for (int i = 0; i < cl->n_report; i++) {
		struct sinew_report_session *r = &cl->report[i];

		if (r->nodeid != h->nodeid || r->incarnation != atomic_load(&h->incarnation))
			continue;
		r->reason = reason;
		r->state = reason == SINEW_DOWN_CLOSED ? SINEW_CLOSED :
			(enum sinew_state)h->session.end_state;
		r->delivery = *delivery;
		r->last_ack_missing = reason != SINEW_DOWN_CLOSED &&
			(r->state == SINEW_LAST_ACK || r->state == SINEW_CLOSING) &&
			ring_all_acked(ring) && !ring_fin_acked(ring);
		r->missing = missing_step(r, h->node->opt.profile == SINEW_PROFILE_DLM);
	}
}
