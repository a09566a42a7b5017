/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each function of service.h by itself: refusals, room, bulk, frames that are kept, times, threads,
 * and peers without a service. Streams of frames are in test_service.c.
 */
#include "tests/lib/toy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define PIECE	16384u

static struct test_node t[2];
static struct toy toys[2];

static bool is_up(void)
{
	DRIVE_PAIR(t, toys[0].h && toys[1].h && t[0].seen[2].session && t[1].seen[1].session);
	return toys[0].h && toys[1].h;
}

static void end(void)
{
	toys_free(t);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(toys[i].bad, 0);
}

/* ---- attaching ---- */

static void of_a_kernel(struct sinew_options *o)
{
	o->profile = SINEW_PROFILE_DLM;
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
}

static void refusals_of_attach(void)
{
	static const struct service_grant bad[] = {
		{ .slots = 15, .window = 1, .piece = 1 }, { .slots = 16, .piece = 1 },
		{ .slots = 16, .window = 1 }, { .slots = 16, .window = 1, .piece = 16385 },
	};

	memset(t, 0, sizeof t);
	CHECK_OR_RETURN(pair_open(t, NULL));
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(service_attach(t[0].n, &bad[i], &toy_ops, &toys[0]), -EINVAL);
	CHECK_EQ(service_attach(NULL, &toy_grant, &toy_ops, &toys[0]), -EINVAL);
	CHECK_EQ(service_attach(t[0].n, NULL, &toy_ops, &toys[0]), -EINVAL);
	CHECK_EQ(service_attach(t[0].n, &toy_grant, NULL, &toys[0]), -EINVAL);
	pair_turn(t);
	CHECK_EQ(service_attach(t[0].n, &toy_grant, &toy_ops, &toys[0]), -EBUSY);
	toys_free(t);
	CHECK_OR_RETURN(toys_open(t, toys, NULL));
	CHECK_EQ(service_attach(t[0].n, &toy_grant, &toy_ops, &toys[0]), -EBUSY);
	end();
	memset(t, 0, sizeof t);
	CHECK_OR_RETURN(pair_open(t, of_a_kernel));
	CHECK_EQ(service_attach(t[0].n, &toy_grant, &toy_ops, &toys[0]), -EINVAL);
	toys_free(t);
}

/* No function is called, nothing is taken, and messages go on. */
static void peer_without(void)
{
	struct span part = { (const uint8_t *)"?", 1 };
	uint64_t begin = 7, to = 7;

	memset(t, 0, sizeof t);
	memset(toys, 0, sizeof toys);
	CHECK_OR_RETURN(pair_open(t, NULL));
	toys[0].deadline_ns = UINT64_MAX;
	CHECK_EQ(service_attach(t[0].n, &toy_grant, &toy_ops, &toys[0]), 0);
	DRIVE_PAIR(t, t[0].seen[2].session && t[1].seen[1].session);
	for (unsigned i = 0; i < 2; i++) {
		struct sinew_session *h = t[i].seen[2 - i].session;

		CHECK_EQ(service_put(h, &part, 1, 1, SERVICE_SHORT, &begin, &to), -EOPNOTSUPP);
		CHECK(begin == 7 && to == 7 && !service_data(h));
		CHECK_EQ(sinew_send(h, "message", 8), 0);
	}
	DRIVE_PAIR(t, t[0].seen[2].messages == 1 && t[1].seen[1].messages == 1);
	CHECK_EQ(sinew_break(t[0].n, 2), 0);
	CHECK_EQ(sinew_session_finish(t[0].seen[2].session), 0);
	DRIVE_PAIR(t, t[1].seen[1].finishes == 1);
	toys_free(t);
	CHECK(!toys[0].ups && !toys[0].downs && !toys[0].losses && !toys[0].finishings);
	CHECK_EQ(toys[0].freeds, 1);
}

static void by_membership(struct sinew_options *o)
{
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
}

static void put_one(struct toy *toy)
{
	CHECK_EQ(toy_put(toy, 100, false), 0);
}

