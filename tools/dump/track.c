/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Positions of all sessions.
 * Knows nothing of bytes.
 */
#include "tools/dump/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seq.h"

enum key_kind { KEY_NONE, KEY_INCARNATIONS, KEY_NODES, KEY_NODE_AND_ADDRESS, KEY_CONNECTION };

struct key {
	enum key_kind kind;
	uint64_t from, to;
};

/* One direction: from one node to another one. */
struct session {
	struct key key;
	uint64_t used;		/* when, in frames */
	bool known;
	uint32_t next;		/* behind the highest number that was sent */
	bool has_acked;
	uint32_t acked;		/* the last one said by the receiver */
	bool has_first;
	uint64_t first;		/* hash of the frame with number 0, to know it again */
	bool has_fin;
	uint32_t fin;
};

struct track {
	struct session sessions[TRACK_SESSIONS_MAX];
	struct { struct packet_addr addr; uint32_t nodeid; } nodes[TRACK_NODES_MAX];
	unsigned n_nodes, oldest_node;
	uint64_t n_frames, n_forgotten;
};

int track_new(struct track **ret)
{
	struct track *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

void track_free(struct track *t)
{
	free(t);
}

uint64_t track_forgotten(const struct track *t)
{
	return t->n_forgotten;
}

static uint64_t hash(const uint8_t *p, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

/* ---- nodes by their address: a kernel has one, whatever the port ---- */

static bool same_host(const struct packet_addr *a, const struct packet_addr *b)
{
	return a->version == b->version && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static uint32_t node_at(const struct track *t, const struct packet_addr *addr)
{
	unsigned i;

	for (i = 0; addr->version && i < t->n_nodes; i++)
		if (same_host(&t->nodes[i].addr, addr))
			return t->nodes[i].nodeid;
	return 0;
}

static void learn_node(struct track *t, const struct packet_addr *addr, uint32_t nodeid)
{
	unsigned i;

	if (!addr->version || node_at(t, addr) == nodeid)
		return;
	for (i = 0; i < t->n_nodes; i++)
		if (same_host(&t->nodes[i].addr, addr))
			break;
	if (i == TRACK_NODES_MAX)
		i = t->oldest_node++ % TRACK_NODES_MAX;
	else if (i == t->n_nodes)
		t->n_nodes++;
	t->nodes[i].addr = *addr;
	t->nodes[i].nodeid = nodeid;
}

/* ---- sessions ---- */

static bool same_key(const struct key *a, const struct key *b)
{
	return a->kind == b->kind && a->from == b->from && a->to == b->to;
}

static struct session *find(struct track *t, const struct key *key)
{
	unsigned i;

	for (i = 0; i < TRACK_SESSIONS_MAX; i++)
		if (same_key(&t->sessions[i].key, key))
			return &t->sessions[i];
	return NULL;
}

static struct session *add(struct track *t, const struct key *key)
{
	struct session *s = &t->sessions[0];
	unsigned i;

	for (i = 1; i < TRACK_SESSIONS_MAX; i++)
		if (t->sessions[i].used < s->used)
			s = &t->sessions[i];
	if (s->key.kind != KEY_NONE)
		t->n_forgotten++;
	*s = (struct session) { .key = *key };
	return s;
}

static uint32_t node_of(const struct track *t, const struct track_end *end)
{
	return end->nodeid ? end->nodeid : node_at(t, &end->addr);
}

uint32_t track_node(const struct track *t, const struct track_conn *c, unsigned dir)
{
	return c->profile == DESCRIBE_KERNEL ? node_of(t, &c->end[dir]) : c->end[dir].nodeid;
}

static struct key address_key(const struct track *t, const struct track_conn *c, unsigned dir)
{
	const struct packet_addr *to = &c->end[!dir].addr;

	return (struct key) { KEY_NODE_AND_ADDRESS, node_of(t, &c->end[dir]),
			      hash(to->ip, sizeof(to->ip)) };
}

static struct key key_of(const struct track *t, const struct track_conn *c, unsigned dir)
{
	const struct track_end *from = &c->end[dir], *to = &c->end[!dir];
	uint64_t incarnation = to->mine ? to->mine : from->yours;
	uint32_t sender = node_of(t, from), receiver = node_of(t, to);

	if (c->profile == DESCRIBE_NATIVE && from->mine && incarnation)
		return (struct key) { KEY_INCARNATIONS, from->mine, incarnation };
	if (c->profile != DESCRIBE_KERNEL || !sender)
		return (struct key) { KEY_CONNECTION, c->number, dir };
	if (receiver)
		return (struct key) { KEY_NODES, sender, receiver };
	return address_key(t, c, dir);
}

/* The session of what end dir sends. */
static struct session *session_of(struct track *t, struct track_conn *c, unsigned dir)
{
	struct key key = key_of(t, c, dir), before;
	struct session *s = &t->sessions[c->end[dir].session];

	if (!same_key(&s->key, &key))
		s = find(t, &key);
	if (!s && key.kind == KEY_NODES) {
		/* The receiver has told its nodeid since. */
		before = address_key(t, c, dir);
		s = find(t, &before);
		if (s)
			s->key = key;
	}
	if (!s)
		s = add(t, &key);
	s->used = ++t->n_frames;
	c->end[dir].session = (unsigned)(s - t->sessions);
	return s;
}

/* ---- frames ---- */

/* Kernels have no incarnations: number 0 comes again after both have finished, and when a
 * node starts anew. It is the old one if it was never acknowledged, and equal. */
static bool is_restart(const struct session *s, const struct described *d, uint64_t frame)
{
	if (d->seq || !s->known || !seq_after(s->next, 0))
		return false;
	if (s->has_fin && s->has_acked && seq_after(s->acked, s->fin))
		return true;
	if (s->has_first && frame)
		return s->first != frame;
	return s->has_acked && seq_after(s->acked, 0);
}

static void take_number(struct session *s, uint32_t seq, struct track_marks *ret)
{
	ret->again = s->known && seq_before(seq, s->next);
	if (!ret->again)
		s->next = seq + 1;
	s->known = true;
}

static void take_kernel(struct session *s, const struct described *d, const uint8_t *p, size_t n,
			struct track_marks *ret)
{
	uint64_t frame = d->seq || n < d->length ? 0 : hash(p, n) | 1;

	if (is_restart(s, d, frame)) {
		*s = (struct session) { .key = s->key, .used = s->used };
		ret->restart = true;
	}
	if (frame) {
		s->has_first = true;
		s->first = frame;
	}
	if (!strcmp(d->kind, "FIN")) {
		s->has_fin = true;
		s->fin = d->seq;
	}
	if (s->known && seq_after(d->seq, s->next))
		ret->gap = d->seq - s->next;
	take_number(s, d->seq, ret);
}

/* On one connection the numbers follow each other; it begins where its HELLOs say. */
static void take_native(struct session *s, struct track_conn *c, unsigned dir, uint32_t seq,
			struct track_marks *ret)
{
	struct track_end *from = &c->end[dir];
	const struct track_end *to = &c->end[!dir];

	if (!from->has_expected) {
		from->expected = s->known && seq_after(seq, s->next) ? s->next : seq;
		if (to->yours && to->yours == from->mine)
			from->expected = to->next;
	}
	if (seq_after(seq, from->expected))
		ret->gap = seq - from->expected;
	from->has_expected = true;
	from->expected = seq + 1;
	take_number(s, seq, ret);
}

void track_frame(struct track *t, struct track_conn *c, unsigned dir, const struct described *d,
		 const uint8_t *p, size_t n, bool has_hole, struct track_marks *ret)
{
	struct track_end *from = &c->end[dir];
	struct session *s;

	*ret = (struct track_marks) { 0 };
	if (d->malformed[0] || (n < d->length && !has_hole))
		return;
	from->nodeid = d->nodeid;
	if (d->profile != DESCRIBE_EITHER)
		c->profile = d->profile;
	if (c->profile == DESCRIBE_KERNEL)
		learn_node(t, &from->addr, d->nodeid);
	if (d->is_hello) {
		from->mine = d->mine;
		from->yours = d->yours;
		from->next = d->next;
		from->has_expected = false;
	}
	if (d->is_ack) {
		s = session_of(t, c, !dir);
		ret->dup_ack = s->has_acked && s->acked == d->seq;
		s->has_acked = true;
		s->acked = d->seq;
	}
	if (!d->is_sequenced)
		return;
	s = session_of(t, c, dir);
	if (c->profile == DESCRIBE_KERNEL)
		take_kernel(s, d, p, n, ret);
	else
		take_native(s, c, dir, d->seq, ret);
}
