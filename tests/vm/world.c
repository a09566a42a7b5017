/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/world.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/check.h"

#define TURNS_MAX	100000	/* packets until nothing is under way */

struct world world;

/* ---- surroundings ---- */

static void send(void *arg, uint32_t to, const uint8_t *bytes, size_t len, bool bare)
{
	struct node *from = arg;
	struct packet *p;
	struct dlm_message m;
	const char *why;

	CHECK_OR_RETURN(to && to < NODES);
	if (!dlm_message_decode(bytes, len, &m, &why)) {
		world.n_removes += m.type == DLM_REMOVE;
		if (!world.nodes[to].space)
			world.last = m;
	}
	if (!world.nodes[to].space || (bare && to == world.lose_bare_to))
		return;
	p = malloc(sizeof(*p) + len);
	*p = (struct packet){ .from = from->nodeid, .to = to, .len = len };
	memcpy(p->bytes, bytes, len);
	*world.end = p;
	world.end = &p->next;
	world.n_packets++;
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

void world_deliver(struct packet *p)
{
	struct node *n = &world.nodes[p->to];

	world.n_packets--;
	if (n->space)
		dlm_space_receive(n->space, p->bytes, p->len, world.now_ms);
	free(p);
}

void world_settle(void)
{
	unsigned turns = 0;

	while (world.first) {
		struct packet *p = world.first;

		world.first = p->next;
		if (!world.first)
			world.end = &world.first;
		world_deliver(p);
		CHECK_OR_RETURN(++turns < TURNS_MAX);
	}
}

static void run_until(uint64_t end_ms)
{
	for (;;) {
		uint64_t due = DLM_NEVER;
		unsigned i;

		world_settle();
		for (i = 1; i < NODES; i++)
			if (world.nodes[i].space && dlm_space_deadline(world.nodes[i].space) < due)
				due = dlm_space_deadline(world.nodes[i].space);
		if (due > end_ms)
			break;
		if (due > world.now_ms)
			world.now_ms = due;
		for (i = 1; i < NODES; i++)
			if (world.nodes[i].space)
				dlm_space_tick(world.nodes[i].space, world.now_ms);
	}
	world.now_ms = end_ms;
}

void world_run_ms(uint64_t ms)
{
	run_until(world.now_ms + ms);
}

/* ---- a world ---- */

void world_boot(unsigned i)
{
	struct node *n = &world.nodes[i];
	struct dlm_space_options opt = {
		.id = SPACE, .nodeid = i, .pid = 100 + i, .number = i, .seq = i * 1000,
		.recover_ms = RECOVER_MS, .toss_ms = TOSS_MS,
	};
	struct dlm_host host = { .arg = n, .send = send, .event = event };

	memset(n, 0, sizeof(*n));
	n->nodeid = i;
	CHECK_EQ(dlm_space_new(&opt, &host, &n->space), 0);
}

void world_shut(unsigned i)
{
	dlm_space_free(world.nodes[i].space);
	world.nodes[i].space = NULL;
}

void world_start(unsigned set)
{
	uint32_t members[NODES];
	unsigned i, n = 0;

	for (i = 1; i < NODES; i++)
		if (set & 1u << i)
			members[n++] = i;
	for (i = 0; i < n; i++)
		dlm_space_stop(world.nodes[members[i]].space);
	for (i = 0; i < n; i++)
		CHECK_EQ(dlm_space_start(world.nodes[members[i]].space, members, n,
					 world.now_ms), 0);
}

void world_check_joined(unsigned set, unsigned times)
{
	unsigned i;

	for (i = 1; i < NODES; i++)
		if (set & 1u << i) {
			CHECK_EQ(world.nodes[i].n_joined, times);
			CHECK_STR(world.nodes[i].error, "");
		}
}

void world_begin(unsigned set)
{
	unsigned i;

	memset(&world, 0, sizeof(world));
	world.end = &world.first;
	for (i = 1; i < NODES; i++)
		if (set & 1u << i)
			world_boot(i);
	world_start(set);
	world_run_ms(1000);
	world_check_joined(set, 1);
}

void world_end(void)
{
	unsigned i;

	world_settle();
	for (i = 1; i < NODES; i++) {
		if (world.nodes[i].space)
			CHECK_STR(world.nodes[i].error, "");
		world_shut(i);
	}
}

static const uint8_t *block(const char *text)
{
	static uint8_t lvb[DLM_LVB];

	memset(lvb, 0, sizeof(lvb));
	memcpy(lvb, text, strlen(text));
	return lvb;
}

struct seen *world_lock(unsigned i, const char *name, enum dlm_mode mode, uint32_t flags)
{
	struct node *n = &world.nodes[i];

	CHECK_EQ(dlm_space_lock(n->space, (const uint8_t *)name, strlen(name), mode, flags, NULL,
				world.now_ms), 0);
	world_settle();
	return &n->seen[n->n_seen - 1];
}

void world_convert(unsigned i, const struct seen *s, enum dlm_mode mode, uint32_t flags,
		    const char *lvb)
{
	CHECK_EQ(dlm_space_convert(world.nodes[i].space, s->id, mode, flags,
				   lvb ? block(lvb) : NULL, world.now_ms), 0);
	world_settle();
}

void world_unlock(unsigned i, const struct seen *s)
{
	CHECK_EQ(dlm_space_unlock(world.nodes[i].space, s->id, 0, NULL, world.now_ms), 0);
	world_settle();
	CHECK_EQ(s->result, -DLM_EUNLOCK);
}
