/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings of "sinew torture": its command line, and what follows from it.
 * Knows nothing of how it is done.
 */
#ifndef TOOLS_TORTURE_SETTINGS_H
#define TOOLS_TORTURE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lowcomms/sinew.h"

#define SETTINGS_NODES_MAX	64
#define SETTINGS_SIZE_MAX	(16u << 20)

enum settings_breaker { BREAKER_NONE, BREAKER_SELF, BREAKER_DESTROY, BREAKER_BEST };

struct settings {
	unsigned n_nodes;
	bool processes;
	uint32_t run_ms;	/* 0: until the kills are reached */
	uint64_t kills;		/* 0: until the time is over */
	enum settings_breaker breaker;
	uint32_t kill_ms;	/* between two kills in the whole run */
	uint32_t restart_ms;	/* 0: never */
	unsigned n_slow;	/* the last nodes are slow readers */
	size_t size;		/* of the longest message; 0 on the command line: what fits */
	uint64_t seed;
	uint16_t port;
	uint32_t linger_ms;	/* bound for all to be up again, and for all to close */
	enum sinew_level level;
	bool json;
	bool all_pairs;

	/* Follows from them and from the process. */
	char net[12];		/* "127.3.17": node N has N behind it */
	uint32_t queue_bytes;
	uint64_t node_memory;
	uint64_t n_descriptors;	/* that one process may need */
};

/* -1: go on; else an exit status, after help or an error was printed. */
int settings_parse(struct settings *s, int argc, char **argv);
/* Raises the soft limit of descriptors where it must. STATUS_OK, or says how many are missing. */
int settings_raise_descriptors(const struct settings *s);
/* The address of a node, with the port. */
void settings_address(const struct settings *s, uint32_t id, struct sockaddr_storage *ret_addr);
static inline bool settings_is_slow(const struct settings *s, uint32_t id)
{
	return id > s->n_nodes - s->n_slow;
}
extern const char *const settings_breakers[];	/* the names, but of BREAKER_BEST */

#endif
