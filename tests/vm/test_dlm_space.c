/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of a lockspace (tests/vm/dlm_space.h) in one process: packets go through a queue in
 * memory, in order, and time is what the test says.
 */
#include "tests/vm/dlm_space.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/lib/check.h"
#include "tests/vm/dlm_hash.h"

#define SPACE		0x11223344u
#define NODES		4		/* by nodeid; 0 is none */
#define ALL		0xeu
#define LOCKS		64
#define RECOVER_MS	5000
#define TOSS_MS		10000
#define NAME_AT_1	"one"		/* node 1 is its directory, of three members */
#define TURNS_MAX	100000

/* What a node saw of a lock of its own. */
struct seen {
	uint32_t id;
	uint8_t name;
	enum dlm_mode mode, bast;
	int32_t result;
	unsigned n_asts, n_queued, n_cancels;
	char lvb[DLM_LVB + 1];
	uint32_t sbflags;
};

struct node {
	uint32_t nodeid;
	struct dlm_space *space;
	struct seen seen[LOCKS];
	unsigned n_seen, n_joined, n_errors;
	uint32_t generation;
	char error[200];
};

struct packet {
	struct packet *next;
	uint32_t from, to;
	size_t len;
	uint8_t bytes[];
};

static struct world {
	struct node nodes[NODES];
	struct packet *first, **end;
	unsigned n_packets;
	uint32_t seed;
	uint64_t now_ms;
	uint32_t lose_bare_to;		/* a node to which no link stands */
	unsigned n_removes;
	struct dlm_message last;	/* to a node that is not there */
} w;

/* ---- surroundings ---- */

/* The modes that two locks may have at the same time, as the manual of any lock manager has it. */
static const bool goes_with[6][6] = {
	[DLM_NL] = { 1, 1, 1, 1, 1, 1 },
	[DLM_CR] = { 1, 1, 1, 1, 1, 0 },
	[DLM_CW] = { 1, 1, 1, 0, 0, 0 },
	[DLM_PR] = { 1, 1, 0, 1, 0, 0 },
	[DLM_PW] = { 1, 1, 0, 0, 0, 0 },
	[DLM_EX] = { 1, 0, 0, 0, 0, 0 },
};

static void send(void *arg, uint32_t to, const uint8_t *bytes, size_t len, bool bare)
{
	struct node *from = arg;
	struct packet *p;
	struct dlm_message m;
	const char *why;

	CHECK_OR_RETURN(to && to < NODES);
	if (!dlm_message_decode(bytes, len, &m, &why)) {
		w.n_removes += m.type == DLM_REMOVE;
		if (!w.nodes[to].space)
			w.last = m;
	}
	if (!w.nodes[to].space || (bare && to == w.lose_bare_to))
		return;
	p = malloc(sizeof(*p) + len);
	*p = (struct packet){ .from = from->nodeid, .to = to, .len = len };
	memcpy(p->bytes, bytes, len);
	*w.end = p;
	w.end = &p->next;
	w.n_packets++;
}

static struct seen *seen_by_id(struct node *n, uint32_t id)
{
	unsigned i;

	for (i = 0; i < n->n_seen; i++)
		if (n->seen[i].id == id)
			return &n->seen[i];
	return NULL;
}

static void saw_lock(struct node *n, const struct dlm_event *e)
{
	struct seen *s = seen_by_id(n, e->id);

	if (e->kind == DLM_EVENT_LOCK) {
		CHECK(!s);
		CHECK_OR_RETURN(n->n_seen < LOCKS);
		s = &n->seen[n->n_seen++];
		*s = (struct seen){ .id = e->id, .mode = DLM_IV, .bast = DLM_NL };
		return;
	}
	CHECK_OR_RETURN(s != NULL);
	if (e->kind == DLM_EVENT_QUEUED) {
		s->n_queued++;
	} else if (e->kind == DLM_EVENT_CANCEL) {
		s->n_cancels++;
	} else if (e->kind == DLM_EVENT_BAST) {
		s->bast = e->mode;
	} else {
		s->n_asts++;
		s->result = e->result;
		s->mode = e->mode;
		s->sbflags = e->sbflags;
		if (e->lvb)
			memcpy(s->lvb, e->lvb, DLM_LVB);
	}
}

