/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the connection of each packet, puts segments into their order, gives up holes.
 * Knows nothing of what the bytes mean.
 */
#include "tools/dump/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seq.h"

#define DATA_HEADER	16u	/* of a chunk of SCTP */
#define INIT_BYTES	20u

enum chunk {
	CHUNK_DATA = 0, CHUNK_INIT = 1, CHUNK_INIT_ACK = 2, CHUNK_SACK = 3, CHUNK_ABORT = 6,
	CHUNK_SHUTDOWN = 7,
};

struct stream {
	struct stream_events events;
	struct stream_conn *buckets[STREAM_BUCKETS];
	struct stream_conn *oldest, *newest;
	unsigned n_connections;
	size_t ahead_bytes;
	uint64_t now_ns;
};

/* A part of a direction: seq tells where, units how far it leads. */
struct part {
	uint32_t seq, units;
	const uint8_t *p;
	size_t n, missing;
};

int stream_new(const struct stream_events *events, struct stream **ret)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->events = *events;
	*ret = s;
	return 0;
}

/* ---- the table ---- */

static uint32_t hash_addr(const struct packet_addr *a)
{
	uint32_t h = 2166136261u ^ a->port;
	size_t i;

	for (i = 0; i < sizeof(a->ip); i++)
		h = (h ^ a->ip[i]) * 16777619u;
	return h ^ h >> 15;
}

/* The same for both directions. */
static struct stream_conn **bucket_of(struct stream *s, const struct packet_addr *a,
				      const struct packet_addr *b)
{
	return &s->buckets[(hash_addr(a) + hash_addr(b)) % STREAM_BUCKETS];
}

static void unlink_age(struct stream *s, struct stream_conn *c)
{
	*(c->older ? &c->older->newer : &s->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &s->newest) = c->older;
}

static void link_age(struct stream *s, struct stream_conn *c)
{
	c->newer = NULL;
	c->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = c;
	s->newest = c;
}

static void drop_pieces(struct stream *s, struct stream_dir *d)
{
	struct stream_piece *p, *next;

	for (p = d->ahead; p; p = next) {
		next = p->next;
		free(p);
	}
	s->ahead_bytes -= d->ahead_bytes;
	d->ahead = NULL;
	d->ahead_bytes = 0;
	d->n_ahead = 0;
}

void stream_ignore(struct stream *s, struct stream_conn *c)
{
	c->is_ignored = true;
	drop_pieces(s, &c->dir[0]);
	drop_pieces(s, &c->dir[1]);
}

static void remove_conn(struct stream *s, struct stream_conn *c)
{
	struct stream_conn **at = bucket_of(s, &c->addr[0], &c->addr[1]);

	while (*at != c)
		at = &(*at)->in_bucket;
	*at = c->in_bucket;
	unlink_age(s, c);
	drop_pieces(s, &c->dir[0]);
	drop_pieces(s, &c->dir[1]);
	s->n_connections--;
	free(c);
}

/* ---- order within a direction ---- */

static void tell_end(struct stream *s, struct stream_conn *c, unsigned dir)
{
	struct stream_dir *d = &c->dir[dir];

	if (c->is_ignored || d->ended || !d->has_end || seq_before(d->next, d->end))
		return;
	d->ended = true;
	s->events.ended(s->events.arg, c, dir, STREAM_FINISHED);
}

/* A part that begins at the wanted position, or before it. */
static void deliver(struct stream *s, struct stream_conn *c, unsigned dir, struct part part)
{
	struct stream_dir *d = &c->dir[dir];
	uint32_t behind = d->next - part.seq;
	size_t cut;

	if (behind) {
		uint32_t again = behind < part.units ? behind : part.units;

		/* A keep-alive of TCP asks with the byte before the next. */
		if (again && !(behind == 1 && part.units == 1 && !c->is_sctp))
			s->events.again(s->events.arg, c, dir, again);
		if (behind >= part.units)
			return;
		cut = behind < part.n ? behind : part.n;
		part.p += cut;
		part.n -= cut;
		part.missing -= behind - cut;
	}
	d->next = part.seq + part.units;
	if (part.n)
		s->events.bytes(s->events.arg, c, dir, part.p, part.n);
	if (part.missing && !c->is_ignored)
		s->events.hole(s->events.arg, c, dir, (uint32_t)part.missing, false);
}

