/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew serve". Not for other subcommands.
 *
 *	serve.c  the run    reload.c  what the file says of it, again    tell.c  documents
 */
#ifndef TOOLS_SERVE_SERVE_H
#define TOOLS_SERVE_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "services/sinew-call.h"
#include "services/sinew-control.h"
#include "tools/cluster.h"

#define SERVE_REPORT_MAX	128	/* sessions that are told of at the end */

struct json_object;

struct serve_arguments {
	struct cluster_arguments cluster;
	const char *socket;		/* NULL: the usual name */
	uint32_t linger_ms;
	bool json;
};

struct serve {
	struct serve_arguments args;
	struct cluster cluster;
	struct sinew_node *node;
	struct sinew_calls *calls;
	struct sinew_config_control rights;	/* of the socket */
	char name[SINEW_CONTROL_NAME_MAX];	/* the same */
	int signal_fd, closed_fd;
	int status, n_signals, last_signal;
	bool told_ready;
	unsigned n_unfinished;	/* sessions; set by the loop before its end */
};

/* The rights that the section "control" gives. A status. */
int serve_rights(struct serve *s, struct sinew_control_options *opt);
/* Options of calls, as the section "calls" says. */
void serve_calls(const struct serve *s, struct sinew_calls_options *opt);
/* Takes the file over, and says what it could not change. A status: of standard output. */
int serve_reload(struct serve *s);

/* With --json: a document of that event; a status. */
int serve_tell(const struct serve *s, const char *event);
/* That document, for json_end(). */
struct json_object *serve_document(const struct serve *s, const char *event);

#endif
