/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All orders in which little can happen to a topology server, a log of two entries and one
 * subscriber: publications, withdrawals, groups, events that are read or lost, connections that are
 * lost. Behind each of them the subscriber is told the rest, and has to know the truth; told events
 * have alternated. Knows no carriers.
 * run.sh: timeout=180
 */
#include "tests/lib/check.h"
#include "tests/lib/topo_pair.h"

#include <stdlib.h>

#define LOG	2u
#define DEPTH	7u
#define PUBS	16u

enum step {
	PUBLISH, PUBLISH_OTHER, WITHDRAW_FIRST, LEAVE, READ, LOSE, STEPS,
};

static struct topo_pair pair;
static struct topo_view view;
static struct topo_sub *sub;
static bool told[PUBS];
static unsigned n_told, n_orders, n_collapsed, n_overruns;
static const char *why;

static void wrong(const char *text)
{
	if (!why)
		why = text;
}

static bool by_edges(void)
{
	return view.cfg.request.flags & TOPO_REQ_EDGE;
}

static void take(const struct topo_told *t)
{
	uint32_t key;

	n_collapsed += t->collapsed;
	if (t->what == TOPO_TOLD_OVERRUN)
		n_overruns++;
	if (!t->row)
		return;
	key = by_edges() ? t->row->name.lower : t->row->id.pub;
	if (key >= PUBS || told[key] == (t->what == TOPO_TOLD_PUBLISHED)) {
		wrong("a publication is told twice, or its end");
		return;
	}
	told[key] = !told[key];
	if (told[key])
		n_told++;
	else
		n_told--;
}

static void read_one(void)
{
	static uint8_t buf[TOPO_EVENT_MAX];
	size_t n = topo_fill(&pair.topo.subs, sub, buf, sizeof buf);
	struct topo_event e;
	struct topo_told t;

	for (size_t at = 0; at < n && !why;) {
		int len = topo_event_parse(buf + at, n - at, &e);

		if (len <= 0 || topo_view_event(&view, &e))
			wrong("an event is refused");
		while (topo_view_next(&view, &t))
			take(&t);
		at += (size_t)len;
	}
	topo_taken(&pair.topo.subs, sub);
}

/* Events that were filled and not taken are lost with the connection. */
static void lose(void)
{
	static uint8_t buf[TOPO_EVENT_MAX];

	topo_fill(&pair.topo.subs, sub, buf, sizeof buf);
	topo_cancel(&pair.topo.subs, sub);
	topo_view_lost(&view);
	sub = topo_pair_attach(&pair, &view);
}

static void act(enum step step)
{
	struct topo_row *first;

	switch (step) {
	case PUBLISH:
	case PUBLISH_OTHER:
		topo_pair_publish(&pair, 64, step, step);
		break;
	case WITHDRAW_FIRST:
		if (!pair.a.n)
			break;
		first = list_first(&pair.a.rows, struct topo_row, kin);
		topo_pair_withdraw(&pair, first->id.pub);
		break;
	case LEAVE:
		topo_leave(&pair.topo, &pair.a);
		break;
	case READ:
		if (topo_has(sub))
			read_one();
		break;
	case LOSE:
		if (view.phase != TOPO_VIEW_OVER)
			lose();
		break;
	case STEPS:
		break;
	}
}

/* Of the truth: publications, or names. */
static unsigned count_truth(void)
{
	bool names[2] = { false, false };
	unsigned n = 0;

	list_each(struct topo_row, row, &pair.a.rows, kin) {
		uint32_t key = by_edges() ? row->name.lower : row->id.pub;

		if (!told[key])
			wrong("a publication is there, but not told");
		n += !by_edges() || !names[row->name.lower];
		names[row->name.lower] = true;
	}
	return n;
}

static void judge(uint8_t flags)
{
	while (topo_has(sub) && !why)
		read_one();
	if (view.phase == TOPO_VIEW_OVER) {
		if (!(flags & TOPO_REQ_STRICT))
			wrong("it is over");
		return;
	}
	if (topo_lag(sub) || n_told != count_truth())
		wrong("publications are told that are not there");
	if (flags & TOPO_REQ_STRICT && n_collapsed)
		wrong("a strict one is told collapsed events");
}

/* The steps are the digits of the number. */
static void play(unsigned long number, uint8_t flags)
{
	struct topo_request r = topo_pair_all();
	unsigned long left = number;

	r.flags = flags;
	topo_pair_init(&pair, LOG);
	topo_pair_view(&pair, &view, r);
	memset(told, 0, sizeof told);
	n_told = n_collapsed = 0;
	sub = topo_pair_attach(&pair, &view);
	topo_pair_publish(&pair, 64, 1, 1);
	read_one();
	for (unsigned i = 0; i < DEPTH && !why; i++, left /= STEPS)
		act((enum step)(left % STEPS));
	judge(flags);
	topo_view_fini(&view);
	topo_pair_fini(&pair);
	n_orders++;
}

static void all_orders(uint8_t flags)
{
	unsigned long n = 1;

	for (unsigned i = 0; i < DEPTH; i++)
		n *= STEPS;
	why = NULL;
	n_orders = n_overruns = 0;
	for (unsigned long i = 0; i < n && !why; i++) {
		play(i, flags);
		if (why)
			printf("# order %lu, its last digit first, in base %d: %s\n", i,
			       STEPS, why);
	}
	CHECK(!why);
	CHECK_EQ(n_orders, n);
	CHECK((n_overruns > 0) == ((flags & TOPO_REQ_STRICT) != 0));
}

static void each_publication(void)
{
	all_orders(0);
}

static void edges(void)
{
	all_orders(TOPO_REQ_EDGE);
}

static void strict(void)
{
	all_orders(TOPO_REQ_STRICT);
}

int main(void)
{
	RUN(each_publication);
	RUN(edges);
	RUN(strict);
	return check_done();
}
