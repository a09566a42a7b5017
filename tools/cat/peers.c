/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peers of "sinew cat": who is up, who has finished, what became of the rest; whose turn it is
 * to fence one, and who is told. Knows nothing of when something is to be sent.
 */
#include "tools/cat/cat.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tools/say.h"

#define MEMBERS_MAX	129	/* as many as the library gives */
#define RETRY_MS	10000	/* of fencing, after a run that failed */

void cat_set_status(struct cat *c, enum command_status status)
{
	static const int gravity[] = {
		[STATUS_OK] = 0,
		[STATUS_USAGE] = 1,
		[STATUS_UNDELIVERED] = 2,
		[STATUS_NOT_UP] = 3,
		[STATUS_PEER_LOST] = 4,
	};

	if (gravity[status] > gravity[c->status])
		c->status = status;
}

static struct cat_peer *add_peer(struct cat *c, uint32_t nodeid)
{
	struct cat_peer *p = &c->peers[c->n_peers];

	/* As many as a node can have at most. */
	assert(c->n_peers < STATIC_NODES_MAX);
	p->nodeid = nodeid;
	p->is_target = c->args.to.all;
	p->stats = &c->stats[c->n_peers];
	p->stats->sum.nodeid = nodeid;
	c->n_peers++;
	return p;
}

int cat_peers_init(struct cat *c)
{
	uint32_t nodeids[STATIC_NODES_MAX];
	unsigned n, i;

	/* Not touched beyond what is used; records stay where they are. */
	c->peers = calloc(STATIC_NODES_MAX, sizeof(*c->peers));
	c->stats = calloc(STATIC_NODES_MAX, sizeof(*c->stats));
	if (!c->peers || !c->stats)
		return -ENOMEM;
	n = sinew_config_nodes(c->cluster.config, nodeids, STATIC_NODES_MAX);
	for (i = 0; i < n; i++)
		if (nodeids[i] != c->cluster.node)
			add_peer(c, nodeids[i]);
	return 0;
}

struct cat_peer *cat_peer_of(struct cat *c, uint32_t nodeid)
{
	struct cat_peer *p = cat_peer_find(c, nodeid);

	return p ? p : add_peer(c, nodeid);
}

struct cat_peer *cat_peer_find(struct cat *c, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < c->n_peers; i++)
		if (c->peers[i].nodeid == nodeid)
			return &c->peers[i];
	return NULL;
}

bool cat_peers_finished(const struct cat *c)
{
	unsigned i;

	for (i = 0; i < c->n_peers; i++)
		if (c->peers[i].session && !c->peers[i].has_finished)
			return false;
	return true;
}

void cat_peer_lose(struct cat *c, struct cat_peer *p)
{
	if (!p->is_target || c->args.keep_going)
		return;
	p->is_lost = true;
	cat_set_status(c, STATUS_PEER_LOST);
}

/* ---- callbacks ---- */

static void session_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct cat *c = user;
	struct cat_peer *p = cat_peer_of(c, sinew_session_nodeid(session));

	(void)node;
	sinew_session_set_user(session, p);
	p->session = session;
	p->was_up = true;
	p->has_finished = false;
	p->has_taken = false;
	p->is_leaving = false;
	p->stats->sessions++;
	p->stats->down = 0;
	c->is_blocked = false;
	if (c->phase == CAT_FINISHING)
		sinew_session_finish(session);
}

static void message(struct sinew_node *node, struct sinew_session *session,
		    const struct sinew_message *msg, void *user)
{
	struct cat *c = user;
	struct cat_peer *p = sinew_session_user(session);
	int rc;

	(void)node;
	if (c->args.from && c->args.from != p->nodeid) {
		p->stats->discarded++;
		if (!p->told_dropped)
			say(SINEW_WARNING, "discarding messages from node %" PRIu32 ": --from "
			    "selects node %" PRIu32 " only", p->nodeid, c->args.from);
		p->told_dropped = true;
		return;
	}
	if (c->told_output) {
		p->stats->discarded++;
		return;
	}
	rc = printer_message(&c->printer, session, msg);
	if (!rc)
		return;
	p->stats->discarded++;
	say(SINEW_ERROR, "message %" PRIu64 " from node %" PRIu32 " (%zu bytes) lost: out of "
	    "memory", msg->number, p->nodeid, msg->len);
	cat_set_status(c, STATUS_UNDELIVERED);
}

static void session_finished(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct cat *c = user;
	struct cat_peer *p = sinew_session_user(session);

	(void)node;
	p->has_finished = true;
	/* It ends, and we stay for others. */
	if (c->phase == CAT_RECEIVING && c->args.keep_going)
		sinew_session_finish(session);
}

static void writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct cat *c = user;

	(void)node;
	(void)session;
	c->is_blocked = false;
}

