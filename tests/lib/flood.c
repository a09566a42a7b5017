/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the floods and their process; knows nothing of what they cost. */
#include "tests/lib/flood.h"

#define FLOOD_PER_S	1000	/* connections, of the kinds that are not at full speed */
#define FLOOD_OPEN	400	/* that it keeps open, the newest */
#define FLOOD_STEP_MS	5

struct flood_order {
	enum flood_kind kind;
	unsigned from;			/* 127.0.0.from */
	struct sockaddr_storage to;
};

struct flood_run {
	int fd;				/* where the order to stop comes from */
	struct flood_order o;
	struct sockaddr_storage from;
	struct flood_count did;
	struct adversary open[FLOOD_OPEN];
	bool dials[FLOOD_OPEN];		/* has not said anything yet */
	uint8_t chunk[65536];
};

/* Waits so long, or until there is something to do for connections without a socket. */
static bool flood_told_to_stop(struct flood_run *r, int ms)
{
	struct pollfd p[] = { { r->fd, POLLIN, 0 }, { dialled_fd(), POLLIN, 0 } };

	poll(p, 2, ms);
	dialled_turn();
	return p[0].revents != 0;
}

static uint64_t flood_incarnation(struct flood_run *r)
{
	return (uint64_t)getpid() << 32 | (r->did.n + 1);
}

/* ---- one thousand a second ---- */

static void flood_probe(struct adversary *f, const char *cluster, unsigned n)
{
	struct probe q = { .cookie = 1 };
	uint8_t buf[16 * WIRE_CONTROL_MAX];
	size_t len = 0;

	strcpy(q.cluster, cluster);
	for (unsigned i = 0; i < n && len < sizeof buf - WIRE_CONTROL_MAX; i++)
		len += wire_put_probe(buf + len, f->nodeid, &q, false);
	adversary_put(f, buf, len);
}

static void flood_refuse(struct adversary *f)
{
	struct refuse r = { .mine = f->mine, .yours = f->yours, .reason = WIRE_REFUSE_FAILED };
	uint8_t buf[WIRE_CONTROL_MAX];

	adversary_put(f, buf, wire_put_refuse(buf, f->nodeid, &r));
}

static void flood_end(struct flood_run *r, struct adversary *f, bool in_order)
{
	r->did.n_answered += dialled_answered(&f->conn);
	if (in_order)
		adversary_close(f);
	else
		adversary_reset(f);
}

static void flood_speak(struct flood_run *r, struct adversary *f)
{
	uint8_t buf[WIRE_CONTROL_MAX];
	struct hello h;

	r->did.n++;
	switch (r->o.kind) {
	case FLOOD_GARBAGE:
		adversary_put(f, r->chunk, 700);
		break;
	case FLOOD_HALF:
		h = adversary_hello_of(f, 0);
		adversary_put(f, buf, wire_put_hello(buf, f->nodeid, &h) / 2);
		break;
	case FLOOD_NODEIDS:
		f->nodeid = 1000 + (uint32_t)r->did.n;
		adversary_hello(f, 0);
		break;
	case FLOOD_CLUSTER:
	case FLOOD_INCARNATIONS:
		adversary_hello(f, 0);
		break;
	case FLOOD_HELD:
		if (adversary_ask(f, 20))
			adversary_hello(f, f->yours);
		break;
	case FLOOD_REFUSALS:
		if (adversary_ask(f, 20))
			flood_refuse(f);
		break;
	case FLOOD_PROBES:
		flood_probe(f, "test", 12);
		break;
	case FLOOD_BURST:
		for (unsigned i = 0; i < 8; i++)
			adversary_hello(f, 0);
		flood_end(r, f, false);
		break;
	case FLOOD_RESET:
		flood_end(r, f, false);
		break;
	default:
		break;
	}
}

/* Over SCTP the other end's program takes part in a dial: many are under way meanwhile. */
static void flood_go_on(struct flood_run *r, unsigned i)
{
	if (!r->dials[i] || !dialled_stands(&r->open[i].conn, 0))
		return;
	r->dials[i] = false;
	flood_speak(r, &r->open[i]);
}

static void flood_dial(struct flood_run *r, unsigned i)
{
	struct adversary *f = &r->open[i];

	flood_end(r, f, true);
	adversary_init(f, r->o.from, flood_incarnation(r),
		       r->o.kind == FLOOD_CLUSTER ? "other" : "test");
	r->dials[i] = dialled_begin(&f->conn, &r->from, &r->o.to);
	r->did.n_dials += r->dials[i];
	flood_go_on(r, i);
}

static void flood_connections(struct flood_run *r)
{
	int64_t began = now_ms();
	uint64_t n = 0;

	while (!flood_told_to_stop(r, FLOOD_STEP_MS)) {
		uint64_t due = (uint64_t)(now_ms() - began) * FLOOD_PER_S / 1000, have = n;

		for (unsigned i = 0; i < FLOOD_OPEN; i++)
			flood_go_on(r, i);
		/* Missed turns are not made up for. */
		for (; n < due && n < have + 4 * FLOOD_STEP_MS; n++)
			flood_dial(r, (unsigned)(n % FLOOD_OPEN));
	}
	for (unsigned i = 0; i < FLOOD_OPEN; i++) {
		flood_end(r, &r->open[i], false);
		r->dials[i] = false;
	}
}

