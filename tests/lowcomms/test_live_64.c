/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sixty-four nodes in one process, each with a session to each: messages on all pairs while
 * links are destroyed at random, then all at once, then all close in order. Owns what must
 * be true of that: each message once and in order, nobody down, a bound for time and memory.
 *
 * Many links need many descriptors: the soft limit is raised to what is needed. With a
 * sanitizer there are fewer nodes. SEED=N repeats a run.
 */
/* run.sh: timeout=60 */
#include <inttypes.h>
#include <sys/resource.h>

#include "tests/lib/cluster.h"

#define NODES		64u
#define NODES_SLOW	20u		/* where TIME_FACTOR says that all is slow */
#define MESSAGES	25u		/* on each pair, in each direction */
#define LENGTH_MAX	600u
#define BREAKS		1500u		/* single ones, while messages are under way */
#define CLOSE_MS	15000
#define WAIT_MS		30000		/* for any step */
#define MEMORY_KB_MAX	(700 * 1024)	/* for all nodes together */

static struct cluster *cluster;
static unsigned n_nodes;
static uint64_t seed, state;
static uint64_t sent[NODES_MAX + 1][NODES_MAX + 1];	/* from, to */

static uint64_t rnd(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1du >> 33) % below;
}

static bool slow(void)
{
	return time_limit(1) > 1;
}

static int64_t patience(void)
{
	return WAIT_MS * (slow() ? 4 : 1);
}

static bool step(bool (*done)(void), const char *what)
{
	int64_t began = now_ms(), end = began + patience();
	bool is = done();

	while (!is && now_ms() < end) {
		cluster_turn(cluster);
		is = done();
	}
	printf("# %-40s after %5llu ms, %ld KiB resident\n", what,
	       (unsigned long long)(now_ms() - began), status_kb("VmRSS:"));
	return is;
}

/* ---- descriptors ---- */

/* Both ends of a link are ours; while it is replaced there are two, and one that drains. */
static rlim_t descriptors(unsigned n)
{
	return (rlim_t)n * (n - 1) * 4 + n * 8 + 64;
}

static bool raise_limit(unsigned n)
{
	struct rlimit lim;

	getrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur >= descriptors(n))
		return true;
	lim.rlim_cur = descriptors(n);
	if (lim.rlim_max < lim.rlim_cur)
		lim.rlim_max = lim.rlim_cur;	/* root may */
	return setrlimit(RLIMIT_NOFILE, &lim) == 0;
}

/* ---- content ---- */

static uint64_t word_of(unsigned from, unsigned to, uint64_t number, unsigned i)
{
	return (number << 32 | from << 24 | to << 16 | (i & 0xffff)) * 0x9e3779b97f4a7c15u;
}

static size_t length_of(unsigned from, unsigned to, uint64_t number)
{
	return 8 + word_of(from, to, number, 0xffff) % (LENGTH_MAX / 8) * 8;
}

static void check_message(struct test_node *t, struct sinew_session *p,
			  const struct sinew_message *m)
{
	unsigned from = sinew_session_nodeid(p), to = (unsigned)(t - cluster->t);
	uint64_t w;

	t->seen[from].bad += m->len != length_of(from, to, m->number);
	for (unsigned i = 0; i < m->len / 8; i++) {
		memcpy(&w, (const uint8_t *)m->data + 8 * i, 8);
		t->seen[from].bad += w != word_of(from, to, m->number, i);
	}
}

static void send_next(unsigned from, unsigned to)
{
	struct seen *s = &cluster->t[from].seen[to];
	uint64_t number = sent[from][to] + 1, got = 0, body[LENGTH_MAX / 8 + 2];
	size_t len = length_of(from, to, number);
	int err;

	if (!s->session || number > MESSAGES)
		return;
	for (unsigned i = 0; i < len / 8; i++)
		body[i] = word_of(from, to, number, i);
	err = sinew_sendv(s->session, &(struct iovec) { body, len }, 1, &got);
	if (err == -EAGAIN)
		return;
	if (err || got != number) {
		CHECK_EQ(err, 0);
		CHECK_EQ(got, number);
	}
	sent[from][to] = number;
}

/* ---- states ---- */

static bool all_up(void)
{
	return cluster_all_up(cluster);
}

static bool all_came(void)
{
	for (unsigned i = 1; i <= n_nodes; i++)
		for (unsigned k = 1; k <= n_nodes; k++)
			if (i != k && (sent[k][i] != MESSAGES ||
				       cluster->t[i].seen[k].messages != MESSAGES))
				return false;
	return true;
}

static bool all_linked(void)
{
	struct sinew_status st = { .size = sizeof st };

	for (unsigned i = 1; i <= n_nodes; i++)
		for (unsigned k = 1; k <= n_nodes; k++)
			if (i != k && (sinew_peer_status(cluster->t[i].n, k, &st) ||
				       !st.link_up || st.unacked))
				return false;
	return true;
}

static bool all_closed(void)
{
	for (unsigned i = 1; i <= n_nodes; i++)
		if (!cluster->t[i].closed)
			return false;
	return true;
}

/* ---- the run ---- */

