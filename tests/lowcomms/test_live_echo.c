/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two nodes that send back whatever comes, with full queues on both sides: what they cannot send
 * back they keep, which pauses the other one. They must not wait for each other for
 * ever, and slow is not broken: no reconnect. Knows only the public API.
 * run.sh: timeout=90
 *
 * A message holds who sent it first, its number there, how often it still turns round, and a
 * filling that only it has.
 */
#include <stdatomic.h>

#include "tests/lib/cluster.h"

#define QUEUE		(256u << 10)
#define RECEIVE		(64u << 10)
#define TURNS		150u
#define LONGEST		9000u
#define LIMIT_MS	30000
#define MESSAGES_MAX	4096u

struct head {
	uint32_t owner, number, turns, length;
};

/* A message that could not be sent back yet. */
struct waiting {
	struct waiting *next;
	struct sinew_kept *kept;
};

struct echo {
	struct test_node *live;
	struct waiting *first, **last;
	uint32_t n_begun;		/* own messages sent first */
	uint8_t home[MESSAGES_MAX];	/* own messages that came home */
	_Atomic uint32_t n_begun_seen, n_home, n_wrong, n_again, n_kept, n_failed;
	bool holds;			/* sends nothing before the other one is full, too */
};

static struct test_node nodes[2];
static struct echo echoes[2];
static size_t length_fixed;	/* 0: various */
static bool breaking;

static void reset(void)
{
	memset(nodes, 0, sizeof nodes);
	memset(echoes, 0, sizeof echoes);
	for (unsigned i = 0; i < 2; i++) {
		echoes[i].live = &nodes[i];
		echoes[i].last = &echoes[i].first;
		nodes[i].arg = &echoes[i];
	}
}

static int send_one(struct echo *e, const struct head *h)
{
	uint8_t text[LONGEST];

	memcpy(text, h, sizeof *h);
	fill_content(text + sizeof *h, h->length - sizeof *h, h->owner, h->number);
	return sinew_send(e->live->all.session, text, h->length);
}

/* Fills the own queue until it takes no more. */
static void begin(struct test_node *l, struct sinew_session *p)
{
	struct echo *e = l->arg;
	struct head h = { .owner = l->id, .turns = TURNS };
	int err = 0;

	(void)p;
	while (!err && e->n_begun < MESSAGES_MAX) {
		h.number = e->n_begun;
		h.length = length_fixed ? (uint32_t)length_fixed
					: (uint32_t)sizeof h + h.number * 7919u % (LONGEST - 16);
		err = send_one(e, &h);
		if (!err)
			e->n_begun++;
	}
	if (err != -EAGAIN)
		e->n_failed++;
	e->n_begun_seen = e->n_begun;
}

static bool came_home(struct echo *e, const struct head *h)
{
	if (h->owner != e->live->id || h->turns > 0)
		return false;
	if (h->number >= e->n_begun || e->home[h->number]++)
		e->n_wrong++;
	e->n_home++;
	return true;
}

/* 0: it is on its way or at home. */
static int send_back(struct echo *e, const void *data)
{
	struct head h;
	int err;

	memcpy(&h, data, sizeof h);
	if (came_home(e, &h))
		return 0;
	if (h.owner != e->live->id)
		h.turns--;
	err = send_one(e, &h);
	if (err == -EAGAIN)
		e->n_again++;
	else if (err)
		e->n_failed++;
	return err == -EAGAIN ? err : 0;
}

static void keep(struct echo *e, const struct sinew_message *msg)
{
	struct waiting *w = calloc(1, sizeof *w);

	if (!w || sinew_keep(e->live->all.session, msg, &w->kept)) {
		free(w);
		e->n_failed++;
		return;
	}
	*e->last = w;
	e->last = &w->next;
	e->n_kept++;
}

static void take_message(struct test_node *l, struct sinew_session *p,
			 const struct sinew_message *msg)
{
	struct echo *e = l->arg;
	struct head h;

	(void)p;
	memcpy(&h, msg->data, msg->len < sizeof h ? 0 : sizeof h);
	if (msg->len < sizeof h || msg->len != h.length ||
	    !is_content((const uint8_t *)msg->data + sizeof h, h.length - sizeof h, h.owner,
		     h.number)) {
		e->n_wrong++;
		return;
	}
	if (e->first || send_back(e, msg->data))
		keep(e, msg);
}

