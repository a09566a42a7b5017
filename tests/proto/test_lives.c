/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lives of a session between two nodes: its links, its messages, its end, each told by a short
 * story. The trace of all that happens is the assertion: tests/golden/lives/NAME.txt, whose first
 * line names the rules of proto/SESSION.md that it shows. To be run from the top of the project.
 *
 *	build/tests/test_lives			compares
 *	build/tests/test_lives --record		writes the traces anew: read each difference
 */
#include "tests/lib/life.h"

/* ---- the first link ---- */

static void open_b_dials(void)
{
	story("open-b-dials", "R3, R4: B does not know A1, so four HELLOs; A chooses, and is up "
	      "from that write, B from that read");
	starts(A);
	starts(B);
	run(30);
	the_end();
}

static void open_a_dials(void)
{
	story("open-a-dials", "R3, R4: three HELLOs where the one that chooses has dialled");
	life->node[B].cannot_dial = true;
	starts(A);
	starts(B);
	run(30);
	the_end();
}

static void open_crossing(void)
{
	story("open-crossing", "R5, R7: both dial at once; the end that becomes up shuts the "
	      "other link, and not before");
	life->cfg.coordinator_wait_ns = 0;
	starts(A);
	starts(B);
	run(30);
	the_end();
}

static void choice_lost(void)
{
	story("open-choice-lost", "R6: the choice is lost with its link; A refuses the next dial "
	      "as STALE and says the number, without which B would be refused for ever");
	life->node[A].cannot_dial = true;
	starts(A);
	starts(B);
	run(4);
	mute(A, true);
	run(3);
	cut(1);
	mute(A, false);
	run(60);
	the_end();
}

static void choices_cross(void)
{
	story("open-choices-cross", "R5, R7, R8: choice 1 is under way for long; B waits for it, "
	      "then abandons the link and dials, and follows choice 2; choice 1 arrives too late");
	life->node[A].cannot_dial = true;
	starts(A);
	starts(B);
	run(5);
	loses_state(1, true);
	run(3000);
	loses_state(1, false);
	run(10);
	the_end();
}

/* ---- messages and ACKs ---- */

static void messages(void)
{
	story("messages", "section 8: an ACK is due after 3 frames (here), at the latest "
	      "after 5 ms, in front of data that are written, and as a sign of life");
	life->cfg.ack_frames = 3;
	both_start();
	sends(A, 3);
	run(10);
	sends(A, 1);
	run(10);
	sends(A, 1);
	run(2);
	sends(B, 1);
	run(10);
	run(5000);
	the_end();
}

static void slow_reader(void)
{
	story("slow-reader", "section 6, STATUS: B does not read and says so; A's queue is full; B "
	      "reads again, acknowledges, and A may send again");
	both_start();
	reads(B, false);
	run(2);
	for (unsigned i = 0; i < 6; i++)
		send_bytes(A, 60000);
	run(20);
	reads(B, true);
	run(20);
	sends(A, 1);
	run(20);
	the_end();
}

/* ---- links that break ---- */

static void resume_idle(void)
{
	story("resume-nothing-lost", "R9, R10: all was acknowledged; the next link begins at the "
	      "number where the last one ended, and nothing is sent twice");
	both_start();
	sends(A, 2);
	sends(B, 1);
	run(20);
	cut(1);
	run(40);
	sends(A, 1);
	run(10);
	the_end();
}

static void resume_data_lost(void)
{
	story("resume-data-lost", "R10: the data under way are lost; sent goes back to the number "
	      "that the other end expects");
	both_start();
	sends(A, 1);
	run(10);
	sends(A, 2);
	sends(B, 1);
	cut(1);
	run(40);
	the_end();
}

static void resume_acks_lost(void)
{
	story("resume-acks-lost", "R10: delivered, but the ACKs are lost: the HELLO is an ACK of "
	      "its next, nothing is delivered twice");
	both_start();
	sends(A, 2);
	run(3);
	mute(B, true);
	run(7);
	cut(1);
	mute(B, false);
	run(40);
	the_end();
}

static void resume_half_frame(void)
{
	story("resume-half-frame", "R10: half a frame arrives and is cut: the frame goes again, "
	      "whole, on the next link");
	both_start();
	sends(A, 1);
	life->node[A].room = 90;
	send_bytes(A, 200);
	run(2);
	cut(1);
	life->node[A].room = SIZE_MAX;
	run(40);
	the_end();
}

