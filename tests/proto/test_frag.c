/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reassembly of long messages (proto/frag.h): what is taken, and what is not. */
#include "proto/frag.h"
#include "tests/lib/check.h"

#define MAX 1000u

static struct frag frag;
static uint8_t buf[MAX], body[MAX];

static void fresh(void)
{
	frag = (struct frag) { 0 };
	for (unsigned i = 0; i < MAX; i++) {
		body[i] = (uint8_t)(i * 3);
		buf[i] = 0xee;
	}
}

static enum frag_result add(size_t n, uint32_t total, uint32_t offset)
{
	return frag_add(&frag, body + offset % MAX, n, total, offset, MAX);
}

/* A message of 300 bytes of which 100 have come. */
static void under_way(void)
{
	fresh();
	frag_provide(&frag, buf);
	CHECK_EQ(add(100, 300, 0), FRAG_MORE);
}

static void three_fragments(void)
{
	fresh();
	CHECK(!frag_active(&frag));
	CHECK_EQ(add(100, 300, 0), FRAG_NEED_BUFFER);
	CHECK_EQ(add(100, 300, 0), FRAG_NEED_BUFFER);
	frag_provide(&frag, buf);
	CHECK_EQ(add(100, 300, 0), FRAG_MORE);
	CHECK(frag_active(&frag));
	CHECK_EQ(add(150, 300, 100), FRAG_MORE);
	CHECK_EQ(add(50, 300, 250), FRAG_DONE);
	CHECK_MEM(buf, body, 300);
	CHECK_EQ(buf[300], 0xee);
	CHECK(frag_take(&frag) == buf);
	CHECK(!frag_active(&frag));
	CHECK(frag_take(&frag) == NULL);
}

static void one_fragment_is_enough(void)
{
	fresh();
	frag_provide(&frag, buf);
	CHECK_EQ(add(1, 1, 0), FRAG_DONE);
	CHECK(frag_take(&frag) == buf);
}

static void length_at_the_limit(void)
{
	fresh();
	frag_provide(&frag, buf);
	CHECK_EQ(add(10, MAX + 1, 0), FRAG_BAD);
	CHECK_EQ(add(10, UINT32_MAX, 0), FRAG_BAD);
	CHECK_EQ(add(MAX, MAX, 0), FRAG_DONE);
	CHECK_MEM(buf, body, MAX);
}

static void empty_ones(void)
{
	fresh();
	frag_provide(&frag, buf);
	CHECK_EQ(add(0, 300, 0), FRAG_BAD);
	CHECK_EQ(add(0, 0, 0), FRAG_BAD);
	CHECK_EQ(add(10, 0, 0), FRAG_BAD);
	CHECK(!frag_active(&frag));
}

static void overlaps_and_holes(void)
{
	under_way();
	CHECK_EQ(add(100, 300, 0), FRAG_BAD);
	CHECK_EQ(add(100, 300, 99), FRAG_BAD);
	CHECK_EQ(add(100, 300, 101), FRAG_BAD);
	CHECK_EQ(add(100, 300, 0xffffffff), FRAG_BAD);
	CHECK_EQ(add(200, 300, 100), FRAG_DONE);
	CHECK_MEM(buf, body, 300);
	/* Nothing comes behind the end of a message that nobody took. */
	CHECK_EQ(add(1, 300, 300), FRAG_BAD);
}

static void past_the_announced_size(void)
{
	under_way();
	CHECK_EQ(add(201, 300, 100), FRAG_BAD);
	CHECK_EQ(frag_add(&frag, body, SIZE_MAX, 300, 100, MAX), FRAG_BAD);
	CHECK_EQ(buf[100], 0xee);
	CHECK_EQ(add(200, 300, 100), FRAG_DONE);
}

static void another_total(void)
{
	under_way();
	CHECK_EQ(add(100, 301, 100), FRAG_BAD);
	CHECK_EQ(add(100, 200, 100), FRAG_BAD);
	CHECK_EQ(add(100, 300, 100), FRAG_MORE);
}

/* The buffer was provided for another message: it may be too short for this one. */
static void provided_for_another_total(void)
{
	fresh();
	CHECK_EQ(add(10, 100, 0), FRAG_NEED_BUFFER);
	frag_provide(&frag, buf);
	CHECK_EQ(add(150, 200, 0), FRAG_BAD);
	CHECK_EQ(add(10, 99, 0), FRAG_BAD);
	CHECK_EQ(buf[0], 0xee);
	CHECK_EQ(add(100, 100, 0), FRAG_DONE);
}

static void begins_in_the_middle(void)
{
	fresh();
	frag_provide(&frag, buf);
	CHECK_EQ(add(100, 300, 100), FRAG_BAD);
	CHECK_EQ(buf[100], 0xee);
}

/* An incarnation ends: its half message is forgotten, the next one begins anew. */
static void given_up_half_way(void)
{
	under_way();
	CHECK(frag_take(&frag) == buf);
	CHECK_EQ(add(100, 300, 100), FRAG_BAD);
	CHECK_EQ(add(100, 200, 0), FRAG_NEED_BUFFER);
}

int main(void)
{
	RUN(three_fragments);
	RUN(one_fragment_is_enough);
	RUN(length_at_the_limit);
	RUN(empty_ones);
	RUN(overlaps_and_holes);
	RUN(past_the_announced_size);
	RUN(another_total);
	RUN(provided_for_another_total);
	RUN(begins_in_the_middle);
	RUN(given_up_half_way);
	return check_done();
}
