/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two nodes talk to each other without a pause, so that each is read before epoll is asked;
 * a third one has something to say as well, and connections end. Owns what that must not do:
 * keep the third waiting, or lose anything.
 */
#include "tests/lib/cluster.h"

#define HOST		1u	/* hears both */
#define TALKER		2u
#define OTHER		3u
#define SAID_OTHER	200u	/* messages of the third */
#define ROUNDS_BETWEEN	20u	/* until it says the next one: by then nobody expects it */
#define ROUNDS_MAX	40u	/* of the others, while one of its waits */
#define BREAKS		30u
#define LIMIT_MS	20000

static struct test_node nodes[4];
static struct sinew_session *to[4];	/* the host's handles */
static uint64_t rounds, said_at, longest;
static unsigned n_said, n_heard, n_wrong;

struct said {
	uint32_t who;
	uint32_t pad;
	uint64_t number;
};

static void say(struct sinew_session *session, uint32_t who, uint64_t number)
{
	struct said s = { .who = who, .number = number };

	CHECK_EQ(sinew_send(session, &s, sizeof s), 0);
}

static void on_up(struct test_node *l, struct sinew_session *p)
{
	if (l->id == HOST) {
		uint32_t id = sinew_session_nodeid(p);

		sinew_session_unref(to[id]);
		to[id] = sinew_session_ref(p);
	} else if (l->id == TALKER) {
		say(p, TALKER, 0);
	}
}

static void heard_other(uint64_t number)
{
	n_wrong += number != n_heard++;
	if (rounds - said_at > longest)
		longest = rounds - said_at;
}

static void host_hears(struct test_node *l, struct sinew_session *p,
		       const struct sinew_message *msg)
{
	struct said s;

	(void)p;
	(void)l;
	memcpy(&s, msg->data, sizeof s);
	if (s.who == OTHER) {
		heard_other(s.number);
		return;
	}
	n_wrong += s.number != rounds++;
	say(to[TALKER], HOST, s.number);
}

static void talker_hears(struct test_node *l, struct sinew_session *p,
			 const struct sinew_message *msg)
{
	struct said s;

	(void)l;
	memcpy(&s, msg->data, sizeof s);
	say(p, TALKER, s.number + 1);
}

static bool set_up(uint32_t busy_poll_us)
{
	memset(nodes, 0, sizeof nodes);
	memset(to, 0, sizeof to);
	rounds = said_at = longest = n_said = n_heard = n_wrong = 0;
	nodes[HOST].on_message = host_hears;
	nodes[TALKER].on_message = talker_hears;
	for (uint32_t id = HOST; id <= OTHER; id++) {
		struct sockaddr_storage own = host_address(id);
		struct sinew_options opt;

		nodes[id].on_up = on_up;
		fast_options(&opt, id, &own);
		opt.busy_poll_us = busy_poll_us;
		if (!node_open(&nodes[id], &opt))
			return false;
	}
	for (uint32_t id = TALKER; id <= OTHER; id++) {
		struct sockaddr_storage host = host_address(HOST), own = host_address(id);

		if (!CHECK_EQ(sinew_peer_add(nodes[id].n, HOST, &host, 1), 0) ||
		    !CHECK_EQ(sinew_peer_add(nodes[HOST].n, id, &own, 1), 0))
			return false;
	}
	return true;
}

static void tear_down(void)
{
	if (!CHECK_EQ(n_wrong, 0))
		cluster_show_log();
	for (uint32_t id = HOST; id <= OTHER; id++) {
		node_free(&nodes[id]);
		sinew_session_unref(to[id]);
	}
}

/* spin: the talkers wait in sinew_dispatch(), in turn. */
static void turn(bool spin)
{
	struct test_node *const all[] = { &nodes[HOST], &nodes[TALKER], &nodes[OTHER] };

	if (!spin) {
		nodes_turn(all, 3, NULL, 0, 50);
		return;
	}
	for (unsigned i = 0; i < 3; i++)
		CHECK(sinew_dispatch(all[i]->n, all[i]->id == OTHER ? 0 : 1) >= 0);
}

/* Each some rounds after the one before; breaks: the talkers' link, now and then. */
static void listen_to_other(bool breaks, bool spin)
{
	int64_t end = now_ms() + time_limit(LIMIT_MS);
	uint64_t n_broken = 0;

	while (n_heard < SAID_OTHER || (breaks && n_broken < BREAKS)) {
		if (!CHECK(now_ms() < end))
			return;
		if (nodes[OTHER].all.session && n_said == n_heard &&
		    rounds >= said_at + ROUNDS_BETWEEN) {
			said_at = rounds;
			say(nodes[OTHER].all.session, OTHER, n_said++);
		}
		if (breaks && n_broken < BREAKS && rounds >= 100 * (n_broken + 1)) {
			sinew_break(nodes[n_broken % 2 ? HOST : TALKER].n,
				    n_broken % 2 ? TALKER : HOST);
			n_broken++;
		}
		turn(spin);
	}
}

static void another_one_is_heard_soon(void)
{
	if (set_up(0))
		listen_to_other(false, false);
	CHECK(rounds >= (uint64_t)SAID_OTHER * ROUNDS_BETWEEN);
	if (!CHECK(longest <= ROUNDS_MAX))
		printf("# one waited for %llu rounds\n", (unsigned long long)longest);
	tear_down();
}

static void nothing_is_lost_when_links_break(void)
{
	if (set_up(0))
		listen_to_other(true, false);
	tear_down();
}

static void the_same_while_spinning(void)
{
	if (set_up(20))
		listen_to_other(true, true);
	tear_down();
}

int main(void)
{
	RUN(another_one_is_heard_soon);
	RUN(nothing_is_lost_when_links_break);
	RUN(the_same_while_spinning);
	return check_done();
}