static void event(void *arg, const struct dlm_event *e)
{
	struct node *n = arg;

	switch (e->kind) {
	case DLM_EVENT_JOINED:
		n->n_joined++;
		n->generation = e->generation;
		return;
	case DLM_EVENT_ERROR:
		n->n_errors++;
		snprintf(n->error, sizeof(n->error), "node %u %s", e->peer, e->text);
		return;
	case DLM_EVENT_RECOVERY:
	case DLM_EVENT_PURGE:
		return;
	case DLM_EVENT_LOCK:
	case DLM_EVENT_QUEUED:
	case DLM_EVENT_AST:
	case DLM_EVENT_BAST:
	case DLM_EVENT_CANCEL:
		saw_lock(n, e);
		return;
	}
}

static void deliver(struct packet *p)
{
	struct node *n = &w.nodes[p->to];

	w.n_packets--;
	if (n->space)
		dlm_space_receive(n->space, p->bytes, p->len, w.now_ms);
	free(p);
}

/* Until no packet is under way. */
static void settle(void)
{
	unsigned turns = 0;

	while (w.first) {
		struct packet *p = w.first;

		w.first = p->next;
		if (!w.first)
			w.end = &w.first;
		deliver(p);
		CHECK_OR_RETURN(++turns < TURNS_MAX);
	}
}

/* The time goes on to the next deadline, as long as it is before the end. */
static void run_until(uint64_t end_ms)
{
	for (;;) {
		uint64_t due = DLM_NEVER;
		unsigned i;

		settle();
		for (i = 1; i < NODES; i++)
			if (w.nodes[i].space && dlm_space_deadline(w.nodes[i].space) < due)
				due = dlm_space_deadline(w.nodes[i].space);
		if (due > end_ms)
			break;
		if (due > w.now_ms)
			w.now_ms = due;
		for (i = 1; i < NODES; i++)
			if (w.nodes[i].space)
				dlm_space_tick(w.nodes[i].space, w.now_ms);
	}
	w.now_ms = end_ms;
}

static void run_ms(uint64_t ms)
{
	run_until(w.now_ms + ms);
}

/* ---- a world ---- */

static void boot(unsigned i)
{
	struct node *n = &w.nodes[i];
	struct dlm_space_options opt = {
		.id = SPACE, .nodeid = i, .pid = 100 + i, .number = i, .seq = i * 1000,
		.recover_ms = RECOVER_MS, .toss_ms = TOSS_MS,
	};
	struct dlm_host host = { .arg = n, .send = send, .event = event };

	memset(n, 0, sizeof(*n));
	n->nodeid = i;
	CHECK_EQ(dlm_space_new(&opt, &host, &n->space), 0);
}

static void shut(unsigned i)
{
	dlm_space_free(w.nodes[i].space);
	w.nodes[i].space = NULL;
}

/* As a cluster's membership service does: all stop, then all start. */
static void start(unsigned set)
{
	uint32_t members[NODES];
	unsigned i, n = 0;

	for (i = 1; i < NODES; i++)
		if (set & 1u << i)
			members[n++] = i;
	for (i = 0; i < n; i++)
		dlm_space_stop(w.nodes[members[i]].space);
	for (i = 0; i < n; i++)
		CHECK_EQ(dlm_space_start(w.nodes[members[i]].space, members, n, w.now_ms), 0);
}

static void check_joined(unsigned set, unsigned times)
{
	unsigned i;

	for (i = 1; i < NODES; i++)
		if (set & 1u << i) {
			CHECK_EQ(w.nodes[i].n_joined, times);
			CHECK_STR(w.nodes[i].error, "");
		}
}

