/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test that memory may run out while a node opens, learns of peers and
 * comes up: the k-th allocation fails, once or from then on, for every k. Linked
 * with --wrap for each allocator that the library calls.
 */
#include "tests/cluster.h"

#include <sys/mman.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t n);
void *__real_mmap(void *p, size_t n, int prot, int flags, int fd, off_t off);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t n);
void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t off);

static unsigned calls, fail_from, fail_to;	/* the calls that fail, from 1 */

static bool fails(void)
{
	calls++;
	if (calls < fail_from || calls > fail_to)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : __real_aligned_alloc(align, n);
}

void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t off)
{
	return fails() ? MAP_FAILED : __real_mmap(p, n, prot, flags, fd, off);
}

/* Opens a node with two peers. False: it could not, which must be said as -ENOMEM. */
static bool open_node(struct test_node *t)
{
	struct sockaddr_storage peer;
	struct sinew_options o;
	int err;

	memset(t, 0, sizeof *t);
	t->addr = free_address("127.0.0.1");
	cluster_options(&o, 1, &t->addr);
	err = sinew_node_new(&o, &cluster_callbacks, t, &t->n);
	for (uint32_t id = 2; !err && id < 4; id++) {
		sinew_address("127.0.0.2", 9, &peer);
		err = sinew_peer_add(t->n, id, &peer, 1);
	}
	if (!err)
		return true;
	CHECK_EQ(err, -ENOMEM);
	return false;
}

static void open_with_failures(bool once)
{
	static struct test_node t;
	unsigned k, refused = 0;
	bool hit = true;

	for (k = 1; hit && k < 200; k++) {
		bool open;

		calls = 0;
		fail_from = k;
		fail_to = once ? k : UINT32_MAX;
		open = open_node(&t);
		hit = calls >= k;
		fail_from = UINT32_MAX;
		CHECK(open || hit);
		refused += !open;
		sinew_node_free(t.n);
	}
	CHECK(!hit);
	CHECK(refused >= 3);
	printf("# %u allocations, %u of them refuse the call\n", k - 2, refused);
}

static void each_allocation_fails_once(void)
{
	open_with_failures(true);
}

static void from_each_allocation_on_all_fail(void)
{
	open_with_failures(false);
}

/* Later, a lack that passes must not leave the peers apart, nor lose anything. */
static void a_lack_while_coming_up_passes(void)
{
	for (unsigned k = 1; k <= 12; k++) {
		struct cluster *c = cluster_open(2, NULL);

		calls = 0;
		fail_from = k;
		fail_to = k + 2;
		DRIVE(c, cluster_all_up(c));
		fail_from = UINT32_MAX;
		CHECK_EQ(sinew_send(c->t[1].seen[2].peer, "still", 5), 0);
		DRIVE(c, c->t[2].seen[1].messages == 1);
		cluster_free(c);
	}
}

int main(void)
{
	fail_from = UINT32_MAX;
	RUN(each_allocation_fails_once);
	RUN(from_each_allocation_on_all_fail);
	RUN(a_lack_while_coming_up_passes);
	return check_done();
}
