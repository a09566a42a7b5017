/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lowcomms/service.h"
#include "proto/wire.h"
#include "services/control_link.h"
#include "services/packet.h"
#include "services/server_pubs.h"

/* ---- begin and end ---- */

struct server_client *client_new(int fd, const struct ucred *who)
{
	struct server_client *c = calloc(1, sizeof *c);

	assert(fd >= 0);
	if (!c)
		return NULL;
	c->source = SOURCE_CLIENT;
	c->fd = fd;
	c->who = *who;
	list_init(&c->all);
	list_init(&c->silent);
	list_init(&c->subs);
	list_init(&c->blocked);
	return c;
}

void client_discard(struct server_client *c)
{
	assert(list_empty(&c->all) && list_empty(&c->subs));
	close(c->fd);
	free(c);
}

static bool is_trusted(const struct server *s, const struct server_client *c)
{
	return c->is_local || !c->who.uid || c->who.uid == s->uid;
}

int client_begin(struct server *s, struct server_client *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &ev))
		return -errno;
	c->events = EPOLLIN;
	publisher_init(s, &c->by, is_trusted(s, c) ? s->opt.max_publications :
		       SERVER_PUBS_OF_USER);
	list_append(&s->clients, &c->all);
	s->counts.n_clients++;
	if (c->is_local) {
		c->rights = SERVER_READS | SERVER_WRITES;
		return 0;
	}
	c->hello_ns = service_now() + SERVER_HELLO_NS;
	list_append(&s->listener.silent, &c->silent);
	s->counts.n_silent++;
	s->counts.n_sockets++;
	return 0;
}

static void sub_end(struct server *s, struct server_sub *sub)
{
	assert(sub->conn->n_subs && s->counts.n_subs);
	topo_cancel(&s->topo.subs, sub->taker.sub);
	subs_remove(&s->subs, sub);
	sub->conn->n_subs--;
	s->counts.n_subs--;
	s->counts.n_subs_of_others -= !is_trusted(s, sub->conn);
	list_remove(&sub->of);
	list_remove(&sub->blocked);
	free(sub);
}

static void heard(struct server *s, struct server_client *c)
{
	if (list_empty(&c->silent))
		return;
	assert(s->counts.n_silent);
	list_remove(&c->silent);
	s->counts.n_silent--;
}

void client_end(struct server *s, struct server_client *c)
{
	list_each(struct server_sub, sub, &c->subs, of)
		sub_end(s, sub);
	publisher_leave(s, &c->by);
	heard(s, c);
	assert(s->counts.n_clients && list_empty(&c->blocked));
	s->counts.n_clients--;
	if (c->is_local)
		atomic_fetch_sub(&s->n_locals, 1);
	else
		s->counts.n_sockets--;
	list_remove(&c->all);
	free(c->answer.text);
	packet_end(c->fd, s->epoll);
	client_discard(c);
}

/* ---- answers ---- */

/* Requests wait for the answer, events for room of their own. */
static void look_for(struct server *s, struct server_client *c)
{
	uint32_t events = c->answer.due ? EPOLLOUT : EPOLLIN;
	struct epoll_event ev = { .data.ptr = c };

	if (!list_empty(&c->blocked))
		events |= EPOLLOUT;
	if (events == c->events || c->over)
		return;
	ev.events = c->events = events;
	if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev))
		c->over = true;
}

/* True: it has gone, or there is no one to take it. Then epoll tells, and so ends it. */
static bool sent(struct server_client *c, int err)
{
	if (!err)
		return true;
	if (err != -EAGAIN) {
		c->over = true;
		shutdown(c->fd, SHUT_RDWR);
	}
	return c->over;
}

/* Pieces of a text, as many as go in a turn. */
static void send_text(struct server_client *c, struct server_answer *a)
{
	for (unsigned n = 0; n < SERVER_WRITES_A_TURN; n++) {
		size_t left = a->len - a->at;
		size_t piece = left < CONTROL_BODY_MAX ? left : CONTROL_BODY_MAX;

		a->head.flags = piece < left ? CONTROL_MORE : 0;
		if (!sent(c, control_send(c->fd, &a->head, a->text + a->at, piece)))
			return;
		a->at += piece;
		if (a->at < a->len && !c->over)
			continue;
		free(a->text);
		a->text = NULL;
		a->due = false;
		return;
	}
}

static void send_answer(struct server_client *c)
{
	struct server_answer *a = &c->answer;

	assert(a->due);
	if (a->text)
		send_text(c, a);
	else if (sent(c, control_send(c->fd, &a->head, a->body, a->len)))
		a->due = false;
}

/* Its kind and id are those of the request; the body, if it has one, is filled before. */
static void reply(struct server_client *c, const struct control_head *to, int status, size_t len)
{
	struct server_answer *a = &c->answer;

	assert(!a->due && !a->text && len <= sizeof a->body);
	a->head = (struct control_head) {
		.kind = to->kind | CONTROL_ANSWER, .id = to->id, .status = status,
	};
	a->len = status ? 0 : len;
	a->due = true;
	send_answer(c);
}