static void begin(unsigned set)
{
	unsigned i;

	memset(&w, 0, sizeof(w));
	w.end = &w.first;
	for (i = 1; i < NODES; i++)
		if (set & 1u << i)
			boot(i);
	start(set);
	run_ms(1000);
	check_joined(set, 1);
}

static void end(void)
{
	unsigned i;

	settle();
	for (i = 1; i < NODES; i++) {
		if (w.nodes[i].space)
			CHECK_STR(w.nodes[i].error, "");
		shut(i);
	}
}

static const uint8_t *block(const char *text)
{
	static uint8_t lvb[DLM_LVB];

	memset(lvb, 0, sizeof(lvb));
	memcpy(lvb, text, strlen(text));
	return lvb;
}

static struct seen *lock(unsigned i, const char *name, enum dlm_mode mode, uint32_t flags)
{
	struct node *n = &w.nodes[i];

	CHECK_EQ(dlm_space_lock(n->space, (const uint8_t *)name, strlen(name), mode, flags, NULL,
				w.now_ms), 0);
	settle();
	return &n->seen[n->n_seen - 1];
}

static void convert(unsigned i, const struct seen *s, enum dlm_mode mode, uint32_t flags,
		    const char *lvb)
{
	CHECK_EQ(dlm_space_convert(w.nodes[i].space, s->id, mode, flags,
				   lvb ? block(lvb) : NULL, w.now_ms), 0);
	settle();
}

static void unlock(unsigned i, const struct seen *s)
{
	CHECK_EQ(dlm_space_unlock(w.nodes[i].space, s->id, 0, NULL, w.now_ms), 0);
	settle();
	CHECK_EQ(s->result, -DLM_EUNLOCK);
}

static bool has(const struct seen *s, enum dlm_mode mode)
{
	return CHECK_EQ(s->result, 0) & CHECK_EQ(s->mode, mode);
}

static unsigned masters(unsigned i)
{
	struct dlm_space_status status;

	dlm_space_status(w.nodes[i].space, &status);
	return status.n_mastered;
}

/* ---- tests ---- */

static void joins_alone_and_together(void)
{
	begin(1u << 2);
	boot(1);
	boot(3);
	start(ALL);
	run_ms(2000);
	CHECK_EQ(w.nodes[1].n_joined, 1);
	CHECK_EQ(w.nodes[2].n_joined, 2);
	CHECK_EQ(w.nodes[3].n_joined, 1);
	CHECK_EQ(w.nodes[1].generation, w.nodes[2].generation);
	CHECK_EQ(w.nodes[1].generation, w.nodes[3].generation);
	end();
}

static void first_asker_masters(void)
{
	struct seen *a, *b;

	begin(ALL);
	a = lock(3, NAME_AT_1, DLM_PR, 0);
	b = lock(2, NAME_AT_1, DLM_PR, 0);
	has(a, DLM_PR);
	has(b, DLM_PR);
	CHECK_EQ(masters(3), 1);
	CHECK_EQ(masters(1) + masters(2), 0);
	unlock(3, a);
	unlock(2, b);
	end();
}

static void holder_hears_who_is_blocked(void)
{
	struct seen *a, *b, *c;

	begin(ALL);
	a = lock(1, "r", DLM_EX, 0);
	b = lock(2, "r", DLM_PR, 0);
	CHECK_EQ(b->n_queued, 1);
	CHECK_EQ(b->n_asts, 0);
	CHECK_EQ(a->bast, DLM_PR);
	c = lock(3, "r", DLM_EX, DLM_NOQUEUE);
	CHECK_EQ(c->result, -DLM_EAGAIN);
	convert(1, a, DLM_NL, 0, NULL);
	has(a, DLM_NL);
	has(b, DLM_PR);
	unlock(2, b);
	unlock(1, a);
	end();
}