static void resume_in_fragments(void)
{
	story("resume-in-fragments", "section 8, Fragments: pieces taken belong to the session; "
	      "after a new link the pieces go on at its next");
	life->cfg.max_frame = 20000;
	both_start();
	life->node[A].room = 50000;
	send_bytes(A, 60000);
	sends(A, 1);
	run(2);
	cut(1);
	life->node[A].room = SIZE_MAX;
	run(40);
	the_end();
}

/* ---- the end ---- */

static void fin_a_first(void)
{
	story("fin-a-first", "fsm.def: A goes by FIN_WAIT1 and FIN_WAIT2, B by CLOSE_WAIT, where "
	      "it still sends, and LAST_ACK; R24: A keeps the link of the last ACK, B shuts it");
	both_start();
	sends(A, 1);
	finishes(A);
	run(10);
	sends(B, 1);
	run(10);
	finishes(B);
	run(20);
	the_end();
}

static void fin_b_first(void)
{
	story("fin-b-first", "R15, R17: B closes and says LEAVING, so the FIN of A follows by "
	      "itself; B is closed when A has shut the link of the last ACK");
	both_start();
	sends(A, 1);
	closes(B);
	run(10);
	closes(A);
	run(20);
	the_end();
}

static void fin_crossing(void)
{
	story("fin-crossing", "fsm.def: the FINs cross, both go by CLOSING and shut the link; that "
	      "it ends in order at both ends says that each last ACK was seen");
	both_start();
	closes(A);
	closes(B);
	run(3100);
	the_end();
}

static void fin_crossing_cut(void)
{
	story("fin-crossing-cut", "R10, R24: the FINs cross and both ACKs are lost; the next "
	      "HELLO, and the choice that answers it, acknowledge both");
	both_start();
	closes(A);
	closes(B);
	run(1);
	cut(1);
	run(3100);
	the_end();
}

static void last_ack_lost(void)
{
	story("last-ack-lost", "R19, R24: the last ACK is lost with its link; the redial of B "
	      "meets REFUSE CLOSED, which acknowledges its FIN");
	both_start();
	finishes(A);
	run(10);
	finishes(B);
	run(1);
	mute(A, true);
	run(1);
	cut(1);
	mute(A, false);
	run(100);
	closes(A);
	closes(B);
	run(10);
	the_end();
}

static void fin_unacknowledged(void)
{
	story("fin-behind-data", "R15, R24: FIN is queued behind all data; both are lost with the "
	      "link and go again in order");
	both_start();
	sends(A, 2);
	closes(A);
	cut(1);
	run(40);
	the_end();
}

static void removed(void)
{
	story("removed-in-order", "R18: removed from the configuration once the session is over "
	      "and the last ACK seen: nothing is lost, and no FAILED remains to be told");
	both_start();
	sends(A, 1);
	finishes(A);
	run(10);
	finishes(B);
	run(10);
	CHECK(core_peer_over_at(&life->node[A].peer) <= life->now_ns);
	removes(A);
	run(100);
	the_end();
}

static void removed_in_doubt(void)
{
	story("removed-in-doubt", "R13: the next link moves the sent cursor back; what was handed "
	      "to the first one is still in doubt when the session ends");
	both_start();
	sends(A, 1);
	cut(1);
	has_quorum(A, false);
	sends(A, 1);
	run(30);
	removes(A);
	run(5);
	the_end();
}

static void removed_at_once(void)
{
	story("removed-at-once", "R13, R18, R22: removed with messages queued: in doubt and unsent "
	      "are reported, REFUSE FAILED makes the peer renew, nobody knows it any more");
	both_start();
	sends(A, 1);
	run(10);
	sends(A, 1);
	has_quorum(A, false);
	sends(A, 1);
	removes(A);
	run(50);
	the_end();
}

int main(int argc, char **argv)
{
	life_arguments(argc, argv);
	RUN(open_b_dials);
	RUN(open_a_dials);
	RUN(open_crossing);
	RUN(choice_lost);
	RUN(choices_cross);
	RUN(messages);
	RUN(slow_reader);
	RUN(resume_idle);
	RUN(resume_data_lost);
	RUN(resume_acks_lost);
	RUN(resume_half_frame);
	RUN(resume_in_fragments);
	RUN(fin_a_first);
	RUN(fin_b_first);
	RUN(fin_crossing);
	RUN(fin_crossing_cut);
	RUN(last_ack_lost);
	RUN(fin_unacknowledged);
	RUN(removed);
	RUN(removed_in_doubt);
	RUN(removed_at_once);
	return check_done();
}
