/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of calls that fail under the server of the topology and its clients: each of them
 * in turn fails once, the first, the second and so on. An operation that it refuses works the next
 * time, and all is given back. Knows nothing of what the calls are for.
 * run.sh: timeout=200 waits
 */
#include "tests/lib/failing_each.h"

#include "services/packet.h"
#include "services/server_listen.h"
#include "services/sinew-control.h"
#include "tests/lib/cluster.h"

#define TYPE		100u
#define TRIES		3u		/* of an operation: one failure is in its way */

static const char *name;

struct told {
	unsigned n_published, n_current, n_ended;
	struct sinew_subscription *sub;
};

static unsigned may_all(void *arg, int fd, const struct ucred *who)
{
	(void)arg;
	(void)fd;
	(void)who;
	return SERVER_READS | SERVER_WRITES;
}

static void on_event(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct told *t = user;

	(void)sub;
	t->n_published += msg->event == SINEW_TOPO_PUBLISHED;
	t->n_current += msg->event == SINEW_TOPO_CURRENT;
	t->n_ended += msg->event == SINEW_TOPO_REFUSED;
}

/* To the program at a socket, whose publications outlive their server, no other failure is told. */
static bool publish(struct sinew_topo *topo, bool is_local, uint64_t *ret_id)
{
	int err = sinew_topo_publish(topo, TYPE, 1, 1, SINEW_SCOPE_NODE, "abc", 3, ret_id);

	CHECK(is_local || !err || err == -ENOMEM || err == -EAGAIN);
	return !err;
}

/* Subscribes and publishes until it is told of that, however often it is refused. */
static bool use(struct sinew_topo *topo, bool is_local)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof filter, .type = TYPE, .upper = UINT32_MAX, .timeout_ms = -1,
	};
	int64_t until = now_ms() + PATIENCE_MS;
	struct sinew_topo_status st = { .size = sizeof st };
	struct told told = { .n_ended = 1 };
	uint64_t n_refused = UINT64_MAX, id = 0;

	while (now_ms() < until && !told.n_published) {
		if (told.n_ended) {
			sinew_topo_cancel(told.sub);
			told = (struct told) { .n_ended = 0 };
			if (sinew_topo_subscribe(topo, &filter, on_event, &told, &told.sub))
				told.n_ended = 1;
		}
		sinew_topo_status(topo, &st);
		if (n_refused != st.n_refused && publish(topo, is_local, &id))
			n_refused = st.n_refused;
		if (sinew_topo_dispatch(topo, 5) == -ESHUTDOWN)
			break;
	}
	sinew_topo_cancel(told.sub);
	if (id)
		sinew_topo_withdraw(topo, id);
	return told.n_published;
}

static bool use_local(struct sinew_node *n)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct sinew_topo *topo = NULL;
		bool good = !sinew_topo_open(n, &topo) && use(topo, true);

		sinew_topo_close(topo);
		if (good)
			return true;
	}
	return false;
}

static bool use_socket(void)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct sinew_topo *topo = NULL;
		bool good = !sinew_topo_connect(name, &topo) && use(topo, false);

		sinew_topo_close(topo);
		if (good)
			return true;
	}
	return false;
}

/* False: it was not reached any more. */
static bool try_plan(const struct plan *plan)
{
	static const struct plan none = { .call = CALLS };
	struct server_gate gate = { .may = may_all };
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct test_node t = { .id = 0 };
	unsigned fds = n_descriptors(), hits;
	long blocks = atomic_load(&failing.blocks);
	struct sinew_options o;
	int err;

	fast_options(&o, 1, &addr);
	o.log = NULL;
	o.own_thread = true;
	if (!node_open(&t, &o))
		return false;
	failing_begin(plan);
	err = sinew_topo_start(t.n, NULL, NULL);
	if (err) {
		CHECK_EQ(err, -atomic_load(&failing.hit_code));
		err = sinew_topo_start(t.n, NULL, NULL);
	}
	CHECK_EQ(err, 0);
	if (!err)
		err = server_listen(server_of(t.n), name, &gate);
	if (err && server_of(t.n)) {
		CHECK_EQ(err, -atomic_load(&failing.hit_code));
		err = server_listen(server_of(t.n), name, &gate);
	}
	CHECK_EQ(err, 0);
	if (!err) {
		CHECK(use_local(t.n));
		CHECK(use_socket());
	}
	node_free(&t);
	hits = atomic_load(&failing.hits);
	failing_begin(&none);
	if (!CHECK_EQ(n_descriptors(), fds) || !CHECK_EQ(atomic_load(&failing.blocks), blocks))
		printf("# %s, %u\n", calls[plan->call].name, plan->k);
	return hits;
}

static void without_memory(void)
{
	failing_each(failing_memory, try_plan);
}

static void without_descriptors(void)
{
	failing_each(failing_descriptors, try_plan);
	failing_one(CALL_timerfd_create, try_plan);
}

static void without_sockets(void)
{
	failing_each(failing_sockets, try_plan);
}

static void without_a_thread(void)
{
	failing_one(CALL_pthread_create, try_plan);
}

/* The program that has the name keeps it, and the node that wanted it gives all back. */
static void a_name_that_is_taken(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_control_options opt = { .size = sizeof opt, .name = name };
	unsigned fds = n_descriptors();
	long blocks = atomic_load(&failing.blocks);
	struct test_node t = { .id = 0 };
	struct sinew_calls *served = NULL;
	struct sinew_options o;
	int fd = -1;

	fast_options(&o, 1, &addr);
	o.log = NULL;
	o.own_thread = true;
	CHECK_EQ(packet_listen(name, &fd), 0);
	if (node_open(&t, &o) && CHECK_EQ(sinew_calls_new(t.n, NULL, &served), 0)) {
		opt.calls = served;
		CHECK_EQ(sinew_control_serve(t.n, &opt), -EADDRINUSE);
		CHECK_EQ(sinew_control_serve(t.n, &opt), -EADDRINUSE);
	}
	node_free(&t);
	sinew_calls_free(served);
	close(fd);
	CHECK_EQ(n_descriptors(), fds);
	CHECK_EQ(atomic_load(&failing.blocks), blocks);
}

int main(void)
{
	static char text[64];

	snprintf(text, sizeof text, "sinew/failures/%d", (int)getpid());
	name = text;
	RUN(without_memory);
	RUN(without_descriptors);
	RUN(without_sockets);
	RUN(without_a_thread);
	RUN(a_name_that_is_taken);
	return check_done();
}