static void value_block_goes_round(void)
{
	struct seen *a, *b;

	begin(ALL);
	a = lock(1, "r", DLM_EX, DLM_VALBLK);
	b = lock(2, "r", DLM_NL, DLM_VALBLK);
	convert(1, a, DLM_NL, DLM_VALBLK, "first");
	convert(2, b, DLM_PR, DLM_VALBLK, NULL);
	CHECK_STR(b->lvb, "first");
	convert(2, b, DLM_EX, DLM_VALBLK, NULL);
	convert(2, b, DLM_NL, DLM_VALBLK, "second");
	convert(1, a, DLM_CR, DLM_VALBLK, NULL);
	CHECK_STR(a->lvb, "second");
	unlock(1, a);
	unlock(2, b);
	end();
}

static void cancels(void)
{
	struct seen *a, *b, *c;
	unsigned i;

	begin(ALL);
	for (i = 1; i < NODES; i++) {
		a = lock(1, "r", DLM_PR, 0);
		b = lock(i, "r", DLM_EX, 0);
		CHECK_EQ(dlm_space_cancel(w.nodes[i].space, b->id, w.now_ms), 0);
		settle();
		CHECK_EQ(b->result, -DLM_ECANCEL);
		CHECK_EQ(dlm_space_cancel(w.nodes[i].space, b->id, w.now_ms), -ENOENT);
		c = lock(i, "r", DLM_PR, 0);
		convert(i, c, DLM_EX, 0, NULL);
		CHECK_EQ(c->n_queued, 1);
		CHECK_EQ(dlm_space_cancel(w.nodes[i].space, c->id, w.now_ms), 0);
		settle();
		CHECK_EQ(c->result, -DLM_ECANCEL);
		CHECK_EQ(c->mode, DLM_PR);
		CHECK_EQ(dlm_space_cancel(w.nodes[i].space, c->id, w.now_ms), -EINVAL);
		unlock(i, c);
		unlock(1, a);
	}
	end();
}

static void conversions_that_stop_each_other(void)
{
	struct seen *a, *b;

	begin(ALL);
	a = lock(1, "r", DLM_PR, 0);
	b = lock(2, "r", DLM_PR, 0);
	convert(1, a, DLM_EX, 0, NULL);
	CHECK_EQ(a->n_queued, 1);
	convert(2, b, DLM_EX, 0, NULL);
	CHECK_EQ(b->result, -DLM_EDEADLK);
	CHECK_EQ(b->mode, DLM_PR);
	convert(2, b, DLM_EX, DLM_CONVDEADLK, NULL);
	has(a, DLM_EX);
	CHECK_EQ(b->n_queued, 1);
	unlock(1, a);
	has(b, DLM_EX);
	CHECK(b->sbflags & DLM_DEMOTED);
	unlock(2, b);
	end();
}

/* What node 2 sends, and the answer to it. */
static void by_hand(struct dlm_message *m)
{
	uint8_t packet[DLM_PACKET_MAX];

	w.last.type = DLM_NO_TYPE;
	dlm_space_receive(w.nodes[1].space, packet, dlm_message_encode(packet, m), w.now_ms);
}

static void check_last(enum dlm_type type, int32_t result)
{
	CHECK_EQ(w.last.type, type);
	CHECK_EQ(w.last.result, result);
	CHECK_EQ(w.last.flags & DLM_FLAGS_ECHOED, 0x1234);
	CHECK_EQ(w.last.remid, 7);
}

/* A kernel whose lock is told other flags than its own crashes: they come back in all that it is
 * sent, also where there is no lock to take them from. */
