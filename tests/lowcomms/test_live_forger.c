/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two members exchange messages while a program at the address of one of them, or of both,
 * dials the other and forges what it likes. It knows their incarnations, reads nothing that
 * they say to each other, and must achieve nothing. Owns one test for each forgery; what it
 * says by hand is in adversary.h.
 */
/* run.sh: timeout=90 */
#include "tests/lib/cluster.h"
#include "tests/lib/adversary.h"

#define WINDOW		8		/* messages under way in each direction */
#define LENGTH		32u	/* of their messages: no forged one is that long */
#define FAULTS		14u		/* more than a node asks to be fenced for */
#define GUESSES		6u		/* fewer */
#define GEN_HUGE	0x7ffffff0u
#define AFAR		0x40000000u	/* a position that nobody has come to */
#define SILENT_MS	300
#define CONNECT_MS	3000		/* bare connects, at most so long */
#define RESUMES		40u
#define RESUMES_PACED	25u		/* from then on one frame each */
#define LONG		4000u		/* bytes of a message that is sent again */

enum { LOW = 1, HIGH = 2 };		/* LOW decides */

static struct cluster *cluster;
static struct adversary adversary;

static void drive(int fd, short events, int ms)
{
	cluster_turn_with(cluster, fd, events, ms);
}

static bool goes_on(void)
{
	uint64_t had = cluster_talked(cluster);

	return DRIVE(cluster, cluster_talked(cluster) > had + 4 * WINDOW);
}

static bool set_up(void)
{
	cluster = cluster_new(2, NULL);
	dialled_wait_fd = drive;
	cluster_talk(cluster, WINDOW, LENGTH);
	return DRIVE(cluster, cluster_all_up(cluster)) && goes_on();
}

/* The applications have noticed nothing, and it goes on, on a new link, too. */
static void unharmed(void)
{
	adversary_reset(&adversary);
	goes_on();
	CHECK_EQ(sinew_break(cluster->t[LOW].n, HIGH), 0);
	goes_on();
	cluster_is_whole(cluster, 0);
	cluster_free(cluster);
}

static uint64_t incarnation(unsigned id)
{
	return sinew_incarnation(cluster->t[id].n);
}

/* It dials from the address of one member to the other. */
static bool dial_as(unsigned me, unsigned to)
{
	adversary_close(&adversary);
	adversary_init(&adversary, me, incarnation(me), "test");
	return CHECK(adversary_dial(&adversary, &cluster->t[me].addr, &cluster->t[to].addr));
}

static void say_hello(uint64_t yours, uint32_t next, uint32_t gen, unsigned flags)
{
	struct hello h = adversary_hello_of(&adversary, yours);
	uint8_t buf[WIRE_CONTROL_MAX];

	h.next = next;
	h.gen = gen;
	h.flags = (uint8_t)flags;
	adversary_put(&adversary, buf, wire_put_hello(buf, adversary.nodeid, &h));
}

static bool ends(void)
{
	return DRIVE(cluster, adversary_ended(&adversary));
}

/* ---- what it tries ---- */

static void faults_fence_nobody(void)
{
	uint8_t data[WIRE_MSG_OVERHEAD + 8] = { 0 };

	if (!set_up())
		return;
	for (unsigned i = 0; i < FAULTS && dial_as(HIGH, LOW); i++) {
		say_hello(0, 0, 0, 0);
		adversary_put(&adversary, data, wire_put_msg(data, HIGH, 0, 8) + 8);
		adversary_ended(&adversary);
		goes_on();
		adversary_reset(&adversary);
	}
	CHECK_EQ(status_of(&cluster->t[LOW], HIGH).faults, 0);
	unharmed();
}

/* Refused although it names both incarnations: its position is impossible. */
static void a_forged_choice_does_not_last(void)
{
	if (!set_up())
		return;
	for (unsigned i = 0; i < 2 && dial_as(LOW, HIGH); i++) {
		uint64_t links = status_of(&cluster->t[HIGH], LOW).reconnects;

		say_hello(incarnation(HIGH), AFAR, GEN_HUGE + i, WIRE_HELLO_CHOSEN);
		ends();
		CHECK_EQ(status_of(&cluster->t[HIGH], LOW).reconnects, links);
	}
	unharmed();
}

static void refusals_do_not_end_dials(void)
{
	static const enum wire_reason reasons[] = {
		WIRE_REFUSE_CLUSTER, WIRE_REFUSE_VERSION, WIRE_REFUSE_FEATURE, WIRE_REFUSE_STALE,
		WIRE_REFUSE_LEAVING, WIRE_REFUSE_CLAIMED, WIRE_REFUSE_IDENTITY,
	};
	const unsigned n = 2 * sizeof reasons / sizeof reasons[0];
	uint8_t buf[WIRE_CONTROL_MAX];

	if (!set_up())
		return;
	for (unsigned i = 0; i < n && dial_as(LOW + i % 2, HIGH - i % 2); i++) {
		struct refuse r = { .mine = incarnation(LOW + i % 2),
			.yours = incarnation(HIGH - i % 2), .reason = reasons[i / 2],
			.gen = GEN_HUGE, .wait_ms = 60000 };

		say_hello(0, 0, 0, 0);
		adversary_put(&adversary, buf, wire_put_refuse(buf, adversary.nodeid, &r));
		goes_on();
		adversary_reset(&adversary);
	}
	unharmed();
}

