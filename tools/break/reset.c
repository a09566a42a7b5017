/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break reset": resets connections from outside, many at a time: provokes their ends,
 * answers what is seen of them with forged resets, and looks whether they are dead.
 * Knows nothing of when a round is due.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/break/match.h"
#include "tools/break/packet.h"
#include "tools/random.h"
#include "tools/say.h"

#define TRY_NS			(2 * CLOCK_S)	/* what lives longer than that is given up */
#define SEE_MAX			20000		/* segments of one see(): the whole buffer */
#define PROBE_UNKNOWN_NS	(120 * CLOCK_MS)	/* one in 500 ms is answered */
#define PROBE_KNOWN_NS		(10 * CLOCK_MS)
#define RESETS_MAX		2000		/* of one target */
#define FORGOTTEN_NS		(300 * CLOCK_S)	/* nothing was seen of it for so long */

struct hunt {
	struct raw *raw;
	struct target targets[MATCH_FOUND_MAX];	/* sorted by their ends */
	unsigned n;
	bool has_news;			/* some target does */
	int send_error;			/* why a segment could not be sent, or 0 */
};

/* ---- the list ---- */

static struct target *find(const struct hunt *h, unsigned n, const struct target *key)
{
	return bsearch(key, h->targets, n, sizeof(*key), diag_compare);
}

static struct target target_of(const struct filter_end *a, const struct filter_end *b)
{
	bool swap = filter_compare_ends(a, b) > 0;

	return (struct target){ .connection.ends = { swap ? *b : *a, swap ? *a : *b } };
}

/* Keeps what was seen by listening and is not over; sockets are listed anew. */
static void forget(struct hunt *h, bool is_listening)
{
	uint64_t now = clock_now_ns();
	unsigned i, kept = 0;

	for (i = 0; i < h->n && is_listening; i++) {
		struct target *t = &h->targets[i];

		if (t->state == TARGET_ENDED || t->is_dead[0] || t->is_dead[1] || !t->seen_ns ||
		    now - t->seen_ns > FORGOTTEN_NS)
			continue;
		t->state = TARGET_KNOWN;
		memset(t->connection.sockets, 0, sizeof(t->connection.sockets));
		h->targets[kept++] = *t;
	}
	h->n = kept;
}

/* The scope that a link-local address of a socket needs. */
static void set_interface(struct target *t)
{
	const struct diag_socket *sockets = t->connection.sockets;
	const struct diag_socket *s = &sockets[!sockets[0].is_there];

	if (s->is_there && s->id.idiag_if)
		t->ways[0].interface = t->ways[1].interface = (int)s->id.idiag_if;
}

/* The place of a connection that was seen; a new one if it is to be kept. NULL: none. */
static struct target *place_for(struct match *m, const struct packet *p)
{
	struct hunt *h = m->own;
	struct target key = target_of(&p->from, &p->to), *t = find(h, h->n, &key);
	unsigned at = 0;

	if (t || !m->options.interface || p->flags & (PACKET_SYN | PACKET_RST | PACKET_FIN) ||
	    !filter_match(&m->options.filter, &p->from, &p->to))
		return t;
	if (h->n == MATCH_FOUND_MAX) {
		m->n_left_out++;
		return NULL;
	}
	while (at < h->n && diag_compare(&h->targets[at], &key) < 0)
		at++;
	memmove(&h->targets[at + 1], &h->targets[at], (h->n - at) * sizeof(key));
	h->targets[at] = key;
	h->n++;
	return &h->targets[at];
}

/* ---- resets ---- */

static void send_to(struct match *m, struct target *t, unsigned end, struct packet *p)
{
	struct hunt *h = m->own;
	int rc;

	/* Where on a bridge an end is, its own segments tell. */
	if (t->ways[!end].is_bridged && !t->ways[end].is_bridged)
		return;
	rc = raw_send(h->raw, p, &t->ways[end]);
	if (rc)
		h->send_error = rc;
	else
		m->n_segments++;
}

static int look(struct match *m, struct target *t)
{
	unsigned end;
	int rc;

	for (end = 0; end < 2; end++) {
		if (!t->connection.sockets[end].is_there || t->is_dead[end])
			continue;
		rc = diag_is_alive(m->diag, &t->connection.sockets[end]);
		if (rc < 0)
			return rc;
		t->is_dead[end] = !rc;
	}
	return 0;
}

