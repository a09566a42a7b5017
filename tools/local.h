/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket of a node on this machine, for subcommands that ask it: which one is meant,
 * and its answers. Knows no request.
 */
#ifndef TOOLS_LOCAL_H
#define TOOLS_LOCAL_H

#include <stdint.h>

#include "services/sinew-control.h"
#include "tools/options.h"

#define LOCAL_TIMEOUT_MS	5000

struct json_object;

/* The values of the command line. */
struct local_arguments {
	const char *socket;	/* its name, or NULL */
	const char *config;	/* file, or NULL */
	uint32_t node;		/* 0: unsaid */
	uint32_t timeout_ms;
};

/* Rows of a subcommand's table, for the arguments that are in its settings at member. */
#define LOCAL_OPTIONS(type, member) \
	OPTION_NODEID("node", type, member.node, \
		      "node to ask (default: the only one on this machine)"), \
	OPTION_TEXT("config", type, member.config, "FILE", \
		    "with --node: its cluster and group are those of that file"), \
	OPTION_TEXT("socket", type, member.socket, "NAME", \
		    "name of its control socket, instead of these")
#define LOCAL_OPTION_TIMEOUT(type, member) \
	OPTION_SECONDS("timeout", type, member.timeout_ms, 1, OPTIONS_SECONDS_MAX_MS, \
		       "seconds to wait for an answer (5)")

/* The name of the socket that is meant. A status, after it said what is wrong. */
int local_find(const struct local_arguments *args, char name[SINEW_CONTROL_NAME_MAX]);

/* Asks; *ret_answer is the document, for json_free(). A status, after it said what is wrong, also
 * for a request that was refused: STATUS_NOT_UP: no answer in time. */
int local_ask(const char *name, struct json_object *request, uint32_t timeout_ms,
	      struct json_object **ret_answer);
/* Finds the socket that is meant, and asks once. The same; releases the request in any case. */
int local_ask_once(const struct local_arguments *args, struct json_object *request,
		   struct json_object **ret_answer);
/* Says why that name cannot be asked. A status. */
int local_failed(const char *name, int err);

#endif