/* Delivers what follows without a hole. */
static void drain(struct stream *s, struct stream_conn *c, unsigned dir)
{
	struct stream_dir *d = &c->dir[dir];
	struct stream_piece *p;

	while (!c->is_ignored && (p = d->ahead) && !seq_after(p->seq, d->next)) {
		d->ahead = p->next;
		d->n_ahead--;
		d->ahead_bytes -= p->n;
		s->ahead_bytes -= p->n;
		d->hole_since_ns = s->now_ns;
		deliver(s, c, dir, (struct part) { p->seq, p->units, p->p, p->n, p->missing });
		free(p);
	}
	tell_end(s, c, dir);
}

static void give_up_hole(struct stream *s, struct stream_conn *c, unsigned dir)
{
	struct stream_dir *d = &c->dir[dir];
	uint32_t n = d->ahead->seq - d->next;

	d->next = d->ahead->seq;
	s->events.hole(s->events.arg, c, dir, n, c->is_sctp);
	drain(s, c, dir);
}

static void give_up_holes(struct stream *s, struct stream_conn *c)
{
	unsigned dir;

	for (dir = 0; dir < 2; dir++)
		while (c->dir[dir].ahead)
			give_up_hole(s, c, dir);
}

/* Whether the oldest hole of that direction has been waited for long enough. */
static bool hole_is_due(const struct stream *s, const struct stream_dir *d)
{
	uint64_t age = s->now_ns > d->hole_since_ns ? s->now_ns - d->hole_since_ns : 0;

	if (!d->ahead)
		return false;
	if (d->n_ahead > STREAM_PIECES_MAX || d->ahead_bytes > STREAM_AHEAD_MAX ||
	    s->ahead_bytes > STREAM_AHEAD_ALL_MAX || age > STREAM_HOLE_NS)
		return true;
	return age > STREAM_HOLE_ACKED_NS && d->has_acked &&
	       !seq_before(d->acked, d->ahead->seq);
}

static void check_holes(struct stream *s, struct stream_conn *c)
{
	unsigned dir;

	for (dir = 0; dir < 2; dir++)
		while (hole_is_due(s, &c->dir[dir]))
			give_up_hole(s, c, dir);
}

static int keep(struct stream *s, struct stream_conn *c, unsigned dir, struct part part)
{
	struct stream_dir *d = &c->dir[dir];
	struct stream_piece **at = &d->ahead, *p;

	while (*at && seq_before((*at)->seq, part.seq))
		at = &(*at)->next;
	if (*at && (*at)->seq == part.seq && (*at)->units >= part.units) {
		s->events.again(s->events.arg, c, dir, part.units);
		return 0;
	}
	p = malloc(sizeof(*p) + part.n);
	if (!p)
		return -ENOMEM;
	*p = (struct stream_piece) { *at, part.seq, part.units, part.n, part.missing };
	if (part.n)
		memcpy(p->p, part.p, part.n);
	if (!d->ahead)
		d->hole_since_ns = s->now_ns;
	*at = p;
	d->n_ahead++;
	d->ahead_bytes += part.n;
	s->ahead_bytes += part.n;
	return 0;
}

/* A position that cannot be: not of this connection, or after very much was lost. */
static bool is_far(struct stream *s, struct stream_conn *c, unsigned dir, uint32_t seq)
{
	struct stream_dir *d = &c->dir[dir];
	int32_t distance = seq_diff(seq, d->next);

	if (distance < STREAM_FAR && distance > -STREAM_FAR) {
		d->n_far = 0;
		return false;
	}
	if (++d->n_far < STREAM_FAR_MAX)
		return true;
	d->n_far = 0;
	drop_pieces(s, d);
	d->next = seq;
	s->events.hole(s->events.arg, c, dir, distance > 0 ? (uint32_t)distance : 0, c->is_sctp);
	return false;
}

