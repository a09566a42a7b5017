/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A subscriber's view that tells the first publication of a name, and the end of the last one.
 * Knows no carriers.
 */
#include "services/topo_view.h"
#include "tests/lib/check.h"
#include "tests/lib/topo_pair.h"

#define LOG	4u

static struct topo_pair pair;
static struct topo_view view;

static void edges_only(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	r.flags = TOPO_REQ_EDGE;
	topo_pair_begin(&pair, &view, LOG, r);
	topo_pair_publish_some(&pair, 2);
	sub = topo_pair_attach(&pair, &view);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+1f currentf");
	topo_pair_withdraw(&pair, 1);
	topo_pair_publish(&pair, 64, 1, 3);
	topo_pair_publish(&pair, 64, 0, 2);
	topo_pair_publish(&pair, 65, 1, 2);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+3 +4 +5");
	topo_pair_publish_some(&pair, 1);
	topo_pair_withdraw(&pair, 2);
	topo_pair_withdraw(&pair, 6);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-6");
	topo_pair_publish_some(&pair, 1);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+7");
	topo_pair_end(&pair, &view);
}

/* Names that share all but one number, and a bucket now and then. */
static void edges_are_many(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	r.flags = TOPO_REQ_EDGE;
	topo_pair_init(&pair, 600);
	topo_pair_view(&pair, &view, r);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	for (uint32_t i = 0; i < 300; i++) {
		topo_pair_publish(&pair, 64 + i / 100, i % 10, 500 + i / 10 % 10);
		topo_pair_told(&pair, sub, &view);
		CHECK(pair.text[0] == '+');
	}
	CHECK_EQ(view.edges.found.n, 300);
	for (uint32_t i = 1; i <= 300; i++) {
		topo_pair_withdraw(&pair, i);
		topo_pair_told(&pair, sub, &view);
		CHECK(pair.text[0] == '-');
	}
	topo_pair_end(&pair, &view);
}

/* Another publisher has taken over in the gap: nothing has happened to the name. */
static void edges_compared(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	r.flags = TOPO_REQ_EDGE;
	topo_pair_begin(&pair, &view, LOG, r);
	topo_pair_publish_some(&pair, 2);
	topo_pair_publish(&pair, 65, 1, 2);
	sub = topo_pair_attach(&pair, &view);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+1f +3f currentf");
	topo_leave(&pair.topo, &pair.a);
	topo_pair_publish_some(&pair, 2);
	topo_pair_publish(&pair, 66, 1, 2);
	topo_pair_publish(&pair, 66, 1, 2);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-3c +6c current");
	CHECK_EQ(view.n_collapsed, 2);
	topo_leave(&pair.topo, &pair.a);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-5 -7");
	topo_pair_end(&pair, &view);
}

/* Names of a snapshot that was cut are as if they had never been. */
static void edges_of_a_cut_snapshot(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	r.flags = TOPO_REQ_EDGE;
	topo_pair_begin(&pair, &view, LOG, r);
	topo_pair_publish_some(&pair, 3);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told_some(&pair, sub, &view, 3);
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+1f currentf");
	topo_pair_withdraw(&pair, 1);
	topo_pair_withdraw(&pair, 2);
	topo_pair_withdraw(&pair, 3);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-3");
	topo_pair_end(&pair, &view);
}

int main(void)
{
	RUN(edges_only);
	RUN(edges_are_many);
	RUN(edges_compared);
	RUN(edges_of_a_cut_snapshot);
	return check_done();
}
