/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots of calls: calls that get one or wait, when one is free again, those that are kept for
 * nested calls and for the library; and bindings. Knows nothing of windows.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

#define CALLS 40

static struct calls_pair p;
static struct call calls[CALLS];

static void fresh(const struct calls_config *cfg)
{
	uint16_t binding;

	pair_init(&p, cfg, cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
	CHECK_EQ(calls_bind(&p.a.c, 5, NULL, &binding), 0);
}

/* Binding 0 is of an application, 1 of the library. */
static int begin(unsigned i, uint16_t binding, uint8_t depth)
{
	struct calls_begin b = pair_begins(binding, "hello");

	b.depth = depth;
	b.nowait = true;
	return call_begin(&p.a.c, &calls[i], &b);
}

static unsigned begin_all(unsigned from, uint16_t binding, uint8_t depth)
{
	unsigned n = 0;

	while (from + n < CALLS && !begin(from + n, binding, depth))
		n++;
	return n;
}

static void end_all(unsigned n)
{
	pair_run(&p);
	for (unsigned i = 0; i < n; i++)
		call_let_go(&calls[i]);
	calls_down(&p.a.c, 0);
	calls_down(&p.b.c, 0);
	CHECK(calls_empty(&p.a.c));
	CHECK_EQ(p.a.c.n_taken, 0);
	pair_free(&p);
}

static void each_depth_has_a_slot_of_its_own(void)
{
	struct calls_config cfg = pair_config();

	cfg.ours.slots = cfg.theirs.slots = 16;
	cfg.depth_max = 7;
	fresh(&cfg);
	CHECK_EQ(begin_all(0, 0, 0), 9);
	for (unsigned d = 1; d <= 7; d++)
		CHECK_EQ(begin_all(8 + d, 0, (uint8_t)d), 1);
	CHECK_EQ(p.a.c.n_taken, 16);
	CHECK_EQ(begin(16, 0, 8), -ELOOP);
	end_all(16);
}

/* Calls that were begun before may wait for nested ones: those still have a slot each. */
static void a_lower_target_leaves_nested_calls_theirs(void)
{
	struct calls_config cfg = pair_config();

	cfg.ours.slots = cfg.theirs.slots = 24;
	cfg.depth_max = 7;
	fresh(&cfg);
	CHECK_EQ(begin_all(0, 0, 0), 17);
	calls_set_target(&p.b.c, 16);
	pair_run(&p);
	CHECK_EQ(p.a.c.target, 16);
	CHECK_EQ(begin_all(17, 0, 0), 0);
	for (unsigned d = 1; d <= 7; d++)
		CHECK_EQ(begin_all(16 + d, 0, (uint8_t)d), 1);
	CHECK_EQ(p.a.c.n_taken, 24);
	end_all(24);
}

/* Calls of one depth leave a slot for each deeper one, those of the last depth take them all. */
static void deep_calls_leave_nothing_out(void)
{
	struct calls_config cfg = pair_config();

	cfg.ours.slots = cfg.theirs.slots = 16;
	cfg.depth_max = 7;
	fresh(&cfg);
	CHECK_EQ(begin_all(0, 1, 3), 12);
	CHECK_EQ(begin_all(12, 1, 0), 0);
	CHECK_EQ(begin_all(12, 1, 7), 4);
	end_all(16);
}

static void slots_are_kept_for_the_library(void)
{
	struct calls_config cfg = pair_config();

	cfg.ours.slots = cfg.theirs.slots = 24;
	cfg.reserved = 8;
	cfg.depth_max = 0;
	fresh(&cfg);
	/* One service gets three quarters of the others. */
	CHECK_EQ(begin_all(0, 0, 0), 12);
	CHECK_EQ(begin_all(12, 1, 0), 12);
	end_all(24);
}

static void one_slot(void)
{
	struct calls_config cfg = pair_config();

	cfg.depth_max = 0;
	cfg.ours.slots = cfg.theirs.slots = 1;
	fresh(&cfg);
}

static void calls_wait_for_slots_in_order(void)
{
	one_slot();
	CHECK_EQ(pair_begin(&p.a, &calls[0], 0, "a"), 0);
	CHECK_EQ(pair_begin(&p.a, &calls[1], 0, "bb"), 0);
	CHECK_EQ(pair_begin(&p.a, &calls[2], 0, "ccc"), 0);
	CHECK_EQ(pair_begin(&p.a, &calls[3], 0, "dddd"), -EAGAIN);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 1 last");
	CHECK_EQ(call_send(p.b.in, NULL, 0, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 0 last; ENDED REPLIED DONE; SLOT");
	CHECK_STR(pair_log(&p.b), "ENDED REPLIED DONE; NEW 100/7; DATA 2 last");
	call_let_go(&calls[1]);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED ABORTED NOT_EXECUTED -6 held");
	call_let_go(p.b.in);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 3 last");
	call_let_go(&calls[0]);
	call_let_go(&calls[2]);
	end_all(0);
}

/* The reply of calls[0], which has the only slot. */
static void leave_a_reply_unread(void)
{
	one_slot();
	p.a.consumes = false;
	CHECK_EQ(begin(0, 0, 0), 0);
	pair_run(&p);
	CHECK_EQ(call_send(p.b.in, "xyz", 3, true), 0);
	pair_run(&p);
	CHECK_EQ(begin(1, 0, 0), -EAGAIN);
}

static void an_unread_reply_holds_the_slot(void)
{
	leave_a_reply_unread();
	CHECK_EQ(call_consumed(&calls[0], 2), 0);
	CHECK_EQ(begin(1, 0, 0), -EAGAIN);
	CHECK_EQ(call_consumed(&calls[0], 1), 0);
	CHECK_EQ(begin(1, 0, 0), 0);
	end_all(2);
}

static void no_slot_is_told_behind_the_session(void)
{
	leave_a_reply_unread();
	calls_down(&p.a.c, 0);
	CHECK_STR(pair_log(&p.a), "DATA 3 last; ENDED REPLIED DONE");
	call_let_go(&calls[0]);
	CHECK(!calls_event_waits(&p.a.c));
	end_all(0);
}

/* A caller that begins and aborts in a loop has no more handlers than slots. */
static void aborts_do_not_free_slots(void)
{
	struct calls_config cfg = pair_config();

	fresh(&cfg);
	for (unsigned i = 0; i < 1000; i++) {
		if (begin(i % CALLS, 0, 0))
			continue;
		pair_run(&p);
		call_let_go(&calls[i % CALLS]);
		pair_run(&p);
		CHECK(p.b.c.n_in <= 4);
	}
	CHECK_EQ(p.b.c.n_in, 3);
	CHECK_EQ(p.b.c.n.shown, 3);
	end_all(0);
}

static void the_called_side_changes_how_many_it_takes(void)
{
	struct calls_config cfg = pair_config();

	cfg.depth_max = 0;
	fresh(&cfg);
	calls_set_target(&p.b.c, 2);
	pair_run(&p);
	CHECK_EQ(p.a.c.target, 2);
	CHECK_EQ(begin_all(0, 0, 0), 2);
	calls_set_target(&p.b.c, 4);
	calls_set_target(&p.b.c, 3);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "SLOT");
	CHECK_EQ(begin_all(2, 0, 0), 1);
	end_all(3);
}

static void bindings_are_shared_and_given_back(void)
{
	struct calls_config cfg = pair_config();
	uint16_t again, third;

	fresh(&cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &again), 0);
	CHECK_EQ(again, 0);
	CHECK_EQ(calls_bind(&p.a.c, 101, NULL, &third), -ENOSPC);
	CHECK_EQ(begin(0, 0, 0), 0);
	calls_unbind(&p.a.c, 0);
	calls_unbind(&p.a.c, 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	CHECK_EQ(p.b.c.in_bindings[0].state, CALL_UNBOUND);
	/* A slot is still counted for it. */
	CHECK_EQ(calls_bind(&p.a.c, 101, NULL, &third), -ENOSPC);
	CHECK_EQ(call_send(p.b.in, NULL, 0, true), 0);
	pair_run(&p);
	CHECK_EQ(calls_bind(&p.a.c, 101, NULL, &third), 0);
	CHECK_EQ(third, 0);
	calls_unbind(&p.a.c, 1);
	CHECK_EQ(calls_bind(&p.a.c, 5, NULL, &again), 0);
	CHECK_EQ(again, 1);
	pair_run(&p);
	CHECK_EQ(begin(1, third, 0), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED REPLIED DONE; NEW 101/7; DATA 5 last");
	end_all(2);
}

/* Numbers of bindings of the two directions are different ones, also where an upgrade is. */
static void an_answer_leaves_own_bindings_alone(void)
{
	struct calls_begin probe = pair_begins(0, "?");
	struct calls_config cfg = pair_config();
	uint16_t number;
	unsigned n;

	fresh(&cfg);
	p.b.newer = 110;
	CHECK_EQ(calls_bind(&p.b.c, 100, NULL, &number), 0);
	CHECK_EQ(number, 0);
	CHECK_EQ(pair_begin(&p.b, &calls[1], number, "back"), 0);
	probe.upgrade = true;
	CHECK_EQ(call_begin(&p.a.c, &calls[0], &probe), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 110/7; DATA 1 last");
	n = p.b.n_sent;
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	pair_run(&p);
	CHECK_EQ(p.b.n_sent, n + 1);
	CHECK_STR(pair_log(&p.a), "NEW 100/7; DATA 4 last; DATA 1 last; ENDED REPLIED DONE");
	CHECK_EQ(call_send(p.a.in, "y", 1, true), 0);
	pair_run(&p);
	call_let_go(&calls[1]);
	end_all(1);
}

static void no_binding_behind_the_end(void)
{
	struct calls_config cfg = pair_config();
	uint16_t binding = 77;

	fresh(&cfg);
	CHECK_EQ(begin(0, 0, 0), 0);
	pair_run(&p);
	calls_down(&p.a.c, 0);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), -ESTALE);
	CHECK_EQ(pair_forge(&p.b, &(struct call_frame){ .kind = CALL_UNBIND, .binding = 1 }), 0);
	CHECK_EQ(pair_forge(&p.b, &(struct call_frame){ .kind = CALL_UNBIND, .binding = 1 }),
		 -EPROTO);
	CHECK_EQ(calls_bind(&p.b.c, 100, NULL, &binding), -EPROTO);
	CHECK_EQ(binding, 77);
	end_all(1);
}

int main(void)
{
	RUN(each_depth_has_a_slot_of_its_own);
	RUN(a_lower_target_leaves_nested_calls_theirs);
	RUN(deep_calls_leave_nothing_out);
	RUN(slots_are_kept_for_the_library);
	RUN(calls_wait_for_slots_in_order);
	RUN(an_unread_reply_holds_the_slot);
	RUN(no_slot_is_told_behind_the_session);
	RUN(aborts_do_not_free_slots);
	RUN(the_called_side_changes_how_many_it_takes);
	RUN(bindings_are_shared_and_given_back);
	RUN(an_answer_leaves_own_bindings_alone);
	RUN(no_binding_behind_the_end);
	return check_done();
}
