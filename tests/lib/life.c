/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the verbs of a life; knows nothing of what a story wants. */
#include "tests/lib/life.h"

#include <stdlib.h>

static bool recording;

/* ---- begin and end ---- */

void life_arguments(int argc, char **argv)
{
	recording = argc > 1 && !strcmp(argv[1], "--record");
}

void story(const char *name, const char *rule)
{
	life = calloc(1, sizeof *life);
	life->name = name;
	life->now_ns = 0;
	life->n_paths = 1;
	core_config_default(&life->cfg);
	life->cfg.queue_bytes = LIFE_RING;
	life->cfg.max_message = LIFE_RING / 2;
	life->cfg.first_seq = LIFE_FIRST;
	strcpy(life->cfg.cluster, "life");
	for (unsigned i = 0; i < LIFE_NODES; i++) {
		struct life_node *n = &life->node[i];

		n->letter = (char)('A' + i);
		n->nodeid = i == A ? 1 : 2;
		n->address = (uint8_t)n->nodeid;
		n->room = SIZE_MAX;
	}
	trace_add(&life->trace, "# %s\n", rule);
}

void the_end(void)
{
	trace_compare(&life->trace, life->name, recording);
	for (unsigned i = 0; i < LIFE_NODES; i++)
		if (life->node[i].peer.session)
			free(session_take_buffer(life->node[i].peer.session));
	for (unsigned i = 0; i < life->n_events; i++)
		free(life->events[i].bytes);
	for (unsigned i = 0; i < life->n_conns; i++)
		free(life->conns[i]);
	for (unsigned i = 0; i < life->n_memory; i++)
		free(life->memory[i]);
	free(life);
}

static uint64_t incarnation(enum who who)
{
	return life_incarnation(life->node[who].letter, life->node[who].runs);
}

void starts(enum who who)
{
	struct life_node *n = &life->node[who];
	struct core_config cfg = life->cfg;
	struct path_addr addrs[2];

	n->alive = true;
	n->runs++;
	SAY(n, NULL, "starts as %c%u", n->letter, n->runs);
	cfg.nodeid = n->nodeid;
	cfg.incarnation = incarnation(who);
	core_init(&n->core, &cfg, life->now_ns);
	for (unsigned i = 0; i < 2; i++)
		addrs[i] = life_address(3 - n->nodeid, i);
	peer_add(&n->core, &n->peer, 3 - n->nodeid,
		 life->node[C].by_hand ? &profile_dlm : &profile_native, addrs, life->n_paths);
	peer_provide(&n->peer, life_session(n));
	leave(n);
}

void dies(enum who who, bool silently)
{
	struct life_node *n = &life->node[who];

	SAY(n, NULL, "dies%s", silently ? " with its machine" : "");
	n->alive = false;
	n->session = NULL;
	if (n->peer.session)
		free(session_take_buffer(n->peer.session));
	for (unsigned i = 0; i < 2 * life->n_conns; i++) {
		struct life_end *e = &life->conns[i / 2]->end[i % 2];

		if (e->node != n)
			continue;
		if (!silently && (e->open || e->draining))
			happens(EOF_, life->conns[i / 2], !(i % 2));
		e->begun = e->open = e->draining = false;
	}
}

static uint64_t next_tick(struct life_node **ret)
{
	uint64_t at = CORE_NEVER;

	for (unsigned i = 0; i < LIFE_NODES; i++) {
		struct life_node *n = &life->node[i];

		if (!n->alive || n->by_hand || core_deadline(&n->core) >= at)
			continue;
		at = core_deadline(&n->core);
		*ret = n;
	}
	return at;
}

void run(unsigned ms)
{
	uint64_t until = life->now_ns + (uint64_t)ms * MS_NS;

	for (unsigned steps = 0; CHECK(steps < 20000); steps++) {
		struct life_node *n = NULL;
		uint64_t tick = next_tick(&n);
		unsigned i = next_event();
		uint64_t at = i < life->n_events ? life->events[i].at_ns : CORE_NEVER;

		if (at > until && tick > until)
			break;
		if (life->now_ns < (at <= tick ? at : tick))
			life->now_ns = at <= tick ? at : tick;
		if (at <= tick) {
			struct life_event ev = take_event(i);

			happen(&ev);
			continue;
		}
		enter(n);
		core_tick(&n->core);
		say_states();
		leave(n);
	}
	life->now_ns = until;
	for (unsigned i = 0; i < LIFE_NODES; i++)
		enter(&life->node[i]);
}