/* Each end that is a socket here is dead; or one, if none is here. */
static bool is_over(const struct target *t)
{
	const struct diag_socket *s = t->connection.sockets;

	if (!s[0].is_there && !s[1].is_there)
		return t->is_dead[0] || t->is_dead[1];
	return (!s[0].is_there || t->is_dead[0]) && (!s[1].is_there || t->is_dead[1]);
}

static int strike(struct match *m, struct target *t)
{
	struct packet p;
	unsigned end;
	int rc;

	for (end = 0; end < 2; end++) {
		if (t->is_dead[end] || t->n_resets >= RESETS_MAX || !target_reset(t, end, &p))
			continue;
		send_to(m, t, end, &p);
		t->n_resets++;
	}
	rc = look(m, t);
	if (!rc && is_over(t))
		t->state = TARGET_TRIED;
	return rc;
}

static void take(struct match *m, const struct packet *p, const struct raw_way *way)
{
	struct hunt *h = m->own;
	struct target *t = place_for(m, p);
	int from = t ? target_end(t, p) : -1;

	if (from < 0)
		return;
	t->seen_ns = clock_now_ns();
	t->ways[from] = *way;
	t->ways[!from].interface = way->interface;
	set_interface(t);
	target_learn(t, (unsigned)from, p);
	if (t->state == TARGET_KNOWN && p->flags & (PACKET_RST | PACKET_FIN))
		t->state = TARGET_ENDED;
	if (t->state != TARGET_HUNTED)
		return;
	/* The end that sends the reset is gone. */
	if (p->flags & PACKET_RST)
		t->is_dead[from] = true;
	t->has_news = h->has_news = true;
}

/* Each with what was heard last: on a busy connection all else is out of date. */
static int strike_all(struct match *m)
{
	struct hunt *h = m->own;
	unsigned i;
	int rc = 0;

	for (i = 0; h->has_news && !rc && i < h->n; i++) {
		struct target *t = &h->targets[i];

		if (t->has_news && t->state == TARGET_HUNTED)
			rc = strike(m, t);
		t->has_news = false;
	}
	h->has_news = false;
	return rc;
}

static int see(struct match *m)
{
	struct hunt *h = m->own;
	struct packet p;
	struct raw_way way;
	unsigned i;
	int rc;

	for (i = 0; i < SEE_MAX; i++) {
		rc = raw_next(h->raw, &p, &way);
		if (rc < 0)
			return rc;
		if (!rc)
			break;
		take(m, &p, &way);
	}
	return strike_all(m);
}

/* ---- probes ---- */

/* The two ends in turn; one that is here first. */
static void provoke(struct match *m, struct target *t, uint64_t now)
{
	unsigned end = (t->n_probes + !t->connection.sockets[0].is_there) % 2;
	struct packet p;

	target_probe(t, end, (uint32_t)random_seed(), &p);
	send_to(m, t, end, &p);
	t->n_probes++;
	t->probe_ns = now + (p.n_payload ? PROBE_KNOWN_NS : PROBE_UNKNOWN_NS);
}

static int tick_one(struct match *m, struct target *t, uint64_t now)
{
	int rc;

	if (now < t->probe_ns && now < t->until_ns)
		return 0;
	rc = look(m, t);
	if (rc)
		return rc;
	if (is_over(t) || now >= t->until_ns)
		t->state = TARGET_TRIED;
	else
		provoke(m, t, now);
	return 0;
}

/*
 * Provokes those whose time has come, gives up others; *ret_next_ns is when to call again,
 * CLOCK_NEVER if nothing is hunted any more.
 */
static int tick(struct match *m, uint64_t *ret_next_ns)
{
	struct hunt *h = m->own;
	uint64_t now = clock_now_ns(), next = CLOCK_NEVER;
	unsigned i;
	int rc;

	for (i = 0; i < h->n; i++) {
		struct target *t = &h->targets[i];

		if (t->state != TARGET_HUNTED)
			continue;
		rc = tick_one(m, t, now);
		if (rc)
			return rc;
		if (t->state == TARGET_HUNTED && t->probe_ns < next)
			next = t->probe_ns;
	}
	*ret_next_ns = next;
	return 0;
}

/* ---- rounds ---- */

