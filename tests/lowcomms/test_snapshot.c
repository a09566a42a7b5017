/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of snapshots: a copy that is read belongs together, while another thread writes all
 * the time or has written half. Knows nothing of what they are used for.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "lowcomms/snapshot.h"
#include "tests/lib/check.h"

#define CHANGES		200u	/* copies that differ from the one before */
#define READS_MAX	10000000u
#define YIELDS		1000u	/* enough for a read that does not wait */

struct copy {
	uint64_t word[SNAPSHOT_WORDS];
};

static struct snapshot shared;
static _Atomic bool stop;

static void *write_on(void *arg)
{
	struct copy c;

	(void)arg;
	for (uint64_t n = 1; !stop; n++) {
		for (unsigned i = 0; i < SNAPSHOT_WORDS; i++)
			c.word[i] = n;
		snapshot_write(&shared, &c, sizeof c);
		/* A reader needs a moment without a write. */
		if (n % 8 == 0)
			sched_yield();
	}
	return NULL;
}

static bool is_whole(const struct copy *c)
{
	for (unsigned i = 1; i < SNAPSHOT_WORDS; i++)
		if (c->word[i] != c->word[0])
			return false;
	return true;
}

static void a_copy_belongs_together(void)
{
	unsigned changes = 0, reads = 0;
	struct copy c, before = { .word = { 0 } };
	bool whole = true, grows = true;
	pthread_t writer;

	if (pthread_create(&writer, NULL, write_on, NULL))
		abort();
	for (; changes < CHANGES && reads < READS_MAX && whole && grows; reads++) {
		snapshot_read(&shared, &c, sizeof c);
		whole = is_whole(&c);
		grows = c.word[0] >= before.word[0];
		if (c.word[0] == before.word[0])
			sched_yield();
		else
			changes++;
		before = c;
	}
	stop = true;
	pthread_join(writer, NULL);
	CHECK(whole);
	CHECK(grows);
	CHECK_EQ(changes, CHANGES);
}

static _Atomic bool begun, ended;

static void *read_once(void *arg)
{
	begun = true;
	snapshot_read(&shared, arg, sizeof(struct copy));
	ended = true;
	return NULL;
}

static void half_a_copy_is_waited_for(void)
{
	struct copy c, two;
	pthread_t reader;

	for (unsigned i = 0; i < SNAPSHOT_WORDS; i++)
		two.word[i] = 2;
	snapshot_write(&shared, &two, sizeof two);
	shared.version++;
	shared.words[0] = 3;
	if (pthread_create(&reader, NULL, read_once, &c))
		abort();
	for (unsigned i = 0; (i < YIELDS && !ended) || !begun; i++)
		sched_yield();
	CHECK(!ended);
	shared.words[0] = 2;
	shared.version++;
	pthread_join(reader, NULL);
	CHECK_MEM(&c, &two, sizeof c);
}

static void a_shorter_one_leaves_the_rest(void)
{
	struct copy c, zero = { .word = { 0 } };
	const uint64_t one = 1;

	snapshot_write(&shared, &zero, sizeof zero);
	snapshot_write(&shared, &one, sizeof one);
	memset(&c, 0xff, sizeof c);
	snapshot_read(&shared, &c, sizeof one);
	CHECK_EQ(c.word[0], 1);
	CHECK(c.word[1] == UINT64_MAX);
	snapshot_read(&shared, &c, sizeof c);
	CHECK(c.word[0] == 1 && !c.word[1] && !c.word[SNAPSHOT_WORDS - 1]);
}

/* As a struct may on a machine of 32 bits. */
static void one_may_end_in_the_middle_of_a_word(void)
{
	static const uint8_t put[12] = "hello world";
	uint8_t got[16];

	memset(got, 0xff, sizeof got);
	snapshot_write(&shared, put, sizeof put);
	snapshot_read(&shared, got, sizeof put);
	CHECK_MEM(got, put, sizeof put);
	CHECK(got[12] == 0xff && got[15] == 0xff);
}

int main(void)
{
	RUN(a_copy_belongs_together);
	RUN(half_a_copy_is_waited_for);
	RUN(a_shorter_one_leaves_the_rest);
	RUN(one_may_end_in_the_middle_of_a_word);
	return check_done();
}