struct life_conn *link_of(unsigned number)
{
	if (number > life->n_conns)
		give_up("a link of the story does not come");
	return life->conns[number - 1];
}

struct session *session_of(enum who who)
{
	if (!life->node[who].session)
		give_up("a session of the story is not up");
	return life->node[who].session;
}

void cut(unsigned number)
{
	struct life_conn *c = link_of(number);

	SAY(c->end[0].node, c, "is cut");
	for (unsigned i = 0; i < life->n_events; ) {
		struct life_event *e = &life->events[i];

		if (e->conn != c) {
			i++;
			continue;
		}
		if (e->what == BYTES)
			SAY(c->end[!e->to].node, c, "loses %s", e->names);
		free(e->bytes);
		take_event(i);
	}
	for (unsigned side = 0; side < 2; side++) {
		c->end[side].draining = false;
		if (c->end[side].open)
			broke(&c->end[side], "broken", false);
	}
	leave(c->end[0].node);
	leave(c->end[1].node);
}

void both_start(void)
{
	size_t begin = life->trace.n;

	starts(A);
	starts(B);
	run(10);
	session_of(A);
	session_of(B);
	life->trace.n = begin;
	trace_add(&life->trace, "      10.000 -      link 1 is up, as in open-b-dials\n");
}

/* ---- verbs ---- */

void send_bytes(enum who who, size_t bytes)
{
	static uint8_t body[LIFE_RING];
	struct life_node *n = &life->node[who];
	struct span part = { body, bytes };
	int err;

	memset(body, 0, sizeof body);
	snprintf((char *)body, sizeof body, "%c%u", n->letter | 0x20, n->sent + 1);
	if (!bytes)
		part.n = strlen((char *)body);
	err = session_send(session_of(who), &part, 1, part.n, NULL);
	n->sent += !err;
	SAY(n, NULL, "sends \"%s\"%s", (char *)body, err ? ", and the queue is full" : "");
	session_schedule(n->session);
	leave(n);
}

void sends(enum who who, unsigned messages)
{
	while (messages--)
		send_bytes(who, 0);
}

void finishes(enum who who)
{
	struct life_node *n = &life->node[who];

	SAY(n, NULL, "finishes");
	session_finish(session_of(who));
	leave(n);
}

void closes(enum who who)
{
	struct life_node *n = &life->node[who];

	SAY(n, NULL, "closes");
	core_close(&n->core);
	leave(n);
}

void removes(enum who who)
{
	struct life_node *n = &life->node[who];

	SAY(n, NULL, "removes its peer");
	peer_remove(&n->peer);
	leave(n);
}

void mute(enum who who, bool on)
{
	life->node[who].muted = on;
	SAY(&life->node[who], NULL, on ? "is not heard from now on" : "is heard again");
}

void path_dies(unsigned path, bool down)
{
	life->path_down[path] = down;
	trace_add(&life->trace, "%8u.000 -      path %u %s\n", (unsigned)(life->now_ns / MS_NS),
		  path, down ? "is down" : "is back");
}

void loses_state(unsigned number, bool lost)
{
	struct life_conn *c = link_of(number);

	SAY(c->end[0].node, c, lost ? "arrives nowhere from now on" : "arrives again");
	c->lost = lost;
}

void has_quorum(enum who who, bool quorate)
{
	SAY(&life->node[who], NULL, quorate ? "has quorum again" : "loses quorum");
	core_quorum(&life->node[who].core, quorate);
	leave(&life->node[who]);
}

void reads(enum who who, bool on)
{
	struct life_node *n = &life->node[who];

	SAY(n, NULL, on ? "reads again" : "does not read");
	session_pause(session_of(who), !on);
	leave(n);
}

void hears(enum who who, enum who of, unsigned run_of, enum word word)
{
	static void (*const say[])(struct peer *p, uint64_t incarnation) = {
		peer_added, peer_leaving, peer_left, peer_failed,
	};
	static const char *const words[] = { "added", "leaving", "left", "failed" };
	struct life_node *n = &life->node[who];
	char letter = life->node[of].letter;

	SAY(n, NULL, "hears: %c%u %s", letter, run_of, words[word]);
	say[word](&n->peer, life_incarnation(letter, run_of));
	leave(n);
}
