/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One relayed connection: two sockets, a pipe for each direction, and what the end of one side
 * means for the other. No byte beyond the next act passes before that act, and all by the rules
 * that hold for the byte. Knows nothing of how a connection came about, nor who logs an act.
 */
#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/break/relay.h"
#include "tools/clock.h"

#define PIECES_TURN	64		/* writes of one turn */
#define SWALLOWS_TURN	16		/* reads of one turn into nothing */
#define LOOK_AGAIN_NS	CLOCK_MS	/* for what the kernel tells only when asked */
#define BURST_NS	(50 * CLOCK_MS)	/* of a throttle after a pause */
#define QUANTUM_NS	(10 * CLOCK_MS)	/* of a throttle: worth a write */

static void wake(struct relay_turn *t, uint64_t at_ns)
{
	if (t->wake_ns > at_ns)
		t->wake_ns = at_ns;
}

static size_t waiting(const struct relay_pipe *p)
{
	return p->len - p->off;
}

static bool in_force(const struct relay_pipe *p, enum relay_kind kind)
{
	return p->shapes[kind].end != 0;
}

/* Bytes written that the kernel still has: not acknowledged, or not even sent. */
static int queued(const struct relay_pipe *p, unsigned long request)
{
	int n = 0;

	return ioctl(p->to->fd, request, &n) ? 0 : n;
}

static bool is_stalled(const struct relay_pipe *p, const struct relay_turn *t)
{
	return t->now_ns < p->stalled_until_ns;
}

/* Whether all that came has reached the reader's machine. */
static bool is_settled(const struct relay_pipe *p, struct relay_turn *t)
{
	if (waiting(p) || is_stalled(p, t))
		return false;
	if (!queued(p, SIOCOUTQ))
		return true;
	wake(t, t->now_ns + LOOK_AGAIN_NS);
	return false;
}

/* ---- acts ---- */

/* The next offset at which something changes: nothing is read beyond it before. */
static uint64_t boundary(const struct relay_pipe *p)
{
	uint64_t first = p->plan.has_next ? p->plan.next.offset : UINT64_MAX;
	unsigned i;

	for (i = RELAY_DELAY; i < RELAY_N_KINDS; i++)
		if (p->shapes[i].end && p->shapes[i].end < first)
			first = p->shapes[i].end;
	return first;
}

static void end_shapes(struct relay_pipe *p)
{
	unsigned i;

	for (i = RELAY_DELAY; i < RELAY_N_KINDS; i++)
		if (p->shapes[i].end <= p->n_passed)
			p->shapes[i].end = 0;
}

static bool act_has_come(const struct relay_pipe *p)
{
	return !p->sink && p->plan.has_next && p->plan.next.offset == p->n_passed;
}

/* Whether the next act is to be done now: all before it has passed, for a reset also arrived. */
static bool is_due(struct relay_pipe *p, struct relay_turn *t)
{
	end_shapes(p);
	if (t->calm || !act_has_come(p) || is_stalled(p, t))
		return false;
	return p->plan.next.kind != RELAY_RESET || is_settled(p, t);
}

static void begin_piece(struct relay_pipe *p)
{
	const struct relay_act *split = &p->shapes[RELAY_SPLIT].act;

	p->piece_end = p->n_passed +
		       relay_plan_piece(&p->plan, split->offset, p->n_pieces, split->bytes);
	p->n_pieces++;
}

static void begin_shape(struct relay_pipe *p, const struct relay_act *act, uint64_t now_ns)
{
	struct relay_shape *shape = &p->shapes[act->kind];

	shape->act = *act;
	shape->end = act->length ? act->offset + act->length : UINT64_MAX;
	p->joined_end = p->n_passed;
	if (act->kind == RELAY_THROTTLE)
		p->paid_until_ns = now_ns;
	if (act->kind != RELAY_SPLIT)
		return;
	p->n_pieces = 0;
	begin_piece(p);
}

static void stall(struct relay_pipe *p, struct relay_turn *t, uint64_t ms)
{
	/* The turn began before the bytes were read: from then on it would be too short. */
	uint64_t until_ns = clock_now_ns() + ms * CLOCK_MS;

	wake(t, until_ns);
	if (p->stalled_until_ns < until_ns)
		p->stalled_until_ns = until_ns;
}

/* Throws away what is here and what still comes. */
static void sink(struct relay_pipe *p)
{
	p->sink = true;
	p->off = p->len = 0;
	p->n_chunks = 0;
	p->blocked = false;
}

