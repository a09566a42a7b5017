/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resets connections from outside, many at a time.
 * Knows nothing of rounds, and counts nothing.
 */
#include "tools/break/hunt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/clock.h"

#define SEE_MAX			20000		/* segments of one hunt_see(): the whole buffer */
#define PROBE_UNKNOWN_NS	(120 * CLOCK_MS)	/* one in 500 ms is answered */
#define PROBE_KNOWN_NS		(10 * CLOCK_MS)
#define RESETS_MAX		2000		/* of one target */
#define FORGOTTEN_NS		(300 * CLOCK_S)	/* nothing was seen of it for so long */

struct hunt {
	const struct filter *filter;
	struct diag *diag;
	struct raw *raw;
	bool is_listening;		/* what is seen is a target, too */
	struct diag_connection *found;	/* of diag_collect(), max */
	struct target *targets;		/* sorted by their ends, max */
	unsigned n, max;
	unsigned n_left_out;
	uint64_t n_sent;
	bool has_news;			/* some target does */
	int send_error;
};

int hunt_open(const struct filter *f, const char *interface, unsigned max, struct hunt **ret_hunt)
{
	struct hunt *h = calloc(1, sizeof(*h));
	int rc = -ENOMEM;

	if (!h)
		return rc;
	h->filter = f;
	h->max = max;
	h->is_listening = interface != NULL;
	h->found = calloc(max, sizeof(*h->found));
	h->targets = calloc(max, sizeof(*h->targets));
	if (h->found && h->targets)
		rc = diag_open(&h->diag);
	if (!rc)
		rc = raw_open(interface, f->ports, f->n_ports, &h->raw);
	if (rc)
		hunt_close(h);
	else
		*ret_hunt = h;
	return rc;
}

void hunt_close(struct hunt *h)
{
	if (!h)
		return;
	raw_close(h->raw);
	diag_close(h->diag);
	free(h->targets);
	free(h->found);
	free(h);
}

int hunt_fd(const struct hunt *h)
{
	return raw_fd(h->raw);
}

uint64_t hunt_n_sent(const struct hunt *h)
{
	return h->n_sent;
}

int hunt_send_error(const struct hunt *h)
{
	return h->send_error;
}

/* ---- the list ---- */

static int compare_targets(const void *a, const void *b)
{
	const struct target *x = a, *y = b;
	int order = filter_compare_ends(&x->connection.ends[0], &y->connection.ends[0]);

	return order ? order :
	       filter_compare_ends(&x->connection.ends[1], &y->connection.ends[1]);
}

static struct target *find(const struct hunt *h, unsigned n, const struct target *key)
{
	return bsearch(key, h->targets, n, sizeof(*key), compare_targets);
}

static struct target target_of(const struct filter_end *a, const struct filter_end *b)
{
	bool swap = filter_compare_ends(a, b) > 0;

	return (struct target){ .connection.ends = { swap ? *b : *a, swap ? *a : *b } };
}

/* Keeps what was seen by listening and is not over; sockets are listed anew. */
static void forget(struct hunt *h)
{
	uint64_t now = clock_now_ns();
	unsigned i, kept = 0;

	for (i = 0; i < h->n; i++) {
		struct target *t = &h->targets[i];

		if (!h->is_listening || t->state == TARGET_ENDED || t->is_dead[0] ||
		    t->is_dead[1] || !t->seen_ns || now - t->seen_ns > FORGOTTEN_NS)
			continue;
		t->state = TARGET_KNOWN;
		memset(t->connection.sockets, 0, sizeof(t->connection.sockets));
		h->targets[kept++] = *t;
	}
	h->n = kept;
}

/* The scope that a link-local address of a socket needs. */
static int interface_of(const struct diag_connection *c)
{
	const struct diag_socket *s = &c->sockets[!c->sockets[0].is_there];

	return s->is_there ? (int)s->id.idiag_if : 0;
}

int hunt_gather(struct hunt *h, unsigned *ret_n, unsigned *ret_n_left_out)
{
	unsigned i, n_found, n_left_out, n_seen;
	int rc;

	rc = diag_collect(h->diag, h->filter, h->found, h->max, &n_found, &n_left_out);
	if (rc)
		return rc;
	forget(h);
	n_seen = h->n;
	for (i = 0; i < n_found; i++) {
		struct target new = { .connection = h->found[i] };
		struct target *old = find(h, n_seen, &new);

		new.way.interface = interface_of(&new.connection);
		if (old)
			old->connection = h->found[i];
		else if (h->n < h->max)
			h->targets[h->n++] = new;
		else
			n_left_out++;
	}
	qsort(h->targets, h->n, sizeof(*h->targets), compare_targets);
	*ret_n = h->n;
	*ret_n_left_out = n_left_out + h->n_left_out;
	h->n_left_out = 0;
	return 0;
}

unsigned hunt_n(const struct hunt *h)
{
	return h->n;
}

struct target *hunt_target(struct hunt *h, unsigned i)
{
	return &h->targets[i];
}

