/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket of a node on this machine: finds the one that is meant, asks, and says why it
 * cannot. Knows no request.
 */
#include "tools/local.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "membership/sinew-config.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/say.h"
#include "tools/text.h"

#define SOCKETS		"/proc/net/unix"
#define SOCKETS_LINE	512
#define FOUND_MAX	8	/* names that are listed where one is to be chosen */
#define LISTENS		0x10000u	/* of its flags: it accepts connections */
#define SEQPACKET	5u	/* its type */

/* ---- by a file ---- */

static int by_file(const struct local_arguments *args, char name[SINEW_CONTROL_NAME_MAX])
{
	char err[SINEW_CONFIG_ERROR_MAX];
	struct sinew_config *config;
	struct sinew_options opt;
	int rc;

	if (!args->node) {
		say(SINEW_ERROR, "--node ID is missing: which node of %s is to be asked?",
		    args->config);
		return STATUS_USAGE;
	}
	rc = sinew_config_load(args->config, &config, err, sizeof(err));
	if (rc) {
		say(SINEW_ERROR, "%s", err);
		return STATUS_USAGE;
	}
	SINEW_OPTIONS_INIT(&opt);
	rc = sinew_config_options(config, args->node, &opt, err, sizeof(err));
	if (rc)
		say(SINEW_ERROR, "%s", err);
	else
		rc = sinew_control_name(opt.cluster, opt.group, args->node, name,
					SINEW_CONTROL_NAME_MAX);
	sinew_config_free(config);
	return rc < 0 ? STATUS_USAGE : STATUS_OK;
}

/* ---- by looking for it ---- */

/* "0000: 00000002 00000000 00010000 0005 01 12345 @sinew/CLUSTER/GROUP/1": its name, or NULL. */
static const char *name_in(char *line, uint32_t node)
{
	unsigned flags, type;
	const char *last;
	char *at;

	if (sscanf(line, "%*s %*x %*x %x %x", &flags, &type) != 2 || type != SEQPACKET ||
	    !(flags & LISTENS))
		return NULL;
	at = strstr(line, " @sinew/");
	if (!at)
		return NULL;
	at += 2;
	at[strcspn(at, "\n")] = '\0';
	last = strrchr(at, '/');
	if (strlen(at) >= SINEW_CONTROL_NAME_MAX || (node && strtoul(last + 1, NULL, 10) != node))
		return NULL;
	return at;
}

static unsigned look(uint32_t node, char found[][SINEW_CONTROL_NAME_MAX])
{
	FILE *f = fopen(SOCKETS, "re");
	char line[SOCKETS_LINE];
	const char *name;
	unsigned n = 0;

	if (!f)
		return 0;
	while (n < FOUND_MAX && fgets(line, sizeof(line), f)) {
		name = name_in(line, node);
		if (name)
			snprintf(found[n++], SINEW_CONTROL_NAME_MAX, "%s", name);
	}
	fclose(f);
	return n;
}

static int by_looking(const struct local_arguments *args, char name[SINEW_CONTROL_NAME_MAX])
{
	char found[FOUND_MAX][SINEW_CONTROL_NAME_MAX], text[TEXT_NAME_MAX];
	unsigned n = look(args->node, found), i;

	if (n == 1) {
		memcpy(name, found[0], SINEW_CONTROL_NAME_MAX);
		return STATUS_OK;
	}
	if (!n && args->node)
		say(SINEW_ERROR, "node %" PRIu32 " has no control socket on this machine, or in "
		    "this network namespace: start it by \"sinew serve\", or by a program with "
		    "sinew_control_serve()", args->node);
	else if (!n)
		say(SINEW_ERROR, "no node has a control socket on this machine, or in this network "
		    "namespace: start one by \"sinew serve\", or by a program with "
		    "sinew_control_serve()");
	else
		say(SINEW_ERROR, "several nodes of this machine can be asked; choose one by "
		    "--node ID or --socket NAME:");
	for (i = 0; i < n; i++)
		say(SINEW_ERROR, "  --socket %s", text_name(found[i], text));
	return STATUS_USAGE;
}

int local_find(const struct local_arguments *args, char name[SINEW_CONTROL_NAME_MAX])
{
	const char *socket = args->socket;

	if (!socket)
		return args->config ? by_file(args, name) : by_looking(args, name);
	if (socket[0] == '@')
		socket++;
	if (*socket && strlen(socket) < SINEW_CONTROL_NAME_MAX) {
		memcpy(name, socket, strlen(socket) + 1);
		return STATUS_OK;
	}
	say(SINEW_ERROR, "--socket: expected a name of 1 to %d bytes", SINEW_CONTROL_NAME_MAX - 1);
	return STATUS_USAGE;
}

/* ---- asking ---- */

int local_failed(const char *name, int err)
{
	char text[TEXT_NAME_MAX];

	text_name(name, text);
	switch (-err) {
	case ECONNREFUSED:
		say(SINEW_ERROR, "no node has the control socket %s: start it, or look for its "
		    "name with \"ss -lx src @sinew/*\"", text);
		return STATUS_USAGE;
	case EPERM:
		say(SINEW_ERROR, "the control socket %s belongs to a program of another user, "
		    "which is neither root nor this one: nothing was sent", text);
		return STATUS_USAGE;
	case EACCES:
		say(SINEW_ERROR, "the node of %s does not let this user read: root and the user "
		    "of the program may, and those that its section \"control\" names", text);
		return STATUS_USAGE;
	case EUSERS:
		say(SINEW_ERROR, "the node of %s has as many connections of this user as it takes: "
		    "end other commands that ask it", text);
		return STATUS_NOT_UP;
	case ECONNRESET:
		say(SINEW_ERROR, "the node of %s has closed the connection: it ends, or has no "
		    "free file descriptor; its log tells", text);
		return STATUS_NOT_UP;
	case ETIMEDOUT:
		say(SINEW_ERROR, "the node of %s has not answered in time: its program is stopped, "
		    "or the machine is overloaded; try a longer --timeout", text);
		return STATUS_NOT_UP;
	default:
		say(SINEW_ERROR, "cannot ask the node of %s: %s", text, strerror(-err));
		return STATUS_NOT_UP;
	}
}

/* Takes answer. */
static int check_answer(const char *name, struct json_object *answer,
			struct json_object **ret_answer)
{
	struct json_object *error;
	const char *why = NULL;

	error = answer ? json_get(answer, "error") : NULL;
	if (answer && !error) {
		*ret_answer = answer;
		return STATUS_OK;
	}
	if (json_is_object(error))
		why = json_get_string(error, "text");
	say(SINEW_ERROR, "%s: %s", name, why ? why : "the answer is no JSON object");
	json_free(answer);
	return STATUS_USAGE;
}

int local_ask(const char *name, struct json_object *request, uint32_t timeout_ms,
	      struct json_object **ret_answer)
{
	const char *text = json_text(request);
	struct json_object *answer;
	char *bytes;
	int rc = text ? sinew_control_ask(name, text, (int)timeout_ms, &bytes) : -ENOMEM;

	if (rc)
		return local_failed(name, rc);
	answer = json_parse(bytes);
	sinew_control_free(bytes);
	return check_answer(name, answer, ret_answer);
}

int local_ask_once(const struct local_arguments *args, struct json_object *request,
		   struct json_object **ret_answer)
{
	char name[SINEW_CONTROL_NAME_MAX];
	int status = local_find(args, name);

	if (!status)
		status = local_ask(name, request, args->timeout_ms, ret_answer);
	json_free(request);
	return status;
}
