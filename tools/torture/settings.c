/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings of "sinew torture".
 * Knows nothing of how it is done.
 */
#include "tools/torture/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "membership/config.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/say.h"

#define KILL_MS		3
#define RESTART_MS	2000
#define RUN_MS		60000
#define LINGER_MS	30000
#define SEED_MAX	((uint64_t)9007199254740991)	/* exact in every reader of JSON */
#define SIZE		((size_t)1 << 20)
#define RINGS_BYTES	((uint64_t)1 << 30)	/* of all nodes together, if that is enough */
#define RING_MAX	((uint32_t)4 << 20)
#define RING_MIN	((uint32_t)256 << 10)

enum argument {
	OPT_ALL_PAIRS = 256, OPT_BREAKER, OPT_JSON, OPT_KILL_EVERY, OPT_KILLS, OPT_LINGER,
	OPT_LOG_LEVEL, OPT_NODES, OPT_PORT, OPT_PROCESSES, OPT_RESTART_EVERY, OPT_SECONDS,
	OPT_SEED, OPT_SIZE, OPT_SLOW,
};

static const struct option options[] = {
	{ "all-pairs", no_argument, NULL, OPT_ALL_PAIRS },
	{ "breaker", required_argument, NULL, OPT_BREAKER },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "kill-every", required_argument, NULL, OPT_KILL_EVERY },
	{ "kills", required_argument, NULL, OPT_KILLS },
	{ "linger", required_argument, NULL, OPT_LINGER },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "nodes", required_argument, NULL, OPT_NODES },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "processes", no_argument, NULL, OPT_PROCESSES },
	{ "restart-every", required_argument, NULL, OPT_RESTART_EVERY },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "slow", required_argument, NULL, OPT_SLOW },
	{ 0 },
};

static const char help[] =
	"usage: sinew torture [OPTION...]\n"
	"\n"
	"Runs nodes on this machine that send each other messages of all sizes while\n"
	"their connections are killed, nodes crash and restart, and some read slowly.\n"
	"Verifies the delivery of every message at the end.\n"
	"\n"
	"  --nodes N          2 to 64 nodes (5)\n"
	"  --processes        one process per node, killed by SIGKILL\n"
	"  --seconds S        duration (60, or as long as --kills takes)\n"
	"  --kills N          run until N connections were killed\n"
	"  --breaker self     the library resets its own connections\n"
	"  --breaker destroy  the kernel destroys them (as root)\n"
	"  --breaker none     kill no connections\n"
	"                     (default: destroy if permitted, else self)\n"
	"  --kill-every MS    interval between kills of the whole run (3)\n"
	"  --restart-every S  restart a node as a new incarnation every S s (2; 0: never)\n"
	"  --slow N           number of slow readers (1)\n"
	"  --size BYTES       longest message (1M; less from 32 nodes on)\n"
	"  --seed N           seed of messages, victims and restarts (random)\n"
	"  --port N           port of all nodes (21065)\n"
	"  --linger S         limit for all to be up and to close at the end (30)\n"
	"  --all-pairs        print a line per pair, whatever their number\n"
	"  --json             print the verdict as one JSON document\n"
	"  --log-level LEVEL  log level of the nodes: error (default), warning, info or debug\n"
	"  --help\n"
	"\n"
	"BYTES may end in k or M. Exit status: 0 passed, 1 failed, 2 usage or startup\n"
	"failed, 3 inconclusive: too few connections killed, or fewer than half of them\n"
	"carried unacknowledged data.\n";

const char *settings_breaker_name(enum settings_breaker breaker)
{
	switch (breaker) {
	case BREAKER_NONE:
		return "none";
	case BREAKER_SELF:
		return "self";
	case BREAKER_DESTROY:
		return "destroy";
	case BREAKER_BEST:
		break;
	}
	return "best";
}

