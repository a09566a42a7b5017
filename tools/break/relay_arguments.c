/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of "sinew break relay".
 * Knows nothing of what is in the files that it names.
 */
#include "tools/break/relay_arguments.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "membership/config.h"
#include "membership/host.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/say.h"

#define END_FORM	"ADDRESS[:PORT],STAND-IN[:PORT], with numeric addresses"
#define MORE		"; see \"sinew break relay --help\""

enum argument {
	OPT_A = 256, OPT_AT, OPT_B, OPT_CONFIG, OPT_EVERY, OPT_FOR, OPT_JSON, OPT_LOG, OPT_NODES,
	OPT_REPLAY, OPT_RESETS, OPT_SEED, OPT_STAND_INS, OPT_VERBOSE, OPT_WRITE_CONFIGS,
};

static const struct option options[] = {
	{ "a", required_argument, NULL, OPT_A },
	{ "at", required_argument, NULL, OPT_AT },
	{ "b", required_argument, NULL, OPT_B },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "every", required_argument, NULL, OPT_EVERY },
	{ "for", required_argument, NULL, OPT_FOR },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "nodes", required_argument, NULL, OPT_NODES },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "resets", required_argument, NULL, OPT_RESETS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "stand-ins", required_argument, NULL, OPT_STAND_INS },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "write-configs", required_argument, NULL, OPT_WRITE_CONFIGS },
	{ 0 },
};

static const char help[] =
	"usage: sinew break relay --a ADDRESS[:PORT],STAND-IN[:PORT]\n"
	"                         --b ADDRESS[:PORT],STAND-IN[:PORT] [OPTION...]\n"
	"       sinew break relay --config FILE --nodes A,B --stand-ins STAND-IN,STAND-IN\n"
	"                         [--write-configs DIR] [OPTION...]\n"
	"\n"
	"Relays connections between two nodes and injects faults at exact bytes. Each node\n"
	"sees the other one at its stand-in, a further address of this machine; connections\n"
	"to it are forwarded to the node, from the stand-in of the dialling node.\n"
	"\n"
	"  --a ADDR,STAND-IN   address of node a, and its stand-in for node b\n"
	"  --b ADDR,STAND-IN   address of node b, and its stand-in for node a\n"
	"  --config FILE       read the addresses of the two nodes from a configuration\n"
	"  --nodes A,B         their nodeids\n"
	"  --stand-ins X,Y     the stand-in of each\n"
	"  --write-configs DIR write DIR/A.conf and DIR/B.conf, which have the stand-ins\n"
	"  --every [DIRECTION:]BYTES:ACT\n"
	"                      repeat ACT, every BYTES on average\n"
	"  --at CONNECTION:DIRECTION:OFFSET:ACT\n"
	"                      do ACT once. CONNECTION: a3 (the third that node a\n"
	"                      dialled), b3, 3 (both), a, b or all; DIRECTION: a (bytes\n"
	"                      from node a), b or both; OFFSET: bytes that pass before\n"
	"  --seed N            seed of --every; default: random, printed at start\n"
	"  --log FILE          log each act as a line of JSON\n"
	"  --replay LOG        do the acts of a log instead, at the same bytes\n"
	"  --for S             end the faults after S seconds\n"
	"  --resets N          end the faults after N resets; in both cases bytes pass on,\n"
	"                      and the relay ends when no connection was open for 3 s\n"
	"  --verbose           print a line per act\n"
	"  --json              print the summary as JSON\n"
	"  --help\n"
	"\n"
	"ACT is one of\n"
	"  reset               RST to both sides\n"
	"  fin                 end of file to the reader, the rest is discarded\n"
	"  hole                the rest is discarded, without end of file\n"
	"  stall=MS[,both]     nothing passes for MS milliseconds (in both directions)\n"
	"  delay=MS[,LENGTH]   each piece passes MS milliseconds later, for LENGTH bytes\n"
	"  throttle=BYTES[,LENGTH]   at most BYTES per second\n"
	"  split=BYTES[,LENGTH]      segments of 1 to BYTES bytes\n"
	"  join=BYTES,MS[,LENGTH]    collect BYTES, for at most MS, then write once\n"
	"LENGTH defaults to the end; with --every it is drawn. Numbers of bytes may end\n"
	"in k, M or G. Exit status: 0 success, 1 the log or the summary could not be\n"
	"written, or not all acts of --replay were done, 2 usage, files, or no start.\n";

/* "192.0.2.1", "192.0.2.1:7000", "::1" or "[::1]:7000"; port 0 if there is none. */
static bool parse_address(const char *text, size_t len, struct sockaddr_storage *ret_addr)
{
	char buf[HOST_TEXT_MAX], *host = buf, *port = NULL;
	uint64_t number = 0;

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (*buf == '[') {
		host = buf + 1;
		port = strchr(buf, ']');
		if (!port || (port[1] && port[1] != ':'))
			return false;
		*port = '\0';
		port = port[1] ? port + 2 : NULL;
	} else if (strchr(buf, ':') == strrchr(buf, ':')) {
		port = strchr(buf, ':');
		if (port)
			*port++ = '\0';
	}
	if (port && config_number(port, 0, 1, UINT16_MAX, &number))
		return false;
	return !sinew_parse_address(host, (uint16_t)number, ret_addr) && host_is_single(ret_addr);
}

/* Two addresses with a comma between. */
static bool parse_two(const char *text, struct sockaddr_storage *ret_x,
		      struct sockaddr_storage *ret_y)
{
	size_t len = strcspn(text, ",");

