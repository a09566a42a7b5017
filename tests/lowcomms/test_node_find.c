/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of sinew_session_find(): whose session it gives, from when until when, and
 * that other threads may ask while sessions end. Knows the public header only.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/lib/cluster.h"

#define INCARNATIONS	10

static void finds_itself(struct test_node *t, struct sinew_session *p)
{
	struct sinew_session *h = sinew_session_find(t->n, sinew_session_nodeid(p));

	t->seen[sinew_session_nodeid(p)].bad += h != p;
	sinew_session_unref(h);
}

/* A session found stays valid memory, and is not found any more. */
static void the_present_session_is_found(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_session *h, *next;

	CHECK(!sinew_session_find(NULL, 2));
	CHECK(!sinew_session_find(c->t[1].n, 2));
	c->t[1].on_up = finds_itself;
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	CHECK(!sinew_session_find(c->t[1].n, 1));
	CHECK(!sinew_session_find(c->t[1].n, 3));
	h = sinew_session_find(c->t[1].n, 2);
	CHECK_OR_RETURN(CHECK(h && h == c->t[1].seen[2].session));
	CHECK_EQ(sinew_send(h, "x", 1), 0);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	CHECK_EQ(sinew_self_lost(c->t[2].n), 0);
	DRIVE(c, c->t[1].seen[2].ups == 2);
	CHECK_EQ(sinew_send(h, "x", 1), -ESTALE);
	next = sinew_session_find(c->t[1].n, 2);
	CHECK(next && next != h && next == c->t[1].seen[2].session);
	CHECK_EQ(sinew_session_incarnation(next), sinew_incarnation(c->t[2].n));
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 2), 0);
	CHECK(!sinew_session_find(c->t[1].n, 2));
	DRIVE(c, c->t[1].seen[2].downs == 2);
	sinew_node_free(c->t[1].n);
	c->t[1].n = NULL;
	CHECK_EQ(sinew_session_nodeid(h), 2);
	CHECK_EQ(sinew_send(next, "x", 1), -ESTALE);
	sinew_session_unref(h);
	sinew_session_unref(next);
	cluster_free(c);
}

static struct {
	struct sinew_node *n;
	_Atomic bool ends;
	_Atomic unsigned found, bad;
} seeker;

static void *seek(void *arg)
{
	(void)arg;
	while (!atomic_load(&seeker.ends)) {
		struct sinew_session *h = sinew_session_find(seeker.n, 2);
		int err = h ? sinew_send(h, "x", 1) : 0;
		bool good = !err || err == -EAGAIN || err == -ESHUTDOWN || err == -ESTALE;

		atomic_fetch_add(&seeker.found, h && !err);
		atomic_fetch_add(&seeker.bad, !good || (h && sinew_session_nodeid(h) != 2));
		sinew_session_unref(h);
	}
	return NULL;
}

static void others_find_it_while_sessions_end(void)
{
	struct cluster *c = cluster_new(2, NULL);
	pthread_t threads[2];

	seeker.n = c->t[1].n;
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, seek, NULL), 0);
	for (unsigned i = 1; i <= INCARNATIONS; i++) {
		unsigned found = atomic_load(&seeker.found);

		DRIVE(c, c->t[1].seen[2].ups >= i && atomic_load(&seeker.found) > found);
		CHECK_EQ(sinew_self_lost(c->t[2].n), 0);
		DRIVE(c, c->t[1].seen[2].downs >= i);
	}
	atomic_store(&seeker.ends, true);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(atomic_load(&seeker.bad), 0);
	cluster_free(c);
}

int main(void)
{
	RUN(the_present_session_is_found);
	RUN(others_find_it_while_sessions_end);
	return check_done();
}