/* Its FIN is queued before a link comes: nothing can be sent behind that, so the service must not
 * hear of the session, nor of what the peer sends. */
static void closed_before_it_is_up(void)
{
	CHECK_OR_RETURN(toys_open(t, toys, by_membership));
	CHECK_EQ(sinew_peer_joined(t[0].n, 2, sinew_incarnation(t[1].n)), 0);
	pair_turn(t);
	CHECK_EQ(sinew_close(t[0].n, 20000), 0);
	pair_turn(t);
	CHECK_EQ(sinew_peer_joined(t[1].n, 1, sinew_incarnation(t[0].n)), 0);
	toys[1].on_up = put_one;
	DRIVE_PAIR(t, t[0].closed && toys[1].downs);
	CHECK(t[0].closed && !toys[0].ups && !toys[0].finishings && !toys[0].n_came);
	end();
}

/* ---- room ---- */

static void limits_of_a_frame(void)
{
	struct sinew_session *h;
	size_t most;

	CHECK_OR_RETURN(toys_open(t, toys, NULL) && is_up());
	h = sinew_session_ref(toys[0].h);
	most = service_max(h);
	CHECK_EQ(most, 65535 - 40);
	CHECK_EQ(toy_put(&toys[0], most + 1, false), -EMSGSIZE);
	CHECK_EQ(toy_put(&toys[0], most, false), 0);
	CHECK_EQ(service_put(h, NULL, 0, 0, SERVICE_SHORT, NULL, NULL), 0);
	/* An empty frame is no body of the toy. */
	DRIVE_PAIR(t, toys[1].n_came == 1 && toys[1].bad);
	toys[1].bad = 0;
	CHECK_EQ(sinew_session_abort(h), 0);
	DRIVE_PAIR(t, toys[0].downs == 1);
	CHECK_EQ(service_put(h, NULL, 0, 0, SERVICE_SHORT, NULL, NULL), -ESTALE);
	sinew_session_unref(h);
	end();
}

static void behind_a_slot(void)
{
	struct sinew_slot slot;

	CHECK_OR_RETURN(toys_open(t, toys, NULL) && is_up());
	CHECK_EQ(sinew_reserve(toys[0].h, 100, &slot), 0);
	CHECK_EQ(toy_put(&toys[0], 100, false), -EAGAIN);
	pair_turn(t);
	CHECK_EQ(toys[0].rooms, 0);
	CHECK_EQ(sinew_discard(&slot), 0);
	DRIVE_PAIR(t, toys[0].rooms == 1);
	CHECK_EQ(toy_put(&toys[0], 100, false), 0);
	DRIVE_PAIR(t, toys[0].echoes_in == 1);
	end();
}

#define BULK	300u		/* frames in all */

static uint64_t accepted;	/* bytes of bulk in one callback */

static void put_bulk(struct toy *toy)
{
	accepted = 0;
	while (toy->n_frames < BULK && !toy_put(toy, PIECE, true))
		accepted += PIECE;
}

static void begin_bulk(struct toy *toy)
{
	put_bulk(toy);
	/* It keeps near the socket: others pass. */
	toy->bad += accepted < SERVICE_AHEAD / 2 || accepted > SERVICE_AHEAD;
	toy->bad += toy_put(toy, 100, false) != 0;
	toy->bad += toy_send(toy, 100) != 0;
}

static void bulk_keeps_near(void)
{
	CHECK_OR_RETURN(toys_open(t, toys, NULL));
	toys[0].on_up = begin_bulk;
	toys[0].on_room = put_bulk;
	toys[1].silent = true;
	CHECK_OR_RETURN(is_up());
	DRIVE_PAIR(t, toys[1].n_came == BULK || toys[0].bad);
	CHECK(toys[0].rooms >= BULK * PIECE / SERVICE_AHEAD - 2);
	CHECK(toys[0].rooms <= 2 * BULK * PIECE / SERVICE_AHEAD + 2);
	CHECK_EQ(toys[1].n_came, BULK);
	end();
}

