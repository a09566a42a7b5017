/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_listen.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lowcomms/service.h"
#include "services/owner.h"
#include "services/server_client.h"

void listener_init(struct server *s)
{
	s->listener.source = SOURCE_LISTENER;
	s->listener.fd = s->listener.spare_fd = -1;
	s->listener.again_ns = UINT64_MAX;
	list_init(&s->listener.silent);
}

void listener_close(struct server *s)
{
	if (s->listener.fd >= 0)
		close(s->listener.fd);
	if (s->listener.spare_fd >= 0)
		close(s->listener.spare_fd);
	s->listener.fd = s->listener.spare_fd = -1;
}

int server_listen(struct server *s, const char *name, const struct server_gate *gate)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &s->listener };
	struct server_listener *l = &s->listener;
	int fd, err;

	if (!name || !gate || !gate->may)
		return -EINVAL;
	if (l->fd >= 0)
		return -EEXIST;
	err = packet_listen(name, &fd);
	if (err)
		return err;
	l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (l->spare_fd < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	s->gate = *gate;
	l->fd = fd;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev)) {
		err = -errno;
		s->gate = (struct server_gate) { .may = NULL };
		listener_close(s);
		return err;
	}
	return 0;
}

/* ---- who is let in ---- */

static bool is_trusted(const struct server *s, uid_t uid)
{
	return !uid || uid == s->uid;
}

/* 0, or why not: places of root and the own user are for them alone, so that other users, however
 * many, cannot keep these out. */
static int judge(const struct server *s, uid_t uid)
{
	unsigned n = 0, n_others = 0;
	int err;

	list_each(struct server_client, c, &s->clients, all) {
		n += !c->is_local && c->who.uid == uid;
		n_others += !c->is_local && !is_trusted(s, c->who.uid);
	}
	if (is_trusted(s, uid))
		err = n < SERVER_OF_OWN ? 0 : -EUSERS;
	else
		err = n < SERVER_OF_USER && n_others < SERVER_OF_OTHERS ? 0 : -EUSERS;
	assert(err || s->counts.n_sockets < SERVER_SOCKETS);
	return err;
}

/* Takes its HELLO first: what is left unread would be told in place of the answer. */
static void refuse(struct server *s, struct server_client *c, int err)
{
	assert(err < 0 && list_empty(&c->all));
	s->counts.n_refused++;
	packet_take(c->fd, s->buf, CONTROL_MAX);
	client_refuse(c, err);
	client_discard(c);
}

static void let_in(struct server *s, int fd)
{
	struct server_client *c;
	struct ucred who;
	int err = packet_peer(fd, &who);

	c = err ? NULL : client_new(fd, &who);
	if (!c) {
		s->counts.n_refused++;
		close(fd);
		return;
	}
	err = judge(s, who.uid);
	if (!err) {
		c->rights = s->gate.may(s->gate.arg, fd, &who);
		err = c->rights ? client_begin(s, c) : -EACCES;
	}
	if (err)
		refuse(s, c, err);
}

/* Once, and again if it lasts, as anybody may connect. */
static void say_full(struct server *s, int err)
{
	struct server_listener *l = &s->listener;
	const char *remedy = err == -EMFILE ? "raise the open file limit" : "raise fs.file-max";
	uint64_t now_ns = service_now();
	char unsaid[32] = "";

	assert(err == -EMFILE || err == -ENFILE);
	if (now_ns < l->say_ns) {
		l->n_unsaid++;
		return;
	}
	if (l->n_unsaid)
		snprintf(unsaid, sizeof unsaid, " suppressed=%u", l->n_unsaid);
	log_line(&s->node->log, SINEW_ERROR, "control socket: cannot accept a connection: %s; "
		 "%s%s", strerror(-err), remedy, unsaid);
	l->say_ns = now_ns + SERVER_SAY_NS;
	l->n_unsaid = 0;
}

/* No descriptor is left: the place of the spare one serves to shut a connection, which else would
 * be shown again and again. */
static bool shut_one(struct server *s, int why)
{
	struct server_listener *l = &s->listener;
	int fd, err;

	assert(l->fd >= 0);
	if (l->spare_fd >= 0)
		close(l->spare_fd);
	err = packet_accept(l->fd, &fd);
	/* Without a descriptor it fails also where nobody waits. */
	if (err != -EAGAIN)
		say_full(s, why);
	if (!err) {
		s->counts.n_refused++;
		close(fd);
	}
	l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return !err || err == -EAGAIN;
}

static void look_for(struct server *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = &s->listener };
	int err = epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener.fd, &ev);

	assert(!err);
	(void)err;
}

/* Another thread took that place, too: connections wait. */
static void pause_accepting(struct server *s)
{
	look_for(s, 0);
	s->listener.again_ns = service_now() + SERVER_AGAIN_NS;
}

static void go_on(struct server *s)
{
	struct server_listener *l = &s->listener;

	assert(l->fd >= 0);
	l->again_ns = UINT64_MAX;
	if (l->spare_fd < 0)
		l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	look_for(s, EPOLLIN);
}

void listener_event(struct server *s)
{
	assert(s->listener.fd >= 0);
	for (unsigned n = 0; n < SERVER_ACCEPTS; n++) {
		int fd, err = packet_accept(s->listener.fd, &fd);

		if (!err)
			let_in(s, fd);
		else if (err == -EAGAIN)
			return;
		else if ((err == -EMFILE || err == -ENFILE) && !shut_one(s, err)) {
			pause_accepting(s);
			return;
		}
	}
}

uint64_t listener_deadline(const struct server *s)
{
	const struct server_listener *l = &s->listener;
	uint64_t due;

	assert(list_empty(&l->silent) == !s->counts.n_silent);
	if (list_empty(&l->silent))
		return l->again_ns;
	due = list_first(&l->silent, struct server_client, silent)->hello_ns;
	return due < l->again_ns ? due : l->again_ns;
}

void listener_tick(struct server *s, uint64_t now_ns)
{
	if (s->listener.again_ns <= now_ns)
		go_on(s);
	while (listener_deadline(s) <= now_ns) {
		struct server_client *c = list_first(&s->listener.silent, struct server_client,
						     silent);

		assert(!c->greeted);
		s->counts.n_refused++;
		client_end(s, c);
	}
}