/* Beside a member that is there it is told nothing, and its guesses shut no link. */
static void guesses_cost_nothing(void)
{
	struct hello h;
	struct refuse r;
	uint64_t links;

	if (!set_up())
		return;
	links = status_of(&cluster->t[LOW], HIGH).reconnects;
	if (dial_as(HIGH, LOW)) {
		say_hello(0, 0, 0, 0);
		CHECK_EQ(adversary_answer(&adversary, &h, &r, SILENT_MS), 0);
	}
	for (unsigned i = 0; i < GUESSES && dial_as(HIGH, LOW); i++) {
		say_hello(incarnation(LOW), AFAR + i, GEN_HUGE, 0);
		ends();
		say_hello(incarnation(LOW), AFAR + i, 1, 0);
		ends();
	}
	CHECK_EQ(status_of(&cluster->t[LOW], HIGH).reconnects, links);
	unharmed();
}

/* A caller of another cluster is told nothing by its refusal. */
static void refusals_tell_nothing(void)
{
	struct hello h;
	struct refuse r = { .mine = 1 };

	if (!set_up())
		return;
	if (dial_as(HIGH, LOW)) {
		adversary.cluster = "other";
		say_hello(0, 0, 0, 0);
		CHECK_EQ(adversary_answer(&adversary, &h, &r, PATIENCE_MS), 2);
		CHECK_EQ(r.reason, WIRE_REFUSE_CLUSTER);
		CHECK_EQ(r.mine, 0);
	}
	unharmed();
}

/* ---- one member, and it plays the other ---- */

static bool alone(struct sockaddr_storage *high)
{
	cluster = cluster_new(1, NULL);
	dialled_wait_fd = drive;
	*high = free_address("127.0.0.2");
	CHECK_EQ(sinew_peer_add(cluster->t[LOW].n, HIGH, high, 1), 0);
	adversary_init(&adversary, HIGH, 77, "test");
	return adversary_dial(&adversary, high, &cluster->t[LOW].addr) &&
		CHECK(adversary_up(&adversary, PATIENCE_MS));
}

/* Both have finished and the last ACK was lost: connections without a word are no sign of life. */
static void bare_connects_hold_nobody(void)
{
	struct sockaddr_storage high;
	uint8_t fin[WIRE_FIN];
	struct frame f = { 0 };
	int64_t until;
	size_t used = 0;
	int got = 0;

	if (!alone(&high))
		return;
	DRIVE(cluster, cluster->t[LOW].seen[HIGH].session);
	CHECK_EQ(sinew_close(cluster->t[LOW].n, 60000), 0);
	while (f.nextcmd != WIRE_FIN_CMD &&
	       (got = adversary_frame(&adversary, &f, &used, PATIENCE_MS)) == 1)
		;
	CHECK_EQ(got, 1);
	adversary_put(&adversary, fin, wire_put_ack(fin, HIGH, f.u + 1));
	adversary_put(&adversary, fin, wire_put_fin(fin, HIGH, adversary.expected));
	while (f.cmd != WIRE_ACK &&
	       (got = adversary_frame(&adversary, &f, &used, PATIENCE_MS)) == 1)
		;
	CHECK_EQ(got, 1);
	adversary_reset(&adversary);
	until = now_ms() + CONNECT_MS;
	while (!cluster->t[LOW].closed && now_ms() < until) {
		adversary_dial(&adversary, &high, &cluster->t[LOW].addr);
		adversary_close(&adversary);
		cluster_turn(cluster);
	}
	CHECK_EQ(cluster->t[LOW].closed, 1);
	cluster_free(cluster);
}

/* The bytes written to it before it resets, all that comes in a moment. */
static uint64_t read_all(void)
{
	static uint8_t waste[1 << 16];
	uint64_t n = adversary.have;
	ssize_t got;

	for (unsigned quiet = 0; quiet < 3; quiet++) {
		while ((got = dialled_read(&adversary.conn, waste, sizeof waste)) > 0) {
			n += (uint64_t)got;
			quiet = 0;
		}
		cluster_turn(cluster);
	}
	return n;
}

/* It comes back again and again with the same position: each time costs a frame in the end. */
static void resends_are_paced(void)
{
	static uint8_t text[LONG];
	struct sockaddr_storage high;
	uint64_t n = 0, late = 0;
	uint8_t ack[WIRE_HEADER];
	struct sinew_session *p;

	if (!alone(&high))
		return;
	DRIVE(cluster, cluster->t[LOW].seen[HIGH].session);
	p = cluster->t[LOW].seen[HIGH].session;
	while (sinew_send(p, text, sizeof text) == 0)
		n++;
	CHECK(n > 100);
	for (unsigned i = 0; i < RESUMES; i++) {
		uint64_t bytes = read_all();

		if (i >= RESUMES_PACED)
			late += bytes;
		adversary_reset(&adversary);
		if (!CHECK(adversary_dial(&adversary, &high, &cluster->t[LOW].addr)) ||
		    !CHECK(adversary_up(&adversary, PATIENCE_MS)))
			break;
	}
	printf("# %llu bytes for each of the last resumes\n",
	       (unsigned long long)(late / (RESUMES - RESUMES_PACED)));
	CHECK(late <= (RESUMES - RESUMES_PACED) * (uint64_t)(LONG + WIRE_CONTROL_MAX));
	/* A peer that acknowledges gets the rest at once. */
	read_all();
	adversary_put(&adversary, ack, wire_put_ack(ack, HIGH, adversary.expected + 1));
	CHECK(read_all() > 10 * LONG);
	adversary_reset(&adversary);
	cluster_free(cluster);
}

int main(void)
{
	RUN(faults_fence_nobody);
	RUN(a_forged_choice_does_not_last);
	RUN(refusals_do_not_end_dials);
	RUN(guesses_cost_nothing);
	RUN(refusals_tell_nothing);
	RUN(bare_connects_hold_nobody);
	RUN(resends_are_paced);
	return check_done();
}
