/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of a lockspace: what its owner and its master say to each other about a lock, and what
 * recovery leaves of it.
 */
#include <errno.h>

#include "tests/lib/check.h"
#include "tests/vm/dlm_hash.h"
#include "tests/vm/world.h"

#define NAME_AT_1	"one"	/* node 1 is its directory, of three members */

static bool has(const struct seen *s, enum dlm_mode mode)
{
	bool is_done = CHECK_EQ(s->result, 0);

	return CHECK_EQ(s->mode, mode) && is_done;
}

static unsigned masters(unsigned i)
{
	struct dlm_space_status status;

	dlm_space_status(world.nodes[i].space, &status);
	return status.n_mastered;
}

/* ---- tests ---- */

static void joins_alone_and_together(void)
{
	world_begin(1u << 2);
	world_boot(1);
	world_boot(3);
	world_start(ALL);
	world_run_ms(2000);
	CHECK_EQ(world.nodes[1].n_joined, 1);
	CHECK_EQ(world.nodes[2].n_joined, 2);
	CHECK_EQ(world.nodes[3].n_joined, 1);
	CHECK_EQ(world.nodes[1].generation, world.nodes[2].generation);
	CHECK_EQ(world.nodes[1].generation, world.nodes[3].generation);
	world_end();
}

static void first_asker_masters(void)
{
	struct seen *a, *b;

	world_begin(ALL);
	a = world_lock(3, NAME_AT_1, DLM_PR, 0);
	b = world_lock(2, NAME_AT_1, DLM_PR, 0);
	has(a, DLM_PR);
	has(b, DLM_PR);
	CHECK_EQ(masters(3), 1);
	CHECK_EQ(masters(1) + masters(2), 0);
	world_unlock(3, a);
	world_unlock(2, b);
	world_end();
}

static void holder_hears_who_is_blocked(void)
{
	struct seen *a, *b, *c;

	world_begin(ALL);
	a = world_lock(1, "r", DLM_EX, 0);
	b = world_lock(2, "r", DLM_PR, 0);
	CHECK_EQ(b->n_queued, 1);
	CHECK_EQ(b->n_asts, 0);
	CHECK_EQ(a->bast, DLM_PR);
	c = world_lock(3, "r", DLM_EX, DLM_NOQUEUE);
	CHECK_EQ(c->result, -DLM_EAGAIN);
	world_convert(1, a, DLM_NL, 0, NULL);
	has(a, DLM_NL);
	has(b, DLM_PR);
	world_unlock(2, b);
	world_unlock(1, a);
	world_end();
}

static void value_block_goes_round(void)
{
	struct seen *a, *b;

	world_begin(ALL);
	a = world_lock(1, "r", DLM_EX, DLM_VALBLK);
	b = world_lock(2, "r", DLM_NL, DLM_VALBLK);
	world_convert(1, a, DLM_NL, DLM_VALBLK, "first");
	world_convert(2, b, DLM_PR, DLM_VALBLK, NULL);
	CHECK_STR(b->lvb, "first");
	world_convert(2, b, DLM_EX, DLM_VALBLK, NULL);
	world_convert(2, b, DLM_NL, DLM_VALBLK, "second");
	world_convert(1, a, DLM_CR, DLM_VALBLK, NULL);
	CHECK_STR(a->lvb, "second");
	world_unlock(1, a);
	world_unlock(2, b);
	world_end();
}

static void cancels(void)
{
	struct seen *a, *b, *c;
	unsigned i;

	world_begin(ALL);
	for (i = 1; i < NODES; i++) {
		a = world_lock(1, "r", DLM_PR, 0);
		b = world_lock(i, "r", DLM_EX, 0);
		CHECK_EQ(dlm_space_cancel(world.nodes[i].space, b->id, world.now_ms), 0);
		world_settle();
		CHECK_EQ(b->result, -DLM_ECANCEL);
		CHECK_EQ(dlm_space_cancel(world.nodes[i].space, b->id, world.now_ms), -ENOENT);
		c = world_lock(i, "r", DLM_PR, 0);
		world_convert(i, c, DLM_EX, 0, NULL);
		CHECK_EQ(c->n_queued, 1);
		CHECK_EQ(dlm_space_cancel(world.nodes[i].space, c->id, world.now_ms), 0);
		world_settle();
		CHECK_EQ(c->result, -DLM_ECANCEL);
		CHECK_EQ(c->mode, DLM_PR);
		CHECK_EQ(dlm_space_cancel(world.nodes[i].space, c->id, world.now_ms), -EINVAL);
		world_unlock(i, c);
		world_unlock(1, a);
	}
	world_end();
}

