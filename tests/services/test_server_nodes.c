/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what members tell each other: three nodes in one process, with a subscriber at
 * each.
 */
#include "services/server_member.h"
#include "services/service.h"
#include "tests/lib/follower.h"

#define TYPE		100u
#define N		3u
#define FLOOD		5000u		/* publications, more than a session may have */
#define ASKED		4u		/* times that a peer refuses */

static struct cluster *c;
static struct sinew_calls *calls[N + 1];
static struct sinew_topo *topos[N];
static struct follower all[N];

static bool begin(void)
{
	struct sinew_topo_filter f = everything();

	c = cluster_new(N, NULL);
	if (!CHECK(c != NULL) || !cluster_serve(c, calls, NULL))
		return false;
	for (unsigned i = 0; i < N; i++) {
		if (!CHECK_EQ(sinew_topo_open(c->t[i + 1].n, &topos[i]), 0))
			return false;
		if (!follower_begin(&all[i], topos[i], &f))
			return false;
	}
	return true;
}

static void end(void)
{
	for (unsigned i = 0; i < N; i++) {
		CHECK_EQ(all[i].bad, 0);
		follower_end(&all[i]);
		sinew_topo_close(topos[i]);
	}
	cluster_free(c);
	for (unsigned i = 1; i <= N; i++) {
		sinew_calls_free(calls[i]);
		calls[i] = NULL;
	}
}

#define DRIVE_ALL(cond) DRIVE_TOPO(c, topos, N, cond)

static uint64_t publish(unsigned node, uint32_t lower, enum sinew_scope scope)
{
	uint64_t id = 0;
	int err;

	do {
		err = sinew_topo_publish(topos[node - 1], TYPE, lower, lower, scope, "x", 1, &id);
		if (err == -EAGAIN)
			topo_turn(c, topos, N);
	} while (err == -EAGAIN);
	CHECK_EQ(err, 0);
	return id;
}

/* Each knows all nodes, and who has a session with whom. */
static bool is_whole(void)
{
	for (unsigned i = 0; i < N; i++)
		for (unsigned k = 1; k <= N; k++)
			if (!follower_has(&all[i], SINEW_TOPO_NODE, k, k) ||
			    follower_has(&all[i], SINEW_TOPO_REACH, k, 0) != N - 1 ||
			    (k != i + 1 && !follower_has(&all[i], SINEW_TOPO_LINK, k, i + 1)))
				return false;
	return true;
}

static bool have(uint32_t lower, unsigned node, unsigned n)
{
	for (unsigned i = 0; i < N; i++)
		if (follower_has(&all[i], TYPE, lower, node) != n)
			return false;
	return true;
}

/* Its LINK to the peer has the path of it. */
static bool says_path(unsigned node, uint32_t peer)
{
	const struct follower *f = &all[node - 1];
	char text[64];

	snprintf(text, sizeof text, "path=0\naddr=127.0.0.%u:%u\n", peer,
		 ntohs(((struct sockaddr_in *)&c->t[peer].addr)->sin_port));
	for (unsigned i = 0; i < FOLLOWER_BUCKETS; i++)
		for (const struct follower_row *r = f->rows[i]; r; r = r->next)
			if (r->type == SINEW_TOPO_LINK && r->node == node && r->lower == peer)
				return !strcmp(r->attr, text);
	return false;
}

static void all_nodes_learn_of_all(void)
{
	if (!begin())
		return;
	DRIVE_ALL(is_whole());
	for (unsigned i = 1; i <= N; i++)
		CHECK(says_path(i, i % N + 1) && says_path(i, (i + 1) % N + 1));
	end();
}

static void scopes_are_kept(void)
{
	uint64_t id;

	if (!begin())
		return;
	publish(1, 1, SINEW_SCOPE_NODE);
	id = publish(1, 2, SINEW_SCOPE_CLUSTER);
	publish(2, 2, SINEW_SCOPE_CLUSTER);
	DRIVE_ALL(have(2, 1, 1) && have(2, 2, 1) && is_whole());
	CHECK_EQ(follower_has(&all[0], TYPE, 1, 1), 1);
	CHECK_EQ(follower_has(&all[1], TYPE, 1, 0), 0);
	CHECK_EQ(follower_has(&all[2], TYPE, 1, 0), 0);
	CHECK_EQ(sinew_topo_withdraw(topos[0], id), 0);
	DRIVE_ALL(have(2, 1, 0));
	CHECK(have(2, 2, 1));
	end();
}