void client_refuse(struct server_client *c, int err)
{
	const struct control_head hello = { .kind = CONTROL_HELLO };

	assert(err < 0);
	if (!c->answer.due)
		reply(c, &hello, err, 0);
	c->over = true;
}

/* ---- requests ---- */

static int on_hello(struct server *s, struct server_client *c, const uint8_t *body, size_t len)
{
	const struct control_hello hello = {
		CONTROL_VERSION, s->nodeid, s->incarnation, s->epoch,
	};

	if (len != CONTROL_HELLO_ASK)
		return -EBADMSG;
	if (get_le32(body) != CONTROL_VERSION)
		return -EPROTONOSUPPORT;
	if (!c->rights)
		return -EACCES;
	heard(s, c);
	c->greeted = true;
	control_put_hello(c->answer.body, &hello);
	return 0;
}

static int on_ask(struct server *s, struct server_client *c, const struct control_head *head,
		  const uint8_t *body, size_t len)
{
	char *text = NULL;
	int err;

	if (!(c->rights & SERVER_READS))
		return -EACCES;
	if (!s->gate.answer)
		return -ENOSYS;
	err = s->gate.answer(s->gate.arg, (const char *)body, len, &c->who, c->rights, 0, &text);
	if (err)
		return err;
	assert(text);
	c->answer = (struct server_answer) {
		.head = { .kind = head->kind | CONTROL_ANSWER, .id = head->id },
		.text = text, .len = strlen(text), .due = true,
	};
	send_answer(c);
	return 0;
}

/* Members have places of their own, and all other users but root and ours half of the rest. */
static bool has_place(const struct server *s, const struct server_client *c)
{
	const uint32_t max = s->opt.max_subscriptions;

	assert(s->counts.n_subs_of_others <= s->counts.n_subs);
	if (s->counts.n_subs >= max)
		return false;
	return is_trusted(s, c) ||
		(c->n_subs < SERVER_SUBS_OF_USER && s->counts.n_subs_of_others < max / 2);
}

static int on_subscribe(struct server *s, struct server_client *c, uint32_t id, const uint8_t *body,
			size_t len)
{
	struct topo_request request;
	struct server_sub *sub;
	int err = topo_request_parse(body, len, &request);

	if (err)
		return err;
	if (!(c->rights & SERVER_READS))
		return -EACCES;
	if (subs_find(&s->subs, c, id, NULL))
		return -EEXIST;
	if (!has_place(s, c))
		return -ENOSPC;
	sub = malloc(sizeof *sub);
	if (!sub)
		return -ENOMEM;
	*sub = (struct server_sub) { .taker = { .kind = TAKER_CLIENT }, .conn = c, .id = id };
	err = topo_subscribe(&s->topo.subs, &request, service_now(), sub, &sub->taker.sub);
	if (err) {
		free(sub);
		return err;
	}
	list_init(&sub->blocked);
	list_push(&c->subs, &sub->of);
	subs_add(&s->subs, sub);
	c->n_subs++;
	s->counts.n_subs++;
	s->counts.n_subs_of_others += !is_trusted(s, c);
	/* The pause of others is not its. */
	s->due.news_ns = 0;
	return 0;
}

static int on_cancel(struct server *s, struct server_client *c, const uint8_t *body, size_t len)
{
	struct server_sub *sub;

	if (len != CONTROL_NAMED)
		return -EBADMSG;
	sub = subs_find(&s->subs, c, get_le32(body), NULL);
	if (!sub)
		return -ENOENT;
	sub_end(s, sub);
	return 0;
}

static int on_publish(struct server *s, struct server_client *c, uint32_t id, const uint8_t *body,
		      size_t len)
{
	struct topo_offer offer;
	uint32_t pub;
	int err = topo_offer_parse(body, len, &offer);

	if (err)
		return err;
	if (!(c->rights & SERVER_WRITES))
		return -EACCES;
	err = pubs_add(s, &c->by, id, &offer, &pub);
	if (!err)
		put_le32(c->answer.body, pub);
	return err;
}

static int on_withdraw(struct server *s, struct server_client *c, const uint8_t *body, size_t len)
{
	return len == CONTROL_NAMED ? pubs_withdraw(s, &c->by, get_le32(body)) : -EBADMSG;
}