static void conversions_that_stop_each_other(void)
{
	struct seen *a, *b;

	world_begin(ALL);
	a = world_lock(1, "r", DLM_PR, 0);
	b = world_lock(2, "r", DLM_PR, 0);
	world_convert(1, a, DLM_EX, 0, NULL);
	CHECK_EQ(a->n_queued, 1);
	world_convert(2, b, DLM_EX, 0, NULL);
	CHECK_EQ(b->result, -DLM_EDEADLK);
	CHECK_EQ(b->mode, DLM_PR);
	world_convert(2, b, DLM_EX, DLM_CONVDEADLK, NULL);
	has(a, DLM_EX);
	CHECK_EQ(b->n_queued, 1);
	world_unlock(1, a);
	has(b, DLM_EX);
	CHECK(b->sbflags & DLM_DEMOTED);
	world_unlock(2, b);
	world_end();
}

/* A message of node 2, and the answer to it. */
static void by_hand(struct dlm_message *m)
{
	uint8_t packet[DLM_PACKET_MAX];

	world.last.type = DLM_NO_TYPE;
	dlm_space_receive(world.nodes[1].space, packet, dlm_message_encode(packet, m),
			  world.now_ms);
}

static void check_last(enum dlm_type type, int32_t result)
{
	CHECK_EQ(world.last.type, type);
	CHECK_EQ(world.last.result, result);
	CHECK_EQ(world.last.flags & DLM_FLAGS_ECHOED, 0x1234);
	CHECK_EQ(world.last.remid, 7);
}

/* A kernel whose lock is told other flags than its own crashes: they come back in all that it is
 * sent, also where there is no lock to take them from. */
static void flags_come_back(void)
{
	struct dlm_message m = {
		.space = SPACE, .sender = 2, .type = DLM_REQUEST, .lkid = 7, .flags = 0x51234,
		.grmode = DLM_IV, .rqmode = DLM_PR, .asts = DLM_WANTS_BAST | DLM_WANTS_CAST,
		.name = (const uint8_t *)"x", .name_len = 1,
	};
	struct seen *a;

	world_begin(1u << 1 | 1u << 2);
	world_shut(2);
	m.hash = dlm_hash(m.name, m.name_len);
	by_hand(&m);
	check_last(DLM_REQUEST_REPLY, 0);
	m.remid = world.last.lkid;
	m.name_len = 0;
	a = world_lock(1, "x", DLM_PR, 0);
	m.type = DLM_CONVERT;
	m.rqmode = DLM_EX;
	by_hand(&m);
	check_last(DLM_CONVERT_REPLY, -DLM_EINPROGRESS);
	m.type = DLM_CANCEL;
	by_hand(&m);
	check_last(DLM_CANCEL_REPLY, -DLM_ECANCEL);
	m.type = DLM_CONVERT;
	by_hand(&m);
	world_unlock(1, a);
	check_last(DLM_GRANT, 0);
	world_lock(1, "x", DLM_PR, 0);
	check_last(DLM_BAST, 0);
	CHECK_EQ(world.last.bastmode, DLM_PR);
	m.type = DLM_UNLOCK;
	by_hand(&m);
	check_last(DLM_UNLOCK_REPLY, -DLM_EUNLOCK);
	by_hand(&m);
	check_last(DLM_UNLOCK_REPLY, -DLM_ENOENT);
	world.nodes[1].error[0] = 0;
	world_end();
}

static void master_leaves_with_locks_held(void)
{
	struct seen *m, *a, *b, *c;

	world_begin(ALL);
	m = world_lock(3, NAME_AT_1, DLM_NL, DLM_VALBLK);
	a = world_lock(1, NAME_AT_1, DLM_EX, DLM_VALBLK);
	world_convert(1, a, DLM_PR, DLM_VALBLK, "kept");
	b = world_lock(2, NAME_AT_1, DLM_EX, 0);
	c = world_lock(2, NAME_AT_1, DLM_NL, DLM_VALBLK | DLM_EXPEDITE);
	CHECK_EQ(b->n_queued, 1);
	(void)m;
	world_shut(3);
	world_start(ALL & ~(1u << 3));
	world_run_ms(1000);
	world_check_joined(ALL & ~(1u << 3), 2);
	CHECK_EQ(masters(1) + masters(2), 1);
	CHECK_EQ(b->n_asts, 0);
	world_convert(2, c, DLM_CR, DLM_VALBLK, NULL);
	CHECK_STR(c->lvb, "kept");
	world_unlock(1, a);
	CHECK_EQ(b->n_asts, 0);
	world_unlock(2, c);
	has(b, DLM_EX);
	world_unlock(2, b);
	world_end();
}