	return text[len] && parse_address(text, len, ret_x) &&
	       parse_address(text + len + 1, strlen(text + len + 1), ret_y);
}

static int take_end(struct relay_arguments *args, enum relay_side side, const char *text)
{
	if (!parse_two(text, &args->ends[side], &args->stand_ins[side]))
		return options_refuse(RELAY_SIDE_NAME(side), text, END_FORM);
	args->has_ends = true;
	return -1;
}

static int take_rule(struct relay_arguments *args, int option, const char *text)
{
	struct relay_faults *faults = &args->faults;
	struct relay_rule *rule = &faults->rules[faults->n_rules];

	if (faults->n_rules == RELAY_RULES_MAX) {
		say(SINEW_ERROR, "found more than %d of --every and --at together",
		    RELAY_RULES_MAX);
		return STATUS_USAGE;
	}
	if (option == OPT_EVERY && !relay_rule_every(text, rule))
		return options_refuse("every", text, "[a:|b:]BYTES:ACT with ACT one of "
				      RELAY_ACT_FORMS);
	if (option == OPT_AT && !relay_rule_at(text, rule))
		return options_refuse("at", text, "CONNECTION:DIRECTION:OFFSET:ACT, for example "
				      "a3:b:1000:reset, with ACT one of " RELAY_ACT_FORMS);
	faults->n_rules++;
	return -1;
}

static int take_number(struct relay_arguments *args, int option, const char *text)
{
	if (option == OPT_SEED && config_number(text, 0, 0, INT64_MAX, &args->faults.seed))
		return options_refuse("seed", text, "a number from 0 to 9223372036854775807");
	if (option == OPT_RESETS && config_number(text, 0, 1, UINT32_MAX, &args->resets))
		return options_refuse("resets", text, "a number from 1 to 4294967295");
	if (option == OPT_FOR && (!options_seconds(text, &args->for_ms) || !args->for_ms))
		return options_refuse("for", text, "seconds from 0.001 to 1000000");
	args->has_seed |= option == OPT_SEED;
	return -1;
}

static int take_nodes(struct relay_arguments *args, int option, const char *text)
{
	unsigned n = 0;

	if (option == OPT_NODES && (!options_nodeids(text, args->nodes, RELAY_SIDES, &n) ||
				    n != RELAY_SIDES || args->nodes[0] == args->nodes[1]))
		return options_refuse("nodes", text, "two nodeids with a comma between");
	if (option == OPT_STAND_INS &&
	    !parse_two(text, &args->stand_ins[RELAY_A], &args->stand_ins[RELAY_B]))
		return options_refuse("stand-ins", text, "two numeric addresses with a comma "
				      "between, each optionally with :PORT");
	args->has_stand_ins |= option == OPT_STAND_INS;
	return -1;
}

static int take_option(void *arg, int option, const char *text)
{
	struct relay_arguments *args = arg;

	switch ((enum argument)option) {
	case OPT_A:
		return take_end(args, RELAY_A, text);
	case OPT_B:
		return take_end(args, RELAY_B, text);
	case OPT_AT:
	case OPT_EVERY:
		return take_rule(args, option, text);
	case OPT_FOR:
	case OPT_RESETS:
	case OPT_SEED:
		return take_number(args, option, text);
	case OPT_NODES:
	case OPT_STAND_INS:
		return take_nodes(args, option, text);
	case OPT_CONFIG:
		args->config = text;
		return -1;
	case OPT_WRITE_CONFIGS:
		args->write_configs = text;
		return -1;
	case OPT_LOG:
		args->log = text;
		return -1;
	case OPT_REPLAY:
		args->replay = text;
		return -1;
	case OPT_JSON:
		args->json = true;
		return -1;
	case OPT_VERBOSE:
		args->verbose = true;
		return -1;
	}
	return STATUS_USAGE;
}

static int wrong(const char *text)
{
	say(SINEW_ERROR, "%s" MORE, text);
	return STATUS_USAGE;
}

static int check(const struct relay_arguments *args)
{
	if (args->has_ends && args->config)
		return wrong("found --config and --a or --b, expected one of both ways to name "
			     "the nodes");
	if (!args->has_ends && !args->config)
		return wrong("found no nodes, expected --a and --b, or --config");
	if (args->has_ends && (!args->ends[RELAY_A].ss_family || !args->ends[RELAY_B].ss_family))
		return wrong("found one of --a and --b, expected both");
	if (args->config && !args->nodes[RELAY_A])
		return wrong("--config needs --nodes A,B");
	if (args->config && !args->has_stand_ins)
		return wrong("--config needs --stand-ins: two further addresses of this machine");
	if (args->has_ends && (args->nodes[RELAY_A] || args->has_stand_ins || args->write_configs))
		return wrong("--nodes, --stand-ins and --write-configs need --config");
	if (args->replay && (args->faults.n_rules || args->has_seed))
		return wrong("--replay has acts and seed from the log: found --every, --at or "
			     "--seed as well");
	return -1;
}

int relay_arguments_parse(struct relay_arguments *args, int argc, char **argv)
{
	const struct options o = {
		.name = "sinew break relay",
		.help = help,
		.list = options,
		.take = take_option,
		.arg = args,
	};
	int rc;

	memset(args, 0, sizeof(*args));
	rc = options_walk(&o, argc, argv);
	return rc >= 0 ? rc : check(args);
}
