/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the connections of the relay; knows only where frames begin. */
#include "tests/lib/relay.h"

#define RELAY_BUF	65536
#define RELAY_JOIN_MS	10	/* joined until nothing more came for so long */

static void relay_close_fd(int fd, bool reset)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (fd < 0)
		return;
	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

static void relay_end_pair(struct relay_pair *p, bool reset)
{
	for (unsigned d = 0; d < 2; d++) {
		relay_close_fd(p->fd[d], reset);
		p->fd[d] = -1;
		free(p->dir[d].buf);
		p->dir[d].buf = NULL;
	}
	p->open = false;
}

void relay_close(struct relay *r)
{
	relay_close_fd(r->listener, false);
	r->listener = -1;
	for (unsigned i = 0; i < RELAY_PAIRS; i++)
		if (r->pairs[i].open)
			relay_end_pair(&r->pairs[i], true);
}

bool relay_open(struct relay *r, struct sockaddr_storage at, struct sockaddr_storage from,
		struct sockaddr_storage to)
{
	int one = 1;

	r->from = from;
	r->to = to;
	((struct sockaddr_in *)&r->from)->sin_port = 0;
	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!CHECK(r->listener >= 0))
		return false;
	setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	return CHECK_EQ(bind(r->listener, (struct sockaddr *)&at, sizeof(struct sockaddr_in)), 0) &&
	       CHECK_EQ(listen(r->listener, 16), 0);
}

static void relay_accept(struct relay *r)
{
	struct relay_pair *p = r->pairs;
	int one = 1, in, out;

	while (p < r->pairs + RELAY_PAIRS && p->open)
		p++;
	if (p == r->pairs + RELAY_PAIRS)
		return;
	in = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (in < 0)
		return;
	out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out < 0 || bind(out, (struct sockaddr *)&r->from, sizeof(struct sockaddr_in)) ||
	    connect(out, (struct sockaddr *)&r->to, sizeof(struct sockaddr_in))) {
		relay_close_fd(in, true);
		relay_close_fd(out, true);
		return;
	}
	fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
	*p = (struct relay_pair) {
		.fd = { in, out }, .open = true, .number = r->n_accepted++,
	};
	p->plan = p->number < RELAY_PLANS ? r->plans[p->number] : r->later;
	for (unsigned d = 0; d < 2; d++) {
		setsockopt(p->fd[d], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		p->dir[d].buf = malloc(RELAY_BUF);
		if (!CHECK(p->dir[d].buf != NULL))
			abort();
	}
}

static void relay_follow(struct relay *r, struct relay_pair *p, unsigned d, const uint8_t *b,
			 size_t n)
{
	struct relay_place *at = &p->dir[d].place;

	while (n > 0) {
		size_t take;

		if (at->at == at->length)
			*at = (struct relay_place) { .length = sizeof at->head };
		take = at->at < sizeof at->head ? 1 : at->length - at->at;
		if (at->at < sizeof at->head)
			at->head[at->at] = *b;
		if (take > n)
			take = n;
		at->at += (uint32_t)take;
		b += take;
		n -= take;
		if (at->at == WIRE_HEADER) {
			at->length = get_le16(at->head + offsetof(struct wire_header, length));
			at->cmd = at->head[offsetof(struct wire_header, cmd)];
		} else if (at->at == WIRE_OPTS && at->cmd == WIRE_OPTS_CMD) {
			at->cmd = at->head[offsetof(struct wire_opts, nextcmd)];
		}
		if (at->at == at->length && r->on_frame)
			r->on_frame(r, p->number, d, at);
	}
}

/* How much of that direction may pass now. */
static uint64_t relay_allowed(const struct relay_pair *p, unsigned d)
{
	if (p->fired && p->plan.act == RELAY_HALF_CLOSE && p->plan.dir == d)
		return UINT64_MAX;	/* read and thrown away */
	if (p->plan.act == RELAY_PASS || p->plan.dir != d ||
	    (p->fired && p->plan.act == RELAY_STALL))
		return UINT64_MAX;
	return p->plan.after - p->dir[d].passed;
}

/* Whether what is in the buffer goes on now. */
static size_t relay_ready(const struct relay *r, const struct relay_dir *d)
{
	size_t n = d->len - d->off;

	if (r->shape == RELAY_BYTES && n > 1)
		return 1;
	if (r->shape == RELAY_JOIN && d->len < RELAY_BUF && !d->eof &&
	    now_ms() < d->last_ms + RELAY_JOIN_MS)
		return 0;
	return n;
}