static bool take_breaker(struct settings *s, const char *text)
{
	enum settings_breaker b;

	for (b = BREAKER_NONE; b < BREAKER_BEST; b++) {
		if (strcmp(text, settings_breaker_name(b)))
			continue;
		s->breaker = b;
		return true;
	}
	return false;
}

static int take_time(struct settings *s, int option, const char *text)
{
	if (option == OPT_SECONDS && (!options_seconds(text, &s->run_ms) || !s->run_ms))
		return options_refuse("seconds", text, "seconds from 0.001 to 1000000");
	if (option == OPT_RESTART_EVERY && !options_seconds(text, &s->restart_ms))
		return options_refuse("restart-every", text, "seconds from 0 to 1000000");
	if (option == OPT_LINGER && (!options_seconds(text, &s->linger_ms) || !s->linger_ms))
		return options_refuse("linger", text, "seconds from 0.001 to 1000000");
	return -1;
}

static int take_number(struct settings *s, int option, const char *text)
{
	uint64_t n = 0;

	if (option == OPT_NODES && config_number(text, 0, 2, SETTINGS_NODES_MAX, &n))
		return options_refuse("nodes", text, "2 to 64");
	if (option == OPT_KILLS && config_number(text, 0, 1, UINT32_MAX, &n))
		return options_refuse("kills", text, "1 to 4294967295");
	if (option == OPT_KILL_EVERY && config_number(text, 0, 1, 3600000, &n))
		return options_refuse("kill-every", text, "milliseconds from 1 to 3600000");
	if (option == OPT_SLOW && config_number(text, 0, 0, SETTINGS_NODES_MAX, &n))
		return options_refuse("slow", text, "0 to 64");
	if (option == OPT_SIZE && config_number(text, 1, 1, SETTINGS_SIZE_MAX, &n))
		return options_refuse("size", text, "bytes from 1 to 16M");
	if (option == OPT_SEED && config_number(text, 0, 0, SEED_MAX, &n))
		return options_refuse("seed", text, "0 to 9007199254740991");
	if (option == OPT_PORT && config_number(text, 0, 1, 65535, &n))
		return options_refuse("port", text, "1 to 65535");
	if (option == OPT_NODES)
		s->n_nodes = (unsigned)n;
	if (option == OPT_KILLS)
		s->kills = n;
	if (option == OPT_KILL_EVERY)
		s->kill_ms = (uint32_t)n;
	if (option == OPT_SLOW)
		s->n_slow = (unsigned)n;
	if (option == OPT_SIZE)
		s->size = (size_t)n;
	if (option == OPT_PORT)
		s->port = (uint16_t)n;
	if (option == OPT_SEED) {
		s->seed = n;
		s->has_seed = true;
	}
	return -1;
}

static int take_option(void *arg, int option, const char *text)
{
	struct settings *s = arg;

	switch ((enum argument)option) {
	case OPT_ALL_PAIRS:
		s->all_pairs = true;
		return -1;
	case OPT_JSON:
		s->json = true;
		return -1;
	case OPT_PROCESSES:
		s->processes = true;
		return -1;
	case OPT_BREAKER:
		if (!take_breaker(s, text))
			return options_refuse("breaker", text, "none, self or destroy");
		return -1;
	case OPT_LOG_LEVEL:
		if (!options_level(text, &s->level))
			return options_refuse("log-level", text,
					      "error, warning, info or debug");
		return -1;
	case OPT_LINGER:
	case OPT_RESTART_EVERY:
	case OPT_SECONDS:
		return take_time(s, option, text);
	case OPT_KILL_EVERY:
	case OPT_KILLS:
	case OPT_NODES:
	case OPT_PORT:
	case OPT_SEED:
	case OPT_SIZE:
	case OPT_SLOW:
		return take_number(s, option, text);
	}
	return STATUS_USAGE;
}

/* ---- what follows ---- */

static uint32_t power_of_two_below(uint64_t n)
{
	uint32_t p = RING_MIN;

	while (p < RING_MAX && (uint64_t)p * 2 <= n)
		p *= 2;
	return p;
}