static int take(struct stream *s, struct stream_conn *c, unsigned dir, struct part part)
{
	struct stream_dir *d = &c->dir[dir];

	if (c->is_ignored)
		return 0;
	if (!d->known) {
		d->known = true;
		d->next = part.seq;
	}
	if (is_far(s, c, dir, part.seq))
		return 0;
	if (seq_after(part.seq, d->next))
		return keep(s, c, dir, part);
	deliver(s, c, dir, part);
	drain(s, c, dir);
	return 0;
}

static void begin(struct stream_dir *d, uint32_t number, uint32_t next)
{
	d->has_begin = d->known = d->from_start = true;
	d->begin = number;
	d->next = next;
}

static void finish(struct stream *s, struct stream_conn *c, unsigned dir, uint32_t end)
{
	struct stream_dir *d = &c->dir[dir];

	if (c->is_ignored)
		return;
	if (!d->known) {
		d->known = true;
		d->next = end;
	}
	d->has_end = true;
	d->end = end;
	tell_end(s, c, dir);
}

static void acknowledge(struct stream_dir *d, uint32_t next)
{
	d->has_acked = true;
	d->acked = next;
}

/* ---- connections ---- */

static void end_conn(struct stream *s, struct stream_conn *c, enum stream_end how)
{
	give_up_holes(s, c);
	s->events.ended(s->events.arg, c, 0, how);
	remove_conn(s, c);
}

void stream_end(struct stream *s)
{
	while (s->oldest)
		end_conn(s, s->oldest, STREAM_OVER);
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	while (s->oldest)
		remove_conn(s, s->oldest);
	free(s);
}

/* The connection with these ends; *ret_dir is the direction of the packet in it. */
static struct stream_conn *find_by_addr(struct stream *s, const struct packet *p,
					unsigned *ret_dir)
{
	bool is_sctp = p->kind == PACKET_SCTP;
	struct stream_conn *c;

	for (c = *bucket_of(s, &p->from, &p->to); c; c = c->in_bucket) {
		*ret_dir = packet_addr_equal(&c->addr[0], &p->from) ? 0 : 1;
		if (c->is_sctp == is_sctp && packet_addr_equal(&c->addr[*ret_dir], &p->from) &&
		    packet_addr_equal(&c->addr[!*ret_dir], &p->to))
			return c;
	}
	return NULL;
}

/* An association has several addresses, and tags that tell which it is. */
static struct stream_conn *find_by_tag(struct stream *s, const struct packet *p,
				       unsigned *ret_dir)
{
	struct stream_conn *c;
	unsigned dir;

	if (p->kind != PACKET_SCTP || !p->tag)
		return NULL;
	for (c = s->newest; c; c = c->older)
		for (dir = 0; dir < 2; dir++)
			if (c->is_sctp && c->dir[dir].tag == p->tag &&
			    c->addr[dir].port == p->from.port &&
			    c->addr[!dir].port == p->to.port) {
				*ret_dir = dir;
				return c;
			}
	return NULL;
}

static bool is_init(const struct packet *p)
{
	return p->n >= INIT_BYTES && (p->p[0] == CHUNK_INIT || p->p[0] == CHUNK_INIT_ACK);
}

static struct stream_conn *open_conn(struct stream *s, const struct packet *p)
{
	struct stream_conn *c, **bucket;

	if (s->n_connections == STREAM_CONNECTIONS_MAX)
		end_conn(s, s->oldest, STREAM_FORGOTTEN);
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->is_sctp = p->kind == PACKET_SCTP;
	c->addr[0] = p->from;
	c->addr[1] = p->to;
	bucket = bucket_of(s, &p->from, &p->to);
	c->in_bucket = *bucket;
	*bucket = c;
	link_age(s, c);
	s->n_connections++;
	s->events.opened(s->events.arg, c, c->is_sctp ? is_init(p) : p->syn);
	return c;
}

/* Whether the packet is the first of another connection between the same ends. */
static bool is_new_connection(const struct stream_conn *c, unsigned dir, const struct packet *p)
{
	const struct stream_dir *d = &c->dir[dir];

	if (!c->is_sctp)
		return p->syn && (d->has_begin ? d->begin != p->seq : d->known);
	if (p->n >= INIT_BYTES && p->p[0] == CHUNK_INIT)
		return d->has_begin ? d->begin != packet_be32(p->p + 16) : d->known;
	return p->tag && d->tag && d->tag != p->tag && p->n && p->p[0] == CHUNK_DATA;
}