/* The queue is full, and comes free with the peer's ACKs. */
static void small_queue(struct sinew_options *o)
{
	o->queue_bytes = 256 * 1024;
}

static void full_queue(void)
{
	CHECK_OR_RETURN(toys_open(t, toys, small_queue) && is_up());
	while (!toy_put(&toys[0], PIECE, false))
		;
	CHECK(toys[0].n_frames >= 14);
	DRIVE_PAIR(t, toys[0].rooms == 1);
	CHECK_EQ(toy_put(&toys[0], PIECE, false), 0);
	DRIVE_PAIR(t, toys[0].echoes_in == toys[0].n_frames);
	CHECK_EQ(toys[0].rooms, 1);
	end();
}

/* ---- keeping ---- */

#define KEPT 64

static struct {
	struct sinew_kept *kept[KEPT];
	unsigned n, wrong;
	bool copied;		/* of the last one */
} keeper;

static void keep(struct toy *toy, const uint8_t *body, size_t len)
{
	struct sinew_kept *k;

	if (keeper.n == KEPT)
		return;
	keeper.wrong += service_keep(toy->h, body, len + 1, &k) != -EINVAL;
	keeper.wrong += service_keep(toy->h, body - 1, len, &k) != -EINVAL;
	keeper.wrong += service_keep(toy->h, body + 1, len, &k) != -EINVAL;
	if (service_keep(toy->h, body + 8, len - 8, &keeper.kept[keeper.n])) {
		keeper.wrong++;
		return;
	}
	k = keeper.kept[keeper.n++];
	keeper.copied = sinew_kept_data(k) != body + 8;
	keeper.wrong += sinew_kept_len(k) != len - 8 ||
		memcmp(sinew_kept_data(k), body + 8, len - 8);
}

static void small_budget(struct sinew_options *o)
{
	o->receive_bytes = 256 * 1024;
}

static void frames_are_kept(void)
{
	struct sinew_kept *none;
	unsigned kept;

	memset(&keeper, 0, sizeof keeper);
	CHECK_OR_RETURN(toys_open(t, toys, small_budget) && is_up());
	toys[1].on_frame = keep;
	CHECK_EQ(service_keep(toys[1].h, (const uint8_t *)"", 0, &none), -EINVAL);
	CHECK_EQ(toy_put(&toys[0], 8 + PIECE - 1, false), 0);
	DRIVE_PAIR(t, keeper.n == 1);
	CHECK(keeper.copied);
	CHECK_EQ(toy_put(&toys[0], 8 + PIECE, false), 0);
	DRIVE_PAIR(t, keeper.n == 2);
	CHECK(!keeper.copied);
	/* Over its budget the session is read no more. */
	for (unsigned i = 0; i < 30; i++)
		CHECK_EQ(toy_put(&toys[0], 20000, false), 0);
	DRIVE_PAIR(t, node_status(&t[0]).peer_paused);
	kept = keeper.n;
	CHECK(kept < 20);
	while (keeper.n)
		sinew_release(keeper.kept[--keeper.n]);
	toys[1].on_frame = NULL;
	DRIVE_PAIR(t, toys[1].n_came == 32);
	CHECK_EQ(keeper.wrong, 0);
	end();
}

/* ---- time ---- */

static void ticks(void)
{
	uint64_t from = service_now();

	CHECK_OR_RETURN(toys_open(t, toys, NULL));
	/* As it was when it was attached. */
	toys[0].deadline_ns = from + 5000000;
	DRIVE_PAIR(t, toys[0].ticks == 1);
	CHECK(service_now() >= from + 5000000);
	CHECK_OR_RETURN(is_up());
	toys[0].deadline_ns = service_now() + 10000000;
	service_wake(t[0].n);
	DRIVE_PAIR(t, toys[0].ticks == 2);
	toys[0].deadline_ns = 0;	/* long ago */
	service_wake(t[0].n);
	DRIVE_PAIR(t, toys[0].ticks == 3);
	CHECK_EQ(toys[1].ticks, 0);
	end();
}

