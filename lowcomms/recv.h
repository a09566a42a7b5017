/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading: from the kernel into a buffer, through the core, to the application, and messages that
 * the application keeps. Knows no frame.
 *
 * Before HELLO a connection has 512 bytes of its own. Afterwards it reads into a pooled
 * buffer that it holds only while there are bytes in it that are not consumed.
 */
#ifndef SINEW_LOWCOMMS_RECV_H
#define SINEW_LOWCOMMS_RECV_H

#include "lowcomms/conn.h"
#include "proto/ring_out.h"

#define READ_TURN	(256u * 1024)	/* bytes read per link and iteration */

/* Why its link is not read. */
enum pause { PAUSE_BUDGET = 1, PAUSE_MEMORY = 2 };

/* Reads what is there. False: nothing. */
bool conn_input(struct conn *c);
/* Parses what was read before; conn_update() is to follow. */
void conn_parse(struct conn *c);
void conn_drop_input(struct conn *c);
/* Whether it is to be read now. */
static inline bool conn_reads(const struct conn *c)
{
	const struct session *s = c->link.session;

	/* While the core does not consume, it is read ahead for ACKs alone. */
	return !(c->awaits & (AWAIT_ROOM | AWAIT_END)) &&
		(!(c->awaits & AWAIT_CONSUMED) || (s && ring_in_flight(&s->ring)));
}

/* Bytes of a session that it has and that are not consumed come by no other connection. */
static inline bool conn_is_final(const struct conn *c)
{
	return c->link.session && !c->link.core->cfg.reset_repeats;
}

/* Sets or clears one reason not to read. */
void recv_pause(struct sinew_session *h, enum pause why, bool on);
/* Keeps len bytes at data, of what is handed over of that session: 0 or -ENOMEM. */
int recv_keep(struct sinew_session *h, const void *data, size_t len, struct sinew_kept **ret_kept);
/* Kept messages may have been released. */
void recv_check_budget(struct sinew_session *h);

#endif
