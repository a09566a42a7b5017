/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_member.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/service.h"
#include "services/owner.h"

#define READS		4u		/* of up to CONTROL_MAX, in one turn */

/* ---- the loop thread ---- */

static void on_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct server_member *m = user;

	(void)call;
	switch (msg->event) {
	case SINEW_CALL_DATA:
		bell_ring(&m->s->bells, &m->bell, BELL_DATA);
		break;
	case SINEW_CALL_ENDED:
		atomic_store(&m->reason, (uint32_t)msg->reason);
		atomic_fetch_sub(&m->s->calls->n.library, 1);
		bell_ring(&m->s->bells, &m->bell, BELL_ENDED);
		break;
	case SINEW_CALL_NEW:
	case SINEW_CALL_ACCEPTED:
	case SINEW_CALL_ROOM:
	case SINEW_CALL_FINAL_ACK:
	case SINEW_CALL_STATE:
		break;
	}
}

/* ---- the call ---- */

static void again_in(struct server_member *m, uint32_t pause_ms)
{
	assert(pause_ms);
	m->again_ns = service_now() + (uint64_t)pause_ms * 1000000u;
	if (m->again_ns < m->s->due.members_ns)
		m->s->due.members_ns = m->again_ns;
	m->pause_ms = pause_ms * 2 < MEMBER_AGAIN_MAX_MS ? pause_ms * 2 : MEMBER_AGAIN_MAX_MS;
}

static int begin_in(struct server_member *m, struct sinew_session *session)
{
	const struct sinew_call_options opt = {
		.size = sizeof opt, .fn = on_event, .delivery = SINEW_CALL_PULL,
		.deadline_ms = SINEW_FOREVER,
	};
	uint8_t bytes[TOPO_REQUEST_LEN];
	struct iovec iov = { bytes, sizeof bytes };
	struct sinew_binding *binding;
	struct topo_request request;
	int err;

	if (sinew_session_incarnation(session) != m->incarnation)
		return -ESTALE;
	err = sinew_binding_open(m->s->calls, session, MEMBER_SERVICE, NULL, &binding);
	if (err)
		return err;
	topo_peer_request(&m->from, &request);
	topo_request_put(bytes, &request);
	/* Before ENDED comes. */
	atomic_fetch_add(&m->s->calls->n.library, 1);
	err = sinew_call_begin(binding, MEMBER_SUBSCRIBE, &opt, &iov, 1, SINEW_CALL_ENDLESS, m,
			       &m->call);
	if (err)
		atomic_fetch_sub(&m->s->calls->n.library, 1);
	sinew_binding_close(binding);
	return err;
}

/* Whether a later attempt may have another end. */
static bool is_for_now(int err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -ENOSPC || err == -EDEADLK;
}

static void call_peer(struct server_member *m)
{
	struct sinew_session *session = sinew_session_find(m->s->node, m->nodeid);
	int err = session ? begin_in(m, session) : -ESTALE;

	assert(!m->over);
	sinew_session_unref(session);
	m->again_ns = UINT64_MAX;
	m->n_rest = 0;
	m->useless = false;
	if (is_for_now(err))
		again_in(m, m->pause_ms);
}

/* ---- the session ---- */

static int publish_node(struct server_member *m, const char *attr)
{
	const struct topo_offer offer = {
		.name = { TOPO_NODE, m->nodeid, m->nodeid }, .scope = TOPO_SCOPE_NODE,
		.attr = (const uint8_t *)attr, .attr_len = (uint16_t)strlen(attr),
	};

	assert(strlen(attr) <= TOPO_ATTR_MAX);
	return topo_publish(&m->s->topo, &m->from.owner, &offer, TOPO_PUB_NODE);
}

struct server_member *member_begin(struct server *s, uint32_t nodeid, uint64_t incarnation,
				   const char *attr)
{
	struct server_member *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->bell.of = BELL_OF_MEMBER;
	m->s = s;
	m->nodeid = nodeid;
	m->incarnation = incarnation;
	m->pause_ms = MEMBER_AGAIN_MS;
	m->again_ns = UINT64_MAX;
	if (topo_peer_init(&m->from, &s->topo, nodeid, incarnation, TOPO_PEER_MAX)) {
		free(m);
		return NULL;
	}
	list_append(&s->members, &m->all);
	s->counts.n_members++;
	publish_node(m, attr);
	if (s->calls)
		call_peer(m);
	return m;
}

void member_describe(struct server_member *m, const char *attr)
{
	assert(!m->over && strlen(attr) <= TOPO_ATTR_MAX);
	if (m->blind)
		return;
	if (topo_change(&m->s->topo, &m->from.owner, TOPO_PUB_NODE, (const uint8_t *)attr,
			strlen(attr)) == -ENOENT)
		publish_node(m, attr);
}

static void release(struct server_member *m)
{
	list_remove(&m->all);
	assert(m->s->counts.n_members);
	m->s->counts.n_members--;
	sinew_call_end(m->call);
	free(m);
}