static const char *reason_text(enum sinew_down reason)
{
	switch (reason) {
	case SINEW_DOWN_CLOSED:
		return "both sides had finished";
	case SINEW_DOWN_LEFT:
		return "it left";
	case SINEW_DOWN_FAILED:
		return "it was declared failed";
	case SINEW_DOWN_SUPERSEDED:
		return "superseded by a new incarnation";
	case SINEW_DOWN_SELF_LOST:
		return "this node continues as a new incarnation";
	case SINEW_DOWN_LINGER:
		return "linger time expired";
	case SINEW_DOWN_ABORTED:
		return "its session was aborted";
	case SINEW_DOWN_REMOVED:
		return "it was removed";
	}
	return "unknown reason";
}

static bool is_clean(const struct cat *c, const struct cat_peer *p, enum sinew_down reason,
		     const struct sinew_delivery *delivery)
{
	if (p->is_target && c->phase == CAT_SENDING)
		return false;
	if (reason == SINEW_DOWN_CLOSED || reason == SINEW_DOWN_LEFT)
		return delivery->acked == delivery->unsent;
	return p->has_finished && delivery->acked == delivery->unsent;
}

static void say_delivery(const struct cat_peer *p, enum sinew_down reason,
			 const struct sinew_delivery *delivery)
{
	say(SINEW_WARNING, "node %" PRIu32 " is down: %s; %" PRIu64 " messages to it: %" PRIu64
	    " delivered, %" PRIu64 " in doubt, %" PRIu64 " not delivered", p->nodeid,
	    reason_text(reason), delivery->unsent, delivery->acked,
	    delivery->in_doubt - delivery->acked, delivery->unsent - delivery->in_doubt);
}

static void session_down(struct sinew_node *node, struct sinew_session *session,
			 enum sinew_down reason, const struct sinew_delivery *delivery, void *user)
{
	struct cat *c = user;
	struct cat_peer *p = sinew_session_user(session);
	struct sinew_status status = { .size = sizeof(status) };

	(void)node;
	p->session = NULL;
	c->is_blocked = false;
	if (!sinew_session_status(session, &status))
		stats_add(p->stats, &status);
	p->stats->sum.state = SINEW_CLOSED;
	p->stats->sum.link_up = false;
	p->stats->undelivered += delivery->unsent - delivery->in_doubt;
	p->stats->unknown += delivery->in_doubt - delivery->acked;
	p->stats->down = reason;
	/* Sessions that the linger time cut off are told with the missing step, from the report. */
	if (reason == SINEW_DOWN_LINGER || is_clean(c, p, reason, delivery))
		return;
	p->told_report = true;
	if (!delivery->unsent)
		say(SINEW_WARNING, "node %" PRIu32 " is down: %s", p->nodeid, reason_text(reason));
	else
		say_delivery(p, reason, delivery);
	if (c->phase != CAT_WAITING)
		cat_peer_lose(c, p);
}

static void fence_asked(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
			enum sinew_fence_reason reason, void *user)
{
	struct cat *c = user;

	(void)node;
	say(SINEW_WARNING, "node %" PRIu32 " incarnation=%016" PRIx64 " needs fencing: %s", nodeid,
	    incarnation, sinew_fence_reason_name(reason));
	if (c->fence.setup.command)
		fence_ask(&c->fence, nodeid, incarnation, reason);
}

static void self_lost(struct sinew_node *node, uint64_t new_incarnation, void *user)
{
	struct sinew_corosync_status now;
	struct cat *c = user;

	(void)node;
	c->incarnation = new_incarnation;
	cluster_status(&c->cluster, &now);
	say(SINEW_WARNING, "this node %s, continuing as incarnation=%016" PRIx64,
	    now.losses != c->losses ? "lost corosync" : "was declared failed by other nodes",
	    new_incarnation);
	c->losses = now.losses;
}

static void closed(struct sinew_node *node, void *user)
{
	struct cat *c = user;

	(void)node;
	c->phase = CAT_CLOSED;
}

void cat_peers_callbacks(struct sinew_callbacks *ret_callbacks)
{
	*ret_callbacks = (struct sinew_callbacks){
		.size = sizeof(*ret_callbacks),
		.session_up = session_up,
		.message = message,
		.session_finished = session_finished,
		.writable = writable,
		.session_down = session_down,
		.fence_asked = fence_asked,
		.self_lost = self_lost,
		.closed = closed,
	};
}

/* ---- the end ---- */

static void report_peer(struct cat *c, const struct sinew_report_session *r)
{
	struct cat_peer *p = cat_peer_find(c, r->nodeid);
	const char *missing = r->missing && *r->missing ? r->missing : "nothing more";

	if (r->delivery.unsent == r->delivery.acked) {
		if (r->last_ack_missing)
			say(SINEW_INFO, "node %" PRIu32 ": everything delivered; the last ACK was "
			    "not received", r->nodeid);
		else if (r->reason == SINEW_DOWN_LINGER && c->n_signals == 0)
			say(SINEW_WARNING, "node %" PRIu32 ": everything delivered, but missing at "
			    "the end of the linger time: %s", r->nodeid, missing);
		return;
	}
	cat_set_status(c, STATUS_UNDELIVERED);
	if (p && p->told_report)
		return;
	say(SINEW_ERROR, "node %" PRIu32 ": %" PRIu64 " messages undelivered (%" PRIu64
	    " of them in doubt) at the end of the linger time; missing: %s", r->nodeid,
	    r->delivery.unsent - r->delivery.acked, r->delivery.in_doubt - r->delivery.acked,
	    missing);
}

