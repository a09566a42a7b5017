/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew call": one call of a service at another node, or a node with test services. This file
 * reads the command line. Knows nothing of calls.
 */
#include "tools/call/call.h"

#include "tools/options.h"
#include "tools/say.h"

#define DEADLINE_MS	30000
#define WAIT_MS		10000
#define SLOTS_MAX	1024

static const struct option_row rows[] = {
	CLUSTER_OPTIONS(struct call_arguments, cluster, "own node in that file"),
	OPTION_HELP(NULL, "\nTo call:"),
	OPTION_NODEID("to", struct call_arguments, to, "node to call"),
	OPTION_NUMBER("service", struct call_arguments, service, 0, UINT16_MAX, "N",
		      "service to call; with --serve: id of the test services (100)"),
	OPTION_NUMBER("op", struct call_arguments, op, 0, UINT32_MAX, "N",
		      "operation of the service"),
	OPTION_MS("deadline", struct call_arguments, deadline_ms, 0, UINT32_MAX - 1,
		  "limit for the call (30000; 0: none)"),
	OPTION_SECONDS("wait", struct call_arguments, wait_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to wait for the node to be up (10)"),
	OPTION_FLAG("settle", struct call_arguments, settle,
		    "when the call is given up, wait until the node says whether\n"
		    "it was executed"),
	OPTION_FLAG("upgrade", struct call_arguments, upgrade,
		    "let the node answer by its newer service in place of that one,\n"
		    "if it has one"),
	OPTION_FLAG("callbacks", struct call_arguments, callbacks,
		    "serve echo meanwhile, at the same service id, to be called back"),
	OPTION_TEXT("cred", struct call_arguments, cred, "NAME",
		    "call in that name, with data sealed by its secret of --secrets"),
	OPTION_TEXT("reply", struct call_arguments, reply, "FILE",
		    "write the reply there instead of standard output"),
	OPTION_HELP(NULL, "\nTo serve:"),
	OPTION_FLAG("serve", struct call_arguments, serve,
		    "be a node with test services: op 1 echo, 2 sink, 3 source,\n"
		    "4 sleep, 5 fail, 6 callback"),
	OPTION_NUMBER("newer", struct call_arguments, newer, SINEW_SERVICE_FIRST, UINT16_MAX, "N",
		      "serve at that id, too: the newer service for --upgrade"),
	OPTION_TEXT("source", struct call_arguments, source, "FILE",
		    "what source sends when its request is empty"),
	OPTION_NUMBER("max-calls", struct call_arguments, max_calls, 1, SLOTS_MAX, "N",
		      "refuse calls as BUSY while there are N"),
	OPTION_SIZE("max-request", struct call_arguments, max_request, 1, INT64_MAX,
		    "refuse longer requests as TOO_BIG"),
	OPTION_FLAG("quiet", struct call_arguments, quiet, "print only the table at the end"),
	OPTION_HELP(NULL, "\nBoth:"),
	OPTION_TEXT("secrets", struct call_arguments, secrets, "FILE",
		    "lines NAME SECRET, for --cred; with --serve: calls in other\n"
		    "names, or in none, are refused"),
	OPTION_FLAG("json", struct call_arguments, json,
		    "print one JSON document at the end instead"),
	CLUSTER_OPTION_LOG(struct call_arguments, cluster,
			   "error, warning (default), info or debug"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew call",
	.usage =
		"usage: sinew call [--config FILE --node ID] --to ID --service N --op N "
		"[OPTION...]\n"
		"       sinew call [--config FILE --node ID] --serve [OPTION...]\n"
		"\n"
		"Calls a service of another node once: standard input is the request, the reply\n"
		"goes to standard output. Or serves calls until a signal.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"BYTES may end in k, M or G. Exit status: 0 done, 1 writing failed, 2 usage or\n"
		"configuration, 3 not executed, 4 executed once or not at all, 5 begun there,\n"
		"6 aborted by the service. With --serve 0, 1 or 2.\n",
};

static int refuse(const char *text)
{
	say(SINEW_ERROR, "%s", text);
	return STATUS_USAGE;
}

/* Of a service that is bound here: -1, or a status. */
static int check_bound(const struct call_arguments *args)
{
	if (args->service >= SINEW_SERVICE_FIRST)
		return -1;
	return refuse("--service: ids below 64 are the library's own; choose another one");
}

static int check_serve(struct call_arguments *args)
{
	if (args->to || args->op != CALL_UNSAID || args->reply || args->settle ||
	    args->upgrade || args->callbacks || args->cred)
		return refuse("--serve begins no call: it goes with none of --to, --op, --reply, "
			      "--settle, --upgrade, --callbacks and --cred");
	if (args->service == CALL_UNSAID)
		args->service = CALL_TEST_SERVICE;
	if (args->newer == args->service)
		return refuse("--newer: this is the id of --service; choose another one");
	return check_bound(args);
}

static int check_call(const struct call_arguments *args)
{
	if (!args->to)
		return refuse("--to ID is missing: which node is to be called? (--serve serves "
			      "calls)");
	if (args->service == CALL_UNSAID)
		return refuse("--service N is missing: which service is to be called?");
	if (args->op == CALL_UNSAID)
		return refuse("--op N is missing: which operation is to be called?");
	if (args->newer != CALL_UNSAID || args->source || args->max_calls || args->max_request ||
	    args->quiet)
		return refuse("--newer, --source, --max-calls, --max-request and --quiet go with "
			      "--serve only");
	if (!args->cred != !args->secrets)
		return refuse("--cred NAME and --secrets FILE go together: the file has the secret "
			      "of the name");
	return args->callbacks ? check_bound(args) : -1;
}

int call_main(int argc, char **argv)
{
	struct call_arguments args = {
		.cluster = { .level = SINEW_WARNING },
		.service = CALL_UNSAID,
		.op = CALL_UNSAID,
		.newer = CALL_UNSAID,
		.deadline_ms = DEADLINE_MS,
		.wait_ms = WAIT_MS,
	};
	int status;

	status = options_parse(&table, &args, argc, argv);
	if (status < 0)
		status = args.serve ? check_serve(&args) : check_call(&args);
	if (status >= 0)
		return status;
	return args.serve ? serve(&args) : ask(&args);
}