static void flags_come_back(void)
{
	struct dlm_message m = {
		.space = SPACE, .sender = 2, .type = DLM_REQUEST, .lkid = 7, .flags = 0x51234,
		.grmode = DLM_IV, .rqmode = DLM_PR, .asts = DLM_WANTS_BAST | DLM_WANTS_CAST,
		.name = (const uint8_t *)"x", .name_len = 1,
	};
	struct seen *a;

	begin(1u << 1 | 1u << 2);
	shut(2);
	m.hash = dlm_hash(m.name, m.name_len);
	by_hand(&m);
	check_last(DLM_REQUEST_REPLY, 0);
	m.remid = w.last.lkid;
	m.name_len = 0;
	a = lock(1, "x", DLM_PR, 0);
	m.type = DLM_CONVERT;
	m.rqmode = DLM_EX;
	by_hand(&m);
	check_last(DLM_CONVERT_REPLY, -DLM_EINPROGRESS);
	m.type = DLM_CANCEL;
	by_hand(&m);
	check_last(DLM_CANCEL_REPLY, -DLM_ECANCEL);
	m.type = DLM_CONVERT;
	by_hand(&m);
	unlock(1, a);
	check_last(DLM_GRANT, 0);
	lock(1, "x", DLM_PR, 0);
	check_last(DLM_BAST, 0);
	CHECK_EQ(w.last.bastmode, DLM_PR);
	m.type = DLM_UNLOCK;
	by_hand(&m);
	check_last(DLM_UNLOCK_REPLY, -DLM_EUNLOCK);
	by_hand(&m);
	check_last(DLM_UNLOCK_REPLY, -DLM_ENOENT);
	w.nodes[1].error[0] = 0;
	end();
}

static void master_leaves_with_locks_held(void)
{
	struct seen *m, *a, *b, *c;

	begin(ALL);
	m = lock(3, NAME_AT_1, DLM_NL, DLM_VALBLK);
	a = lock(1, NAME_AT_1, DLM_EX, DLM_VALBLK);
	convert(1, a, DLM_PR, DLM_VALBLK, "kept");
	b = lock(2, NAME_AT_1, DLM_EX, 0);
	c = lock(2, NAME_AT_1, DLM_NL, DLM_VALBLK | DLM_EXPEDITE);
	CHECK_EQ(b->n_queued, 1);
	(void)m;
	shut(3);
	start(ALL & ~(1u << 3));
	run_ms(1000);
	check_joined(ALL & ~(1u << 3), 2);
	CHECK_EQ(masters(1) + masters(2), 1);
	CHECK_EQ(b->n_asts, 0);
	convert(2, c, DLM_CR, DLM_VALBLK, NULL);
	CHECK_STR(c->lvb, "kept");
	unlock(1, a);
	CHECK_EQ(b->n_asts, 0);
	unlock(2, c);
	has(b, DLM_EX);
	unlock(2, b);
	end();
}

static void owner_leaves(void)
{
	struct seen *a, *b;

	begin(ALL);
	a = lock(1, "r", DLM_NL, 0);
	lock(3, "r", DLM_EX, 0);
	b = lock(2, "r", DLM_EX, 0);
	CHECK_EQ(b->n_asts, 0);
	shut(3);
	start(ALL & ~(1u << 3));
	run_ms(1000);
	has(b, DLM_EX);
	unlock(2, b);
	unlock(1, a);
	end();
}

/* A member that comes makes other nodes the directory of names that are in use. */
static void names_are_found_after_a_member_came(void)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	struct seen *held[8], *asked;
	unsigned i;

	begin(1u << 1 | 1u << 2);
	for (i = 0; i < 8; i++)
		held[i] = lock(1 + i % 2, names[i], DLM_EX, 0);
	boot(3);
	start(ALL);
	run_ms(1000);
	for (i = 0; i < 8; i++) {
		asked = lock(3, names[i], DLM_PR, DLM_NOQUEUE);
		CHECK_EQ(asked->result, -DLM_EAGAIN);
		unlock(1 + i % 2, held[i]);
	}
	CHECK_EQ(masters(3), 0);
	end();
}

static void operations_wait_for_recovery(void)
{
	struct seen *a, *b;

	begin(ALL);
	a = lock(2, "r", DLM_PR, 0);
	start(ALL);
	CHECK_EQ(dlm_space_convert(w.nodes[2].space, a->id, DLM_EX, 0, NULL, w.now_ms), 0);
	CHECK_EQ(dlm_space_lock(w.nodes[3].space, (const uint8_t *)"s", 1, DLM_EX, 0, NULL,
				w.now_ms), 0);
	b = &w.nodes[3].seen[0];
	CHECK_EQ(a->n_asts + b->n_asts, 1);
	run_ms(1000);
	has(a, DLM_EX);
	has(b, DLM_EX);
	end();
}

