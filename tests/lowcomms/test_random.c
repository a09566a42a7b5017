/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what nobody may guess: incarnations and the cookies of probes come from true
 * randomness, and from nothing else where there is none. Knows nothing of what they are good for.
 */
#include <sys/random.h>
#include <sys/syscall.h>

#include "proto/siphash.h"
#include "tests/lib/cluster.h"

#include "tests/lib/core_fixture.h"

static bool is_dry;
static unsigned n_refused;

/* In place of the C library's. */
ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
	if (!is_dry)
		return syscall(SYS_getrandom, buf, n, flags);
	n_refused++;
	errno = ENOSYS;
	return -1;
}

/* Key and values of the reference implementation. */
static void hash_of_the_reference(void)
{
	static const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };

	CHECK_EQ(siphash(key, 0x0706050403020100u), 0x93f5f5799a932462u);
}

/* The cookie of the next probe of a core with that secret; all else of it is the same. */
static void probes(uint64_t secret, uint64_t cookies[3])
{
	fixture_begin(true);
	fx->core.cfg.secret[0] = secret;
	for (unsigned i = 0; i < 3; i++) {
		struct wire *w = new_wire();
		struct frame f;
		struct probe q;

		link_dial(&fx->core, &w->link, &fx->peer[LOW], 0, true);
		link_connected(&w->link);
		gather(w);
		if (CHECK_EQ(frame_parse(w->out, w->n_out, &f), 0) &&
		    CHECK_EQ(frame_probe(&f, &q), 0))
			cookies[i] = q.cookie;
	}
}

static void cookies_are_not_to_be_guessed(void)
{
	uint64_t a[3] = { 0 }, b[3] = { 0 };

	probes(1, a);
	probes(2, b);
	for (unsigned i = 0; i < 3; i++) {
		/* Of all 64 bits. */
		CHECK(a[i] >> 32 && a[i] != b[i]);
		for (unsigned k = 0; k < i; k++)
			CHECK(a[i] != a[k] && a[i] != b[k]);
	}
}

static void without_randomness_there_is_no_node(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_options o;
	struct sinew_node *n = NULL;

	cluster_options(&o, 1, &addr);
	is_dry = true;
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), -ENOSYS);
	is_dry = false;
	CHECK(!n);
}

/* The old incarnation is over, and no new one begins before there is a number for it. */
static void a_new_incarnation_waits_for_randomness(void)
{
	struct cluster *c = cluster_new(2, NULL);
	uint64_t before;

	DRIVE(c, cluster_all_up(c));
	before = sinew_incarnation(c->t[1].n);
	n_refused = 0;
	is_dry = true;
	CHECK_EQ(sinew_self_lost(c->t[1].n), 0);
	DRIVE(c, n_refused >= 3);
	CHECK_EQ(sinew_incarnation(c->t[1].n), before);
	CHECK_EQ(c->t[1].self_losts, 0);
	is_dry = false;
	DRIVE(c, c->t[1].self_losts == 1);
	CHECK(sinew_incarnation(c->t[1].n) != before);
	DRIVE(c, cluster_all_up(c) && c->t[1].seen[2].ups == 2);
	cluster_free(c);
}

int main(void)
{
	RUN(hash_of_the_reference);
	RUN(cookies_are_not_to_be_guessed);
	RUN(without_randomness_there_is_no_node);
	RUN(a_new_incarnation_waits_for_randomness);
	return check_done();
}