/* ---- at full speed ---- */

static size_t flood_fill(struct flood_run *r, struct adversary *f)
{
	struct hello h = adversary_hello_of(f, f->yours);
	struct probe q = { .cookie = 1, .cluster = "test" };
	uint8_t *p = r->chunk;
	size_t n = 0;

	while (n < sizeof r->chunk - 2000) {
		switch (r->o.kind) {
		case FLOOD_PEER_AHEAD:
			n += wire_put_msg(p + n, f->nodeid, f->expected + 5, 0);
			break;
		case FLOOD_PEER_HELLO:
			n += wire_put_hello(p + n, f->nodeid, &h);
			break;
		case FLOOD_PEER_REPEAT:
			n += wire_put_msg(p + n, f->nodeid, f->expected, 0);
			break;
		case FLOOD_PEER_FRAGMENTS:
			n += wire_put_frag(p + n, f->nodeid, f->expected, 1000, 1 << 20, 0) + 1000;
			return n;
		case FLOOD_PEER_ACKS:
			n += wire_put_ack(p + n, f->nodeid, f->next);
			break;
		case FLOOD_PEER_STATUS:
			n += wire_put_status(p + n, f->nodeid, WIRE_STATUS_SHORT);
			break;
		case FLOOD_PROBE_FAST:
			n += wire_put_probe(p + n, f->nodeid, &q, false);
			break;
		default:
			return sizeof r->chunk;
		}
	}
	return n;
}

static void flood_peer(struct flood_run *r)
{
	struct adversary *f = &r->open[0];
	bool renews = r->o.kind == FLOOD_PEER_FRAGMENTS;
	size_t n;

	adversary_init(f, r->o.from, flood_incarnation(r), "test");
	while (!flood_told_to_stop(r, 0)) {
		if (renews)
			adversary_init(f, r->o.from, flood_incarnation(r), "test");
		r->did.n_dials++;
		if (!adversary_dial(f, &r->from, &r->o.to))
			continue;
		r->did.n_answered++;
		if (r->o.kind != FLOOD_PROBE_FAST && !adversary_up(f, 400))
			continue;
		n = flood_fill(r, f);
		while (adversary_put(f, r->chunk, n) && !adversary_ended(f) &&
		       !flood_told_to_stop(r, 0)) {
			r->did.n++;
			if (renews)
				break;
		}
		r->did.n++;
		adversary_reset(f);
	}
	adversary_reset(f);
}

/* Bytes from one end of a connection to the other, both its own. */
static void flood_sink(struct flood_run *r)
{
	int fds[2];
	ssize_t got;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return;
	while (!flood_told_to_stop(r, 0)) {
		got = send(fds[0], r->chunk, sizeof r->chunk, MSG_NOSIGNAL);
		while (got > 0 && recv(fds[1], r->chunk, sizeof r->chunk, 0) > 0)
			;
		r->did.n++;
	}
	close(fds[0]);
	close(fds[1]);
}

static void flood_run(struct flood_run *r)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&r->from;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(127u << 24 | r->o.from);
	r->did = (struct flood_count) { 0 };
	/* No frame begins like this. */
	memset(r->chunk, 0x5a, sizeof r->chunk);
	if (r->o.kind == FLOOD_SINK)
		flood_sink(r);
	else if (r->o.kind >= FLOOD_PEER_GARBAGE)
		flood_peer(r);
	else if (r->o.kind != FLOOD_NONE)
		flood_connections(r);
}

/* ---- the process ---- */

static void flood_serve(int fd)
{
	struct flood_run *r = calloc(1, sizeof *r);
	char stop;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r->fd = fd;
	while (read(fd, &r->o, sizeof r->o) == (ssize_t)sizeof r->o) {
		flood_run(r);
		dialled_close_all();
		if (read(fd, &stop, 1) != 1 || write(fd, &r->did, sizeof r->did) < 0)
			break;
	}
	free(r);
	_exit(0);
}

void flood_open(struct flood *f)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	f->pid = fork();
	if (f->pid < 0)
		abort();
	if (f->pid == 0) {
		close(fds[0]);
		flood_serve(fds[1]);
	}
	close(fds[1]);
	f->fd = fds[0];
}

void flood_begin(struct flood *f, enum flood_kind kind, unsigned from,
		 const struct sockaddr_storage *to)
{
	struct flood_order o = { .kind = kind, .from = from, .to = *to };

	if (write(f->fd, &o, sizeof o) != (ssize_t)sizeof o)
		abort();
}

void flood_stop(struct flood *f)
{
	if (write(f->fd, "", 1) != 1)
		abort();
}

bool flood_stopped(struct flood *f, struct flood_count *ret_count)
{
	ssize_t got = recv(f->fd, ret_count, sizeof *ret_count, MSG_DONTWAIT);

	if (got != (ssize_t)sizeof *ret_count && (got >= 0 || errno != EAGAIN))
		abort();
	return got > 0;
}

void flood_close(struct flood *f)
{
	close(f->fd);
}
