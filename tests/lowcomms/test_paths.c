/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of a peer with several addresses over real TCP: dialled in
 * turn, watched by probes, left when silent. Knows nothing of the simulator,
 * which plays the same with faults that loopback does not have.
 */
#include "tests/lib/cluster.h"

/* A node on two addresses; port: the same on both. */
static bool open_on_two(struct test_node *t, unsigned nodeid, const char *a, const char *b,
			uint16_t port, unsigned n_listen)
{
	struct sinew_options o;
	struct sockaddr_storage first;

	sinew_parse_address(a, port, &first);
	cluster_options(&o, nodeid, &first);
	sinew_parse_address(b, port, &o.addrs[1]);
	o.n_addrs = n_listen;
	o.probe_ms = 50;
	o.path_dead_ms = 300;
	return node_open(t, &o);
}

static uint16_t port_of(const struct sockaddr_storage *sa)
{
	return ntohs(((const struct sockaddr_in *)sa)->sin_port);
}

static void add(struct test_node *t, uint32_t nodeid, const char *a, const char *b, uint16_t port)
{
	struct sockaddr_storage addrs[2];

	sinew_parse_address(a, port, &addrs[0]);
	sinew_parse_address(b, port, &addrs[1]);
	CHECK_EQ(sinew_peer_add(t->n, nodeid, addrs, 2), 0);
}

static void probes_see_the_other_path(void)
{
	struct cluster *c = calloc(1, sizeof *c);
	struct sockaddr_storage sa = free_address("127.0.0.1");
	uint16_t port = port_of(&sa);
	struct sinew_status st;

	c->n = 2;
	CHECK_OR_RETURN(open_on_two(&c->t[1], 1, "127.0.0.1", "127.0.0.11", port, 2) &&
			open_on_two(&c->t[2], 2, "127.0.0.2", "127.0.0.12", port, 2));
	add(&c->t[1], 2, "127.0.0.2", "127.0.0.12", port);
	add(&c->t[2], 1, "127.0.0.1", "127.0.0.11", port);
	DRIVE(c, cluster_all_up(c));
	DRIVE(c, status_of(&c->t[1], 2).paths[0].state == SINEW_PATH_ALIVE &&
	      status_of(&c->t[1], 2).paths[1].state == SINEW_PATH_ALIVE);
	st = status_of(&c->t[1], 2);
	CHECK(st.link_up && st.n_paths == 2 && st.path == 0);
	CHECK(st.paths[1].rtt_us < 1000000);
	cluster_free(c);
}

static void the_second_address_is_dialled(void)
{
	struct cluster *c = calloc(1, sizeof *c);
	struct sockaddr_storage sa = free_address("127.0.0.1");
	uint16_t port = port_of(&sa);

	c->n = 2;
	/* Node 2 has only what node 1 knows as its second address. */
	CHECK_OR_RETURN(open_on_two(&c->t[1], 1, "127.0.0.1", "127.0.0.11", port, 2) &&
			open_on_two(&c->t[2], 2, "127.0.0.12", "127.0.0.13", port, 1));
	add(&c->t[1], 2, "127.0.0.2", "127.0.0.12", port);
	add(&c->t[2], 1, "127.0.0.1", "127.0.0.11", port);
	DRIVE(c, cluster_all_up(c));
	CHECK_EQ(status_of(&c->t[1], 2).path, 1);
	DRIVE(c, status_of(&c->t[1], 2).paths[0].state == SINEW_PATH_DEAD);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "there", 5), 0);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	cluster_free(c);
}

static void breaks_on_two_paths_lose_nothing(void)
{
	struct cluster *c = calloc(1, sizeof *c);
	struct sockaddr_storage sa = free_address("127.0.0.1");
	uint16_t port = port_of(&sa);
	uint64_t sent = 0, broken = 0;

	c->n = 2;
	CHECK_OR_RETURN(open_on_two(&c->t[1], 1, "127.0.0.1", "127.0.0.11", port, 2) &&
			open_on_two(&c->t[2], 2, "127.0.0.2", "127.0.0.12", port, 2));
	add(&c->t[1], 2, "127.0.0.2", "127.0.0.12", port);
	add(&c->t[2], 1, "127.0.0.1", "127.0.0.11", port);
	c->t[2].on_message = numbers_in_order;
	DRIVE(c, cluster_all_up(c));
	DRIVE(c, ({
		for (int i = 0; i < 20 && sent < 5000; i++) {
			uint64_t n = sent + 1;

			if (sinew_send(c->t[1].seen[2].session, &n, sizeof n) == 0)
				sent = n;
		}
		if (sent / 250 > broken && cluster_all_up(c) && status_of(&c->t[1], 2).link_up) {
			broken = sent / 250;
			sinew_break(c->t[1 + broken % 2].n, 0);
		}
		c->t[2].seen[1].messages == 5000;
	}));
	CHECK_EQ(c->t[2].seen[1].bad, 0);
	CHECK(status_of(&c->t[1], 2).reconnects >= 10);
	cluster_free(c);
}

int main(void)
{
	RUN(probes_see_the_other_path);
	RUN(the_second_address_is_dialled);
	RUN(breaks_on_two_paths_lose_nothing);
	return check_done();
}
