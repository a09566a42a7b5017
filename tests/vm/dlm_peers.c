/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vm/dlm_member.h"

struct peer *peers_find(struct program *p, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < p->n_peers; i++)
		if (p->peers[i].nodeid == nodeid)
			return &p->peers[i];
	return NULL;
}

int peers_add(struct program *p, uint32_t nodeid, const char *addr)
{
	struct peer *peer = peers_find(p, nodeid);
	struct sockaddr_storage ss;
	int rc = sinew_parse_address(addr, 0, &ss);

	if (rc)
		return rc;
	if (peer)
		return sinew_peer_set_addrs(p->node, nodeid, &ss, 1);
	if (p->n_peers == PEERS_MAX)
		return -ENOSPC;
	rc = sinew_peer_add(p->node, nodeid, &ss, 1);
	if (rc)
		return rc;
	peer = &p->peers[p->n_peers++];
	*peer = (struct peer){ .nodeid = nodeid };
	peer->end = &peer->first;
	return 0;
}

/* ---- backlog: packets that the session does not take yet ---- */

static void backlog_drop(struct peer *peer)
{
	struct backlog *b;

	while ((b = peer->first)) {
		peer->first = b->next;
		free(b);
	}
	peer->end = &peer->first;
	peer->backlog_bytes = 0;
}

static void backlog_add(struct peer *peer, const uint8_t *packet, size_t len)
{
	struct backlog *b = NULL;

	if (peer->backlog_bytes + len <= BACKLOG_MAX)
		b = malloc(sizeof(*b) + len);
	if (!b) {
		say_error(peer->nodeid, "takes nothing, and more than %u MiB wait for it; a packet "
			  "is lost, and locks that wait for it will wait for ever: fence it",
			  BACKLOG_MAX >> 20);
		return;
	}
	b->next = NULL;
	b->len = len;
	memcpy(b->packet, packet, len);
	*peer->end = b;
	peer->end = &b->next;
	peer->backlog_bytes += len;
}

static void backlog_send(struct peer *peer)
{
	struct backlog *b;

	while ((b = peer->first) && peer->session) {
		int rc = sinew_send(peer->session, b->packet, b->len);

		if (rc == -EAGAIN)
			return;
		if (rc)
			say_error(peer->nodeid, "does not get a packet: %s", sinew_error_name(rc));
		peer->first = b->next;
		if (!peer->first)
			peer->end = &peer->first;
		peer->backlog_bytes -= b->len;
		free(b);
	}
}

void peers_send(void *arg, uint32_t nodeid, const uint8_t *packet, size_t len, bool bare)
{
	struct peer *peer = peers_find(arg, nodeid);
	int rc = -EAGAIN;

	if (!peer || !peer->incarnation)
		return;
	if (bare) {
		/* Without a session, or if there is no room, it is as lost as with a link. */
		if (peer->session)
			sinew_send_bare(peer->session, packet, len);
		return;
	}
	if (peer->session && !peer->first)
		rc = sinew_send(peer->session, packet, len);
	if (rc == -EAGAIN)
		backlog_add(peer, packet, len);
	else if (rc)
		say_error(nodeid, "does not get a packet: %s", sinew_error_name(rc));
}

/* ---- membership ---- */

static bool is_shared(const struct program *p, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < DLM_SPACES_MAX; i++)
		if (p->spaces[i].space && dlm_space_has(p->spaces[i].space, nodeid))
			return true;
	return false;
}

/* A membership that ends cannot be taken up again: the next one begins when it is over. */
static void begin_membership(struct program *p, struct peer *peer)
{
	peer->waits = peer->incarnation && (peer->is_ending || peer->has_finished);
	if (peer->incarnation)
		return;
	peer->incarnation = ++p->last_incarnation;
	sinew_peer_joined(p->node, peer->nodeid, peer->incarnation);
}

static void forget_membership(struct peer *peer)
{
	sinew_session_unref(peer->session);
	peer->session = NULL;
	peer->incarnation = 0;
	peer->has_finished = peer->is_ending = peer->waits = false;
	backlog_drop(peer);
}

void peers_follow(struct program *p)
{
	unsigned i;

	for (i = 0; i < p->n_peers; i++) {
		struct peer *peer = &p->peers[i];

		if (is_shared(p, peer->nodeid)) {
			begin_membership(p, peer);
		} else if (peer->incarnation) {
			peer->waits = false;
			sinew_peer_released(p->node, peer->nodeid, peer->incarnation);
		}
	}
}

void peers_finish(struct program *p)
{
	unsigned i;

	for (i = 0; i < p->n_peers; i++) {
		struct peer *peer = &p->peers[i];

		if (!peer->incarnation)
			continue;
		if (peer->session) {
			peer->is_ending = true;
			sinew_session_finish(peer->session);
		} else {
			sinew_peer_left(p->node, peer->nodeid, peer->incarnation);
			forget_membership(peer);
		}
	}
}