static void owner_leaves(void)
{
	struct seen *a, *b;

	world_begin(ALL);
	a = world_lock(1, "r", DLM_NL, 0);
	world_lock(3, "r", DLM_EX, 0);
	b = world_lock(2, "r", DLM_EX, 0);
	CHECK_EQ(b->n_asts, 0);
	world_shut(3);
	world_start(ALL & ~(1u << 3));
	world_run_ms(1000);
	has(b, DLM_EX);
	world_unlock(2, b);
	world_unlock(1, a);
	world_end();
}

/* A member that comes makes other nodes the directory of names that are in use. */
static void names_are_found_after_a_member_came(void)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	struct seen *held[8], *asked;
	unsigned i;

	world_begin(1u << 1 | 1u << 2);
	for (i = 0; i < 8; i++)
		held[i] = world_lock(1 + i % 2, names[i], DLM_EX, 0);
	world_boot(3);
	world_start(ALL);
	world_run_ms(1000);
	for (i = 0; i < 8; i++) {
		asked = world_lock(3, names[i], DLM_PR, DLM_NOQUEUE);
		CHECK_EQ(asked->result, -DLM_EAGAIN);
		world_unlock(1 + i % 2, held[i]);
	}
	CHECK_EQ(masters(3), 0);
	world_end();
}

static void operations_wait_for_recovery(void)
{
	struct seen *a, *b;

	world_begin(ALL);
	a = world_lock(2, "r", DLM_PR, 0);
	world_start(ALL);
	CHECK_EQ(dlm_space_convert(world.nodes[2].space, a->id, DLM_EX, 0, NULL, world.now_ms), 0);
	CHECK_EQ(dlm_space_lock(world.nodes[3].space, (const uint8_t *)"s", 1, DLM_EX, 0, NULL,
				world.now_ms), 0);
	b = &world.nodes[3].seen[0];
	CHECK_EQ(a->n_asts + b->n_asts, 1);
	world_run_ms(1000);
	has(a, DLM_EX);
	has(b, DLM_EX);
	world_end();
}

static void unused_names_are_removed(void)
{
	struct dlm_space_status status;
	struct seen *a;

	world_begin(ALL);
	a = world_lock(3, NAME_AT_1, DLM_PR, 0);
	dlm_space_status(world.nodes[1].space, &status);
	CHECK_EQ(status.n_directory, 1);
	world_unlock(3, a);
	world_run_ms(TOSS_MS - 1);
	CHECK_EQ(world.n_removes, 0);
	world_run_ms(1);
	CHECK_EQ(world.n_removes, 1);
	dlm_space_status(world.nodes[1].space, &status);
	CHECK_EQ(status.n_directory, 0);
	CHECK_EQ(masters(3), 0);
	world_end();
}

static void new_link_repeats_what_it_lost(void)
{
	world_begin(1u << 1);
	world_boot(2);
	world.lose_bare_to = 2;
	world_start(1u << 1 | 1u << 2);
	world_run_ms(RECOVER_MS - 1);
	CHECK_EQ(world.nodes[1].n_joined, 1);
	world.lose_bare_to = 0;
	dlm_space_link_up(world.nodes[1].space, 2, world.now_ms);
	dlm_space_link_up(world.nodes[2].space, 1, world.now_ms);
	world_run_ms(1000);
	CHECK_EQ(world.nodes[1].n_joined, 2);
	CHECK_EQ(world.nodes[2].n_joined, 1);
	world.lose_bare_to = 2;
	world_start(1u << 1 | 1u << 2);
	world_settle();
	world.lose_bare_to = 0;
	world_run_ms(RECOVER_MS + 1000);
	CHECK_EQ(world.nodes[1].n_joined, 3);
	world_end();
}

int main(void)
{
	RUN(joins_alone_and_together);
	RUN(first_asker_masters);
	RUN(holder_hears_who_is_blocked);
	RUN(value_block_goes_round);
	RUN(cancels);
	RUN(conversions_that_stop_each_other);
	RUN(flags_come_back);
	RUN(master_leaves_with_locks_held);
	RUN(owner_leaves);
	RUN(names_are_found_after_a_member_came);
	RUN(operations_wait_for_recovery);
	RUN(unused_names_are_removed);
	RUN(new_link_repeats_what_it_lost);
	return check_done();
}