/* False: that side has ended by an error. */
static bool relay_read(struct relay *r, struct relay_pair *p, unsigned d)
{
	struct relay_dir *dir = &p->dir[d];
	uint64_t room = RELAY_BUF - dir->len;
	ssize_t got;

	if (dir->eof || (dir->len > dir->off && r->shape != RELAY_JOIN))
		return true;
	if (dir->off == dir->len)
		dir->off = dir->len = 0;
	room = RELAY_BUF - dir->len;
	if (room > relay_allowed(p, d) - (dir->len - dir->off))
		room = relay_allowed(p, d) - (dir->len - dir->off);
	if (room == 0)
		return true;
	got = recv(p->fd[d], dir->buf + dir->len, (size_t)room, 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	dir->eof = got == 0;
	dir->len += (size_t)got;
	dir->last_ms = now_ms();
	return true;
}

static bool relay_write(struct relay *r, struct relay_pair *p, unsigned d)
{
	struct relay_dir *dir = &p->dir[d];
	size_t n = relay_ready(r, dir);
	ssize_t put;

	if (p->fired && p->plan.act == RELAY_HALF_CLOSE && p->plan.dir == d) {
		dir->off = dir->len = 0;
		return true;
	}
	if (n > 0) {
		put = send(p->fd[!d], dir->buf + dir->off, n, MSG_NOSIGNAL);
		if (put < 0)
			return errno == EAGAIN || errno == EINTR;
		relay_follow(r, p, d, dir->buf + dir->off, (size_t)put);
		dir->off += (size_t)put;
		dir->passed += (uint64_t)put;
	}
	if (dir->eof && !dir->shut && dir->off == dir->len) {
		dir->shut = true;
		shutdown(p->fd[!d], SHUT_WR);
	}
	return true;
}

/* The place where a direction stands. Which frame begins there is known only by what
 * follows, so it looks ahead. */
static struct relay_place relay_where(const struct relay_pair *p, unsigned d)
{
	struct relay_place at = p->dir[d].place;
	uint8_t head[WIRE_OPTS];
	ssize_t n;

	if (at.at == at.length || at.at >= sizeof head)
		return at;
	memcpy(head, at.head, at.at);
	n = recv(p->fd[d], head + at.at, sizeof head - at.at, MSG_PEEK);
	n = n < 0 ? at.at : n + at.at;
	if (n >= (ssize_t)WIRE_HEADER)
		at.cmd = head[offsetof(struct wire_header, cmd)];
	if (at.cmd == WIRE_OPTS_CMD && n > (ssize_t)offsetof(struct wire_opts, nextcmd))
		at.cmd = head[offsetof(struct wire_opts, nextcmd)];
	return at;
}

/* The plan's byte has passed. Returns false when the pair has ended. */
static bool relay_fire(struct relay *r, struct relay_pair *p)
{
	struct relay_plan *plan = &p->plan;

	if (p->fired || plan->act == RELAY_PASS || p->dir[plan->dir].passed < plan->after)
		return true;
	if (plan->settle > 0) {
		plan->settle--;
		return true;
	}
	p->fired = true;
	r->n_fired++;
	r->cut = relay_where(p, plan->dir);
	switch (plan->act) {
	case RELAY_PASS:
		break;
	case RELAY_END_RESET:
		shutdown(p->fd[0], SHUT_WR);
		shutdown(p->fd[1], SHUT_WR);
		relay_end_pair(p, true);
		return false;
	case RELAY_RESET:
		relay_end_pair(p, true);
		return false;
	case RELAY_HALF_CLOSE:
		shutdown(p->fd[!plan->dir], SHUT_WR);
		p->dir[plan->dir].shut = true;
		break;
	case RELAY_STALL:
		p->until_ms = now_ms() + plan->stall_ms;
		break;
	case RELAY_HOLE:
		p->until_ms = INT64_MAX;
		break;
	}
	return true;
}

/* In a hole nothing comes back, not even that the other end has gone. */
static void relay_swallow(struct relay_pair *p)
{
	uint8_t waste[4096];

	for (unsigned d = 0; d < 2; d++)
		while (p->fd[d] >= 0 && recv(p->fd[d], waste, sizeof waste, 0) > 0)
			;
}

static void relay_pair_turn(struct relay *r, struct relay_pair *p)
{
	bool good = true;

	if (!relay_fire(r, p))
		return;
	if (now_ms() < p->until_ms) {
		if (p->plan.act == RELAY_HOLE)
			relay_swallow(p);
		return;
	}
	for (unsigned d = 0; d < 2 && good; d++)
		good = relay_read(r, p, d) && relay_write(r, p, d);
	if (!good)
		relay_end_pair(p, true);
	else if (p->dir[0].shut && p->dir[1].shut)
		relay_end_pair(p, false);
	else
		relay_fire(r, p);
}

void relay_turn(struct relay *r)
{
	relay_accept(r);
	for (unsigned i = 0; i < RELAY_PAIRS; i++)
		if (r->pairs[i].open)
			relay_pair_turn(r, &r->pairs[i]);
}

unsigned relay_fds(const struct relay *r, struct pollfd fds[RELAY_FDS], int *wait_ms)
{
	unsigned n = 0;

	fds[n++] = (struct pollfd) { .fd = r->listener, .events = POLLIN };
	for (unsigned i = 0; i < RELAY_PAIRS; i++) {
		const struct relay_pair *p = &r->pairs[i];

		if (!p->open)
			continue;
		if (*wait_ms > 5 && (p->until_ms || r->shape == RELAY_JOIN))
			*wait_ms = 5;
		if (p->plan.settle && p->dir[p->plan.dir].passed == p->plan.after)
			*wait_ms = 0;
		if (now_ms() < p->until_ms)
			continue;
		for (unsigned d = 0; d < 2; d++) {
			const struct relay_dir *in = &p->dir[d], *out = &p->dir[!d];
			short events = 0;

			if (in->off == in->len && !in->eof && relay_allowed(p, d) > 0)
				events |= POLLIN;
			if (out->off < out->len && r->shape != RELAY_JOIN)
				events |= POLLOUT;
			if (events)
				fds[n++] = (struct pollfd) { .fd = p->fd[d], .events = events };
		}
	}
	return n;
}
