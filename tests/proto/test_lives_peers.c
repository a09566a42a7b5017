/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lives of a session in which the other end is not what it was: another incarnation, one that is
 * refused, one on another path, a kernel. As test_lives.c, which says how they are recorded.
 */
#include "tests/lib/life.h"

/* ---- other incarnations ---- */

static void superseded(void)
{
	story("new-incarnation", "R3, R20: B1 dies with its machine, B2 dials while the link of "
	      "B1 stands: guarded while that is fresh, then challenged; B1 is superseded");
	life->cfg.keepalive_ns = 1000 * MS_NS;
	both_start();
	sends(A, 1);
	run(10);
	dies(B, true);
	run(50);
	starts(B);
	run(1600);
	the_end();
}

static void tombstone(void)
{
	story("tombstone", "R19, R21, R22: B1 is declared failed while it cannot be reached; its "
	      "HELLO is answered by REFUSE FAILED, it renews, and B2 is admitted");
	both_start();
	sends(B, 1);
	cut(1);
	path_dies(0, true);
	run(10);
	hears(A, B, 1, FAILED);
	run(10);
	path_dies(0, false);
	run(600);
	the_end();
}

static void time_wait(void)
{
	story("time-wait-asks", "R24, section 6, The last ACK: it is lost, and B cannot dial: A "
	      "stays in TIME_WAIT and asks, until it knows by REFUSE CLOSED that B is over");
	both_start();
	life->node[B].cannot_dial = true;
	closes(A);
	run(1);
	mute(A, true);
	run(1);
	cut(1);
	mute(A, false);
	run(200);
	the_end();
}

/* With membership: each hears of the other, and link 1 comes up. */
static void members_start(void)
{
	life->cfg.static_members = false;
	starts(A);
	starts(B);
	hears(A, B, 1, ADDED);
	hears(B, A, 1, ADDED);
	run(10);
	session_of(A);
	session_of(B);
}

static void left_then_joined(void)
{
	story("left-then-joined", "R14, R16, R18: with membership B1 closes, is left, and B2 "
	      "joins: its HELLO is held until A hears that it was added");
	members_start();
	sends(A, 1);
	run(10);
	hears(A, B, 1, LEAVING);
	closes(B);
	run(20);
	dies(B, false);
	hears(A, B, 1, LEFT);
	run(20);
	starts(B);
	hears(B, A, 1, ADDED);
	run(30);
	hears(A, B, 2, ADDED);
	run(40);
	the_end();
}

static void failed(void)
{
	story("failed", "R18, R19, R21, R22: membership says failed in the middle of messages; B "
	      "lives, is told FAILED, and renews; B2 is added");
	members_start();
	sends(A, 1);
	run(10);
	sends(A, 1);
	sends(B, 1);
	hears(A, B, 1, FAILED);
	run(10);
	hears(B, A, 1, ADDED);
	hears(A, B, 2, ADDED);
	run(60);
	the_end();
}

static void left_unfinished(void)
{
	story("left-unfinished", "R18: B1 leaves without its FIN: left ends the session from any "
	      "state, acknowledges nothing, and the message under way is in doubt");
	members_start();
	sends(A, 1);
	hears(A, B, 1, LEAVING);
	dies(B, false);
	run(10);
	hears(A, B, 1, LEFT);
	run(10);
	the_end();
}

static void restarted(void)
{
	story("restarted", "R3: A1 is gone, and B names it in the HELLO to A2, with a position "
	      "that means nothing to A2: it is answered, not taken");
	members_start();
	sends(A, 2);
	run(10);
	dies(A, false);
	run(1);
	starts(A);
	life->node[A].cannot_dial = true;
	hears(A, B, 1, ADDED);
	run(60);
	hears(B, A, 1, FAILED);
	hears(B, A, 2, ADDED);
	run(60);
	the_end();
}