/* One that begins with HELLO, and keeps to the rules; else it is over behind the answer. */
static void on_request(struct server *s, struct server_client *c, const struct control_head *head,
		       const uint8_t *body, size_t len)
{
	size_t answer = 0;
	int err = -EPROTO;

	assert(!c->over && !c->answer.due);
	s->counts.n_requests++;
	if (c->greeted != (head->kind != CONTROL_HELLO) || head->flags & ~CONTROL_QUIET) {
		reply(c, head, err, 0);
		c->over = true;
		return;
	}
	switch (head->kind) {
	case CONTROL_HELLO:
		err = on_hello(s, c, body, len);
		answer = CONTROL_HELLO_ANSWER;
		break;
	case CONTROL_ASK:
		err = on_ask(s, c, head, body, len);
		break;
	case CONTROL_SUBSCRIBE:
		err = on_subscribe(s, c, head->id, body, len);
		break;
	case CONTROL_CANCEL:
		err = on_cancel(s, c, body, len);
		break;
	case CONTROL_PUBLISH:
		err = on_publish(s, c, head->id, body, len);
		answer = CONTROL_PUB;
		break;
	case CONTROL_WITHDRAW:
		err = on_withdraw(s, c, body, len);
		break;
	}
	if (err || (head->kind != CONTROL_ASK && !(head->flags & CONTROL_QUIET)))
		reply(c, head, err, answer);
	if (err == -EPROTO || err == -EBADMSG || !c->greeted)
		c->over = true;
}

static void take_requests(struct server *s, struct server_client *c)
{
	for (unsigned n = 0; n < SERVER_REQUESTS && !c->answer.due && !c->over; n++) {
		struct control_head head = { .kind = CONTROL_HELLO };
		int err = control_take(c->fd, s->buf, &head);

		if (err == -EAGAIN)
			return;
		if (err == -EMSGSIZE || err == -EBADMSG) {
			reply(c, &head, err, 0);
			c->over = true;
		} else if (err) {
			c->over = true;
		} else {
			on_request(s, c, &head, s->buf + CONTROL_HEAD, head.size - CONTROL_HEAD);
		}
	}
}

/* ---- events ---- */

/* The subscription is fed again when its connection has room. */
static void wait_for_room(struct server *s, struct server_sub *sub)
{
	assert(sub->taker.kind == TAKER_CLIENT && sub->conn);
	sub->taker.waits = true;
	if (list_empty(&sub->blocked))
		list_append(&sub->conn->blocked, &sub->blocked);
	look_for(s, sub->conn);
}

/* One message for a subscription that has some. False: there is no room for more, or no more. */
static bool feed_once(struct server *s, struct server_sub *sub)
{
	struct server_client *c = sub->conn;
	const struct control_head head = {
		.kind = CONTROL_EVENTS | CONTROL_ANSWER, .id = sub->id,
	};
	size_t n;

	assert(topo_has(sub->taker.sub));
	put_le64(s->buf, s->topo.log.next);
	n = topo_fill(&s->topo.subs, sub->taker.sub, s->buf + CONTROL_NEWEST,
		      CONTROL_BODY_MAX - CONTROL_NEWEST);
	/* Its requests are looked at, and that closes it, too. */
	if (c->over || !sent(c, control_send(c->fd, &head, s->buf, n + CONTROL_NEWEST))) {
		wait_for_room(s, sub);
		return false;
	}
	topo_taken(&s->topo.subs, sub->taker.sub);
	return topo_has(sub->taker.sub);
}

/* Its last event has gone: it takes no place any more. */
static void end_if_told(struct server *s, struct server_sub *sub)
{
	if (topo_ended(sub->taker.sub))
		sub_end(s, sub);
}

void client_feed(struct server *s, struct server_sub *sub)
{
	unsigned n = 0;

	assert(!sub->taker.waits && topo_has(sub->taker.sub));
	/* Behind others of its program that wait for room. */
	if (!list_empty(&sub->conn->blocked)) {
		wait_for_room(s, sub);
		return;
	}
	while (n < SERVER_WRITES_A_TURN && feed_once(s, sub))
		n++;
	if (n == SERVER_WRITES_A_TURN)
		wait_for_room(s, sub);
	else
		end_if_told(s, sub);
}

/* There is room: those that waited go on, one message each, in their order. The first for which
 * there is none is the first the next time. */
static void go_on(struct server *s, struct server_client *c)
{
	assert(!c->over);
	for (unsigned n = 0; n < SERVER_GO_ON && !list_empty(&c->blocked); n++) {
		struct server_sub *sub = list_first(&c->blocked, struct server_sub, blocked);
		bool more;

		list_remove(&sub->blocked);
		sub->taker.waits = false;
		more = topo_has(sub->taker.sub) && feed_once(s, sub);
		if (sub->taker.waits) {
			list_remove(&sub->blocked);
			list_push(&c->blocked, &sub->blocked);
			return;
		}
		if (more)
			wait_for_room(s, sub);
		else
			end_if_told(s, sub);
	}
}

void client_event(struct server *s, struct server_client *c, uint32_t events)
{
	if (events & EPOLLOUT && c->answer.due)
		send_answer(c);
	if (events & EPOLLOUT && !c->over)
		go_on(s, c);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !c->answer.due)
		take_requests(s, c);
	if (events & (EPOLLHUP | EPOLLERR) && c->answer.due)
		c->over = true;
	look_for(s, c);
}
