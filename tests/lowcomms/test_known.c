/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a node knows of its peers: nodeids, addresses, names. Knows the public
 * headers only.
 */
#include "lowcomms/sinew-manage.h"
#include "tests/lib/cluster.h"

static void peers_are_listed(void)
{
	struct cluster *c = cluster_new(4, NULL);
	struct sinew_node *n = c->t[2].n;
	uint32_t ids[4] = { 0 };
	unsigned seen = 0;

	CHECK_EQ(sinew_node_peers(NULL, ids, 4), -EINVAL);
	CHECK_EQ(sinew_node_peers(n, ids, -1), -EINVAL);
	CHECK_EQ(sinew_node_peers(n, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_node_peers(n, NULL, 0), 3);
	CHECK_EQ(sinew_node_peers(n, ids, 2), 3);
	CHECK(ids[1] && !ids[2]);
	CHECK_EQ(sinew_node_peers(n, ids, 4), 3);
	for (unsigned i = 0; i < 3; i++)
		seen |= 1u << ids[i];
	CHECK_EQ(seen, 1u << 1 | 1u << 3 | 1u << 4);
	CHECK_EQ(ids[3], 0);
	CHECK_EQ(sinew_peer_remove(n, 3), 0);
	CHECK_EQ(sinew_node_peers(n, ids, 4), 2);
	cluster_free(c);
}

static bool same_addr(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *x = (const struct sockaddr_in *)a;
	const struct sockaddr_in *y = (const struct sockaddr_in *)b;

	return x->sin_family == y->sin_family && x->sin_port == y->sin_port &&
		x->sin_addr.s_addr == y->sin_addr.s_addr;
}

static void addresses_are_those_in_force(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_node *n = c->t[1].n;
	struct sockaddr_storage addrs[2] = { c->t[2].addr, c->t[2].addr }, now[2];

	CHECK_EQ(sinew_peer_addrs(NULL, 2, now, 2), -EINVAL);
	CHECK_EQ(sinew_peer_addrs(n, 2, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_peer_addrs(n, 3, now, 2), -ENOENT);
	CHECK_EQ(sinew_peer_addrs(n, 1, now, 2), 1);
	CHECK(same_addr(&now[0], &c->t[1].addr));
	((struct sockaddr_in *)&addrs[1])->sin_port = htons(HOST_PORT);
	CHECK_EQ(sinew_peer_set_addrs(n, 2, addrs, 2), 0);
	DRIVE(c, sinew_peer_addrs(n, 2, NULL, 0) == 2);
	CHECK_EQ(sinew_peer_addrs(n, 2, now, 1), 2);
	CHECK(same_addr(&now[0], &addrs[0]));
	CHECK_EQ(sinew_peer_addrs(n, 2, now, 2), 2);
	CHECK(same_addr(&now[1], &addrs[1]));
	cluster_free(c);
}

static void names_go_with_their_peer(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_node *n = c->t[1].n;
	char buf[SINEW_PEER_NAME_MAX + 1], small[4];

	CHECK_EQ(sinew_peer_set_name(NULL, 2, "two"), -EINVAL);
	CHECK_EQ(sinew_peer_set_name(n, 2, NULL), -EINVAL);
	CHECK_EQ(sinew_peer_set_name(n, 3, "three"), -ENOENT);
	CHECK_EQ(sinew_peer_name(NULL, 2, buf, sizeof buf), -EINVAL);
	CHECK_EQ(sinew_peer_name(n, 2, NULL, 5), -EINVAL);
	CHECK_EQ(sinew_peer_name(n, 2, buf, 0), -EINVAL);
	CHECK_EQ(sinew_peer_name(n, 3, buf, sizeof buf), -ENOENT);
	CHECK_EQ(sinew_peer_name(n, 2, buf, sizeof buf), 0);
	CHECK_STR(buf, "");
	CHECK_EQ(sinew_peer_set_name(n, 2, "second"), 0);
	CHECK_EQ(sinew_peer_set_name(n, 1, "first"), 0);
	CHECK_EQ(sinew_peer_name(n, 2, buf, sizeof buf), 0);
	CHECK_STR(buf, "second");
	CHECK_EQ(sinew_peer_name(n, 1, small, sizeof small), 0);
	CHECK_STR(small, "fir");
	/* At the limit, and one over. */
	memset(buf, 'x', sizeof buf);
	buf[SINEW_PEER_NAME_MAX] = '\0';
	CHECK_EQ(sinew_peer_set_name(n, 2, buf), -EINVAL);
	CHECK_EQ(sinew_peer_set_name(n, 2, buf + 1), 0);
	CHECK_EQ(sinew_peer_name(n, 2, buf, sizeof buf), 0);
	CHECK_EQ(strlen(buf), SINEW_PEER_NAME_MAX - 1);
	CHECK_EQ(sinew_peer_remove(n, 2), 0);
	CHECK_EQ(sinew_peer_add(n, 2, &c->t[2].addr, 1), 0);
	CHECK_EQ(sinew_peer_name(n, 2, buf, sizeof buf), 0);
	CHECK_STR(buf, "");
	cluster_free(c);
}

int main(void)
{
	RUN(peers_are_listed);
	RUN(addresses_are_those_in_force);
	RUN(names_go_with_their_peer);
	return check_done();
}
