/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One direction of one connection: reads from one socket, writes to the other.
 * Knows nothing of the other direction, nor who logs an act.
 */
#include "tools/break/relay_pipe.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tools/clock.h"

#define PIECES_TURN	64		/* writes of one turn */
#define SWALLOWS_TURN	16		/* reads of one turn into nothing */
#define LOOK_AGAIN_NS	CLOCK_MS	/* for what the kernel tells only when asked */
#define BURST_NS	(50 * CLOCK_MS)	/* of a throttle after a pause */
#define QUANTUM_NS	(10 * CLOCK_MS)	/* of a throttle: worth a write */

int relay_pipe_open(struct relay_pipe *p, const struct relay_faults *faults,
		    const struct relay_place *place, int from, int to)
{
	memset(p, 0, sizeof(*p));
	p->buf = malloc(RELAY_BUFFER);
	if (!p->buf)
		return -ENOMEM;
	p->from = from;
	p->to = to;
	relay_plan_init(&p->plan, faults, place);
	return 0;
}

void relay_pipe_close(struct relay_pipe *p)
{
	free(p->buf);
	p->buf = NULL;
}

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
static int queued(int fd, unsigned long request)
{
	int n = 0;

	return ioctl(fd, request, &n) ? 0 : n;
}

bool relay_pipe_is_stalled(const struct relay_pipe *p, const struct relay_turn *t)
{
	return t->now_ns < p->stalled_until_ns;
}

bool relay_pipe_is_settled(const struct relay_pipe *p, struct relay_turn *t)
{
	if (waiting(p) || relay_pipe_is_stalled(p, t))
		return false;
	if (!queued(p->to, SIOCOUTQ))
		return true;
	wake(t, t->now_ns + LOOK_AGAIN_NS);
	return false;
}

bool relay_pipe_is_done(const struct relay_pipe *p)
{
	return p->sink ? p->eof : p->shut;
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

const struct relay_act *relay_pipe_due(struct relay_pipe *p, struct relay_turn *t)
{
	end_shapes(p);
	if (!act_has_come(p) || relay_pipe_is_stalled(p, t))
		return NULL;
	/* The peer is to have exactly what was before it. */
	if (p->plan.next.kind == RELAY_RESET && !relay_pipe_is_settled(p, t))
		return NULL;
	return &p->plan.next;
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

void relay_pipe_apply(struct relay_pipe *p, const struct relay_act *act, struct relay_turn *t)
{
	assert(!waiting(p));
	switch (act->kind) {
	case RELAY_RESET:
		return;
	case RELAY_FIN:
		shutdown(p->to, SHUT_WR);
		p->shut = true;
		relay_pipe_sink(p);
		return;
	case RELAY_HOLE:
		p->hole = true;
		relay_pipe_sink(p);
		return;
	case RELAY_STALL:
		relay_pipe_stall(p, t, act->ms);
		return;
	case RELAY_DELAY:
	case RELAY_THROTTLE:
	case RELAY_SPLIT:
	case RELAY_JOIN:
		begin_shape(p, act, t->now_ns);
		return;
	}
}

void relay_pipe_stall(struct relay_pipe *p, struct relay_turn *t, uint64_t ms)
{
	/* The turn began before the bytes were read: from then on it would be too short. */
	uint64_t until_ns = clock_now_ns() + ms * CLOCK_MS;

	wake(t, until_ns);
	if (p->stalled_until_ns < until_ns)
		p->stalled_until_ns = until_ns;
}

void relay_pipe_sink(struct relay_pipe *p)
{
	p->sink = true;
	p->off = p->len = 0;
	p->n_chunks = 0;
	p->blocked = false;
}

void relay_pipe_calm(struct relay_pipe *p)
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

bool relay_pipe_reads(const struct relay_pipe *p, const struct relay_turn *t)
{
	return !p->eof && !relay_pipe_is_stalled(p, t) &&
	       (p->sink || (p->n_chunks < RELAY_CHUNKS && room(p)));
}

/* Gives the bytes, 0 at the end, -EAGAIN. An error is an end, too. */
static ssize_t receive(struct relay_pipe *p, void *to, size_t n, uint64_t now_ns)
{
	ssize_t got = recv(p->from, to, n, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (got > 0)
		return got;
	p->broken = got < 0;
	p->eof = true;
	p->eof_ns = now_ns;
	return 0;
}

static void swallow(struct relay_pipe *p, uint64_t now_ns)
{
	uint8_t waste[16384];
	unsigned i;

	for (i = 0; i < SWALLOWS_TURN; i++)
		if (receive(p, waste, sizeof(waste), now_ns) <= 0)
			return;
}

static void read_some(struct relay_pipe *p, const struct relay_turn *t)
{
	size_t n = room(p);
	unsigned last;
	ssize_t got;

	if (p->off && RELAY_BUFFER - p->len < n) {
		memmove(p->buf, p->buf + p->off, waiting(p));
		p->len -= p->off;
		p->off = 0;
	}
	got = receive(p, p->buf + p->len, n, t->now_ns);
	if (got <= 0)
		return;
	p->len += (size_t)got;
	p->n_read += (uint64_t)got;
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
	if (queued(p->to, SIOCOUTQNSD)) {
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
		put = send(p->to, p->buf + p->off, n, MSG_NOSIGNAL);
		if (put < 0 && (errno == EAGAIN || errno == EINTR)) {
			p->blocked = true;
			return;
		}
		if (put < 0) {
			p->refused = true;
			return;
		}
		passed(p, (size_t)put);
	}
	wake(t, t->now_ns);
}

void relay_pipe_move(struct relay_pipe *p, struct relay_turn *t)
{
	p->blocked = false;
	if (relay_pipe_is_stalled(p, t)) {
		wake(t, p->stalled_until_ns);
		return;
	}
	if (relay_pipe_reads(p, t)) {
		if (p->sink)
			swallow(p, t->now_ns);
		else
			read_some(p, t);
	}
	if (!p->sink)
		write_some(p, t);
}

void relay_pipe_finish(struct relay_pipe *p, struct relay_turn *t)
{
	uint64_t at_ns = p->eof_ns;

	if (!p->eof || p->broken || p->sink || p->shut || waiting(p) || act_has_come(p) ||
	    relay_pipe_is_stalled(p, t))
		return;
	if (in_force(p, RELAY_DELAY))
		at_ns += p->shapes[RELAY_DELAY].act.ms * CLOCK_MS;
	if (t->now_ns < at_ns) {
		wake(t, at_ns);
		return;
	}
	shutdown(p->to, SHUT_WR);
	p->shut = true;
}