/* Puts what was found and what was seen together. */
static int add(struct match *m)
{
	struct hunt *h = m->own;
	unsigned i, n_seen;
	int rc;

	/* Packets from before the round are old; without --interface nobody has looked at them. */
	rc = see(m);
	if (rc)
		return rc;
	forget(h, m->options.interface != NULL);
	n_seen = h->n;
	for (i = 0; i < m->n_found; i++) {
		struct target new = { .connection = m->found[i] };
		struct target *old = find(h, n_seen, &new);

		set_interface(&new);
		if (old)
			old->connection = m->found[i];
		else if (h->n < MATCH_FOUND_MAX)
			h->targets[h->n++] = new;
		else
			m->n_left_out++;
	}
	qsort(h->targets, h->n, sizeof(*h->targets), diag_compare);
	for (i = 0; i < h->n; i++)
		m->found[i] = h->targets[i].connection;
	m->n_found = h->n;
	return 0;
}

/* By chance, and not more than are still wanted. */
static void choose(struct match *m)
{
	uint64_t wanted = m->options.count ? m->options.count - m->sum.n_kills : UINT64_MAX;
	struct hunt *h = m->own;
	unsigned i;

	for (i = 0; i < h->n && wanted; i++) {
		struct target *t = &h->targets[i];

		if (!match_chance(m))
			continue;
		t->state = TARGET_HUNTED;
		t->n_probes = t->n_resets = 0;
		t->is_dead[0] = t->is_dead[1] = false;
		t->probe_ns = clock_now_ns();
		t->until_ns = t->probe_ns + TRY_NS;
		wanted--;
	}
}

/* Until each is dead or given up, or the whole run is over. */
static int hunt_down(struct match *m)
{
	struct hunt *h = m->own;
	enum pace_event event = PACE_TIME;
	uint64_t next_ns;
	int rc;

	do {
		rc = event == PACE_READABLE ? see(m) : 0;
		if (!rc)
			rc = tick(m, &next_ns);
		if (rc || next_ns == CLOCK_NEVER)
			return rc;
		event = pace_wait_in_round(&m->pace, raw_fd(h->raw), next_ns);
	} while (event != PACE_OVER);
	return 0;
}

/* Killed are those with a dead end, if we have sent a reset. */
static int play(struct match *m)
{
	struct hunt *h = m->own;
	unsigned i;
	int rc;

	choose(m);
	rc = hunt_down(m);
	for (i = 0; i < h->n; i++) {
		const struct target *t = &h->targets[i];

		if (t->state == TARGET_TRIED || t->state == TARGET_HUNTED)
			match_count(m, &t->connection,
				    t->n_resets && (t->is_dead[0] || t->is_dead[1]));
	}
	return rc;
}

/* Hears who is there before the first round. */
static int listen_first(struct match *m)
{
	uint64_t until = clock_now_ns() + m->options.listen_ms * CLOCK_MS;
	int rc = 0;

	while (!rc && pace_wait_in_round(&m->pace, m->seen_fd, until) == PACE_READABLE)
		rc = see(m);
	return rc;
}

static int open_hunt(struct match *m)
{
	struct hunt *h = m->own;
	int rc;

	rc = raw_open(m->options.interface, &m->options.filter.ports, &h->raw);
	if (rc || !m->options.interface || m->options.probe)
		return rc;
	m->seen_fd = raw_fd(h->raw);
	return listen_first(m);
}

static void close_hunt(struct match *m)
{
	struct hunt *h = m->own;

	if (h->send_error)
		say(SINEW_WARNING, "some forged segments could not be sent: %s",
		    strerror(-h->send_error));
	raw_close(h->raw);
}

static const struct match_method method = {
	.mode = "reset",
	.name = "sinew break reset",
	.usage =
		"usage: sinew break reset --address A|--between A,B|--port P... [OPTION...]\n"
		"\n"
		"Resets selected TCP connections by forged segments with exactly the sequence\n"
		"number that each end expects; idle connections are provoked into revealing it.\n"
		"At least one end must be on this machine, or all traffic on --interface.\n"
		"\n",
	.status =
		"\n"
		"Requires root (CAP_NET_RAW). Exit status: 0 connections killed (with --count:\n"
		"as many), 1 fewer or none, 2 usage, 3 not permitted or supported by the kernel.\n",
	.listens = true,
	.own_size = sizeof(struct hunt),
	.open = open_hunt,
	.close = close_hunt,
	.see = see,
	.add = add,
	.play = play,
	.act = "forging segments",
	.capability = "CAP_NET_RAW",
	.failed = "cannot capture and forge segments",
	.own_error = ECONNRESET,
	.unharmed = "a connection of our own was not reset: forged segments do not arrive (a "
		    "firewall?)",
};

int reset_main(int argc, char **argv)
{
	return match_main(&method, argc, argv);
}