/* The place of a connection that was seen; a new one if it is to be kept. NULL: none. */
static struct target *place_for(struct hunt *h, const struct packet *p)
{
	struct target key = target_of(&p->from, &p->to), *t = find(h, h->n, &key);
	unsigned at = 0;

	if (t || !h->is_listening || p->flags & (PACKET_SYN | PACKET_RST | PACKET_FIN) ||
	    !filter_match(h->filter, &p->from, &p->to))
		return t;
	if (h->n == h->max) {
		h->n_left_out++;
		return NULL;
	}
	while (at < h->n && compare_targets(&h->targets[at], &key) < 0)
		at++;
	memmove(&h->targets[at + 1], &h->targets[at], (h->n - at) * sizeof(key));
	h->targets[at] = key;
	h->n++;
	return &h->targets[at];
}

/* ---- hunting ---- */

void hunt_start(struct target *t)
{
	t->state = TARGET_HUNTED;
	t->n_probes = t->n_resets = 0;
	t->is_dead[0] = t->is_dead[1] = false;
	t->probe_ns = clock_now_ns();
	t->until_ns = t->probe_ns + HUNT_TRY_MS * CLOCK_MS;
}

bool hunt_killed(const struct target *t)
{
	return t->n_resets && (t->is_dead[0] || t->is_dead[1]);
}

static void send_to(struct hunt *h, struct target *t, unsigned end, struct packet *p)
{
	struct raw_way way = t->way;
	int rc;

	if (!end) {
		memcpy(way.from, t->way.to, RAW_MAC);
		memcpy(way.to, t->way.from, RAW_MAC);
	}
	rc = raw_send(h->raw, p, &way);
	if (rc)
		h->send_error = rc;
	else
		h->n_sent++;
}

static int look(struct hunt *h, struct target *t)
{
	unsigned end;
	int rc;

	for (end = 0; end < 2; end++) {
		if (!t->connection.sockets[end].is_there || t->is_dead[end])
			continue;
		rc = diag_is_alive(h->diag, &t->connection.sockets[end]);
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

static int strike(struct hunt *h, struct target *t)
{
	struct packet p;
	unsigned end;
	int rc;

	for (end = 0; end < 2; end++) {
		if (t->is_dead[end] || t->n_resets >= RESETS_MAX || !target_reset(t, end, &p))
			continue;
		send_to(h, t, end, &p);
		t->n_resets++;
	}
	rc = look(h, t);
	if (!rc && is_over(t))
		t->state = TARGET_TRIED;
	return rc;
}

static void take(struct hunt *h, const struct packet *p, const struct raw_way *way)
{
	struct target *t = place_for(h, p);
	int from = t ? target_end(t, p) : -1;

	if (from < 0)
		return;
	t->seen_ns = clock_now_ns();
	t->way = *way;
	if (from) {
		memcpy(t->way.from, way->to, RAW_MAC);
		memcpy(t->way.to, way->from, RAW_MAC);
	}
	if (interface_of(&t->connection))
		t->way.interface = interface_of(&t->connection);
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
static int strike_all(struct hunt *h)
{
	unsigned i;
	int rc = 0;

	for (i = 0; h->has_news && !rc && i < h->n; i++) {
		struct target *t = &h->targets[i];

		if (t->has_news && t->state == TARGET_HUNTED)
			rc = strike(h, t);
		t->has_news = false;
	}
	h->has_news = false;
	return rc;
}

int hunt_see(struct hunt *h)
{
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
		take(h, &p, &way);
	}
	return strike_all(h);
}

static uint32_t random_number(void)
{
	uint32_t n = 0;

	/* Nothing depends on it being a good one. */
	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = (uint32_t)clock_now_ns();
	return n;
}

/* The two ends in turn; one that is here first. */
static void provoke(struct hunt *h, struct target *t, uint64_t now)
{
	unsigned end = (t->n_probes + !t->connection.sockets[0].is_there) % 2;
	struct packet p;

	target_probe(t, end, random_number(), &p);
	send_to(h, t, end, &p);
	t->n_probes++;
	t->probe_ns = now + (p.n_payload ? PROBE_KNOWN_NS : PROBE_UNKNOWN_NS);
}

static int tick_one(struct hunt *h, struct target *t, uint64_t now)
{
	int rc;

	if (now < t->probe_ns && now < t->until_ns)
		return 0;
	rc = look(h, t);
	if (rc)
		return rc;
	if (is_over(t) || now >= t->until_ns)
		t->state = TARGET_TRIED;
	else
		provoke(h, t, now);
	return 0;
}

int hunt_tick(struct hunt *h, uint64_t *ret_next_ns)
{
	uint64_t now = clock_now_ns(), next = CLOCK_NEVER;
	unsigned i;
	int rc;

	for (i = 0; i < h->n; i++) {
		struct target *t = &h->targets[i];

		if (t->state != TARGET_HUNTED)
			continue;
		rc = tick_one(h, t, now);
		if (rc)
			return rc;
		if (t->state == TARGET_HUNTED && t->probe_ns < next)
			next = t->probe_ns;
	}
	*ret_next_ns = next;
	return 0;
}