void member_end(struct server_member *m)
{
	assert(!m->over);
	if (!m->blind)
		topo_peer_fini(&m->from);
	m->over = true;
	/* Its last event is awaited: its function may run just now. */
	if (m->call)
		sinew_call_abort(m->call, SINEW_RX_USER_ABORT);
	else
		release(m);
}

void member_discard(struct server_member *m)
{
	if (!m->over && !m->blind)
		topo_peer_fini(&m->from);
	release(m);
}

/* ---- what comes ---- */

/* It publishes more than a session may, or the table has room for: none of that is shown, rather
 * than a part. */
static void show_none(struct server_member *m)
{
	const struct topo_id id = { m->incarnation, m->nodeid, TOPO_PUB_NODE };
	struct topo_row *node = topo_table_find(&m->s->topo.table, &id);
	char attr[TOPO_ATTR_MAX + 1] = "";

	if (node)
		memcpy(attr, node->attr, node->attr_len);
	m->s->counts.n_excess++;
	if (!m->full)
		log_line(&m->s->node->log, SINEW_WARNING, "node %u publishes more names than there "
			 "is room for (%u of one node, %u of all): none of them is shown; it is "
			 "asked again", m->nodeid, TOPO_PEER_MAX, m->s->opt.max_publications);
	m->full = true;
	topo_peer_fini(&m->from);
	if (topo_peer_init(&m->from, &m->s->topo, m->nodeid, m->incarnation, TOPO_PEER_MAX)) {
		m->blind = true;
		return;
	}
	publish_node(m, attr);
}

/* The stream is of no use any more. */
static void give_up(struct server_member *m, int err)
{
	assert(err < 0 && m->call && !m->over);
	if (err == -ENOSPC) {
		show_none(m);
		m->pause_ms = MEMBER_AGAIN_MAX_MS;
	}
	if (err == -EPROTO || err == -EBADMSG) {
		log_line(&m->s->node->log, SINEW_WARNING, "node %u broke the rules of the "
			 "topology's events: it is asked again", m->nodeid);
		m->pause_ms = MEMBER_AGAIN_MAX_MS;
	}
	m->useless = true;
	sinew_call_abort(m->call, SINEW_RX_PROTOCOL_ERROR);
}

/* All whole events of n bytes; the rest is kept. 0 or a negative errno. */
static int take(struct server_member *m, const uint8_t *p, size_t n)
{
	while (n) {
		struct topo_event event;
		int len = topo_event_parse(p, n, &event), err;

		if (len == -EAGAIN)
			break;
		if (len < 0)
			return len;
		err = topo_peer_event(&m->from, &event);
		if (err)
			return err;
		p += len;
		n -= (size_t)len;
	}
	assert(n <= sizeof m->rest);
	memcpy(m->rest, p, n);
	m->n_rest = (uint32_t)n;
	return 0;
}

/* True: there may be more. */
static bool read_once(struct server_member *m)
{
	uint8_t *buf = m->s->buf;
	const size_t had = m->n_rest;
	size_t off = had;
	int err, ret;

	assert(m->call && off < sizeof m->rest);
	memcpy(buf, m->rest, off);
	ret = sinew_call_read(m->call, buf, CONTROL_MAX, &off, true);
	err = take(m, buf, off);
	if (err) {
		give_up(m, err);
		return false;
	}
	/* A call that ends without data was of no use: the next one comes later. */
	if (off > had && !m->full)
		m->pause_ms = MEMBER_AGAIN_MS;
	return ret == 0;
}

static void ended(struct server_member *m)
{
	uint32_t reason = atomic_load(&m->reason);

	assert(m->call && reason);
	sinew_call_end(m->call);
	m->call = NULL;
	if (m->over) {
		release(m);
		return;
	}
	if (m->blind)
		return;
	topo_peer_lost(&m->from);
	if (reason != SINEW_END_NO_SERVICE && reason != SINEW_END_NO_OP &&
	    reason != SINEW_END_SESSION && reason != SINEW_END_PROTOCOL &&
	    reason != SINEW_END_CLOSING)
		again_in(m, m->pause_ms);
}

static bool can_read(const struct server_member *m)
{
	return !m->over && !m->blind && !m->useless;
}

bool member_answer(struct server_member *m)
{
	unsigned what = bell_answer(&m->bell);
	bool more = false;

	/* Data that came before the end are read first. */
	for (unsigned n = 0; what & (BELL_DATA | BELL_ENDED) && can_read(m) && n < READS; n++) {
		more = read_once(m);
		if (!more)
			break;
	}
	if (what & BELL_ENDED) {
		ended(m);
		return false;
	}
	return more;
}

void members_tick(struct server *s, uint64_t now_ns)
{
	uint64_t due_ns = UINT64_MAX;

	assert(s->due.members_ns <= now_ns);
	list_each(struct server_member, m, &s->members, all) {
		if (m->over)
			continue;
		if (m->again_ns <= now_ns) {
			assert(!m->call);
			call_peer(m);
		}
		if (m->again_ns < due_ns)
			due_ns = m->again_ns;
	}
	s->due.members_ns = due_ns;
}