static void reset(struct stream *s, struct stream_conn *c, unsigned dir)
{
	if (c->is_ignored)
		return;
	give_up_holes(s, c);
	s->events.ended(s->events.arg, c, dir, STREAM_RESET);
}

/* ---- TCP ---- */

static int take_tcp(struct stream *s, struct stream_conn *c, unsigned dir, const struct packet *p)
{
	struct stream_dir *d = &c->dir[dir];
	uint32_t seq = p->seq + p->syn, end = seq + (uint32_t)(p->n + p->missing);
	int rc = 0;

	if (p->syn && !d->has_begin)
		begin(d, p->seq, seq);
	if (p->has_ack)
		acknowledge(&c->dir[!dir], p->ack);
	if (p->rst) {
		/* A reset whose number was guessed too low is believed by nobody. */
		if (!d->known || !seq_before(seq, d->next))
			reset(s, c, dir);
		return 0;
	}
	if (end != seq)
		rc = take(s, c, dir, (struct part) { seq, end - seq, p->p, p->n, p->missing });
	if (p->fin)
		finish(s, c, dir, end);
	return rc;
}

/* ---- SCTP ---- */

static void learn_tag(struct stream_dir *d, uint32_t tag)
{
	if (tag && !d->tag)
		d->tag = tag;
}

/* One chunk of n captured bytes, of which missing more were on the wire. */
static int take_chunk(struct stream *s, struct stream_conn *c, unsigned dir, const uint8_t *p,
		      size_t n, size_t missing)
{
	struct stream_dir *d = &c->dir[dir];

	switch ((enum chunk)p[0]) {
	case CHUNK_DATA:
		if (n < DATA_HEADER)
			return 0;
		return take(s, c, dir, (struct part) { packet_be32(p + 4), 1, p + DATA_HEADER,
						       n - DATA_HEADER, missing });
	case CHUNK_INIT:
	case CHUNK_INIT_ACK:
		if (n < INIT_BYTES)
			return 0;
		if (!d->has_begin)
			begin(d, packet_be32(p + 16), packet_be32(p + 16));
		learn_tag(&c->dir[!dir], packet_be32(p + 4));
		return 0;
	case CHUNK_SACK:
		if (n >= 8)
			acknowledge(&c->dir[!dir], packet_be32(p + 4) + 1);
		return 0;
	case CHUNK_ABORT:
		reset(s, c, dir);
		return 0;
	case CHUNK_SHUTDOWN:
		finish(s, c, dir, d->next);
		return 0;
	}
	return 0;
}

static int take_sctp(struct stream *s, struct stream_conn *c, unsigned dir,
		     const struct packet *p)
{
	size_t off = 0, len;
	int rc = 0;

	learn_tag(&c->dir[dir], p->tag);
	for (; !rc && off + 4 <= p->n; off += (len + 3) & ~(size_t)3) {
		size_t left = p->n - off, n;

		len = packet_be16(p->p + off + 2);
		if (len < 4 || len > left + p->missing)
			return 0;
		n = len < left ? len : left;
		rc = take_chunk(s, c, dir, p->p + off, n, len - n);
	}
	return rc;
}

int stream_packet(struct stream *s, uint64_t now_ns, const struct packet *p)
{
	struct stream_conn *c;
	unsigned dir = 0;
	int rc;

	s->now_ns = now_ns;
	c = find_by_addr(s, p, &dir);
	if (c && is_new_connection(c, dir, p)) {
		end_conn(s, c, STREAM_REPLACED);
		c = NULL;
		dir = 0;
	}
	if (!c)
		c = find_by_tag(s, p, &dir);
	if (!c) {
		dir = 0;
		c = open_conn(s, p);
	}
	if (!c)
		return -ENOMEM;
	unlink_age(s, c);
	link_age(s, c);
	rc = c->is_sctp ? take_sctp(s, c, dir, p) : take_tcp(s, c, dir, p);
	check_holes(s, c);
	return rc;
}