static void a_session_takes_its_rows_with_it(void)
{
	if (!begin())
		return;
	for (uint32_t i = 0; i < 10; i++)
		publish(3, i, SINEW_SCOPE_CLUSTER);
	DRIVE_ALL(have(9, 3, 1) && is_whole());
	follower_end(&all[2]);
	sinew_topo_close(topos[2]);
	topos[2] = NULL;
	/* As node 3 goes: the others are told that it failed. */
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 3), 0);
	CHECK_EQ(sinew_peer_remove(c->t[2].n, 3), 0);
	DRIVE_TOPO(c, topos, 2, !follower_has(&all[0], SINEW_TOPO_NODE, 3, 3) &&
		   !follower_has(&all[1], SINEW_TOPO_NODE, 3, 3));
	for (unsigned i = 0; i < 2; i++) {
		for (uint32_t k = 0; k < 10; k++)
			CHECK_EQ(follower_has(&all[i], TYPE, k, 3), 0);
		CHECK_EQ(follower_has(&all[i], SINEW_TOPO_REACH, 1, 3), 0);
		CHECK_EQ(follower_has(&all[i], SINEW_TOPO_LINK, 3, 0), 0);
		CHECK_EQ(all[i].node_groups[FOLLOWER_LAST - 1], 0);
		for (unsigned k = 2; k < 10; k++)
			CHECK_EQ(all[i].node_groups[FOLLOWER_LAST - k], 1);
		CHECK_EQ(all[i].bad, 0);
		follower_end(&all[i]);
		sinew_topo_close(topos[i]);
	}
	cluster_free(c);
	for (unsigned i = 1; i <= N; i++)
		sinew_calls_free(calls[i]);
}

/* Of 2000 numbers the last 100, and nothing else. */
static bool have_last(void)
{
	for (unsigned i = 0; i < N; i++) {
		unsigned n = 0;

		for (uint32_t k = 0; k < 2000; k++)
			n += follower_has(&all[i], TYPE, k, 0) == (k >= 1900);
		if (n < 2000)
			return false;
	}
	return is_whole();
}

static bool has_incarnation(uint64_t incarnation)
{
	for (unsigned i = 0; i < N; i++)
		for (unsigned k = 0; k < FOLLOWER_BUCKETS; k++)
			for (struct follower_row *row = all[i].rows[k]; row; row = row->next)
				if (row->incarnation == incarnation)
					return true;
	return false;
}

static void broken_links_lose_nothing(void)
{
	uint64_t ids[100];
	int64_t next = now_ms() + 50;

	if (!begin())
		return;
	DRIVE_ALL(is_whole());
	for (unsigned round = 0; round < 2000; round++) {
		unsigned i = round % 100;

		if (round >= 100)
			while (sinew_topo_withdraw(topos[i % N], ids[i]) == -EAGAIN)
				topo_turn(c, topos, N);
		ids[i] = publish(i % N + 1, round, SINEW_SCOPE_CLUSTER);
		if (round % 4 == 0)
			topo_turn(c, topos, N);
		if (now_ms() < next)
			continue;
		sinew_break(c->t[1 + round % N].n, 1 + (round + 1) % N);
		next = now_ms() + 50;
	}
	DRIVE_ALL(have_last());
	end();
}

static void a_new_incarnation_is_told(void)
{
	uint64_t was;

	if (!begin())
		return;
	publish(1, 1, SINEW_SCOPE_CLUSTER);
	DRIVE_ALL(have(1, 1, 1) && is_whole());
	was = sinew_incarnation(c->t[1].n);
	CHECK_EQ(sinew_self_lost(c->t[1].n), 0);
	DRIVE_ALL(sinew_incarnation(c->t[1].n) != was);
	DRIVE_ALL(!has_incarnation(was) && have(1, 1, 1) && is_whole());
	end();
}

/* Each node counts once, also where there is no room for it. */
static void lookup_counts_nodes(void)
{
	uint32_t nodes[N] = { 0 };

	if (!begin())
		return;
	for (unsigned i = 0; i < 2 * N; i++)
		publish(1 + i % N, 1, SINEW_SCOPE_CLUSTER);
	DRIVE_ALL(have(1, 1, 2) && have(1, 2, 2) && have(1, 3, 2));
	CHECK_EQ(sinew_topo_lookup(topos[0], TYPE, 1, NULL, 0), N);
	CHECK_EQ(sinew_topo_lookup(topos[0], TYPE, 1, nodes, 1), N);
	CHECK_EQ(nodes[1], 0);
	CHECK_EQ(sinew_topo_lookup(topos[0], TYPE, 1, nodes, N), N);
	for (unsigned i = 0; i < N; i++)
		CHECK_EQ(nodes[i], i + 1);
	end();
}

