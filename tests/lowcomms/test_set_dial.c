/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of peers that dial and are never dialled: where such a peer should listen the test
 * itself does, and nobody comes. Knows the public headers only.
 */
#include <fcntl.h>

#include "tests/lib/cluster.h"

#define BREAKS	10u

/* Where node 1 believes node 2 to listen. */
static int listener;
static struct sockaddr_storage shown;

static bool somebody_came(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool listen_there(void)
{
	shown = free_address("127.0.0.2");
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return CHECK_EQ(bind(listener, (struct sockaddr *)&shown, sizeof(struct sockaddr_in)), 0) &&
		CHECK_EQ(listen(listener, 8), 0);
}

static void quick(struct sinew_options *o)
{
	o->backoff_max_ms = 20;
	o->probe_ms = 100;
}

/* Nodes with these ids; the first one never dials the second. */
static struct cluster *begin(unsigned server, unsigned client)
{
	struct sockaddr_storage addrs[3] = {
		[1] = free_address("127.0.0.1"), [2] = free_address("127.0.0.2"),
	};
	struct cluster *c = calloc(1, sizeof *c);
	struct sinew_options o;

	c->n = 2;
	if (!listen_there())
		return NULL;
	for (unsigned i = 1; i <= 2; i++) {
		c->t[i].addr = addrs[i == server ? 1 : 2];
		fast_options(&o, i, &c->t[i].addr);
		quick(&o);
		CHECK(node_open(&c->t[i], &o));
	}
	CHECK_EQ(sinew_peer_add(c->t[server].n, client, NULL, 0), 0);
	CHECK_EQ(sinew_peer_set_dial(c->t[server].n, client, SINEW_DIAL_NEVER), 0);
	CHECK_EQ(sinew_peer_set_addrs(c->t[server].n, client, &shown, 1), 0);
	CHECK_EQ(sinew_peer_add(c->t[client].n, server, &addrs[1], 1), 0);
	return c;
}

static void end(struct cluster *c)
{
	CHECK(!somebody_came());
	close(listener);
	cluster_free(c);
}

static void links_break_and_are_dialled_again(unsigned server, unsigned client)
{
	struct cluster *c = begin(server, client);
	struct test_node *s = &c->t[server], *o = &c->t[client];
	uint64_t n = 0;

	CHECK_OR_RETURN(c);
	DRIVE(c, cluster_all_up(c));
	CHECK(status_of(s, client).never_dialled && !status_of(o, server).never_dialled);
	s->on_message = o->on_message = numbers_in_order;
	for (unsigned i = 0; i < BREAKS; i++) {
		CHECK_EQ(sinew_break(i % 2 ? s->n : o->n, 0), 0);
		for (unsigned k = 0; k < 10; k++) {
			n++;
			CHECK_EQ(sinew_send(s->seen[client].session, &n, sizeof n), 0);
			CHECK_EQ(sinew_send(o->seen[server].session, &n, sizeof n), 0);
		}
		DRIVE(c, s->seen[client].messages == n && o->seen[server].messages == n);
	}
	CHECK(status_of(s, client).reconnects >= BREAKS / 2);
	CHECK(!s->seen[client].bad && !o->seen[server].bad);
	CHECK_EQ(s->seen[client].ups + o->seen[server].ups, 2);
	/* Even its end is as ever, begun by the side that cannot dial. */
	CHECK_EQ(sinew_close(s->n, 5000), 0);
	CHECK_EQ(sinew_close(o->n, 5000), 0);
	DRIVE(c, s->closed && o->closed);
	CHECK_EQ(s->seen[client].reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(o->seen[server].reason, SINEW_DOWN_CLOSED);
	end(c);
}

static void whoever_has_the_lower_nodeid(void)
{
	links_break_and_are_dialled_again(1, 2);
	links_break_and_are_dialled_again(2, 1);
}

static void it_may_start_anew(void)
{
	struct cluster *c = begin(1, 2);
	struct test_node *s = &c->t[1], *o = &c->t[2];
	struct sockaddr_storage from = o->addr;
	struct sinew_options opt;

	CHECK_OR_RETURN(c);
	DRIVE(c, cluster_all_up(c));
	node_free(o);
	DRIVE(c, !status_of(s, 2).link_up);
	fast_options(&opt, 2, &from);
	quick(&opt);
	CHECK_OR_RETURN(node_open(o, &opt));
	CHECK_EQ(sinew_peer_add(o->n, 1, &s->addr, 1), 0);
	DRIVE(c, s->seen[2].ups == 2 && cluster_all_up(c));
	CHECK_EQ(s->seen[2].reason, SINEW_DOWN_SUPERSEDED);
	end(c);
}

/* Of two that never dial neither begins, and both say so. */
static void both_wait_until_one_may_dial(void)
{
	struct cluster *c = begin(1, 2);
	char text[192] = "";

	CHECK_OR_RETURN(c);
	DRIVE(c, cluster_all_up(c));
	CHECK_EQ(sinew_peer_set_dial(c->t[2].n, 1, SINEW_DIAL_NEVER), 0);
	CHECK_EQ(sinew_last_refusal(c->t[1].n, 2, text, sizeof text), 0);
	CHECK_STR(text, "");
	CHECK_EQ(sinew_break(c->t[2].n, 0), 0);
	DRIVE(c, !status_of(&c->t[1], 2).link_up && !status_of(&c->t[2], 1).link_up);
	CHECK(c->t[1].seen[2].session && c->t[2].seen[1].session);
	CHECK_EQ(sinew_last_refusal(c->t[2].n, 1, text, sizeof text), 0);
	CHECK_STR(text, "it has not dialled this node, which never dials it");
	CHECK_EQ(sinew_peer_set_dial(c->t[2].n, 1, SINEW_DIAL_ALWAYS), 0);
	DRIVE(c, status_of(&c->t[1], 2).link_up);
	CHECK_EQ(c->t[1].seen[2].ups, 1);
	end(c);
}

int main(void)
{
	RUN(whoever_has_the_lower_nodeid);
	RUN(it_may_start_anew);
	RUN(both_wait_until_one_may_dial);
	return check_done();
}
