/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One incarnation of one node: begin, end and callbacks.
 * Judges nothing.
 */
#include "tools/torture/torture.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tools/say.h"

#define RECEIVE_BYTES	(64u << 10)	/* a slow reader is soon not read any more */

/* ---- counters ---- */

/* Nodes that do no wrong blame each other: of that the library is guilty. */
static void blame(struct incarnation *l, bool *told, uint64_t n, uint32_t peer, const char *what)
{
	if (!n || *told)
		return;
	*told = true;
	run_log_problem(l->run_log, "node %" PRIu32 " says that node %" PRIu32 " %s", l->id, peer,
			what);
}

static void count_lane(struct incarnation *l, struct lane *lane)
{
	struct sinew_status st = { .size = sizeof(st) };
	struct record *r = lane->record;

	if (!lane->session || !r || sinew_session_status(lane->session, &st))
		return;
	record_set(&r->acked, st.acked);
	record_set(&r->reconnects, st.reconnects);
	record_set(&r->resumed, st.resumed_unacked);
	r->resent = st.resent;
	r->repeated = st.duplicates;
	caller_count(l, lane);
	blame(l, &lane->told_fault, st.faults, r->peer, "breaks the protocol");
	blame(l, &lane->told_stall, st.stalls, r->peer, "has stalled");
}

void incarnation_count(struct incarnation *l)
{
	unsigned i;

	for (i = 1; i <= l->settings->n_nodes; i++)
		count_lane(l, &l->lanes[i]);
}

static void clear_lane(struct incarnation *l, struct lane *lane)
{
	caller_down(l, lane);
	sinew_session_unref(lane->session);
	*lane = (struct lane){ .session = NULL };
}

/* ---- callbacks ---- */

static struct lane *lane_of(struct incarnation *l, const struct sinew_session *session)
{
	return &l->lanes[sinew_session_nodeid(session)];
}

static void saw_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct incarnation *l = user;
	struct lane *lane = lane_of(l, session);

	if (lane->session)
		run_log_problem(l->run_log, "node %" PRIu32 ": a second session with node %" PRIu32
				" came up beside the first", l->id, sinew_session_nodeid(session));
	clear_lane(l, lane);
	lane->session = sinew_session_ref(session);
	lane->record = run_log_open(l->run_log, l->id, sinew_incarnation(node),
				    sinew_session_nodeid(session),
				    sinew_session_incarnation(session));
	caller_up(l, lane);
}

static void saw_message(struct sinew_node *node, struct sinew_session *session,
			const struct sinew_message *m, void *user)
{
	struct incarnation *l = user;
	struct lane *lane = lane_of(l, session);

	(void)node;
	if (lane->session != session)
		run_log_problem(l->run_log, "node %" PRIu32 ": a message came of a session with "
				"node %" PRIu32 " that was not up", l->id,
				sinew_session_nodeid(session));
	else if (lane->record)
		traffic_take(l, lane, m);
}

static void saw_writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct record *r = lane_of(user, session)->record;

	(void)node;
	if (r)
		atomic_store(&r->is_blocked, false);
}

/* The library's reasons, while it is closing. */
static void tell_missing(struct incarnation *l, uint32_t nodeid)
{
	struct sinew_report_session report[RUN_LOG_NODES];
	int i, n = sinew_report(l->node, report, RUN_LOG_NODES);

	for (i = 0; i < n && i < RUN_LOG_NODES; i++) {
		const struct sinew_report_session *r = &report[i];

		if (r->nodeid != nodeid || r->reason != SINEW_DOWN_LINGER)
			continue;
		run_log_problem(l->run_log, "node %" PRIu32 ": the session with node %" PRIu32
				" did not end in %" PRIu32 " ms: it was in %s and waited for %s",
				l->id, nodeid, l->settings->linger_ms, sinew_state_name(r->state),
				r->missing);
	}
}

static void saw_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		     const struct sinew_delivery *delivery, void *user)
{
	struct incarnation *l = user;
	struct lane *lane = lane_of(l, session);

	(void)node;
	if (lane->session != session)
		return;
	if (lane->record) {
		count_lane(l, lane);
		lane->record->reason = reason;
		lane->record->delivery = *delivery;
		record_enter(lane->record, RECORD_OVER);
	}
	if (reason == SINEW_DOWN_LINGER)
		tell_missing(l, sinew_session_nodeid(session));
	clear_lane(l, lane);
}

static void saw_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
		      enum sinew_fence_reason reason, void *user)
{
	struct incarnation *l = user;

	(void)node, (void)incarnation;
	run_log_problem(l->run_log, "node %" PRIu32 " asks to have node %" PRIu32 " fenced: %s",
			l->id, nodeid, sinew_fence_reason_name(reason));
}

static void saw_self_lost(struct sinew_node *node, uint64_t incarnation, void *user)
{
	struct incarnation *l = user;

	(void)node;
	run_log_problem(l->run_log, "node %" PRIu32 " was declared failed while running",
			l->id);
	record_set(&l->run_log->incarnations[l->id], incarnation);
}

static void saw_closed(struct sinew_node *node, void *user)
{
	struct incarnation *l = user;

	(void)node;
	l->state = INCARNATION_OVER;
}

