/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Received messages on their way to the output, in the order in which they came:
 * those for which there is no room are kept and hold back their senders.
 * Knows nothing of sessions beyond the handle of a message.
 */
#ifndef TOOLS_CAT_PRINTER_H
#define TOOLS_CAT_PRINTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "tools/cat/output.h"

#define PRINTER_COPIED_MAX	(16 << 20)	/* bytes, see printer_is_full() */

struct printer_kept;

struct printer {
	struct output *out;
	bool raw;			/* the payload alone, no node, no newline */
	bool is_terminal;		/* what it would not just show is escaped */
	struct printer_kept *first, **last;
	uint64_t n_waiting;		/* messages kept */
	size_t copied;			/* bytes that sinew_keep() did not want to keep */
};

/* Each line begins with the node that it is of: a message's first with "ID<TAB>", those behind a
 * newline in it with "ID+<TAB>". raw: neither that nor escapes. */
void printer_init(struct printer *p, struct output *out, bool raw, bool is_terminal);
/* Forgets what waits; returns how many messages. */
uint64_t printer_clear(struct printer *p);
/* In the message callback. -ENOMEM: it is lost. */
int printer_message(struct printer *p, struct sinew_session *session,
		    const struct sinew_message *msg);
/* Moves on what waits, as far as there is room. */
void printer_pump(struct printer *p);
/* Too much is held that does not hold back its sender: dispatch no more now. */
bool printer_is_full(const struct printer *p);

#endif