static void unused_names_are_removed(void)
{
	struct dlm_space_status status;
	struct seen *a;

	begin(ALL);
	a = lock(3, NAME_AT_1, DLM_PR, 0);
	dlm_space_status(w.nodes[1].space, &status);
	CHECK_EQ(status.n_directory, 1);
	unlock(3, a);
	run_ms(TOSS_MS - 1);
	CHECK_EQ(w.n_removes, 0);
	run_ms(1);
	CHECK_EQ(w.n_removes, 1);
	dlm_space_status(w.nodes[1].space, &status);
	CHECK_EQ(status.n_directory, 0);
	CHECK_EQ(masters(3), 0);
	end();
}

static void new_link_repeats_what_it_lost(void)
{
	begin(1u << 1);
	boot(2);
	w.lose_bare_to = 2;
	start(1u << 1 | 1u << 2);
	run_ms(RECOVER_MS - 1);
	CHECK_EQ(w.nodes[1].n_joined, 1);
	w.lose_bare_to = 0;
	dlm_space_link_up(w.nodes[1].space, 2, w.now_ms);
	dlm_space_link_up(w.nodes[2].space, 1, w.now_ms);
	run_ms(1000);
	CHECK_EQ(w.nodes[1].n_joined, 2);
	CHECK_EQ(w.nodes[2].n_joined, 1);
	w.lose_bare_to = 2;
	start(1u << 1 | 1u << 2);
	settle();
	w.lose_bare_to = 0;
	run_ms(RECOVER_MS + 1000);
	CHECK_EQ(w.nodes[1].n_joined, 3);
	end();
}

/* ---- at random ---- */

#define SEEDS		300
#define OPERATIONS	300

static uint32_t draw(uint32_t below)
{
	w.seed = w.seed * 1664525u + 1013904223u;
	return (w.seed >> 8) % below;
}

/* The first packet of any pair of nodes: those of a pair stay in order. */
static void deliver_any(void)
{
	struct packet *chosen = w.first, *p, **at = &w.first;
	uint32_t n = w.n_packets ? draw(w.n_packets) : 0;

	if (!chosen)
		return;
	while (n--)
		chosen = chosen->next;
	while ((*at)->from != chosen->from || (*at)->to != chosen->to)
		at = &(*at)->next;
	p = *at;
	*at = p->next;
	if (!p->next)
		w.end = at;
	deliver(p);
}

static bool is_over(const struct seen *s)
{
	return s->result == -DLM_EUNLOCK || (s->n_asts && s->mode == DLM_IV);
}

static void request_any(struct node *n)
{
	uint8_t name = (uint8_t)('a' + draw(3));

	if (n->n_seen == LOCKS)
		return;
	CHECK_EQ(dlm_space_lock(n->space, &name, 1, (enum dlm_mode)draw(DLM_EX + 1),
				draw(4) ? 0 : DLM_NOQUEUE, NULL, w.now_ms), 0);
	n->seen[n->n_seen - 1].name = name;
}

static void operate_any(struct node *n)
{
	struct seen *s;

	if (!n->n_seen || !draw(4)) {
		request_any(n);
		return;
	}
	s = &n->seen[draw(n->n_seen)];
	if (draw(3))
		dlm_space_convert(n->space, s->id, (enum dlm_mode)draw(DLM_EX + 1),
				  draw(4) ? 0 : DLM_NOQUEUE, NULL, w.now_ms);
	else if (draw(2))
		dlm_space_cancel(n->space, s->id, w.now_ms);
	else
		dlm_space_unlock(n->space, s->id, 0, NULL, w.now_ms);
}

static enum dlm_mode held(const struct seen *s)
{
	return is_over(s) ? DLM_IV : s->mode;
}