/* ---- begin ---- */

static void log_line(void *user, enum sinew_level level, const char *line)
{
	const struct incarnation *l = user;

	say(level, "node %" PRIu32 ": %s", l->id, line);
}

static void fill_options(struct incarnation *l, struct sinew_options *opt)
{
	const struct settings *s = l->settings;

	SINEW_OPTIONS_INIT(opt);
	opt->nodeid = l->id;
	opt->cluster = "torture";
	settings_address(s, l->id, &opt->addrs[0]);
	opt->n_addrs = 1;
	opt->port = s->port;
	if (s->transport != TRANSPORT_TCP)
		opt->transport = "sctp";
	if (s->transport == TRANSPORT_SCTP_USER)
		opt->sctp_backend = SINEW_SCTP_USER;
	opt->max_message = (uint32_t)s->size;
	opt->queue_bytes = s->queue_bytes;
	opt->node_memory = s->node_memory;
	opt->receive_bytes = RECEIVE_BYTES;
	opt->backoff_min_ms = 5;
	opt->backoff_max_ms = 200;
	opt->keepalive_ms = 1000;
	opt->log = log_line;
	opt->log_user = l;
	opt->log_level = s->level;
}

static int add_peers(struct incarnation *l)
{
	struct sockaddr_storage addr;
	uint32_t id;
	int rc = 0;

	for (id = 1; id <= l->settings->n_nodes && !rc; id++) {
		if (id == l->id)
			continue;
		settings_address(l->settings, id, &addr);
		rc = sinew_peer_add(l->node, id, &addr, 1);
	}
	return rc;
}

int incarnation_begin(struct incarnation *l)
{
	static const struct sinew_callbacks callbacks = {
		.size = sizeof(callbacks),
		.session_up = saw_up,
		.message = saw_message,
		.writable = saw_writable,
		.session_down = saw_down,
		.fence_asked = saw_fence,
		.self_lost = saw_self_lost,
		.closed = saw_closed,
	};
	struct sinew_options opt;
	int rc;

	fill_options(l, &opt);
	memset(l->lanes, 0, sizeof(l->lanes));
	rc = sinew_node_new(&opt, &callbacks, l, &l->node);
	if (rc) {
		say(SINEW_ERROR, "node %" PRIu32 " cannot start at %s.%" PRIu32 " port %u: %s%s",
		    l->id, l->settings->net, l->id, l->settings->port, strerror(-rc),
		    rc == -EADDRINUSE ? "; choose another one with --port" : "");
		return rc;
	}
	l->state = INCARNATION_RUNNING;
	record_set(&l->run_log->incarnations[l->id], sinew_incarnation(l->node));
	rc = caller_open(l);
	if (!rc)
		rc = add_peers(l);
	if (rc) {
		say(SINEW_ERROR, "node %" PRIu32 " cannot start: %s", l->id, strerror(-rc));
		incarnation_free(l);
	}
	return rc;
}

/* ---- end ---- */

void incarnation_free(struct incarnation *l)
{
	unsigned i;

	sinew_node_free(l->node);
	caller_close(l);
	l->node = NULL;
	l->state = INCARNATION_NONE;
	/* A handle outlives its node: what it counted last is the truth. */
	incarnation_count(l);
	for (i = 1; i <= l->settings->n_nodes; i++)
		clear_lane(l, &l->lanes[i]);
	run_log_crashed(l->run_log, l->id, false);
	/* And so do messages that were kept. */
	slow_release(l, 0, true);
}

static bool has_lanes(const struct incarnation *l)
{
	unsigned i;

	for (i = 1; i <= l->settings->n_nodes; i++)
		if (l->lanes[i].session)
			return true;
	return false;
}

static void close_node(struct incarnation *l)
{
	int rc = sinew_close(l->node, (int)l->settings->linger_ms);

	if (rc)
		run_log_problem(l->run_log, "node %" PRIu32 " cannot close: %s", l->id,
				sinew_error_name(rc));
	l->state = INCARNATION_CLOSING;
}

void incarnation_end(struct incarnation *l, bool half_close)
{
	unsigned i;

	if (l->state != INCARNATION_RUNNING)
		return;
	if (!half_close) {
		close_node(l);
		return;
	}
	l->state = INCARNATION_FINISHING;
	for (i = 1; i <= l->settings->n_nodes; i++)
		if (l->lanes[i].session)
			sinew_session_finish(l->lanes[i].session);
}

void incarnation_turn(struct incarnation *l)
{
	int rc;

	rc = sinew_dispatch(l->node, 0);
	if (rc < 0 && rc != -ESHUTDOWN)
		run_log_problem(l->run_log, "node %" PRIu32 ": event loop failed: %s", l->id,
				sinew_error_name(rc));
	if (l->state == INCARNATION_FINISHING && !has_lanes(l))
		close_node(l);
	if (l->state != INCARNATION_OVER)
		return;
	if (has_lanes(l))
		run_log_problem(l->run_log,
				"node %" PRIu32 " closed without reporting all peers down", l->id);
	record_set(&l->run_log->incarnations[l->id], 0);
}
