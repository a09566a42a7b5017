/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of many threads that ask one control socket, and change options by it. Most useful
 * under a thread sanitizer. Knows nothing of what is answered beyond errors.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "services/sinew-control.h"
#include "tests/lib/cluster.h"

#define THREADS		4u
#define ROUNDS		60u

static char name[SINEW_CONTROL_NAME_MAX];
static _Atomic unsigned n_bad, n_answers;

static void *ask(void *arg)
{
	static const char *const requests[] = {
		"{\"schema\":1,\"ask\":\"status\"}",
		"{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"ack_ms\":\"4\"}}",
		"{\"schema\":1,\"ask\":\"config-get\"}",
		"{\"schema\":1,\"ask\":\"subscribers\"}",
		"{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"ack_ms\":\"6\"}}",
	};
	unsigned first = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		char *answer = NULL;
		int err = sinew_control_ask(name, requests[(first + i) % 5],
					    (int)time_limit(PATIENCE_MS), &answer);

		if (err || strstr(answer, "\"error\":"))
			atomic_fetch_add(&n_bad, 1);
		else
			atomic_fetch_add(&n_answers, 1);
		sinew_control_free(answer);
	}
	return NULL;
}

static void threads_ask_at_once(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	const struct sinew_control_options opt = { .size = sizeof opt, .name = name };
	pthread_t threads[THREADS];
	struct sinew_options o;
	struct sinew_node *n;

	fast_options(&o, 1, &addr);
	o.own_thread = true;
	snprintf(name, sizeof name, "sinew/threads-%d", (int)getpid());
	if (!CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0))
		return;
	CHECK_EQ(sinew_control_serve(n, &opt), 0);
	CHECK_EQ(sinew_control_serve(n, &opt), -EEXIST);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, ask, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(atomic_load(&n_bad), 0);
	CHECK_EQ(atomic_load(&n_answers), THREADS * ROUNDS);
	sinew_node_free(n);
}

int main(void)
{
	RUN(threads_ask_at_once);
	return check_done();
}
