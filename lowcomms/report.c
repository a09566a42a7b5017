/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/report.h"

#include <stdlib.h>

#include "proto/ring_out.h"

#include "lowcomms/handle.h"
#include "lowcomms/log.h"

/* ---- at the close ---- */

int report_begin(struct sinew_node *n)
{
	int count = 0;

	n->report = calloc(n->core.n_peers + 1, sizeof *n->report);
	n->report_sessions = calloc(n->core.n_peers + 1, sizeof(struct sinew_session *));
	if (!n->report || !n->report_sessions) {
		log_line(&n->log, SINEW_ERROR, "no memory for the report, it will be empty");
		return 0;
	}
	list_each(struct peer, p, &n->core.peers, all) {
		struct sinew_session *h = container_of(p, struct member, peer)->handle;

		if (!h)
			continue;
		n->report[count] = (struct sinew_report_session) {
			.nodeid = h->nodeid,
			.incarnation = sinew_session_incarnation(h),
			.missing = "",
		};
		n->report_sessions[count++] = h;
	}
	return count;
}

/* ---- at each end ---- */

/* What a session that ended was waiting for. */
static const char *missing_step(const struct sinew_report_session *r)
{
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
		return "the peer's FIN (it has not finished sending)";
	case SINEW_CLOSED:
		break;
	}
	return "";
}

void report_down(struct sinew_node *n, const struct sinew_session *h,
		 enum sinew_down reason, const struct sinew_delivery *delivery)
{
	struct ring *ring = &((struct sinew_session *)(uintptr_t)h)->session.ring;

	for (int i = 0; i < n->n_report; i++) {
		struct sinew_report_session *r = &n->report[i];

		if (n->report_sessions[i] != h)
			continue;
		n->report_sessions[i] = NULL;
		r->reason = reason;
		r->state = reason == SINEW_DOWN_CLOSED ? SINEW_CLOSED :
			(enum sinew_state)h->session.end_state;
		r->delivery = *delivery;
		r->last_ack_missing = reason != SINEW_DOWN_CLOSED &&
			(r->state == SINEW_LAST_ACK || r->state == SINEW_CLOSING) &&
			ring_all_acked(ring) && !ring_fin_acked(ring);
		r->missing = missing_step(r);
	}
}
