/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of a configuration that several threads read at the same time, while others load
 * theirs. The thread sanitizer is the judge. Uses the public API.
 */
#include <errno.h>
#include <pthread.h>

#include "tests/lib/check.h"

#include "membership/sinew-config.h"

#define THREADS		5
#define ROUNDS		300

static const char text[] =
	"totem {\n\tcluster_name: threads\n}\n"
	"nodelist {\n"
	"\tnode {\n\t\tnodeid: 1\n\t\tname: one\n\t\tring0_addr: 127.0.0.1\n\t}\n"
	"\tnode {\n\t\tnodeid: 2\n\t\tring0_addr: 127.0.0.2\n\t}\n"
	"}\n"
	"sinew {\n\tfence_command: /bin/true\n\tport: 21065\n}\n";

static struct sinew_config *shared;
static _Atomic unsigned n_wrong;

static struct sinew_config *load(void)
{
	struct sinew_config *config = NULL;

	if (sinew_config_parse("f", text, strlen(text), &config, NULL, 0) ||
	    sinew_config_resolve(config, -1, NULL, 0))
		n_wrong++;
	return config;
}

static bool reads(const struct sinew_config *config)
{
	struct sinew_config_fence fence = { .size = sizeof(fence) };
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	char err[SINEW_CONFIG_ERROR_MAX] = "";
	struct sinew_options opt;
	uint32_t ids[2];

	SINEW_OPTIONS_INIT(&opt);
	sinew_config_explain(config, 1, -EADDRINUSE, err, sizeof(err));
	return err[0] && !strcmp(sinew_config_cluster(config), "threads") &&
		!strcmp(sinew_config_name(config, 1), "one") &&
		sinew_config_nodes(config, ids, 2) == 2 && ids[1] == 2 &&
		sinew_config_addrs(config, 2, addrs) == 1 &&
		!sinew_config_unresolved(config, 0, NULL, 0) &&
		!sinew_config_own(config, 1, NULL, 0) &&
		!sinew_config_options(config, 1, &opt, NULL, 0) && opt.nodeid == 1 &&
		!sinew_config_fence(config, &fence) && !strcmp(fence.command, "/bin/true");
}

static void *run(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct sinew_config *own = load();

		n_wrong += !reads(shared);
		n_wrong += !reads(own);
		sinew_config_free(own);
	}
	return NULL;
}

static void all_threads_may_read(void)
{
	pthread_t threads[THREADS];
	unsigned n = 0;

	shared = load();
	CHECK_OR_RETURN(shared);
	while (n < THREADS && !pthread_create(&threads[n], NULL, run, NULL))
		n++;
	CHECK_EQ(n, THREADS);
	while (n)
		pthread_join(threads[--n], NULL);
	CHECK_EQ(n_wrong, 0);
	sinew_config_free(shared);
}

int main(void)
{
	RUN(all_threads_may_read);
	return check_done();
}
