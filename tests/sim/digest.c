/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The digest of a run: one number over all that its nodes did where somebody else can see it:
 * each byte on the wire and its time, each action and log text, the counters of the status. A
 * change of the code that keeps the behaviour keeps the digests of all seeds, and a run on
 * another machine has the same. tests/sim/digests holds those of the present behaviour.
 */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#define RECORDED	"tests/sim/digests"
#define IN_A_LINE	8u
#define SHOWN		10u	/* seeds of other digests that are named */

static bool asked;	/* for the digests: most runs are judged by the oracle alone */

static void add(uint64_t value)
{
	if (!asked)
		return;
	sim.digest = (sim.digest ^ value) * 0x9e3779b97f4a7c15ull;
	sim.digest ^= sim.digest >> 29;
}

static void add_bytes(const void *p, size_t n)
{
	const uint8_t *at = p;
	uint64_t word;

	if (!asked)
		return;
	for (; n >= sizeof word; n -= sizeof word, at += sizeof word)
		add(get_le64(at));
	word = n;
	while (n--)
		word = word << 8 | at[n];
	add(word);
}

static void add_text(const char *text)
{
	add_bytes(text ? text : "", text ? strlen(text) : 0);
}

void digest_write(const struct conn *c, unsigned side, const void *p, size_t n)
{
	add(sim.now_ns);
	add(c->idx * 2u + side);
	add_bytes(p, n);
}

void digest_tick(const struct node *n)
{
	add(sim.now_ns);
	add(n->idx);
}

static void add_note(const struct note *t)
{
	add_text(t->text);
	add_text(t->detail);
	add_text(t->a_name);
	add_text(t->b_name);
	add(t->level);
	add(t->a);
	add(t->b);
	add_bytes(t->addr.ip, sizeof t->addr.ip);
	add_bytes(t->other.ip, sizeof t->other.ip);
	add((uint64_t)t->addr.port << 16 | t->other.port);
	if (t->fsm)
		add((uint64_t)t->from << 16 | (uint64_t)t->to << 8 | t->event);
}

void digest_action(const struct node *n, const struct core_action *a)
{
	add(sim.now_ns);
	add((uint64_t)n->idx << 8 | a->what);
	switch (a->what) {
	case CORE_NOTE:
		add(a->note.nodeid);
		add_note(&a->note);
		break;
	case CORE_DIAL:
	case CORE_PROBE:
		add((uint64_t)a->peer->nodeid << 8 | a->path);
		break;
	case CORE_SHUT:
		add(a->how);
		break;
	case CORE_PEER_UP:
	case CORE_FINISHED:
	case CORE_WRITABLE:
	case CORE_PEER_DOWN:
	case CORE_FINISHING:
	case CORE_PATH:
		add((uint64_t)a->session->nodeid << 8 | a->session->end);
		break;
	case CORE_FENCE:
		add(a->incarnation);
		add((uint64_t)a->reason);
		break;
	case CORE_TX:
	case CORE_ASK:
	case CORE_LINK_UP:
	case CORE_PROVIDE:
	case CORE_RENEW:
	case CORE_CLOSED:
		break;
	}
}

void digest_view(const struct node *n, const struct view_action *a)
{
	add(sim.now_ns);
	add((uint64_t)n->idx << 8 | a->what);
	add(a->nodeid);
	add(a->incarnation);
	add((uint64_t)a->cause << 1 | a->is_quorate);
	if (a->what == VIEW_NOTE)
		add_text(a->text);
	if (a->what == VIEW_SEND)
		add_bytes(a->bytes, a->len);
}

static void add_counters(const struct session *s)
{
	const struct session_counters *n = &s->n;
	const uint64_t *all[] = {
		&n->delivered, &n->duplicates, &n->resent, &n->reconnects, &n->resumed_unacked,
		&n->resumed_paced, &n->acks_sent, &n->acks_received, &n->bytes_sent,
		&n->bytes_received, &n->faults, &n->stalls, &n->acked, &n->rtt_ns, &n->mark_ns,
	};

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		add(*all[i]);
	add((uint64_t)session_state(s) << 1 | s->n.peer_paused);
}

static void add_paths(const struct paths *ps)
{
	for (unsigned i = 0; i < ps->n; i++) {
		add((uint64_t)ps->p[i].state);
		add(ps->p[i].rtt_ns);
		add(ps->p[i].last_ok_ns);
	}
}

/* The status that a program could ask for now. */
void digest_status(void)
{
	for (unsigned i = 0; i < sim.n_slots; i++) {
		const struct node *n = &sim.node[i];

		if (!n->running || n->kernel)
			continue;
		add(n->core.refused);
		add(n->core.faults);
		add(n->core.probes_answered);
		for (unsigned j = 0; j < sim.n_nodes; j++) {
			if (n->chan[j].sess)
				add_counters(&n->chan[j].sess->s);
			if (!n->chan[j].removed)
				add_paths(&n->peers[j].paths);
		}
	}
}

/* ---- all seeds of the list ---- */

static uint32_t digest_of(uint64_t seed)
{
	const struct limits none = { 0 };

	asked = true;
	if (!sim_run(seed, &none, false))
		printf("seed %llu: %s\n", (unsigned long long)seed, sim.why);
	asked = false;
	return (uint32_t)(sim.digest ^ sim.digest >> 32);
}

static void record_from(FILE *f, uint64_t from, unsigned seeds)
{
	for (unsigned i = 0; i < seeds; i++) {
		if (i % IN_A_LINE == 0)
			fprintf(f, "%s%llu", i ? "\n" : "", (unsigned long long)(from + i));
		fprintf(f, " %08x", digest_of(from + i));
	}
	fputc('\n', f);
}

bool digest_record(void)
{
	FILE *f = fopen(RECORDED, "w");

	if (!f)
		return perror(RECORDED), false;
	sim_setup();
	fputs("# SPDX-License-Identifier: LGPL-2.1-or-later\n"
	      "# Digests of the seeds from the number at the start of each line on (digest.c).\n"
	      "# Written by `make digests`.\n", f);
	record_from(f, 1, DIGEST_SEEDS);
	record_from(f, SIM_VIEW, DIGEST_VIEWS);
	record_from(f, SIM_CALLS, DIGEST_CALLS);
	return fclose(f) == 0;
}

/* False: another digest, or none. */
static bool is_same(uint64_t seed, const char *word)
{
	char *end;
	uint32_t recorded = (uint32_t)strtoul(word, &end, 16), now = digest_of(seed);

	if (end == word + 8 && recorded == now)
		return true;
	printf("seed %llu does something else than before: its digest is %08x, was %s\n",
	       (unsigned long long)seed, now, word);
	return false;
}

/* How many seeds do something else; -1: the list cannot be read. Ends after SHOWN of them. */
int digest_compare(void)
{
	FILE *f = fopen(RECORDED, "r");
	unsigned others = 0, seeds = 0;
	char line[200], *word, *rest;

	if (!f)
		return perror(RECORDED), -1;
	sim_setup();
	while (others < SHOWN && fgets(line, sizeof line, f)) {
		uint64_t seed = strtoull(line, &rest, 10);

		if (rest == line)
			continue;
		for (word = strtok(rest, " \n"); word && others < SHOWN;
		     word = strtok(NULL, " \n"), seed++, seeds++)
			others += !is_same(seed, word);
	}
	fclose(f);
	return seeds ? (int)others : -1;
}
