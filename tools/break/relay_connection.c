/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One relayed connection: two sockets, a pipe for each direction, and what the
 * end of one side means for the other. Knows nothing of how it came about.
 */
#include "tools/break/relay_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void relay_reset_fd(int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

int relay_connection_open(struct relay_connection *c, const struct relay_faults *faults,
			  enum relay_side dialler, uint32_t number, const int fd[RELAY_SIDES])
{
	struct relay_place place = { .dialler = dialler, .number = number };
	int one = 1, rc = 0;
	unsigned s;

	memset(c, 0, sizeof(*c));
	c->open = true;
	c->dialler = dialler;
	for (s = 0; s < RELAY_SIDES; s++) {
		c->fd[s] = fd[s];
		setsockopt(fd[s], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	for (s = 0; s < RELAY_SIDES && !rc; s++) {
		place.from = (enum relay_side)s;
		rc = relay_pipe_open(&c->pipes[s], faults, &place, fd[s], fd[!s]);
	}
	if (rc)
		relay_connection_end(c, true);
	return rc;
}

void relay_connection_end(struct relay_connection *c, bool reset)
{
	unsigned s;

	for (s = 0; s < RELAY_SIDES; s++) {
		if (reset)
			relay_reset_fd(c->fd[s]);
		else
			close(c->fd[s]);
		relay_pipe_close(&c->pipes[s]);
	}
	c->open = false;
}

/* Does the acts whose byte has come. False: the connection has ended by one. */
static bool fire(struct relay_connection *c, unsigned from, struct relay_turn *t)
{
	struct relay_pipe *p = &c->pipes[from];
	const struct relay_act *due;
	struct relay_act act;

	for (;;) {
		due = t->calm ? NULL : relay_pipe_due(p, t);
		if (!due)
			return true;
		act = *due;
		relay_plan_advance(&p->plan);
		t->acted(t->user, &p->plan.place, &act);
		if (act.kind == RELAY_RESET) {
			relay_connection_end(c, true);
			return false;
		}
		relay_pipe_apply(p, &act, t);
		if (act.both)
			relay_pipe_stall(&c->pipes[!from], t, act.ms);
	}
}

/* Nothing can be given to a side that is gone. */
static void note_gone(struct relay_connection *c)
{
	unsigned s;

	for (s = 0; s < RELAY_SIDES; s++) {
		if (c->pipes[s].broken || c->pipes[!s].refused)
			c->gone[s] = true;
		if (c->gone[s])
			relay_pipe_sink(&c->pipes[!s]);
	}
}

/* The end of a side is told to the other one behind all that came, or never if it is lost. */
static bool has_broken(struct relay_connection *c, struct relay_turn *t)
{
	unsigned s;

	for (s = 0; s < RELAY_SIDES; s++) {
		struct relay_pipe *p = &c->pipes[s];

		if (c->gone[s] && p->eof && !p->hole && relay_pipe_is_settled(p, t))
			return true;
	}
	return c->gone[RELAY_A] && c->gone[RELAY_B];
}

void relay_connection_turn(struct relay_connection *c, struct relay_turn *t)
{
	const struct relay_pipe *pipes = c->pipes;
	unsigned s;

	/* The effect of one direction on the other comes before a byte of that one. */
	for (s = 0; s < RELAY_SIDES; s++) {
		if (t->calm)
			relay_pipe_calm(&c->pipes[s]);
		if (!fire(c, s, t))
			return;
	}
	for (s = 0; s < RELAY_SIDES; s++) {
		relay_pipe_move(&c->pipes[s], t);
		if (!fire(c, s, t))
			return;
		relay_pipe_finish(&c->pipes[s], t);
	}
	note_gone(c);
	if (has_broken(c, t))
		relay_connection_end(c, true);
	else if (relay_pipe_is_done(&pipes[RELAY_A]) && relay_pipe_is_done(&pipes[RELAY_B]))
		relay_connection_end(c, pipes[RELAY_A].hole || pipes[RELAY_B].hole);
}

struct pollfd relay_connection_wish(const struct relay_connection *c, enum relay_side side,
				    const struct relay_turn *t)
{
	const struct relay_pipe *in = &c->pipes[side], *out = &c->pipes[!side];
	struct pollfd wish = { .fd = c->fd[side] };

	if (relay_pipe_reads(in, t))
		wish.events |= POLLIN;
	if (out->blocked && !c->gone[side])
		wish.events |= POLLOUT;
	/* A side that has finished may still break, unless that would not be told. */
	if (!wish.events && (c->gone[side] || !in->eof || relay_pipe_is_stalled(in, t) ||
			     out->shut || out->sink))
		wish.fd = -1;
	return wish;
}

void relay_connection_told(struct relay_connection *c, enum relay_side side,
			   const struct pollfd *told)
{
	if (!told->events && told->revents)
		c->gone[side] = true;
}