/* Each of them once. */
static void services_are_told(void)
{
	struct sinew_service service = {
		.size = sizeof service, .delivery = SINEW_CALL_WHOLE,
	};

	if (!begin())
		return;
	CHECK_EQ(sinew_calls_queue(calls[1], 4), 0);
	CHECK_EQ(sinew_service_bind(calls[1], 200, &service, NULL), 0);
	DRIVE_ALL(is_whole() && follower_has(&all[2], SINEW_TOPO_SERVICE, 200, 1) == 1 &&
		  follower_has(&all[0], SINEW_TOPO_SERVICE, 200, 1) == 1);
	CHECK_EQ(sinew_service_bind(calls[1], 201, &service, NULL), 0);
	DRIVE_ALL(follower_has(&all[2], SINEW_TOPO_SERVICE, 201, 1) == 1);
	CHECK_EQ(follower_has(&all[2], SINEW_TOPO_SERVICE, 200, 1), 1);
	CHECK_EQ(follower_has(&all[2], SINEW_TOPO_SERVICE, 1, 0), 0);
	end();
}

/* Its NODE has its attributes. */
static bool says_incarnation(const struct follower *f, uint32_t node)
{
	for (unsigned i = 0; i < FOLLOWER_BUCKETS; i++)
		for (const struct follower_row *r = f->rows[i]; r; r = r->next)
			if (r->type == SINEW_TOPO_NODE && r->node == node)
				return !strncmp(r->attr, "incarnation=", 12) &&
					strstr(r->attr, "\naddr=127.0.0.1:");
	return false;
}

/* Its only LINK of that peer has these attributes. */
static bool link_says(const struct follower *f, uint32_t peer, const char *attr)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FOLLOWER_BUCKETS; i++)
		for (const struct follower_row *r = f->rows[i]; r; r = r->next)
			if (r->type == SINEW_TOPO_LINK && r->lower == peer)
				n += r->attr_len == strlen(attr) &&
					!memcmp(r->attr, attr, r->attr_len) ? 1 : 2;
	return n == 1;
}

static bool link_is_on(unsigned node, unsigned peer, unsigned path)
{
	const struct sockaddr_in *in = (const void *)&c->t[peer].addr;
	char attr[64], host[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
	snprintf(attr, sizeof attr, "path=%u\naddr=%s:%u\n", path, host, ntohs(in->sin_port));
	return link_says(&all[node - 1], peer, attr);
}

/* At both ends, whoever has dialled, and also where it changes. */
static void a_link_says_its_path(void)
{
	struct sockaddr_storage addrs[2];

	if (!begin())
		return;
	for (unsigned i = 1; i <= N; i++)
		for (unsigned k = 1; k <= N; k++)
			DRIVE_ALL(i == k || link_is_on(i, k, 0));
	for (unsigned i = 2; i <= N; i++) {
		addrs[0] = free_address("127.0.0.9");
		addrs[1] = c->t[i].addr;
		CHECK_EQ(sinew_peer_set_addrs(c->t[1].n, i, addrs, 2), 0);
		DRIVE_ALL(link_is_on(1, i, 1));
	}
	end();
}

/* Its only NODE of that node has this text. */
static bool node_says(const struct follower *f, uint32_t node, const char *line)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FOLLOWER_BUCKETS; i++)
		for (const struct follower_row *r = f->rows[i]; r; r = r->next)
			if (r->type == SINEW_TOPO_NODE && r->node == node)
				n += strstr(r->attr, line) ? 1 : 2;
	return n == 1;
}

/* One NODE goes, and comes at once, as one group. */
static bool was_renewed(const struct follower *f, unsigned n_withdrawn)
{
	return f->n_withdrawn == n_withdrawn + 1 && f->groups[FOLLOWER_LAST - 1] &&
		f->last.type == SINEW_TOPO_NODE;
}