/* ---- threads ---- */

#define N_THREADS	3u
#define BY_EACH		5000u

static void own_threads(struct sinew_options *o)
{
	o->own_thread = true;
}

/* Of node 1; in frames of threads the order of one thread is certain. */
static struct {
	struct sinew_node *n;
	struct sinew_session *_Atomic h;
	_Atomic unsigned rooms, ups, n_came, wrong;
	unsigned next[N_THREADS];
} shared;

static void shared_up(void *user, struct sinew_session *h, const struct service_grant *theirs)
{
	(void)user, (void)theirs;
	service_set_data(h, &shared);
	atomic_store(&shared.h, h);
}

static void shared_room(void *user, struct sinew_session *h)
{
	(void)user, (void)h;
	atomic_fetch_add(&shared.rooms, 1);
}

static void shared_frame(void *user, struct sinew_session *h, const uint8_t *body, size_t len)
{
	uint32_t from, number;

	(void)user, (void)h;
	memcpy(&from, body, 4);
	memcpy(&number, body + 4, 4);
	if (len < 8 || from >= N_THREADS || shared.next[from]++ != number)
		atomic_fetch_add(&shared.wrong, 1);
	atomic_fetch_add(&shared.n_came, 1);
}

static void *puts_frames(void *arg)
{
	uint32_t body[2000] = { (uint32_t)(uintptr_t)arg };
	struct span part = { (const uint8_t *)body, 8 };

	for (body[1] = 0; body[1] < BY_EACH; ) {
		unsigned rooms = atomic_load(&shared.rooms);
		bool bulk = body[0] == 1;
		int err;

		part.n = bulk ? sizeof body : 8 + body[1] % 600;
		err = service_put(shared.h, &part, 1, part.n,
				  bulk ? SERVICE_BULK : SERVICE_SHORT, NULL, NULL);
		if (!err)
			body[1]++;
		else if (err != -EAGAIN)
			break;
		/* room() follows. */
		else if (!AWAIT(atomic_load(&shared.rooms) != rooms))
			break;
	}
	return NULL;
}

static void from_any_thread(void)
{
	static const struct service_ops sender = { .up = shared_up, .room = shared_room };
	static const struct service_ops reader = { .frame = shared_frame };
	struct sockaddr_storage own[2] = { host_address(1), host_address(2) };
	struct sinew_node *n[2];
	pthread_t threads[N_THREADS];
	struct sinew_options o;

	memset(&shared, 0, sizeof shared);
	for (unsigned i = 0; i < 2; i++) {
		fast_options(&o, i + 1, &own[i]);
		small_queue(&o);
		own_threads(&o);
		CHECK_OR_RETURN(sinew_node_new(&o, NULL, NULL, &n[i]) == 0);
		CHECK_EQ(service_attach(n[i], &toy_grant, i ? &reader : &sender, NULL), 0);
		CHECK_EQ(sinew_peer_add(n[i], 2 - i, &own[!i], 1), 0);
		CHECK_EQ(service_attach(n[i], &toy_grant, &reader, NULL), -EBUSY);
	}
	AWAIT(atomic_load(&shared.h) != NULL);
	for (unsigned i = 0; i < N_THREADS && shared.h; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, puts_frames, (void *)(uintptr_t)i), 0);
	for (unsigned i = 0; i < N_THREADS && shared.h; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	AWAIT(atomic_load(&shared.n_came) == N_THREADS * BY_EACH);
	CHECK_EQ(shared.wrong, 0);
	CHECK(shared.rooms > 0);
	for (unsigned i = 0; i < 2; i++)
		sinew_node_free(n[i]);
}

int main(void)
{
	RUN(refusals_of_attach);
	RUN(peer_without);
	RUN(closed_before_it_is_up);
	RUN(limits_of_a_frame);
	RUN(behind_a_slot);
	RUN(bulk_keeps_near);
	RUN(full_queue);
	RUN(frames_are_kept);
	RUN(ticks);
	RUN(from_any_thread);
	return check_done();
}