void cat_peers_report(struct cat *c)
{
	struct sinew_report_session *entries;
	int i, n;

	n = sinew_report(c->node, NULL, 0);
	if (n <= 0)
		return;
	entries = calloc((size_t)n, sizeof(*entries));
	if (!entries) {
		say(SINEW_ERROR, "out of memory while reporting undelivered messages");
		cat_set_status(c, STATUS_UNDELIVERED);
		return;
	}
	n = sinew_report(c->node, entries, n);
	for (i = 0; i < n; i++)
		report_peer(c, &entries[i]);
	free(entries);
}

void cat_peers_count(struct cat *c)
{
	unsigned i;

	for (i = 0; i < c->n_peers; i++) {
		struct cat_peer *p = &c->peers[i];
		struct sinew_status status = { .size = sizeof(status) };

		if (p->session && !sinew_session_status(p->session, &status))
			stats_add(p->stats, &status);
		else if (!p->stats->sessions && !sinew_peer_status(c->node, p->nodeid, &status))
			stats_add(p->stats, &status);
	}
}

/* ---- fencing ---- */

static const struct sinew_corosync_member *find(const struct sinew_corosync_member *members,
						unsigned n, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (members[i].nodeid == nodeid)
			return &members[i];
	return NULL;
}

/* It was fenced already, or is there again. A session may stall while its node stays. */
static bool is_over(const struct sinew_corosync_member *m, const struct fence_request *r)
{
	if (!m)
		return true;
	if (m->fenced == r->incarnation)
		return true;
	return m->joined && (r->reason == SINEW_FENCE_FAILED || m->incarnation != r->incarnation);
}

/* The first node of those that are left acts on what all see, so that it happens once. */
static enum fence_turn turn_of(const struct cat *c, const struct sinew_corosync_member *members,
			       unsigned n, const struct fence_request *r)
{
	struct sinew_corosync_status status;
	unsigned i;

	if (is_over(find(members, n, r->nodeid), r))
		return FENCE_DONE;
	cluster_status(&c->cluster, &status);
	if (!status.quorate)
		return FENCE_OTHERS;
	if (r->reason != SINEW_FENCE_FAILED)
		return FENCE_OURS;
	for (i = 0; i < n; i++)
		if (members[i].joined && !members[i].leaving && members[i].nodeid != r->nodeid)
			break;
	return i < n && members[i].nodeid == c->cluster.node ? FENCE_OURS : FENCE_OTHERS;
}

static enum fence_turn turn(void *arg, const struct fence_request *r)
{
	struct cat *c = arg;
	struct sinew_corosync_member *members;
	enum fence_turn t;

	if (c->cluster.file)
		return FENCE_OURS;
	members = calloc(MEMBERS_MAX, sizeof(*members));
	if (!members)
		return FENCE_OTHERS;
	t = turn_of(c, members, cluster_members(&c->cluster, members, MEMBERS_MAX), r);
	free(members);
	return t;
}

static const char *name(void *arg, uint32_t nodeid)
{
	struct cat *c = arg;

	return sinew_config_name(c->cluster.config, nodeid);
}

/* With static membership nobody else has to hear of it. */
static void fenced(void *arg, const struct fence_request *r)
{
	struct cat *c = arg;

	if (c->cluster.file)
		sinew_peer_failed(c->node, r->nodeid, r->incarnation);
	else
		cluster_fenced(&c->cluster, r->nodeid, r->incarnation);
}

void cat_fence_begin(struct cat *c)
{
	struct sinew_config_fence config = { .size = sizeof(config) };
	struct fence_setup setup = {
		.retry_ms = RETRY_MS, .turn = turn, .name = name, .fenced = fenced, .arg = c,
	};

	sinew_config_fence(c->cluster.config, &config);
	setup.command = config.command;
	setup.timeout_ms = config.timeout_ms;
	fence_init(&c->fence, &setup);
}

void cat_fence_end(struct cat *c, void (*take_signal)(struct cat *c))
{
	if (fence_is_running(&c->fence))
		say(SINEW_WARNING, "waiting for %s, at most %.1f s (a second signal exits at "
		    "once)", c->fence.setup.command, (double)c->fence.setup.timeout_ms / 1000);
	fence_stop(&c->fence);
	while (fence_is_running(&c->fence) && c->n_signals < 2) {
		struct pollfd p[] = {
			{ .fd = c->signal_fd, .events = POLLIN },
			{ .fd = c->fence.fd, .events = POLLIN },
		};

		if (poll(p, 2, clock_timeout_ms(fence_deadline(&c->fence))) > 0 && p[0].revents)
			take_signal(c);
		fence_step(&c->fence, clock_now_ns());
	}
	fence_close(&c->fence);
}