static void shut(struct relay_pipe *p)
{
	shutdown(p->to->fd, SHUT_WR);
	p->shut = true;
}

static void apply(struct relay_connection *c, unsigned from, const struct relay_act *act,
		  struct relay_turn *t)
{
	struct relay_pipe *p = &c->pipes[from];

	assert(!waiting(p));
	switch (act->kind) {
	case RELAY_RESET:
		relay_connection_end(c, true);
		return;
	case RELAY_FIN:
		shut(p);
		sink(p);
		return;
	case RELAY_HOLE:
		p->hole = true;
		sink(p);
		return;
	case RELAY_STALL:
		stall(p, t, act->ms);
		if (act->both)
			stall(&c->pipes[!from], t, act->ms);
		return;
	case RELAY_DELAY:
	case RELAY_THROTTLE:
	case RELAY_SPLIT:
	case RELAY_JOIN:
		begin_shape(p, act, t->now_ns);
		return;
	}
}

/* Does the acts whose byte has come. False: the connection has ended by one. */
static bool fire(struct relay_connection *c, unsigned from, struct relay_turn *t)
{
	struct relay_pipe *p = &c->pipes[from];
	struct relay_act act;

	while (c->open && is_due(p, t)) {
		act = p->plan.next;
		relay_plan_advance(&p->plan);
		t->acted(t->user, &p->plan.place, &act);
		apply(c, from, &act, t);
	}
	return c->open;
}

/* Ends all that acts have begun and that can be ended. */
static void calm(struct relay_pipe *p)
{
	unsigned i;

	p->plan.has_next = false;
	p->stalled_until_ns = 0;
	for (i = 0; i < RELAY_N_KINDS; i++)
		p->shapes[i].end = 0;
}

/* ---- reading ---- */

static size_t room(const struct relay_pipe *p)
{
	uint64_t here = RELAY_BUFFER - waiting(p), allowed = boundary(p) - p->n_read;

	return (size_t)(here < allowed ? here : allowed);
}

/* Whether it waits for its sender. */
static bool reads(const struct relay_pipe *p, const struct relay_turn *t)
{
	return !p->eof && !is_stalled(p, t) &&
	       (p->sink || (p->n_chunks < RELAY_CHUNKS && room(p)));
}

/* How many bytes came; 0: none now, or no more. An error is an end, too. */
static size_t receive(struct relay_pipe *p, void *to, size_t n, uint64_t now_ns)
{
	ssize_t got = recv(p->from->fd, to, n, 0);

	if (got > 0)
		return (size_t)got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	p->broken = got < 0;
	p->from->gone |= p->broken;
	p->eof = true;
	p->eof_ns = now_ns;
	return 0;
}

static void swallow(struct relay_pipe *p, uint64_t now_ns)
{
	uint8_t waste[16384];
	unsigned i = 0;

	while (i < SWALLOWS_TURN && receive(p, waste, sizeof(waste), now_ns))
		i++;
}

static void read_some(struct relay_pipe *p, const struct relay_turn *t)
{
	size_t n = room(p), got;
	unsigned last;

	if (p->off && RELAY_BUFFER - p->len < n) {
		memmove(p->buf, p->buf + p->off, waiting(p));
		p->len -= p->off;
		p->off = 0;
	}
	got = receive(p, p->buf + p->len, n, t->now_ns);
	if (!got)
		return;
	p->len += got;
	p->n_read += got;
	last = (p->first_chunk + p->n_chunks) % RELAY_CHUNKS;
	p->chunks[last] = (struct relay_chunk){ .end = p->n_read, .read_ns = t->now_ns };
	p->n_chunks++;
}

/* ---- how much may pass now: each of these may lower n, and says when to ask again ---- */

static size_t after_delay(const struct relay_pipe *p, struct relay_turn *t, size_t n)
{
	uint64_t delay_ns = p->shapes[RELAY_DELAY].act.ms * CLOCK_MS;
	const struct relay_chunk *chunk;
	size_t due = 0;
	unsigned i;

	if (!n || !in_force(p, RELAY_DELAY))
		return n;
	for (i = 0; i < p->n_chunks; i++) {
		chunk = &p->chunks[(p->first_chunk + i) % RELAY_CHUNKS];
		if (chunk->read_ns + delay_ns > t->now_ns) {
			wake(t, chunk->read_ns + delay_ns);
			break;
		}
		due = (size_t)(chunk->end - p->n_passed);
	}
	return due < n ? due : n;
}