/* No two locks of a name have modes that exclude each other, as far as their owners know. */
static bool modes_go_together(void)
{
	const struct seen *all[NODES * LOCKS];
	unsigned i, k, n = 0;

	for (i = 1; i < NODES; i++)
		for (k = 0; w.nodes[i].space && k < w.nodes[i].n_seen; k++)
			if (held(&w.nodes[i].seen[k]) > DLM_NL)
				all[n++] = &w.nodes[i].seen[k];
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (all[i]->name == all[k]->name &&
			    !goes_with[held(all[i])][held(all[k])])
				return false;
	return true;
}

static bool all_run(void)
{
	struct dlm_space_status status;
	unsigned i;

	for (i = 1; i < NODES; i++) {
		if (!w.nodes[i].space)
			continue;
		dlm_space_status(w.nodes[i].space, &status);
		if (strcmp(status.step, "running"))
			return false;
	}
	return true;
}

static void member_goes_or_comes(void)
{
	if (w.nodes[3].space) {
		shut(3);
		start(ALL & ~(1u << 3));
	} else {
		boot(3);
		start(ALL);
	}
}

/* Everything is given back: nobody waits for ever. */
static void give_back(void)
{
	struct dlm_space_status status;
	unsigned i, k, turn;

	for (turn = 0; turn < 10; turn++) {
		run_ms(RECOVER_MS);
		for (i = 1; i < NODES; i++)
			for (k = 0; w.nodes[i].space && k < w.nodes[i].n_seen; k++) {
				dlm_space_cancel(w.nodes[i].space, w.nodes[i].seen[k].id,
						 w.now_ms);
				settle();
				dlm_space_unlock(w.nodes[i].space, w.nodes[i].seen[k].id, 0,
						 NULL, w.now_ms);
			}
	}
	run_ms(TOSS_MS * 2);
	for (i = 1; i < NODES; i++) {
		if (!w.nodes[i].space)
			continue;
		dlm_space_status(w.nodes[i].space, &status);
		CHECK_STR(status.step, "running");
		CHECK_EQ(status.n_locks, 0);
		CHECK_EQ(status.n_copies, 0);
		CHECK_EQ(status.n_mastered, 0);
		CHECK_EQ(status.n_directory, 0);
	}
}

static bool play(uint32_t seed, bool members_change)
{
	unsigned i, failures = check_state.failures;

	begin(ALL);
	w.seed = seed;
	for (i = 0; i < OPERATIONS && check_state.failures == failures; i++) {
		struct node *n = &w.nodes[1 + draw(NODES - 1)];

		if (members_change && !draw(60))
			member_goes_or_comes();
		else if (n->space && draw(2))
			operate_any(n);
		else
			deliver_any();
		if (draw(10))
			continue;
		run_ms(draw(1000));
		/* Else the reply to an UNLOCK or a CONVERT from PR to CW may be kept. */
		if (all_run())
			CHECK(modes_go_together());
	}
	give_back();
	end();
	if (check_state.failures != failures)
		printf("# seed %u\n", seed);
	return check_state.failures == failures;
}

static void any_operations(void)
{
	uint32_t seed;

	for (seed = 1; seed <= SEEDS && play(seed, false); seed++)
		continue;
}

static void any_operations_while_members_change(void)
{
	uint32_t seed;

	for (seed = 1; seed <= SEEDS && play(seed, true); seed++)
		continue;
}

int main(void)
{
	RUN(joins_alone_and_together);
	RUN(first_asker_masters);
	RUN(holder_hears_who_is_blocked);
	RUN(value_block_goes_round);
	RUN(cancels);
	RUN(conversions_that_stop_each_other);
	RUN(flags_come_back);
	RUN(master_leaves_with_locks_held);
	RUN(owner_leaves);
	RUN(names_are_found_after_a_member_came);
	RUN(operations_wait_for_recovery);
	RUN(unused_names_are_removed);
	RUN(new_link_repeats_what_it_lost);
	RUN(any_operations);
	RUN(any_operations_while_members_change);
	return check_done();
}
