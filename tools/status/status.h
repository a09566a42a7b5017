/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew status". Not for other subcommands.
 *
 *	status.c  asks    print.c  an answer as text
 */
#ifndef TOOLS_STATUS_STATUS_H
#define TOOLS_STATUS_STATUS_H

struct json_object;

/* The whole node, with a line for each peer. */
void status_print(struct json_object *answer);
/* All of the one peer that the answer has. */
void status_print_peer(struct json_object *answer);

#endif
