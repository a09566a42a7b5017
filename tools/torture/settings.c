/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings of "sinew torture".
 * Knows nothing of how it is done.
 */
#include "tools/torture/torture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/options.h"
#include "tools/random.h"
#include "tools/say.h"

#define KILL_MS		3
#define KILL_MAX_MS	3600000
#define RESTART_MS	2000
#define RUN_MS		60000
#define LINGER_MS	30000
#define SEED_MAX	((uint64_t)9007199254740991)	/* exact in every reader of JSON */
#define SIZE		((size_t)1 << 20)
#define RINGS_BYTES	((uint64_t)1 << 30)	/* of all nodes together, if that is enough */
#define RING_MAX	((uint32_t)4 << 20)
#define RING_MIN	((uint32_t)256 << 10)

const char *const settings_breakers[] = {
	[BREAKER_NONE] = "none", [BREAKER_SELF] = "self", [BREAKER_DESTROY] = "destroy", NULL,
};

const char *const settings_transports[] = {
	[TRANSPORT_TCP] = "tcp", [TRANSPORT_SCTP] = "sctp", [TRANSPORT_SCTP_USER] = "sctp-user",
	NULL,
};

static const struct option_row rows[] = {
	OPTION_NUMBER("nodes", struct settings, n_nodes, 2, SETTINGS_NODES_MAX, "N",
		      "2 to 64 nodes (5)"),
	OPTION_FLAG("processes", struct settings, processes,
		    "one process per node, killed by SIGKILL"),
	OPTION_SECONDS("seconds", struct settings, run_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "duration (60, or as long as --kills takes)"),
	OPTION_NUMBER("kills", struct settings, kills, 1, UINT32_MAX, "N",
		      "run until N connections were killed"),
	OPTION_WORD("transport", struct settings, transport, TRANSPORT_TCP, settings_transports,
		    "tcp", "carry links by TCP (the default)"),
	OPTION_HELP("--transport sctp", "by the SCTP of the kernel"),
	OPTION_HELP("--transport sctp-user", "by SCTP in user land"),
	OPTION_WORD("breaker", struct settings, breaker, BREAKER_NONE, settings_breakers, "self",
		    "the library resets its own connections"),
	OPTION_HELP("--breaker destroy", "the kernel destroys them (as root)"),
	OPTION_HELP("--breaker none", "kill no connections\n"
		    "(default: destroy if permitted, else self)"),
	OPTION_MS("kill-every", struct settings, kill_ms, 1, KILL_MAX_MS,
		  "interval between kills of the whole run (3)"),
	OPTION_SECONDS("restart-every", struct settings, restart_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "restart a node as a new incarnation every S s (2; 0: never)"),
	OPTION_NUMBER("slow", struct settings, n_slow, 0, SETTINGS_NODES_MAX, "N",
		      "number of slow readers (1)"),
	OPTION_SIZE("size", struct settings, size, 1, SETTINGS_SIZE_MAX,
		    "longest message (1M; less from 32 nodes on)"),
	OPTION_FLAG("calls", struct settings, calls,
		    "calls instead of messages; verify what became of each"),
	OPTION_NUMBER("seed", struct settings, seed, 0, SEED_MAX, "N",
		      "seed of messages, victims and restarts (random)"),
	OPTION_NUMBER("port", struct settings, port, 1, UINT16_MAX, "N",
		      "port of all nodes (21065)"),
	OPTION_SECONDS("linger", struct settings, linger_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "limit for all to be up and to close at the end (30)"),
	OPTION_FLAG("all-pairs", struct settings, all_pairs,
		    "print a line per pair, whatever their number"),
	OPTION_FLAG("json", struct settings, json, "print the verdict as one JSON document"),
	OPTION_LEVEL("log-level", struct settings, level, "LEVEL",
		     "log level of the nodes: error (default), warning, info or debug"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew torture",
	.usage =
		"usage: sinew torture [OPTION...]\n"
		"\n"
		"Runs nodes on this machine that send each other messages of all sizes while\n"
		"their connections are killed, nodes crash and restart, and some read slowly.\n"
		"Verifies the delivery of every message at the end.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"BYTES may end in k or M. Exit status: 0 passed, 1 failed, 2 usage or startup\n"
		"failed, 3 inconclusive: too few connections killed, or fewer than half of them\n"
		"carried unacknowledged data.\n",
};

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
	if (s->transport != TRANSPORT_TCP && s->breaker == BREAKER_DESTROY) {
		say(SINEW_ERROR, "--breaker destroy: the kernel destroys connections of TCP alone; "
		    "with --transport %s use --breaker self", settings_transports[s->transport]);
		return STATUS_USAGE;
	}
	if (s->transport != TRANSPORT_TCP && s->breaker == BREAKER_BEST)
		s->breaker = BREAKER_SELF;
	snprintf(s->net, sizeof(s->net), "127.%u.%u", pid / 250 % 250 + 1, pid % 250 + 1);
	derive_memory(s);
	derive_descriptors(s);
	return -1;
}

int settings_parse(struct settings *s, int argc, char **argv)
{
	int rc;

	*s = (struct settings){
		.n_nodes = 5,
		.breaker = BREAKER_BEST,
		.kill_ms = KILL_MS,
		.restart_ms = RESTART_MS,
		.n_slow = 1,
		.seed = (uint32_t)random_seed(),
		.port = SINEW_PORT,
		.linger_ms = LINGER_MS,
		.level = SINEW_ERROR,
	};
	rc = options_parse(&table, s, argc, argv);
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