/*
 * A ring is touched as a whole in time, and takes messages of half its size. All
 * rings of a node and one long message from each peer fit its memory.
 */
static void derive_memory(struct settings *s)
{
	uint64_t n_peers = s->n_nodes - 1;

	s->queue_bytes = power_of_two_below(RINGS_BYTES / (s->n_nodes * n_peers));
	if (!s->size)
		s->size = SIZE < s->queue_bytes / 2 ? SIZE : s->queue_bytes / 2;
	while (s->queue_bytes / 2 < s->size)
		s->queue_bytes *= 2;
	s->node_memory = n_peers * (s->queue_bytes + s->size) + 4 * s->size + (16u << 20);
}

/* Loop, listener and spare of each node; of each link an end, and one that replaces it. */
static void derive_descriptors(struct settings *s)
{
	uint64_t n = s->processes ? 1 : s->n_nodes;

	s->n_descriptors = 64 + n * (5 + 2 * (s->n_nodes - 1));
}

static int derive(struct settings *s)
{
	unsigned pid = (unsigned)getpid();
	uint32_t chance;

	if (!s->run_ms && !s->kills)
		s->run_ms = RUN_MS;
	if (s->n_slow > s->n_nodes) {
		say(SINEW_ERROR, "--slow %u: there are only %u nodes", s->n_slow, s->n_nodes);
		return STATUS_USAGE;
	}
	if (s->kills && s->breaker == BREAKER_NONE && !s->run_ms) {
		say(SINEW_ERROR, "--kills with --breaker none needs --seconds: nothing kills from "
		    "here");
		return STATUS_USAGE;
	}
	if (!s->has_seed)
		s->seed = getrandom(&chance, sizeof(chance), 0) == sizeof(chance) ? chance : pid;
	snprintf(s->net, sizeof(s->net), "127.%u.%u", pid / 250 % 250 + 1, pid % 250 + 1);
	derive_memory(s);
	derive_descriptors(s);
	return -1;
}

int settings_parse(struct settings *s, int argc, char **argv)
{
	const struct options o = {
		.name = "sinew torture",
		.help = help,
		.list = options,
		.take = take_option,
		.arg = s,
	};
	int rc;

	*s = (struct settings){
		.n_nodes = 5,
		.breaker = BREAKER_BEST,
		.kill_ms = KILL_MS,
		.restart_ms = RESTART_MS,
		.n_slow = 1,
		.port = SINEW_PORT,
		.linger_ms = LINGER_MS,
		.level = SINEW_ERROR,
	};
	rc = options_walk(&o, argc, argv);
	return rc >= 0 ? rc : derive(s);
}

int settings_raise_descriptors(const struct settings *s)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= s->n_descriptors)
		return STATUS_OK;
	if (limit.rlim_max >= s->n_descriptors) {
		limit.rlim_cur = limit.rlim_max;
		if (!setrlimit(RLIMIT_NOFILE, &limit))
			return STATUS_OK;
	}
	say(SINEW_ERROR, "%u nodes need %" PRIu64 " descriptors%s, the limit (RLIMIT_NOFILE) is %"
	    PRIu64 "; raise it, for example by \"ulimit -n %" PRIu64 "\" as root, or use fewer "
	    "nodes%s", s->n_nodes, s->n_descriptors, s->processes ? " in each process" : "",
	    (uint64_t)limit.rlim_max, s->n_descriptors,
	    s->processes ? "" : " or --processes");
	return STATUS_USAGE;
}

void settings_address(const struct settings *s, uint32_t id, struct sockaddr_storage *ret_addr)
{
	char text[32];

	snprintf(text, sizeof(text), "%s.%" PRIu32, s->net, id);
	memset(ret_addr, 0, sizeof(*ret_addr));
	sinew_parse_address(text, s->port, ret_addr);
}