static void merged(void)
{
	story("merged", "R19, R21, R22: a partition: each is failed for the other; as membership "
	      "adds B1 again, A dials it without a session, so that one of them hears FAILED");
	members_start();
	path_dies(0, true);
	hears(A, B, 1, FAILED);
	hears(B, A, 1, FAILED);
	run(10);
	path_dies(0, false);
	hears(A, B, 1, ADDED);
	run(100);
	the_end();
}

/* ---- refused ---- */

static void refused_cluster(void)
{
	story("refused-cluster", "section 2: another cluster is refused, and dialled every 30 s; "
	      "a new incarnation with the right name at once");
	strcpy(life->cfg.cluster, "death");
	starts(B);
	strcpy(life->cfg.cluster, "life");
	starts(A);
	run(100);
	dies(B, false);
	starts(B);
	run(20);
	the_end();
}

static void refused_version(void)
{
	story("refused-version", "section 8, HELLO: a version, or a required feature, that is not "
	      "known is refused; the peer heals when it is replaced");
	life->node[B].alter_at = 24 + 41;
	life->node[B].alter_to = 2;
	life->node[A].cannot_dial = true;
	starts(A);
	starts(B);
	run(10);
	dies(B, false);
	life->node[B].alter_at = 24 + 56;
	starts(B);
	run(10);
	dies(B, false);
	life->node[B].alter_at = 0;
	starts(B);
	run(10);
	the_end();
}

static void refused_identity(void)
{
	story("refused-identity", "section 8, Connections: a nodeid that is not configured at the "
	      "address where it dials from; then it is");
	life->node[A].cannot_dial = true;
	life->node[B].address = 9;
	starts(A);
	starts(B);
	run(10);
	life->node[B].address = 2;
	run(1300);
	the_end();
}

static void refused_leaving(void)
{
	story("refused-leaving", "R20, R23: A closes, and waits for B1, whose machine is gone; B2 "
	      "proves itself, B1 is superseded, but no session is opened: that of B2 with A1 "
	      "ends as refused; A2 opens one");
	both_start();
	life->node[A].cannot_dial = true;
	dies(B, true);
	cut(1);
	closes(A);
	run(200);
	starts(B);
	run(400);
	dies(A, false);
	starts(A);
	run(1000);
	the_end();
}

static void refused_claimed(void)
{
	story("refused-claimed", "section 6, Static, two claimants: C claims the nodeid of B, "
	      "and B is heard of after that: C is refused, until B is gone");
	life->cfg.keepalive_ns = 400 * MS_NS;
	life->node[A].cannot_dial = true;
	both_start();
	sends(B, 1);
	run(10);
	starts(C);
	run(1000);
	dies(B, false);
	run(1500);
	the_end();
}

/* ---- paths ---- */

static void probe_lost(void)
{
	story("probe-lost", "section 6, One link a session: the path that is not in use is probed; "
	      "no answer in path_dead means that it is dead; it is dialled until it is back");
	life->n_paths = 2;
	life->cfg.keepalive_multi_ns = 1900 * MS_NS;
	life->node[B].cannot_dial = true;
	starts(A);
	starts(B);
	run(2500);
	path_dies(1, true);
	run(5300);
	path_dies(1, false);
	run(1500);
	the_end();
}

static void path_silent(void)
{
	story("path-silent", "section 6, One link a session: nothing comes on the path in use, and "
	      "the other one answers probes: the session resumes on a link that is dialled there");
	life->n_paths = 2;
	both_start();
	run(100);
	path_dies(0, true);
	sends(A, 1);
	run(2000);
	the_end();
}

static void stuck(void)
{
	story("stuck", "R7, section 6, A stuck transport: what A has sent is not acknowledged by "
	      "the other kernel: it dials beside; as the old link carries bytes again, that ends");
	both_start();
	path_dies(0, true);
	sends(A, 1);
	run(2300);
	path_dies(0, false);
	run(100);
	the_end();
}