bool peers_are_down(const struct program *p)
{
	unsigned i;

	for (i = 0; i < p->n_peers; i++)
		if (p->peers[i].incarnation)
			return false;
	return true;
}

void peers_failed(struct program *p, struct peer *peer)
{
	unsigned i;

	for (i = 0; i < DLM_SPACES_MAX; i++)
		if (p->spaces[i].space)
			dlm_space_gone(p->spaces[i].space, peer->nodeid);
	if (!peer->incarnation)
		return;
	sinew_peer_failed(p->node, peer->nodeid, peer->incarnation);
	forget_membership(peer);
	say_session(peer, "down", "failed");
}

void peers_free(struct program *p)
{
	unsigned i;

	for (i = 0; i < p->n_peers; i++)
		forget_membership(&p->peers[i]);
}

/* ---- callbacks ---- */

/* The peer whose present session it is. */
static struct peer *peer_of(struct program *p, const struct sinew_session *session)
{
	struct peer *peer = peers_find(p, sinew_session_nodeid(session));

	return peer && peer->incarnation == sinew_session_incarnation(session) ? peer : NULL;
}

static void saw_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct peer *peer = peer_of(user, session);

	(void)node;
	if (!peer)
		return;
	peer->session = sinew_session_ref(session);
	say_session(peer, "up", NULL);
	backlog_send(peer);
}

static void saw_link(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct program *p = user;
	struct peer *peer = peer_of(p, session);
	unsigned i;

	(void)node;
	if (!peer)
		return;
	say_link_up(peer);
	for (i = 0; i < DLM_SPACES_MAX; i++)
		if (p->spaces[i].space)
			dlm_space_link_up(p->spaces[i].space, peer->nodeid, p->now_ms);
}

static void saw_finished(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct program *p = user;
	struct peer *peer = peer_of(p, session);

	(void)node;
	if (!peer)
		return;
	peer->has_finished = true;
	say_session(peer, "finished", NULL);
}

static void saw_writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct peer *peer = peer_of(user, session);

	(void)node;
	if (peer)
		backlog_send(peer);
}

static void saw_down(struct sinew_node *node, struct sinew_session *session, enum sinew_down reason,
		     const struct sinew_delivery *delivery, void *user)
{
	struct program *p = user;
	struct peer *peer = peer_of(p, session);
	bool waits;

	(void)node;
	(void)delivery;
	if (!peer)
		return;
	waits = peer->waits;
	forget_membership(peer);
	say_session(peer, "down", sinew_down_name(reason));
	if (waits)
		begin_membership(p, peer);
}

static void no_space(struct program *p, uint32_t nodeid, const struct sinew_message *msg)
{
	uint8_t packet[DLM_PACKET_MAX];
	struct dlm_rcom rcom;
	const char *why;

	if (!dlm_rcom_decode(msg->data, msg->len, &rcom, &why) && rcom.type == DLM_RCOM_STATUS)
		peers_send(p, nodeid, packet, dlm_no_space_reply(packet, p->nodeid, &rcom), true);
}

static void saw_message(struct sinew_node *node, struct sinew_session *session,
			const struct sinew_message *msg, void *user)
{
	struct program *p = user;
	uint32_t nodeid = sinew_session_nodeid(session);
	struct dlm_header h;
	const char *why;
	unsigned i;

	(void)node;
	if (dlm_header_decode(msg->data, msg->len, &h, &why)) {
		say_error(nodeid, "sends a packet that is none: %s; ignored", why);
		return;
	}
	if (h.nodeid != nodeid) {
		say_error(nodeid, "sends as node %u; ignored", h.nodeid);
		return;
	}
	for (i = 0; i < DLM_SPACES_MAX; i++)
		if (p->spaces[i].space && dlm_space_id(p->spaces[i].space) == h.space) {
			dlm_space_receive(p->spaces[i].space, msg->data, msg->len, p->now_ms);
			return;
		}
	no_space(p, nodeid, msg);
}

static void saw_fence(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
		      enum sinew_fence_reason reason, void *user)
{
	(void)node;
	(void)incarnation;
	(void)user;
	say_error(nodeid, "is to be fenced: %s; then say: failed %u",
		  sinew_fence_reason_name(reason), nodeid);
}

static void saw_closed(struct sinew_node *node, void *user)
{
	(void)node;
	((struct program *)user)->is_closed = true;
}

const struct sinew_callbacks peers_callbacks = {
	.size = sizeof(peers_callbacks),
	.session_up = saw_up,
	.message = saw_message,
	.session_finished = saw_finished,
	.writable = saw_writable,
	.session_down = saw_down,
	.fence_asked = saw_fence,
	.closed = saw_closed,
	.link_up = saw_link,
};