static void tune(struct sinew_options *o)
{
	o->queue_bytes = 256 * 1024;
	o->max_message = 64 * 1024;
	o->backoff_min_ms = 2;
	o->backoff_max_ms = 200;
	/* A sanitizer makes a turn of all nodes long. */
	o->hello_ms = o->connect_ms = slow() ? 20000 : 5000;
}

/* A link is destroyed about as often as it takes for all messages to be sent. */
static void messages_under_breaks(void)
{
	uint64_t total = (uint64_t)n_nodes * (n_nodes - 1) * MESSAGES, turns = total / 400;
	unsigned breaks = slow() ? BREAKS / 5 : BREAKS, done = 0;
	int64_t end = now_ms() + patience();

	for (uint64_t turn = 0; turn < turns && now_ms() < end; turn++) {
		for (unsigned i = 0; i < 500; i++)
			send_next((unsigned)rnd(n_nodes) + 1, (unsigned)rnd(n_nodes) + 1);
		for (; done * turns < turn * breaks; done++) {
			unsigned i = (unsigned)rnd(n_nodes) + 1, k = (unsigned)rnd(n_nodes) + 1;

			if (i != k)
				CHECK_EQ(sinew_break(cluster->t[i].n, k), 0);
		}
		cluster_turn(cluster);
	}
	/* The rest of them. */
	for (unsigned m = 0; m < MESSAGES; m++)
		for (unsigned i = 1; i <= n_nodes; i++)
			for (unsigned k = 1; k <= n_nodes; k++)
				if (i != k)
					send_next(i, k);
	/* And all links of all nodes at once, with what is under way. */
	for (unsigned i = 1; i <= n_nodes; i++)
		CHECK_EQ(sinew_break(cluster->t[i].n, 0), 0);
}

static void sums(void)
{
	struct sinew_status st = { .size = sizeof st };
	uint64_t reconnects = 0, unacked = 0, resent = 0;

	for (unsigned i = 1; i <= n_nodes; i++) {
		for (unsigned k = 1; k <= n_nodes; k++) {
			if (i == k)
				continue;
			CHECK_EQ(sinew_peer_status(cluster->t[i].n, k, &st), 0);
			reconnects += st.reconnects;
			unacked += st.resumed_unacked;
			resent += st.resent;
		}
	}
	printf("# seed %" PRIu64 ": %" PRIu64 " links came back, %" PRIu64
	       " with unacknowledged data; %" PRIu64 " frames sent again\n",
	       seed, reconnects / 2, unacked, resent);
	/* Every link at least once: all were destroyed. */
	CHECK(reconnects / 2 >= (uint64_t)n_nodes * (n_nodes - 1) / 2);
	CHECK(unacked > 0);
}

static void sessions_are_whole(unsigned downs)
{
	for (unsigned i = 1; i <= n_nodes; i++) {
		for (unsigned k = 1; k <= n_nodes; k++) {
			const struct seen *s = &cluster->t[i].seen[k];

			if (i == k)
				continue;
			if (s->ups != 1 || s->downs != downs || s->bad)
				CHECK_EQ(s->ups * 100 + s->downs * 10 + s->bad, 100 + downs * 10);
			if (downs && s->reason != SINEW_DOWN_CLOSED)
				CHECK_STR(sinew_down_name(s->reason), "closed");
			if (downs && s->delivery.acked != MESSAGES)
				CHECK_EQ(s->delivery.acked, MESSAGES);
		}
		CHECK_EQ(cluster->t[i].self_losts + cluster->t[i].fences, 0);
	}
}

static void all_to_all(void)
{
	static char why[120];
	int64_t began = now_ms();

	n_nodes = slow() ? NODES_SLOW : NODES;
	if (!raise_limit(n_nodes)) {
		snprintf(why, sizeof why, "RLIMIT_NOFILE is too low for %u nodes: %llu are needed",
			 n_nodes, (unsigned long long)descriptors(n_nodes));
		SKIP(why);
	}
	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)getpid();
	state = seed * 0x9e3779b97f4a7c15u | 1;
	cluster = cluster_new(n_nodes, tune);
	for (unsigned i = 1; i <= n_nodes; i++)
		cluster->t[i].on_message = check_message;
	CHECK_OR_RETURN(step(all_up, "all sessions up"));
	messages_under_breaks();
	CHECK(step(all_came, "all links destroyed, all messages there"));
	CHECK(step(all_linked, "all links up, all acknowledged"));
	sums();
	sessions_are_whole(0);
	for (unsigned i = 1; i <= n_nodes; i++)
		CHECK_EQ(sinew_close(cluster->t[i].n, CLOSE_MS * (slow() ? 4 : 1)), 0);
	CHECK(step(all_closed, "all closed"));
	sessions_are_whole(1);
	CHECK(status_kb("VmHWM:") < MEMORY_KB_MAX);
	cluster_free(cluster);
	printf("# %u nodes, %u links, %llu messages in %llu ms, at most %ld KiB resident\n",
	       n_nodes, n_nodes * (n_nodes - 1) / 2,
	       (unsigned long long)n_nodes * (n_nodes - 1) * MESSAGES,
	       (unsigned long long)(now_ms() - began), status_kb("VmHWM:"));
}

int main(void)
{
	RUN(all_to_all);
	return check_done();
}