static void send_kept(struct test_node *l, struct sinew_session *p)
{
	struct echo *e = l->arg;
	struct waiting *w;

	(void)p;
	while ((w = e->first) && send_back(e, sinew_kept_data(w->kept)) == 0) {
		e->first = w->next;
		if (!e->first)
			e->last = &e->first;
		sinew_release(w->kept);
		free(w);
	}
}

static bool all_home(void)
{
	static int64_t broken_ms;

	if (breaking && now_ms() > broken_ms + 2) {
		broken_ms = now_ms();
		sinew_break(nodes[0].n, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		if (echoes[i].n_begun_seen == 0 || echoes[i].n_home < echoes[i].n_begun_seen)
			return false;
	return true;
}

static void small_queues(struct sinew_options *opt)
{
	opt->queue_bytes = QUEUE;
	opt->receive_bytes = RECEIVE;
	opt->stall_ms = 3000;
	opt->keepalive_ms = 500;
	opt->max_message = 64u << 10;
}

static void own_threads(struct sinew_options *opt)
{
	small_queues(opt);
	opt->own_thread = true;
}

static void judge(bool done)
{
	CHECK(done);
	if (!done)
		cluster_show_log();
	for (unsigned i = 0; i < 2; i++) {
		struct echo *e = &echoes[i];
		struct sinew_status st = node_status(&nodes[i]);

		printf("# node %u: %u begun, %u home, %u times full, %u kept, most kept %llu, "
		       "reconnects %llu\n", i + 1, e->n_begun_seen, e->n_home, e->n_again,
		       e->n_kept, (unsigned long long)st.kept_high_water,
		       (unsigned long long)st.reconnects);
		CHECK_EQ(e->n_home, e->n_begun_seen);
		CHECK_EQ(e->n_wrong, 0);
		CHECK_EQ(e->n_failed, 0);
		CHECK(breaking || st.reconnects == 0);
		CHECK(!breaking || st.reconnects > 0);
		CHECK_EQ(st.stalls, 0);
		CHECK_EQ(st.faults, 0);
	}
	CHECK(echoes[0].n_again + echoes[1].n_again > 0);
	CHECK(echoes[0].n_kept + echoes[1].n_kept > 0);
}

static void tidy_up(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct waiting *w;

		while ((w = echoes[i].first)) {
			echoes[i].first = w->next;
			sinew_release(w->kept);
			free(w);
		}
		node_free(&nodes[i]);
	}
}

static void echo(void (*change)(struct sinew_options *opt))
{
	reset();
	for (unsigned i = 0; i < 2; i++) {
		nodes[i].on_up = begin;
		nodes[i].on_message = take_message;
		nodes[i].on_writable = send_kept;
	}
	if (pair_open(nodes, change))
		judge(TURN_UNTIL(pair_turn(nodes), all_home(), time_limit(LIMIT_MS)));
	tidy_up();
}

static void messages_of_one_length(void)
{
	length_fixed = 1000;
	echo(small_queues);
	length_fixed = 0;
}

static void messages_of_all_lengths(void)
{
	echo(small_queues);
}

static void with_resets(void)
{
	breaking = true;
	echo(small_queues);
	breaking = false;
}

/* Each node on its own thread: the callbacks of two nodes at the same time. */
static void on_two_threads(void)
{
	int64_t end = now_ms() + time_limit(LIMIT_MS);

	reset();
	for (unsigned i = 0; i < 2; i++) {
		nodes[i].on_up = begin;
		nodes[i].on_message = take_message;
		nodes[i].on_writable = send_kept;
	}
	if (pair_open(nodes, own_threads)) {
		while (!all_home() && now_ms() < end)
			poll(NULL, 0, 5);
		judge(all_home());
	}
	for (unsigned i = 0; i < 2; i++) {
		sinew_node_free(nodes[i].n);
		nodes[i].n = NULL;
	}
	tidy_up();
}

int main(void)
{
	RUN(messages_of_one_length);
	RUN(messages_of_all_lengths);
	RUN(with_resets);
	RUN(on_two_threads);
	return check_done();
}
