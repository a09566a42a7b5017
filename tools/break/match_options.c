/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of those modes that hit whole connections.
 * Knows nothing of how one is hit.
 */
#include "tools/break/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "membership/config.h"
#include "tools/break/break.h"
#include "tools/options.h"
#include "tools/say.h"

#define EVERY_MS	1000		/* when there is an end, but no period */
#define LISTEN_MS	1000
#define EVERY_MAX_MS	3600000
#define COUNT_MAX	UINT64_C(1000000000000)
#define HELP_MAX	4096

enum order {
	OPT_ADDRESS = 256, OPT_BETWEEN, OPT_COUNT, OPT_DRY_RUN, OPT_EVERY, OPT_FOR, OPT_INTERFACE,
	OPT_JSON, OPT_LISTEN, OPT_NETNS, OPT_PORT, OPT_PROBE, OPT_RANDOM, OPT_SEED, OPT_STATS,
};

/* The first two are for modes that listen only. */
static const struct option options[] = {
	{ "interface", required_argument, NULL, OPT_INTERFACE },
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "between", required_argument, NULL, OPT_BETWEEN },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "every", required_argument, NULL, OPT_EVERY },
	{ "for", required_argument, NULL, OPT_FOR },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "netns", required_argument, NULL, OPT_NETNS },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "probe", no_argument, NULL, OPT_PROBE },
	{ "random", required_argument, NULL, OPT_RANDOM },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "stats", required_argument, NULL, OPT_STATS },
	{ 0 },
};

static const char common_help[] =
	"Selection of connections (at least one of these; repeatable):\n"
	"  --address A[/BITS]  with one end in that network\n"
	"  --between A,B       with one end in A and one in B (A/BITS,B/BITS)\n"
	"  --port P            with that port at one of the ends\n"
	"\n"
	"When:\n"
	"  --every MS          one round every MS milliseconds (default: 1000 with --for or\n"
	"                      --count, else a single round)\n"
	"  --for S             end after S seconds\n"
	"  --count N           end after N kills\n"
	"  --random P          hit each connection of a round with that probability (1)\n"
	"  --seed N            seed of these draws; printed at the end\n"
	"\n"
	"  --netns NAME        network namespace, by name or path (/proc/PID/ns/net)\n"
	"  --probe             only report whether the kernel permits it\n"
	"  -n, --dry-run       only list the matching connections\n"
	"  --json              print the result as JSON\n"
	"  --stats FILE        keep the current result in FILE, as JSON\n"
	"  --help\n"
	"\n";

static int take_number(struct match_options *o, int option, const char *text)
{
	uint64_t n = 0;

	if (option == OPT_EVERY && config_number(text, 0, 1, EVERY_MAX_MS, &n))
		return options_refuse("every", text, "milliseconds from 1 to 3600000");
	if (option == OPT_FOR && (!options_seconds(text, &o->for_ms) || !o->for_ms))
		return options_refuse("for", text, "seconds from 0.001 to 1000000");
	if (option == OPT_LISTEN && !options_seconds(text, &o->listen_ms))
		return options_refuse("listen", text, "seconds from 0 to 1000000");
	if (option == OPT_COUNT && config_number(text, 1, 1, COUNT_MAX, &n))
		return options_refuse("count", text, "a number of kills from 1 on");
	if (option == OPT_SEED && config_number(text, 0, 0, UINT64_MAX, &n))
		return options_refuse("seed", text, "a number from 0 to 18446744073709551615");
	if (option == OPT_EVERY)
		o->every_ms = (uint32_t)n;
	if (option == OPT_COUNT)
		o->count = n;
	if (option == OPT_SEED)
		o->seed = n;
	return -1;
}

static int take_probability(struct match_options *o, const char *text)
{
	char *end;
	double p = strtod(text, &end);

	if (*text < '0' || *text > '9' || *end || !(p > 0) || !(p <= 1))
		return options_refuse("random", text, "a probability above 0, at most 1");
	o->probability = p;
	return -1;
}

static int take_filter(struct match_options *o, int option, const char *text)
{
	if (option == OPT_ADDRESS && !filter_add_address(&o->filter, text))
		return options_refuse("address", text,
				      "an address or ADDRESS/BITS, at most 64 times");
	if (option == OPT_BETWEEN && !filter_add_pair(&o->filter, text))
		return options_refuse("between", text, "two addresses (or ADDRESS/BITS) of one "
				      "family with a comma between, at most 64 times");
	if (option == OPT_PORT && !filter_add_port(&o->filter, text))
		return options_refuse("port", text, "a port from 1 to 65535, at most 64 times");
	return -1;
}

static int take(void *arg, int option, const char *text)
{
	struct match_options *o = arg;

	switch ((enum order)option) {
	case OPT_ADDRESS:
	case OPT_BETWEEN:
	case OPT_PORT:
		return take_filter(o, option, text);
	case OPT_COUNT:
	case OPT_EVERY:
	case OPT_FOR:
	case OPT_LISTEN:
	case OPT_SEED:
		return take_number(o, option, text);
	case OPT_RANDOM:
		return take_probability(o, text);
	case OPT_DRY_RUN:
		o->dry_run = true;
		return -1;
	case OPT_PROBE:
		o->probe = true;
		return -1;
	case OPT_JSON:
		o->json = true;
		return -1;
	case OPT_INTERFACE:
		o->interface = text;
		return -1;
	case OPT_NETNS:
		o->netns = text;
		return -1;
	case OPT_STATS:
		o->stats = text;
		return -1;
	}
	return BREAK_USAGE;
}

static int take_any(void *arg, int option, const char *text)
{
	return take(arg, option == 'n' ? OPT_DRY_RUN : option, text);
}

int match_options_parse(struct match_options *o, const struct match_method *method, int argc,
			char **argv)
{
	char help[HELP_MAX];
	const struct options walk = {
		.name = method->name,
		.help = help,
		.letters = "n",
		.list = method->listens ? options : options + 2,
		.take = take_any,
		.arg = o,
	};
	int rc;

	*o = (struct match_options){ .probability = 1, .listen_ms = LISTEN_MS };
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = 1;
	/* JSON readers keep integers up to 2^53. */
	o->seed >>= 11;
	snprintf(help, sizeof(help), "%s%s%s", method->usage, common_help, method->status);
	rc = options_walk(&walk, argc, argv);
	if (rc >= 0)
		return rc;
	if (filter_is_empty(&o->filter) && !o->probe) {
		say(SINEW_ERROR, "--address, --between or --port is missing: without one every "
		    "connection would be hit; see \"%s --help\"", method->name);
		return BREAK_USAGE;
	}
	if (!o->every_ms && (o->for_ms || o->count))
		o->every_ms = EVERY_MS;
	return -1;
}
