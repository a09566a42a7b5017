/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of "sinew dump".
 * Knows nothing of what is in the file.
 */
#include "tools/dump/arguments.h"

#include "membership/config.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/say.h"

enum argument {
	OPT_ALL_PORTS = 256, OPT_BYTES, OPT_HEX, OPT_JSON, OPT_LINE_BUFFERED, OPT_NODE, OPT_ONLY,
	OPT_PORT, OPT_SUMMARY, OPT_UTC, OPT_VERBOSE,
};

static const struct option options[] = {
	{ "all-ports", no_argument, NULL, OPT_ALL_PORTS },
	{ "bytes", required_argument, NULL, OPT_BYTES },
	{ "help", no_argument, NULL, 'h' },
	{ "hex", no_argument, NULL, OPT_HEX },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "line-buffered", no_argument, NULL, OPT_LINE_BUFFERED },
	{ "node", required_argument, NULL, OPT_NODE },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "summary", no_argument, NULL, OPT_SUMMARY },
	{ "utc", no_argument, NULL, OPT_UTC },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ 0 },
};

static const char help[] =
	"usage: sinew dump [OPTION...] [FILE]\n"
	"\n"
	"Prints each frame of a capture (pcap, pcapng) or of hexadecimal text on one\n"
	"line: native frames, and the messages of the kernel's lock manager with their\n"
	"fields; marks resent and missing frames. Without FILE, or with\n"
	"\"-\", it reads standard input, also live: tcpdump -U -w - ... | sinew dump\n"
	"\n"
	"  --hex             FILE is text: plain digits, or the output of xxd, hexdump -C,\n"
	"                    od -t x1 (the bytes of one direction), tcpdump -x (packets)\n"
	"  --port P          connections with this port at either end; may be repeated\n"
	"                    (21064 and 21065)\n"
	"  --all-ports       also every connection whose first bytes are a frame\n"
	"  --node N          only frames sent to or by node N\n"
	"  --only KIND,...   only frames of these kinds: DATA, ACK, MSG, GRANT, ...; MARKED:\n"
	"                    those with a mark; NOTE: the lines between frames\n"
	"  --verbose         also the first bytes of payloads\n"
	"  --bytes N         number of these bytes (64); implies --verbose\n"
	"  --utc             the time of day instead of seconds since the first packet\n"
	"  --summary         only a table at the end\n"
	"  --json            JSON objects, one per line\n"
	"  --line-buffered   write each line at once, as to a terminal\n"
	"  --help\n"
	"\n"
	"Exit status: 0 success, 1 the input is truncated, or a read or write failed,\n"
	"2 usage, or no such input.\n";

static int take_port(struct filter *f, const char *text)
{
	uint64_t n;

	if (config_number(text, 0, 1, UINT16_MAX, &n))
		return options_refuse("port", text, "a port from 1 to 65535");
	if (f->n_ports == FILTER_PORTS_MAX)
		return options_refuse("port", text, "at most 64 ports");
	f->ports[f->n_ports++] = (uint16_t)n;
	return -1;
}

static int take_value(struct dump_arguments *args, int option, const char *text)
{
	uint64_t n;

	if (option == OPT_PORT)
		return take_port(&args->engine.filter, text);
	if (option == OPT_NODE && !options_nodeid(text, &args->engine.filter.node))
		return options_refuse("node", text, "a nodeid from 1 to 2147483647");
	if (option == OPT_ONLY && !filter_kinds(&args->engine.filter, text))
		return options_refuse("only", text, "names of frames or of a kernel's messages as "
				      "they are printed, MARKED or NOTE, with commas between");
	if (option != OPT_BYTES)
		return -1;
	if (config_number(text, 0, 1, UINT16_MAX, &n))
		return options_refuse("bytes", text, "a number from 1 to 65535");
	args->engine.style.n_payload = (size_t)n;
	return -1;
}

static int take_option(void *arg, int option, const char *text)
{
	struct dump_arguments *args = arg;
	struct engine_options *e = &args->engine;

	switch ((enum argument)option) {
	case OPT_ALL_PORTS:
		e->filter.all_ports = true;
		return -1;
	case OPT_HEX:
		args->hex = true;
		return -1;
	case OPT_JSON:
		e->json = true;
		return -1;
	case OPT_LINE_BUFFERED:
		args->line_buffered = true;
		return -1;
	case OPT_SUMMARY:
		e->summary = true;
		return -1;
	case OPT_UTC:
		e->style.utc = true;
		return -1;
	case OPT_VERBOSE:
		if (!e->style.n_payload)
			e->style.n_payload = ARGUMENTS_BYTES;
		return -1;
	case OPT_BYTES:
	case OPT_NODE:
	case OPT_ONLY:
	case OPT_PORT:
		return take_value(args, option, text);
	}
	return STATUS_USAGE;
}

static int take_operand(void *arg, const char *text)
{
	struct dump_arguments *args = arg;

	if (args->file) {
		say(SINEW_ERROR, "found \"%.80s\", expected one file only", text);
		return STATUS_USAGE;
	}
	args->file = text;
	return -1;
}

int dump_arguments_parse(struct dump_arguments *ret, int argc, char **argv)
{
	struct options o = {
		.name = "sinew dump", .help = help, .list = options, .take = take_option,
		.operand = take_operand, .arg = ret,
	};

	*ret = (struct dump_arguments) { 0 };
	return options_walk(&o, argc, argv);
}