/* Of the own node, and of a peer in the session that it has. */
static void a_node_says_its_name_and_addresses(void)
{
	char text[64];
	const struct sinew_option_value to = { "peer.3", text };
	unsigned n;

	if (!begin())
		return;
	publish(2, 1, SINEW_SCOPE_CLUSTER);
	DRIVE_ALL(is_whole() && have(1, 2, 1) && link_is_on(1, 2, 0) && link_is_on(1, 3, 0));
	n = all[0].n_withdrawn;
	CHECK_EQ(sinew_peer_set_name(c->t[1].n, 1, "alpha"), 0);
	DRIVE_ALL(node_says(&all[0], 1, "\nname=alpha\n"));
	CHECK(was_renewed(&all[0], n++));
	CHECK_EQ(sinew_peer_set_name(c->t[1].n, 2, "beta"), 0);
	DRIVE_ALL(node_says(&all[0], 2, "\nname=beta\n"));
	CHECK(was_renewed(&all[0], n++));
	snprintf(text, sizeof text, "127.0.0.9:4711 127.0.0.3:%u",
		 ntohs(((struct sockaddr_in *)&c->t[3].addr)->sin_port));
	CHECK_EQ(sinew_option_set(c->t[1].n, &to, 1, NULL, 0), 0);
	DRIVE_ALL(node_says(&all[0], 3, "\naddr=127.0.0.9:4711\naddr=127.0.0.3:") &&
		  link_is_on(1, 3, 1));
	n = all[0].n_withdrawn;
	/* One that is as it was is not told. */
	CHECK_EQ(sinew_peer_set_name(c->t[1].n, 2, "beta"), 0);
	CHECK_EQ(sinew_peer_set_name(c->t[1].n, 1, "alpha"), 0);
	CHECK_EQ(sinew_peer_set_name(c->t[1].n, 2, ""), 0);
	DRIVE_ALL(node_says(&all[0], 2, "\naddr=") && !node_says(&all[0], 2, "\nname="));
	CHECK(was_renewed(&all[0], n));
	/* The session has stayed, with all that it had. */
	CHECK(is_whole() && have(1, 2, 1));
	CHECK_EQ(all[0].n_collapsed, 0);
	end();
}

static void a_flood_is_bounded(void)
{
	if (!begin())
		return;
	DRIVE_ALL(is_whole());
	for (uint32_t i = 0; i < FLOOD; i++) {
		publish(1, 1000, SINEW_SCOPE_CLUSTER);
		if (i % 32 == 0)
			topo_turn(c, topos, N);
	}
	/* The node itself has all of them, others none of a session with so many. */
	DRIVE_ALL(follower_has(&all[0], TYPE, 1000, 1) == FLOOD &&
		  !follower_has(&all[1], TYPE, 1000, 1) && !follower_has(&all[2], TYPE, 1000, 1) &&
		  all[1].n_withdrawn > 4000);
	publish(2, 5, SINEW_SCOPE_CLUSTER);
	DRIVE_ALL(have(5, 2, 1));
	CHECK_EQ(follower_has(&all[1], SINEW_TOPO_NODE, 1, 1), 1);
	CHECK(says_incarnation(&all[1], 1) && says_incarnation(&all[2], 1));
	end();
}

static int64_t asked_ms[ASKED];
static unsigned n_asked;

static void refuse(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	if (msg->event != SINEW_CALL_NEW)
		return;
	if (n_asked < ASKED)
		asked_ms[n_asked++] = now_ms();
	sinew_call_abort(call, SINEW_RX_CALL_DEAD);
	sinew_call_end(call);
}

/* A peer that has no room for it is asked less and less often. */
static void one_that_refuses_is_left_alone(void)
{
	const struct sinew_service topology = {
		.size = sizeof topology, .fn = refuse, .delivery = SINEW_CALL_WHOLE,
	};
	struct cluster *pair = cluster_new(2, NULL);

	CHECK_OR_RETURN(pair != NULL);
	n_asked = 0;
	CHECK_EQ(sinew_calls_new(pair->t[1].n, NULL, &calls[1]), 0);
	CHECK_EQ(sinew_topo_start(pair->t[1].n, calls[1], NULL), 0);
	CHECK_EQ(sinew_calls_new(pair->t[2].n, NULL, &calls[2]), 0);
	CHECK_EQ(service_bind(calls[2], MEMBER_SERVICE, &topology, NULL), 0);
	DRIVE_TOPO(pair, topos, 0, n_asked == ASKED);
	for (unsigned i = 2; i < ASKED; i++)
		CHECK(asked_ms[i] - asked_ms[i - 1] >= MEMBER_AGAIN_MS << (i - 1));
	cluster_free(pair);
	for (unsigned i = 1; i <= 2; i++) {
		sinew_calls_free(calls[i]);
		calls[i] = NULL;
	}
}