/* Bytes once let go go without a look at what came since. */
static size_t after_join(struct relay_pipe *p, struct relay_turn *t, size_t n)
{
	const struct relay_act *join = &p->shapes[RELAY_JOIN].act;
	uint64_t until_ns;

	if (!n || !in_force(p, RELAY_JOIN))
		return n;
	if (p->joined_end > p->n_passed) {
		uint64_t rest = p->joined_end - p->n_passed;

		return rest < n ? (size_t)rest : n;
	}
	until_ns = p->chunks[p->first_chunk].read_ns + join->ms * CLOCK_MS;
	if (n < join->bytes && !p->eof && t->now_ns < until_ns && p->n_read < boundary(p) &&
	    p->n_chunks < RELAY_CHUNKS) {
		wake(t, until_ns);
		return 0;
	}
	p->joined_end = p->n_passed + n;
	return n;
}

static uint64_t cost_ns(uint64_t bytes, uint64_t rate)
{
	return bytes * CLOCK_S / rate;
}

static size_t after_throttle(struct relay_pipe *p, struct relay_turn *t, size_t n)
{
	uint64_t rate = p->shapes[RELAY_THROTTLE].act.bytes, burst_ns, earned, wanted;

	if (!n || !in_force(p, RELAY_THROTTLE))
		return n;
	burst_ns = BURST_NS + cost_ns(1, rate);
	if (p->paid_until_ns + burst_ns < t->now_ns)
		p->paid_until_ns = t->now_ns - burst_ns;
	earned = t->now_ns < p->paid_until_ns ? 0 : (t->now_ns - p->paid_until_ns) * rate / CLOCK_S;
	wanted = rate * QUANTUM_NS / CLOCK_S;
	if (wanted > n)
		wanted = n;
	if (!wanted)
		wanted = 1;
	if (earned < wanted) {
		wake(t, p->paid_until_ns + cost_ns(wanted, rate) + 1);
		return 0;
	}
	return earned < n ? (size_t)earned : n;
}

/* A piece is a segment only if the kernel has sent all before it, and itself before the bytes
 * that follow, also where those are split no more. */
static size_t after_split(struct relay_pipe *p, struct relay_turn *t, size_t n)
{
	bool splits = in_force(p, RELAY_SPLIT);
	uint64_t rest = splits ? p->piece_end - p->n_passed : n;

	if (!n || !(splits || p->has_split))
		return n;
	if (queued(p, SIOCOUTQNSD)) {
		wake(t, t->now_ns + LOOK_AGAIN_NS);
		return 0;
	}
	return rest < n ? (size_t)rest : n;
}

static size_t ready(struct relay_pipe *p, struct relay_turn *t)
{
	size_t n = after_delay(p, t, waiting(p));

	n = after_join(p, t, n);
	n = after_throttle(p, t, n);
	return after_split(p, t, n);
}

/* ---- writing ---- */

static void passed(struct relay_pipe *p, size_t n)
{
	p->off += n;
	if (p->off == p->len)
		p->off = p->len = 0;
	p->n_passed += n;
	while (p->n_chunks && p->chunks[p->first_chunk].end <= p->n_passed) {
		p->first_chunk = (p->first_chunk + 1) % RELAY_CHUNKS;
		p->n_chunks--;
	}
	if (in_force(p, RELAY_THROTTLE))
		p->paid_until_ns += cost_ns(n, p->shapes[RELAY_THROTTLE].act.bytes);
	p->has_split = in_force(p, RELAY_SPLIT);
	if (p->has_split && p->n_passed == p->piece_end)
		begin_piece(p);
}

static void write_some(struct relay_pipe *p, struct relay_turn *t)
{
	unsigned i;
	ssize_t put;
	size_t n;

	for (i = 0; i < PIECES_TURN; i++) {
		n = ready(p, t);
		if (!n)
			return;
		put = send(p->to->fd, p->buf + p->off, n, MSG_NOSIGNAL);
		if (put < 0) {
			p->blocked = errno == EAGAIN || errno == EINTR;
			p->to->gone |= !p->blocked;
			return;
		}
		passed(p, (size_t)put);
	}
	wake(t, t->now_ns);
}

