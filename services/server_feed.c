/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_feed.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/service.h"
#include "services/server_member.h"
#include "services/service.h"

#define SENDS		4u		/* of FEED_BYTES, in one turn */

/* ---- the loop thread ---- */

static struct server_feed *feed_new(struct server *s, struct sinew_call *call)
{
	struct server_feed *f;

	assert(s->calls);
	f = atomic_load(&s->stop) ? NULL : calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->taker.kind = TAKER_FEED;
	f->bell.of = BELL_OF_FEED;
	f->s = s;
	f->call = call;
	f->nodeid = sinew_session_nodeid(sinew_call_session(call));
	f->op = sinew_call_op(call);
	list_init(&f->all);
	return f;
}

static void on_data(struct server_feed *f, const struct sinew_call_msg *msg)
{
	assert(msg->last && !f->request);
	f->request = malloc(msg->len ? msg->len : 1);
	if (f->request) {
		f->request_len = msg->len;
		if (msg->len)
			memcpy(f->request, msg->data, msg->len);
	}
	bell_ring(&f->s->bells, &f->bell, BELL_BEGUN);
}

static void on_new(struct sinew_call *call, void *user)
{
	struct server_feed *f = feed_new(user, call);

	if (f) {
		sinew_call_set_user(call, f);
		atomic_fetch_add(&f->s->calls->n.library, 1);
		/* So that the server knows of it, whatever follows. */
		bell_ring(&f->s->bells, &f->bell, BELL_ROOM);
		return;
	}
	sinew_call_abort(call, SINEW_RX_CALL_DEAD);
	sinew_call_end(call);
}

static void on_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct server_feed *f = user;

	switch (msg->event) {
	case SINEW_CALL_NEW:
		on_new(call, user);
		break;
	case SINEW_CALL_DATA:
		on_data(f, msg);
		break;
	case SINEW_CALL_ROOM:
		bell_ring(&f->s->bells, &f->bell, BELL_ROOM);
		break;
	case SINEW_CALL_ENDED:
		atomic_fetch_sub(&f->s->calls->n.library, 1);
		bell_ring(&f->s->bells, &f->bell, BELL_ENDED);
		break;
	case SINEW_CALL_ACCEPTED:
	case SINEW_CALL_FINAL_ACK:
	case SINEW_CALL_STATE:
		break;
	}
}

int feeds_offer(struct server *s)
{
	static const uint32_t ops[] = { MEMBER_SUBSCRIBE, MEMBER_STATUS };
	const struct sinew_service service = {
		.size = sizeof service, .fn = on_event, .delivery = SINEW_CALL_WHOLE,
		.ops = ops, .n_ops = 2, .max_calls = FEEDS_MAX, .max_request = CONTROL_BODY_MAX,
		.full = SINEW_FULL_BUSY,
	};

	assert(s->calls);
	return service_bind(s->calls, MEMBER_SERVICE, &service, s);
}

/* ---- the server's thread ---- */

static void drop_sub(struct server_feed *f)
{
	if (f->taker.sub)
		topo_cancel(&f->s->topo.subs, f->taker.sub);
	f->taker.sub = NULL;
}

static void give_up(struct server_feed *f, int32_t code)
{
	drop_sub(f);
	assert(f->call && !f->taker.sub);
	if (!f->over)
		sinew_call_abort(f->call, code);
	f->over = true;
}

void feed_free(struct server_feed *f)
{
	drop_sub(f);
	list_remove(&f->all);
	sinew_call_end(f->call);
	free(f->request);
	free(f->rest);
	free(f);
}

void feeds_end(struct server *s)
{
	list_each(struct server_feed, f, &s->feeds, all)
		give_up(f, SINEW_RX_CALL_DEAD);
}

static unsigned n_of_peer(const struct server *s, uint32_t nodeid)
{
	unsigned n = 0;

	list_each(struct server_feed, f, &s->feeds, all)
		n += f->nodeid == nodeid;
	return n;
}

/* Members are told of what this node publishes for all, whatever they ask for. */
static int begin_sub(struct server_feed *f)
{
	struct topo_request request;
	int err;

	assert(!f->taker.sub && f->request);
	err = topo_request_parse(f->request, f->request_len, &request);

	if (err)
		return err;
	request.flags |= TOPO_REQ_OWN;
	request.scope = TOPO_SCOPE_CLUSTER;
	return topo_subscribe(&f->s->topo.subs, &request, service_now(), &f->taker,
			      &f->taker.sub);
}

static int begin_status(struct server_feed *f)
{
	struct server *s = f->s;
	char *text = NULL;
	int err;

	if (!s->gate.answer)
		return -EACCES;
	err = s->gate.answer(s->gate.arg, (const char *)f->request, f->request_len, NULL,
			     SERVER_READS, f->nodeid, &text);
	if (err)
		return err;
	assert(text);
	f->rest = (uint8_t *)text;
	f->len = strlen(text);
	f->last = true;
	return 0;
}

static void begin(struct server_feed *f)
{
	struct server *s = f->s;
	int err;

	if (!f->request)
		err = -ENOMEM;
	else if (n_of_peer(s, f->nodeid) > FEEDS_OF_PEER)
		err = -EUSERS;
	else
		err = f->op == MEMBER_SUBSCRIBE ? begin_sub(f) : begin_status(f);
	free(f->request);
	f->request = NULL;
	if (err)
		give_up(f, err == -ENOMEM || err == -ENOSPC || err == -EUSERS ?
			SINEW_RX_CALL_DEAD : SINEW_RX_INVALID_OPERATION);
}

/* Next events into the rest, which is empty. False: there are none. */
static bool fill(struct server_feed *f)
{
	struct server *s = f->s;

	assert(!f->rest);
	if (!f->taker.sub || !topo_has(f->taker.sub))
		return false;
	f->rest = malloc(FEED_BYTES);
	if (!f->rest) {
		give_up(f, SINEW_RX_CALL_DEAD);
		return false;
	}
	f->at = 0;
	f->len = topo_fill(&s->topo.subs, f->taker.sub, f->rest, FEED_BYTES);
	topo_taken(&s->topo.subs, f->taker.sub);
	f->last = topo_ended(f->taker.sub);
	return true;
}

/* 1: all of the rest has gone; 0: there is no room; or a negative errno. */
static int send_rest(struct server_feed *f)
{
	struct iovec iov = { f->rest + f->at, f->len - f->at };
	ssize_t n = sinew_call_send(f->call, &iov, 1, f->last ? 0 : SINEW_CALL_MORE);

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	f->at += (size_t)n;
	assert(f->at <= f->len);
	if (f->at < f->len)
		return 0;
	free(f->rest);
	f->rest = NULL;
	return 1;
}

bool feed_send(struct server_feed *f)
{
	for (unsigned n = 0; n < SENDS; n++) {
		int sent;

		assert(f->at <= f->len);
		if (f->over || (!f->rest && !fill(f)))
			return false;
		sent = send_rest(f);
		f->taker.waits = !sent;
		if (sent < 0)
			give_up(f, SINEW_RX_CALL_DEAD);
		if (sent == 1 && f->last)
			drop_sub(f);
		if (sent != 1)
			return false;
	}
	return f->taker.sub && topo_has(f->taker.sub);
}

bool feed_answer(struct server_feed *f)
{
	unsigned what = bell_answer(&f->bell);

	if (what & BELL_ENDED) {
		feed_free(f);
		return false;
	}
	if (list_empty(&f->all))
		list_append(&f->s->feeds, &f->all);
	if (what & BELL_BEGUN)
		begin(f);
	return feed_send(f);
}
