/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration as static.c keeps it, for the two files that follow its names: resolve.c finds
 * their addresses, again.c repeats that for names without one. Not for others.
 */
#ifndef MEMBERSHIP_STATIC_INSIDE_H
#define MEMBERSHIP_STATIC_INSIDE_H

#include "membership/config.h"
#include "membership/host.h"
#include "membership/names.h"
#include "membership/rights.h"
#include "membership/section.h"
#include "membership/sinew-config.h"
#include "membership/static.h"

struct ring {
	unsigned line;		/* 0: the node has no such ring */
	char host[NAMES_HOST_MAX];
	enum host_kind kind;	/* of host */
	bool has_addr;
	bool is_old;		/* it is of an older file: none was given for this one so far */
	bool is_late;		/* no answer came in time */
	int error, errnum;	/* of looking it up, as struct names_answer; 0: none */
	struct sockaddr_storage addr;	/* with the port */
};

struct static_node {
	uint32_t nodeid;
	unsigned line;		/* of its "node {" */
	unsigned nodeid_line;
	unsigned dial_line;	/* where it says that it is never dialled; 0: it is */
	uint16_t port;		/* 0: as in the section sinew */
	char name[NAMES_HOST_MAX];
	struct ring rings[SINEW_ADDRS_MAX];
};

struct sinew_config {
	char *file;
	char cluster[SINEW_NAME_MAX];
	enum host_family family;
	bool has_family;	/* it was said */
	bool is_udp;		/* corosync's transport, which has another family as its default */
	struct section section;
	struct rights rights;
	struct static_node *nodes;
	unsigned n_nodes;
	struct again *again;	/* NULL: no name is looked for */
};

const struct static_node *static_find(const struct sinew_config *config, uint32_t nodeid);
uint16_t static_port(const struct sinew_config *config, const struct static_node *node);
unsigned static_addrs(const struct static_node *node, struct sockaddr_storage *addrs);

#endif