/* Reads and writes what may be now. */
static void move(struct relay_pipe *p, struct relay_turn *t)
{
	p->blocked = false;
	if (is_stalled(p, t)) {
		wake(t, p->stalled_until_ns);
		return;
	}
	if (reads(p, t)) {
		if (p->sink)
			swallow(p, t->now_ns);
		else
			read_some(p, t);
	}
	if (!p->sink)
		write_some(p, t);
}

/* Tells the end of file to the reader when all before it has passed. */
static void finish(struct relay_pipe *p, struct relay_turn *t)
{
	uint64_t at_ns = p->eof_ns;

	if (!p->eof || p->broken || p->sink || p->shut || waiting(p) || act_has_come(p) ||
	    is_stalled(p, t))
		return;
	if (in_force(p, RELAY_DELAY))
		at_ns += p->shapes[RELAY_DELAY].act.ms * CLOCK_MS;
	if (t->now_ns < at_ns)
		wake(t, at_ns);
	else
		shut(p);
}

/* ---- both directions ---- */

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
	struct pollfd *polls = c->polls;
	int one = 1, rc = 0;
	unsigned s;

	memset(c, 0, sizeof(*c));
	c->open = true;
	c->polls = polls;
	for (s = 0; s < RELAY_SIDES; s++) {
		struct relay_pipe *p = &c->pipes[s];

		c->ends[s].fd = fd[s];
		setsockopt(fd[s], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		p->from = &c->ends[s];
		p->to = &c->ends[!s];
		place.from = (enum relay_side)s;
		relay_plan_init(&p->plan, faults, &place);
		p->buf = malloc(RELAY_BUFFER);
		if (!p->buf)
			rc = -ENOMEM;
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
			relay_reset_fd(c->ends[s].fd);
		else
			close(c->ends[s].fd);
		c->polls[s] = (struct pollfd){ .fd = -1 };
		free(c->pipes[s].buf);
		c->pipes[s].buf = NULL;
	}
	c->open = false;
}

/* The end of a side is told to the other one behind all that came, or never if it is lost. */
static bool has_broken(struct relay_connection *c, struct relay_turn *t)
{
	unsigned s;

	for (s = 0; s < RELAY_SIDES; s++) {
		struct relay_pipe *p = &c->pipes[s];

		if (c->ends[s].gone && p->eof && !p->hole && is_settled(p, t))
			return true;
	}
	return c->ends[RELAY_A].gone && c->ends[RELAY_B].gone;
}

static bool is_done(const struct relay_pipe *p)
{
	return p->sink ? p->eof : p->shut;
}

static void wish(struct relay_connection *c, unsigned s, const struct relay_turn *t)
{
	const struct relay_pipe *in = &c->pipes[s], *out = &c->pipes[!s];
	struct pollfd *poll = &c->polls[s];

	*poll = (struct pollfd){ .fd = c->ends[s].fd };
	if (reads(in, t))
		poll->events |= POLLIN;
	if (out->blocked && !c->ends[s].gone)
		poll->events |= POLLOUT;
	/* A side that has finished may still break, unless that would not be told. */
	if (!poll->events && (c->ends[s].gone || !in->eof || is_stalled(in, t) || out->shut ||
			      out->sink))
		poll->fd = -1;
}

static void end_or_wait(struct relay_connection *c, struct relay_turn *t)
{
	const struct relay_pipe *a = &c->pipes[RELAY_A], *b = &c->pipes[RELAY_B];
	unsigned s;

	/* Nothing can be given to a side that is gone. */
	for (s = 0; s < RELAY_SIDES; s++)
		if (c->ends[s].gone)
			sink(&c->pipes[!s]);
	if (has_broken(c, t))
		relay_connection_end(c, true);
	else if (is_done(a) && is_done(b))
		relay_connection_end(c, a->hole || b->hole);
	for (s = 0; s < RELAY_SIDES && c->open; s++)
		wish(c, s, t);
}

void relay_connection_turn(struct relay_connection *c, struct relay_turn *t)
{
	unsigned s;

	/* The effect of one direction on the other comes before a byte of that one. */
	for (s = 0; s < RELAY_SIDES; s++) {
		if (!c->polls[s].events && c->polls[s].revents)
			c->ends[s].gone = true;
		if (t->calm)
			calm(&c->pipes[s]);
		if (!fire(c, s, t))
			return;
	}
	for (s = 0; s < RELAY_SIDES; s++) {
		move(&c->pipes[s], t);
		if (!fire(c, s, t))
			return;
		finish(&c->pipes[s], t);
	}
	end_or_wait(c, t);
}
