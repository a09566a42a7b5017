/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of those modes that hit whole connections.
 * Knows nothing of how one is hit.
 */
#include "tools/break/match.h"

#include <stdlib.h>
#include <sys/random.h>

#include "tools/break/break.h"
#include "tools/options.h"
#include "tools/say.h"

#define EVERY_MS	1000		/* when there is an end, but no period */
#define LISTEN_MS	1000
#define EVERY_MAX_MS	3600000
#define COUNT_MAX	UINT64_C(1000000000000)

static const char *take_address(void *settings, const char *text)
{
	struct match_options *o = settings;

	return filter_add_address(&o->filter, text) ? NULL :
	       "an address or ADDRESS/BITS, at most 64 times";
}

static const char *take_pair(void *settings, const char *text)
{
	struct match_options *o = settings;

	return filter_add_pair(&o->filter, text) ? NULL : "two addresses (or ADDRESS/BITS) of one "
	       "family with a comma between, at most 64 times";
}

static const char *take_port(void *settings, const char *text)
{
	struct match_options *o = settings;

	return filter_add_port(&o->filter, text) ? NULL :
	       "a port from 1 to 65535, at most 64 times";
}

static const char *take_probability(void *settings, const char *text)
{
	struct match_options *o = settings;
	char *end;
	double p = strtod(text, &end);

	if (*text < '0' || *text > '9' || *end || !(p > 0) || !(p <= 1))
		return "a probability above 0, at most 1";
	o->probability = p;
	return NULL;
}

static const struct option_row rows[] = {
#define N_LISTENING	3	/* rows for modes that listen only */
	OPTION_TEXT("interface", struct match_options, interface, "IF",
		    "include forwarded connections seen on that interface, of a\n"
		    "router, or on a bridge itself (br0)"),
	OPTION_SECONDS("listen", struct match_options, listen_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to listen to them before the first round (1)"),
	OPTION_HELP(NULL, "\n"),
	OPTION_HELP(NULL, "Selection of connections (at least one of these; repeatable):"),
	OPTION_OTHER("address", take_address, "A[/BITS]", "with one end in that network"),
	OPTION_OTHER("between", take_pair, "A,B",
		     "with one end in A and one in B (A/BITS,B/BITS)"),
	OPTION_OTHER("port", take_port, "P", "with that port at one of the ends"),
	OPTION_HELP(NULL, "\nWhen:"),
	OPTION_MS("every", struct match_options, every_ms, 1, EVERY_MAX_MS,
		  "one round every MS milliseconds (default: 1000 with --for or\n"
		  "--count, else a single round)"),
	OPTION_SECONDS("for", struct match_options, for_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "end after S seconds"),
	OPTION_NUMBER("count", struct match_options, count, 1, COUNT_MAX, "N",
		      "end after N kills"),
	OPTION_OTHER("random", take_probability, "P",
		     "hit each connection of a round with that probability (1)"),
	OPTION_NUMBER("seed", struct match_options, seed, 0, UINT64_MAX, "N",
		      "seed of these draws; printed at the end"),
	OPTION_HELP(NULL, "\n"),
	OPTION_TEXT("netns", struct match_options, netns, "NAME",
		    "network namespace, by name or path (/proc/PID/ns/net)"),
	OPTION_FLAG("probe", struct match_options, probe,
		    "only report whether the kernel permits it"),
	OPTION_FLAG_LETTER("dry-run", 'n', struct match_options, dry_run,
			   "only list the matching connections"),
	OPTION_FLAG("json", struct match_options, json, "print the result as JSON"),
	OPTION_TEXT("stats", struct match_options, stats, "FILE",
		    "keep the current result in FILE, as JSON"),
	OPTION_END,
};

int match_options_parse(struct match_options *o, const struct match_method *method, int argc,
			char **argv)
{
	const struct option_table table = {
		.name = method->name,
		.usage = method->usage,
		.end = method->status,
		.rows = method->listens ? rows : rows + N_LISTENING,
	};
	int rc;

	*o = (struct match_options){ .probability = 1, .listen_ms = LISTEN_MS };
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = 1;
	/* JSON readers keep integers up to 2^53. */
	o->seed >>= 11;
	rc = options_parse(&table, o, argc, argv);
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