static bool is_full(const struct follower *f)
{
	return f->n_refused == 1 && f->error == -ENOSPC;
}

/* They have taken all places before the others come, which are told all the same. */
static void programs_keep_no_member_out(void)
{
	const struct sinew_topo_options one = { .size = sizeof one, .max_subscriptions = 1 };
	struct sinew_topo_filter f = everything();
	struct follower more[2] = { 0 };

	c = cluster_new(2, NULL);
	if (!CHECK(c != NULL) || !cluster_serve(c, calls, &one))
		return;
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(sinew_topo_open(c->t[i + 1].n, &topos[i]), 0);
		CHECK(follower_begin(&all[i], topos[i], &f));
		CHECK(follower_begin(&more[i], topos[i], &f));
	}
	DRIVE_ALONE(topos, 2, is_full(&more[0]) && is_full(&more[1]));
	DRIVE_TOPO(c, topos, 2, follower_has(&all[0], SINEW_TOPO_REACH, 1, 2) &&
		   follower_has(&all[1], SINEW_TOPO_REACH, 2, 1));
	for (unsigned i = 0; i < 2; i++) {
		follower_end(&more[i]);
		follower_end(&all[i]);
		sinew_topo_close(topos[i]);
		topos[i] = NULL;
	}
	cluster_free(c);
	for (unsigned i = 1; i <= 2; i++) {
		sinew_calls_free(calls[i]);
		calls[i] = NULL;
	}
}

/* The application counts and sees its own calls alone. */
static void calls_of_the_library_are_not_shown(void)
{
	struct sinew_calls_status st = { .size = sizeof st };
	struct sinew_session *session;

	if (!begin())
		return;
	DRIVE_ALL(is_whole());
	session = sinew_session_find(c->t[1].n, 2);
	if (CHECK(session != NULL) &&
	    CHECK_EQ(sinew_calls_status(calls[1], session, &st), 0)) {
		CHECK(st.open && st.peers_open);
		CHECK(!st.has_oldest);
	}
	CHECK_EQ(sinew_calls_open(calls[1]), 0);
	sinew_session_unref(session);
	end();
}

/* sinew_close() of all: the subscriptions to each other hold nobody's FIN back. */
static void a_close_waits_for_no_subscription(void)
{
	int64_t began;

	if (!begin())
		return;
	DRIVE_ALL(is_whole());
	began = now_ms();
	for (unsigned i = 1; i <= N; i++)
		CHECK_EQ(sinew_close(c->t[i].n, 60000), 0);
	DRIVE_ALL(c->t[1].closed && c->t[2].closed && c->t[3].closed);
	CHECK(now_ms() - began < 20000);
	for (unsigned i = 1; i <= N; i++)
		for (unsigned k = 1; k <= N; k++)
			if (i != k)
				CHECK_EQ(c->t[i].seen[k].reason, SINEW_DOWN_CLOSED);
	end();
}

static void a_finished_session_ends(void)
{
	if (!begin())
		return;
	DRIVE_ALL(is_whole());
	CHECK_EQ(sinew_session_finish(c->t[1].seen[2].session), 0);
	CHECK_EQ(sinew_session_finish(c->t[2].seen[1].session), 0);
	DRIVE_ALL(c->t[1].seen[2].downs == 1 && c->t[2].seen[1].downs == 1);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_CLOSED);
	end();
}

int main(void)
{
	RUN(all_nodes_learn_of_all);
	RUN(scopes_are_kept);
	RUN(a_session_takes_its_rows_with_it);
	RUN(broken_links_lose_nothing);
	RUN(a_new_incarnation_is_told);
	RUN(lookup_counts_nodes);
	RUN(services_are_told);
	RUN(a_link_says_its_path);
	RUN(a_node_says_its_name_and_addresses);
	RUN(a_flood_is_bounded);
	RUN(one_that_refuses_is_left_alone);
	RUN(programs_keep_no_member_out);
	RUN(calls_of_the_library_are_not_shown);
	RUN(a_close_waits_for_no_subscription);
	RUN(a_finished_session_ends);
	return check_done();
}
