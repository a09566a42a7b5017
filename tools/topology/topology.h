/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew topology". Not for other subcommands.
 *
 *	topology.c  finds the mode    list.c, watch.c, publish.c  the modes
 *	name.c  names as text    print.c  events and publications, for people and programs
 */
#ifndef TOOLS_TOPOLOGY_TOPOLOGY_H
#define TOOLS_TOPOLOGY_TOPOLOGY_H

#include "tools/subscriber.h"

#define TOPOLOGY_SCHEMA		1	/* of what is printed */
#define NAME_TEXT_MAX		48	/* "service:4294967295..4294967295" */

struct name {
	uint32_t type, lower, upper;
};

/* The filter of a subscription, by the command line. */
struct topology_filter {
	struct name name;
	uint32_t node;
	uint32_t scope;		/* as the option --scope says; 0: both */
};

#define TOPOLOGY_SCOPE(type, member) \
	OPTION_WORD("scope", type, member, SINEW_SCOPE_NODE, topology_scopes, "SCOPE", \
		    "node or cluster (default: both)")
extern const char *const topology_scopes[];

/* ---- name.c ---- */

/* "TYPE", "TYPE:LOWER" or "TYPE:LOWER..UPPER"; TYPE is a number, or node, link, reach, service,
 * option, or any. False: it is none. */
bool name_parse(const char *text, struct name *ret);
/* One that they may publish. */
bool name_is_of_programs(const struct name *name);
const char *name_text(uint32_t type, uint32_t lower, uint32_t upper, char out[NAME_TEXT_MAX]);
/* "EPOCH:INDEX", as it is printed, in hexadecimal and decimal. */
bool position_parse(const char *text, struct sinew_position *ret);

/* ---- print.c ---- */

/* Each prints a line or a document, and gives a status, after it said what is wrong. */
int print_head(void);
int print_publication(const struct sinew_publication *p, bool json);
int print_event(const struct sinew_topo_msg *msg, bool json);
/* Writes all that was printed before. */
int print_end(void);

/* ---- topology.c ---- */

int topology_list_main(int argc, char **argv);
int topology_watch_main(int argc, char **argv);
int topology_resume_main(int argc, char **argv);
int topology_publish_main(int argc, char **argv);

#endif