static void stuck_for_good(void)
{
	story("stuck-for-good", "R7, R10: the old link stays stuck, and the dial beside comes "
	      "up; it is chosen, the old link is reset, and the message goes again");
	both_start();
	sends(A, 1);
	run(10);
	loses_state(1, true);
	sends(A, 1);
	run(2300);
	the_end();
}

/* ---- a kernel ---- */

static void kernel_writes(unsigned link, const uint8_t *p, size_t n)
{
	write_bytes(&link_of(link)->end[1], p, n);
}

/* A sequenced packet of 64 bytes. */
static void kernel_sends(unsigned link, uint32_t number)
{
	uint8_t p[WIRE_OPTS + 64] = { 0 };

	wire_put_opts(p, 2, LIFE_FIRST + number, WIRE_MSG, 64);
	wire_put_header(p + WIRE_OPTS, WIRE_VERSION_3_2, 7, 2, 64, WIRE_MSG);
	kernel_writes(link, p, sizeof p);
}

static void kernel_acks(unsigned link, uint32_t next)
{
	uint8_t p[WIRE_HEADER];

	kernel_writes(link, p, wire_put_ack(p, 2, LIFE_FIRST + next));
}

static void kernel_finishes(unsigned link, uint32_t number)
{
	uint8_t p[WIRE_FIN];

	kernel_writes(link, p, wire_put_fin(p, 2, LIFE_FIRST + number));
}

static void sends_packet(enum who who)
{
	uint8_t p[64] = { 0 };
	struct span part = { p, sizeof p };

	wire_put_header(p, WIRE_VERSION_3_2, 7, 1, sizeof p, WIRE_MSG);
	SAY(&life->node[who], NULL, "sends a packet");
	CHECK_EQ(session_send(session_of(who), &part, 1, sizeof p, NULL), 0);
	session_schedule(life->node[who].session);
	leave(&life->node[who]);
}

/* C is the kernel; A has dialled it. */
static void kernel_starts(void)
{
	life->cfg.static_members = false;
	life->node[C].by_hand = life->node[C].alive = true;
	starts(A);
	hears(A, C, 1, ADDED);
	run(30);
	session_of(A);
}

static void kernel(void)
{
	story("kernel", "dlm_profile.c: no HELLO; after an error both ends repeat what is not "
	      "acknowledged; a gap is answered by a reset, so that the kernel repeats");
	kernel_starts();
	sends_packet(A);
	kernel_sends(1, 0);
	run(10);
	cut(1);
	run(40);
	kernel_sends(2, 0);
	kernel_acks(2, 1);
	kernel_sends(2, 1);
	run(10);
	kernel_sends(2, 3);
	run(40);
	kernel_sends(3, 2);
	kernel_sends(3, 3);
	run(10);
	the_end();
}

static void kernel_fins(void)
{
	story("kernel-fins", "fsm.def: the FINs of a kernel are those of the native profile; it "
	      "shuts the link of our last ACK");
	kernel_starts();
	sends_packet(A);
	run(5);
	hears(A, C, 1, LEAVING);
	kernel_acks(1, 1);
	kernel_finishes(1, 0);
	run(5);
	kernel_acks(1, 2);
	run(5);
	hears(A, C, 1, LEFT);
	run(5);
	the_end();
}

int main(int argc, char **argv)
{
	life_arguments(argc, argv);
	RUN(superseded);
	RUN(tombstone);
	RUN(time_wait);
	RUN(left_then_joined);
	RUN(failed);
	RUN(left_unfinished);
	RUN(restarted);
	RUN(merged);
	RUN(refused_cluster);
	RUN(refused_version);
	RUN(refused_identity);
	RUN(refused_leaving);
	RUN(refused_claimed);
	RUN(probe_lost);
	RUN(path_silent);
	RUN(stuck);
	RUN(stuck_for_good);
	RUN(kernel);
	RUN(kernel_fins);
	return check_done();
}
