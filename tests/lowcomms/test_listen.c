/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of listening on several addresses, of which not all can be listened on at once,
 * and of peers without an address. Knows the public header only.
 */
#include "tests/lib/cluster.h"

#define LINES_MAX	64

/* ---- what the node of a test says ---- */

static char lines[LINES_MAX][200];
static unsigned n_lines;

static void on_log(void *user, enum sinew_level level, const char *line)
{
	(void)user, (void)level;
	if (n_lines < LINES_MAX)
		snprintf(lines[n_lines++], sizeof lines[0], "%s", line);
}

static unsigned said(const char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_lines; i++)
		n += strstr(lines[i], text) != NULL;
	return n;
}

/* ---- addresses ---- */

/* Somebody else who listens there. */
static int occupy(const struct sockaddr_storage *addr)
{
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && !bind(fd, (const struct sockaddr *)addr, sizeof(struct sockaddr_in)) &&
	      !listen(fd, 1));
	return fd;
}

static void listening_options(struct sinew_options *o, const struct sockaddr_storage *addrs,
			      unsigned n)
{
	n_lines = 0;
	cluster_options(o, 1, &addrs[0]);
	memcpy(o->addrs, addrs, n * sizeof addrs[0]);
	o->n_addrs = n;
	o->log = on_log;
	o->log_level = SINEW_INFO;
}

/* ---- tests ---- */

/* Node 2 knows the address of node 1 alone that cannot be listened on at first. */
static void one_that_stands_is_enough(void)
{
	struct sockaddr_storage addrs[2] = { free_address("127.0.0.1"), free_address("127.0.0.2") };
	struct cluster *c = calloc(1, sizeof *c);
	struct sinew_options o;
	int fd = occupy(&addrs[0]);

	c->n = 2;
	listening_options(&o, addrs, 2);
	CHECK_OR_RETURN(node_open(&c->t[1], &o));
	CHECK_EQ(said("cannot listen: Address already in use: port in use by another program; "
		      "retrying every second"), 1);
	c->t[2].addr = free_address("127.0.0.3");
	cluster_options(&o, 2, &c->t[2].addr);
	CHECK_OR_RETURN(node_open(&c->t[2], &o));
	CHECK_EQ(sinew_peer_add(c->t[1].n, 2, &c->t[2].addr, 1), 0);
	CHECK_EQ(sinew_peer_add(c->t[2].n, 1, &addrs[1], 1), 0);
	DRIVE(c, cluster_all_up(c));
	CHECK_EQ(said("listening"), 0);
	close(fd);
	DRIVE(c, said("listening") == 1);
	CHECK_EQ(said("cannot listen"), 1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&addrs[0], sizeof(struct sockaddr_in)), 0);
	close(fd);
	cluster_free(c);
}

static void another_reason_is_told(void)
{
	struct sockaddr_storage addrs[2] = { free_address("127.0.0.1"), { 0 } };
	struct cluster *c = calloc(1, sizeof *c);
	struct sinew_options o;

	c->n = 1;
	CHECK_EQ(sinew_parse_address("192.0.2.1", 0, &addrs[1]), 0);
	listening_options(&o, addrs, 2);
	CHECK_OR_RETURN(node_open(&c->t[1], &o));
	CHECK_EQ(said("addr=192.0.2.1:21065 cannot listen: Cannot assign requested address: "
		      "address not on this machine; retrying every second"), 1);
	cluster_free(c);
}

static void none_is_the_end_with_all_reasons(void)
{
	struct sockaddr_storage addrs[2] = { free_address("127.0.0.1"), { 0 } };
	struct sinew_node *n = NULL;
	struct sinew_options o;
	int fd = occupy(&addrs[0]);

	CHECK_EQ(sinew_parse_address("192.0.2.1", 0, &addrs[1]), 0);
	listening_options(&o, addrs, 2);
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -EADDRINUSE);
	CHECK_EQ(said("cannot listen: Address already in use: port in use by another program"), 1);
	CHECK_EQ(said("cannot listen: Cannot assign requested address: address not on this "
		      "machine"), 1);
	CHECK_EQ(said("retrying"), 0);
	close(fd);
}

/* Its name is not resolved so far: it is known, but nobody dials it, until it has an address. */
static void a_peer_may_get_its_address_later(void)
{
	struct sockaddr_storage addrs[2] = { free_address("127.0.0.1"), free_address("127.0.0.2") };
	struct sinew_status st = { .size = sizeof st };
	struct cluster *c = calloc(1, sizeof *c);
	struct sinew_options o;

	c->n = 2;
	for (unsigned i = 1; i <= 2; i++) {
		cluster_options(&o, i, &addrs[i - 1]);
		CHECK_OR_RETURN(node_open(&c->t[i], &o));
	}
	CHECK_EQ(sinew_peer_add(c->t[1].n, 2, NULL, 0), 0);
	CHECK_EQ(sinew_peer_add(c->t[2].n, 1, NULL, 0), 0);
	cluster_turn(c);
	CHECK_EQ(sinew_peer_status(c->t[1].n, 2, &st), 0);
	CHECK_EQ(st.n_paths, 0);
	CHECK_EQ(st.state, SINEW_CLOSED);
	CHECK_EQ(sinew_peer_set_addrs(c->t[1].n, 2, NULL, 0), -EINVAL);
	CHECK_EQ(sinew_peer_set_addrs(c->t[2].n, 1, &addrs[0], 1), 0);
	CHECK_EQ(sinew_peer_set_addrs(c->t[1].n, 2, &addrs[1], 1), 0);
	DRIVE(c, cluster_all_up(c));
	cluster_free(c);
}

int main(void)
{
	RUN(one_that_stands_is_enough);
	RUN(another_reason_is_told);
	RUN(none_is_the_end_with_all_reasons);
	RUN(a_peer_may_get_its_address_later);
	return check_done();
}
